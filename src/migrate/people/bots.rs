//! Which nicks belong to programs: by the nick, by where they connect from, and by how they speak.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::stem;
use crate::domain::MessageKind;

/// Services of networks, and programs whose nick is usually theirs. Folded.
const KNOWN: &[&str] = &[
    "alis",
    "botserv",
    "chanserv",
    "chanstat",
    "cia",
    "dpkg",
    "eggdrop",
    "eir",
    "fulvia",
    "global",
    "hostserv",
    "infobot",
    "jenkins",
    "limnoria",
    "logbot",
    "memoserv",
    "nickserv",
    "operserv",
    "saslserv",
    "sopel",
    "statserv",
    "supybot",
    "travis-ci",
    "travis",
    "ubottu",
    "zeitgeist",
];

/// User names (ident) of programs.
const IDENTS: &[&str] = &["bot", "eggdrop", "limnoria", "services", "sopel", "supybot"];

/// The fewest lines that say how somebody speaks.
const MIN_LINES: u64 = 30;

/// How many first words are remembered.
const MAX_WORDS: usize = 64;

/// How soon a program answers a command.
const ANSWER: SignedDuration = SignedDuration::from_secs(4);

/// How somebody speaks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Speech {
    lines: u64,
    notices: u64,
    /// Lines right after a command that somebody else gave.
    answers: u64,
    /// The first words, as hashes; no more than [`MAX_WORDS`].
    words: Vec<u32>,
}

/// The last line of a channel, if it was a command.
#[derive(Debug, Clone, Default)]
pub(super) struct LastCommand(Option<(Timestamp, String)>);

impl LastCommand {
    /// Remembers the line if it is a command.
    pub(super) fn hear(&mut self, at: Timestamp, nick: &str, text: &str) {
        let mut characters = text.chars();
        let is_command = matches!(characters.next(), Some('!' | '.' | '@' | '?' | '~'))
            && characters.next().is_some_and(char::is_alphabetic);
        self.0 = is_command.then(|| (at, nick.to_owned()));
    }

    /// Whether a line of `nick` at `at` answers it.
    fn is_answered_by(&self, at: Timestamp, nick: &str) -> bool {
        self.0.as_ref().is_some_and(|(then, by)| by != nick && at.duration_since(*then) <= ANSWER)
    }
}

impl Speech {
    /// Counts a line.
    pub(super) fn hear(
        &mut self,
        (at, nick): (Timestamp, &str),
        (kind, text): (MessageKind, &str),
        before: &LastCommand,
    ) {
        self.lines += 1;
        self.notices += u64::from(kind == MessageKind::Notice);
        self.answers += u64::from(before.is_answered_by(at, nick));
        if self.words.len() < MAX_WORDS {
            let word = text.split_whitespace().next().unwrap_or_default();
            let mut hasher = DefaultHasher::new();
            // Numbers and names at the beginning change.
            word.chars().filter(|c| !c.is_ascii_digit()).take(40).for_each(|c| c.hash(&mut hasher));
            let hash = u32::try_from(hasher.finish() >> 32).unwrap_or_default();
            if !self.words.contains(&hash) {
                self.words.push(hash);
            }
        }
    }

    /// Adds what another nick of the same person said.
    pub(super) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.notices += other.notices;
        self.answers += other.answers;
        for word in &other.words {
            if self.words.len() < MAX_WORDS && !self.words.contains(word) {
                self.words.push(*word);
            }
        }
    }

    /// What of it is like a program, if anything is.
    fn sounds_like_bot(&self) -> Option<&'static str> {
        if self.lines < MIN_LINES {
            None
        } else if self.notices * 10 >= self.lines * 9 {
            Some("speaks by notices")
        } else if self.answers * 2 >= self.lines {
            Some("answers commands")
        } else if self.lines >= 4 * MIN_LINES
            && (self.words.len() as u64) * 30 < self.lines
            && self.words.len() <= 6
        {
            Some("its lines begin alike")
        } else {
            None
        }
    }
}

/// Why somebody seems to be a program; `None` if they do not.
pub(super) fn bot_reason(nick: &str, hosts: &[&str], speech: &Speech) -> Option<&'static str> {
    let stem = stem::stem(nick);
    if KNOWN.contains(&stem.as_str()) {
        return Some("a known name of a program");
    }
    if hosts.iter().any(|userhost| is_host_of_bot(userhost)) {
        return Some("its host");
    }
    match (named_bot(nick), speech.sounds_like_bot()) {
        (Named::Clearly, _) => Some("its name"),
        (_, Some(how)) => Some(how),
        (Named::Perhaps, None) if speech.answers * 4 >= speech.lines.max(1) => {
            Some("its name, and it answers commands")
        }
        _ => None,
    }
}

