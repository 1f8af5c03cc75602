//! The mischief that is under way, as the world sees it.

use std::collections::HashMap;
use std::time::Duration;

use super::super::mask::Mask;
use super::chaos::Chaos;

/// Everything that is to go wrong.
#[derive(Debug, Default)]
pub(in crate::irc) struct Troubles {
    /// How long every answer waits.
    pub(in crate::irc) delay: Duration,
    /// How many messages of clients cost their sender the connection before anybody heard them.
    pub(in crate::irc) drops_before: u32,
    /// How many do so after all have heard them.
    pub(in crate::irc) drops_after: u32,
    /// Whether clients whose connection died stay, as the server has not noticed.
    pub(in crate::irc) ghosts: bool,
    /// Whether `PING` goes unanswered.
    pub(in crate::irc) swallows_pongs: bool,
    /// By folded channel.
    pub(in crate::irc) joins: HashMap<String, Refusal<u16>>,
    /// By folded channel, where its joiners end up.
    pub(in crate::irc) forwards: HashMap<String, String>,
    /// By folded channel.
    pub(in crate::irc) talk: HashMap<String, Refusal<TalkRefusal>>,
    pub(in crate::irc) nicks: Refusal<u16>,
    pub(in crate::irc) late_nicks: Refusal<u16>,
    pub(in crate::irc) playback: Option<Playback>,
    /// Who may not come, and why.
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

/// How talk to a channel is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TalkRefusal {
    /// With this numeric; 404 and 477 are what servers use.
    Numeric(u16),
    /// With a standard reply of this code, to who asked for such; with 404 to others.
    Fail(String),
    /// With nothing: the message vanishes, as on servers that shun.
    Silence,
}

/// How a channel's past is played back to those who join, unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Playback {
    /// In a `chathistory` batch where the client asked for batches, of at most so many messages.
    Batch(usize),
    /// As ZNC does: with times in the past and no batch, after a line that says so.
    Znc(usize),
}

/// Spends one of `times`, if there is one.
pub(in crate::irc) fn spend(times: &mut u32) -> bool {
    let any = *times > 0;
    *times = times.saturating_sub(1);
    any
}
