//! Handles events of channel members: joins, parts, nick changes, modes and NAMES replies.

use std::time::Instant;

use irc::proto::Prefix;

use super::membership::LeaveReason;
use super::users::UserInfo;
use super::voice;
use crate::domain::{Author, EndpointId, IrcUser};
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::batch::MessageContext;

/// No WHO in channels with more members: the reply would overflow the send queue that some servers have for a
/// client. Members become known when they speak.
const MAX_WHO_MEMBERS: usize = 1_000;

/// The members of our channels.
impl IrcSession {
    /// Reports changes of members.
    pub(in crate::protocol::irc) fn report_membership(&mut self) {
        self.output
            .extend(self.users.drain_events().map(|it| Output::Event(IrcEvent::Membership(it))));
    }

    pub(in crate::protocol::irc) fn on_join(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        name: &str,
        (account, realname): (Option<&str>, Option<&str>),
        context: &MessageContext,
    ) {
        let (Some(endpoint), Some((nick, address))) =
            (self.channels.endpoint_of(name), nick_and_userhost(source))
        else {
            return;
        };
        // `*` means no account (<https://ircv3.net/specs/extensions/extended-join>).
        let account = account.map(|account| Some(account).filter(|account| *account != "*"));
        let address = address.as_deref();
        let seen = UserInfo { nick, userhost: address, account, realname, bot: context.bot };
        self.users.join(endpoint, seen, context.batch.netjoin, now);
    }

    pub(in crate::protocol::irc) fn on_part(
        &mut self,
        source: Option<&Prefix>,
        name: &str,
        reason: Option<String>,
    ) {
        if let (Some(endpoint), Some((nick, _))) =
            (self.channels.endpoint_of(name), nick_and_userhost(source))
        {
            self.users.leave(endpoint, nick, LeaveReason::Part { reason });
        }
    }

    pub(in crate::protocol::irc) fn on_kick(
        &mut self,
        source: Option<&Prefix>,
        (name, nick): (&str, &str),
        reason: Option<String>,
    ) {
        if let Some(endpoint) = self.channels.endpoint_of(name) {
            self.users.leave(endpoint, nick, LeaveReason::Kick { by: source_name(source), reason });
        }
    }

    pub(in crate::protocol::irc) fn on_quit(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        reason: Option<String>,
        context: &MessageContext,
    ) {
        let Some((nick, _)) = nick_and_userhost(source) else { return };
        let how = match reason {
            Some(servers) if context.batch.netsplit || is_netsplit_reason(&servers) => {
                LeaveReason::Netsplit { servers }
            }
            reason => LeaveReason::Quit { reason },
        };
        self.users.quit(nick, how, now);
    }

    /// A user, perhaps we, changed nick.
    pub(in crate::protocol::irc) fn on_nick(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        nick: String,
    ) {
        if !is_valid_nick(&nick) {
            return;
        }
        if self.is_us(source) {
            self.on_own_nick_changed(now, &nick);
        } else {
            self.on_nick_released(now, source);
        }
        self.update_user(source, |user| user.nick = nick);
    }

    /// A user, perhaps we, logged in to an account or out of it.
    pub(in crate::protocol::irc) fn on_account_changed(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        account: String,
    ) {
        let account = Some(account).filter(|account| account != "*");
        if self.is_us(source) {
            self.on_account(now, account.as_deref());
        }
        self.update_user(source, |user| user.account = account);
    }

    pub(in crate::protocol::irc) fn on_away(
        &mut self,
        source: Option<&Prefix>,
        reason: Option<&str>,
    ) {
        let away = reason.is_some_and(|reason| !reason.is_empty());
        self.update_user(source, |user| user.away = away);
    }

    /// A user, perhaps we, is shown under another user name or host.
    pub(in crate::protocol::irc) fn on_userhost_changed(
        &mut self,
        source: Option<&Prefix>,
        user: &str,
        host: &str,
    ) {
        let userhost = format!("{user}@{host}");
        if self.is_us(source) {
            self.userhost = Some(userhost.clone());
        }
        self.update_user(source, |user| user.userhost = Some(userhost));
    }

    /// A user's data changed.
    pub(in crate::protocol::irc) fn update_user(
        &mut self,
        source: Option<&Prefix>,
        change: impl FnOnce(&mut IrcUser),
    ) {
        if let Some((nick, _)) = nick_and_userhost(source) {
            self.users.update(nick, change);
        }
    }

    pub(in crate::protocol::irc) fn on_mode(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        arguments: &[String],
    ) {
        let Some((name, change)) = arguments.split_first() else { return };
        let Some(endpoint) = self.channels.endpoint_of(name) else { return };
        let prefixes = self.isupport.prefixes();
        self.quota.count_names(1, now);
        for (nick, mark, given) in self.isupport.prefix_changes(change) {
            self.users.set_prefix(endpoint, nick, (mark, given), &prefixes);
        }
        self.report_membership();
        self.report_modes_changed(endpoint, source, change);
    }

