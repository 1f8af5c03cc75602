//! Which account speaks for whom in Let's Chat, unless an administrator decides otherwise.

use std::collections::{HashMap, HashSet};

use super::draft::{KnownAccount, KnownAccountKind, KnownIdentity, PersonDraft};
use super::read_people::is_username;
use super::{PlannedAccount, PlannedNick};
use crate::domain::{Casemapping, Identity};
use crate::migrate::people::{FoundNick, FoundPerson, Sureness, is_generic};
use crate::translate::{AccountNameFields, account_name_candidates};

/// How many nicks are explained.
const MAX_EXPLAINED: usize = 12;

/// By what accounts are proposed.
#[derive(Debug, Clone)]
pub struct AccountRules {
    /// How user names of new accounts are made, such as `{nick}.irc`.
    pub username: String,
    /// How many lines somebody must have said to have an account.
    pub min_lines: u64,
    /// User names that sections have which stay.
    pub reserved: HashSet<String>,
}

/// The accounts that are known, to be looked up by name.
#[derive(Debug, Default)]
struct AccountIndex<'a> {
    /// By folded user name; and by folded display name, unless that is a user name or of several.
    by_name: HashMap<String, Option<&'a KnownAccount>>,
    /// What the bridge knows people by: network and identity, or nick.
    by_identity: HashMap<(String, String), &'a KnownAccount>,
    /// Names that are taken.
    taken: HashSet<String>,
}

/// Proposes accounts for people, of whom those who said most come first.
#[must_use]
pub fn propose_people(
    people: Vec<FoundPerson>,
    known: &[KnownAccount],
    rules: &AccountRules,
) -> Vec<PersonDraft> {
    let mut index = AccountIndex::new(known);
    index.taken.extend(rules.reserved.iter().cloned());
    people.into_iter().map(|person| propose(person, &mut index, rules)).collect()
}

fn propose(person: FoundPerson, index: &mut AccountIndex<'_>, rules: &AccountRules) -> PersonDraft {
    let (account, why) = propose_account(&person, index, rules);
    let mut sure = person.sure;
    if matches!(why, Some(AccountReason::Name)) {
        sure = sure.max(Sureness::Likely);
    }
    let nicks = person.nicks.iter().flat_map(planned_nicks).collect();
    let mut facts = vec![said(person.lines, person.said)];
    if let Some(why) = person.bot {
        facts.push(format!("seems to be a program: {why}"));
    }
    if let Some(reasons) = explain_nicks(&person) {
        facts.push(reasons);
    }
    if let Some(why) = why {
        facts.push(why.text(&account));
    }
    PersonDraft {
        given: person.given,
        name: person.name,
        nicks,
        account,
        sure,
        is_bot: person.bot.is_some(),
        lines: person.lines,
        facts,
        doubts: person.doubts.iter().map(ToString::to_string).collect(),
    }
}

