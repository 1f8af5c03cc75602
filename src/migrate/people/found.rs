//! The people found on a network: their nicks, when those were theirs, how sure that is, and what is doubtful.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::GivenPerson;
use super::bots::{Speech, bot_reason};
use super::evidence::{Doubt, Evidence, Sureness};
use super::joining::{Cluster, Joining, PinId};
use super::sightings::{Mark, NetworkSightings, NickId, SightingId};
use super::spans::{Span, divide};
use super::stem::{is_generic, stem};

/// How many others are named in a doubt.
const MAX_NAMED: usize = 3;

/// Somebody who said something.
#[derive(Debug, Clone)]
pub struct FoundPerson {
    /// Which of those whom the administrator gave it is.
    pub given: Option<usize>,
    /// Their main nick, as it is written.
    pub name: String,
    /// All nicks with which they said something, the main one first.
    pub nicks: Vec<FoundNick>,
    /// Their accounts at services: network and name, folded.
    pub accounts: BTreeSet<(String, String)>,
    /// How many lines they said.
    pub lines: u64,
    /// When they spoke, first and last.
    pub said: Option<(Timestamp, Timestamp)>,
    /// How sure it is that all nicks are theirs.
    pub sure: Sureness,
    /// What an administrator should decide.
    pub doubts: BTreeSet<Doubt>,
    /// Why they seem to be a program, if they do.
    pub bot: Option<&'static str>,
    /// Exact addresses as hashes, and user names, by which people on two networks are compared.
    pub(super) hosts: BTreeSet<u64>,
    pub(super) idents: BTreeSet<Box<str>>,
}

/// A nick of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNick {
    /// The network.
    pub network: String,
    /// The nick, as it is mostly written.
    pub nick: String,
    /// How many lines were said by it.
    pub lines: u64,
    /// Why it is theirs.
    pub evidence: Evidence,
    /// When it was theirs; empty for always.
    pub spans: Vec<Span>,
}

/// Who said something by a nick, as numbers of clusters, and when it was whose.
#[derive(Debug)]
struct NickUse {
    users: BTreeSet<usize>,
    turns: Vec<(usize, Span)>,
}

impl NickUse {
    /// When it was the cluster's; empty for always. `None` for never.
    fn spans_of(&self, cluster: usize) -> Option<Vec<Span>> {
        match self.turns[..] {
            [(owner, _)] => (owner == cluster).then(Vec::new),
            _ => {
                let own = self.turns.iter().filter(|(owner, _)| *owner == cluster);
                Some(own.map(|(_, span)| *span).collect())
                    .filter(|spans: &Vec<_>| !spans.is_empty())
            }
        }
    }
}

/// Of each nick by which something was said.
type Owners = BTreeMap<NickId, NickUse>;

/// The people on a network who said something.
pub(super) fn on_network(
    name: &str,
    network: &NetworkSightings,
    given: &[GivenPerson],
) -> Vec<FoundPerson> {
    let pins = pins(name, network, given);
    let (clusters, why) = Joining::join(network, &pins).into_clusters();
    let owners = owners(network, &clusters);
    let person = |(at, cluster)| person(name, network, (at, cluster), (&why, &owners, &clusters));
    let people = clusters.iter().enumerate().filter(|(_, it)| it.lines > 0).map(person);
    people.filter(|person| !person.nicks.is_empty()).collect()
}

/// Which sightings the administrator gave to whom.
fn pins(
    name: &str,
    network: &NetworkSightings,
    given: &[GivenPerson],
) -> BTreeMap<SightingId, PinId> {
    let mut pins = BTreeMap::new();
    for (pin, person) in given.iter().enumerate() {
        for claim in person.nicks.iter().filter(|it| it.network.eq_ignore_ascii_case(name)) {
            let Some(nick) = network.known(&claim.nick) else { continue };
            for id in &network.facts(nick).sightings {
                let is_theirs = network.sighting(*id).said.is_none_or(|(first, last)| {
                    let middle = first + last.duration_since(first) / 2;
                    claim.from.is_none_or(|from| from <= middle)
                        && claim.until.is_none_or(|until| middle < until)
                });
                if is_theirs {
                    pins.entry(*id).or_insert(pin);
                }
            }
        }
    }
    pins
}

/// To whom each nick belongs, among those who said something by it.
fn owners(network: &NetworkSightings, clusters: &[Cluster]) -> Owners {
    let mut users: BTreeMap<NickId, Vec<(usize, SightingId)>> = BTreeMap::new();
    for (at, cluster) in clusters.iter().enumerate() {
        for id in cluster.members.iter().filter(|id| network.sighting(**id).lines > 0) {
            users.entry(network.sighting(*id).nick).or_default().push((at, *id));
        }
    }
    let divided = |(nick, users): (NickId, Vec<(usize, SightingId)>)| {
        let of = |(at, id): &(usize, SightingId)| {
            let sighting = network.sighting(*id);
            (*at, &sighting.presence, sighting.lines)
        };
        let turns = divide(&users.iter().map(of).collect::<Vec<_>>());
        (nick, NickUse { users: users.into_iter().map(|(at, _)| at).collect(), turns })
    };
    users.into_iter().map(divided).collect()
}

