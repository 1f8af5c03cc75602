//! What is left of a nick without its decoration: `dave_`, `dave|away`, `[dave]` and ``dave`^`` are all `dave`.

use crate::domain::Casemapping;

/// Characters that people put around a nick, or between it and a word. Folded, so `[` is `{`, `\` is `|` and `~` is `^`.
const DECORATION: &[char] = &['_', '-', '`', '^', '|', '{', '}'];

/// Words that say where somebody is, or by what they are connected.
const STATUS: &[&str] = &[
    "afk", "away", "bbl", "bed", "bnc", "brb", "busy", "cell", "cloud", "food", "gone", "home",
    "idle", "irc", "laptop", "lappy", "lunch", "m", "mob", "mobile", "off", "office", "out", "pc",
    "phone", "sleep", "tablet", "web", "work", "znc", "zz", "zzz",
];

/// Nicks that everybody may have.
const GENERIC: &[&str] = &[
    "admin",
    "anon",
    "anonymous",
    "guest",
    "irc",
    "ircuser",
    "me",
    "mib",
    "new",
    "newbie",
    "nick",
    "nobody",
    "noname",
    "root",
    "somebody",
    "someone",
    "test",
    "tester",
    "testing",
    "unknown",
    "user",
    "visitor",
    "web",
    "webchat",
];

/// The shortest stem; a shorter one says nothing.
const MIN_LEN: usize = 2;

/// The stem of `nick`, folded; the whole nick, folded, if nothing would be left.
#[must_use]
pub fn stem(nick: &str) -> String {
    let undecorated = without_camel_status(nick);
    let folded = Casemapping::Rfc1459.fold(undecorated);
    let mut rest = folded.trim_matches(DECORATION);
    // What stands behind a bar says where somebody is, whatever it is.
    if let Some((before, _)) = rest.split_once('|')
        && before.len() >= MIN_LEN
    {
        rest = before;
    }
    while let Some(shorter) = without_status(rest) {
        rest = shorter;
    }
    if rest.chars().count() < MIN_LEN { Casemapping::Rfc1459.fold(nick) } else { rest.to_owned() }
}

/// Whether everybody may have this nick, so that it says nothing about who has it.
#[must_use]
pub fn is_generic(nick: &str) -> bool {
    let stem = stem(nick);
    let word = stem.trim_end_matches(|c: char| c.is_ascii_digit() || DECORATION.contains(&c));
    GENERIC.contains(&word)
}

/// `nick` without a word for a status at one end, and without what stood between; `None` if there is none.
fn without_status(nick: &str) -> Option<&str> {
    let cut = |rest: &str, at_end: bool| {
        let trimmed = rest.trim_matches(DECORATION);
        // Something must have stood between.
        let stood = if at_end { rest.ends_with(DECORATION) } else { rest.starts_with(DECORATION) };
        stood && trimmed.chars().count() >= MIN_LEN
    };
    STATUS.iter().find_map(|word| {
        let end = nick.strip_suffix(word).filter(|rest| cut(rest, true));
        let start = || nick.strip_prefix(word).filter(|rest| cut(rest, false));
        end.or_else(start).map(|rest| rest.trim_matches(DECORATION))
    })
}

/// `daveAway` and `daveAFK` without the word, which begins with a capital letter after a small one.
fn without_camel_status(nick: &str) -> &str {
    let trimmed = nick.trim_end_matches(['_', '-', '`', '^']);
    let Some(boundary) = trimmed
        .char_indices()
        .zip(trimmed.chars().skip(1))
        .filter(|((_, before), after)| before.is_lowercase() && after.is_uppercase())
        .map(|((at, before), _)| at + before.len_utf8())
        .last()
    else {
        return nick;
    };
    let word = trimmed[boundary..].to_ascii_lowercase();
    if word.len() > 1 && boundary >= MIN_LEN && STATUS.contains(&word.as_str()) {
        &trimmed[..boundary]
    } else {
        nick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoration_is_not_part_of_a_stem() {
        for (nick, left) in [
            ("dave", "dave"),
            ("Dave", "dave"),
            ("dave_", "dave"),
            ("dave__", "dave"),
            ("_dave", "dave"),
            ("dave|away", "dave"),
            ("dave|some|thing", "dave"),
            ("dave\\x", "dave"),
            ("[dave]", "dave"),
            ("dave`^", "dave"),
            ("dave[m]", "dave"),
            ("dave[work]", "dave"),
            ("[AFK]dave", "dave"),
            ("dave_away_", "dave"),
            ("dave-phone", "dave"),
            ("daveAFK", "dave"),
            ("daveAway_", "dave"),
            ("[b]{o}`^", "b}{o"),
        ] {
            assert_eq!(stem(nick), left, "{nick}");
        }
    }

    #[test]
    fn what_belongs_to_a_name_stays() {
        for (nick, left) in [
            ("dave2", "dave2"),
            ("john_smith", "john_smith"),
            ("runaway", "runaway"),
            ("homework", "homework"),
            ("knockout", "knockout"),
            ("McAway", "mc"),
            ("away", "away"),
            ("m_m", "m_m"),
            ("a_", "a_"),
            ("^_^", "^_^"),
            ("", ""),
            ("été_", "été"),
            ("茶", "茶"),
            ("daveOut-of-it", "daveout-of-it"),
        ] {
            assert_eq!(stem(nick), left, "{nick}");
        }
    }

    #[test]
    fn nicks_of_everybody_are_generic() {
        for (nick, is) in [
            ("guest", true),
            ("Guest12345", true),
            ("guest_12", true),
            ("user", true),
            ("test_", true),
            ("dave", false),
            ("guesthouse", false),
            ("users", false),
            ("12", false),
        ] {
            assert_eq!(is_generic(nick), is, "{nick}");
        }
    }
}
