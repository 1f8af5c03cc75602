//! The accounts on Let's Chat that people of IRC speak as, and whether they can at the moment.

mod choosing;
pub(in crate::bridge) mod people;
mod planning;
mod policy;

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::bridge::account_io::PostFailure;
use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, Author, Endpoint, EndpointId, IrcUser,
    LetsChatUserId, Network, PersonId, SpeakerAccount,
};
use crate::store::{Store, StoreError};
use crate::translate::account_display_name;
use people::People;
use policy::ResolvedPolicy;

pub(in crate::bridge) use choosing::Voice;
pub use policy::{AccountPolicy, ConfiguredAccount, PersonPolicy};

/// How long the bot speaks for somebody in a room that refused their account.
const ROOM_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// How long the bot speaks for somebody after Let's Chat could not be reached.
const UNREACHABLE_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// How long no account is made after the server refused to register one.
const REGISTRATION_RETRY_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// The minimum time between two changes of somebody's display name.
const RENAME_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The accounts of the people of IRC.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Accounts {
    policy: ResolvedPolicy,
    pub(in crate::bridge) people: People,
    /// The accounts that the bridge made.
    made: HashMap<PersonId, SpeakerAccount>,
    /// The accounts that are people's own.
    own: HashMap<PersonId, SpeakerAccount>,
    /// The people who speak as each account.
    speakers: HashMap<LetsChatUserId, Speakers>,
    /// Accounts without a session at the moment.
    signed_out: HashSet<LetsChatUserId>,
    /// Until when the bot speaks in a room instead of an account.
    blocked: HashMap<(LetsChatUserId, EndpointId), Timestamp>,
    /// Until when the bot speaks instead of an account in all rooms.
    unreachable: HashMap<LetsChatUserId, Timestamp>,
    /// People whose account is being registered by this run.
    registering: HashSet<PersonId>,
    /// Until when no account is made for somebody, or for anybody.
    refused: HashMap<PersonId, Timestamp>,
    closed_until: Option<Timestamp>,
    /// Accounts whose session has ended, since their people were silent for long.
    dormant: HashSet<LetsChatUserId>,
    renamed_at: HashMap<LetsChatUserId, Timestamp>,
    /// The names of the bridge's own account, which no other account may look like.
    pub(in crate::bridge) bot_names: Vec<String>,
    /// The pool knows the accounts.
    is_started: bool,
}

/// What other settings mean for the pool.
#[derive(Debug)]
pub(in crate::bridge) struct PolicyChange {
    /// The accounts that nobody speaks as any more.
    pub(in crate::bridge) removed: Vec<LetsChatUserId>,
    /// The accounts of the configuration, with what gives access to them; the pool may know them already.
    pub(in crate::bridge) added: Vec<(SpeakerAccount, AccountSecrets)>,
}

/// Who speaks as an account.
#[derive(Debug)]
struct Speakers {
    is_only_ours: bool,
    people: Vec<PersonId>,
}

impl Accounts {
    /// The accounts as the last run left them.
    pub(in crate::bridge) fn recover(
        policy: AccountPolicy,
        ids: &HashMap<Endpoint, EndpointId>,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let mut accounts = Self {
            policy: ResolvedPolicy::new(policy, ids),
            people: People::recover(store)?,
            ..Self::default()
        };
        for (account, _) in store.speaker_accounts()? {
            accounts.insert(account);
        }
        for (account, _) in accounts.policy.configured() {
            accounts.insert(account);
        }
        Ok(accounts)
    }

    /// Other settings from now on.
    pub(in crate::bridge) fn set_policy(
        &mut self,
        policy: AccountPolicy,
        ids: &HashMap<Endpoint, EndpointId>,
    ) -> PolicyChange {
        self.policy = ResolvedPolicy::new(policy, ids);
        let configured = self.policy.configured();
        let before: Vec<SpeakerAccount> =
            self.own.values().filter(|own| own.person.0 < 0).cloned().collect();
        let is_kept = |account: &SpeakerAccount| configured.iter().any(|(new, _)| new == account);
        let gone: Vec<SpeakerAccount> =
            before.into_iter().filter(|account| !is_kept(account)).collect();
        for account in &gone {
            self.remove(account.person, account.kind);
        }
        for (account, _) in &configured {
            if self.own.get(&account.person) != Some(account) {
                self.insert(account.clone());
            }
        }
        let removed = gone.into_iter().filter_map(|account| account.user);
        let removed = removed.filter(|user| !self.is_used(user)).collect();
        let added = if self.is_started { configured } else { Vec::new() };
        PolicyChange { removed, added }
    }

