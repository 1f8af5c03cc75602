//! Who is who: all names and accounts of a person, as the bridge, the archive and the configuration know them.
//!
//! Marks that belong to one person are put together. A nick of IRC without a services account is the person's whose nick
//! the bridge knows it to be; or else that of the only account that spoke with it; or else that of the archive's person;
//! and `dave_`, `dave|away` and `dave` are one, unless it is known to be otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::report::LinkedBy;
use crate::config::PersonSettings;
use crate::domain::{Author, Casemapping, Endpoint, Identity, Network, PersonId, SpeakerAccount};
use crate::migrate::people::{is_generic, stem};
use crate::store::archive::{ArchiveActivity, ArchivePersonId, KnownMark};
use crate::store::{LedgerActivity, Person};

/// The scope of Let's Chat in the archive.
const LETSCHAT: &str = "letschat";

/// By what somebody is recognised. Names are folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum WhoMark {
    Person(PersonId),
    Archived(ArchivePersonId),
    Account(String, String),
    Nick(String, String),
    User(String),
    UserName(String),
}

/// The number of a person in one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WhoId(usize);

/// All that is known of who is who.
#[derive(Debug, Default)]
pub(super) struct WhoIsWho {
    numbers: HashMap<WhoMark, usize>,
    /// Of each mark, one that is the same person; its own if it stands for all.
    parents: Vec<usize>,
    linked: HashMap<usize, LinkedBy>,
}

/// An author of IRC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct IrcVoice {
    network: String,
    nick: String,
    account: Option<String>,
}

impl WhoIsWho {
    pub(super) fn new(
        ledger: &LedgerActivity,
        archived: &[ArchiveActivity],
        marks: &[(KnownMark, ArchivePersonId)],
        user_map: &[PersonSettings],
    ) -> Self {
        let mut who = Self::default();
        let voices = irc_voices(ledger, archived);
        let mut owned = BTreeSet::new();
        for known in &ledger.nicks {
            let nick = (known.network.to_string(), fold(&known.nick));
            who.same(WhoMark::Person(known.person), WhoMark::Nick(nick.0.clone(), nick.1.clone()));
            owned.insert(nick);
        }
        for (person, accounts) in &ledger.people {
            who.add_person(person, accounts, &owned);
        }
        who.join_users(ledger);
        let accounts = accounts_by_nick(&voices);
        who.join_nicks(&voices, &owned, &accounts);
        for (mark, person) in marks {
            let mark = match mark {
                KnownMark::User(id) => WhoMark::User(id.clone()),
                KnownMark::Account(network, name) => WhoMark::Account(network.clone(), fold(name)),
                KnownMark::Nick(network, nick) => {
                    let nick = (network.clone(), fold(nick));
                    if owned.contains(&nick) || accounts.contains_key(&nick) {
                        continue;
                    }
                    WhoMark::Nick(nick.0, nick.1)
                }
            };
            who.same(WhoMark::Archived(*person), mark);
        }
        who.join_stems(&voices, &owned, &accounts);
        for mapped in user_map {
            who.add_mapped(mapped, &voices);
        }
        who
    }

    /// Who said something in the channel or room `place`, of which the ledger knows this name and this account.
    pub(super) fn of_author(
        &mut self,
        place: &Endpoint,
        name: &str,
        account: Option<&str>,
    ) -> WhoId {
        let mark = match (place.network(), account) {
            (Some(network), Some(account)) => WhoMark::Account(network.to_string(), fold(account)),
            (Some(network), None) => WhoMark::Nick(network.to_string(), fold(name)),
            (None, Some(id)) => WhoMark::User(id.to_owned()),
            (None, None) => WhoMark::UserName(name.to_lowercase()),
        };
        self.of(mark)
    }

