//! What a line shows of a user.

use crate::domain::IrcUser;

/// Memory overhead per user, in bytes.
const USER_OVERHEAD: usize = 200;

/// Maximum stored length of an account, address or real name.
pub(super) const MAX_LEN: usize = 512;

/// What a received line says about its sender.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol::irc) struct UserInfo<'a> {
    pub(in crate::protocol::irc) nick: &'a str,
    pub(in crate::protocol::irc) userhost: Option<&'a str>,
    /// `Some(None)` if they are known not to be logged in.
    pub(in crate::protocol::irc) account: Option<Option<&'a str>>,
    pub(in crate::protocol::irc) realname: Option<&'a str>,
    /// Whether they are marked as a bot.
    pub(in crate::protocol::irc) bot: bool,
}

impl UserInfo<'_> {
    pub(super) fn matches(&self, user: &IrcUser) -> bool {
        user.nick == self.nick
            && (self.userhost.is_none() || user.userhost.as_deref() == self.userhost)
            && self.account.is_none_or(|account| user.account.as_deref() == account)
            && (self.realname.is_none() || user.realname.as_deref() == self.realname)
            && (user.bot || !self.bot)
    }

    /// Updates what is known; leaves the rest unchanged.
    pub(super) fn apply_to(&self, user: &mut IrcUser) {
        let owned = |text: &str| Some(truncate_to_bytes(text, MAX_LEN).to_owned());
        self.nick.clone_into(&mut user.nick);
        user.userhost = self.userhost.and_then(owned).or(user.userhost.take());
        user.realname = self.realname.and_then(owned).or(user.realname.take());
        if let Some(account) = self.account {
            user.account = account.map(|account| truncate_to_bytes(account, MAX_LEN).to_owned());
        }
        user.bot |= self.bot;
    }
}

/// Truncates `text` to at most `most` bytes.
pub(in crate::protocol::irc) fn truncate_to_bytes(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Memory used by a user, in bytes.
pub(super) fn user_bytes(user: &IrcUser) -> usize {
    let IrcUser { nick, userhost: address, account, realname, .. } = user;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    USER_OVERHEAD + 2 * nick.len() + length(address) + length(account) + length(realname)
}
