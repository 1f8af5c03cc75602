//! What logs show of people: which nick was there when, from where, and what became of it.
//!
//! A sighting is a nick together with what tells its user apart (see [`Mark`]). One nick of two people is two sightings,
//! so that each can belong to somebody else.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bots::Speech;
use super::presence::Presence;
use crate::domain::{Casemapping, coarse_origin};

/// How many nicks are kept on a network. Lines of others are counted alone.
const MAX_NICKS: usize = 100_000;
/// How many sightings a nick may have; further ones count as one without a mark.
const MAX_SIGHTINGS_OF_NICK: usize = 24;
/// How many exact addresses are kept of a sighting.
const MAX_HOSTS: usize = 24;
/// How many periods of presence are kept of a sighting.
const MAX_PERIODS: usize = 8_192;
/// The same when there are many in all.
const FEW_PERIODS: usize = 64;
/// How many periods are kept in all until then.
const MANY_PERIODS: usize = 2_000_000;
/// The longest nick, account and `user@host` that are kept, in bytes.
const MAX_LEN_NICK: usize = 100;
const MAX_LEN_USERHOST: usize = 200;

/// The number of a nick on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct NickId(pub(super) u32);

/// The number of a sighting on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct SightingId(pub(super) u32);

/// What tells the users of one nick apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Mark {
    /// Their services account, folded.
    Account(Box<str>),
    /// Their user name and where they come from, coarsely: `ann@example.org`.
    Origin(Box<str>),
    /// Not known from where, but they had this nick before.
    Before(NickId),
    /// Nothing.
    None,
}

/// A nick.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NickFacts {
    pub(super) folded: String,
    /// As it is mostly written.
    pub(super) spelling: String,
    /// By how many it leads.
    pub(super) votes: u32,
    pub(super) speech: Speech,
    pub(super) sightings: Vec<SightingId>,
}

/// A nick with a mark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NickSighting {
    pub(super) nick: NickId,
    pub(super) mark: Mark,
    /// Exact addresses, as hashes.
    pub(super) hosts: Vec<u64>,
    /// One address, to show.
    pub(super) host: Option<Box<str>>,
    pub(super) lines: u64,
    /// When something was said, first and last.
    pub(super) said: Option<(Timestamp, Timestamp)>,
    pub(super) presence: Presence,
}

/// What logs show of the people on one network.
#[derive(Debug, Clone, Default)]
pub(super) struct NetworkSightings {
    pub(super) nicks: Vec<NickFacts>,
    ids: HashMap<String, NickId>,
    pub(super) sightings: Vec<NickSighting>,
    sighting_ids: HashMap<(NickId, Mark), SightingId>,
    /// Changes of a nick within one connection, and when first.
    pub(super) changes: HashMap<(SightingId, SightingId), Timestamp>,
    /// How many lines were said by nicks that are not kept.
    pub(super) lines_of_others: u64,
    periods: usize,
}

/// Where somebody connects from, and who they are to services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogCredentials {
    userhost: Option<String>,
    account: Option<String>,
}

/// A stay under one nick.
#[derive(Debug, Clone)]
pub(super) struct NickStay {
    pub(super) nick: NickId,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) lines: u64,
    pub(super) said: Option<(Timestamp, Timestamp)>,
}

impl LogCredentials {
    /// Those of a line of a log. Absurdly long ones are none.
    pub(super) fn new(userhost: Option<&str>, account: Option<&str>) -> Self {
        let kept = |text: Option<&str>| {
            let text = text.filter(|it| !it.is_empty() && it.len() <= MAX_LEN_USERHOST)?;
            Some(Casemapping::Rfc1459.fold(text))
        };
        let userhost = userhost.map(|it| it.trim_start_matches('~')).filter(|it| it.contains('@'));
        let userhost =
            userhost.filter(|it| it.len() <= MAX_LEN_USERHOST).map(str::to_ascii_lowercase);
        let account = kept(account.filter(|it| !matches!(*it, "*" | "0")));
        let account = account.or_else(|| userhost.as_deref().and_then(account_of_cloak));
        Self { userhost, account }
    }

    /// Whether both can be of one connection.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        match (&self.userhost, &other.userhost) {
            (Some(left), Some(right)) => {
                left == right || self.account.is_some() && self.account == other.account
            }
            _ => true,
        }
    }

    /// Learns what `other` knows.
    pub(super) fn learn(&mut self, other: &Self) {
        if other.userhost.is_some() {
            self.userhost.clone_from(&other.userhost);
        }
        if other.account.is_some() {
            self.account.clone_from(&other.account);
        }
    }

    fn mark(&self) -> Option<Mark> {
        if let Some(account) = &self.account {
            return Some(Mark::Account(account.as_str().into()));
        }
        let userhost = self.userhost.as_deref()?;
        let user = userhost.split_once('@').map_or("", |(user, _)| user);
        Some(Mark::Origin(format!("{user}@{}", coarse_origin(userhost)?).into()))
    }
}

