//! The syntax of IRC lines: tags, source, command, parameters.

use std::borrow::Cow;

use encoding_rs::Encoding;
use irc::proto::message::Tag;
use irc::proto::{Command, Message, Prefix};
use thiserror::Error;

use super::line::{LINE_BREAKS, Line, LineError};

/// The line has no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the line has no command")]
pub struct MissingCommand;

/// Decodes a line as UTF-8 if all of it is valid, or else all of it with `fallback`; also returns whether the
/// fallback was used. NUL and CR are removed. Undecodable bytes become U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8], fallback: &'static Encoding) -> (String, bool) {
    let (mut text, fell_back) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (fallback.decode_without_bom_handling(bytes).0.into_owned(), true),
    };
    if text.contains(LINE_BREAKS) {
        text.retain(|c| !LINE_BREAKS.contains(&c));
    }
    (text, fell_back)
}

/// A line split into its parts, without interpreting the command
/// (<https://modern.ircdocs.horse/#message-format>).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedLine<'a> {
    /// Tags with unescaped values, each key once. A tag without a value has an empty one, which means the
    /// same.
    pub tags: Vec<(&'a str, Cow<'a, str>)>,
    /// The sender: a server name or `nick!user@host`. Clients send none.
    pub source: Option<&'a str>,
    /// The command or numeric, as spelled.
    pub command: &'a str,
    /// The parameters; a trailing last one is not distinguished.
    pub parameters: Vec<&'a str>,
}

impl<'a> ParsedLine<'a> {
    /// Splits a line (without its line end). Multiple spaces count as one separator, as in RFC 1459.
    ///
    /// # Errors
    /// When the line has no command.
    pub fn parse(line: &'a str) -> Result<Self, MissingCommand> {
        let mut rest = line.trim_start_matches(' ');
        let mut parts = Self::default();
        if let Some(marked) = rest.strip_prefix('@') {
            let (tags, behind) = split_word(marked);
            parts.tags = parse_tags(tags);
            rest = behind;
        }
        if let Some(marked) = rest.strip_prefix(':') {
            let (source, behind) = split_word(marked);
            parts.source = Some(source).filter(|source| !source.is_empty());
            rest = behind;
        }
        (parts.command, rest) = split_word(rest);
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                parts.parameters.push(trailing);
                break;
            }
            let (param, behind) = split_word(rest);
            parts.parameters.push(param);
            rest = behind;
        }
        if parts.command.is_empty() || parts.command.starts_with(':') {
            return Err(MissingCommand);
        }
        Ok(parts)
    }

    /// Converts it to the message type that sessions match on.
    ///
    /// A known command with parameters that [`irc::proto`] does not understand (such as an unknown CAP
    /// subcommand) becomes [`Command::Raw`] instead of an error, so that nothing is lost. So does MODE,
    /// because the server decides which modes take parameters.
    pub(in crate::protocol::irc) fn into_message(self) -> Message {
        let raw = || {
            let parameters = self.parameters.iter().map(ToString::to_string);
            Command::Raw(self.command.to_ascii_uppercase(), parameters.collect())
        };
        let command = if self.command.eq_ignore_ascii_case("MODE") {
            raw()
        } else {
            Command::new(self.command, self.parameters.clone()).unwrap_or_else(|_| raw())
        };
        let tag = |(key, value): (&str, Cow<'_, str>)| {
            Tag(key.to_owned(), (!value.is_empty()).then(|| value.into_owned()))
        };
        Message {
            tags: (!self.tags.is_empty()).then(|| self.tags.into_iter().map(tag).collect()),
            prefix: self.source.map(Prefix::from),
            command,
        }
    }

    /// Formats it as a line to send.
    ///
    /// # Errors
    /// When a part cannot be represented in a line.
    pub fn to_line(&self) -> Result<Line, LineError> {
        let mut line = String::with_capacity(64);
        for (at, (key, value)) in self.tags.iter().enumerate() {
            check_tag_key(key)?;
            line.push(if at == 0 { '@' } else { ';' });
            line.push_str(key);
            if !value.is_empty() {
                line.push('=');
                escape_tag_value(&mut line, value);
            }
        }
        if !self.tags.is_empty() {
            line.push(' ');
        }
        if let Some(source) = self.source {
            check_source(source)?;
            line.extend([":", source, " "]);
        }
        check_command(self.command)?;
        line.push_str(self.command);
        let last = self.parameters.len().saturating_sub(1);
        for (at, parameter) in self.parameters.iter().enumerate() {
            let trailing =
                parameter.is_empty() || parameter.contains(' ') || parameter.starts_with(':');
            if trailing && at != last {
                return Err(LineError::NotLast((*parameter).to_owned()));
            }
            line.extend([if trailing { " :" } else { " " }, parameter]);
        }
        if line.contains(LINE_BREAKS) { Err(LineError::ControlCharacter) } else { Ok(Line(line)) }
    }
}

