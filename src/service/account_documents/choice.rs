//! Chooses the people of IRC for whom an account is written, and their names.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use super::id::account_ids;
use crate::config::{AccountsFor, Settings};
use crate::domain::{
    AccountAccess, AccountKind, Author, Casemapping, Identity, LetsChatUserId, ObjectId, PersonId,
    PersonKey, SpeakerAccount,
};
use crate::store::Person;
use crate::translate::{AccountNameFields, account_email, account_name_candidates};

/// The longest uid that Let's Chat accepts.
const MAX_LEN_UID: usize = 24;

/// The longest user name or mail address to write.
const MAX_LEN_NAME: usize = 100;

/// What stands for a field that is left to the bridge.
const DEFAULT: &str = "-";

/// A person of the store with their accounts.
pub type PersonWithAccounts = (Person, Vec<SpeakerAccount>);

/// An account to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountProposal {
    /// For whom.
    pub person: PersonId,
    /// How they are told apart.
    pub key: PersonKey,
    /// The account's id.
    pub id: ObjectId,
    /// Their nick, which becomes the display name.
    pub nick: String,
    /// The user name.
    pub username: String,
    /// Their name in the directory (LDAP, Kerberos), where they take the account over with their first login.
    pub uid: Option<String>,
    /// The mail address.
    pub email: String,
}

/// Accounts to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountProposals {
    /// The accounts.
    pub proposals: Vec<AccountProposal>,
    /// How many more people need one, beyond the maximum of the configuration.
    pub left_out: usize,
    /// The nicks of those who have an account already.
    pub have_one: Vec<String>,
}

/// A line of the administrator's list: `nick`, `network/nick`, and what the account is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWish {
    network: Option<String>,
    nick: String,
    username: Option<String>,
    uid: Option<String>,
    email: Option<String>,
}

/// A line of the list is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {reason}")]
pub struct WishError {
    /// The line, or the nick.
    pub line: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl FromStr for AccountWish {
    type Err = WishError;

    fn from_str(line: &str) -> Result<Self, WishError> {
        let wrong = |reason: &str| WishError { line: line.to_owned(), reason: reason.to_owned() };
        let mut words = line.split_whitespace();
        let who = words.next().ok_or_else(|| wrong("write a nick"))?;
        let mut field = || words.next().filter(|word| *word != DEFAULT).map(str::to_owned);
        let (username, uid, email) = (field(), field(), field());
        if words.next().is_some() {
            return Err(wrong("more than four words: write NICK USERNAME UID MAIL"));
        }
        if username.as_deref().is_some_and(|name| !is_username(name)) {
            return Err(wrong(
                "the user name must have at least two of a-z, 0-9, _, - and ., and begin and end \
                 with none of - and .",
            ));
        }
        if uid.as_deref().is_some_and(|uid| uid.len() > MAX_LEN_UID) {
            return Err(wrong("the uid is longer than 24 characters, which Let's Chat refuses"));
        }
        if email.as_deref().is_some_and(|email| !is_email(email)) {
            return Err(wrong("the fourth word is not a mail address"));
        }
        let (network, nick) = match who.split_once('/') {
            Some((network, nick)) => (Some(network.to_owned()), nick.to_owned()),
            None => (None, who.to_owned()),
        };
        Ok(Self { network, nick, username, uid, email })
    }
}

impl fmt::Display for AccountProposal {
    /// A line of the list, which [`AccountWish`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = self.uid.as_deref().unwrap_or(DEFAULT);
        let network = &self.key.network;
        write!(f, "{network}/{} {} {uid} {}", self.nick, self.username, self.email)
    }
}

