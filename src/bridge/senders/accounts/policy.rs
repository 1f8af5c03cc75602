//! Who is said by an account of their own in Let's Chat, as configured.

use std::collections::HashMap;

use jiff::SignedDuration;

use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, Author, Endpoint, EndpointId, LetsChatUserId,
    Network, PersonId, Secret, SpeakerAccount,
};
use crate::translate::UserMatcher;

/// Who speaks by an account of their own in Let's Chat.
#[derive(Debug, Clone, Default)]
pub struct AccountPolicy {
    /// Whether links without a setting of their own use accounts.
    pub by_default: bool,
    /// Links with a setting of their own: channel, room, whether they use accounts.
    pub links: Vec<(Endpoint, Endpoint, bool)>,
    /// Whether people without a services account get one, too.
    pub for_unregistered: bool,
    /// The template of user names.
    pub username: String,
    /// The template of mail addresses.
    pub email: String,
    /// The most accounts that the bridge makes.
    pub max: usize,
    /// How many lines somebody must have spoken first.
    pub after_lines: u64,
    /// People with settings of their own.
    pub people: Vec<PersonPolicy>,
    /// How long somebody may be silent before the session of their account ends; `None` for ever.
    pub session_idle: Option<SignedDuration>,
    /// Whether people who speak are shown as present.
    pub shows_speakers: bool,
    /// Whether only people with a services account can link their own account.
    pub link_requires_account: bool,
}

/// Settings for one person.
#[derive(Debug, Clone)]
pub struct PersonPolicy {
    /// Who they are on IRC.
    pub matchers: Vec<UserMatcher>,
    /// The only network where that is them; `None` for any.
    pub network: Option<Network>,
    /// The mail address of the account that the bridge makes for them.
    pub email: Option<String>,
    /// Whether an account speaks for them; `None` as the link says.
    pub uses_account: Option<bool>,
    /// Their own account.
    pub own: Option<ConfiguredAccount>,
}

/// Somebody's own account, which the administrator has configured.
#[derive(Debug, Clone)]
pub struct ConfiguredAccount {
    /// Its id on Let's Chat.
    pub user: LetsChatUserId,
    /// Its user name.
    pub username: String,
    /// Its API token.
    pub token: Secret,
}

/// The policy with the ids of endpoints.
#[derive(Debug, Default)]
pub(super) struct ResolvedPolicy {
    pub(super) policy: AccountPolicy,
    links: HashMap<(EndpointId, EndpointId), bool>,
}

impl ResolvedPolicy {
    pub(super) fn new(policy: AccountPolicy, ids: &HashMap<Endpoint, EndpointId>) -> Self {
        let link = |(channel, room, uses): &(Endpoint, Endpoint, bool)| {
            Some(((*ids.get(channel)?, *ids.get(room)?), *uses))
        };
        let links = policy.links.iter().filter_map(link).collect();
        Self { policy, links }
    }

    /// The accounts that the administrator has configured, with what gives access to them.
    pub(super) fn configured(&self) -> Vec<(SpeakerAccount, AccountSecrets)> {
        let people = self.policy.people.iter().enumerate();
        let account = |(index, person): (usize, &PersonPolicy)| {
            let own = person.own.as_ref()?;
            let account = SpeakerAccount {
                person: configured_id(index),
                kind: AccountKind::Linked,
                user: Some(own.user.clone()),
                display_name: own.username.clone(),
                username: own.username.clone(),
                access: AccountAccess::Usable,
            };
            let token = Some(own.token.clone());
            Some((account, AccountSecrets { token, ..AccountSecrets::default() }))
        };
        people.filter_map(account).collect()
    }

    /// Whether accounts speak in the room `to` for people of the channel `from`.
    pub(super) fn uses_accounts(&self, from: EndpointId, to: EndpointId) -> bool {
        self.links.get(&(from, to)).copied().unwrap_or(self.policy.by_default)
    }

    /// The settings of the person who wrote a message on `network`, and their number.
    pub(super) fn person(
        &self,
        network: &Network,
        author: &Author,
    ) -> Option<(usize, &PersonPolicy)> {
        let is_here = |it: &PersonPolicy| it.network.as_ref().is_none_or(|on| on == network);
        let mut people = self.policy.people.iter().enumerate().filter(|(_, it)| is_here(it));
        people.find(|(_, it)| it.matchers.iter().any(|who| who.matches(author)))
    }

    /// Whether the author is proven to be this person: a nick alone proves nothing, unless that is permitted.
    pub(super) fn is_proven(&self, person: &PersonPolicy, author: &Author) -> bool {
        let proves = |who: &&UserMatcher| {
            !self.policy.link_requires_account || matches!(who, UserMatcher::Account(_))
        };
        person.matchers.iter().filter(proves).any(|who| who.matches(author))
    }
}

/// The number of a person whose own account the administrator has configured. Such people are not in the store.
pub(super) fn configured_id(index: usize) -> PersonId {
    PersonId(-1 - i64::try_from(index).unwrap_or(i64::MAX - 1))
}