impl Line {
    /// Builds a line from a command and parameters (RFC 2812 §2.3.1).
    ///
    /// # Errors
    /// When they do not make a line.
    pub fn new(command: &str, parameters: &[&str]) -> Result<Self, LineError> {
        ParsedLine { command, parameters: parameters.to_vec(), ..ParsedLine::default() }.to_line()
    }
}

/// A line from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedLine {
    /// A line in UTF-8, without its line end.
    Utf8(String),
    /// A line that was not valid UTF-8. It was decoded with the fallback charset of its network or channel,
    /// or contains U+FFFD.
    FallbackCharset(String),
    /// A line that exceeded the maximum length and was skipped.
    TooLong,
}

/// Why a line could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// It exceeds the maximum length.
    #[error("line too long")]
    TooLong,
    /// It has no command.
    #[error("{0:?} is not an IRC line")]
    Malformed(String),
}

impl ReceivedLine {
    /// Parses tags, source, command and parameters.
    ///
    /// The syntax is ours ([`ParsedLine`]), the message types are those of [`irc::proto`].
    ///
    /// # Errors
    /// When it is not a valid message.
    pub fn parse(&self) -> Result<Message, ParseError> {
        match self {
            Self::Utf8(line) | Self::FallbackCharset(line) => match ParsedLine::parse(line) {
                Ok(parts) => Ok(parts.into_message()),
                Err(MissingCommand) => Err(ParseError::Malformed(line.chars().take(200).collect())),
            },
            Self::TooLong => Err(ParseError::TooLong),
        }
    }
}

/// Splits off the first word and the spaces after it.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

/// The last of duplicate keys wins, as specified.
fn parse_tags(text: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut tags: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for tag in text.split(';') {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = unescape_tag_value(value),
            None if key.is_empty() => {}
            None => tags.push((key, unescape_tag_value(value))),
        }
    }
    tags
}

fn unescape_tag_value(value: &str) -> Cow<'_, str> {
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
        // A backslash before any other character, or at the end, is dropped.
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

fn escape_tag_value(line: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            ';' => line.push_str("\\:"),
            ' ' => line.push_str("\\s"),
            '\\' => line.push_str("\\\\"),
            '\r' => line.push_str("\\r"),
            '\n' => line.push_str("\\n"),
            c => line.push(c),
        }
    }
}

fn check_tag_key(key: &str) -> Result<(), LineError> {
    let name = key.strip_prefix('+').unwrap_or(key);
    let (vendor, name) = name.split_once('/').unwrap_or(("vendor", name));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let good = !vendor.is_empty()
        && vendor.chars().all(|c| fits(c) || c == '.')
        && !name.is_empty()
        && name.chars().all(fits);
    if good { Ok(()) } else { Err(LineError::InvalidTag(key.to_owned())) }
}

fn check_source(source: &str) -> Result<(), LineError> {
    let good = !source.is_empty() && !source.contains(' ');
    if good { Ok(()) } else { Err(LineError::InvalidSource(source.to_owned())) }
}

