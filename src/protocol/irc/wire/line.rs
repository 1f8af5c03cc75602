//! A line of IRC: parsing, and building lines into which nothing can be injected.

use std::fmt;

use thiserror::Error;

use crate::domain::MessageKind;

/// Line ends, and NUL, which no server accepts.
pub(in crate::protocol::irc) const LINE_BREAKS: [char; 3] = ['\r', '\n', '\0'];

/// A line to send. It contains no CR, LF or NUL, so that text cannot inject a second command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub(super) String);

/// Why a command and parameters do not make a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// CR, LF or NUL would end the line early.
    #[error("a line cannot contain CR, LF or NUL")]
    ControlCharacter,
    /// Only the last parameter may be empty, contain spaces or start with a colon.
    #[error("{0:?} can only be the last parameter")]
    NotLast(String),
    /// A command consists of letters, or of three digits.
    #[error("{0:?} is not a valid command")]
    InvalidCommand(String),
    /// A source is not empty and contains no spaces.
    #[error("{0:?} is not a valid source")]
    InvalidSource(String),
    /// A tag key consists of letters, digits and hyphens, optionally after `+` and a vendor.
    #[error("{0:?} is not a valid tag")]
    InvalidTag(String),
}

/// Text without CR, LF, NUL and the CTCP delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeText(pub(in crate::protocol::irc) String);

impl SafeText {
    /// Replaces characters that a line cannot contain: line breaks by spaces, NUL by its symbol. The CTCP
    /// delimiter, which would turn text into a request or action, is replaced too
    /// (<https://modern.ircdocs.horse/ctcp>).
    #[must_use]
    pub fn sanitize(text: &str) -> Self {
        if !text.contains(LINE_BREAKS) && !text.contains('\x01') {
            return Self(text.to_owned());
        }
        let text = text.replace("\r\n", " ").replace(['\r', '\n'], " ");
        Self(text.replace('\0', "␀").replace('\x01', "␁"))
    }
}

impl Line {
    /// A message with `text` to `target`, one of our channels.
    #[must_use]
    pub fn message(kind: MessageKind, target: &str, SafeText(text): &SafeText) -> Self {
        let SafeText(target) = SafeText::sanitize(target);
        Self(match kind {
            MessageKind::Text => format!("PRIVMSG {target} :{text}"),
            MessageKind::Action => format!("PRIVMSG {target} :\x01ACTION {text}\x01"),
            MessageKind::Notice => format!("NOTICE {target} :{text}"),
        })
    }

    /// The line with a label
    /// (<https://ircv3.net/specs/extensions/labeled-response>). Labels consist of letters, digits and dots.
    #[must_use]
    pub(in crate::protocol::irc) fn with_label(&self, label: &str) -> Self {
        debug_assert!(label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
        Self(format!("@label={label} {}", self.0))
    }

    /// The line as part of the batch `reference`
    /// (<https://ircv3.net/specs/extensions/multiline>), optionally continuing the previous line.
    #[must_use]
    pub(in crate::protocol::irc) fn in_batch(&self, reference: &str, concat: bool) -> Self {
        let concat = if concat {
            format!(";{}", crate::protocol::irc::send::multiline::CONCAT_TAG)
        } else {
            String::new()
        };
        Self(format!("@batch={reference}{concat} {}", self.0))
    }

    /// A line that another process was about to send. `None` if it cannot be one.
    pub(in crate::protocol::irc) fn restore(text: String) -> Option<Self> {
        (!text.is_empty() && !text.contains(LINE_BREAKS)).then_some(Self(text))
    }

    /// The line without CRLF.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its length in bytes, without CRLF.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::irc::wire::parse::ParsedLine;

    #[track_caller]
    fn check(command: &str, parameters: &[&str], line: &str) {
        assert_eq!(Line::new(command, parameters).unwrap().as_str(), line);
    }

    #[test]
    fn last_parameter_gets_a_colon_where_needed() {
        check("JOIN", &["#tea"], "JOIN #tea");
        check("AWAY", &[], "AWAY");
        check("TOPIC", &["#tea", ""], "TOPIC #tea :");
        check("PRIVMSG", &["#tea", "two words"], "PRIVMSG #tea :two words");
        check("PRIVMSG", &["#tea", ":)"], "PRIVMSG #tea ::)");
        check("MODE", &["#tea", "+o", "ann"], "MODE #tea +o ann");
    }

    #[test]
    fn line_breaks_cannot_inject_a_second_line() {
        for bad in ["hello\r\nQUIT", "hello\nQUIT", "hello\rQUIT", "hel\0lo"] {
            assert_eq!(
                Line::new("PRIVMSG", &["#tea", bad]),
                Err(LineError::ControlCharacter),
                "{bad:?}"
            );
            assert_eq!(
                Line::new("PRIVMSG", &[bad, "hi"]),
                Err(LineError::ControlCharacter),
                "{bad:?}"
            );
            assert!(Line::new(bad, &["#tea"]).is_err(), "{bad:?}");
            for kind in [MessageKind::Text, MessageKind::Action, MessageKind::Notice] {
                let line = Line::message(kind, bad, &SafeText::sanitize(bad));
                assert!(!line.as_str().contains(LINE_BREAKS), "{line:?}");
            }
        }
    }

    #[test]
    fn spaces_are_allowed_only_in_the_last_parameter() {
        for middle in ["", "two words", ":colon"] {
            let bad = Err(LineError::NotLast(middle.to_owned()));
            assert_eq!(Line::new("PRIVMSG", &[middle, "hello"]), bad);
        }
    }

    #[test]
    fn command_is_letters_or_three_digits() {
        for command in ["PRIVMSG", "notice", "001", "376"] {
            assert!(Line::new(command, &[]).is_ok(), "{command}");
        }
        for command in ["", "PRIV MSG", ":x", "@x", "1", "1234", "12a", "ÉTÉ"] {
            let bad = Err(LineError::InvalidCommand(command.to_owned()));
            assert_eq!(Line::new(command, &[]), bad);
        }
    }

    #[test]
    fn message_kind_selects_the_command() {
        let text = SafeText::sanitize("kettle's\r\non\0");
        for (kind, line) in [
            (MessageKind::Text, "PRIVMSG #tea :kettle's on␀"),
            (MessageKind::Notice, "NOTICE #tea :kettle's on␀"),
            (MessageKind::Action, "PRIVMSG #tea :\u{1}ACTION kettle's on␀\u{1}"),
        ] {
            assert_eq!(Line::message(kind, "#tea", &text).as_str(), line);
        }
    }

    proptest! {
        #[test]
        fn any_input_makes_one_line_or_an_error(
            command in "[A-Z]{1,6}|.{0,4}",
            parameters in prop::collection::vec("(?s).{0,6}", 0..4),
        ) {
            let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
            if let Ok(line) = Line::new(&command, &parameters) {
                prop_assert!(!line.as_str().contains(LINE_BREAKS));
                let parts = ParsedLine::parse(line.as_str()).unwrap();
                prop_assert_eq!(parts.command, command);
                prop_assert_eq!(parts.parameters, parameters);
            }
        }
    }
}
