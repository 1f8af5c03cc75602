//! Mentions: `nick: text` on IRC, `@user text` on Let's Chat.
//!
//! Let's Chat notifies a user of `@user`, and everybody in the room of `@all`. It does so wherever no letter,
//! digit or `_` precedes it, regardless of case, even in a URL.

use std::borrow::Cow;

use super::display_names::ZERO_WIDTH_SPACE;
use super::urls;

/// Which mentions an IRC user may use in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct MentionRights {
    /// Individual users.
    pub(super) users: bool,
    /// Everybody (`@all`).
    pub(super) all: bool,
}

/// Converts `nick: text` to `@user text`, for each leading nick that stands for a user of the room.
pub(super) fn address_to_mention<'t, 'p>(
    text: Cow<'t, str>,
    user: impl Fn(&str) -> Option<&'p str>,
) -> Cow<'t, str> {
    let mut called = String::new();
    let mut rest = &*text;
    while let Some((name, message)) = split_address(rest)
        && let Some(user) = user(name)
    {
        called = called + "@" + user + " ";
        rest = message;
    }
    if called.is_empty() { text } else { Cow::Owned(called + rest) }
}

/// Splits `text` into the addressed name and the rest.
fn split_address(text: &str) -> Option<(&str, &str)> {
    let end = text.find([':', ',', ' ', '\n'])?;
    let message = text[end..].strip_prefix([':', ','])?.strip_prefix(' ')?.trim_start_matches(' ');
    (end > 0 && !message.is_empty()).then(|| (text[..end].trim_start_matches('@'), message))
}

/// Rewrites `text` from IRC so that only permitted mentions take effect in a room. `@nick` becomes the user's
/// name.
pub(super) fn rewrite_for_room<'t, 'p>(
    text: Cow<'t, str>,
    may: MentionRights,
    user: impl Fn(&str) -> Option<&'p str>,
) -> Cow<'t, str> {
    replace_mentions(text, |called| {
        let all = called.word.eq_ignore_ascii_case("all");
        let allowed = if all { may.all } else { may.users };
        match (allowed, called.in_url) {
            (true, false) if !all => {
                let (user, length) = called.resolve(&user)?;
                Some((format!("@{user}"), length))
            }
            (true, _) => None,
            (false, false) => Some((format!("@{ZERO_WIDTH_SPACE}"), 0)),
            // A URL must keep working.
            (false, true) => Some(("%40".to_owned(), 0)),
        }
    })
}

/// Rewrites a notice of the bridge for a room so that only leading mentions take effect: `@ann, @bob: …`.
pub(super) fn rewrite_for_notice(text: Cow<'_, str>) -> Cow<'_, str> {
    let name = |c: char| is_word_char(c) || c == '.' || c == '-';
    let mut called = 0;
    while let Some(rest) = text[called..].strip_prefix('@') {
        let behind = rest.trim_start_matches(name);
        let word = rest[..rest.len() - behind.len()].trim_end_matches(|c| !is_word_char(c));
        let end = text.len() - behind.len();
        match (word.eq_ignore_ascii_case("all"), behind.as_bytes()) {
            (false, [b',', b' ', ..]) if !word.is_empty() => called = end + 2,
            (false, [b':', ..]) if !word.is_empty() => called = end,
            _ => break,
        }
    }
    let (called, rest) = text.split_at(called);
    let nobody = MentionRights { users: false, all: false };
    match rewrite_for_room(Cow::Borrowed(rest), nobody, |_| None) {
        Cow::Borrowed(_) => text,
        Cow::Owned(rest) => Cow::Owned(format!("{called}{rest}")),
    }
}

/// Rewrites `text` from a room: `@user` becomes the user's nick if they are in the channel, as IRC users
/// write it.
pub(super) fn rewrite_for_channel<'t, 'p>(
    text: Cow<'t, str>,
    nick: impl Fn(&str) -> Option<&'p str>,
) -> Cow<'t, str> {
    replace_mentions(text, |called| {
        if called.in_url {
            return None;
        }
        let (nick, length) = called.resolve(&nick)?;
        let addressed = called.leading && called.name[length..].starts_with(' ');
        Some((if addressed { format!("{nick}:") } else { nick.to_owned() }, length))
    })
}

/// A mention by `@`.
struct Mention<'t> {
    /// Everything after the `@`.
    name: &'t str,
    /// The part of it that Let's Chat takes for a word.
    word: &'t str,
    in_url: bool,
    /// Whether only mentions precede it.
    leading: bool,
}

impl<'t> Mention<'t> {
    /// The user with the longest matching name, and that name's length.
    fn resolve<'p>(&self, known: impl Fn(&str) -> Option<&'p str>) -> Option<(&'p str, usize)> {
        let part = |c: char| c.is_alphanumeric() || "_-.[]\\`^{}|".contains(c);
        let mut name = &self.name[..self.name.find(|c| !part(c)).unwrap_or(self.name.len())];
        while !name.is_empty() {
            if let Some(user) = known(name) {
                return Some((user, name.len()));
            }
            // The full stop may end the sentence instead of the name.
            let end = name.trim_end_matches(|c: char| !is_word_char(c));
            if end.len() == name.len() {
                return None;
            }
            name = end;
        }
        None
    }
}

/// Replaces each mention, and as many bytes after it, as `by` says.
fn replace_mentions<'t>(
    text: Cow<'t, str>,
    by: impl Fn(&Mention<'_>) -> Option<(String, usize)>,
) -> Cow<'t, str> {
    if !text.contains('@') {
        return text;
    }
    let urls: Vec<_> = urls::find(&text).collect();
    let mut replaced = String::new();
    let mut done = 0;
    let mut first = true;
    for (at, _) in text.match_indices('@') {
        if at < done || text[..at].chars().next_back().is_some_and(is_word_char) {
            continue;
        }
        first &= text[done..at].trim().is_empty();
        let name = &text[at + 1..];
        let word = &name[..name.find(|c| !is_word_char(c)).unwrap_or(name.len())];
        let called = Mention { name, word, in_url: urls::covers(&urls, at), leading: first };
        if word.is_empty() {
            continue;
        }
        if let Some((with, length)) = by(&called) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(&with);
            done = at + 1 + length;
        } else {
            first = false;
        }
    }
    if done == 0 {
        return text;
    }
    replaced.push_str(&text[done..]);
    Cow::Owned(replaced)
}

/// Whether JavaScript's `\w` matches the character.
fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_mentions_only_its_leading_recipients() {
        for (said, shown) in [
            ("@bob: 1 message was not delivered", "@bob: 1 message was not delivered"),
            ("@bob, @ann.b: see @all", "@bob, @ann.b: see @\u{200b}all"),
            ("@all: hi", "@\u{200b}all: hi"),
            ("@ALL, @bob: hi", "@\u{200b}ALL, @\u{200b}bob: hi"),
            ("@all.: hi", "@\u{200b}all.: hi"),
            ("ann left (@all @bob)", "ann left (@\u{200b}all @\u{200b}bob)"),
            ("@bob left", "@\u{200b}bob left"),
            ("see http://a.example/@all", "see http://a.example/%40all"),
        ] {
            assert_eq!(rewrite_for_notice(said.into()), shown, "{said:?}");
        }
    }
}