fn check_command(command: &str) -> Result<(), LineError> {
    let letters = !command.is_empty() && command.bytes().all(|byte| byte.is_ascii_alphabetic());
    let numeric = command.len() == 3 && command.bytes().all(|byte| byte.is_ascii_digit());
    if letters || numeric { Ok(()) } else { Err(LineError::InvalidCommand(command.to_owned())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use encoding_rs::{SHIFT_JIS, UTF_8, WINDOWS_1252};
    use irc::proto::Response;
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &str) -> Result<Message, MissingCommand> {
        ParsedLine::parse(line).map(ParsedLine::into_message)
    }

    #[test]
    fn line_is_utf8_or_entirely_in_the_fallback_charset() {
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
    fn repeated_spaces_are_accepted() {
        let parts = ParsedLine::parse("@a=1   :src   CMD  one   two   :three  four ").unwrap();
        assert_eq!(parts.source, Some("src"));
        assert_eq!(parts.command, "CMD");
        assert_eq!(parts.parameters, ["one", "two", "three  four "]);
        assert_eq!(parts.tags, [("a", "1".into())]);
    }

    #[test]
    fn more_than_fourteen_parameters_are_kept() {
        let many: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let line = format!("005 {}", many.join(" "));
        assert_eq!(ParsedLine::parse(&line).unwrap().parameters, many);
    }

    #[test]
    fn line_without_a_command_is_an_error() {
        for line in ["", " ", "@a", "@a ", ":src", ":src ", "@a :src", "::", ": :x", "@ : "] {
            assert_eq!(ParsedLine::parse(line), Err(MissingCommand), "{line:?}");
        }
    }

    #[test]
    fn known_commands_are_parsed() {
        let message = parse("@time=x;k :ann!a@host  PRIVMSG #tea :kettle's on").unwrap();
        let tags = [Tag("time".into(), Some("x".into())), Tag("k".into(), None)];
        assert_eq!(message.tags.as_deref(), Some(tags.as_slice()));
        assert_eq!(message.source_nickname(), Some("ann"));
        assert_eq!(message.command, Command::PRIVMSG("#tea".into(), "kettle's on".into()));
        let welcome = parse(":irc.example 001 bridge :Welcome").unwrap().command;
        let parameters = vec!["bridge".to_owned(), "Welcome".to_owned()];
        assert_eq!(welcome, Command::Response(Response::RPL_WELCOME, parameters));
    }

    #[test]
    fn malformed_known_command_becomes_raw() {
        for line in ["CAP * WHAT :a", "BATCH", "privmsg a"] {
            let message = parse(line).unwrap();
            assert!(matches!(message.command, Command::Raw(..)), "{line}: {message:?}");
        }
    }

    #[test]
    fn tag_values_are_escaped_and_keys_checked() {
        let join = |key, value: &'static str| {
            let tags = vec![(key, value.into())];
            ParsedLine { tags, command: "PING", ..ParsedLine::default() }.to_line()
        };
        let line = join("+draft/label", "a b;c\\\r\n").unwrap();
        assert_eq!(line.as_str(), r"@+draft/label=a\sb\:c\\\r\n PING");
        assert_eq!(join("label", "a\0"), Err(LineError::ControlCharacter));
        for key in ["", "+", "a/", "/a", "a b", "a=b", "a;b", "é", "++a", "a\n"] {
            assert_eq!(join(key, ""), Err(LineError::InvalidTag(key.to_owned())));
        }
    }

    #[test]
    fn source_is_one_word() {
        for (source, bad) in [
            ("", LineError::InvalidSource(String::new())),
            ("a b", LineError::InvalidSource("a b".into())),
            ("a\r\nb", LineError::ControlCharacter),
        ] {
            let parts =
                ParsedLine { source: Some(source), command: "PING", ..ParsedLine::default() };
            assert_eq!(parts.to_line(), Err(bad));
        }
    }

    proptest! {
        #[test]
        fn any_line_parses_without_panic(bytes in prop::collection::vec(
            prop_oneof![Just(b' '), Just(b':'), Just(b'@'), Just(b';'), Just(b'='), Just(b'\\'),
                Just(b'+'), any::<u8>()], 0..60)) {
            let _ = parse(&decode(&bytes, WINDOWS_1252).0);
        }

        #[test]
        fn any_command_parses_without_panic(
            command in "MODE|CAP|BATCH|METADATA|JOIN|KICK|WHO|005|[0-9]{3}|USER|MONITOR|ISON|PING",
            parameters in prop::collection::vec("[#+*a-z:,-]{0,4}", 0..6),
        ) {
            let _ = parse(&format!("{command} {}", parameters.join(" ")));
        }

        #[test]
        fn any_line_round_trips(
            tags in prop::collection::btree_map("[+]?([a-z.]{1,3}/)?[a-z0-9-]{1,3}", "[^\0]{0,6}", 0..3),
            source in prop::option::of("[^ \r\n\0]{1,8}"),
            command in "[A-Z]{1,6}|[0-9]{3}",
            middles in prop::collection::vec("[^ :\r\n\0][^ \r\n\0]{0,4}", 0..4),
            last in prop::option::of("[^\r\n\0]{0,8}"),
        ) {
            let parts = ParsedLine {
                tags: tags.iter().map(|(key, value)| (key.as_str(), value.into())).collect(),
                source: source.as_deref(),
                command: &command,
                parameters: middles.iter().chain(&last).map(String::as_str).collect(),
            };
            let line = parts.to_line().unwrap();
            prop_assert_eq!(ParsedLine::parse(line.as_str()).unwrap(), parts);
        }
    }
}
