//! A bridge between IRC channels and Let's Chat rooms.
//!
//! # The map
//!
//! A folder is a layer. Each layer may use only those below it (`tests/architecture.rs` enforces that).
//!
//! | module        | contents                                                             | touches      |
//! |---------------|----------------------------------------------------------------------|--------------|
//! | [`cli`]       | the commands: init, run, check, people, …; turns errors into text    | async        |
//! | [`admin`]     | the administrator's API, metrics and status page of a running bridge | async        |
//! | [`service`]   | the running bridge: apply events, commit, send commands              | async        |
//! | [`web`]       | the web server: files, long messages, linking accounts, the archive  | async        |
//! | [`net`]       | sockets and clocks                                                   | async        |
//! | [`bridge`]    | what to do when something happens                                    | the store    |
//! | [`migrate`]   | logs of IRC clients in, documents of Let's Chat out                  | files        |
//! | [`store`]     | durable state: ledger, outbox, cursors                               | the disk     |
//! | [`protocol`]  | the protocols of both networks, as state machines                    | nothing      |
//! | [`config`]    | the configuration file and its meaning                               | files        |
//! | [`translate`] | pure functions that convert messages between the networks            | nothing      |
//! | [`domain`]    | the types that all layers share                                      | nothing      |
//!
//! Which version this is, all layers may say: [`version`].
//!
//! # The path of a message
//!
//! ```text
//! IRC ─bytes▶ net ─line▶ protocol/irc ─event▶ bridge/irc ─Message▶ bridge/ingest
//!     ─ONE COMMIT: ledger, outbox, cursor, InFlight▶ bridge/deliver ─▶ translate ─text▶ protocol/letschat
//!     ─frame▶ net ─▶ Let's Chat
//! ```
//!
//! The ack comes back as a new event, not as a return value: "delivered, with this id" is committed, and the
//! queue moves on. The echo of our own post is recognised by that id. Messages from Let's Chat take the same
//! path in the other direction.
//!
//! # Invariants
//!
//! 1. Nothing in [`domain`], [`translate`], [`protocol`] and [`bridge`] waits, reads a clock or knows a
//!    socket: time is an argument. So a test of a whole year runs in a millisecond.
//! 2. State changes only in [`bridge::Bridge::apply`].
//! 3. Commands are sent only after the transaction that caused them has been committed.
//! 4. One delivery is in flight per endpoint. So order is kept, at most one delivery is in doubt, and sending
//!    a command never blocks.
//! 5. Under load, the engine takes all waiting events, applies them, commits once, then sends.
//! 6. Only [`store`] knows SQL, only [`protocol`] the wire formats, only [`config`] the names of keys.
//!
//! # Terms
//!
//! | term      | meaning                                                                                    |
//! |-----------|--------------------------------------------------------------------------------------------|
//! | endpoint  | a channel on a network, a room, or a user who receives direct messages                    |
//! | link      | a channel and a room that mirror each other                                                |
//! | group     | all endpoints connected by links: a message in one is mirrored to all others               |
//! | delivery  | one message on its way to one endpoint                                                     |
//! | queue     | the deliveries to one endpoint, in the order received                                      |
//! | in doubt  | sent, but the connection was lost before an ack: it may have arrived                       |
//! | event     | what a network reports to the bridge; the bridge returns commands                          |
//! | step      | what one part of the bridge leaves to another before an event is done                      |
//! | catch-up  | reading what was missed during an absence, page by page, from the cursor                   |
//! | phase     | how far the people of a link have moved from IRC to Let's Chat; says what it mirrors         |
//! | unheard   | not mirrored, because of the phase or the direction of a link on the way                   |
//! | gap       | a period for which it is unknown what was missed                                           |
//! | puppet    | an IRC connection of a Let's Chat user                                                     |
//! | account   | by which somebody of IRC posts in Let's Chat; on IRC, a services account                   |

// So that code which the tests of both kinds share finds the crate by its name.
#[cfg(test)]
extern crate self as letsbridge;

pub mod version;

pub mod domain;

pub mod config;

pub mod translate;

pub mod protocol;

pub mod store;

pub mod migrate;

pub mod bridge;

pub mod net;

pub mod service;

pub mod web;

pub mod admin;

pub mod cli;
