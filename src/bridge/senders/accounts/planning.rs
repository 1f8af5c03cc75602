//! Plans the accounts that the bridge makes: their user names, mail addresses and passwords.

use jiff::Timestamp;

use super::Accounts;
use crate::bridge::account_io::AccountRegistration;
use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, Author, Identity, Network, PersonId, Secret,
    SpeakerAccount,
};
use crate::store::{Store, StoreError};
use crate::translate::{
    AccountNameFields, account_display_name, account_email, account_name_candidates,
};

impl Accounts {
    /// Plans the account of a person, unless one exists or none can be made now.
    pub(super) fn plan(
        &mut self,
        (person, network, author): (PersonId, &Network, &Author),
        email: Option<String>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<AccountRegistration>, StoreError> {
        let is_waiting = |until: Option<&Timestamp>| until.is_some_and(|until| *until > now);
        let known = self.made.get(&person).cloned();
        let is_usable = known.as_ref().is_some_and(|it| it.access == AccountAccess::Usable);
        let is_full = known.is_none() && self.made.len() >= self.policy.policy.max;
        if is_usable
            || is_full
            || is_waiting(self.closed_until.as_ref())
            || is_waiting(self.refused.get(&person))
            || self.registering.contains(&person)
        {
            return Ok(None);
        }
        if let Some(known) = known {
            let secrets = store.account_secrets(person, known.kind)?;
            return match (secrets.password, known.access) {
                (Some(password), _) => {
                    self.registering.insert(person);
                    Ok(Some(self.registration(&known, password, email, true)))
                }
                // The key was lost: nobody can sign in to it any more.
                (None, AccountAccess::Planned) => self.plan_next(person, now, store),
                (None, _) => Ok(None),
            };
        }
        let fields = AccountNameFields {
            nick: &author.name,
            account: author.account.as_deref().unwrap_or(&author.name),
            network: network.as_str(),
        };
        let username = self.free_username(fields, None);
        self.plan_as(person, (username, &author.name), email, now, store)
    }

    /// The user name of this person's account is taken: plans the next one.
    pub(in crate::bridge) fn plan_next(
        &mut self,
        person: PersonId,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<AccountRegistration>, StoreError> {
        let Some(taken) = self.made.get(&person).cloned() else { return Ok(None) };
        let Some(key) = self.people.key(person).cloned() else { return Ok(None) };
        let nick = self.people.nick(person).unwrap_or(&taken.display_name).to_owned();
        let account = match &key.identity {
            Identity::Account(account) => account.as_str(),
            Identity::Nick(_) => &nick,
        };
        let fields = AccountNameFields { nick: &nick, account, network: key.network.as_str() };
        let username = self.free_username(fields, Some(&taken.username));
        self.remove(person, AccountKind::Made);
        let planned = self.plan_as(person, (username, &nick), None, now, store)?;
        if planned.is_none() {
            store.remove_account(person, AccountKind::Made)?;
        }
        Ok(planned)
    }

    /// Gives up the accounts that the bridge made and knows no password of: the key that decrypts it was lost. In
    /// the store they stay as they are, so that the key can be brought back.
    pub(super) fn give_up_without_secrets(
        &mut self,
        all: &mut Vec<(SpeakerAccount, AccountSecrets)>,
    ) {
        let is_lost = |(account, secrets): &mut (SpeakerAccount, AccountSecrets)| {
            account.kind.is_only_ours() && *secrets == AccountSecrets::default()
        };
        let lost: Vec<SpeakerAccount> =
            all.extract_if(.., is_lost).map(|(account, _)| account).collect();
        if !lost.is_empty() {
            tracing::warn!(
                count = lost.len(),
                "accounts.key does not fit the accounts in the database, so their people get new ones: stop the \
                 bridge and restore accounts.key from a backup to keep the old ones"
            );
        }
        for account in lost {
            self.insert(SpeakerAccount { access: AccountAccess::Planned, ..account });
        }
    }

    /// The first user name that no account has, after `taken`.
    fn free_username(&self, fields: AccountNameFields<'_>, taken: Option<&str>) -> Option<String> {
        let names: Vec<String> =
            account_name_candidates(&self.policy.policy.username, fields).collect();
        let taken_at = taken.and_then(|taken| names.iter().position(|name| name == taken));
        let is_free = |name: &String| !self.made.values().any(|it| it.username == *name);
        names.into_iter().skip(taken_at.map_or(0, |at| at + 1)).find(is_free)
    }

    fn plan_as(
        &mut self,
        person: PersonId,
        (username, nick): (Option<String>, &str),
        email: Option<String>,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Option<AccountRegistration>, StoreError> {
        let (Some(username), Ok(password)) = (username, Secret::random_password()) else {
            self.on_not_made(person, now);
            return Ok(None);
        };
        let account = SpeakerAccount {
            person,
            kind: AccountKind::Made,
            user: None,
            username,
            display_name: account_display_name(nick, &self.bot_names),
            access: AccountAccess::Planned,
        };
        let secrets =
            AccountSecrets { password: Some(password.clone()), ..AccountSecrets::default() };
        store.put_account(&account, &secrets, now)?;
        let registration = self.registration(&account, password, email, false);
        self.insert(account);
        self.registering.insert(person);
        Ok(Some(registration))
    }

    fn registration(
        &self,
        account: &SpeakerAccount,
        password: Secret,
        email: Option<String>,
        may_exist: bool,
    ) -> AccountRegistration {
        let template = &self.policy.policy.email;
        AccountRegistration {
            person: account.person,
            username: account.username.clone(),
            display_name: account.display_name.clone(),
            email: email.unwrap_or_else(|| account_email(template, &account.username)),
            password,
            may_exist,
        }
    }
}
