use std::time::Instant;

use irc::proto::Prefix;

use super::membership::LeaveReason;
use super::users::{UserInfo, truncate_to_bytes};
use super::voice;
use crate::domain::{Author, EndpointId, IrcUser};
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::batch::MessageContext;
use crate::protocol::irc::wire::line::{Line, SafeText};

/// What marks the answers to our WHO.
const WHOX_TOKEN: &str = "52";

/// In a channel with more people than this, nobody is asked for: what the server would have to say
/// at once is more than some are ready to hold for a client. Whoever speaks is known all the same.
const MAX_WHO_MEMBERS: usize = 1_000;

/// Who is in our channels.
impl IrcSession {
    /// Tells what has become of people.
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
        let (Some(place), Some((nick, address))) =
            (self.channels.endpoint_of(name), nick_and_userhost(source))
        else {
            return;
        };
        // `*` stands for none (<https://ircv3.net/specs/extensions/extended-join>).
        let account = account.map(|account| Some(account).filter(|account| *account != "*"));
        let address = address.as_deref();
        let seen = UserInfo { nick, userhost: address, account, realname, bot: context.bot };
        self.users.join(place, seen, context.batch.netjoin, now);
    }

    pub(in crate::protocol::irc) fn on_part(
        &mut self,
        source: Option<&Prefix>,
        name: &str,
        why: Option<String>,
    ) {
        if let (Some(place), Some((nick, _))) =
            (self.channels.endpoint_of(name), nick_and_userhost(source))
        {
            self.users.leave(place, nick, LeaveReason::Part { reason: why });
        }
    }

    pub(in crate::protocol::irc) fn on_kick(
        &mut self,
        source: Option<&Prefix>,
        (name, nick): (&str, &str),
        why: Option<String>,
    ) {
        if let Some(place) = self.channels.endpoint_of(name) {
            self.users.leave(
                place,
                nick,
                LeaveReason::Kick { by: source_name(source), reason: why },
            );
        }
    }

    pub(in crate::protocol::irc) fn on_quit(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        why: Option<String>,
        context: &MessageContext,
    ) {
        let Some((nick, _)) = nick_and_userhost(source) else { return };
        let how = match why {
            Some(servers) if context.batch.netsplit || is_netsplit_reason(&servers) => {
                LeaveReason::Netsplit { servers }
            }
            why => LeaveReason::Quit { reason: why },
        };
        self.users.quit(nick, how, now);
    }

    /// Somebody, perhaps we, goes by another nick.
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
        self.update_user(source, |person| person.nick = nick);
    }

    /// Somebody is known otherwise from now on.
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
        let Some(place) = self.channels.endpoint_of(name) else { return };
        let marks = self.isupport.prefixes();
        self.quota.count_names(1, now);
        for (nick, mark, given) in self.isupport.prefix_changes(change) {
            self.users.set_prefix(place, nick, (mark, given), &marks);
        }
        self.report_membership();
        let (by, change) = (source_name(source), change.join(" "));
        self.output.push_back(Output::Event(IrcEvent::ModesChanged {
            endpoint: place,
            by,
            change,
        }));
    }

    /// Asks for another topic.
    pub(in crate::protocol::irc) fn set_topic(&mut self, place: EndpointId, topic: &str) {
        if let Some(name) = self.channels.name_of(place) {
            let SafeText(topic) = SafeText::sanitize(topic);
            let words = ("TOPIC", vec![name.to_owned(), topic]);
            self.pending_topics.push(place);
            self.enqueue_control(vec![words]);
        }
    }

    /// The server does not let us do what it asks operators for. Says whether that was another topic: it
    /// was no line of ours, then.
    pub(in crate::protocol::irc) fn on_topic_rejected(&mut self, name: &str, why: &str) -> bool {
        let place = self.channels.endpoint_of(name);
        let asked = self.pending_topics.iter().position(|asked| Some(*asked) == place);
        if let Some(at) = asked {
            self.pending_topics.remove(at);
            tracing::warn!(channel = name, reason = why, "cannot change the topic: not permitted");
        }
        asked.is_some()
    }

    pub(in crate::protocol::irc) fn on_topic(
        &mut self,
        source: Option<&Prefix>,
        name: &str,
        topic: Option<String>,
    ) {
        let Some(place) = self.channels.endpoint_of(name) else { return };
        let by = source.map(|source| source_name(Some(source)));
        if self.is_us(source)
            && let Some(at) = self.pending_topics.iter().position(|asked| *asked == place)
        {
            self.pending_topics.remove(at);
        }
        let topic = topic.filter(|topic| !topic.is_empty());
        let topic = topic.map(|topic| truncate_to_bytes(&topic, MAX_LEN_TOPIC).to_owned());
        self.output.push_back(Output::Event(IrcEvent::Topic { endpoint: place, topic, by }));
    }

    /// Who says a line. What the server shows of them with it is learnt, and what it does not show
    /// is known from before; but what was said long ago tells, and is told by, that time alone.
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
        if let Some(person) = self.users.get(nick) {
            author.account = author.account.or_else(|| person.account.clone());
            author.bot |= person.bot;
        }
        author
    }

    /// RPL_NAMREPLY: some of those who are in a channel.
    pub(in crate::protocol::irc) fn on_names_reply(
        &mut self,
        now: Instant,
        name: &str,
        names: &str,
    ) {
        let Some(place) = self.channels.endpoint_of(name) else { return };
        let marks = self.isupport.prefixes();
        let mut count = 1;
        for name in names.split_ascii_whitespace() {
            self.users.add_name(place, name, &marks);
            count += 1;
        }
        self.quota.count_names(count, now);
    }

    /// RPL_ENDOFNAMES, of a channel that we are in.
    pub(in crate::protocol::irc) fn on_names_complete(
        &mut self,
        now: Instant,
        place: EndpointId,
        fresh: bool,
    ) {
        self.quota.count_names(self.users.member_count(place) + 1, now);
        self.users.end_of_names(place);
        if fresh && !self.send_only && self.users.member_count(place) <= MAX_WHO_MEMBERS {
            self.who_poll.enqueue(place);
        }
    }

    /// Asks which modes a channel has that we have come into.
    pub(in crate::protocol::irc) fn ask_modes(&mut self, place: EndpointId) {
        if self.send_only {
            return;
        }
        let words = self.channels.name_of(place).map(|name| ("MODE", vec![name.to_owned()]));
        self.enqueue_control(words.into_iter().collect());
    }

    /// RPL_CHANNELMODEIS: whether we are heard there.
    pub(in crate::protocol::irc) fn modes_are(&mut self, name: &str, modes: &str) {
        let Some(place) = self.channels.endpoint_of(name).filter(|_| self.channels.is_joined(name))
        else {
            return;
        };
        let marked = self.users.are_we_marked(place);
        let why = voice::unheard(modes, marked, self.account.is_some());
        let why = why.map(str::to_owned);
        self.output.push_back(Output::Event(IrcEvent::MaySpeak { place, why }));
    }

    /// The next WHO, when there is nothing more pressing to say.
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

    /// RPL_WHOREPLY: the channel, user, host, server, nick, flags, and hops with the real name.
    pub(in crate::protocol::irc) fn on_who_reply(&mut self, arguments: &[String]) {
        let [_, _, user, host, _, nick, flags, rest] = arguments else { return };
        let realname = rest.split_once(' ').map(|(_, realname)| realname);
        self.apply_who_reply(nick, (user, host), flags, (None, realname));
    }

    /// RPL_WHOSPCRPL, with the fields that we asked for.
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

