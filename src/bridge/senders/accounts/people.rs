//! Tells the people of IRC apart.
//!
//! Somebody with a services account is known by it, whatever their nick. Others are known by their nick, and by where
//! they connect from, coarsely: who comes from elsewhere with somebody's nick is not that person. A nick that somebody
//! with a services account has used is theirs. Who cannot be told apart from somebody else is nobody: the bot speaks
//! for them.
//!
//! A nick change is followed. Somebody who logs in to services under their nick stays the same person.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    Author, Casemapping, ChannelMember, Identity, IrcUser, Network, PersonId, PersonKey, Roster,
    coarse_origin,
};
use crate::store::{Store, StoreError};

/// More people than this are not told apart. A network can make up as many nicks as it likes.
const MAX_PEOPLE: usize = 20_000;

/// More nicks of one person are not remembered.
const MAX_NICKS: usize = 32;

/// How exactly it is stored when somebody last spoke.
const SPOKE_PRECISION: SignedDuration = SignedDuration::from_hours(1);

/// The people of IRC who have spoken.
#[derive(Debug, Default)]
pub(in crate::bridge) struct People {
    by_key: HashMap<PersonKey, PersonId>,
    by_id: HashMap<PersonId, KnownPerson>,
    nicks: HashMap<(Network, String), NickHolder>,
    /// Where people of the configuration last spoke, and their nicks then. They are not in the store.
    configured: HashMap<PersonId, (Network, String)>,
}

#[derive(Debug)]
struct KnownPerson {
    key: PersonKey,
    nick: String,
    lines: u64,
    last_spoke: Timestamp,
    nick_count: usize,
}

#[derive(Debug)]
struct NickHolder {
    person: PersonId,
    origin: Option<String>,
}

impl People {
    /// The people as the last run left them.
    pub(super) fn recover(store: &Store) -> Result<Self, StoreError> {
        let mut people = Self::default();
        for person in store.people()? {
            people.by_key.insert(person.key.clone(), person.id);
            let known = KnownPerson {
                key: person.key,
                nick: person.nick,
                lines: person.lines,
                last_spoke: person.last_spoke,
                nick_count: 0,
            };
            people.by_id.insert(person.id, known);
        }
        for known in store.known_nicks()? {
            if let Some(person) = people.by_id.get_mut(&known.person) {
                person.nick_count += 1;
                let owner = NickHolder { person: known.person, origin: known.origin };
                people.nicks.insert((known.network, known.nick), owner);
            }
        }
        Ok(people)
    }

