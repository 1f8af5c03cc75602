//! A bridge between IRC channels and Let's Chat rooms.
//!
//! # The map
//!
//! The folder says the layer, the file says the thing. Each layer may use only those below it
//! (`tests/architecture.rs` holds them to it).
//!
//! | module        | what lives there                                                     | touches      |
//! |---------------|----------------------------------------------------------------------|--------------|
//! | [`cli`]       | the commands: run, check, demo                                       | async        |
//! | [`demo`]      | an IRC server and a Let's Chat, for trying the bridge and its tests  | async        |
//! | [`service`]   | the running thing: take what happened, apply, commit, send           | async        |
//! | [`net`]       | sockets and clocks                                                   | async        |
//! | [`bridge`]    | what to do when something happens                                    | the store    |
//! | [`store`]     | what must survive: ledger, outbox, cursors                           | the disk     |
//! | [`protocol`]  | each network's conversation, as a machine fed with frames            | nothing      |
//! | [`translate`] | pure functions between each network's manners and the domain         | nothing      |
//! | [`config`]    | what was written, and what it means                                  | files        |
//! | [`domain`]    | the words we think in                                                | nothing      |

pub mod domain;

pub mod config;

pub mod translate;

pub mod protocol;

pub mod store;

pub mod bridge;

pub mod net;

pub mod service;

pub mod demo;

pub mod cli;