    /// The accounts that the pool must know, with what gives access to them. Empty after the first time.
    pub(in crate::bridge) fn start(
        &mut self,
        now: Timestamp,
        store: &Store,
    ) -> Result<Vec<(SpeakerAccount, AccountSecrets)>, StoreError> {
        if std::mem::replace(&mut self.is_started, true) {
            return Ok(Vec::new());
        }
        let mut all = store.speaker_accounts()?;
        self.let_go(now);
        all.retain(|(account, _)| {
            let is_dormant = account.user.as_ref().is_some_and(|it| self.dormant.contains(it));
            account.access == AccountAccess::Usable && !is_dormant
        });
        self.give_up_without_secrets(&mut all);
        all.extend(self.policy.configured());
        Ok(all)
    }

    /// Whether accounts speak in the room `to` for people of the channel `from`.
    pub(in crate::bridge) fn uses_accounts(&self, from: EndpointId, to: EndpointId) -> bool {
        self.policy.uses_accounts(from, to)
    }

    /// Whether anybody may speak by an account in the room `to` for people of the channel `from`.
    pub(in crate::bridge) fn may_speak(&self, from: EndpointId, to: EndpointId) -> bool {
        self.policy.uses_accounts(from, to)
            || !self.own.is_empty()
            || self.policy.policy.people.iter().any(|it| it.uses_account == Some(true))
    }

    /// Lets go the accounts whose people have been silent for long: returns them, for their sessions to end.
    pub(in crate::bridge) fn let_go(&mut self, now: Timestamp) -> Vec<LetsChatUserId> {
        let Some(limit) = self.policy.policy.session_idle else { return Vec::new() };
        let is_idle = |person| {
            let last_spoke = self.people.last_spoke(person);
            last_spoke.is_some_and(|at| now.duration_since(at) > limit)
        };
        let usable = self.made.values().filter(|it| it.access == AccountAccess::Usable);
        let idle = usable.filter(|account| is_idle(account.person));
        let mut idle: Vec<LetsChatUserId> = idle.filter_map(|it| it.user.clone()).collect();
        idle.retain(|user| self.dormant.insert(user.clone()));
        idle
    }

    /// The account by which a user of `network` is shown as present, if people are.
    pub(in crate::bridge) fn present_as(
        &self,
        network: &Network,
        user: &IrcUser,
    ) -> Option<LetsChatUserId> {
        if !self.policy.policy.shows_speakers {
            return None;
        }
        self.made_for(self.people.find(network, user)?)?.user.clone()
    }

    /// Whether everything that this user posts is the bridge's.
    pub(in crate::bridge) fn is_only_ours(&self, user: &str) -> bool {
        self.speakers_of(user).is_some_and(|speakers| speakers.is_only_ours)
    }

    /// Whether people of IRC speak as this user, who also speaks for themselves.
    pub(in crate::bridge) fn is_shared(&self, user: &str) -> bool {
        self.speakers_of(user).is_some_and(|speakers| !speakers.is_only_ours)
    }

    /// The people of IRC who speak as the account with this user name.
    pub(in crate::bridge) fn people_with_username(&self, username: &str) -> Vec<PersonId> {
        let all = self.own.values().chain(self.made.values());
        let named = all.filter(|account| account.username.eq_ignore_ascii_case(username));
        named.map(|account| account.person).collect()
    }

    /// The user name of the own account of a person.
    pub(in crate::bridge) fn own_username(&self, person: PersonId) -> Option<&str> {
        let own = self.own.get(&person).filter(|own| own.access == AccountAccess::Usable)?;
        Some(&own.username)
    }

    /// The user name of the own account of a user of `network`.
    pub(in crate::bridge) fn own_username_of(
        &self,
        network: &Network,
        user: &IrcUser,
    ) -> Option<&str> {
        if self.own.is_empty() {
            return None;
        }
        self.own_username(self.people.find(network, user)?)
    }

    /// Whether somebody on `network` has an account of their own, which the bridge speaks as.
    pub(in crate::bridge) fn has_own(&self, network: &Network, user: &IrcUser) -> bool {
        if self.own.is_empty() {
            return false;
        }
        let author = Author {
            name: user.nick.clone(),
            display_name: None,
            account: user.account.clone(),
            userhost: user.userhost.clone(),
            bot: user.bot,
        };
        let configured = self.policy.person(network, &author);
        configured.is_some_and(|(_, person)| person.own.is_some())
            || self.own_username_of(network, user).is_some()
    }

    /// The account that is being registered for a person.
    pub(in crate::bridge) fn planned_for(&self, person: PersonId) -> Option<&SpeakerAccount> {
        self.made.get(&person).filter(|account| account.access == AccountAccess::Planned)
    }

    /// The account that the bridge made for a person.
    pub(in crate::bridge) fn made_for(&self, person: PersonId) -> Option<&SpeakerAccount> {
        self.made.get(&person).filter(|account| account.access == AccountAccess::Usable)
    }

    /// The accounts that are people's own, except for those of the configuration.
    pub(in crate::bridge) fn linked(&self) -> impl Iterator<Item = &SpeakerAccount> {
        self.own.values().filter(|account| account.person.0 > 0)
    }

