use std::borrow::Cow;

use encoding_rs::Encoding;
use irc::proto::message::Tag;
use irc::proto::{Command, Message, Prefix};
use thiserror::Error;

use super::{BadLine, Line, check_breaks, check_middle, needs_colon};

/// A line from which no command can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the line has no command")]
pub struct Unreadable;

/// Reads the bytes of one line as text: as UTF-8 when all of it is, else all of it in `fallback`,
/// and whether the fallback was needed. NUL and CR, which no line holds, are left out; what even
/// the fallback cannot read becomes U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8], fallback: &'static Encoding) -> (String, bool) {
    let (mut text, fell_back) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (fallback.decode_without_bom_handling(bytes).0.into_owned(), true),
    };
    if super::breaks(&text) {
        text.retain(|c| !super::BREAKS.contains(&c));
    }
    (text, fell_back)
}

/// Reads a line as the message that a session matches on.
///
/// The taking apart is ours ([`Parts::split`]), the vocabulary is [`irc::proto`]'s. A known command
/// whose parameters make no sense to it (a CAP subcommand nobody knows) becomes [`Command::Raw`]
/// rather than an error, so that nothing a server says is lost.
///
/// # Errors
/// When the line has no command.
pub fn parse(line: &str) -> Result<Message, Unreadable> {
    let parts = Parts::split(line)?;
    let command = Command::new(parts.command, parts.params.clone()).unwrap_or_else(|_| {
        Command::Raw(
            parts.command.to_ascii_uppercase(),
            parts.params.iter().map(ToString::to_string).collect(),
        )
    });
    let tag = |(key, value): (&str, Cow<'_, str>)| {
        Tag(key.to_owned(), (!value.is_empty()).then(|| value.into_owned()))
    };
    Ok(Message {
        tags: (!parts.tags.is_empty()).then(|| parts.tags.into_iter().map(tag).collect()),
        prefix: parts.source.map(Prefix::from),
        command,
    })
}

/// A line taken apart, before anything is made of its command
/// (<https://modern.ircdocs.horse/#message-format>).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts<'a> {
    /// The tags with their values unescaped. Each key once; a tag without a value has an empty one,
    /// which means the same.
    pub tags: Vec<(&'a str, Cow<'a, str>)>,
    /// Who says it: a server's name or `nick!user@host`. A client sends none.
    pub source: Option<&'a str>,
    /// The command or numeric, as it was spelled.
    pub command: &'a str,
    /// The parameters; whether the last one trailed makes no difference.
    pub params: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// Takes a line (without its end) apart. Any number of spaces separates, as in RFC 1459.
    ///
    /// # Errors
    /// When the line has no command.
    pub fn split(line: &'a str) -> Result<Self, Unreadable> {
        let mut rest = line.trim_start_matches(' ');
        let mut parts = Self::default();
        if let Some(marked) = rest.strip_prefix('@') {
            let (tags, behind) = word(marked);
            parts.tags = read_tags(tags);
            rest = behind;
        }
        if let Some(marked) = rest.strip_prefix(':') {
            let (source, behind) = word(marked);
            parts.source = Some(source).filter(|source| !source.is_empty());
            rest = behind;
        }
        (parts.command, rest) = word(rest);
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                parts.params.push(trailing);
                break;
            }
            let (param, behind) = word(rest);
            parts.params.push(param);
            rest = behind;
        }
        if parts.command.is_empty() || parts.command.starts_with(':') {
            return Err(Unreadable);
        }
        Ok(parts)
    }

    /// The value of the tag `key`; empty when it has none.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_ref())
    }

    /// Puts the line together again, ready to be sent.
    ///
    /// # Errors
    /// When a part cannot be said in one line.
    pub fn join(&self) -> Result<Line, BadLine> {
        let mut text = String::with_capacity(64);
        for (at, (key, value)) in self.tags.iter().enumerate() {
            check_key(key)?;
            text.push(if at == 0 { '@' } else { ';' });
            text.push_str(key);
            if !value.is_empty() {
                text.push('=');
                escape(&mut text, value)?;
            }
        }
        if !self.tags.is_empty() {
            text.push(' ');
        }
        let body = text.len();
        if let Some(source) = self.source {
            check_source(source)?;
            text.extend([":", source, " "]);
        }
        check_command(self.command)?;
        text.push_str(self.command);
        if let Some((last, middles)) = self.params.split_last() {
            for middle in middles {
                check_middle(middle)?;
                text.extend([" ", middle]);
            }
            check_breaks(last)?;
            text.extend([if needs_colon(last) { " :" } else { " " }, last]);
        }
        Ok(Line { text, body })
    }
}

/// The first word of `text`, and what follows the spaces behind it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

/// Of a key that comes twice the last counts, as the specification has it.
fn read_tags(text: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut tags: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for tag in text.split(';') {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = unescape(value),
            None if key.is_empty() => {}
            None => tags.push((key, unescape(value))),
        }
    }
    tags
}

fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        // A backslash that escapes nothing is dropped, as is one at the end.
        text.extend(chars.next().map(|escaped| match escaped {
            ':' => ';',
            's' => ' ',
            'r' => '\r',
            'n' => '\n',
            other => other,
        }));
    }
    text.into()
}