    /// Who wrote a message on `network`; `None` if they cannot be told apart from somebody else.
    pub(in crate::bridge) fn identify(
        &mut self,
        network: &Network,
        author: &Author,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<PersonId>, StoreError> {
        let origin = author.userhost.as_deref().and_then(coarse_origin);
        let nick = (network.clone(), fold(&author.name));
        let by_nick = self.person_of_nick(&nick, origin.as_deref());
        let found = match (&author.account, by_nick) {
            (Some(account), by_nick) => {
                let identity = Identity::Account(fold(account));
                let known = self.by_key.get(&key(network, &identity)).copied();
                match (known, by_nick) {
                    (Some(known), _) => Some(known),
                    (None, ByNick::Theirs(person)) => {
                        self.log_in(person, identity, store)?;
                        Some(person)
                    }
                    (None, _) => self.insert(key(network, &identity), author, now, store)?,
                }
            }
            (None, ByNick::Theirs(person)) => Some(person),
            (None, ByNick::Another) => None,
            (None, ByNick::Nobody) => {
                let identity = Identity::Nick(nick.1.clone());
                self.insert(key(network, &identity), author, now, store)?
            }
        };
        if let Some(person) = found {
            self.claim_nick(nick, person, origin, now, store)?;
        }
        Ok(found)
    }

    /// Somebody of the configuration has spoken.
    pub(super) fn on_configured_spoke(&mut self, person: PersonId, network: &Network, nick: &str) {
        let known = self.configured.get(&person);
        if known.is_none_or(|(on, name)| on != network || name != nick) {
            self.configured.insert(person, (network.clone(), nick.to_owned()));
        }
    }

    /// Where a person last spoke, and their nick then.
    pub(in crate::bridge) fn address(&self, person: PersonId) -> Option<(&Network, &str)> {
        if let Some(known) = self.by_id.get(&person) {
            return Some((&known.key.network, &known.nick));
        }
        self.configured.get(&person).map(|(network, nick)| (network, nick.as_str()))
    }

    /// Who a user of `network` is, as far as they have spoken before.
    pub(in crate::bridge) fn find(&self, network: &Network, user: &IrcUser) -> Option<PersonId> {
        if let Some(account) = &user.account {
            let identity = Identity::Account(fold(account));
            return self.by_key.get(&key(network, &identity)).copied();
        }
        let origin = user.userhost.as_deref().and_then(coarse_origin);
        match self.person_of_nick(&(network.clone(), fold(&user.nick)), origin.as_deref()) {
            ByNick::Theirs(person) => Some(person),
            ByNick::Another | ByNick::Nobody => None,
        }
    }

    /// The nick of the person in a channel of `network`.
    pub(in crate::bridge) fn nick_in<'r>(
        &self,
        person: PersonId,
        network: &Network,
        roster: &'r Roster,
    ) -> Option<&'r str> {
        let person = self.by_id.get(&person).filter(|it| it.key.network == *network)?;
        let nick = |member: &'r ChannelMember| member.user.nick.as_str();
        match &person.key.identity {
            Identity::Account(account) => roster.with_account(account).map(nick).min(),
            Identity::Nick(_) => roster.get(&person.nick).map(nick),
        }
    }

    /// A user without a services account has changed the nick: they stay the same person.
    pub(in crate::bridge) fn on_nick_changed(
        &mut self,
        network: &Network,
        before: &IrcUser,
        after: &IrcUser,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let origin = after.userhost.as_deref().and_then(coarse_origin);
        let nick = (network.clone(), fold(&after.nick));
        let before = (network.clone(), fold(&before.nick));
        match self.person_of_nick(&before, origin.as_deref()) {
            ByNick::Theirs(person)
                if after.account.is_none() && !self.nicks.contains_key(&nick) =>
            {
                self.claim_nick(nick, person, origin, now, store)
            }
            _ => Ok(()),
        }
    }

    /// The person has spoken with this nick. Returns how many lines they have spoken; beyond `counted` they are
    /// no longer counted.
    pub(in crate::bridge) fn on_spoke(
        &mut self,
        id: PersonId,
        nick: &str,
        counted: u64,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<u64, StoreError> {
        let Some(person) = self.by_id.get_mut(&id) else { return Ok(0) };
        let counts = person.lines < counted;
        let is_old = now.duration_since(person.last_spoke) >= SPOKE_PRECISION;
        if counts || is_old || person.nick != nick {
            person.lines += u64::from(counts);
            nick.clone_into(&mut person.nick);
            person.last_spoke = now;
            store.set_person_spoke(id, nick, person.lines, now)?;
        }
        Ok(person.lines)
    }

    /// How the person is told apart.
    pub(in crate::bridge) fn key(&self, id: PersonId) -> Option<&PersonKey> {
        self.by_id.get(&id).map(|person| &person.key)
    }

    /// The nick with which the person last spoke.
    pub(in crate::bridge) fn nick(&self, id: PersonId) -> Option<&str> {
        self.by_id.get(&id).map(|person| person.nick.as_str())
    }

    /// When the person last spoke, to the hour.
    pub(in crate::bridge) fn last_spoke(&self, id: PersonId) -> Option<Timestamp> {
        self.by_id.get(&id).map(|person| person.last_spoke)
    }

    /// The people who last spoke with this nick, on any network.
    pub(in crate::bridge) fn with_nick(&self, nick: &str) -> Vec<PersonId> {
        let nick = fold(nick);
        let mut found: Vec<PersonId> = self
            .by_id
            .iter()
            .filter(|(_, person)| fold(&person.nick) == nick)
            .map(|(id, _)| *id)
            .collect();
        found.sort();
        found
    }

    /// The store has forgotten these people.
    pub(in crate::bridge) fn forget(&mut self, people: &[PersonId]) {
        if people.is_empty() {
            return;
        }
        for id in people {
            if let Some(person) = self.by_id.remove(id) {
                self.by_key.remove(&person.key);
            }
        }
        self.nicks.retain(|_, owner| self.by_id.contains_key(&owner.person));
    }

    fn person_of_nick(&self, nick: &(Network, String), origin: Option<&str>) -> ByNick {
        let Some(owner) = self.nicks.get(nick) else { return ByNick::Nobody };
        let is_by_nick = |person: &KnownPerson| matches!(person.key.identity, Identity::Nick(_));
        let person = self.by_id.get(&owner.person);
        match person.is_some_and(is_by_nick) && owner.origin.as_deref() == origin {
            true => ByNick::Theirs(owner.person),
            false => ByNick::Another,
        }
    }

    fn insert(
        &mut self,
        key: PersonKey,
        author: &Author,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<PersonId>, StoreError> {
        // A nick whose person has another owner of the nick by now is nobody's.
        if self.by_key.contains_key(&key) || self.by_id.len() >= MAX_PEOPLE {
            return Ok(None);
        }
        let id = store.insert_person(&key, &author.name, now)?;
        self.by_key.insert(key.clone(), id);
        let nick = author.name.clone();
        let person = KnownPerson { key, nick, lines: 0, last_spoke: now, nick_count: 0 };
        self.by_id.insert(id, person);
        Ok(Some(id))
    }

    /// The person is known by a services account from now on.
    fn log_in(
        &mut self,
        id: PersonId,
        identity: Identity,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let Some(person) = self.by_id.get_mut(&id) else { return Ok(()) };
        store.set_identity(id, &identity)?;
        self.by_key.remove(&person.key);
        person.key.identity = identity;
        self.by_key.insert(person.key.clone(), id);
        Ok(())
    }

    /// The person uses the nick. It becomes theirs, unless it is that of somebody with a services account.
    fn claim_nick(
        &mut self,
        nick: (Network, String),
        id: PersonId,
        origin: Option<String>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let is_registered = |id| {
            let person = self.by_id.get(&id);
            person.is_some_and(|it| matches!(it.key.identity, Identity::Account(_)))
        };
        if let Some(owner) = self.nicks.get(&nick) {
            let is_same = owner.person == id && (owner.origin == origin || is_registered(id));
            if is_same || owner.person != id && is_registered(owner.person) {
                return Ok(());
            }
        }
        let Some(person) = self.by_id.get_mut(&id) else { return Ok(()) };
        if person.nick_count >= MAX_NICKS {
            return Ok(());
        }
        person.nick_count += 1;
        store.set_nick_owner(&nick.0, &nick.1, id, origin.as_deref(), now)?;
        self.nicks.insert(nick, NickHolder { person: id, origin });
        Ok(())
    }
}

/// Whose nick it is.
enum ByNick {
    /// This person's, who is known by it and comes from where they did before.
    Theirs(PersonId),
    /// Somebody else's.
    Another,
    Nobody,
}

fn key(network: &Network, identity: &Identity) -> PersonKey {
    PersonKey { network: network.clone(), identity: identity.clone() }
}

fn fold(name: &str) -> String {
    Casemapping::default().fold(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        people: People,
        store: Store,
    }

    impl World {
        fn new() -> Self {
            Self { people: People::default(), store: Store::in_memory().expect("opens") }
        }

        /// `nick!user@host` with an account, or `-`.
        fn speaks(&mut self, prefix: &str, account: &str) -> Option<i64> {
            let author = author(prefix, account);
            let network = Network::new("office");
            let now = Timestamp::UNIX_EPOCH;
            let found = self.people.identify(&network, &author, now, &mut self.store);
            found.expect("works").map(|person| person.0)
        }

        fn changes_nick(&mut self, before: &str, after: &str) {
            let user = |prefix: &str| {
                let Author { name, userhost, .. } = author(prefix, "-");
                IrcUser { userhost, ..IrcUser::named(&name) }
            };
            let (network, now) = (Network::new("office"), Timestamp::UNIX_EPOCH);
            let (before, after) = (user(before), user(after));
            self.people
                .on_nick_changed(&network, &before, &after, now, &mut self.store)
                .expect("works");
        }

        /// The next run.
        fn restarts(&mut self) {
            self.people = People::recover(&self.store).expect("reads");
        }
    }

    fn author(prefix: &str, account: &str) -> Author {
        let (nick, userhost) = prefix.split_once('!').expect("a prefix");
        Author {
            name: nick.to_owned(),
            userhost: Some(userhost.to_owned()),
            account: (account != "-").then(|| account.to_owned()),
            ..Author::default()
        }
    }

    #[test]
    fn services_account_is_one_person_under_any_nick() {
        let mut world = World::new();
        assert_eq!(world.speaks("dave!d@home.example", "dave"), Some(1));
        assert_eq!(world.speaks("Dave|away!d@work.example", "DAVE"), Some(1));
        world.restarts();
        assert_eq!(world.speaks("d!d@else.example", "dave"), Some(1));
        assert_eq!(world.speaks("bob!b@home.example", "bob"), Some(2));
    }

    #[test]
    fn nick_of_a_services_account_does_not_make_its_person() {
        let mut world = World::new();
        assert_eq!(world.speaks("dave!d@home.example", "dave"), Some(1));
        assert_eq!(world.speaks("dave!d@home.example", "-"), None, "not logged in");
        assert_eq!(world.speaks("DAVE!d@home.example", "mallory"), Some(2), "logged in as another");
        assert_eq!(world.speaks("dave!d@home.example", "dave"), Some(1));
    }

    #[test]
    fn nick_from_elsewhere_is_not_the_same_person() {
        let mut world = World::new();
        assert_eq!(world.speaks("ann!a@p1.isp.example", "-"), Some(1));
        assert_eq!(world.speaks("Ann!x@p2.isp.example", "-"), Some(1), "the same provider");
        assert_eq!(world.speaks("ann!a@evil.invalid", "-"), None);
        world.restarts();
        assert_eq!(world.speaks("ann!a@evil.invalid", "-"), None);
        assert_eq!(world.speaks("ann!a@p3.isp.example", "-"), Some(1));
    }

    #[test]
    fn nick_change_is_followed() {
        let mut world = World::new();
        assert_eq!(world.speaks("ann!a@isp.example", "-"), Some(1));
        world.changes_nick("ann!a@isp.example", "ann_!a@isp.example");
        world.restarts();
        assert_eq!(world.speaks("ann_!a@isp.example", "-"), Some(1));
        assert_eq!(world.speaks("bob!b@home.example", "-"), Some(2));
        world.changes_nick("ann_!a@isp.example", "bob!a@isp.example");
        assert_eq!(world.speaks("bob!a@isp.example", "-"), None, "bob's nick stays bob's");
    }

    #[test]
    fn person_who_logs_in_stays_the_same_and_an_impostor_does_not_become_them() {
        let mut world = World::new();
        assert_eq!(world.speaks("ann!a@isp.example", "-"), Some(1));
        assert_eq!(world.speaks("ann!m@evil.invalid", "mallory"), Some(2));
        let mut world = World::new();
        assert_eq!(world.speaks("ann!a@isp.example", "-"), Some(1));
        assert_eq!(world.speaks("ann!a@isp.example", "ann"), Some(1));
        assert_eq!(world.speaks("ann!a@isp.example", "-"), None, "needs to log in from now on");
        world.restarts();
        assert_eq!(world.speaks("x!a@else.example", "ann"), Some(1));
    }

    #[test]
    fn lines_are_counted_until_enough_and_written_rarely() {
        let mut world = World::new();
        let (now, ann) = (Timestamp::UNIX_EPOCH, PersonId(1));
        world.speaks("ann!a@isp.example", "-");
        let mut spoke = |nick, now| {
            world.store.commit().expect("works");
            let lines = world.people.on_spoke(ann, nick, 2, now, &mut world.store).expect("works");
            (lines, world.store.has_uncommitted())
        };
        assert_eq!(spoke("ann", now), (1, true));
        assert_eq!(spoke("ann", now), (2, true));
        assert_eq!(spoke("ann", now), (2, false));
        assert_eq!(spoke("ann_", now), (2, true));
        assert_eq!(spoke("ann_", now + SPOKE_PRECISION), (2, true));
    }
}
