//! The protocols of both networks, as state machines without I/O.
//!
//! A machine has no socket and no clock. It is fed frames, commands and the time. It returns frames to send
//! and events. So a year of reconnects can be tested in a millisecond.
//!
//! The driver gives it **one** input, drains [`Machine::poll_output`] until `None`, then waits for the next
//! input or for [`Machine::poll_timeout`].
//!
//! All received input must be given before an expired deadline. The time must not advance while the driver is
//! stalled, because a stalled driver cannot know whether the peer was silent.

pub mod identd;
pub mod irc;
pub mod letschat;
pub mod socketio;

mod backoff;
mod liveness;

use std::time::Instant;

pub use backoff::Backoff;

/// The reason of [`Output::Close`] when the peer did not answer a ping in time.
pub const PING_TIMEOUT: &str = "ping timeout";

/// One end of a connection. See the [module](self) for how to drive it.
pub trait Machine {
    /// What the transport receives: an IRC line, a websocket frame.
    type Received;
    /// What the transport sends.
    type Transmit;
    /// Commands from the bridge.
    type Command;
    /// Events for the bridge.
    type Event;

    /// The memory used by an input and its events, if that can be much.
    fn size(_heard: &Self::Received) -> usize {
        0
    }

    /// Handles one input.
    fn handle_input(&mut self, now: Instant, input: Input<Self::Received, Self::Command>);

    /// Returns the next output; `None` if there is none left.
    fn poll_output(&mut self) -> Option<Output<Self::Transmit, Self::Event>>;

    /// When to give [`Input::Timeout`], if no other input arrives first.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Input of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<F, O> {
    /// Received from the peer.
    Receive(F),
    /// A command from the bridge.
    Command(O),
    /// Time has passed.
    Timeout,
    /// A stall has ended. All input received meanwhile has been given.
    Resumed,
}

/// Output of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<F, E> {
    /// Send this to the peer.
    Transmit(F),
    /// An event for the bridge.
    Event(E),
    /// Close the connection, for this reason.
    Close(String),
    /// Leave the connection open and do nothing with it any more: another process takes it over.
    Release,
}