/// The accounts of everybody who needs one, as the configuration says: people who have spoken and for whom no account
/// can be used, and those for whom one was written before.
#[must_use]
pub fn propose(people: &[PersonWithAccounts], settings: &Settings) -> AccountProposals {
    let accounts = &settings.letschat.accounts;
    let is_for = |person: &Person| match (accounts.accounts_for, &person.key.identity) {
        (AccountsFor::Everyone, _) => person.lines >= accounts.after_lines.into(),
        (AccountsFor::Registered, identity) => matches!(identity, Identity::Account(_)),
    };
    let mut names = TakenNames::of(people);
    let of_bridge =
        |it: &SpeakerAccount| it.kind.is_only_ours() && it.access != AccountAccess::Planned;
    let mut count = people.iter().filter(|(_, own)| own.iter().any(of_bridge)).count();
    let mut found = AccountProposals::default();
    for (person, own) in people {
        let written = written(own);
        if written.is_none() && (!needs_account(own) || !is_for(person)) {
            continue;
        }
        if written.is_none() {
            if count >= accounts.max {
                found.left_out += 1;
                continue;
            }
            count += 1;
        }
        let proposal = names.proposal(person, written, &AccountWish::of(person), settings);
        found.proposals.extend(proposal);
    }
    found
}

/// The accounts in the administrator's list, except those of people who have one.
///
/// # Errors
/// When a line names nobody, several people, or a name that is taken.
pub fn resolve(
    people: &[PersonWithAccounts],
    wishes: &[AccountWish],
    settings: &Settings,
) -> Result<AccountProposals, WishError> {
    let mut names = TakenNames::of(people);
    let mut found = AccountProposals::default();
    for wish in wishes {
        let wrong = |reason: &str| WishError { line: wish.nick.clone(), reason: reason.to_owned() };
        let mut meant = people.iter().filter(|(person, _)| wish.is_about(person));
        let (person, own) = meant.next().ok_or_else(|| {
            wrong("nobody has last spoken with this nick: see `letsbridge people`")
        })?;
        if meant.next().is_some() {
            return Err(wrong(
                "several people have this nick: write NETWORK/NICK, or another nick",
            ));
        }
        if found.proposals.iter().any(|it| it.person == person.id) {
            return Err(wrong("this person is listed twice: remove one line"));
        }
        let is_by_nick = matches!(person.key.identity, Identity::Nick(_));
        if wish.uid.is_some() && is_by_nick && settings.letschat.accounts.link_requires_account {
            return Err(wrong(
                "with a uid, whoever takes this nick would speak by the account of the directory's \
                 person: let them log in to services on IRC first, or write - for the uid",
            ));
        }
        let written = written(own).or_else(|| written_with_uid(person, own));
        if written.is_none() && !needs_account(own) {
            found.have_one.push(person.nick.clone());
            continue;
        }
        let proposal = names.proposal(person, written, wish, settings);
        found.proposals.push(proposal.ok_or_else(|| {
            wrong("the user name, the uid or the mail address is taken: write another one")
        })?);
    }
    Ok(found)
}

impl AccountWish {
    fn of(person: &Person) -> Self {
        let network = Some(person.key.network.as_str().to_owned());
        Self { network, nick: person.nick.clone(), username: None, uid: None, email: None }
    }

    fn is_about(&self, person: &Person) -> bool {
        self.network.as_deref().is_none_or(|network| network == person.key.network.as_str())
            && Casemapping::Rfc1459.same(&self.nick, &person.nick)
    }
}

/// Whether no account of a person can be used.
fn needs_account(own: &[SpeakerAccount]) -> bool {
    !own.iter().any(|it| it.access == AccountAccess::Usable)
}

/// The account that was written before.
fn written(own: &[SpeakerAccount]) -> Option<&SpeakerAccount> {
    let has_own =
        own.iter().any(|it| !it.kind.is_only_ours() && it.access == AccountAccess::Usable);
    own.iter().find(|it| it.kind == AccountKind::Written && !has_own)
}

/// The account that was written before with a uid.
fn written_with_uid<'a>(person: &Person, own: &'a [SpeakerAccount]) -> Option<&'a SpeakerAccount> {
    let id = account_ids(&person.key).next();
    let is_it = |it: &&SpeakerAccount| it.user.as_ref().and_then(object_id) == id;
    own.iter().find(is_it)
}

