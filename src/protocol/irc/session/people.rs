use std::time::Instant;

use irc::proto::Prefix;

use super::Session;
use crate::domain::{Author, EndpointId, IrcUser};
use crate::protocol::Output;
use crate::protocol::irc::Event;
use crate::protocol::irc::batches::Context;
use crate::protocol::irc::line::{Line, Text};
use crate::protocol::irc::people::{Seen, head};
use crate::protocol::irc::presence::Parting;
use crate::protocol::irc::voice;

/// What marks the answers to our WHO.
const TOKEN: &str = "52";

/// In a channel with more people than this, nobody is asked for: what the server would have to say
/// at once is more than some are ready to hold for a client. Whoever speaks is known all the same.
const MOST_ASKED: usize = 1_000;

/// Who is in our channels.
impl Session {
    /// Tells what has become of people.
    pub(super) fn tell_presence(&mut self) {
        self.output.extend(self.people.news().map(|it| Output::Event(Event::Presence(it))));
    }

    pub(super) fn came(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        name: &str,
        (account, realname): (Option<&str>, Option<&str>),
        context: &Context,
    ) {
        let (Some(place), Some((nick, address))) = (self.channels.place(name), split(source))
        else {
            return;
        };
        // `*` stands for none (<https://ircv3.net/specs/extensions/extended-join>).
        let account = account.map(|account| Some(account).filter(|account| *account != "*"));
        let address = address.as_deref();
        let seen = Seen { nick, address, account, realname, bot: context.bot };
        self.people.came(place, seen, context.batch.netjoin, now);
    }

    pub(super) fn parted(&mut self, source: Option<&Prefix>, name: &str, why: Option<String>) {
        if let (Some(place), Some((nick, _))) = (self.channels.place(name), split(source)) {
            self.people.left(place, nick, Parting::Left { why });
        }
    }

    pub(super) fn kicked(
        &mut self,
        source: Option<&Prefix>,
        (name, nick): (&str, &str),
        why: Option<String>,
    ) {
        if let Some(place) = self.channels.place(name) {
            self.people.left(place, nick, Parting::Kicked { by: doer(source), why });
        }
    }

    pub(super) fn gone(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        why: Option<String>,
        context: &Context,
    ) {
        let Some((nick, _)) = split(source) else { return };
        let how = match why {
            Some(servers) if context.batch.netsplit || names_servers(&servers) => {
                Parting::Split { servers }
            }
            why => Parting::Quit { why },
        };
        self.people.quit(nick, how, now);
    }

    /// Somebody, perhaps we, goes by another nick.
    pub(super) fn renamed(&mut self, now: Instant, source: Option<&Prefix>, nick: String) {
        if !is_name(&nick) {
            return;
        }
        if self.is_us(source) {
            self.we_are_called(now, &nick);
        } else {
            self.gave_up(now, source);
        }
        self.changed(source, |person| person.nick = nick);
    }

    /// Somebody is known otherwise from now on.
    pub(super) fn changed(&mut self, source: Option<&Prefix>, change: impl FnOnce(&mut IrcUser)) {
        if let Some((nick, _)) = split(source) {
            self.people.change(nick, change);
        }
    }

    pub(super) fn moded(&mut self, now: Instant, source: Option<&Prefix>, arguments: &[String]) {
        let Some((name, change)) = arguments.split_first() else { return };
        let Some(place) = self.channels.place(name) else { return };
        let marks = self.isupport.marks();
        self.budget.work(1, now);
        for (nick, mark, given) in self.isupport.ranks(change) {
            self.people.ranked(place, nick, (mark, given), &marks);
        }
        self.tell_presence();
        let (by, change) = (doer(source), change.join(" "));
        self.output.push_back(Output::Event(Event::Modes { place, by, change }));
    }

