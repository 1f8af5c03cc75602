use std::time::Duration;

use super::Scope;

/// What a server has against a line of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// In the server's own words.
    pub(super) why: String,
    /// Whether it may take the line later, and when.
    pub(super) later: Option<Duration>,
    /// Whether it has nothing against the line but that it is said under another nick.
    pub(super) voiceless: Option<Scope>,
}

/// How long to wait where the server does not say for how long.
const A_WHILE: Duration = Duration::from_secs(10);

/// A server that wants us to wait for longer does not want the line.
const TOO_LONG: Duration = Duration::from_secs(600);

/// Numerics that say no more than that we are too fast: RPL_TRYAGAIN, ERR_TARGETTOOFAST,
/// ERR_TARGCHANGE.
const TOO_FAST: &[&str] = &["263", "439", "707"];

/// Words by which servers say so in an error that they use for other things too.
const SIGNS: &[&str] =
    &["rate", "slow", "flood", "too fast", "too quickly", "wait", "try again", "until"];

impl Objection {
    /// Reads one from an error numeric, or the code of a standard reply
    /// (<https://ircv3.net/specs/extensions/standard-replies>), and its text.
    pub(super) fn read(code: &str, text: &str) -> Self {
        let named = duration(text);
        let fast = TOO_FAST.contains(&code)
            || ["RATE_LIMIT", "TRY_AGAIN", "TEMPORARILY"].iter().any(|sign| code.contains(sign))
            || (named.is_some() && SIGNS.iter().any(|sign| text.contains(sign)));
        let later = fast.then(|| named.unwrap_or(A_WHILE)).filter(|wait| *wait <= TOO_LONG);
        Self { why: text.to_owned(), later, voiceless: None }
    }

    /// Whether a server that says so wants us to say less in all, not only there.
    pub(super) fn is_about_pace(code: &str, text: &str) -> bool {
        code == "263" || code.contains("RATE_LIMIT") || mentions_flood(text)
    }

    /// One of our own, for what the server leaves unsaid.
    pub(super) fn silent() -> Self {
        Self {
            why: "the server has dropped it without a word".to_owned(),
            later: None,
            voiceless: None,
        }
    }
}

/// Whether words, such as those with which a server ends a connection, are about our saying too much
/// at once.
pub(super) fn mentions_flood(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["flood", "recvq", "too many messages", "sending too fast"].iter().any(|it| text.contains(it))
}

/// The longest span of time that a server can ask us to wait.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The first span of time that `text` names, such as in "wait 30 seconds"; [`LONGEST_WAIT`] at most.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let digits = |c: char| !c.is_ascii_digit();
        let number = pair[0].trim_matches(digits);
        if number.is_empty() || number.contains(digits) {
            return None;
        }
        // A number that is too large for us is a very long time.
        let number = number.parse().unwrap_or(u64::MAX);
        let unit = pair[1].to_ascii_lowercase();
        let seconds = match () {
            () if unit.starts_with("sec") => 1,
            () if unit.starts_with("min") => 60,
            () if unit.starts_with("hour") => 3_600,
            () => return None,
        };
        Some(Duration::from_secs(number.saturating_mul(seconds)).min(LONGEST_WAIT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, text: &str, later: Option<u64>) {
        let later = later.map(Duration::from_secs);
        let objection = Objection { why: text.to_owned(), later, voiceless: None };
        assert_eq!(Objection::read(code, text), objection);
    }

    #[test]
    fn waiting_helps_against_being_too_fast() {
        check("439", "Target change too fast. Please wait 26 seconds.", Some(26));
        check("439", "This server has anti-spambot mechanisms enabled.", Some(10));
        check(
            "263",
            "Server load is temporarily too heavy. Please wait a while and try again.",
            Some(10),
        );
        check("707", "Targets changing too fast, message dropped", Some(10));
        check(
            "404",
            "You cannot send messages to this channel until you have been a member for 10 seconds.",
            Some(10),
        );
        check("404", "Slow mode is on: please wait 2 minutes", Some(120));
        check("RATE_LIMITED", "You are sending too many messages", Some(10));
    }

    #[test]
    fn a_server_that_drowns_is_understood() {
        for (text, floods) in [
            ("Closing Link: bridge[host] (Excess Flood)", true),
            ("Closing link: (b@host) [RecvQ exceeded]", true),
            ("Closing Link: host (Flooding)", true),
            ("Closing Link: host (SendQ exceeded)", false),
            ("Closing Link: host (K-Lined)", false),
        ] {
            assert_eq!(mentions_flood(text), floods, "{text}");
        }
        assert!(Objection::is_about_pace("RATE_LIMITED", ""));
        assert!(!Objection::is_about_pace("404", "Slow mode is on: please wait 2 minutes"));
    }

    #[test]
    fn waiting_does_not_help_against_a_no() {
        check("404", "Cannot send to channel", None);
        check("404", "You need voice (+v)", None);
        check("404", "Cannot send to channel (+m) for 10 apples", None);
        check("477", "You need to be identified to a registered account to talk", None);
        check("404", "You must wait 90 minutes before you may speak", None);
        check("INVALID_UTF8", "Message rejected for containing invalid UTF-8", None);
    }
}
