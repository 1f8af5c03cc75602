//! Chooses who says something in a room for a person of IRC.

use jiff::Timestamp;

use super::Accounts;
use super::policy::configured_id;
use crate::bridge::account_io::AccountRegistration;
use crate::domain::{
    AccountAccess, AccountSecrets, Author, EndpointId, Identity, LetsChatUserId, Network, PersonId,
    SpeakerAccount,
};
use crate::store::{Store, StoreError};

/// Who says something in a room for a person of IRC.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Voice {
    /// This account.
    Account(LetsChatUserId),
    /// The bot.
    Bot,
    /// The bot, and this account is to be registered.
    BotUntil(Box<AccountRegistration>),
    /// The bot, and this account, whose person was silent for long, is to be signed in.
    BotUntilSignedIn(Box<(SpeakerAccount, AccountSecrets)>),
}

impl Accounts {
    /// Who says a message of `author`, who is in the channel `from` of `network`, in the room `to`. A message
    /// that is tried again is not counted again.
    pub(in crate::bridge) fn choose(
        &mut self,
        (network, author): (&Network, &Author),
        (from, to): (EndpointId, EndpointId),
        is_first_try: bool,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Voice, StoreError> {
        let configured = self.policy.person(network, author);
        let uses = configured.and_then(|(_, person)| person.uses_account);
        let uses_made = uses.unwrap_or_else(|| self.policy.uses_accounts(from, to));
        if uses == Some(false) {
            return Ok(Voice::Bot);
        }
        if let Some((index, person)) = configured
            && person.own.is_some()
            && self.policy.is_proven(person, author)
        {
            let id = configured_id(index);
            self.people.on_configured_spoke(id, network, &author.name);
            // Not by an account that the bridge makes, which would be another face.
            let own = self.usable(self.own.get(&id), to, now);
            return Ok(own.map_or(Voice::Bot, Voice::Account));
        }
        let email = configured.and_then(|(_, person)| person.email.clone());
        let found = self.people.identify(network, author, now, store)?;
        let Some(person) = found else { return Ok(Voice::Bot) };
        let counted = if is_first_try { self.policy.policy.after_lines } else { 0 };
        let lines = self.people.on_spoke(person, &author.name, counted, now, store)?;
        let own = self.own.get(&person);
        if own.is_some_and(|own| own.access == AccountAccess::Usable) {
            // Not by the account that the bridge made, which would be another face.
            return Ok(self.usable(own, to, now).map_or(Voice::Bot, Voice::Account));
        }
        if !uses_made || !self.may_have_made_account(person) {
            return Ok(Voice::Bot);
        }
        if let Some(user) = self.usable(self.made.get(&person), to, now) {
            return Ok(Voice::Account(user));
        }
        if let Some(woken) = self.wake(person, store)? {
            return Ok(Voice::BotUntilSignedIn(Box::new(woken)));
        }
        if lines < self.policy.policy.after_lines {
            return Ok(Voice::Bot);
        }
        let planned = self.plan((person, network, author), email, now, store)?;
        Ok(planned.map_or(Voice::Bot, |it| Voice::BotUntil(Box::new(it))))
    }

    /// The account's user, if it can speak in the room now.
    fn usable(
        &self,
        account: Option<&SpeakerAccount>,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Option<LetsChatUserId> {
        let account = account.filter(|account| account.access == AccountAccess::Usable)?;
        let user = account.user.clone()?;
        let is_waiting = |until: Option<&Timestamp>| until.is_some_and(|until| *until > now);
        let is_silent = self.signed_out.contains(&user)
            || self.dormant.contains(&user)
            || is_waiting(self.unreachable.get(&user))
            || is_waiting(self.blocked.get(&(user.clone(), endpoint)));
        (!is_silent).then_some(user)
    }

    /// The account of somebody who was silent for long, with what gives access to it.
    fn wake(
        &mut self,
        person: PersonId,
        store: &Store,
    ) -> Result<Option<(SpeakerAccount, AccountSecrets)>, StoreError> {
        let Some(account) = self.made.get(&person).cloned() else { return Ok(None) };
        let Some(user) = account.user.clone().filter(|user| self.dormant.remove(user)) else {
            return Ok(None);
        };
        self.set_signed_in(&user, false);
        let secrets = store.account_secrets(person, account.kind)?;
        Ok(Some((account, secrets)))
    }

    fn may_have_made_account(&self, person: PersonId) -> bool {
        let is_registered = || {
            let key = self.people.key(person);
            key.is_some_and(|key| matches!(key.identity, Identity::Account(_)))
        };
        self.policy.policy.for_unregistered || is_registered()
    }
}
