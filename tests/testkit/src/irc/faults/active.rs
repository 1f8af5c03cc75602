//! The faults that are injected now, as the state sees them.

use std::collections::HashMap;
use std::time::Duration;

use super::super::mask::Mask;
use super::chaos::Chaos;

/// All that is to go wrong.
#[derive(Debug, Default)]
pub(in crate::irc) struct ActiveFaults {
    /// How long every answer waits.
    pub(in crate::irc) delay: Duration,
    /// How many messages of clients are dropped with their sender's connection.
    pub(in crate::irc) drops_before: u32,
    /// How many are delivered, and then their sender's connection is dropped.
    pub(in crate::irc) drops_after: u32,
    /// Whether clients whose connection died stay: the server has not noticed.
    pub(in crate::irc) ghosts: bool,
    /// Whether `PING` goes unanswered.
    pub(in crate::irc) ignores_pings: bool,
    /// By folded channel.
    pub(in crate::irc) joins: HashMap<String, Refusal<u16>>,
    /// By folded channel, where its joiners end up.
    pub(in crate::irc) forwards: HashMap<String, String>,
    /// By folded channel.
    pub(in crate::irc) messages: HashMap<String, Refusal<MessageRefusal>>,
    pub(in crate::irc) nicks: Refusal<u16>,
    pub(in crate::irc) late_nicks: Refusal<u16>,
    /// The numeric that refuses `LIST`.
    pub(in crate::irc) lists: Option<u16>,
    pub(in crate::irc) playback: Option<Playback>,
    /// Who is banned from the server, and why.
    pub(in crate::irc) klines: Vec<(Mask, String)>,
    pub(in crate::irc) chaos: Option<Chaos>,
}

/// Something that is refused a number of times.
#[derive(Debug, Clone, Default)]
pub(in crate::irc) struct Refusal<T> {
    how: Option<T>,
    times: u32,
}

impl<T: Clone> Refusal<T> {
    pub(super) fn new(how: T, times: u32) -> Self {
        Self { how: Some(how), times }
    }

    /// How to refuse this time, if at all.
    pub(in crate::irc) fn this_time(&mut self) -> Option<T> {
        self.times = self.times.checked_sub(1)?;
        self.how.clone()
    }
}

/// How a message to a channel is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageRefusal {
    /// With this numeric; 404 and 477 are what servers use.
    Numeric(u16),
    /// With a standard reply of this code if the client has that capability, else with 404.
    Fail(String),
    /// Without a word: the message vanishes, as on servers with shuns.
    Silence,
}

/// How the history of a channel is played back to clients that join, unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Playback {
    /// At most so many messages; in a `chathistory` batch if the client has that capability.
    Batch(usize),
    /// As ZNC does: with old times and no batch, between two lines that say so.
    Znc(usize),
}

/// Spends one of `times`, if there is one.
pub(in crate::irc) fn spend(times: &mut u32) -> bool {
    let any = *times > 0;
    *times = times.saturating_sub(1);
    any
}
