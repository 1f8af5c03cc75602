//! The keys that can be written, as the readers asked for them.

use std::fmt;

/// A kind of section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Pattern {
    /// The top of the file, before any section.
    Top,
    /// `[name]`.
    Section(&'static str),
    /// `[irc.NAME]`, one for each network.
    Network,
    /// `[[link]]`.
    Link,
}

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KnownKey {
    pub(super) pattern: Pattern,
    pub(super) name: &'static str,
}

impl fmt::Display for KnownKey {
    /// `settle`, `letschat.url`, `irc.*.nick`, `link[].room`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.pattern {
            Pattern::Top => f.write_str(name),
            Pattern::Section(section) => write!(f, "{section}.{name}"),
            Pattern::Network => write!(f, "irc.*.{name}"),
            Pattern::Link => write!(f, "link[].{name}"),
        }
    }
}

impl KnownKey {
    /// The steps to it from the top of the file, through this network.
    pub(super) fn words<'w>(&self, network: &'w str) -> Vec<&'w str> {
        match self.pattern {
            Pattern::Top => vec![self.name],
            Pattern::Section(section) => vec![section, self.name],
            Pattern::Network => vec!["irc", network, self.name],
            Pattern::Link => vec!["link", self.name],
        }
    }

    /// Whether these are the steps to it, through whichever network.
    pub(super) fn matches(&self, path: &[String]) -> bool {
        let network = path.get(1).filter(|name| !name.is_empty()).map_or("", String::as_str);
        self.pattern != Pattern::Link
            && !(self.pattern == Pattern::Network && network.is_empty())
            && self.words(network) == path
    }
}

impl Pattern {
    /// Where to write a key that belongs here.
    fn place(self) -> String {
        match self {
            Self::Top => "to the top of the file, before the first [section]".to_owned(),
            Self::Section(section) => format!("to [{section}]"),
            Self::Network => "to a network, [irc.NAME]".to_owned(),
            Self::Link => "to a [[link]]".to_owned(),
        }
    }
}

/// What to do about the unknown `key` in a section of this kind, which knows `here`.
pub(super) fn remedy(
    key: &str,
    pattern: Pattern,
    here: &[&'static str],
    known: &[KnownKey],
) -> String {
    if let Some(near) = nearest(key, here.iter().copied()) {
        return format!("did you mean \"{near}\"?");
    }
    // Most often a key of the top that was written below a section's header.
    let elsewhere = known.iter().find(|known| known.name == key && known.pattern != pattern);
    match elsewhere {
        Some(known) => format!("it belongs {}", known.pattern.place()),
        None => format!("known here: {}", here.join(", ")),
    }
}

/// The candidate that `word` was most likely meant to be, if any is near.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let word = word.to_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(word: &str, candidate: &str) -> usize {
    // Somebody wrote more of the word, or less: "nickname", "chan".
    let shorter = word.len().min(candidate.len());
    if shorter >= 4 && (word.starts_with(candidate) || candidate.starts_with(word)) {
        return 1;
    }
    strsim::damerau_levenshtein(word, candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn meant(word: &str, candidate: Option<&str>) {
        let candidates = ["nick", "servers", "tls", "realname", "key", "key_file"];
        assert_eq!(nearest(word, candidates.into_iter()), candidate, "{word}");
    }

    #[test]
    fn a_slip_is_understood() {
        meant("nikc", Some("nick"));
        meant("nickname", Some("nick"));
        meant("Server", Some("servers"));
        meant("real-name", Some("realname"));
        meant("key-file", Some("key_file"));
        meant("ssl", None);
        meant("", None);
        meant("quux", None);
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_home() {
        let known = [
            KnownKey { pattern: Pattern::Top, name: "settle" },
            KnownKey { pattern: Pattern::Link, name: "room" },
        ];
        let say = |key| remedy(key, Pattern::Section("letschat"), &["url", "token"], &known);
        assert_eq!(say("settle"), "it belongs to the top of the file, before the first [section]");
        assert_eq!(say("room"), "it belongs to a [[link]]");
        assert_eq!(say("urls"), "did you mean \"url\"?");
        assert_eq!(say("quux"), "known here: url, token");
    }
}
