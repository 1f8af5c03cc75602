//! What we are called: what to try on the way in, and how to get back what we wished for.

mod regain;

pub(super) use regain::{Means, Regain};

/// RFC 2812 §1.2.1.
const ANY_SERVER_TAKES: usize = 9;

/// So many that something else must be wrong.
const ENOUGH: usize = 20;

/// The nicks to try, in order, when a server will not have the one before.
///
/// First come those that were chosen for it. Then the wished one gets underscores, then digits; one
/// that is too long for the server (ngIRCd takes 9 characters unless told otherwise) is cut to what
/// RFC 2812 §1.2.1 guarantees.
#[derive(Debug)]
pub(super) struct Nicks {
    wished: String,
    others: Vec<String>,
    limit: usize,
    tries: usize,
    refused: usize,
}

impl Nicks {
    pub(super) fn new(wished: &str, others: &[String]) -> Self {
        let (wished, others) = (wished.to_owned(), others.to_vec());
        Self { wished, others, limit: usize::MAX, tries: 0, refused: 0 }
    }

    /// The nick to try now.
    pub(super) fn current(&self) -> String {
        if let Some(other) = self.tries.checked_sub(1).and_then(|at| self.others.get(at)) {
            return other.chars().take(self.limit).collect();
        }
        let tail = match self.tries.saturating_sub(self.others.len()) {
            tries @ 0..=2 => "_".repeat(tries),
            tries => (tries - 2).to_string(),
        };
        let keep = self.limit.saturating_sub(tail.len());
        let stem: String = self.wished.chars().take(keep).collect();
        stem + &tail
    }

    /// The server says that somebody has it.
    pub(super) fn taken(&mut self) {
        self.refused += 1;
        self.tries += 1;
    }

    /// The server says that it cannot be a nick.
    pub(super) fn impossible(&mut self) {
        if self.limit > ANY_SERVER_TAKES && self.current().chars().count() > ANY_SERVER_TAKES {
            self.refused += 1;
            self.limit = ANY_SERVER_TAKES;
        } else {
            self.taken();
        }
    }

    /// Whether it is time to give up.
    pub(super) fn are_exhausted(&self) -> bool {
        self.refused >= ENOUGH + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(mut nicks: Nicks, count: usize) -> Vec<String> {
        let mut next = || {
            let nick = nicks.current();
            nicks.taken();
            nick
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_nick_in_use_gets_a_tail() {
        let nicks = Nicks::new("bridge", &[]);
        assert_eq!(tried(nicks, 5), ["bridge", "bridge_", "bridge__", "bridge1", "bridge2"]);
    }

    #[test]
    fn the_others_come_before_a_tail() {
        let nicks = Nicks::new("bridge", &["ferry".to_owned(), "tunnel".to_owned()]);
        assert_eq!(tried(nicks, 5), ["bridge", "ferry", "tunnel", "bridge_", "bridge__"]);
    }

    #[test]
    fn a_long_nick_is_cut_to_what_any_server_takes() {
        let mut nicks = Nicks::new("letsbridge", &[]);
        nicks.impossible();
        assert_eq!(nicks.current(), "letsbridg");
        nicks.taken();
        assert_eq!(nicks.current(), "letsbrid_");
        nicks.impossible();
        assert_eq!(nicks.current(), "letsbri__");
    }

    #[test]
    fn what_is_short_and_impossible_is_left_for_the_next() {
        let mut nicks = Nicks::new("bridge", &["ferry".to_owned()]);
        nicks.impossible();
        assert_eq!(nicks.current(), "ferry");
    }

    #[test]
    fn nobody_tries_for_ever() {
        let mut nicks = Nicks::new("bridge", &[]);
        let tries = (0..100).take_while(|_| {
            nicks.taken();
            !nicks.are_exhausted()
        });
        assert_eq!(tries.count(), 19);
    }
}