/// The account that a cloak of services names, folded: `user/ann`, `ann.users.quakenet.org`.
fn account_of_cloak(userhost: &str) -> Option<String> {
    let host = userhost.rsplit_once('@')?.1;
    let named = ["user/", "unaffiliated/"].iter().find_map(|start| host.strip_prefix(start));
    let named = named.map(|rest| rest.split('/').next().unwrap_or(rest));
    let below = [".users.quakenet.org", ".users.undernet.org"];
    let named = named.or_else(|| below.iter().find_map(|end| host.strip_suffix(end)));
    // A long account is shown with a session instead of its end.
    named.filter(|name| !name.is_empty()).map(|name| Casemapping::Rfc1459.fold(name))
}

impl NetworkSightings {
    /// The number of a nick; `None` if it is none or absurdly long, or if too many are known.
    pub(super) fn nick(&mut self, nick: &str) -> Option<NickId> {
        self.nick_of(nick, 1)
    }

    /// The number of a nick that was written so often as it is here, or by so many more often than otherwise.
    pub(super) fn nick_of(&mut self, nick: &str, votes: u32) -> Option<NickId> {
        let is_nick = !nick.contains(|c: char| c.is_whitespace() || c.is_control());
        if nick.is_empty() || nick.len() > MAX_LEN_NICK || !is_nick {
            return None;
        }
        let folded = Casemapping::Rfc1459.fold(nick);
        let id = match self.ids.get(&folded) {
            Some(id) => *id,
            None if self.nicks.len() >= MAX_NICKS => return None,
            None => {
                let id = NickId(u32::try_from(self.nicks.len()).ok()?);
                self.ids.insert(folded.clone(), id);
                self.nicks.push(NickFacts {
                    folded,
                    spelling: nick.to_owned(),
                    votes: 0,
                    speech: Speech::default(),
                    sightings: Vec::new(),
                });
                id
            }
        };
        // The spelling of the majority.
        let facts = &mut self.nicks[id.0 as usize];
        if facts.spelling == nick {
            facts.votes = facts.votes.saturating_add(votes);
        } else if facts.votes < votes {
            nick.clone_into(&mut facts.spelling);
            facts.votes = votes - facts.votes;
        } else {
            facts.votes -= votes;
        }
        Some(id)
    }

    /// The number of a nick that is known.
    pub(super) fn known(&self, nick: &str) -> Option<NickId> {
        self.ids.get(&Casemapping::Rfc1459.fold(nick)).copied()
    }

    pub(super) fn facts(&self, nick: NickId) -> &NickFacts {
        &self.nicks[nick.0 as usize]
    }

    pub(super) fn facts_mut(&mut self, nick: NickId) -> &mut NickFacts {
        &mut self.nicks[nick.0 as usize]
    }

    pub(super) fn sighting(&self, id: SightingId) -> &NickSighting {
        &self.sightings[id.0 as usize]
    }

    /// Adds a stay under a nick. `before` is the first nick of its connection.
    pub(super) fn add_stay(
        &mut self,
        stay: &NickStay,
        credentials: &LogCredentials,
        before: Option<NickId>,
    ) -> SightingId {
        let mark = credentials.mark();
        let mark = mark.or_else(|| before.filter(|nick| *nick != stay.nick).map(Mark::Before));
        let id = self.sighting_id(stay.nick, mark.unwrap_or(Mark::None));
        let added = |presence: &mut Presence, most| presence.add(stay.since, stay.until, most);
        let sighting = self.add_presence(id, added);
        sighting.add_lines(stay.lines, stay.said);
        if let Some(userhost) = &credentials.userhost {
            sighting.add_host(hash_of(userhost));
            sighting.host.get_or_insert_with(|| userhost.as_str().into());
        }
        id
    }

    /// Adds all that was seen elsewhere of a nick with a mark.
    pub(super) fn add_sighting(
        &mut self,
        nick: NickId,
        mark: Mark,
        seen: &NickSighting,
    ) -> SightingId {
        let id = self.sighting_id(nick, mark);
        let sighting =
            self.add_presence(id, |presence, most| presence.add_all(&seen.presence, most));
        sighting.add_lines(seen.lines, seen.said);
        seen.hosts.iter().for_each(|host| sighting.add_host(*host));
        if sighting.host.is_none() {
            sighting.host.clone_from(&seen.host);
        }
        id
    }