    /// Asks for another topic.
    pub(super) fn set_topic(&mut self, place: EndpointId, topic: &str) {
        if let Some(name) = self.channels.name(place) {
            let Text(topic) = Text::clean(topic);
            let words = ("TOPIC", vec![name.to_owned(), topic]);
            self.retitling.push(place);
            self.send_all(vec![words]);
        }
    }

    /// The server does not let us do what it asks operators for. Says whether that was another topic: it
    /// was no line of ours, then.
    pub(super) fn topic_refused(&mut self, name: &str, why: &str) -> bool {
        let place = self.channels.place(name);
        let asked = self.retitling.iter().position(|asked| Some(*asked) == place);
        if let Some(at) = asked {
            self.retitling.remove(at);
            tracing::warn!(channel = name, why, "the topic stays: the bridge may not change it");
        }
        asked.is_some()
    }

    pub(super) fn topic(&mut self, source: Option<&Prefix>, name: &str, topic: Option<String>) {
        let Some(place) = self.channels.place(name) else { return };
        let by = source.map(|source| doer(Some(source)));
        if self.is_us(source)
            && let Some(at) = self.retitling.iter().position(|asked| *asked == place)
        {
            self.retitling.remove(at);
        }
        let topic = topic.filter(|topic| !topic.is_empty());
        let topic = topic.map(|topic| head(&topic, LONGEST_TOPIC).to_owned());
        self.output.push_back(Output::Event(Event::Topic { place, topic, by }));
    }

    /// Who says a line. What the server shows of them with it is learnt, and what it does not show
    /// is known from before; but what was said long ago tells, and is told by, that time alone.
    pub(super) fn author(
        &mut self,
        nick: &str,
        address: Option<String>,
        context: &Context,
    ) -> Author {
        let mut author = Author {
            name: nick.to_owned(),
            display_name: None,
            account: context.account.clone(),
            userhost: address,
            bot: context.bot,
        };
        if context.batch.played {
            return author;
        }
        let tagged = self.registration.has("account-tag");
        self.people.seen(Seen {
            nick,
            address: author.userhost.as_deref(),
            account: tagged.then_some(author.account.as_deref()),
            realname: None,
            bot: author.bot,
        });
        self.tell_presence();
        if let Some(person) = self.people.get(nick) {
            author.account = author.account.or_else(|| person.account.clone());
            author.bot |= person.bot;
        }
        author
    }

    /// RPL_NAMREPLY: some of those who are in a channel.
    pub(super) fn named(&mut self, now: Instant, name: &str, names: &str) {
        let Some(place) = self.channels.place(name) else { return };
        let marks = self.isupport.marks();
        let mut count = 1;
        for name in names.split_ascii_whitespace() {
            self.people.named(place, name, &marks);
            count += 1;
        }
        self.budget.work(count, now);
    }

    /// RPL_ENDOFNAMES, of a channel that we are in.
    pub(super) fn named_all(&mut self, now: Instant, place: EndpointId, fresh: bool) {
        self.budget.work(self.people.count(place) + 1, now);
        self.people.listed(place);
        if fresh && !self.deaf && self.people.count(place) <= MOST_ASKED {
            self.census.wish(place);
        }
    }

    /// Asks which modes a channel has that we have come into.
    pub(super) fn ask_modes(&mut self, place: EndpointId) {
        if self.deaf {
            return;
        }
        let words = self.channels.name(place).map(|name| ("MODE", vec![name.to_owned()]));
        self.send_all(words.into_iter().collect());
    }

    /// RPL_CHANNELMODEIS: whether we are heard there.
    pub(super) fn modes_are(&mut self, name: &str, modes: &str) {
        let Some(place) = self.channels.place(name).filter(|_| self.channels.is_in(name)) else {
            return;
        };
        let marked = self.people.are_we_marked(place);
        let why = voice::unheard(modes, marked, self.account.is_some());
        let why = why.map(str::to_owned);
        self.output.push_back(Output::Event(Event::MaySpeak { place, why }));
    }

