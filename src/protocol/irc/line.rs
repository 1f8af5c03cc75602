//! One line of IRC: how it is framed, decoded, taken apart, and built so that nobody can slip in a second one.

mod framer;
mod parts;

use std::fmt;

use thiserror::Error;

use super::split::split;

pub use framer::{Framed, Framer, LINE_LIMIT};
pub use parts::{Parts, Unreadable, decode, parse};

/// Why something cannot be said in one IRC line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadLine {
    /// It holds CR, LF or NUL, which end or break a line.
    #[error("{0:?} holds CR, LF or NUL")]
    Breaks(String),
    /// The command is neither letters nor three digits.
    #[error("{0:?} is no IRC command")]
    Command(String),
    /// Only the last parameter may be empty, hold spaces or begin with `:`.
    #[error("{0:?} can only be the last parameter")]
    Middle(String),
    /// A source holds no space and is not empty.
    #[error("{0:?} is no message source")]
    Source(String),
    /// A tag's key is letters, digits and hyphens, perhaps after `+` and a vendor.
    #[error("{0:?} is no tag")]
    Tag(String),
}

/// One IRC line to be sent, without its CRLF. It cannot hold CR, LF or NUL, so it is one line for
/// whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    text: String,
    /// Where the body begins: after the tags and the space behind them.
    body: usize,
}

impl Line {
    /// A line of `command` with `params`; the last is sent as a trailing parameter where it must
    /// be (RFC 2812, 2.3.1).
    ///
    /// # Errors
    /// When the command or a parameter cannot be said in one line.
    pub fn new(command: &str, params: &[&str]) -> Result<Self, BadLine> {
        Self::with_tags(&[], command, params)
    }

    /// The same after message tags, whose values are escaped
    /// (<https://ircv3.net/specs/extensions/message-tags>).
    ///
    /// # Errors
    /// When a tag, the command or a parameter cannot be said in one line.
    pub fn with_tags(
        tags: &[(&str, &str)],
        command: &str,
        params: &[&str],
    ) -> Result<Self, BadLine> {
        let tags = tags.iter().map(|&(key, value)| (key, value.into())).collect();
        Parts { tags, source: None, command, params: params.to_vec() }.join()
    }

    /// `PRIVMSG target :text`: say it.
    #[must_use]
    pub fn privmsg(target: &Middle, text: &Text) -> Self {
        Self::plain(format!("PRIVMSG {target} :{text}"))
    }

    /// `NOTICE target :text`: say it so that no bot answers.
    #[must_use]
    pub fn notice(target: &Middle, text: &Text) -> Self {
        Self::plain(format!("NOTICE {target} :{text}"))
    }

    /// CTCP ACTION, what people type as `/me text` (<https://modern.ircdocs.horse/ctcp#action>).
    #[must_use]
    pub fn action(target: &Middle, text: &Text) -> Self {
        Self::plain(format!("PRIVMSG {target} :\u{1}ACTION {text}\u{1}"))
    }

    /// `PING :token`.
    #[must_use]
    pub fn ping(token: &Text) -> Self {
        Self::plain(format!("PING :{token}"))
    }

    /// `PONG :token`.
    #[must_use]
    pub fn pong(token: &Text) -> Self {
        Self::plain(format!("PONG :{token}"))
    }

    /// `QUIT :why`.
    #[must_use]
    pub fn quit(why: &Text) -> Self {
        Self::plain(format!("QUIT :{why}"))
    }