    /// The accounts that belong to this user.
    pub(in crate::bridge) fn of_user(&self, user: &LetsChatUserId) -> Vec<SpeakerAccount> {
        let all = self.own.values().chain(self.made.values());
        all.filter(|account| account.user.as_ref() == Some(user)).cloned().collect()
    }

    /// Whether only people with a services account can link their own.
    pub(in crate::bridge) fn link_requires_account(&self) -> bool {
        self.policy.policy.link_requires_account
    }

    /// Adds an account, or replaces the one of that kind.
    pub(in crate::bridge) fn insert(&mut self, account: SpeakerAccount) {
        self.remove(account.person, account.kind);
        if let Some(user) = &account.user {
            self.signed_out.remove(user);
            let speakers = self
                .speakers
                .entry(user.clone())
                .or_insert(Speakers { is_only_ours: true, people: Vec::new() });
            speakers.people.push(account.person);
            speakers.is_only_ours &= account.kind.is_only_ours();
        }
        self.registering.remove(&account.person);
        let accounts = if account.kind.is_only_ours() { &mut self.made } else { &mut self.own };
        accounts.insert(account.person, account);
    }

    /// Forgets an account, and returns it.
    pub(in crate::bridge) fn remove(
        &mut self,
        person: PersonId,
        kind: AccountKind,
    ) -> Option<SpeakerAccount> {
        let accounts = if kind.is_only_ours() { &mut self.made } else { &mut self.own };
        let removed = accounts.remove(&person)?;
        if let Some(user) = &removed.user
            && let Some(speakers) = self.speakers.get_mut(user)
        {
            speakers.people.retain(|it| *it != person);
            if speakers.people.is_empty() {
                self.speakers.remove(user);
            }
        }
        Some(removed)
    }

    /// Whether an account is spoken as by somebody.
    pub(in crate::bridge) fn is_used(&self, user: &LetsChatUserId) -> bool {
        self.speakers.contains_key(user)
    }

    /// The account has no session, or has one again.
    pub(in crate::bridge) fn set_signed_in(&mut self, user: &LetsChatUserId, is_signed_in: bool) {
        if is_signed_in {
            self.signed_out.remove(user);
            self.unreachable.remove(user);
        } else {
            self.signed_out.insert(user.clone());
        }
    }

    /// A post of the account has failed in a room: the bot speaks for a while.
    pub(in crate::bridge) fn on_post_failed(
        &mut self,
        user: &LetsChatUserId,
        endpoint: EndpointId,
        failure: &PostFailure,
        now: Timestamp,
    ) {
        match failure {
            PostFailure::SignedOut => self.set_signed_in(user, false),
            PostFailure::Unreachable(_) => {
                self.unreachable.insert(user.clone(), now + UNREACHABLE_RETRY_INTERVAL);
            }
            PostFailure::Forbidden(_) => self.block(user, endpoint, now),
        }
    }

    /// The room refuses the account: the bot speaks for a while.
    pub(in crate::bridge) fn block(
        &mut self,
        user: &LetsChatUserId,
        endpoint: EndpointId,
        now: Timestamp,
    ) {
        self.blocked.retain(|_, until| *until > now);
        self.blocked.insert((user.clone(), endpoint), now + ROOM_RETRY_INTERVAL);
    }

    /// The server registers nobody.
    pub(in crate::bridge) fn on_registration_closed(&mut self, now: Timestamp) {
        self.closed_until = Some(now + REGISTRATION_RETRY_INTERVAL);
    }

    /// The server does not accept the registration of this person.
    pub(in crate::bridge) fn on_not_made(&mut self, person: PersonId, now: Timestamp) {
        self.registering.remove(&person);
        self.refused.retain(|_, until| *until > now);
        self.refused.insert(person, now + REGISTRATION_RETRY_INTERVAL);
    }

    /// Whether the account that the bridge made is to be called `nick` now; notes that it is.
    pub(in crate::bridge) fn rename(
        &mut self,
        user: &LetsChatUserId,
        nick: &str,
        now: Timestamp,
    ) -> Option<&SpeakerAccount> {
        let shown = account_display_name(nick, &self.bot_names);
        let speakers = self.speakers.get(user).filter(|it| it.is_only_ours)?;
        let account = self.made.get_mut(speakers.people.first()?)?;
        let renamed_at = self.renamed_at.get(user);
        if account.display_name == shown
            || renamed_at.is_some_and(|at| now.duration_since(*at) < RENAME_INTERVAL)
        {
            return None;
        }
        self.renamed_at.insert(user.clone(), now);
        account.display_name = shown;
        Some(account)
    }

    fn speakers_of(&self, user: &str) -> Option<&Speakers> {
        if self.speakers.is_empty() {
            return None;
        }
        self.speakers.get(&LetsChatUserId(user.into()))
    }
}
