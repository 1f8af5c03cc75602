//! NOTICEs to single users.

use super::split;
use super::split::Room;
use crate::domain::MessageKind;
use crate::protocol::irc::session::{IrcSession, IrcSessionPhase, MAX_LEN_USERHOST};
use crate::protocol::irc::wire::charset::Charset;
use crate::protocol::irc::wire::line::{Line, SafeText};

/// `text` as a NOTICE to `nick`, truncated to one line; `None` if `nick` is not a nick. A target of PRIVMSG
/// or NOTICE can also be a channel, a list or a server mask (RFC 2812 §3.3.1).
pub(in crate::protocol::irc) fn notice_line(
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

/// NOTICEs to single users.
impl IrcSession {
    /// Sends a NOTICE to `nick`; dropped while offline.
    pub(in crate::protocol::irc) fn send_notice(&mut self, nick: &str, text: &str) {
        if self.phase != IrcSessionPhase::Online || self.is_me(nick) {
            return;
        }
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        let source = (self.nick.len() + 1 + address, self.charset(nick));
        match notice_line(source, nick, text, self.isupport.linelen) {
            Some(line) => self.control_queue.push_back(line),
            None => tracing::warn!(nick, "notice not sent: not a nick"),
        }
    }
}

/// Whether `nick` is exactly one nick.
pub(in crate::protocol::irc) fn is_nick(nick: &str) -> bool {
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
