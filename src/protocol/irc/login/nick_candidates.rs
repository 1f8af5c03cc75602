//! Our nick: candidates during registration, and regaining the configured one.

pub(in crate::protocol::irc) use super::regain::{Regain, RegainMethod};

/// The length that every server supports (RFC 2812 §1.2.1).
const GUARANTEED_NICK_LEN: usize = 9;

/// After this many rejections, something else must be wrong.
const MAX_REJECTIONS: usize = 20;

/// The nicks to try in order.
///
/// First the configured alternatives, then the configured nick with underscores, then with digits. If it is
/// too long for the server (ngIRCd allows 9 characters by default), it is truncated to what RFC 2812 §1.2.1
/// guarantees.
#[derive(Debug)]
pub(in crate::protocol::irc) struct NickCandidates {
    wanted: String,
    alternatives: Vec<String>,
    max_len: usize,
    tries: usize,
    rejections: usize,
}

impl NickCandidates {
    pub(in crate::protocol::irc) fn new(wanted: &str, others: &[String]) -> Self {
        let wanted = wanted.to_owned();
        let others = others.to_vec();
        Self { wanted, alternatives: others, max_len: usize::MAX, tries: 0, rejections: 0 }
    }

    /// The nick to try now.
    pub(in crate::protocol::irc) fn current(&self) -> String {
        if let Some(other) = self.tries.checked_sub(1).and_then(|at| self.alternatives.get(at)) {
            return other.chars().take(self.max_len).collect();
        }
        let tail = match self.tries.saturating_sub(self.alternatives.len()) {
            tries @ 0..=2 => "_".repeat(tries),
            tries => (tries - 2).to_string(),
        };
        let keep = self.max_len.saturating_sub(tail.len());
        let stem: String = self.wanted.chars().take(keep).collect();
        stem + &tail
    }

    /// The server reports that the nick is in use.
    pub(in crate::protocol::irc) fn on_in_use(&mut self) {
        self.rejections += 1;
        self.tries += 1;
    }

    /// The server reports that the nick is invalid.
    pub(in crate::protocol::irc) fn on_invalid(&mut self) {
        if self.max_len > GUARANTEED_NICK_LEN
            && self.current().chars().count() > GUARANTEED_NICK_LEN
        {
            self.rejections += 1;
            self.max_len = GUARANTEED_NICK_LEN;
        } else {
            self.on_in_use();
        }
    }

    /// Whether to give up.
    pub(in crate::protocol::irc) fn is_exhausted(&self) -> bool {
        self.rejections >= MAX_REJECTIONS + self.alternatives.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(mut nicks: NickCandidates, count: usize) -> Vec<String> {
        let mut next = || {
            let nick = nicks.current();
            nicks.on_in_use();
            nick
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn nick_in_use_gets_a_suffix() {
        let nicks = NickCandidates::new("bridge", &[]);
        assert_eq!(tried(nicks, 5), ["bridge", "bridge_", "bridge__", "bridge1", "bridge2"]);
    }

    #[test]
    fn alternatives_come_before_a_suffix() {
        let nicks = NickCandidates::new("bridge", &["ferry".to_owned(), "tunnel".to_owned()]);
        assert_eq!(tried(nicks, 5), ["bridge", "ferry", "tunnel", "bridge_", "bridge__"]);
    }

    #[test]
    fn long_nick_is_truncated_to_the_guaranteed_length() {
        let mut nicks = NickCandidates::new("letsbridge", &[]);
        nicks.on_invalid();
        assert_eq!(nicks.current(), "letsbridg");
        nicks.on_in_use();
        assert_eq!(nicks.current(), "letsbrid_");
        nicks.on_invalid();
        assert_eq!(nicks.current(), "letsbri__");
    }

    #[test]
    fn short_invalid_nick_moves_to_the_next() {
        let mut nicks = NickCandidates::new("bridge", &["ferry".to_owned()]);
        nicks.on_invalid();
        assert_eq!(nicks.current(), "ferry");
    }

    #[test]
    fn candidates_are_exhausted_eventually() {
        let mut nicks = NickCandidates::new("bridge", &[]);
        let tries = (0..100).take_while(|_| {
            nicks.on_in_use();
            !nicks.is_exhausted()
        });
        assert_eq!(tries.count(), 19);
    }
}
