//! The known keys, and suggestions for unknown ones.

use std::fmt;

/// A kind of section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SectionKind {
    /// The top of the file, before any section.
    Root,
    /// `[name]`, or `[outer.name]` with the whole path.
    Section(&'static str),
    /// `[irc.NAME]`, one for each network.
    Network,
    /// `[[link]]`.
    Link,
    /// `[user_map.NAME]`, one for each user of Let's Chat.
    Person,
}

/// A known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KnownKey {
    pub(super) section: SectionKind,
    pub(super) name: &'static str,
}

impl fmt::Display for KnownKey {
    /// `shutdown_timeout`, `letschat.url`, `irc.*.nick`, `link[].room`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.section {
            SectionKind::Root => f.write_str(name),
            SectionKind::Section(section) => write!(f, "{section}.{name}"),
            SectionKind::Network => write!(f, "irc.*.{name}"),
            SectionKind::Link => write!(f, "link[].{name}"),
            SectionKind::Person => write!(f, "user_map.*.{name}"),
        }
    }
}

impl KnownKey {
    /// The path components from the top of the file, with `network` for the network's name.
    pub(super) fn path_for<'w>(&self, network: &'w str) -> Vec<&'w str> {
        match self.section {
            SectionKind::Root => vec![self.name],
            SectionKind::Section(section) => section.split('.').chain([self.name]).collect(),
            SectionKind::Network => vec!["irc", network, self.name],
            SectionKind::Link => vec!["link", self.name],
            SectionKind::Person => vec!["user_map", self.name],
        }
    }

    /// Whether `path` is the path of this key, with any network's name.
    pub(super) fn matches(&self, path: &[String]) -> bool {
        let network = path.get(1).filter(|name| !name.is_empty()).map_or("", String::as_str);
        self.section != SectionKind::Link
            && !(self.section == SectionKind::Network && network.is_empty())
            && self.path_for(network) == path
    }
}

impl SectionKind {
    /// Where a key of this section belongs, for an error message.
    pub(super) fn location(self) -> String {
        match self {
            Self::Root => "to the top of the file, before the first [section]".to_owned(),
            Self::Section(section) => format!("to [{section}]"),
            Self::Network => "to a network, [irc.NAME]".to_owned(),
            Self::Link => "to a [[link]]".to_owned(),
            Self::Person => "to a user, [user_map.NAME]".to_owned(),
        }
    }
}

/// Common other names for our keys, in the form of [`normalized`].
const SYNONYMS: [(&str, &str); 49] = [
    ("ssl", "tls"),
    ("usetls", "tls"),
    ("usessl", "tls"),
    ("secure", "tls"),
    ("host", "servers"),
    ("hostname", "servers"),
    ("hosts", "servers"),
    ("address", "servers"),
    ("address", "url"),
    ("host", "url"),
    ("uri", "url"),
    ("link", "url"),
    ("baseurl", "url"),
    ("ident", "username"),
    ("user", "username"),
    ("gecos", "realname"),
    ("pass", "password"),
    ("passwd", "password"),
    ("apikey", "token"),
    ("fingerprint", "pin_sha256"),
    ("encoding", "fallback_charset"),
    ("statedir", "state_dir"),
    ("datadir", "state_dir"),
    ("state", "state_dir"),
    ("server", "url"),
    ("serverurl", "url"),
    ("url", "public_url"),
    ("address", "listen"),
    ("bind", "listen"),
    ("slug", "room"),
    ("roomid", "room"),
    ("roomname", "room"),
    ("irc", "channel"),
    ("letschat", "room"),
    ("nickservpassword", "account_password"),
    ("saslpassword", "account_password"),
    ("login", "account"),
    ("sasluser", "account"),
    ("saslusername", "account"),
    ("name", "nick"),
    ("http", "web"),
    ("network", "irc"),
    ("mail", "email"),
    ("nicks", "irc"),
    ("nicktemplate", "username"),
    ("maxaccounts", "max"),
    ("limit", "max"),
    ("idletimeout", "session_idle"),
    ("who", "accounts_for"),
];

