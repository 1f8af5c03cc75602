//! A word to somebody alone.

use super::send::split;
use super::send::split::Room;
use super::wire::line::{Charset, Line, SafeText};
use crate::domain::MessageKind;

/// `text`, as much of it as fits into one line, said to `nick`; `None` where that is no nick. A target
/// of PRIVMSG and NOTICE may also be a channel, a list, or everybody on a server (RFC 2812 §3.3.1).
pub(super) fn notice_line(
    (source, charset): (usize, Charset),
    nick: &str,
    text: &str,
    linelen: usize,
) -> Option<Line> {
    if !is_nick(nick) {
        return None;
    }
    let bytes = split::text_budget(source, charset.width(nick), MessageKind::Notice, linelen);
    let room = Room { bytes, charset };
    let first = split::lines("", text, room).into_iter().next()?;
    Some(Line::message(MessageKind::Notice, nick, &SafeText::sanitize(&first.text)))
}

/// Whether `nick` names somebody, and one only.
pub(super) fn is_nick(nick: &str) -> bool {
    let odd = |c: char| c.is_control() || " ,*?!@".contains(c);
    !nick.is_empty()
        && !nick.starts_with(['#', '&', '+', '$', ':', '%', '~'])
        && !nick.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF_8: Charset = Charset::Both(encoding_rs::UTF_8);

    #[test]
    fn notice_is_one_line_to_one_nick() {
        let long = "word ".repeat(200);
        let said = notice_line((20, UTF_8), "ann", &long, 512).expect("a line");
        assert!(said.len() + 2 + 22 <= 512, "{said}");
        let said = notice_line((20, UTF_8), "ann", "one\r\nQUIT", 512).expect("a line");
        assert_eq!(said.as_str(), "NOTICE ann :one");
    }

    #[test]
    fn notice_to_a_non_nick_is_not_sent() {
        for nick in ["", "#tea", "$$*", "ann,bob", "@#tea", "+#tea", "*.example", "a b", "a\r\nb"] {
            assert_eq!(notice_line((20, UTF_8), nick, "hi", 512), None, "{nick}");
        }
    }
}
