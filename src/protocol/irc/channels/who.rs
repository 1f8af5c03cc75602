//! Asks for the members of channels with WHO, and reads the replies.

use std::time::Instant;

use super::users::UserInfo;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::line::Line;

/// The token of our WHOX queries.
const WHOX_TOKEN: &str = "52";

/// WHO and WHOX.
impl IrcSession {
    /// The next WHO, sent when nothing more urgent is queued.
    pub(in crate::protocol::irc) fn next_who(&mut self, now: Instant) -> Option<Line> {
        if !self.pacer.is_full(now) {
            return None;
        }
        let name = self.channels.name_of(self.who_poll.start_next(now)?)?;
        let fields = format!("%tuhnfar,{WHOX_TOKEN}");
        let whox = [name, &fields];
        let parameters = if self.isupport.whox { &whox[..] } else { &whox[..1] };
        Line::new("WHO", parameters).ok()
    }

    /// RPL_WHOREPLY: channel, user, host, server, nick, flags, hops and real name.
    pub(in crate::protocol::irc) fn on_who_reply(&mut self, arguments: &[String]) {
        let [_, _, user, host, _, nick, flags, rest] = arguments else { return };
        let realname = rest.split_once(' ').map(|(_, realname)| realname);
        self.apply_who_reply(nick, (user, host), flags, (None, realname));
    }

    /// RPL_WHOSPCRPL, with the fields that we requested.
    pub(in crate::protocol::irc) fn on_whox_reply(&mut self, arguments: &[String]) {
        let [_, token, user, host, nick, flags, account, realname] = arguments else { return };
        if token == WHOX_TOKEN {
            let account = Some(account.as_str()).filter(|account| *account != "0");
            self.apply_who_reply(nick, (user, host), flags, (Some(account), Some(realname)));
        }
    }

    fn apply_who_reply(
        &mut self,
        nick: &str,
        (user, host): (&str, &str),
        flags: &str,
        (account, realname): (Option<Option<&str>>, Option<&str>),
    ) {
        let address = format!("{user}@{host}");
        let bot = self.isupport.bot_mode.is_some_and(|letter| flags.contains(letter));
        let seen = UserInfo { nick, userhost: Some(&address), account, realname, bot };
        self.users.add_who_reply(seen, flags.starts_with('G'));
    }

    /// RPL_ENDOFWHO.
    pub(in crate::protocol::irc) fn on_end_of_who(&mut self) {
        if self.who_poll.finish() {
            self.users.end_of_who();
        }
    }
}