    /// The line, without CRLF.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The line's bytes, without CRLF.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// How many bytes count against the server's `LINELEN` (512 where it names none): all but the
    /// tags, with the CRLF.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.text.len() - self.body + "\r\n".len()
    }

    /// How many bytes the tags take, with `@` and the space behind them.
    #[must_use]
    pub fn tags_len(&self) -> usize {
        self.body
    }

    fn plain(text: String) -> Self {
        Self { text, body: 0 }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Text that fits in one line: it holds no CR, LF or NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(String);

impl Text {
    /// `text` with a space in place of each CR, LF and NUL. Costs nothing when there are none.
    #[must_use]
    pub fn cleaned(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(if breaks(&text) { text.replace(BREAKS, " ") } else { text })
    }

    /// The lines of `text`, however they are ended; empty ones are left out, for IRC cannot say
    /// them.
    pub fn lines(text: &str) -> impl Iterator<Item = Self> {
        text.split(['\r', '\n']).filter(|line| !line.is_empty()).map(Self::cleaned)
    }

    /// Cuts it into texts of at most `budget` bytes; see [`split`].
    pub fn parts(&self, budget: usize) -> impl Iterator<Item = Self> {
        split(&self.0, budget).map(|part| Self(part.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word that can stand anywhere among the parameters: a channel, a nick.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Middle(String);

impl Middle {
    /// `word`, when it is one: not empty, no space, no CR, LF or NUL, no `:` at its start.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(word: &str) -> Result<Self, BadLine> {
        check_middle(word).map(|()| Self(word.to_owned()))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Middle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What ends a line, and what no server takes inside one.
const BREAKS: [char; 3] = ['\r', '\n', '\0'];

fn breaks(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
}

fn check_breaks(text: &str) -> Result<(), BadLine> {
    if breaks(text) { Err(BadLine::Breaks(text.to_owned())) } else { Ok(()) }
}

fn check_middle(word: &str) -> Result<(), BadLine> {
    check_breaks(word)?;
    if needs_colon(word) { Err(BadLine::Middle(word.to_owned())) } else { Ok(()) }
}

/// Whether a parameter can only be sent as the trailing one.
fn needs_colon(param: &str) -> bool {
    param.is_empty() || param.starts_with(':') || param.contains(' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(command: &str, params: &[&str], line: &str) {
        assert_eq!(Line::new(command, params).unwrap().as_str(), line);
    }

    #[test]
    fn the_last_parameter_trails_where_it_must() {
        check("JOIN", &["#tea"], "JOIN #tea");
        check("AWAY", &[], "AWAY");
        check("TOPIC", &["#tea", ""], "TOPIC #tea :");
        check("PRIVMSG", &["#tea", "two words"], "PRIVMSG #tea :two words");
        check("PRIVMSG", &["#tea", ":)"], "PRIVMSG #tea ::)");
        check("MODE", &["#tea", "+o", "ann"], "MODE #tea +o ann");
    }

    #[test]
    fn nobody_slips_in_a_second_line() {
        for bad in ["hello\r\nQUIT", "hello\nQUIT", "hello\rQUIT", "hel\0lo"] {
            assert_eq!(
                Line::new("PRIVMSG", &["#tea", bad]),
                Err(BadLine::Breaks(bad.to_owned())),
                "{bad:?}"
            );
            assert!(Line::new(bad, &["#tea"]).is_err(), "{bad:?}");
            assert!(Line::new("PRIVMSG", &[bad, "hello"]).is_err(), "{bad:?}");
            assert!(Line::with_tags(&[(bad, "x")], "TAGMSG", &["#tea"]).is_err(), "{bad:?}");
            assert!(Middle::new(bad).is_err(), "{bad:?}");
            assert!(!breaks(Text::cleaned(bad).as_str()), "{bad:?}");
        }
        assert_eq!(
            Line::with_tags(&[("label", "a\0")], "PING", &["x"]),
            Err(BadLine::Breaks("a\0".to_owned())),
        );
    }

    #[test]
    fn only_the_last_parameter_may_hold_spaces() {
        for middle in ["", "two words", ":colon"] {
            let bad = Err(BadLine::Middle(middle.to_owned()));
            assert_eq!(Line::new("PRIVMSG", &[middle, "hello"]), bad);
        }
    }

    #[test]
    fn a_command_is_letters_or_three_digits() {
        for command in ["PRIVMSG", "notice", "001", "376"] {
            assert!(Line::new(command, &[]).is_ok(), "{command}");
        }
        for command in ["", "PRIV MSG", ":x", "@x", "1", "1234", "12a", "ÉTÉ"] {
            let bad = Err(BadLine::Command(command.to_owned()));
            assert_eq!(Line::new(command, &[]), bad);
        }
    }

    #[test]
    fn tags_are_escaped_and_counted_apart() {
        let tags = [("label", "a b;c\\"), ("+draft/reply", ""), ("example.com/x", "1")];
        let line = Line::with_tags(&tags, "PRIVMSG", &["#tea", "hi you"]).unwrap();
        assert_eq!(
            line.as_str(),
            r"@label=a\sb\:c\\;+draft/reply;example.com/x=1 PRIVMSG #tea :hi you"
        );
        assert_eq!(line.body_len(), "PRIVMSG #tea :hi you\r\n".len());
        assert_eq!(line.tags_len() + line.body_len(), line.as_bytes().len() + 2);
        for key in ["", "+", "a/", "/a", "a b", "a=b", "a;b", "é", "++a"] {
            let bad = Err(BadLine::Tag(key.to_owned()));
            assert_eq!(Line::with_tags(&[(key, "")], "TAGMSG", &["#tea"]), bad);
        }
    }

    #[test]
    fn clean_text_needs_no_second_look() {
        let tea = Middle::new("#tea").unwrap();
        let text = Text::cleaned("kettle's\r\non");
        assert_eq!(Line::privmsg(&tea, &text).as_str(), "PRIVMSG #tea :kettle's  on");
        assert_eq!(Line::notice(&tea, &text).as_str(), "NOTICE #tea :kettle's  on");
        assert_eq!(
            Line::action(&tea, &text).as_str(),
            "PRIVMSG #tea :\u{1}ACTION kettle's  on\u{1}"
        );
        assert_eq!(Line::ping(&Text::cleaned("1 2")).as_str(), "PING :1 2");
        assert_eq!(Line::pong(&Text::cleaned(":")).as_str(), "PONG ::");
        assert_eq!(Line::quit(&Text::default()).as_str(), "QUIT :");
    }

    #[test]
    fn text_falls_into_lines() {
        let lines = |text| Text::lines(text).map(|line| line.0).collect::<Vec<_>>();
        assert_eq!(lines("one\r\ntwo\n\n three \rfour\0"), ["one", "two", " three ", "four "]);
        assert!(lines("\r\n\n").is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_asked_it_is_one_line(
            tags in prop::collection::vec((".{0,6}", ".{0,6}"), 0..3),
            command in "[A-Z]{1,6}|.{0,4}",
            params in prop::collection::vec("(?s).{0,6}", 0..4),
        ) {
            let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let params: Vec<_> = params.iter().map(String::as_str).collect();
            if let Ok(line) = Line::with_tags(&tags, &command, &params) {
                prop_assert!(!breaks(line.as_str()));
                let parts = Parts::split(line.as_str()).unwrap();
                prop_assert_eq!(parts.command, command);
                prop_assert_eq!(parts.params, params);
            }
        }
    }
}
