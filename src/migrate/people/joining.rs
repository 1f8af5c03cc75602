//! Joins sightings on one network to people: by what proves it first, then by what suggests it.
//!
//! | evidence     | joins                                     | unless                                                     |
//! |--------------|-------------------------------------------|------------------------------------------------------------|
//! | given        | what the administrator put together       | never                                                      |
//! | same account | sightings with one services account       | the administrator put them apart                           |
//! | nick change  | both nicks of one connection              | both were there at the same time, at another time          |
//! | same host    | nicks from one exact address              | the same; different accounts; others use the address too   |
//! | same nick    | a nick from several places                | the same; different accounts; everybody may have the nick  |
//! | same stem    | `dave_` and `dave`                        | the same; different accounts; several people are like it   |

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::evidence::{Doubt, Evidence};
use super::presence::Presence;
use super::sightings::{Mark, NetworkSightings, SightingId};
use super::stem::{is_generic, stem};

/// How many clusters may have one address, and still be one person.
const MAX_AT_HOST: usize = 6;
/// How many clusters with one stem are compared with each other.
const MAX_ALIKE: usize = 40;
/// How many doubts are kept about a person.
const MAX_DOUBTS: usize = 5;
/// After a pause of so many days, a nick from another place may be another's.
const LONG_PAUSE_DAYS: i64 = 365;

/// Whom the administrator named, as a number.
pub(super) type PinId = usize;

/// NickSightings that are one person.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) members: Vec<SightingId>,
    presence: Presence,
    pub(super) accounts: BTreeSet<Box<str>>,
    pub(super) pin: Option<PinId>,
    pub(super) lines: u64,
    pub(super) doubts: BTreeSet<Doubt>,
}

/// Why two clusters cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// Both were there at this time.
    Present(Timestamp),
    /// They have different accounts.
    Accounts,
    /// The administrator put them apart.
    Pinned,
}

/// Joins the sightings of a network.
#[derive(Debug)]
pub(super) struct Joining<'n> {
    network: &'n NetworkSightings,
    /// Of each sighting, the cluster that it is in.
    of: Vec<usize>,
    clusters: Vec<Option<Cluster>>,
    /// Of each sighting, the weakest reason why it is where it is.
    why: Vec<Evidence>,
}

impl<'n> Joining<'n> {
    /// Joins all sightings of `network`. `pins` tells which of them the administrator gave to whom.
    pub(super) fn join(network: &'n NetworkSightings, pins: &BTreeMap<SightingId, PinId>) -> Self {
        let mut joining = Self::apart(network, pins);
        joining.join_pinned(pins);
        joining.join_accounts();
        joining.join_changes();
        joining.join_hosts();
        joining.join_nicks();
        joining.join_stems();
        joining
    }

    fn apart(network: &'n NetworkSightings, pins: &BTreeMap<SightingId, PinId>) -> Self {
        let ids = (0..).map(SightingId).take(network.sightings.len());
        let cluster = |id: SightingId| {
            let sighting = network.sighting(id);
            let account = match &sighting.mark {
                Mark::Account(account) => Some(account.clone()),
                _ => None,
            };
            Some(Cluster {
                members: vec![id],
                presence: sighting.presence.clone(),
                accounts: account.into_iter().collect(),
                pin: pins.get(&id).copied(),
                lines: sighting.lines,
                doubts: BTreeSet::new(),
            })
        };
        let count = network.sightings.len();
        Self {
            network,
            of: (0..count).collect(),
            clusters: ids.map(cluster).collect(),
            why: vec![Evidence::Itself; count],
        }
    }

    /// The people found, and why each sighting belongs to them.
    pub(super) fn into_clusters(self) -> (Vec<Cluster>, Vec<Evidence>) {
        (self.clusters.into_iter().flatten().collect(), self.why)
    }

    fn cluster_of(&self, id: SightingId) -> usize {
        self.of[id.0 as usize]
    }

    fn cluster(&self, at: usize) -> &Cluster {
        self.clusters[at].as_ref().expect("a sighting is in a cluster that is there")
    }

    /// The main nick of a cluster, as it is written.
    fn name(&self, at: usize) -> String {
        let lines = |id: &&SightingId| self.network.sighting(**id).lines;
        let main = self.cluster(at).members.iter().max_by_key(lines);
        main.map_or_else(String::new, |id| {
            self.network.facts(self.network.sighting(*id).nick).spelling.clone()
        })
    }

