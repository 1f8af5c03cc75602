//! Who is called by name: `nick: text` on IRC, `@user text` on Let's Chat.
//!
//! The page of Let's Chat notifies a user of `@user`, and everybody in the room of `@all`, wherever no
//! letter, digit or `_` stands before it, in any case: even in an address.

use std::borrow::Cow;

use super::display_names::ZERO_WIDTH_SPACE;
use super::urls;

/// Whom somebody on IRC may notify in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct MentionRights {
    /// The people that they name.
    pub(super) users: bool,
    /// Everybody at once.
    pub(super) all: bool,
}

/// `nick: text` as `@user text`, for every nick at the beginning that stands for somebody in the room.
pub(super) fn address_to_mention<'t, 'p>(
    text: Cow<'t, str>,
    user: impl Fn(&str) -> Option<&'p str>,
) -> Cow<'t, str> {
    let mut called = String::new();
    let mut rest = &*text;
    while let Some((name, said)) = split_address(rest)
        && let Some(user) = user(name)
    {
        called = called + "@" + user + " ";
        rest = said;
    }
    if called.is_empty() { text } else { Cow::Owned(called + rest) }
}

/// The name that `text` begins with, and what is said to whoever has it.
fn split_address(text: &str) -> Option<(&str, &str)> {
    let end = text.find([':', ',', ' ', '\n'])?;
    let said = text[end..].strip_prefix([':', ','])?.strip_prefix(' ')?.trim_start_matches(' ');
    (end > 0 && !said.is_empty()).then(|| (text[..end].trim_start_matches('@'), said))
}

/// `text`, said on IRC, so that it notifies whom it may in a room, and nobody else. A nick behind an
/// `@` becomes the name of the user who has it.
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
            // An address must work as it did.
            (false, true) => Some(("%40".to_owned(), 0)),
        }
    })
}

/// `text`, which the bridge itself says in a room, so that it notifies those alone whom it begins with:
/// `@ann, @bob: …`.
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

/// `text`, said in a room, with the nick of whoever is meant by `@user` and sits in the channel; as
/// people write it there.
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

/// Somebody who is called by an `@`.
struct Mention<'t> {
    /// All that stands behind it.
    name: &'t str,
    /// As much of that as the page takes for a word.
    word: &'t str,
    in_url: bool,
    /// Nothing but such calls stands before it.
    leading: bool,
}

impl<'t> Mention<'t> {
    /// Whom `known` knows by the longest part of it that could be a name, and how long that is.
    fn resolve<'p>(&self, known: impl Fn(&str) -> Option<&'p str>) -> Option<(&'p str, usize)> {
        let part = |c: char| c.is_alphanumeric() || "_-.[]\\`^{}|".contains(c);
        let mut name = &self.name[..self.name.find(|c| !part(c)).unwrap_or(self.name.len())];
        while !name.is_empty() {
            if let Some(person) = known(name) {
                return Some((person, name.len()));
            }
            // A full stop, perhaps, that ends the sentence and not the name.
            let end = name.trim_end_matches(|c: char| !is_word_char(c));
            if end.len() == name.len() {
                return None;
            }
            name = end;
        }
        None
    }
}

/// `text` with every `@` that calls somebody, and as many bytes behind it, replaced as `by` says.
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

/// What JavaScript takes for part of a word.
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
