//! Each network's conversation, as a machine.
//!
//! A machine has no socket and no clock. It is fed frames, orders and the time; it answers with
//! frames to send and events to act on. That makes a year of reconnects testable in a millisecond.
//!
//! Whoever drives one keeps this rhythm: give it **one** input, drain [`Machine::poll`] until
//! `None`, then wait until [`Machine::deadline`] or the next input.
//!
//! Everything that has been received is given before a deadline that has passed, and the time that a
//! machine is given stands still while nobody drives it: who was not there cannot tell who was silent.

pub mod identd;
pub mod irc;
pub mod letschat;
pub mod socketio;

mod backoff;
mod liveness;

use std::time::Instant;

pub use backoff::Backoff;

/// One end of a conversation. See the [module](self) for the rhythm.
pub trait Machine {
    /// What the transport brings: an IRC line, a websocket text.
    type Received;
    /// What the transport takes.
    type Transmit;
    /// What the bridge asks for.
    type Command;
    /// What the bridge is told.
    type Event;

    /// How much of memory this takes, and what is told because of it, where that can be much.
    fn size(_heard: &Self::Received) -> usize {
        0
    }

    /// Takes one input.
    fn handle_input(&mut self, now: Instant, input: Input<Self::Received, Self::Command>);

    /// Returns the next output, until there is none.
    fn poll_output(&mut self) -> Option<Output<Self::Transmit, Self::Event>>;

    /// When to give [`Input::Tick`], if nothing else comes first.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// What a machine is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<F, O> {
    /// The peer sent this.
    Receive(F),
    /// The bridge wants this.
    Command(O),
    /// Time has passed.
    Timeout,
    /// We stood still for a while, and are there again. All that was received meanwhile has been given.
    Resumed,
}

/// What a machine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<F, E> {
    /// Send this to the peer.
    Transmit(F),
    /// Tell the bridge this.
    Event(E),
    /// Hang up, for this reason.
    Close(String),
}