const PERSON_PASSWORD: &str = "write token_file, a file with the user's API token: the bridge \
                               needs no passwords of users";

/// Advice for keys that do not exist here under any name.
const HINTS: [(SectionKind, &str, &str); 12] = [
    (SectionKind::Network, "port", "add it to the server: servers = [\"irc.example.org:6697\"]"),
    (SectionKind::Network, "channels", "write a [[link]] for each channel, with its room"),
    (SectionKind::Network, "channel", "write a [[link]] for each channel, with its room"),
    (
        SectionKind::Section("letschat"),
        "port",
        "add it to the address: url = \"http://chat.example.org:5000\"",
    ),
    (SectionKind::Section("letschat"), "rooms", "write a [[link]] for each room, with its channel"),
    (SectionKind::Section("letschat"), "puppets", "write sender_mode = \"accounts\""),
    (
        SectionKind::Section("letschat.accounts"),
        "enabled",
        "write sender_mode = \"accounts\" in [letschat]",
    ),
    (SectionKind::Person, "password", PERSON_PASSWORD),
    (SectionKind::Person, "passwordfile", PERSON_PASSWORD),
    (SectionKind::Section("web"), "port", "add it to the address: listen = \"127.0.0.1:8480\""),
    (SectionKind::Link, "network", "write it before the channel: channel = \"office/#dev\""),
    (SectionKind::Root, "loglevel", "write [log] with level = \"info\""),
];

/// The advice for a key called `name`, if there is any.
pub(super) fn hint(name: &str, pattern: SectionKind) -> Option<&'static str> {
    let word = normalized(name);
    let hints =
        |(within, other, _): &&(SectionKind, &str, &str)| *within == pattern && *other == word;
    HINTS.iter().find(hints).map(|(_, _, hint)| *hint)
}

/// The help for an unknown key without any similar one.
pub(super) fn valid_keys_help(here: &[&'static str]) -> String {
    format!("valid keys here: {}", here.join(", "))
}

/// The known key with this name in another section: most often a top-level key that was written
/// below a section's header.
pub(super) fn find_in_other_section<'k>(
    key: &str,
    pattern: SectionKind,
    known: &'k [KnownKey],
) -> Option<&'k KnownKey> {
    let others = || known.iter().filter(|known| known.section != pattern);
    others().find(|known| known.name == key).or_else(|| {
        let word = normalized(key);
        others().find(|known| normalized(known.name) == word)
    })
}

/// The candidate that is most similar to `word`, if any is similar enough.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let near = |candidate: &'c str| Some((name_distance(word, candidate)?, candidate));
    candidates.filter_map(near).min().map(|(_, candidate)| candidate)
}

