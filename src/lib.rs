//! A bridge between IRC channels and Let's Chat rooms.
//!
//! # The map
//!
//! The folder says the layer, the file says the thing. Each layer may use only those below it
//! (`tests/architecture.rs` holds them to it).
//!
//! | module        | what lives there                                                     | touches      |
//! |---------------|----------------------------------------------------------------------|--------------|
//! | [`cli`]       | the commands: run, check, audit, demo; errors become words here      | async        |
//! | [`service`]   | the running thing: take what happened, apply, commit, send           | async        |
//! | [`web`]       | files and long messages for people without an account                | async        |
//! | [`net`]       | sockets and clocks                                                   | async        |
//! | [`bridge`]    | what to do when something happens                                    | the store    |
//! | [`store`]     | what must survive: ledger, outbox, cursors                           | the disk     |
//! | [`protocol`]  | each network's conversation, as a machine fed with frames            | nothing      |
//! | [`config`]    | what was written, and what it means                                  | files        |
//! | [`translate`] | pure functions between each network's manners and the domain         | nothing      |
//! | [`domain`]    | the words we think in                                                | nothing      |
//!
//! # The way of one message
//!
//! ```text
//! IRC ─bytes▶ net ─line▶ protocol/irc ─Heard▶ bridge/intake ─ONE COMMIT: ledger, outbox, cursor▶
//!     bridge/lane ─the same commit: Sending▶ translate ─text▶ protocol/letschat ─frame▶ net ─▶ Let's Chat
//! ```
//!
//! The ack comes back as a new happening, not as a return value: "delivered, under this id" is
//! committed, and the lane moves on. The echo of our own post is then known by its id. The way back is
//! the mirror image.
//!
//! # What holds
//!
//! 1. Nothing in [`domain`], [`translate`], [`protocol`] and [`bridge`] waits, reads a clock or knows a
//!    socket: time is an argument. So a story of a year takes a millisecond to tell.
//! 2. State changes only in [`bridge::Bridge::apply`].
//! 3. Orders leave only after the transaction that caused them has been committed.
//! 4. One delivery is under way per place. So order holds, at most one is ever in doubt there, and
//!    sending an order never waits.
//! 5. Under load the engine takes every waiting happening, applies them all, commits once, then sends.
//! 6. Only [`store`] knows SQL, only [`protocol`] a wire, only [`config`] the names of keys.
//!
//! # The words
//!
//! | word         | what it means                                                                     |
//! |--------------|-----------------------------------------------------------------------------------|
//! | place        | where people speak: a channel on a network, or a room                              |
//! | link         | a channel and a room that mirror each other                                        |
//! | conversation | all places that links join: what is said in one is mirrored to each of the others  |
//! | delivery     | one message bound for one place; its number is its ticket                          |
//! | lane         | the deliveries to one place, in the order they were heard                          |
//! | in doubt     | handed to the far end, which can no longer answer: it must be asked                |
//! | seat         | a place that a session is to sit in                                                |
//! | happening    | what a network tells the bridge; the bridge answers with orders                    |
//! | reading      | going through what a room holds, page by page, from its cursor                     |
//! | whisper      | what is written to the bridge alone; a party is who writes it, or is to read it    |
//! | gap          | time in which something may have been said that nobody can tell us any more        |

pub mod domain;

pub mod config;

pub mod translate;

pub mod protocol;

pub mod store;

pub mod bridge;

pub mod net;

pub mod service;

pub mod web;

pub mod cli;
