//! Reads the text, tags and formatting of received messages.

use std::ops::RangeInclusive;

use irc::proto::message::Tag;
use jiff::Timestamp;

use crate::domain::MessageKind;

/// Kind and text of a PRIVMSG or NOTICE; `None` for a CTCP request or reply other than ACTION
/// (<https://modern.ircdocs.horse/ctcp>).
pub(in crate::protocol::irc) fn parse_text(
    notice: bool,
    text: &str,
) -> Option<(MessageKind, &str)> {
    let Some(ctcp) = text.strip_prefix('\x01') else {
        return Some((if notice { MessageKind::Notice } else { MessageKind::Text }, text));
    };
    // The closing delimiter is missing if a server truncated the line.
    let ctcp = ctcp.strip_suffix('\x01').unwrap_or(ctcp);
    let (command, rest) = ctcp.split_once(' ').unwrap_or((ctcp, ""));
    (command.eq_ignore_ascii_case("ACTION") && !notice).then_some((MessageKind::Action, rest))
}

/// The value of the tag `name`.
pub(in crate::protocol::irc) fn tag_value<'a>(
    tags: Option<&'a [Tag]>,
    name: &str,
) -> Option<&'a str> {
    tags?.iter().find(|tag| tag.0 == name)?.1.as_deref()
}

/// Plausible timestamps of IRC messages, in seconds since 1970: up to the year 2200. Leaves room for
/// arithmetic without overflow.
const SENSIBLE: RangeInclusive<i64> = 0..=7_258_118_400;

/// The server-time of a line (<https://ircv3.net/specs/extensions/server-time>).
pub(in crate::protocol::irc) fn server_time(tags: Option<&[Tag]>) -> Option<Timestamp> {
    let time: Timestamp = tag_value(tags, "time")?.parse().ok()?;
    SENSIBLE.contains(&time.as_second()).then_some(time)
}

/// Whether `received` is `sent` as echoed by a server that strips formatting or trailing spaces.
pub(in crate::protocol::irc) fn same_text(sent: &str, received: &str) -> bool {
    sent == received || strip_formatting(sent).trim_end() == strip_formatting(received).trim_end()
}

/// Removes formatting codes (<https://modern.ircdocs.horse/formatting>).
#[must_use]
pub fn strip_formatting(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\x02' | '\x0f' | '\x11' | '\x16' | '\x1d' | '\x1e' | '\x1f' => {}
            '\x03' => {
                let behind = skip_color_digits(rest);
                let ground = behind.strip_prefix(',').map(skip_color_digits);
                rest = ground.filter(|ground| ground.len() + 1 < behind.len()).unwrap_or(behind);
            }
            c => plain.push(c),
        }
    }
    plain
}

/// The rest of `text` after a colour number.
fn skip_color_digits(text: &str) -> &str {
    let number = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    &text[number..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_ignores_formatting() {
        for (said, heard, same) in [
            ("tea", "tea", true),
            ("\x02tea\x02 \x0304,12red\x03 ", "tea red", true),
            ("\x033,green", ",green", true),
            ("tea", "Tea", false),
            ("1 cup", "2 cups", false),
        ] {
            assert_eq!(same_text(said, heard), same, "{said:?} {heard:?}");
        }
    }

    #[test]
    fn ctcp_requests_are_not_messages() {
        for (notice, text, heard) in [
            (false, "hello", Some((MessageKind::Text, "hello"))),
            (true, "hello", Some((MessageKind::Notice, "hello"))),
            (false, "\x01ACTION waves\x01", Some((MessageKind::Action, "waves"))),
            (false, "\x01action waves", Some((MessageKind::Action, "waves"))),
            (false, "\x01ACTION\x01", Some((MessageKind::Action, ""))),
            (false, "\x01VERSION\x01", None),
            (true, "\x01VERSION irssi\x01", None),
            (false, "", Some((MessageKind::Text, ""))),
        ] {
            assert_eq!(parse_text(notice, text), heard, "{text:?}");
        }
    }

    #[test]
    fn server_time_parses_or_is_none() {
        let tags = |value: &str| [Tag("time".to_owned(), Some(value.to_owned()))];
        assert_eq!(
            server_time(Some(&tags("2026-11-22T21:30:35.046Z"))).map(Timestamp::as_millisecond),
            Some(1_795_383_035_046)
        );
        for nonsense in [
            "yesterday",
            "-009999-01-02T01:59:59Z",
            "1969-12-31T23:59:59Z",
            "2999-01-01T00:00:00Z",
            "9999-12-30T22:00:00Z",
            "",
            "0000-01-01T00:00:00.000Z",
            "9999-12-30T21:59:59.000Z",
            "9999-12-31T23:59:59.999Z",
            "2026-13-40T99:99:99Z",
            "99999999999999999999",
        ] {
            assert_eq!(server_time(Some(&tags(nonsense))), None, "{nonsense}");
        }
        assert_eq!(server_time(None), None);
    }
}