/// How much was said, and when: `12 lines, 2014-03-01 to 2014-04-02`.
#[must_use]
pub fn said(lines: u64, said: Option<(jiff::Timestamp, jiff::Timestamp)>) -> String {
    let lines = match lines {
        1 => "1 line".to_owned(),
        lines => format!("{} lines", with_commas(lines)),
    };
    let Some((first, last)) = said else { return lines };
    let (first, last) =
        (first.strftime("%Y-%m-%d").to_string(), last.strftime("%Y-%m-%d").to_string());
    if first == last { format!("{lines}, {first}") } else { format!("{lines}, {first} to {last}") }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn planned_nicks(found: &FoundNick) -> Vec<PlannedNick> {
    let nick = |from, until| PlannedNick {
        network: found.network.clone(),
        nick: found.nick.clone(),
        from,
        until,
    };
    match found.spans[..] {
        [] => vec![nick(None, None)],
        _ => found.spans.iter().map(|(from, until)| nick(*from, *until)).collect(),
    }
}

/// Why each nick but the main one is theirs: `ann_ (nick change, 120 lines), …`.
fn explain_nicks(person: &FoundPerson) -> Option<String> {
    let others = person.nicks.get(1..).filter(|others| !others.is_empty())?;
    let has_several = others.iter().any(|nick| nick.network != person.nicks[0].network);
    let explain = |nick: &FoundNick| {
        let network = if has_several { format!("{}/", nick.network) } else { String::new() };
        format!("{network}{} ({}, {})", nick.nick, nick.evidence, said(nick.lines, None))
    };
    let explained: Vec<String> = others.iter().take(MAX_EXPLAINED).map(explain).collect();
    let more = others.len().saturating_sub(MAX_EXPLAINED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Some(format!("also {}{more}", explained.join(", ")))
}

/// Why an account is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccountReason {
    Name,
    Linked,
    Made,
    FewLines,
    NickOfEverybody,
}

impl AccountReason {
    fn text(self, account: &PlannedAccount) -> String {
        let username = match account {
            PlannedAccount::Existing { username, .. } | PlannedAccount::Made { username, .. } => {
                username.as_str()
            }
            _ => "",
        };
        match self {
            Self::Name => format!("Let's Chat has an account {username}: is it theirs?"),
            Self::Linked => format!("they linked the account {username}"),
            Self::Made => format!("the bridge made the account {username} for them"),
            Self::FewLines => "too few lines for an account".to_owned(),
            Self::NickOfEverybody => "no account, because everybody may have this nick".to_owned(),
        }
    }
}

fn propose_account(
    person: &FoundPerson,
    index: &mut AccountIndex<'_>,
    rules: &AccountRules,
) -> (PlannedAccount, Option<AccountReason>) {
    if person.bot.is_some() {
        return (PlannedAccount::Bridge, None);
    }
    if let Some(account) = index.of_person(person) {
        let (username, id) = (account.username.clone(), account.id);
        return match account.kind {
            KnownAccountKind::Made(_) => {
                (PlannedAccount::Made { username, id }, Some(AccountReason::Made))
            }
            _ => (PlannedAccount::Existing { username, id }, Some(AccountReason::Linked)),
        };
    }
    if is_generic(&person.name) {
        return (PlannedAccount::Bridge, Some(AccountReason::NickOfEverybody));
    }
    if let Some(account) = index.by_name_of(person) {
        let (username, id) = (account.username.clone(), account.id);
        return (PlannedAccount::Existing { username, id }, Some(AccountReason::Name));
    }
    if person.lines < rules.min_lines {
        return (PlannedAccount::Bridge, Some(AccountReason::FewLines));
    }
    match index.new_name(person, rules) {
        Some(username) => {
            let display_name = person.name.clone();
            (PlannedAccount::New { username, display_name, uid: None }, None)
        }
        None => (PlannedAccount::Bridge, None),
    }
}

impl<'a> AccountIndex<'a> {
    fn new(known: &'a [KnownAccount]) -> Self {
        let mut index = Self::default();
        let made: HashSet<&str> = known
            .iter()
            .filter(|account| matches!(account.kind, KnownAccountKind::Made(_)))
            .map(|account| account.username.as_str())
            .collect();
        for account in known {
            index.taken.insert(account.username.to_lowercase());
            match &account.kind {
                KnownAccountKind::There if made.contains(account.username.as_str()) => {}
                KnownAccountKind::There => {
                    index.by_name.insert(account.username.to_lowercase(), Some(account));
                }
                KnownAccountKind::Made(identity) => index.add_identity(identity, account),
                KnownAccountKind::Linked(identity) => index.add_identity(identity, account),
            }
        }
        for account in known.iter().filter(|it| it.kind == KnownAccountKind::There) {
            let name = account.display_name.to_lowercase();
            if made.contains(account.username.as_str()) || index.taken.contains(&name) {
                continue;
            }
            // Of several with one display name, it is none.
            index.by_name.entry(name).and_modify(|it| *it = None).or_insert(Some(account));
        }
        index
    }

    fn add_identity(&mut self, identity: &KnownIdentity, account: &'a KnownAccount) {
        let network = Casemapping::Ascii.fold(&identity.network);
        let is_own = |it: &KnownAccount| matches!(it.kind, KnownAccountKind::Linked(_));
        let names = [
            identity.identity.to_string(),
            format!("nick {}", Casemapping::Rfc1459.fold(&identity.nick)),
        ];
        for name in names {
            // Their own goes before the one that the bridge made.
            let place = self.by_identity.entry((network.clone(), name)).or_insert(account);
            if is_own(account) && !is_own(place) {
                *place = account;
            }
        }
    }

    /// The account that the bridge knows as this person's.
    fn of_person(&self, person: &FoundPerson) -> Option<&'a KnownAccount> {
        let of = |network: &str, identity: &Identity| {
            let key = (Casemapping::Ascii.fold(network), identity.to_string());
            self.by_identity.get(&key).copied()
        };
        let by_account = person
            .accounts
            .iter()
            .find_map(|(network, account)| of(network, &Identity::Account(account.clone())));
        by_account.or_else(|| {
            person.nicks.iter().filter(|nick| !is_generic(&nick.nick)).find_map(|nick| {
                of(&nick.network, &Identity::Nick(Casemapping::Rfc1459.fold(&nick.nick)))
            })
        })
    }

    /// An account in Let's Chat with the name of one of their nicks or accounts, which nobody else has got yet.
    fn by_name_of(&mut self, person: &FoundPerson) -> Option<&'a KnownAccount> {
        let nicks = person.nicks.iter().filter(|nick| nick.spans.is_empty()).map(|nick| &nick.nick);
        let accounts = person.accounts.iter().map(|(_, account)| account);
        let names = std::iter::once(&person.name).chain(accounts).chain(nicks);
        for name in names.filter(|name| !is_generic(name)) {
            let name = name.to_lowercase();
            if let Some(account) = self.by_name.get(&name).copied().flatten() {
                // Nobody else gets it.
                for name in [&account.username, &account.display_name] {
                    let name = name.to_lowercase();
                    let is_its = |it: &KnownAccount| it.username == account.username;
                    if self.by_name.get(&name).copied().flatten().is_some_and(is_its) {
                        self.by_name.remove(&name);
                    }
                }
                return Some(account);
            }
        }
        None
    }

    fn new_name(&mut self, person: &FoundPerson, rules: &AccountRules) -> Option<String> {
        let network = person.nicks.first().map_or("irc", |nick| nick.network.as_str());
        let account = person.accounts.first().map_or(person.name.as_str(), |it| it.1.as_str());
        let fields = AccountNameFields { nick: &person.name, account, network };
        let mut candidates = account_name_candidates(&rules.username, fields);
        let username = candidates.find(|name| is_username(name) && !self.taken.contains(name))?;
        self.taken.insert(username.clone());
        Some(username)
    }
}