fn object_id(user: &LetsChatUserId) -> Option<ObjectId> {
    user.0.parse().ok()
}

/// The names and ids that no other account may have.
struct TakenNames {
    ids: HashSet<ObjectId>,
    usernames: HashSet<String>,
    emails: HashSet<String>,
    uids: HashSet<String>,
}

impl TakenNames {
    fn of(people: &[PersonWithAccounts]) -> Self {
        let accounts = || people.iter().flat_map(|(_, own)| own);
        let ids = accounts().filter_map(|account| object_id(account.user.as_ref()?)).collect();
        let usernames = accounts().map(|account| account.username.to_lowercase()).collect();
        Self { ids, usernames, emails: HashSet::new(), uids: HashSet::new() }
    }

    /// The account of a person, named as they wish, or as before, or as the configuration says. `None` if a name is
    /// taken.
    fn proposal(
        &mut self,
        person: &Person,
        written: Option<&SpeakerAccount>,
        wish: &AccountWish,
        settings: &Settings,
    ) -> Option<AccountProposal> {
        let before = written.map(|account| account.username.to_lowercase());
        if let Some(before) = &before {
            self.usernames.remove(before);
        }
        let wished = wish.username.as_ref().map(|name| name.to_lowercase());
        let username = match wished.or(before) {
            Some(name) => Some(name).filter(|name| !self.usernames.contains(name)),
            None => self.free_username(person, settings),
        }?;
        let email = wish.email.clone().or_else(|| configured_email(person, settings));
        let template = &settings.letschat.accounts.email;
        let email = email.unwrap_or_else(|| account_email(template, &username)).to_lowercase();
        let is_new_uid = wish.uid.as_ref().is_none_or(|uid| self.uids.insert(uid.clone()));
        if !self.emails.insert(email.clone()) || !is_new_uid {
            return None;
        }
        let id = written.and_then(|account| object_id(account.user.as_ref()?));
        let id = id.or_else(|| account_ids(&person.key).find(|id| !self.ids.contains(id)))?;
        self.ids.insert(id);
        self.usernames.insert(username.clone());
        Some(AccountProposal {
            person: person.id,
            key: person.key.clone(),
            id,
            nick: person.nick.clone(),
            username,
            uid: wish.uid.clone(),
            email,
        })
    }

    fn free_username(&self, person: &Person, settings: &Settings) -> Option<String> {
        let account = match &person.key.identity {
            Identity::Account(account) => account,
            Identity::Nick(_) => &person.nick,
        };
        let network = person.key.network.as_str();
        let fields = AccountNameFields { nick: &person.nick, account, network };
        let mut names = account_name_candidates(&settings.letschat.accounts.username, fields);
        names.find(|name| !self.usernames.contains(name))
    }
}

/// The mail address that `[user_map]` has for a person.
fn configured_email(person: &Person, settings: &Settings) -> Option<String> {
    let mut author = Author::named(&person.nick);
    if let Identity::Account(account) = &person.key.identity {
        author.account = Some(account.clone());
    }
    settings.people.iter().find(|it| it.is_author(&author))?.email.clone()
}

/// Whether Let's Chat accepts a user name (docs/letschat-protocol.md, section 12).
fn is_username(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_inside = |c: char| is_word(c) || "-.".contains(c);
    (2..=MAX_LEN_NAME).contains(&name.len())
        && name.starts_with(is_word)
        && name.ends_with(is_word)
        && name.chars().all(is_inside)
}

fn is_email(text: &str) -> bool {
    let Some((before, host)) = text.split_once('@') else { return false };
    let is_plain = |c: char| c.is_ascii_graphic() && !"@<>\"\\,;:()[]".contains(c);
    let has_labels = host.contains('.') && host.split('.').all(|label| !label.is_empty());
    let all = before.chars().chain(host.chars());
    text.len() <= MAX_LEN_NAME && !before.is_empty() && has_labels && all.into_iter().all(is_plain)
}