fn person(
    name: &str,
    network: &NetworkSightings,
    (at, cluster): (usize, &Cluster),
    (why, owners, clusters): (&[Evidence], &Owners, &[Cluster]),
) -> FoundPerson {
    let mut nicks: BTreeMap<NickId, FoundNick> = BTreeMap::new();
    let (mut hosts, mut idents, mut host_texts) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut said: Option<(Timestamp, Timestamp)> = None;
    for id in &cluster.members {
        let sighting = network.sighting(*id);
        hosts.extend(sighting.hosts.iter().copied());
        host_texts.extend(sighting.host.as_deref());
        if let Mark::Origin(origin) = &sighting.mark
            && let Some((ident, _)) = origin.split_once('@')
        {
            idents.insert(Box::from(ident));
        }
        let spans = owners.get(&sighting.nick).and_then(|it| it.spans_of(at));
        let Some(spans) = spans.filter(|_| sighting.lines > 0) else { continue };
        if let Some((first, last)) = sighting.said {
            said = Some(said.map_or((first, last), |it| (it.0.min(first), it.1.max(last))));
        }
        let evidence = &why[id.0 as usize];
        let nick = nicks.entry(sighting.nick).or_insert_with(|| FoundNick {
            network: name.to_owned(),
            nick: network.facts(sighting.nick).spelling.clone(),
            lines: 0,
            evidence: evidence.clone(),
            spans,
        });
        nick.lines += sighting.lines;
        // The strongest reason for any of it is one for the nick.
        nick.evidence = nick.evidence.clone().min(evidence.clone());
    }
    let mut doubts = cluster.doubts.clone();
    doubts
        .extend(nicks.keys().filter_map(|nick| nick_doubt(network, *nick, at, (owners, clusters))));
    let speech = speech_of(network, nicks.keys(), owners);
    let accounts = cluster.accounts.iter().map(|it| (name.to_owned(), it.to_string())).collect();
    let mut nicks: Vec<FoundNick> = nicks.into_values().collect();
    let main = put_main_first(&mut nicks);
    FoundPerson {
        given: cluster.pin,
        bot: bot_reason(&main, &host_texts, &speech),
        name: main,
        sure: sureness(&nicks, &doubts),
        nicks,
        accounts,
        lines: cluster.lines,
        said,
        doubts,
        hosts,
        idents,
    }
}

/// What is doubtful about a nick of the cluster number `at`.
fn nick_doubt(
    network: &NetworkSightings,
    nick: NickId,
    at: usize,
    (owners, clusters): (&Owners, &[Cluster]),
) -> Option<Doubt> {
    let facts = network.facts(nick);
    let others = owners.get(&nick)?.users.iter().filter(|user| **user != at);
    let others: Vec<String> =
        others.take(MAX_NAMED).map(|user| main_nick(network, &clusters[*user])).collect();
    if !others.is_empty() {
        return Some(Doubt::SharedNick { nick: facts.spelling.clone(), others });
    }
    is_generic(&facts.folded).then(|| Doubt::GenericNick(facts.spelling.clone()))
}

fn main_nick(network: &NetworkSightings, cluster: &Cluster) -> String {
    let most = cluster.members.iter().max_by_key(|id| network.sighting(**id).lines);
    most.map_or_else(String::new, |id| network.facts(network.sighting(*id).nick).spelling.clone())
}

/// How the person speaks, by the nicks that are only theirs.
fn speech_of<'n>(
    network: &NetworkSightings,
    nicks: impl Iterator<Item = &'n NickId>,
    owners: &Owners,
) -> Speech {
    let mut speech = Speech::default();
    for nick in nicks.filter(|nick| owners.get(nick).is_some_and(|it| it.users.len() == 1)) {
        speech.add(&network.facts(*nick).speech);
    }
    speech
}

/// Sorts nicks by how much was said by them, with the main one first: the one with most lines, or the plain form of it.
pub(super) fn put_main_first(nicks: &mut [FoundNick]) -> String {
    nicks.sort_by(|left, right| right.lines.cmp(&left.lines).then(left.nick.cmp(&right.nick)));
    let Some(most) = nicks.first() else { return String::new() };
    let (plain, enough) = (stem(&most.nick), most.lines / 10);
    let is_plain = |it: &FoundNick| it.lines >= enough && it.nick.to_ascii_lowercase() == plain;
    let at = nicks.iter().position(is_plain).unwrap_or(0);
    make_main(nicks, at);
    nicks.first().map_or_else(String::new, |it| it.nick.clone())
}

/// Puts a nick first. That the one that was main is theirs is then shown by what showed it of this one.
pub(super) fn make_main(nicks: &mut [FoundNick], at: usize) {
    if at >= nicks.len() {
        return;
    }
    nicks[..=at].rotate_right(1);
    if let Some((main, others)) = nicks.split_first_mut()
        && main.evidence != Evidence::Itself
        && let Some(other) = others.iter_mut().find(|it| it.evidence == Evidence::Itself)
    {
        std::mem::swap(&mut main.evidence, &mut other.evidence);
    }
}

/// How sure it is that the nicks are one person's.
pub(super) fn sureness(nicks: &[FoundNick], doubts: &BTreeSet<Doubt>) -> Sureness {
    if !doubts.is_empty() {
        return Sureness::Doubtful;
    }
    nicks.iter().map(|it| it.evidence.sureness()).max().unwrap_or(Sureness::Certain)
}
