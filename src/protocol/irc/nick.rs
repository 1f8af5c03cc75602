/// The nicks to try, in order, when a server will not have the one before.
///
/// A nick in use gets underscores, then digits; one that is too long for the server (ngIRCd takes 9
/// characters unless told otherwise) is cut to what RFC 2812 §1.2.1 guarantees.
#[derive(Debug)]
pub(super) struct Nicks {
    wished: String,
    limit: usize,
    tries: usize,
}

/// RFC 2812 §1.2.1.
const ANY_SERVER_TAKES: usize = 9;

impl Nicks {
    pub(super) fn new(wished: &str) -> Self {
        Self { wished: wished.to_owned(), limit: usize::MAX, tries: 0 }
    }

    /// The nick to try now.
    pub(super) fn current(&self) -> String {
        let tail = match self.tries {
            tries @ 0..=2 => "_".repeat(tries),
            tries => (tries - 2).to_string(),
        };
        let keep = self.limit.saturating_sub(tail.len());
        let stem: String = self.wished.chars().take(keep).collect();
        stem + &tail
    }

    /// The server says that somebody has it.
    pub(super) fn taken(&mut self) {
        self.tries += 1;
    }

    /// The server says that it cannot be a nick.
    pub(super) fn impossible(&mut self) {
        if self.limit > ANY_SERVER_TAKES {
            self.limit = ANY_SERVER_TAKES;
        } else {
            self.tries += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nick_in_use_gets_a_tail() {
        let mut nicks = Nicks::new("bridge");
        let tried: Vec<String> = (0..5)
            .map(|_| {
                let nick = nicks.current();
                nicks.taken();
                nick
            })
            .collect();
        assert_eq!(tried, ["bridge", "bridge_", "bridge__", "bridge1", "bridge2"]);
    }

    #[test]
    fn a_long_nick_is_cut_to_what_any_server_takes() {
        let mut nicks = Nicks::new("letsbridge");
        nicks.impossible();
        assert_eq!(nicks.current(), "letsbridg");
        nicks.taken();
        assert_eq!(nicks.current(), "letsbrid_");
        nicks.impossible();
        assert_eq!(nicks.current(), "letsbri__");
    }
}
