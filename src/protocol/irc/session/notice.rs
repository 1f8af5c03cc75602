use super::{LONGEST_ADDRESS, Phase, Session};
use crate::protocol::irc::notice;

/// A word to somebody alone.
impl Session {
    /// Tells `nick`, once we are in: what they are told of is worth no more.
    pub(super) fn notice(&mut self, nick: &str, text: &str) {
        if self.phase != Phase::Seated || self.is_me(nick) {
            return;
        }
        let address = self.address.as_ref().map_or(LONGEST_ADDRESS, String::len);
        let source = (self.nick.len() + 1 + address, self.charset(nick));
        match notice::line(source, nick, text, self.isupport.linelen) {
            Some(line) => self.control.push_back(line),
            None => tracing::warn!(nick, "no nick to send a notice to"),
        }
    }
}