/// The nick and, where it is shown, the address of whom a line comes from. Whoever has no name that can be
/// one says nothing.
pub(in crate::protocol::irc) fn nick_and_userhost(
    source: Option<&Prefix>,
) -> Option<(&str, Option<String>)> {
    let Prefix::Nickname(nick, user, host) = source? else { return None };
    let shown = !host.is_empty() && user.len() + host.len() < MAX_LEN_SHOWN_USERHOST;
    is_valid_nick(nick).then(|| (nick.as_str(), shown.then(|| format!("{user}@{host}"))))
}

/// Longer than any `user@host` that a server shows: one that is longer is not remembered.
const MAX_LEN_SHOWN_USERHOST: usize = 512;

/// Longer than any topic.
const MAX_LEN_TOPIC: usize = 4_096;

/// Longer than any nick.
const MAX_LEN_NICK: usize = 256;

/// Whether somebody can be called so. Where there is nothing to see in it, they are shown by another name.
pub(in crate::protocol::irc) fn is_valid_nick(nick: &str) -> bool {
    (1..=MAX_LEN_NICK).contains(&nick.len()) && !nick.contains([' ', '!', '@'])
}

/// Who did something: a person by nick, or a server.
pub(in crate::protocol::irc) fn source_name(source: Option<&Prefix>) -> String {
    match source {
        Some(Prefix::Nickname(name, ..) | Prefix::ServerName(name)) => name.clone(),
        None => String::new(),
    }
}

/// Whether a reason for leaving is the names of two servers: so a netsplit is told.
fn is_netsplit_reason(why: &str) -> bool {
    let server = |name: &str| {
        let inner = name.trim_matches('.');
        inner.len() == name.len()
            && name.contains('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-*_".contains(&b))
    };
    let mut names = why.split(' ');
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
        for (why, split) in [
            ("tea.example coffee.example", true),
            ("*.net *.split", true),
            ("Quit: tea.example coffee.example", false),
            ("tea.example coffee.example milk.example", false),
            ("good bye", false),
            ("tea.example", false),
            ("so... long...", false),
            ("", false),
        ] {
            assert_eq!(is_netsplit_reason(why), split, "{why}");
        }
    }
}
