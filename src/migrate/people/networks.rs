//! Joins people of several networks.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Doubt, Evidence};
use super::found::{FoundPerson, make_main, put_main_first, sureness};
use super::stem::{is_generic, stem};

/// User names that clients or networks give to everybody.
const COMMON_IDENTS: &[&str] = &[
    "chatzilla",
    "guest",
    "identd",
    "irc",
    "irssi",
    "kiwi",
    "kvirc",
    "me",
    "mirc",
    "nobody",
    "pidgin",
    "purple",
    "quassel",
    "root",
    "sid",
    "uid",
    "user",
    "username",
    "webchat",
    "weechat",
    "znc",
];

/// How many people with one stem are compared with each other.
const MAX_ALIKE: usize = 8;

/// Makes one of people on different networks if they have a nick, and more, in common, or if the administrator says so.
pub(super) fn join(people: Vec<FoundPerson>) -> Vec<FoundPerson> {
    let mut joined: Vec<FoundPerson> = Vec::new();
    let mut of_given: BTreeMap<usize, usize> = BTreeMap::new();
    let mut of_stem: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for person in people {
        let key = stem(&person.name);
        let same_given = person.given.and_then(|given| of_given.get(&given)).copied();
        let alike = || of_stem.get(&key).map_or(&[][..], Vec::as_slice);
        let found = same_given
            .or_else(|| alike().iter().copied().find(|at| may_be_one(&joined[*at], &person)));
        if let Some(at) = found {
            let why = match same_given {
                Some(_) => Evidence::Given,
                None => common_evidence(&joined[at], &person).unwrap_or(Evidence::SameNick),
            };
            add(&mut joined[at], person, &why);
            continue;
        }
        let mut person = person;
        if !is_generic(&person.name) {
            let others: Vec<usize> = alike().iter().copied().take(MAX_ALIKE).collect();
            for at in others {
                doubt(&mut joined[at], &mut person);
            }
        }
        if let Some(given) = person.given {
            of_given.insert(given, joined.len());
        }
        of_stem.entry(key).or_default().push(joined.len());
        joined.push(person);
    }
    joined
}

fn networks_of(person: &FoundPerson) -> BTreeSet<&str> {
    person.nicks.iter().map(|nick| nick.network.as_str()).collect()
}

fn may_be_one(left: &FoundPerson, right: &FoundPerson) -> bool {
    let are_given_apart = left.given.is_some() && right.given.is_some();
    !are_given_apart
        && networks_of(left).is_disjoint(&networks_of(right))
        && common_evidence(left, right).is_some()
}

/// What people on two networks have in common besides a nick.
fn common_evidence(left: &FoundPerson, right: &FoundPerson) -> Option<Evidence> {
    let names = |person: &FoundPerson| -> BTreeSet<String> {
        person.accounts.iter().map(|(_, account)| account.clone()).collect()
    };
    if let Some(account) = names(left).intersection(&names(right)).next() {
        // Services of two networks do not know each other.
        return Some(Evidence::BothNetworks(format!("account {account}").into()));
    }
    if !left.hosts.is_disjoint(&right.hosts) {
        return Some(Evidence::BothNetworks("host".into()));
    }
    let mut idents = left.idents.intersection(&right.idents);
    let ident = idents.find(|ident| !COMMON_IDENTS.contains(&&***ident))?;
    Some(Evidence::BothNetworks(format!("user name {ident}").into()))
}

fn add(person: &mut FoundPerson, other: FoundPerson, why: &Evidence) {
    person.given = person.given.or(other.given);
    person.accounts.extend(other.accounts);
    person.hosts.extend(other.hosts);
    person.idents.extend(other.idents);
    person.doubts.extend(other.doubts);
    person.bot = person.bot.or(other.bot);
    person.said = match (person.said, other.said) {
        (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
        (left, right) => left.or(right),
    };
    person.nicks.extend(other.nicks.into_iter().map(|mut nick| {
        nick.evidence = nick.evidence.max(why.clone());
        nick
    }));
    // The name of the one who said more.
    let is_more = other.lines > person.lines;
    person.lines += other.lines;
    let main = put_main_first(&mut person.nicks);
    if is_more {
        person.name = main;
    } else if let Some(at) = person.nicks.iter().position(|nick| nick.nick == person.name) {
        make_main(&mut person.nicks, at);
    }
    person.sure = sureness(&person.nicks, &person.doubts);
}

/// Two on different networks with one nick, and nothing else in common.
fn doubt(left: &mut FoundPerson, right: &mut FoundPerson) {
    if left.given.is_some() && right.given.is_some()
        || left.bot.is_some()
        || right.bot.is_some()
        || !networks_of(left).is_disjoint(&networks_of(right))
    {
        return;
    }
    let about = |other: &FoundPerson| Doubt::OtherNetwork {
        network: other.nicks.first().map_or_else(String::new, |nick| nick.network.clone()),
        nick: other.name.clone(),
    };
    let (of_left, of_right) = (about(right), about(left));
    for (person, doubt) in [(left, of_left), (right, of_right)] {
        person.doubts.insert(doubt);
        person.sure = sureness(&person.nicks, &person.doubts);
    }
}
