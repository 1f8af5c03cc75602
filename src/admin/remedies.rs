//! What would do about a message: looked up in `docs/troubleshooting.md`, which explains each one.

use std::sync::LazyLock;

/// The page that explains the messages.
const PAGE: &str = include_str!("../../docs/troubleshooting.md");

/// The section about the configuration. Its messages say themselves what would do, and are too short to be searched for.
const CONFIGURATION: &str = "## Configuration errors";

/// A message with fewer characters of its own would be found in too many others.
const MIN_LENGTH: usize = 8;

/// A remedy with these words is in other rows.
const ELSEWHERE: &str = "the rows ";

/// How much of a text is looked at, in bytes. Messages are shorter.
const MAX_TEXT: usize = 2_000;

/// The messages that the page explains. Read once.
static ENTRIES: LazyLock<Vec<ExplainedMessage>> = LazyLock::new(|| entries(PAGE));

/// A message of the page.
#[derive(Debug)]
struct ExplainedMessage {
    /// Its parts, in the order in which they stand; names and numbers are between them.
    parts: Vec<&'static str>,
    /// How many bytes they have: more say more.
    length: usize,
    /// What the page says about it, in one line. Backticks mark what is to be typed.
    remedy: String,
}

/// What would do about a message, which may stand anywhere in `text`. If the page explains several that do, the longest
/// one is meant: a reason says more than what it is the reason of.
#[must_use]
pub fn remedy_for(text: &str) -> Option<&'static str> {
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    let found = ENTRIES.iter().filter(|entry| entry.is_in(text));
    // Of equals, the first one of the page.
    let best = found.reduce(|best, entry| if entry.length > best.length { entry } else { best });
    best.map(|entry| entry.remedy.as_str())
}

impl ExplainedMessage {
    /// Whether the parts stand in `text` in their order, each as whole words.
    fn is_in(&self, text: &str) -> bool {
        let mut rest = text;
        self.parts.iter().all(|part| match find_words(rest, part) {
            Some(end) => {
                rest = &rest[end..];
                true
            }
            None => false,
        })
    }
}

/// Where `words` end in `text`, if they stand there and no word goes on beyond them.
fn find_words(text: &str, words: &str) -> Option<usize> {
    let goes_on = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(char::is_alphanumeric) && outer.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(words).map(|(at, _)| (at, at + words.len())).find_map(|(start, end)| {
        let before = goes_on(words.chars().next(), text[..start].chars().next_back());
        let after = goes_on(words.chars().next_back(), text[end..].chars().next());
        (!before && !after).then_some(end)
    })
}

fn entries(page: &'static str) -> Vec<ExplainedMessage> {
    let page = page.split_once(CONFIGURATION).map_or(page, |(before, _)| before);
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let entry = |message: &'static str, remedy: &str| {
        let parts: Vec<&str> =
            message.split('…').map(str::trim).filter(|part| !part.is_empty()).collect();
        let length = parts.iter().map(|part| part.len()).sum();
        let is_whole = length >= MIN_LENGTH && !remedy.contains(ELSEWHERE);
        is_whole.then(|| ExplainedMessage { parts, length, remedy: plain(remedy) })
    };
    rows.flat_map(|(messages, remedy)| {
        // What stands between backticks.
        messages.split('`').skip(1).step_by(2).filter_map(move |message| entry(message, remedy))
    })
    .collect()
}

/// A line of the page without links, and without saying where the message stands.
fn plain(line: &str) -> String {
    let line = ["In the log: ", "In the output of `check`: "]
        .iter()
        .find_map(|place| line.strip_prefix(place))
        .unwrap_or(line);
    let mut plain = String::new();
    let mut rest = line;
    // A link is `[words](address)`.
    while let Some((before, (words, after))) =
        rest.split_once('[').and_then(|(before, link)| Some((before, link.split_once("](")?)))
    {
        plain.push_str(before);
        let Some((address, end)) = after.split_once(')') else { break };
        plain.push_str(words);
        if let Some(file) = file_of(address) {
            plain.push_str(" (");
            plain.push_str(file);
            plain.push(')');
        }
        rest = end;
    }
    plain.push_str(rest);
    let mut letters = plain.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The file of the documentation to which an address leads.
fn file_of(address: &str) -> Option<&str> {
    let file = address.split('#').next()?;
    (file.ends_with(".md") && !file.contains('/')).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedy_of_the_most_specific_message_is_found() {
        for (text, remedy) in [
            (
                "libera: cannot connect: TLS handshake with irc.example:6697 failed: its certificate expired at 2026",
                "Renew the certificate on the server.",
            ),
            (
                "libera: connection rejected: banned from the server (G-lined)",
                "Ask the network's operators to lift the ban. Do not evade it.",
            ),
            (
                "libera/#tea: … is not online",
                "The network has no NickServ of that nick at the moment. Check `nickserv`.",
            ),
            (
                "fatal error: /srv/bridge/letsbridge.db is damaged",
                "Restore a backup (backup.md), or move the database away.",
            ),
        ] {
            assert_eq!(remedy_for(text), Some(remedy), "{text}");
        }
    }

    #[test]
    fn what_the_page_does_not_explain_has_no_remedy() {
        for text in
            ["", "status 4", "a kettle boils", "…", "cannot connectify", "reconnection lost"]
        {
            assert_eq!(remedy_for(text), None, "{text}");
        }
    }

    #[test]
    fn messages_are_found_as_whole_words() {
        for (text, words, end) in [
            ("connection lost", "connection lost", Some(15)),
            ("a connection lost: b", "connection lost", Some(17)),
            ("reconnection lost", "connection lost", None),
            ("connection lostly, connection lost", "connection lost", Some(34)),
            ("é: (x", "(x", Some(6)),
        ] {
            assert_eq!(find_words(text, words), end, "{text}");
        }
    }

    #[test]
    fn page_is_read() {
        assert!(ENTRIES.len() > 150, "only {} entries", ENTRIES.len());
        for entry in ENTRIES.iter() {
            assert!(!entry.remedy.contains("]("), "{entry:?}");
            assert!(entry.remedy.matches('`').count().is_multiple_of(2), "{entry:?}");
            let lower = entry.remedy.to_lowercase();
            let refers =
                ["as above", "the same on", "below."].iter().any(|word| lower.contains(word));
            assert!(!refers, "{entry:?}: shown alone, nothing is above or below it");
        }
    }

    #[test]
    fn links_become_words() {
        for (line, expected) in [
            ("see [Installing](installing.md#tls) first.", "See Installing (installing.md) first."),
            ("In the log: the reason follows.", "The reason follows."),
            ("[rows](#below) [ok", "Rows [ok"),
            ("", ""),
        ] {
            assert_eq!(plain(line), expected, "{line}");
        }
    }
}