/// Why the name alone says that somebody is a program; `None` if it does not.
#[must_use]
pub fn bot_by_name(name: &str) -> Option<&'static str> {
    bot_reason(name, &[], &Speech::default())
}

fn is_host_of_bot(userhost: &str) -> bool {
    let (user, host) = userhost.split_once('@').unwrap_or((userhost, ""));
    let (user, host) = (user.to_ascii_lowercase(), host.to_ascii_lowercase());
    IDENTS.contains(&user.trim_start_matches('~'))
        || host.split('/').any(|part| part == "bot")
        || host == "services."
        || host.starts_with("services.")
}

/// How much a nick looks like that of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Clearly,
    Perhaps,
    No,
}

fn named_bot(nick: &str) -> Named {
    let end = nick.trim_end_matches(|c: char| !c.is_alphabetic());
    let lower = end.to_ascii_lowercase();
    if !lower.ends_with("bot") && !lower.starts_with("bot") {
        return Named::No;
    }
    if let Some(before) = lower.strip_suffix("bot") {
        let written = &end[before.len()..];
        let stands_apart = before.ends_with(|c: char| !c.is_alphabetic())
            || (written.starts_with('B')
                && !before.is_empty()
                && end[..before.len()].ends_with(char::is_lowercase));
        return if before.is_empty() || stands_apart { Named::Clearly } else { Named::Perhaps };
    }
    let after = lower["bot".len()..].chars().next();
    if after.is_some_and(|c| !c.is_alphabetic()) { Named::Clearly } else { Named::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech(lines: &[(MessageKind, &str)], times: u32) -> Speech {
        let mut speech = Speech::default();
        for _ in 0..times {
            for (kind, text) in lines {
                let who = (Timestamp::UNIX_EPOCH, "x");
                speech.hear(who, (*kind, text), &LastCommand::default());
            }
        }
        speech
    }

    #[test]
    fn names_and_hosts_of_programs() {
        for (nick, host, is) in [
            ("ChanServ", "", true),
            ("infobot", "", true),
            ("deploy-bot", "", true),
            ("deployBot", "", true),
            ("bot", "", true),
            ("bot_3", "", true),
            ("talbot", "", false),
            ("abbot", "", false),
            ("botanist", "", false),
            ("robert", "", false),
            ("ann", "~limnoria@192.0.2.7", true),
            ("ann", "ann@libera/bot/helper", true),
            ("ann", "NickServ@services.libera.chat", true),
            ("ann", "ann@services-department.example.org", false),
            ("ann", "~ann@bottle.example.org", false),
        ] {
            let found = bot_reason(nick, &[host], &Speech::default());
            assert_eq!(found.is_some(), is, "{nick} {host}: {found:?}");
        }
    }

    #[test]
    fn programs_speak_by_notices_and_alike() {
        let notice = [(MessageKind::Notice, "build done")];
        assert!(bot_reason("ci", &[], &speech(&notice, 40)).is_some());
        assert!(bot_reason("ci", &[], &speech(&notice, 20)).is_none(), "too few");
        let alike = [(MessageKind::Text, "[app] pushed"), (MessageKind::Text, "[web] pushed")];
        assert!(bot_reason("gh", &[], &speech(&alike, 100)).is_some());
        let words: Vec<String> = (0..40).map(|n| format!("{} hello", "w".repeat(n + 1))).collect();
        let human: Vec<_> = words.iter().map(|word| (MessageKind::Text, word.as_str())).collect();
        assert!(bot_reason("ann", &[], &speech(&human, 10)).is_none());
    }

    #[test]
    fn programs_answer_commands() {
        let mut speech = Speech::default();
        let mut command = LastCommand::default();
        for second in 0..40_i64 {
            let at = Timestamp::from_second(second * 60).expect("a time");
            command.hear(at, "ann", "!karma tea");
            speech.hear(
                (at + SignedDuration::from_secs(1), "karma"),
                (
                    MessageKind::Text,
                    &format!("{} x", "k".repeat(usize::try_from(second).expect("small") + 1)),
                ),
                &command,
            );
        }
        assert_eq!(bot_reason("karma", &[], &speech), Some("answers commands"));
        for (text, is_command) in [
            ("!x", true),
            (".x", true),
            ("...", false),
            ("? what", false),
            ("hello", false),
            ("", false),
        ] {
            command.hear(Timestamp::UNIX_EPOCH, "ann", text);
            assert_eq!(command.is_answered_by(Timestamp::UNIX_EPOCH, "bob"), is_command, "{text}");
            assert!(
                !command.is_answered_by(Timestamp::UNIX_EPOCH, "ann"),
                "nobody answers themselves"
            );
        }
    }
}