    /// The author of a line. For live messages, what the line shows is learned and the rest comes from what
    /// is known. For history, only the line itself counts.
    pub(in crate::protocol::irc) fn message_author(
        &mut self,
        nick: &str,
        address: Option<String>,
        context: &MessageContext,
    ) -> Author {
        let mut author = Author {
            name: nick.to_owned(),
            display_name: None,
            account: context.account.clone(),
            userhost: address,
            bot: context.bot,
        };
        if context.batch.is_playback {
            return author;
        }
        let tagged = self.registration.has_cap("account-tag");
        self.users.observe(UserInfo {
            nick,
            userhost: author.userhost.as_deref(),
            account: tagged.then_some(author.account.as_deref()),
            realname: None,
            bot: author.bot,
        });
        self.report_membership();
        if let Some(user) = self.users.get(nick) {
            author.account = author.account.or_else(|| user.account.clone());
            author.bot |= user.bot;
        }
        author
    }

    /// RPL_NAMREPLY: some of the members of a channel.
    pub(in crate::protocol::irc) fn on_names_reply(
        &mut self,
        now: Instant,
        name: &str,
        names: &str,
    ) {
        let Some(endpoint) = self.channels.endpoint_of(name) else { return };
        let prefixes = self.isupport.prefixes();
        let mut count = 1;
        for name in names.split_ascii_whitespace() {
            self.users.add_name(endpoint, name, &prefixes);
            count += 1;
        }
        self.quota.count_names(count, now);
    }

    /// RPL_ENDOFNAMES of a channel that we are in.
    pub(in crate::protocol::irc) fn on_names_complete(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        fresh: bool,
    ) {
        self.quota.count_names(self.users.member_count(endpoint) + 1, now);
        self.users.end_of_names(endpoint);
        if fresh && !self.send_only && self.users.member_count(endpoint) <= MAX_WHO_MEMBERS {
            self.who_poll.enqueue(endpoint);
        }
    }

    /// Requests the modes of a channel that we have joined.
    pub(in crate::protocol::irc) fn ask_modes(&mut self, endpoint: EndpointId) {
        if self.send_only {
            return;
        }
        let command = self.channels.name_of(endpoint).map(|name| ("MODE", vec![name.to_owned()]));
        self.enqueue_control(command.into_iter().collect());
    }

    /// RPL_CHANNELMODEIS: determines whether we can speak.
    pub(in crate::protocol::irc) fn modes_are(&mut self, name: &str, modes: &str) {
        let Some(endpoint) =
            self.channels.endpoint_of(name).filter(|_| self.channels.is_joined(name))
        else {
            return;
        };
        let marked = self.users.are_we_marked(endpoint);
        let reason = voice::unheard(modes, marked, self.account.is_some());
        let reason = reason.map(str::to_owned);
        self.output.push_back(Output::Event(IrcEvent::MaySpeak { endpoint, reason }));
        self.set_channel_modes(endpoint, modes);
    }
}

/// Nick and, if shown, address of the sender of a line. `None` if it is not a valid nick.
pub(in crate::protocol::irc) fn nick_and_userhost(
    source: Option<&Prefix>,
) -> Option<(&str, Option<String>)> {
    let Prefix::Nickname(nick, user, host) = source? else { return None };
    let shown = !host.is_empty() && user.len() + host.len() < MAX_LEN_SHOWN_USERHOST;
    is_valid_nick(nick).then(|| (nick.as_str(), shown.then(|| format!("{user}@{host}"))))
}

/// Longer than any `user@host`; longer ones are ignored.
const MAX_LEN_SHOWN_USERHOST: usize = 512;

/// Longer than any nick.
const MAX_LEN_NICK: usize = 256;

/// Whether it is plausible as a nick. Invisible nicks are displayed in another way.
pub(in crate::protocol::irc) fn is_valid_nick(nick: &str) -> bool {
    (1..=MAX_LEN_NICK).contains(&nick.len()) && !nick.contains([' ', '!', '@'])
}

/// The nick or server that did something.
pub(in crate::protocol::irc) fn source_name(source: Option<&Prefix>) -> String {
    match source {
        Some(Prefix::Nickname(name, ..) | Prefix::ServerName(name)) => name.clone(),
        None => String::new(),
    }
}

/// Whether a quit message consists of two server names, which indicates a netsplit.
fn is_netsplit_reason(reason: &str) -> bool {
    let server = |name: &str| {
        let inner = name.trim_matches('.');
        inner.len() == name.len()
            && name.contains('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-*_".contains(&b))
    };
    let mut names = reason.split(' ');
    let both = names.next().is_some_and(server) && names.next().is_some_and(server);
    both && names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_nicks_are_invalid() {
        for nick in ["ann", "[tea]", "_", "été", "茶", "{}", "1"] {
            assert!(is_valid_nick(nick), "{nick}");
        }
        for nick in ["", "!", "@", "!@", "a b", &"x".repeat(257)] {
            assert!(!is_valid_nick(nick), "{nick:?}");
        }
        for source in ["!@", "!u@h", "@h"] {
            assert_eq!(nick_and_userhost(Some(&Prefix::from(source))), None, "{source:?}");
        }
    }

    #[test]
    fn netsplit_reason_is_two_server_names() {
        for (reason, split) in [
            ("tea.example coffee.example", true),
            ("*.net *.split", true),
            ("Quit: tea.example coffee.example", false),
            ("tea.example coffee.example milk.example", false),
            ("good bye", false),
            ("tea.example", false),
            ("so... long...", false),
            ("", false),
        ] {
            assert_eq!(is_netsplit_reason(reason), split, "{reason}");
        }
    }
}
