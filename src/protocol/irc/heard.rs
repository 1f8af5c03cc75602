use irc::proto::message::Tag;
use jiff::Timestamp;

use crate::domain::Kind;

/// What the text of a PRIVMSG or NOTICE says, and how; `None` for what is not talk: a CTCP request
/// or its answer (<https://modern.ircdocs.horse/ctcp>).
pub(super) fn talk(notice: bool, text: &str) -> Option<(Kind, &str)> {
    let Some(ctcp) = text.strip_prefix('\x01') else {
        return Some((if notice { Kind::Notice } else { Kind::Talk }, text));
    };
    // The closing mark is missing where a server has cut the line.
    let ctcp = ctcp.strip_suffix('\x01').unwrap_or(ctcp);
    let (command, rest) = ctcp.split_once(' ').unwrap_or((ctcp, ""));
    (command.eq_ignore_ascii_case("ACTION") && !notice).then_some((Kind::Action, rest))
}

/// The value of the tag `name`.
pub(super) fn tag<'a>(tags: Option<&'a [Tag]>, name: &str) -> Option<&'a str> {
    tags?.iter().find(|tag| tag.0 == name)?.1.as_deref()
}

/// When it was said, where the server says so (<https://ircv3.net/specs/extensions/server-time>).
pub(super) fn time(tags: Option<&[Tag]>) -> Option<Timestamp> {
    tag(tags, "time")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_is_told_from_machinery() {
        for (notice, text, heard) in [
            (false, "hello", Some((Kind::Talk, "hello"))),
            (true, "hello", Some((Kind::Notice, "hello"))),
            (false, "\x01ACTION waves\x01", Some((Kind::Action, "waves"))),
            (false, "\x01action waves", Some((Kind::Action, "waves"))),
            (false, "\x01ACTION\x01", Some((Kind::Action, ""))),
            (false, "\x01VERSION\x01", None),
            (true, "\x01VERSION irssi\x01", None),
            (false, "", Some((Kind::Talk, ""))),
        ] {
            assert_eq!(talk(notice, text), heard, "{text:?}");
        }
    }

    #[test]
    fn times_are_read_and_nonsense_is_not() {
        let tags = |value: &str| [Tag("time".to_owned(), Some(value.to_owned()))];
        assert_eq!(
            time(Some(&tags("2026-11-22T21:30:35.046Z"))).map(Timestamp::as_millisecond),
            Some(1_795_383_035_046)
        );
        assert_eq!(time(Some(&tags("yesterday"))), None);
        assert_eq!(time(None), None);
    }
}
