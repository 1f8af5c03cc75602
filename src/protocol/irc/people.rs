//! Who is who: everybody in our channels, as the server tells it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{Casemapping, ChannelMember, EndpointId, IrcUser, Roster};

use super::budget::MOST_KEPT;
use super::presence::{Parting, Presence};

/// More people than any network has in our channels. Whoever comes beyond is not remembered.
const MOST: usize = 200_000;

/// How many who were split off are expected back.
const MOST_SPLIT: usize = 20_000;

/// How many are learnt of before it is told.
const MOST_LEARNT: usize = 50_000;

/// What somebody costs beside the letters of what is known of them, in memory.
const FRAME: usize = 200;

/// How much of an account's name, an address and a real name is kept.
const LONGEST: usize = 512;

/// How long those who were split off are expected back.
const SPLIT: Duration = Duration::from_secs(3_600);

/// Everybody in our channels. What becomes of them is told as [`Presence`].
#[derive(Debug, Default)]
pub(super) struct People {
    casemapping: Casemapping,
    /// Our own nick, folded.
    me: String,
    /// By folded nick.
    known: HashMap<String, Known>,
    channels: HashMap<EndpointId, Roster>,
    /// How many bytes all of them take.
    held: usize,
    /// The lists of NAMES that have not come to their end.
    lists: HashMap<EndpointId, Vec<(IrcUser, String)>>,
    /// What WHO has told, by folded nick, until it comes to its end.
    learnt: Vec<String>,
    /// Who was split off, and when.
    split: HashMap<String, Instant>,
    news: Vec<Presence>,
}

#[derive(Debug)]
struct Known {
    person: Arc<IrcUser>,
    places: Vec<EndpointId>,
}

/// What the server shows of somebody who does something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) nick: &'a str,
    pub(super) address: Option<&'a str>,
    /// `Some(None)` where it is known that they are not logged in.
    pub(super) account: Option<Option<&'a str>>,
    pub(super) realname: Option<&'a str>,
    /// Whether the server says that they are a program.
    pub(super) bot: bool,
}

impl Seen<'_> {
    fn fits(&self, person: &IrcUser) -> bool {
        person.nick == self.nick
            && (self.address.is_none() || person.userhost.as_deref() == self.address)
            && self.account.is_none_or(|account| person.account.as_deref() == account)
            && (self.realname.is_none() || person.realname.as_deref() == self.realname)
            && (person.bot || !self.bot)
    }

    /// What is shown is so; what is not shown is as it was.
    fn imprint(&self, person: &mut IrcUser) {
        let owned = |text: &str| Some(head(text, LONGEST).to_owned());
        self.nick.clone_into(&mut person.nick);
        person.userhost = self.address.and_then(owned).or(person.userhost.take());
        person.realname = self.realname.and_then(owned).or(person.realname.take());
        if let Some(account) = self.account {
            person.account = account.map(|account| head(account, LONGEST).to_owned());
        }
        person.bot |= self.bot;
    }
}

/// As much of `text` as `most` bytes hold.
pub(super) fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// How many bytes somebody takes.
fn weight(person: &IrcUser) -> usize {
    let IrcUser { nick, userhost: address, account, realname, .. } = person;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    FRAME + 2 * nick.len() + length(address) + length(account) + length(realname)
}

impl People {
    /// How many bytes all that is known of people takes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The server folds names like this.
    pub(super) fn fold(&mut self, casemapping: Casemapping) {
        if self.casemapping == casemapping {
            return;
        }
        // It is told before anybody is known; from a server that changes it later, all is new.
        let me = std::mem::take(&mut self.me);
        *self = Self { casemapping, me: casemapping.fold(&me), ..Self::default() };
    }

    /// We go by `nick`.
    pub(super) fn we_are(&mut self, nick: &str) {
        self.me = self.casemapping.fold(nick);
    }