    /// What keeps two clusters apart.
    fn apart_by(&self, left: usize, right: usize) -> Option<Apart> {
        let (left, right) = (self.cluster(left), self.cluster(right));
        if left.pin.is_some() && right.pin.is_some() && left.pin != right.pin {
            return Some(Apart::Pinned);
        }
        if let Some(at) = left.presence.first_clash(&right.presence) {
            return Some(Apart::Present(at));
        }
        let differ = !left.accounts.is_empty()
            && !right.accounts.is_empty()
            && left.accounts.is_disjoint(&right.accounts);
        differ.then_some(Apart::Accounts)
    }

    /// Makes two clusters one, whatever keeps them apart. Returns which one it is.
    fn unite(&mut self, left: usize, right: usize, why: &Evidence) -> usize {
        if left == right {
            return left;
        }
        let weight = |at: usize| (self.cluster(at).pin.is_some(), self.cluster(at).lines);
        let (kept, gone) =
            if weight(left) >= weight(right) { (left, right) } else { (right, left) };
        let Some(gone) = self.clusters[gone].take() else { return kept };
        for id in &gone.members {
            self.of[id.0 as usize] = kept;
            let reason = &mut self.why[id.0 as usize];
            if *reason < *why {
                *reason = why.clone();
            }
        }
        if let Some(cluster) = self.clusters[kept].as_mut() {
            cluster.presence.merge(&gone.presence);
            cluster.members.extend(gone.members);
            cluster.accounts.extend(gone.accounts);
            cluster.pin = cluster.pin.or(gone.pin);
            cluster.lines += gone.lines;
            gone.doubts.into_iter().for_each(|doubt| add_doubt(cluster, doubt));
        }
        kept
    }

    /// Makes two clusters one unless something keeps them apart, which is noted as a doubt about both.
    fn try_unite(&mut self, left: usize, right: usize, why: &Evidence) -> bool {
        if left == right {
            return true;
        }
        let Some(apart) = self.apart_by(left, right) else {
            self.unite(left, right, why);
            return true;
        };
        for (at, other) in [(left, right), (right, left)] {
            let other = self.name(other);
            let doubt = match apart {
                Apart::Pinned => continue,
                Apart::Present(at) => Doubt::BothPresent { other, evidence: why.clone(), at },
                Apart::Accounts => Doubt::OtherAccount { other, evidence: why.clone() },
            };
            self.doubt(at, doubt);
        }
        false
    }

    fn doubt(&mut self, at: usize, doubt: Doubt) {
        if let Some(cluster) = self.clusters[at].as_mut() {
            add_doubt(cluster, doubt);
        }
    }

    fn join_pinned(&mut self, pins: &BTreeMap<SightingId, PinId>) {
        let mut first: BTreeMap<PinId, SightingId> = BTreeMap::new();
        for (id, pin) in pins {
            let head = *first.entry(*pin).or_insert(*id);
            self.unite(self.cluster_of(head), self.cluster_of(*id), &Evidence::Given);
        }
    }

    /// Nobody but its owner can use an account, also with two clients at the same time.
    fn join_accounts(&mut self) {
        let mut of_account: BTreeMap<&str, Vec<SightingId>> = BTreeMap::new();
        for (id, sighting) in (0..).map(SightingId).zip(&self.network.sightings) {
            if let Mark::Account(account) = &sighting.mark {
                of_account.entry(account).or_default().push(id);
            }
        }
        for (account, ids) in of_account {
            for pair in ids.windows(2) {
                let (left, right) = (self.cluster_of(pair[0]), self.cluster_of(pair[1]));
                if self.apart_by(left, right) != Some(Apart::Pinned) {
                    self.unite(left, right, &Evidence::SameAccount(account.into()));
                }
            }
        }
    }

    fn join_changes(&mut self) {
        let mut changes: Vec<_> = self.network.changes.iter().collect();
        changes.sort_unstable_by_key(|((from, to), at)| (**at, *from, *to));
        for ((from, to), _) in changes {
            let (left, right) = (self.cluster_of(*from), self.cluster_of(*to));
            match self.apart_by(left, right) {
                None => drop(self.unite(left, right, &Evidence::NickChange)),
                // One connection can log in to another account.
                Some(Apart::Accounts) => drop(self.unite(left, right, &Evidence::NickChange)),
                Some(_) => drop(self.try_unite(left, right, &Evidence::NickChange)),
            }
        }
    }

