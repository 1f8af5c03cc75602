use super::{IrcSession, IrcSessionPhase, MAX_LEN_USERHOST};
use crate::protocol::irc::notice;

/// A word to somebody alone.
impl IrcSession {
    /// Tells `nick`, once we are in: what they are told of is worth no more.
    pub(super) fn send_notice(&mut self, nick: &str, text: &str) {
        if self.phase != IrcSessionPhase::Online || self.is_me(nick) {
            return;
        }
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        let source = (self.nick.len() + 1 + address, self.charset(nick));
        match notice::notice_line(source, nick, text, self.isupport.linelen) {
            Some(line) => self.control_queue.push_back(line),
            None => tracing::warn!(nick, "no nick to send a notice to"),
        }
    }
}