    /// What has become of people since it was asked for last.
    pub(super) fn news(&mut self) -> std::vec::Drain<'_, Presence> {
        self.news.drain(..)
    }

    /// Who goes by `nick`.
    pub(super) fn get(&self, nick: &str) -> Option<&Arc<IrcUser>> {
        self.known.get(&self.casemapping.fold(nick)).map(|known| &known.person)
    }

    /// How many are in the channel, as far as is known.
    pub(super) fn count(&self, place: EndpointId) -> usize {
        self.channels.get(&place).map_or(0, Roster::len)
    }

    /// Whether the server has listed ourselves there.
    pub(super) fn are_we_in(&self, place: EndpointId) -> bool {
        self.channels.get(&place).is_some_and(|channel| channel.get(&self.me).is_some())
    }

    /// Whether we have any mark there: voice, or more.
    pub(super) fn are_we_marked(&self, place: EndpointId) -> bool {
        let me = self.channels.get(&place).and_then(|channel| channel.get(&self.me));
        me.is_some_and(|member| !member.prefixes.is_empty())
    }

    /// Somebody does something: what the server shows of them with it is learnt.
    pub(super) fn seen(&mut self, seen: Seen<'_>) {
        if self.get(seen.nick).is_some_and(|person| !seen.fits(person)) {
            self.change(seen.nick, |person| seen.imprint(person));
        }
    }

    /// Somebody comes into a channel; perhaps back, after a netsplit.
    pub(super) fn came(&mut self, place: EndpointId, seen: Seen<'_>, netjoin: bool, now: Instant) {
        self.seen(seen);
        let folded = self.casemapping.fold(seen.nick);
        let split = self.split.remove(&folded);
        let returned = netjoin || split.is_some_and(|at| now.duration_since(at) < SPLIT);
        let Some(who) = self.place(&folded, place, &seen) else { return };
        self.channel(place).insert(ChannelMember::new(Arc::clone(&who), ""));
        if folded != self.me {
            self.news.push(Presence::Came { place, who, returned });
        }
    }

    /// Somebody leaves a channel.
    pub(super) fn left(&mut self, place: EndpointId, nick: &str, how: Parting) {
        let member = self.channels.get_mut(&place).and_then(|channel| channel.remove(nick));
        let Some(member) = member else { return };
        self.unplace(&self.casemapping.fold(nick), place);
        self.news.push(Presence::Went { places: vec![place], who: member.user, how });
    }

    /// Somebody leaves the network.
    pub(super) fn quit(&mut self, nick: &str, how: Parting, now: Instant) {
        let folded = self.casemapping.fold(nick);
        let Some(Known { person: who, places }) = self.known.remove(&folded) else { return };
        self.held = self.held.saturating_sub(weight(&who));
        for place in &places {
            self.channels.get_mut(place).and_then(|channel| channel.remove(nick));
        }
        if matches!(how, Parting::Split { .. }) && self.split.len() < MOST_SPLIT {
            self.split.insert(folded, now);
        }
        self.news.push(Presence::Went { places, who, how });
    }

    /// Who went by `nick` is somebody else, or known otherwise, by this change.
    pub(super) fn change(&mut self, nick: &str, change: impl FnOnce(&mut IrcUser)) {
        let Some((places, before, now)) = self.remake(nick, change) else { return };
        if self.casemapping.fold(&now.nick) != self.me {
            self.news.push(Presence::Changed { places, before, now });
        }
    }

    /// Somebody is given, or loses, the mark `mark` in a channel; `marks` are all that there are,
    /// the highest first.
    pub(super) fn ranked(
        &mut self,
        place: EndpointId,
        nick: &str,
        (mark, given): (char, bool),
        marks: &str,
    ) {
        let Some(channel) = self.channels.get_mut(&place) else { return };
        let Some(member) = channel.get(nick) else { return };
        let has = |it: char| if it == mark { given } else { member.prefixes.contains(it) };
        let ranks: Box<str> = marks.chars().filter(|it| has(*it)).collect();
        let nick = member.user.nick.clone();
        channel.set_prefixes(&nick, &ranks);
        if self.casemapping.fold(&nick) != self.me {
            self.news.push(Presence::Ranked { place, nick, ranks });
        }
    }

    /// NAMES tells that `name` is in the channel, such as `@ann` or `@+ann!a@host`; `marks` are all
    /// that may stand before a nick.
    pub(super) fn named(&mut self, place: EndpointId, name: &str, marks: &str) {
        let ranked = name.trim_start_matches(|c| marks.contains(c));
        let raw = &name[..name.len() - ranked.len()];
        let ranks: String = marks.chars().filter(|mark| raw.contains(*mark)).collect();
        let (nick, address) = match ranked.split_once('!') {
            Some((nick, address)) => (nick, Some(head(address, LONGEST).to_owned())),
            None => (ranked, None),
        };
        let list = self.lists.entry(place).or_default();
        if !nick.is_empty() && nick.len() <= LONGEST && self.held <= MOST_KEPT {
            let person = IrcUser { userhost: address, ..IrcUser::named(nick) };
            self.held += weight(&person);
            list.push((person, ranks));
        }
    }

    /// NAMES has told of everybody in the channel: who was thought to be there and is not, is gone.
    pub(super) fn listed(&mut self, place: EndpointId) {
        let list = self.take_list(place);
        let before = self.channels.insert(place, Roster::new(self.casemapping));
        let there = list.iter().map(|(person, _)| self.casemapping.fold(&person.nick));
        let there: std::collections::HashSet<String> = there.collect();
        for member in before.iter().flat_map(Roster::iter) {
            let folded = self.casemapping.fold(&member.user.nick);
            if !there.contains(&folded) {
                self.unplace(&folded, place);
            }
        }
        for (person, ranks) in list {
            let seen = Seen {
                nick: &person.nick,
                address: person.userhost.as_deref(),
                account: None,
                realname: None,
                bot: false,
            };
            self.seen(seen);
            let folded = self.casemapping.fold(&person.nick);
            if let Some(who) = self.place(&folded, place, &seen) {
                self.channel(place).insert(ChannelMember::new(who, &ranks));
            }
        }
        self.tell_list(place);
    }

    fn take_list(&mut self, place: EndpointId) -> Vec<(IrcUser, String)> {
        let list = self.lists.remove(&place).unwrap_or_default();
        let weight: usize = list.iter().map(|(person, _)| weight(person)).sum();
        self.held = self.held.saturating_sub(weight);
        list
    }

    /// WHO tells of somebody; `away` of the flags that come with it.
    pub(super) fn told(&mut self, seen: Seen<'_>, away: bool) {
        let change = |person: &mut IrcUser| {
            seen.imprint(person);
            (person.away, person.bot) = (away, seen.bot);
        };
        if self.remake(seen.nick, change).is_some() {
            self.learnt.push(self.casemapping.fold(seen.nick));
        }
        if self.learnt.len() >= MOST_LEARNT {
            self.told_all();
        }
    }

    /// WHO has told all.
    pub(super) fn told_all(&mut self) {
        let mut learnt = std::mem::take(&mut self.learnt);
        learnt.retain(|nick| *nick != self.me);
        let learnt = learnt.iter().filter_map(|nick| self.known.get(nick));
        let learnt: Vec<_> =
            learnt.map(|known| (known.places.clone(), Arc::clone(&known.person))).collect();
        if !learnt.is_empty() {
            self.news.push(Presence::Learnt(learnt));
        }
    }

    /// We are no longer in the channel: whoever is there is out of our sight.
    pub(super) fn forget(&mut self, place: EndpointId) {
        self.take_list(place);
        let Some(channel) = self.channels.remove(&place) else { return };
        for member in channel.iter() {
            self.unplace(&self.casemapping.fold(&member.user.nick), place);
        }
    }

    fn tell_list(&mut self, place: EndpointId) {
        let casemapping = self.casemapping;
        let is_me = |member: &&ChannelMember| casemapping.fold(&member.user.nick) == self.me;
        let members = self.channels.get(&place).into_iter().flat_map(Roster::iter);
        let members = members.filter(|member| !is_me(member)).cloned().collect();
        self.news.push(Presence::Listed { place, casemapping, members });
    }

    fn channel(&mut self, place: EndpointId) -> &mut Roster {
        self.channels.entry(place).or_insert_with(|| Roster::new(self.casemapping))
    }

    /// Notes that whoever has the folded nick is in `place`; `None` when there are too many people.
    fn place(&mut self, folded: &str, place: EndpointId, seen: &Seen<'_>) -> Option<Arc<IrcUser>> {
        if self.known.len() >= MOST && !self.known.contains_key(folded) {
            return None;
        }
        let held = &mut self.held;
        let known = self.known.entry(folded.to_owned()).or_insert_with(|| {
            let mut person = IrcUser::default();
            seen.imprint(&mut person);
            *held += weight(&person);
            Known { person: Arc::new(person), places: Vec::new() }
        });
        if !known.places.contains(&place) {
            known.places.push(place);
        }
        Some(Arc::clone(&known.person))
    }

    fn unplace(&mut self, folded: &str, place: EndpointId) {
        let Some(known) = self.known.get_mut(folded) else { return };
        known.places.retain(|other| *other != place);
        if known.places.is_empty() {
            self.held = self.held.saturating_sub(weight(&known.person));
            self.known.remove(folded);
        }
    }

    /// Makes somebody somebody else everywhere. `None` when that is nobody, or changes nothing.
    fn remake(
        &mut self,
        nick: &str,
        change: impl FnOnce(&mut IrcUser),
    ) -> Option<(Vec<EndpointId>, Arc<IrcUser>, Arc<IrcUser>)> {
        let folded = self.casemapping.fold(nick);
        let before = Arc::clone(&self.known.get(&folded)?.person);
        let mut now = IrcUser::clone(&before);
        change(&mut now);
        if now == *before {
            return None;
        }
        for text in [&mut now.userhost, &mut now.account, &mut now.realname].into_iter().flatten() {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        let now = Arc::new(now);
        let Known { places, .. } = self.known.remove(&folded)?;
        let folded = self.casemapping.fold(&now.nick);
        self.held = (self.held + weight(&now)).saturating_sub(weight(&before));
        // Nobody has that nick any more, whatever we have missed.
        let ghost = self.known.remove(&folded);
        self.held = self.held.saturating_sub(ghost.as_ref().map_or(0, |it| weight(&it.person)));
        for place in ghost.into_iter().flat_map(|ghost| ghost.places) {
            self.channel(place).remove(&now.nick);
        }
        for place in &places {
            self.channel(*place).update(nick, &now);
        }
        self.known.insert(folded, Known { person: Arc::clone(&now), places: places.clone() });
        Some((places, before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    fn seen(nick: &str) -> Seen<'_> {
        Seen { nick, address: None, account: None, realname: None, bot: false }
    }

    fn split() -> Parting {
        Parting::Split { servers: "a.example b.example".to_owned() }
    }

    /// What was told, each with the nick and the number of channels that it is about.
    fn news(people: &mut People) -> Vec<(&'static str, String, usize)> {
        let told = |it| match it {
            Presence::Listed { members, .. } => ("listed", String::new(), members.len()),
            Presence::Came { who, returned: false, .. } => ("came", who.nick.clone(), 1),
            Presence::Came { who, returned: true, .. } => ("returned", who.nick.clone(), 1),
            Presence::Went { places, who, how: Parting::Split { .. } } => {
                ("split", who.nick.clone(), places.len())
            }
            Presence::Went { places, who, .. } => ("went", who.nick.clone(), places.len()),
            Presence::Changed { places, now, .. } => ("changed", now.nick.clone(), places.len()),
            Presence::Learnt(people) => ("learnt", String::new(), people.len()),
            Presence::Ranked { nick, ranks, .. } => ("ranked", format!("{ranks}{nick}"), 1),
        };
        people.news().map(told).collect()
    }

    fn owned(told: &[(&'static str, &str, usize)]) -> Vec<(&'static str, String, usize)> {
        told.iter().map(|(what, who, places)| (*what, (*who).to_owned(), *places)).collect()
    }

    #[test]
    fn what_is_kept_of_people_is_counted_and_forgotten_with_them() {
        let (mut people, now) = (People::default(), Instant::now());
        let place = EndpointId(7);
        let host = "h".repeat(20_000);
        for number in 0..100 {
            people.named(place, &format!("@@@+ann{number}!a@{host}"), "@+");
        }
        let listed = people.held();
        assert!((100..=100 * 1_000).contains(&listed), "{listed}");
        people.listed(place);
        assert!(people.held() <= listed);
        let long = Some("r".repeat(20_000));
        people.change("ann1", |person| person.realname = long.clone());
        people.change("ann2", |person| person.nick = "ann3".to_owned());
        people.quit("ann4", Parting::Quit { why: None }, now);
        people.left(place, "ann5", Parting::Left { why: None });
        assert!(people.held() < 100 * 1_500);
        people.named(place, "ann", "@+");
        people.forget(place);
        assert_eq!(people.held(), 0);
    }

    #[test]
    fn a_list_without_end_ends_at_what_may_be_kept() {
        let mut people = People::default();
        let host = "h".repeat(500);
        for number in 0..100_000 {
            people.named(EndpointId(7), &format!("n{number}!a@{host}"), "@+");
        }
        assert!(people.held() > MOST_KEPT && people.held() < MOST_KEPT + 1_000);
    }

    #[test]
    fn whoever_is_split_off_returns_and_others_come() {
        let now = Instant::now();
        let mut people = People::default();
        people.came(TEA, seen("ann"), false, now);
        people.came(DEV, seen("ann"), false, now);
        people.quit("ANN", split(), now);
        people.came(TEA, seen("Ann"), false, now);
        people.quit("ann", split(), now);
        people.came(TEA, seen("ann"), false, now + SPLIT);
        people.came(TEA, seen("eve"), true, now);
        let told = [
            ("came", "ann", 1),
            ("came", "ann", 1),
            ("split", "ann", 2),
            ("returned", "Ann", 1),
            ("split", "Ann", 1),
            ("came", "ann", 1),
            ("returned", "eve", 1),
        ];
        assert_eq!(news(&mut people), owned(&told));
    }

    #[test]
    fn we_are_nobody_that_is_told_of() {
        let now = Instant::now();
        let mut people = People::default();
        people.we_are("bridge");
        people.named(TEA, "@bridge", "@+");
        people.named(TEA, "ann", "@+");
        people.listed(TEA);
        people.came(DEV, seen("Bridge"), false, now);
        people.ranked(TEA, "bridge", ('@', false), "@+");
        assert_eq!(news(&mut people), owned(&[("listed", "", 1)]));
    }

    #[test]
    fn a_nick_that_somebody_else_takes_is_theirs() {
        let now = Instant::now();
        let mut people = People::default();
        people.came(TEA, seen("ann"), false, now);
        people.came(DEV, seen("eve"), false, now);
        people.change("eve", |person| person.nick = "ann".to_owned());
        assert_eq!((people.count(TEA), people.count(DEV), people.known.len()), (0, 1, 1));
    }

    #[test]
    fn what_who_tells_is_told_at_once() {
        let now = Instant::now();
        let mut people = People::default();
        people.came(TEA, seen("ann"), false, now);
        people.came(TEA, seen("bob"), false, now);
        people.told(Seen { realname: Some("Ann"), ..seen("ann") }, true);
        people.told(seen("bob"), false);
        people.told(seen("nobody"), true);
        people.told_all();
        let told = news(&mut people);
        assert_eq!(told[2..], owned(&[("learnt", "", 1)]));
        assert!(people.get("ann").is_some_and(|ann| ann.away));
    }

    #[test]
    fn whoever_left_takes_no_memory() {
        let now = Instant::now();
        let mut people = People::default();
        for round in 0..3 {
            for number in 0..1_000 {
                people.came(TEA, seen(&format!("p{round}-{number}")), false, now);
                people.came(DEV, seen(&format!("p{round}-{number}")), false, now);
            }
            people.forget(TEA);
            people.listed(DEV);
            assert_eq!((people.known.len(), people.count(TEA), people.count(DEV)), (0, 0, 0));
            people.news();
        }
    }
}