fn escape(text: &mut String, value: &str) -> Result<(), BadLine> {
    for c in value.chars() {
        match c {
            ';' => text.push_str("\\:"),
            ' ' => text.push_str("\\s"),
            '\\' => text.push_str("\\\\"),
            '\r' => text.push_str("\\r"),
            '\n' => text.push_str("\\n"),
            '\0' => return Err(BadLine::Breaks(value.to_owned())),
            c => text.push(c),
        }
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), BadLine> {
    let name = key.strip_prefix('+').unwrap_or(key);
    let (vendor, name) = name.split_once('/').unwrap_or(("vendor", name));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let good = !vendor.is_empty()
        && vendor.chars().all(|c| fits(c) || c == '.')
        && !name.is_empty()
        && name.chars().all(fits);
    if good { Ok(()) } else { Err(BadLine::Tag(key.to_owned())) }
}

fn check_source(source: &str) -> Result<(), BadLine> {
    check_breaks(source)?;
    if source.is_empty() || source.contains(' ') {
        return Err(BadLine::Source(source.to_owned()));
    }
    Ok(())
}

fn check_command(command: &str) -> Result<(), BadLine> {
    let letters = !command.is_empty() && command.bytes().all(|byte| byte.is_ascii_alphabetic());
    let numeric = command.len() == 3 && command.bytes().all(|byte| byte.is_ascii_digit());
    if letters || numeric { Ok(()) } else { Err(BadLine::Command(command.to_owned())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use encoding_rs::{SHIFT_JIS, UTF_8, WINDOWS_1252};
    use irc::proto::Response;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_utf8_or_else_all_of_it_is_the_fallback() {
        for (bytes, fallback, text, fell_back) in [
            ("caf\u{e9} 🫖".as_bytes(), WINDOWS_1252, "café 🫖", false),
            (b"caf\xe9", WINDOWS_1252, "café", true),
            (b"caf\xe9 \xc3\xa9", WINDOWS_1252, "café Ã©", true),
            (b"\x80", WINDOWS_1252, "€", true),
            (b"\x93\xfa\x96\x7b", SHIFT_JIS, "日本", true),
            (b"\xff", UTF_8, "\u{fffd}", true),
            (b"no\0thi\rng", WINDOWS_1252, "nothing", false),
            (b"", WINDOWS_1252, "", false),
        ] {
            let expected = (text.to_owned(), fell_back);
            assert_eq!(decode(bytes, fallback), expected, "{bytes:?}");
        }
    }

    #[test]
    fn spaces_may_be_many_everywhere() {
        let parts = Parts::split("@a=1   :src   CMD  one   two   :three  four ").unwrap();
        assert_eq!(parts.source, Some("src"));
        assert_eq!(parts.command, "CMD");
        assert_eq!(parts.params, ["one", "two", "three  four "]);
        assert_eq!(parts.tag("a"), Some("1"));
        assert_eq!(parts.tag("b"), None);
    }

    #[test]
    fn more_than_fourteen_parameters_stay_apart() {
        let many: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let line = format!("005 {}", many.join(" "));
        assert_eq!(Parts::split(&line).unwrap().params, many);
    }

    #[test]
    fn a_line_without_a_command_is_unreadable() {
        for line in ["", " ", "@a", "@a ", ":src", ":src ", "@a :src", "::", ": :x", "@ : "] {
            assert_eq!(Parts::split(line), Err(Unreadable), "{line:?}");
            assert_eq!(parse(line), Err(Unreadable), "{line:?}");
        }
    }

    #[test]
    fn the_session_gets_the_words_it_matches_on() {
        let message = parse("@time=x;k :ann!a@host  PRIVMSG #tea :kettle's on").unwrap();
        let tags = [Tag("time".into(), Some("x".into())), Tag("k".into(), None)];
        assert_eq!(message.tags.as_deref(), Some(tags.as_slice()));
        assert_eq!(message.source_nickname(), Some("ann"));
        assert_eq!(message.command, Command::PRIVMSG("#tea".into(), "kettle's on".into()));
        let welcome = parse(":irc.example 001 bridge :Welcome").unwrap().command;
        let params = vec!["bridge".to_owned(), "Welcome".to_owned()];
        assert_eq!(welcome, Command::Response(Response::RPL_WELCOME, params));
    }

    #[test]
    fn a_command_misused_is_raw_rather_than_lost() {
        for line in ["CAP * WHAT :a", "BATCH", "privmsg a"] {
            let message = parse(line).unwrap();
            assert!(matches!(message.command, Command::Raw(..)), "{line}: {message:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_a_server_sends_makes_us_panic(bytes in prop::collection::vec(
            prop_oneof![Just(b' '), Just(b':'), Just(b'@'), Just(b';'), Just(b'='), Just(b'\\'),
                Just(b'+'), any::<u8>()], 0..60)) {
            let _ = parse(&decode(&bytes, WINDOWS_1252).0);
        }

        #[test]
        fn nor_does_any_command_with_any_words(
            command in "MODE|CAP|BATCH|METADATA|JOIN|KICK|WHO|005|[0-9]{3}|USER|MONITOR|ISON|PING",
            params in prop::collection::vec("[#+*a-z:,-]{0,4}", 0..6),
        ) {
            let _ = parse(&format!("{command} {}", params.join(" ")));
        }

        #[test]
        fn what_is_joined_is_split_the_same(
            tags in prop::collection::btree_map("[+]?([a-z.]{1,3}/)?[a-z0-9-]{1,3}", "[^\0]{0,6}", 0..3),
            source in prop::option::of("[^ \r\n\0]{1,8}"),
            command in "[A-Z]{1,6}|[0-9]{3}",
            middles in prop::collection::vec("[^ :\r\n\0][^ \r\n\0]{0,4}", 0..4),
            last in prop::option::of("[^\r\n\0]{0,8}"),
        ) {
            let parts = Parts {
                tags: tags.iter().map(|(key, value)| (key.as_str(), value.into())).collect(),
                source: source.as_deref(),
                command: &command,
                params: middles.iter().chain(&last).map(String::as_str).collect(),
            };
            let line = parts.join().unwrap();
            prop_assert_eq!(Parts::split(line.as_str()).unwrap(), parts);
        }
    }
}