    /// Who said something that the archive holds.
    pub(super) fn of_archived(&mut self, said: &ArchiveActivity) -> WhoId {
        let mark = match said.person {
            Some(person) => WhoMark::Archived(person),
            None if said.scope == LETSCHAT => WhoMark::UserName(said.name.to_lowercase()),
            None => WhoMark::Nick(said.scope.clone(), fold(&said.name)),
        };
        self.of(mark)
    }

    /// How the bridge knows who they are on the other side.
    pub(super) fn linked(&self, who: WhoId) -> LinkedBy {
        self.linked.get(&who.0).copied().unwrap_or(LinkedBy::No)
    }

    fn of(&mut self, mark: WhoMark) -> WhoId {
        let number = self.number(mark);
        WhoId(self.root(number))
    }

    fn number(&mut self, mark: WhoMark) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(mark).or_insert(next);
        if number == next {
            self.parents.push(next);
        }
        number
    }

    fn root(&self, mut number: usize) -> usize {
        while self.parents[number] != number {
            number = self.parents[number];
        }
        number
    }

    /// Both are one person.
    fn same(&mut self, one: WhoMark, other: WhoMark) {
        let (one, other) = (self.number(one), self.number(other));
        let (one, other) = (self.root(one), self.root(other));
        // The younger one points at the older one, so that paths stay short.
        let (older, younger) = (one.min(other), one.max(other));
        self.parents[younger] = older;
        if let Some(linked) = self.linked.remove(&younger) {
            self.set_linked(older, linked);
        }
    }

    fn set_linked(&mut self, root: usize, linked: LinkedBy) {
        let known = self.linked.entry(root).or_insert(linked);
        *known = (*known).max(linked);
    }

    fn add_person(
        &mut self,
        person: &Person,
        accounts: &[SpeakerAccount],
        owned: &BTreeSet<(String, String)>,
    ) {
        let mark = WhoMark::Person(person.id);
        let network = person.key.network.to_string();
        match &person.key.identity {
            Identity::Account(name) => {
                self.same(mark.clone(), WhoMark::Account(network, fold(name)));
            }
            Identity::Nick(nick) if !owned.contains(&(network.clone(), fold(nick))) => {
                self.same(mark.clone(), WhoMark::Nick(network, fold(nick)));
            }
            Identity::Nick(_) => {}
        }
        for account in accounts {
            match &account.user {
                Some(user) => self.same(mark.clone(), WhoMark::User(user.to_string())),
                None => self.same(mark.clone(), WhoMark::UserName(account.username.to_lowercase())),
            }
            let is_ours = account.kind.is_only_ours();
            let linked = if is_ours { LinkedBy::Made } else { LinkedBy::Account };
            let number = self.number(mark.clone());
            self.set_linked(self.root(number), linked);
        }
    }

    /// The user names of Let's Chat, each of the user who last spoke with it.
    fn join_users(&mut self, ledger: &LedgerActivity) {
        let mut users: BTreeMap<String, (Timestamp, String)> = BTreeMap::new();
        let accounts = ledger.people.iter().flat_map(|(_, accounts)| accounts);
        for account in accounts {
            if let Some(user) = &account.user {
                let unknown = (Timestamp::MIN, user.to_string());
                users.entry(account.username.to_lowercase()).or_insert(unknown);
            }
        }
        for (key, count) in &ledger.counts {
            if let (Some(Endpoint::Room(_)), Some(id)) = (Endpoint::parse(&key.place), &key.account)
            {
                let spoke = (count.last, id.clone());
                let known = users.entry(key.name.to_lowercase()).or_insert_with(|| spoke.clone());
                *known = spoke.max(known.clone());
            }
        }
        for (name, (_, id)) in users {
            self.same(WhoMark::UserName(name), WhoMark::User(id));
        }
    }

    /// Nicks that nobody owns, and with which only one account spoke.
    fn join_nicks(
        &mut self,
        voices: &BTreeSet<IrcVoice>,
        owned: &BTreeSet<(String, String)>,
        accounts: &BTreeMap<(String, String), BTreeSet<String>>,
    ) {
        for voice in voices {
            let nick = (voice.network.clone(), voice.nick.clone());
            let only = accounts.get(&nick).filter(|accounts| accounts.len() == 1);
            if let Some(account) = only.and_then(BTreeSet::first)
                && !owned.contains(&nick)
            {
                let account = WhoMark::Account(nick.0.clone(), account.clone());
                self.same(account, WhoMark::Nick(nick.0, nick.1));
            }
        }
    }

    /// Nicks of which nothing else is known, and which differ only by their decoration.
    fn join_stems(
        &mut self,
        voices: &BTreeSet<IrcVoice>,
        owned: &BTreeSet<(String, String)>,
        accounts: &BTreeMap<(String, String), BTreeSet<String>>,
    ) {
        let nicks: BTreeSet<(&str, &str)> =
            voices.iter().map(|voice| (&*voice.network, &*voice.nick)).collect();
        let mut first: BTreeMap<(String, String), String> = BTreeMap::new();
        for (network, nick) in &nicks {
            let nick = (network.to_string(), nick.to_string());
            if owned.contains(&nick) || accounts.contains_key(&nick) || is_generic(&nick.1) {
                continue;
            }
            let stem = stem(&nick.1);
            let mark = WhoMark::Nick(nick.0.clone(), nick.1.clone());
            if stem != nick.1 && nicks.contains(&(*network, &*stem)) {
                self.same(WhoMark::Nick(nick.0.clone(), stem), mark);
                continue;
            }
            match first.get(&(nick.0.clone(), stem.clone())) {
                Some(known) => self.same(WhoMark::Nick(nick.0.clone(), known.clone()), mark),
                None => drop(first.insert((nick.0, stem), nick.1)),
            }
        }
    }

    /// Somebody of `[user_map]`.
    fn add_mapped(&mut self, mapped: &PersonSettings, voices: &BTreeSet<IrcVoice>) {
        let user = WhoMark::UserName(mapped.user.to_lowercase());
        let number = self.number(user.clone());
        self.set_linked(self.root(number), LinkedBy::UserMap);
        for voice in voices {
            let is_there = |network: &Network| network.as_str() == voice.network;
            if mapped.network.as_ref().is_none_or(is_there) && mapped.is_author(&voice.author()) {
                self.same(user.clone(), voice.mark());
            }
        }
    }
}

