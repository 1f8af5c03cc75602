//! What a bridge tells systemd (`sd_notify`), as the tests and benchmarks read it.

/// Whether a line of a notice says `STATUS=9 of 9 channels and rooms joined`.
#[must_use]
pub fn says_all_joined(line: &str) -> bool {
    let words: Vec<&str> = line.trim_start_matches("STATUS=").split(' ').collect();
    line.contains(" channels and rooms joined") && words[0] == words[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_joined_when_both_numbers_are_the_same() {
        for (line, all_joined) in [
            ("STATUS=9 of 9 channels and rooms joined", true),
            ("STATUS=2 of 2 channels and rooms joined; cannot write to the database", true),
            ("STATUS=1 of 9 channels and rooms joined", false),
            ("STATUS=this node (a) waits: b is the active one", false),
            ("READY=1", false),
        ] {
            assert_eq!(says_all_joined(line), all_joined, "{line}");
        }
    }
}