    fn join_hosts(&mut self) {
        let mut at_host: BTreeMap<u64, Vec<SightingId>> = BTreeMap::new();
        for (id, sighting) in (0..).map(SightingId).zip(&self.network.sightings) {
            sighting.hosts.iter().for_each(|host| at_host.entry(*host).or_default().push(id));
        }
        for ids in at_host.into_values().filter(|ids| ids.len() > 1) {
            let clusters: BTreeSet<usize> = ids.iter().map(|id| self.cluster_of(*id)).collect();
            let clusters: Vec<usize> = clusters.into_iter().collect();
            if clusters.len() < 2 || clusters.len() > MAX_AT_HOST || self.is_shared(&clusters) {
                continue;
            }
            let host = ids.iter().find_map(|id| self.network.sighting(*id).host.clone());
            let why = Evidence::SameHost(host.unwrap_or_default());
            for pair in ids.windows(2) {
                self.try_unite(self.cluster_of(pair[0]), self.cluster_of(pair[1]), &why);
            }
        }
    }

    /// Whether any two of the clusters were there at the same time, so that several people use what they have in common.
    fn is_shared(&self, clusters: &[usize]) -> bool {
        clusters.iter().enumerate().any(|(index, left)| {
            clusters[index + 1..]
                .iter()
                .any(|right| matches!(self.apart_by(*left, *right), Some(Apart::Present(_))))
        })
    }

    fn join_nicks(&mut self) {
        for facts in &self.network.nicks {
            let mut ids = facts.sightings.clone();
            ids.sort_by_key(|id| (std::cmp::Reverse(self.network.sighting(*id).lines), *id));
            if is_generic(&facts.folded) {
                continue;
            }
            for (index, id) in ids.iter().enumerate().skip(1) {
                // The one with the most lines that it can be.
                let earlier = ids[..index].iter().find(|head| {
                    let (left, right) = (self.cluster_of(**head), self.cluster_of(*id));
                    left == right || self.apart_by(left, right).is_none()
                });
                let Some(head) = earlier else { continue };
                let (left, right) = (self.cluster_of(*head), self.cluster_of(*id));
                if left != right {
                    let pause =
                        self.cluster(left).presence.days_between(&self.cluster(right).presence);
                    let moved = self.are_from_elsewhere(*head, *id);
                    let at = self.unite(left, right, &Evidence::SameNick);
                    if let Some(days) = pause.filter(|days| moved && *days >= LONG_PAUSE_DAYS) {
                        self.doubt(at, Doubt::LongPause { nick: facts.spelling.clone(), days });
                    }
                }
            }
        }
    }

    /// Whether two sightings have neither the user name nor the provider in common.
    fn are_from_elsewhere(&self, left: SightingId, right: SightingId) -> bool {
        let origin = |id| match &self.network.sighting(id).mark {
            Mark::Origin(origin) => origin.split_once('@'),
            _ => None,
        };
        match (origin(left), origin(right)) {
            (Some(left), Some(right)) => left.0 != right.0 && left.1 != right.1,
            _ => false,
        }
    }

    fn join_stems(&mut self) {
        let mut alike: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for facts in self.network.nicks.iter().filter(|facts| !is_generic(&facts.folded)) {
            let clusters = facts.sightings.iter().map(|id| self.cluster_of(*id));
            alike.entry(stem(&facts.folded)).or_default().extend(clusters);
        }
        for clusters in alike.into_values().filter(|clusters| clusters.len() > 1) {
            // They may have become one by another stem meanwhile.
            let members: Vec<SightingId> = clusters
                .into_iter()
                .filter_map(|at| self.clusters[at].as_ref()?.members.first().copied())
                .collect();
            let mut clusters: Vec<usize> = members.iter().map(|id| self.cluster_of(*id)).collect();
            clusters.sort_by_key(|at| (std::cmp::Reverse(self.cluster(*at).lines), *at));
            clusters.dedup();
            clusters.truncate(MAX_ALIKE);
            self.join_alike(&clusters);
        }
    }

    /// Joins clusters with one stem, those with the most lines first.
    fn join_alike(&mut self, clusters: &[usize]) {
        let mut heads: Vec<usize> = Vec::new();
        for at in clusters {
            let fits: Vec<usize> =
                heads.iter().copied().filter(|head| self.apart_by(*head, *at).is_none()).collect();
            match fits[..] {
                [] => {
                    let nearest = heads.first().copied();
                    if let Some(head) = nearest {
                        self.try_unite(head, *at, &Evidence::SameStem);
                    }
                    heads.push(*at);
                }
                [head] => {
                    let kept = self.unite(head, *at, &Evidence::SameStem);
                    heads.iter_mut().filter(|it| **it == head).for_each(|it| *it = kept);
                }
                _ => {
                    let names = fits.iter().take(3).map(|head| self.name(*head)).collect();
                    self.doubt(*at, Doubt::SeveralAlike(names));
                }
            }
        }
    }
}

fn add_doubt(cluster: &mut Cluster, doubt: Doubt) {
    if cluster.doubts.len() < MAX_DOUBTS {
        cluster.doubts.insert(doubt);
    }
}