/// The keys that are similar to `word`, the most similar first.
pub(super) fn ranked_matches(word: &str, candidates: &[&'static str]) -> Vec<&'static str> {
    let near = |candidate: &&'static str| Some((rank(word, candidate)?, *candidate));
    let mut found: Vec<_> = candidates.iter().filter_map(near).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The distance between `word` and `candidate` by letters alone; smaller is more similar.
fn name_distance(word: &str, candidate: &str) -> Option<usize> {
    let (word, candidate) = (normalized(word), normalized(candidate));
    if word == candidate {
        return Some(0);
    }
    let distance = edit_distance(&word, &candidate);
    (distance <= (candidate.len() / 3).max(1)).then_some(distance)
}

/// The distance between `word` and `candidate`, by the meaning of the words before their letters.
fn rank(word: &str, candidate: &str) -> Option<(u8, usize)> {
    let (given, expected) = (words(word), words(candidate));
    if normalized(word) == normalized(candidate) {
        return Some((0, 0));
    }
    let sorted = |words: &[String]| {
        let mut words = words.to_vec();
        words.sort_unstable();
        words
    };
    if sorted(&given) == sorted(&expected) {
        return Some((1, 0));
    }
    if SYNONYMS.iter().any(|(other, key)| normalized(word) == *other && *key == candidate) {
        return Some((2, 0));
    }
    // One wrong letter in a long word is a typo: `password_fil` does not mean `password`.
    if candidate.len() > 6
        && strsim::damerau_levenshtein(&normalized(word), &normalized(candidate)) == 1
    {
        return Some((3, 0));
    }
    // The key with extra words: `letschat_token_file`, `server_password`.
    if expected.iter().all(|their| given.contains(their)) {
        return Some((4, given.len() - expected.len()));
    }
    name_distance(word, candidate).map(|distance| (5, distance))
}

/// Whether two names differ only in case and separators.
pub(super) fn is_same_name(left: &str, right: &str) -> bool {
    normalized(left) == normalized(right)
}

/// The letters of a word in lower case, without separators.
fn normalized(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The parts of a key's name. `token_file`, `token-file` and `tokenFile` have the same parts.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = before.is_lowercase() && c.is_uppercase();
        if (begins || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    let usual = |word: String| match word.as_str() {
        "path" | "filename" => "file".to_owned(),
        "pass" | "passwd" | "pw" => "password".to_owned(),
        _ => word,
    };
    words.into_iter().filter(|word| !word.is_empty()).map(usual).collect()
}

fn edit_distance(word: &str, candidate: &str) -> usize {
    // A longer or a shorter form: "nickname", "chan".
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
    fn assert_nearest(word: &str, candidate: Option<&str>) {
        let candidates = [
            "nick",
            "servers",
            "tls",
            "realname",
            "key",
            "key_file",
            "token",
            "token_file",
            "password",
            "password_file",
        ];
        assert_eq!(ranked_matches(word, &candidates).first().copied(), candidate, "{word}");
    }

    #[test]
    fn misspelled_key_finds_the_nearest_key() {
        assert_nearest("nikc", Some("nick"));
        assert_nearest("nickname", Some("nick"));
        assert_nearest("Server", Some("servers"));
        assert_nearest("real-name", Some("realname"));
        assert_nearest("key-file", Some("key_file"));
        assert_nearest("", None);
        assert_nearest("quux", None);
    }

    #[test]
    fn synonyms_rank_before_similar_spellings() {
        for (word, key) in [
            ("tokenfile", "token_file"),
            ("TokenFile", "token_file"),
            ("TOKEN-FILE", "token_file"),
            ("token file", "token_file"),
            ("file_token", "token_file"),
            ("token_path", "token_file"),
            ("tokenPath", "token_file"),
            ("letschat_token_file", "token_file"),
            ("api_token", "token"),
            ("keyfile", "key_file"),
            ("pass", "password"),
            ("pass_file", "password_file"),
            ("server_password", "password"),
            ("password_fil", "password_file"),
            ("tokenfil", "token_file"),
            ("ssl", "tls"),
            ("host", "servers"),
        ] {
            assert_nearest(word, Some(key));
        }
    }

    #[test]
    fn names_are_compared_ignoring_case_and_separators() {
        let names = ["office", "home-net"];
        assert_eq!(nearest("Office", names.into_iter()), Some("office"));
        assert_eq!(nearest("homenet", names.into_iter()), Some("home-net"));
        assert_eq!(nearest("ofice", names.into_iter()), Some("office"));
        assert_eq!(nearest("quux", names.into_iter()), None);
    }

    #[test]
    fn key_of_another_section_is_found() {
        let known = [
            KnownKey { section: SectionKind::Root, name: "shutdown_timeout" },
            KnownKey { section: SectionKind::Link, name: "room" },
        ];
        let place = |key| {
            let found = find_in_other_section(key, SectionKind::Section("letschat"), &known);
            found.map(|known| known.section)
        };
        assert_eq!(place("shutdown_timeout"), Some(SectionKind::Root));
        assert_eq!(place("Room"), Some(SectionKind::Link));
        assert_eq!(place("quux"), None);
    }
}
