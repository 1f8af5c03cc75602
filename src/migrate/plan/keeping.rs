//! What of a plan must not change when it is written again: nicks that the administrator gave, and ids.

use std::collections::{HashMap, HashSet};

use super::claims::key_of;
use super::draft::PersonDraft;
use super::{PlannedNick, PlannedPerson};

/// The nicks in sections that stay.
pub(super) struct FixedClaims(HashMap<(String, String), Vec<PlannedNick>>);

impl FixedClaims {
    pub(super) fn new(edited: &[(usize, &PlannedPerson)]) -> Self {
        let mut claims: HashMap<_, Vec<PlannedNick>> = HashMap::new();
        for nick in edited.iter().flat_map(|(_, person)| &person.nicks) {
            claims.entry(key_of(&nick.network, &nick.nick)).or_default().push(nick.clone());
        }
        Self(claims)
    }

    /// The nicks of a person that no section has which stays, or the times that are left of them. Of a nick that
    /// `planned` has, no more is added to it.
    pub(super) fn new_nicks(
        &self,
        person: &PersonDraft,
        planned: Option<&PlannedPerson>,
    ) -> Vec<PlannedNick> {
        let mut nicks = Vec::new();
        for nick in &person.nicks {
            let key = key_of(&nick.network, &nick.nick);
            let has = |it: &PlannedNick| key_of(&it.network, &it.nick) == key;
            if planned.is_some_and(|planned| planned.nicks.iter().any(has)) {
                continue;
            }
            let mut left = vec![nick.clone()];
            for claim in self.0.get(&key).into_iter().flatten() {
                left = left.iter().flat_map(|it| without(it, claim)).collect();
            }
            nicks.extend(left);
        }
        nicks
    }
}

/// What is left of the time of `nick` without that of `claim`.
fn without(nick: &PlannedNick, claim: &PlannedNick) -> Vec<PlannedNick> {
    let before =
        claim.from.filter(|from| nick.from.is_none_or(|start| start < *from)).map(|from| {
            let until = nick.until.map_or(from, |until| until.min(from));
            PlannedNick { until: Some(until), ..nick.clone() }
        });
    let after =
        claim.until.filter(|until| nick.until.is_none_or(|end| *until < end)).map(|until| {
            let from = nick.from.map_or(until, |from| from.max(until));
            PlannedNick { from: Some(from), ..nick.clone() }
        });
    before.into_iter().chain(after).collect()
}

/// The ids of people: the old ones for those who have a nick of an old person, and new ones.
pub(super) struct Ids {
    taken: HashSet<String>,
    of_nick: HashMap<(String, String), String>,
}

impl Ids {
    pub(super) fn new<'p>(
        old: &[PlannedPerson],
        staying: impl Iterator<Item = &'p PlannedPerson>,
    ) -> Self {
        let taken = staying.map(|person| person.id.to_ascii_lowercase()).collect();
        let mut of_nick = HashMap::new();
        for person in old {
            for nick in &person.nicks {
                of_nick.entry(key_of(&nick.network, &nick.nick)).or_insert(person.id.clone());
            }
        }
        Self { taken, of_nick }
    }

    pub(super) fn take(&mut self, person: &PersonDraft) -> String {
        let olds = person
            .nicks
            .iter()
            .filter_map(|nick| self.of_nick.get(&key_of(&nick.network, &nick.nick)).cloned());
        let main = person.nicks.first();
        let main =
            main.map_or_else(|| person.name.clone(), |it| format!("{}/{}", it.network, it.nick));
        let numbered = (2..).map(|number| format!("{main} {number}"));
        let mut candidates =
            olds.collect::<Vec<_>>().into_iter().chain([main.clone()]).chain(numbered);
        let id = candidates.find(|id| !self.taken.contains(&id.to_ascii_lowercase()));
        let id = id.unwrap_or(main);
        self.taken.insert(id.to_ascii_lowercase());
        id
    }
}
