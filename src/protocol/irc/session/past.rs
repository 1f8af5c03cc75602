use std::time::Instant;

use jiff::Timestamp;

use super::Session;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::irc::past::{Means, Question};
use crate::protocol::irc::{Answer, Event};

/// How much is said at most in channels that we are not in yet, and waits until we are in.
const MOST_EARLY: usize = 4_096;
const MOST_EARLY_BYTES: usize = 4 << 20;

/// What was said before.
impl Session {
    pub(super) fn ask_past(
        &mut self,
        place: EndpointId,
        (since, now): (Timestamp, Timestamp),
        msgid: Option<String>,
        by_line: bool,
    ) {
        let Some(channel) = self.channels.name_of(place).map(str::to_owned) else { return };
        self.past.push(Question { place, channel, since, now, msgid, by_line, tried: false });
    }

    /// The server does not answer a question, by the code of a standard reply.
    pub(super) fn past_refused(&mut self, code: &str, why: &str) {
        let means = self.means();
        if self.past.ask_otherwise(code, means) {
            tracing::info!(code, why, "asked in another way for what was said before");
            return;
        }
        let answer = self.past.fail(why);
        self.tell_past(answer);
    }

    /// Whether the server keeps what was said, and tells.
    pub(super) fn keeps_past(&self) -> bool {
        self.means() != Means::Nothing
    }

    /// Whether what is said in `channel` now is to wait until we are in: what was said there before it is
    /// asked for then. Ergo may tell us of it even before it tells that we come.
    pub(super) fn is_early(&self, channel: &str) -> bool {
        self.keeps_past()
            && !self.channels.is_joined(channel)
            && self.early.len() < MOST_EARLY
            && self.early_bytes() < MOST_EARLY_BYTES
    }

    fn early_bytes(&self) -> usize {
        self.early.iter().map(|(_, talk)| talk.text.len()).sum()
    }

    /// Asks the next question, if it is time to.
    pub(super) fn pump_past(&mut self, now: Instant) {
        let means = self.means();
        let lines = self.past.next(means, now);
        if !lines.is_empty() {
            let follows = self.past.follows();
            self.tell_past(follows);
        }
        self.control.extend(lines);
    }

    pub(super) fn tell_past(&mut self, answer: Option<(EndpointId, Answer)>) {
        let answer = answer.map(|(place, answer)| Event::Past { place, answer });
        self.output.extend(answer.map(Output::Event));
    }

    fn means(&self) -> Means {
        let has = |cap| self.registration.has(cap);
        if has("draft/chathistory") && has("batch") {
            return Means::Chathistory {
                limit: self.isupport.chathistory,
                by_time: self.isupport.by_time,
                by_line: self.isupport.by_line,
                labels: has("labeled-response"),
            };
        }
        if has("znc.in/playback") { Means::Playback } else { Means::Nothing }
    }
}