    /// Lets `add` add periods, with the number of those that may be kept.
    fn add_presence(
        &mut self,
        id: SightingId,
        add: impl FnOnce(&mut Presence, usize),
    ) -> &mut NickSighting {
        let most = if self.periods > MANY_PERIODS { FEW_PERIODS } else { MAX_PERIODS };
        let sighting = &mut self.sightings[id.0 as usize];
        let periods = sighting.presence.len();
        add(&mut sighting.presence, most);
        self.periods = (self.periods + sighting.presence.len()).saturating_sub(periods);
        sighting
    }

    fn sighting_id(&mut self, nick: NickId, mark: Mark) -> SightingId {
        if let Some(id) = self.sighting_ids.get(&(nick, mark.clone())) {
            return *id;
        }
        let is_full = self.facts(nick).sightings.len() >= MAX_SIGHTINGS_OF_NICK;
        if is_full && mark != Mark::None {
            return self.sighting_id(nick, Mark::None);
        }
        let id = SightingId(u32::try_from(self.sightings.len()).unwrap_or(u32::MAX));
        self.sighting_ids.insert((nick, mark.clone()), id);
        self.facts_mut(nick).sightings.push(id);
        self.sightings.push(NickSighting {
            nick,
            mark,
            hosts: Vec::new(),
            host: None,
            lines: 0,
            said: None,
            presence: Presence::default(),
        });
        id
    }

    /// One connection had the first nick, and then the other.
    pub(super) fn add_change(&mut self, from: SightingId, to: SightingId, at: Timestamp) {
        if from != to {
            let first = self.changes.entry((from, to)).or_insert(at);
            *first = (*first).min(at);
        }
    }

    /// Sorts all periods; to be called before they are compared.
    pub(super) fn settle(&mut self) {
        self.sightings.iter_mut().for_each(|it| it.presence.settle(MAX_PERIODS));
    }
}

impl NickSighting {
    fn add_lines(&mut self, lines: u64, said: Option<(Timestamp, Timestamp)>) {
        self.lines += lines;
        if let Some((first, last)) = said {
            let said = self.said.map_or((first, last), |it| (it.0.min(first), it.1.max(last)));
            self.said = Some(said);
        }
    }

    fn add_host(&mut self, hash: u64) {
        if self.hosts.len() < MAX_HOSTS && !self.hosts.contains(&hash) {
            self.hosts.push(hash);
        }
    }
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloaks_name_accounts() {
        for (userhost, account) in [
            ("~ann@user/Ann", Some("ann")),
            ("ann@user/ann/x-12345", Some("ann")),
            ("ann@unaffiliated/ann", Some("ann")),
            ("ann@ann.users.quakenet.org", Some("ann")),
            ("ann@gateway/web/irccloud.com/x-77", None),
            ("ann@example.org", None),
        ] {
            let credentials = LogCredentials::new(Some(userhost), None);
            assert_eq!(credentials.account.as_deref(), account, "{userhost}");
        }
        assert_eq!(LogCredentials::new(None, Some("*")).account, None, "not logged in");
    }

    #[test]
    fn marks_tell_users_of_a_nick_apart() {
        let mark = |userhost, account| LogCredentials::new(userhost, account).mark();
        assert_eq!(mark(None, None), None);
        assert_eq!(mark(None, Some("Ann")), Some(Mark::Account("ann".into())));
        let today = mark(Some("~ann@p5B0A.dip0.t-ipconnect.de"), None);
        assert_eq!(today, mark(Some("ann@p5C0B.dip0.t-ipconnect.de"), None), "another day");
        assert_ne!(today, mark(Some("bob@p5B0A.dip0.t-ipconnect.de"), None));
    }

    #[test]
    fn nicks_are_bounded_and_spelled_as_by_most() {
        let mut network = NetworkSightings::default();
        for nick in ["", "two words", "a\x1bb"] {
            assert_eq!(network.nick(nick), None, "{nick:?}");
        }
        assert_eq!(network.nick(&"x".repeat(101)), None);
        let ann = network.nick("ann").expect("a nick");
        for spelling in ["Ann", "Ann", "Ann", "ANN"] {
            assert_eq!(network.nick(spelling), Some(ann));
        }
        assert_eq!(network.facts(ann).spelling, "Ann");
        let stay = |nick| NickStay {
            nick,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            lines: 1,
            said: None,
        };
        for n in 0..100 {
            let credentials = LogCredentials::new(Some(&format!("u{n}@h{n}.example")), None);
            network.add_stay(&stay(ann), &credentials, None);
        }
        assert_eq!(network.facts(ann).sightings.len(), MAX_SIGHTINGS_OF_NICK + 1);
    }
}