    /// The next WHO, when there is nothing more pressing to say.
    pub(super) fn next_who(&mut self, now: Instant) -> Option<Line> {
        if !self.pacer.is_rested(now) {
            return None;
        }
        let name = self.channels.name(self.census.next(now)?)?;
        let fields = format!("%tuhnfar,{TOKEN}");
        let whox = [name, &fields];
        let parameters = if self.isupport.whox { &whox[..] } else { &whox[..1] };
        Line::new("WHO", parameters).ok()
    }

    /// RPL_WHOREPLY: the channel, user, host, server, nick, flags, and hops with the real name.
    pub(super) fn who(&mut self, arguments: &[String]) {
        let [_, _, user, host, _, nick, flags, rest] = arguments else { return };
        let realname = rest.split_once(' ').map(|(_, realname)| realname);
        self.told_of(nick, (user, host), flags, (None, realname));
    }

    /// RPL_WHOSPCRPL, with the fields that we asked for.
    pub(super) fn whox(&mut self, arguments: &[String]) {
        let [_, token, user, host, nick, flags, account, realname] = arguments else { return };
        if token == TOKEN {
            let account = Some(account.as_str()).filter(|account| *account != "0");
            self.told_of(nick, (user, host), flags, (Some(account), Some(realname)));
        }
    }

    fn told_of(
        &mut self,
        nick: &str,
        (user, host): (&str, &str),
        flags: &str,
        (account, realname): (Option<Option<&str>>, Option<&str>),
    ) {
        let address = format!("{user}@{host}");
        let bot = self.isupport.bot.is_some_and(|letter| flags.contains(letter));
        let seen = Seen { nick, address: Some(&address), account, realname, bot };
        self.people.told(seen, flags.starts_with('G'));
    }

    /// RPL_ENDOFWHO.
    pub(super) fn who_is_all(&mut self) {
        if self.census.answered() {
            self.people.told_all();
        }
    }
}

/// The nick and, where it is shown, the address of whom a line comes from. Whoever has no name that can be
/// one says nothing.
pub(super) fn split(source: Option<&Prefix>) -> Option<(&str, Option<String>)> {
    let Prefix::Nickname(nick, user, host) = source? else { return None };
    let shown = !host.is_empty() && user.len() + host.len() < LONGEST_SHOWN;
    is_name(nick).then(|| (nick.as_str(), shown.then(|| format!("{user}@{host}"))))
}

/// Longer than any `user@host` that a server shows: one that is longer is not remembered.
const LONGEST_SHOWN: usize = 512;

/// Longer than any topic.
const LONGEST_TOPIC: usize = 4_096;

/// Longer than any nick.
const LONGEST_NICK: usize = 256;

/// Whether somebody can be called so. Where there is nothing to see in it, they are shown by another name.
pub(super) fn is_name(nick: &str) -> bool {
    (1..=LONGEST_NICK).contains(&nick.len()) && !nick.contains([' ', '!', '@'])
}

/// Who did something: a person by nick, or a server.
pub(super) fn doer(source: Option<&Prefix>) -> String {
    match source {
        Some(Prefix::Nickname(name, ..) | Prefix::ServerName(name)) => name.clone(),
        None => String::new(),
    }
}

/// Whether a reason for leaving is the names of two servers: so a netsplit is told.
fn names_servers(why: &str) -> bool {
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
    fn nobody_is_nameless() {
        for nick in ["ann", "[tea]", "_", "été", "茶", "{}", "1"] {
            assert!(is_name(nick), "{nick}");
        }
        for nick in ["", "!", "@", "!@", "a b", &"x".repeat(257)] {
            assert!(!is_name(nick), "{nick:?}");
        }
        for source in ["!@", "!u@h", "@h"] {
            assert_eq!(split(Some(&Prefix::from(source))), None, "{source:?}");
        }
    }

    #[test]
    fn a_netsplit_is_told_from_words() {
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
            assert_eq!(names_servers(why), split, "{why}");
        }
    }
}
