//! Display names: sanitised, coloured, and altered so that authors do not highlight themselves.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::characters::{is_filler, is_invisible};
use super::clean;
use super::template::TemplateField;
use crate::domain::{Author, Endpoint, Network};

/// Invisible; splits a name so that neither IRC clients nor Let's Chat recognise it as a mention.
pub(super) const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Maximum length of a nick or user name as shown, in rooms and channels, in grapheme clusters. A name that
/// leaves too little room for the rest of its prefix is shortened further, by the template.
const MAX_LEN_SHOWN_NAME: usize = 40;

/// The mIRC colours that are readable on black and on white.
const NICK_COLORS: [u8; 11] = [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13];

/// Maximum length of a nick or user name as shown, in bytes: on IRC, a prefix takes at most a third of a line.
const MAX_BYTES_SHOWN_NAME: usize = 84;

/// Maximum number of characters in a grapheme cluster of a name.
const MAX_CLUSTER_CHARS: usize = 5;

/// The name of a user whose own name is invisible.
const FALLBACK_NAME: &str = "somebody";

/// A prefix as a line of its own; the author's name if it is empty.
pub(super) fn standalone_name(prefix: &str, author: &Author) -> String {
    match prefix.trim_end() {
        "" => author_name(author).into_owned(),
        name => name.to_owned(),
    }
}

/// Sanitises `name`: one line, visible, no bidi controls, limited length.
pub(super) fn sanitize(name: &str) -> Cow<'_, str> {
    let plain = |c: u8| c.is_ascii_graphic();
    if name.len() <= MAX_LEN_SHOWN_NAME && name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let seen: String = name
        .chars()
        .take(MAX_LEN_INPUT)
        .map(|c| if c.is_whitespace() || is_filler(c) { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    let words: Vec<&str> = seen.split(' ').filter(|word| !word.is_empty()).collect();
    let joined = words.join(" ");
    let joined = joined.trim_start_matches(is_combining_mark);
    let bare: String = joined
        .graphemes(true)
        .flat_map(|cluster| cluster.chars().take(MAX_CLUSTER_CHARS))
        .collect();
    let short = match bare.grapheme_indices(true).nth(MAX_LEN_SHOWN_NAME) {
        Some((end, _)) => format!("{}…", &bare[..end]),
        None => bare,
    };
    Cow::Owned(clean::truncate(&short, MAX_BYTES_SHOWN_NAME).into_owned())
}

/// Longer input is truncated first; no real name is longer.
const MAX_LEN_INPUT: usize = 4_096;

/// Whether `c` is a combining mark.
fn is_combining_mark(c: char) -> bool {
    !c.is_ascii() && ["a", c.encode_utf8(&mut [0; 4])].concat().graphemes(true).count() == 1
}

/// The name of `author`; never empty.
pub(super) fn author_name(author: &Author) -> Cow<'_, str> {
    let user = author.userhost.as_deref().and_then(|address| address.split('@').next());
    [Some(author.name.as_str()), user, author.account.as_deref()]
        .into_iter()
        .flatten()
        .map(sanitize)
        .find(|name| !name.is_empty())
        .unwrap_or(Cow::Borrowed(FALLBACK_NAME))
}

/// A name for an author without a usable one.
#[must_use]
pub fn fallback_name(author: &Author) -> String {
    author_name(author).into_owned()
}

/// The display name of `author`, or else the name.
pub(super) fn display_name(author: &Author) -> Cow<'_, str> {
    let name = sanitize(author.display_name.as_deref().unwrap_or_default());
    if name.is_empty() { author_name(author) } else { name }
}

/// `name`, sanitised for notices of the bridge.
#[must_use]
pub fn name_or_fallback(name: &str) -> Cow<'_, str> {
    let name = sanitize(name);
    if name.is_empty() { Cow::Borrowed(FALLBACK_NAME) } else { name }
}

/// The value of a template field for a message by `author` from `endpoint`.
pub(super) fn field_value<'v>(
    field: TemplateField,
    author: &'v Author,
    endpoint: &'v Endpoint,
    time: impl FnOnce() -> String,
) -> Cow<'v, str> {
    match field {
        TemplateField::Name => author_name(author),
        TemplateField::DisplayName => display_name(author),
        TemplateField::Account => sanitize(author.account.as_deref().unwrap_or_default()),
        TemplateField::Network => network_name(endpoint),
        TemplateField::Channel => crate::translate::display_names::endpoint_name(endpoint),
        TemplateField::Time => Cow::Owned(time()),
    }
}

/// The display name of the endpoint's network.
pub(super) fn network_name(endpoint: &Endpoint) -> Cow<'_, str> {
    Cow::Borrowed(endpoint.network().map_or("letschat", Network::as_str))
}

/// The endpoint's name on its network.
pub(super) fn endpoint_name(endpoint: &Endpoint) -> Cow<'_, str> {
    match endpoint {
        Endpoint::Channel { name, .. } | Endpoint::Room(name) => sanitize(name),
    }
}

/// Alters `name` invisibly, so that it does not highlight.
#[must_use]
pub fn defuse_ping(name: &str) -> String {
    let first = name.graphemes(true).next().map_or(0, str::len);
    let (first, rest) = name.split_at(first);
    format!("{first}{ZERO_WIDTH_SPACE}{rest}")
}

