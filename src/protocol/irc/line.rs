use std::fmt;

use encoding_rs::Encoding;
use irc::proto::Message;
use thiserror::Error;

use crate::domain::Kind;

/// A line to be sent. It cannot hold CR, LF or NUL, so no text can become a second command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

/// Why words do not make a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadLine {
    /// CR, LF or NUL would end the line early.
    #[error("a line cannot hold CR, LF or NUL")]
    Control,
    /// Only the last parameter may be empty, hold spaces or begin with a colon.
    #[error("{0:?} can only be the last parameter")]
    NotLast(String),
}

/// Text without CR, LF and NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// `text`, with what a line cannot hold replaced: line breaks by a space, NUL by its picture.
    #[must_use]
    pub fn clean(text: &str) -> Self {
        if !text.contains(['\r', '\n', '\0']) {
            return Self(text.to_owned());
        }
        Self(text.replace("\r\n", " ").replace(['\r', '\n'], " ").replace('\0', "␀"))
    }
}

impl Line {
    /// `command` with its parameters (RFC 2812 §2.3.1).
    ///
    /// # Errors
    /// When they do not make a line.
    pub fn new(command: &str, parameters: &[&str]) -> Result<Self, BadLine> {
        let mut line = command.to_owned();
        let last = parameters.len().saturating_sub(1);
        for (at, parameter) in parameters.iter().enumerate() {
            let trailing =
                parameter.is_empty() || parameter.contains(' ') || parameter.starts_with(':');
            if trailing && at != last {
                return Err(BadLine::NotLast((*parameter).to_owned()));
            }
            line.push_str(if trailing { " :" } else { " " });
            line.push_str(parameter);
        }
        if line.contains(['\r', '\n', '\0']) {
            return Err(BadLine::Control);
        }
        Ok(Self(line))
    }

    /// `text` said to `target`, a channel of ours.
    #[must_use]
    pub fn talk(kind: Kind, target: &str, Text(text): &Text) -> Self {
        let Text(target) = Text::clean(target);
        Self(match kind {
            Kind::Talk => format!("PRIVMSG {target} :{text}"),
            Kind::Action => format!("PRIVMSG {target} :\x01ACTION {text}\x01"),
            Kind::Notice => format!("NOTICE {target} :{text}"),
        })
    }

    /// The line, without its CRLF.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes it has, without its CRLF.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it says nothing.
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

/// What the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A line, without its end.
    Line(String),
    /// More bytes without an end than any line has; left out.
    TooLong,
}

/// Why what the server sent cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadHeard {
    /// It is longer than any line.
    #[error("a line longer than any line")]
    TooLong,
    /// It does not follow the grammar.
    #[error("{0:?} is not a line of IRC")]
    Grammar(String),
}

impl Heard {
    /// Reads the line's tags, prefix, command and parameters.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(&self) -> Result<Message, BadHeard> {
        match self {
            Self::Line(line) => line.parse().map_err(|_: irc::proto::error::ProtocolError| {
                BadHeard::Grammar(line.chars().take(200).collect())
            }),
            Self::TooLong => Err(BadHeard::TooLong),
        }
    }
}

/// The text of a line: UTF-8, or else the whole of it in `fallback`. Says whether that was needed.
#[must_use]
pub fn decode(bytes: &[u8], fallback: &'static Encoding) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (fallback.decode_without_bom_handling(bytes).0.into_owned(), true),
    }
}