impl IrcVoice {
    fn author(&self) -> Author {
        Author { account: self.account.clone(), ..Author::named(&self.nick) }
    }

    fn mark(&self) -> WhoMark {
        match &self.account {
            Some(account) => WhoMark::Account(self.network.clone(), account.clone()),
            None => WhoMark::Nick(self.network.clone(), self.nick.clone()),
        }
    }
}

/// All who spoke on IRC.
fn irc_voices(ledger: &LedgerActivity, archived: &[ArchiveActivity]) -> BTreeSet<IrcVoice> {
    let in_ledger = ledger.counts.keys().filter_map(|key| {
        let place = Endpoint::parse(&key.place)?;
        let network = place.network()?.to_string();
        let account = key.account.as_deref().map(fold);
        Some(IrcVoice { network, nick: fold(&key.name), account })
    });
    let in_archive = archived.iter().filter(|said| said.scope != LETSCHAT);
    let in_archive = in_archive.map(|said| IrcVoice {
        network: said.scope.clone(),
        nick: fold(&said.name),
        account: None,
    });
    in_ledger.chain(in_archive).filter(|voice| !voice.nick.is_empty()).collect()
}

/// The accounts that spoke with each nick.
fn accounts_by_nick(voices: &BTreeSet<IrcVoice>) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut accounts: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for voice in voices {
        if let Some(account) = &voice.account {
            let nick = (voice.network.clone(), voice.nick.clone());
            accounts.entry(nick).or_default().insert(account.clone());
        }
    }
    accounts
}

fn fold(name: &str) -> String {
    Casemapping::default().fold(name)
}