/// Removes invisible characters from words that are known names without them: somebody has copied an altered
/// name.
pub(super) fn restore_names<'t>(
    text: Cow<'t, str>,
    is_name: impl Fn(&str) -> bool,
) -> Cow<'t, str> {
    if !text.contains(ZERO_WIDTH_SPACE) {
        return text;
    }
    let restore = |word: &str| {
        let bare = word.replace(ZERO_WIDTH_SPACE, "");
        let name = bare.trim_start_matches(['@', '<', '(']);
        let name = name.trim_end_matches([':', ',', '>', ')', '!', '?', '.']);
        if bare.len() < word.len() && is_name(name) { bare } else { word.to_owned() }
    };
    Cow::Owned(
        text.split_inclusive(char::is_whitespace)
            .map(|word| {
                let body = word.trim_end_matches(char::is_whitespace);
                restore(body) + &word[body.len()..]
            })
            .collect(),
    )
}

/// `shown` in the colour that always belongs to `name`.
pub(super) fn color_nick(name: &str, shown: &str) -> String {
    // FNV-1a: stable across machines and versions.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    let colour = NICK_COLORS[hash as usize % NICK_COLORS.len()];
    // A comma and a digit would be parsed as a background colour.
    let guard = if shown.starts_with(',') { "\u{2}\u{2}" } else { "" };
    format!("\u{3}{colour:02}{guard}{shown}\u{f}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(name: &str, shown: &str) {
        assert_eq!(sanitize(name), shown, "{name:?}");
    }

    #[test]
    fn sanitize_keeps_only_visible_characters() {
        check("ann", "ann");
        check("Ann Ä. [m]", "Ann Ä. [m]");
        check(" ann\r\n  lee\t", "ann lee");
        check("\u{202e}nna\u{200b}\u{feff}", "nna");
        check("a\u{1}\u{3}4b", "a4b");
        check("\u{3164}\u{2060}", "");
        check(&"ö".repeat(41), &format!("{}…", "ö".repeat(40)));
        check(&"語".repeat(41), &format!("{}…", "語".repeat(27)));
        check("\u{2800}a\u{2800}b", "a b");
    }

    #[test]
    fn stacked_combining_marks_are_limited() {
        let high = |letter: &str, marks| format!("{letter}{}", "\u{301}".repeat(marks));
        check(&high("a", 3), &high("a", 3));
        check(
            &["a", "b", "c"].map(|it| high(it, 900)).concat(),
            &["a", "b", "c"].map(|it| high(it, 4)).concat(),
        );
        check(&high("", 900), "");
        check(&format!("{}ann", high("", 3)), "ann");
        check("👍🏽 e\u{302}\u{301} क्षि 🇫🇷", "👍🏽 e\u{302}\u{301} क्षि 🇫🇷");
    }

    #[test]
    fn author_without_visible_name_gets_a_fallback() {
        let author = |name: &str, address: Option<&str>, account: Option<&str>| Author {
            userhost: address.map(str::to_owned),
            account: account.map(str::to_owned),
            ..Author::named(name)
        };
        for (author, shown) in [
            (author("ann", Some("a@host"), Some("acc")), "ann"),
            (author("\u{200b}\u{feff}", Some("a@host"), Some("acc")), "a"),
            (author("\u{3}\u{2}", Some("@host"), Some("acc")), "acc"),
            (author("\u{2800}\u{3000}", None, Some("\u{3164}")), "somebody"),
            (author("", None, None), "somebody"),
        ] {
            assert_eq!(author_name(&author), shown, "{author:?}");
            assert_eq!(display_name(&author), shown, "{author:?}");
        }
        let wish =
            Author { display_name: Some("\u{301}\u{200b}".to_owned()), ..Author::named("ann") };
        assert_eq!(display_name(&wish), "ann");
        assert_eq!(name_or_fallback("\u{202e}"), "somebody");
    }

    #[test]
    fn defused_name_is_restored_when_copied() {
        assert_eq!(defuse_ping("ann"), "a\u{200b}nn");
        assert_eq!(defuse_ping("ärger"), "ä\u{200b}rger");
        assert_eq!(defuse_ping(""), "\u{200b}");
        let is_ann = |name: &str| name == "ann";
        for (text, restored) in [
            ("a\u{200b}nn: hi", "ann: hi"),
            ("hi  <a\u{200b}nn>\t!", "hi  <ann>\t!"),
            ("b\u{200b}ob: hi", "b\u{200b}ob: hi"),
            ("hi", "hi"),
        ] {
            assert_eq!(restore_names(text.into(), is_ann), restored);
        }
    }

    #[test]
    fn nick_color_is_stable() {
        assert_eq!(color_nick("ann", "ann"), color_nick("Ann", "ann"));
        assert_ne!(color_nick("ann", "x"), color_nick("bob", "x"));
        assert!(
            color_nick("5", "5").starts_with('\u{3}') && color_nick("5", "5").ends_with("5\u{f}")
        );
        assert!(color_nick("x", ",5").ends_with("\u{2}\u{2},5\u{f}"));
    }

    proptest! {
        #[test]
        fn sanitize_is_idempotent_and_single_line(name in ".{0,60}|\\PC{0,60}") {
            let once = sanitize(&name).into_owned();
            prop_assert!(!once.contains(|c| is_invisible(c) || is_filler(c)));
            prop_assert!(once.len() <= MAX_BYTES_SHOWN_NAME);
            let twice = sanitize(&once).into_owned();
            prop_assert_eq!(twice.trim_end_matches('…'), once.trim_end_matches('…'));
        }

        #[test]
        fn defuse_and_restore_round_trip(name in "[a-zé🫖_-]{1,12}", text in "[a-z ]{0,20}") {
            let said = format!("{text} {}: {text}", defuse_ping(&name));
            let back = format!("{text} {name}: {text}");
            prop_assert_eq!(restore_names(said.into(), |it| it == name), back);
        }
    }
}
