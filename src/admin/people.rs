//! The people of IRC who have spoken, for the API and for `letsbridge people`: on which sides they are, and by which
//! accounts they speak.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task;
use tokio::time::Instant;

use super::report::PeopleCounts;
use super::state::AdminState;
use crate::bridge::{EndedLink, UnlinkWho};
use crate::domain::{AccountAccess, AccountKind, Identity, SpeakerAccount};
use crate::store::{self, Person, StoreError};

/// For how long the counts are good enough.
const COUNTS_AGE: Duration = Duration::from_secs(10);

/// A person of IRC who has spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonView {
    /// The network of IRC.
    pub network: String,
    /// The nick with which they last spoke.
    pub nick: String,
    /// `account` or `nick`: how they are told apart from others.
    pub known_by: String,
    /// That account of IRC services, or that nick.
    pub identity: String,
    /// `irc`: only there; `both`: they also have an account of their own on Let's Chat.
    pub sides: String,
    /// When they last spoke, to the minute.
    pub last_spoke: Timestamp,
    /// The accounts on Let's Chat that the bridge speaks as for them.
    pub accounts: Vec<PersonAccountView>,
}

/// An account on Let's Chat of a person of IRC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonAccountView {
    /// Where it comes from: `made`, `written`, `taken over`, or `linked`.
    pub kind: String,
    /// `planned`, `usable`, or `lost`.
    pub access: String,
    /// Its user name.
    pub username: String,
    /// Its display name.
    pub display_name: String,
    /// Its id; `None` if it is not there yet.
    pub id: Option<String>,
}

/// Whose own accounts the bridge is to give up, as a request names them: `{"nick":"ann"}`, `{"puppet":"bob"}`, or
/// `"all"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnlinkRequestBody {
    /// The people of IRC who last spoke with this nick.
    Nick(String),
    /// The user of Let's Chat whose puppets log in to services.
    Puppet(String),
    /// All people and all puppets.
    All,
}

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlinkedView {
    /// Nothing, if there was nothing.
    pub ended: Vec<EndedLinkView>,
}

/// A link that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndedLinkView {
    /// Between a person of IRC and their own account on Let's Chat.
    Account {
        /// Their nick.
        nick: String,
        /// The user name of the account.
        username: String,
    },
    /// Between the puppets of a user of Let's Chat and services.
    Puppet {
        /// The user name.
        username: String,
    },
}

impl From<UnlinkRequestBody> for UnlinkWho {
    fn from(body: UnlinkRequestBody) -> Self {
        match body {
            UnlinkRequestBody::Nick(nick) => Self::Nick(nick),
            UnlinkRequestBody::Puppet(user) => Self::PuppetsOf(user),
            UnlinkRequestBody::All => Self::Everybody,
        }
    }
}

impl EndedLinkView {
    pub(super) fn new(ended: &EndedLink) -> Self {
        match ended.clone() {
            EndedLink::Account { nick, username } => Self::Account { nick, username },
            EndedLink::PuppetLogins { username } => Self::Puppet { username },
        }
    }
}

impl PersonView {
    /// A person with these accounts.
    #[must_use]
    pub fn new(person: &Person, accounts: &[SpeakerAccount]) -> Self {
        let (known_by, identity) = match &person.key.identity {
            Identity::Account(name) => ("account", name),
            Identity::Nick(name) => ("nick", name),
        };
        let account = |it: &SpeakerAccount| PersonAccountView {
            kind: kind_word(it.kind).to_owned(),
            access: access_word(it.access).to_owned(),
            username: it.username.clone(),
            display_name: it.display_name.clone(),
            id: it.user.as_ref().map(|user| user.0.to_string()),
        };
        Self {
            network: person.key.network.to_string(),
            nick: person.nick.clone(),
            known_by: known_by.to_owned(),
            identity: identity.clone(),
            sides: if has_own(accounts) { "both" } else { "irc" }.to_owned(),
            last_spoke: person.last_spoke,
            accounts: accounts.iter().map(account).collect(),
        }
    }
}

impl AdminState {
    /// All people, in the order in which they first spoke.
    pub(super) async fn people(&self) -> Result<Vec<PersonView>, StoreError> {
        let people = self.read_people().await?;
        Ok(people.iter().map(|(person, accounts)| PersonView::new(person, accounts)).collect())
    }

    /// How many there are, as of some seconds ago. None if they cannot be read.
    pub(super) async fn people_counts(&self) -> PeopleCounts {
        let mut kept = self.people_counts.lock().await;
        if let Some((counts, at)) = *kept
            && at.elapsed() < COUNTS_AGE
        {
            return counts;
        }
        let counts = self.read_people().await.map(|people| count(&people)).unwrap_or_default();
        *kept = Some((counts, Instant::now()));
        counts
    }

    async fn read_people(&self) -> Result<Vec<(Person, Vec<SpeakerAccount>)>, StoreError> {
        let directory = self.bridge.state_dir.clone();
        let work = move || store::read_people_in_same_program(&directory);
        // It ends early only if the program does.
        task::spawn_blocking(work).await.unwrap_or_else(|_| Ok(Vec::new()))
    }
}

/// The word for where an account comes from.
fn kind_word(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Made => "made",
        AccountKind::Written => "written",
        AccountKind::TakenOver => "taken over",
        AccountKind::Linked => "linked",
    }
}

/// The word for whether the bridge can speak as an account.
fn access_word(access: AccountAccess) -> &'static str {
    match access {
        AccountAccess::Planned => "planned",
        AccountAccess::Usable => "usable",
        AccountAccess::Lost => "lost",
    }
}

/// Whether one of these accounts is the person's own.
fn has_own(accounts: &[SpeakerAccount]) -> bool {
    accounts.iter().any(|account| !account.kind.is_only_ours())
}

fn count(people: &[(Person, Vec<SpeakerAccount>)]) -> PeopleCounts {
    let mut counts = PeopleCounts::default();
    for (_, accounts) in people {
        match accounts.as_slice() {
            [] => counts.irc_only += 1,
            accounts if has_own(accounts) => counts.linked += 1,
            _ => counts.made += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LetsChatUserId, Network, PersonId, PersonKey};

    fn ann() -> Person {
        let identity = Identity::Account("ann".to_owned());
        Person {
            id: PersonId(1),
            key: PersonKey { network: Network::new("office"), identity },
            nick: "Ann".to_owned(),
            lines: 3,
            last_spoke: "2026-11-22T10:00:31Z".parse().expect("a time"),
        }
    }

    fn account(kind: AccountKind) -> SpeakerAccount {
        SpeakerAccount {
            person: PersonId(1),
            kind,
            user: Some(LetsChatUserId("5f".into())),
            username: "ann".to_owned(),
            display_name: "Ann".to_owned(),
            access: AccountAccess::Usable,
        }
    }

    #[test]
    fn json_names_person_and_accounts() {
        let view = PersonView::new(&ann(), &[account(AccountKind::TakenOver)]);
        let value = serde_json::to_value(view).expect("is JSON");
        assert_eq!((&value["known_by"], &value["identity"]), (&"account".into(), &"ann".into()));
        assert_eq!(
            (&value["sides"], &value["accounts"][0]["kind"]),
            (&"both".into(), &"taken over".into())
        );
        assert_eq!(value["accounts"][0]["id"], "5f");
        assert_eq!(value["last_spoke"], "2026-11-22T10:00:31Z");
    }

    #[test]
    fn each_person_is_counted_once() {
        let people = [
            (ann(), vec![]),
            (ann(), vec![account(AccountKind::Made)]),
            (ann(), vec![account(AccountKind::Written)]),
            (ann(), vec![account(AccountKind::Made), account(AccountKind::Linked)]),
        ];
        assert_eq!(count(&people), PeopleCounts { irc_only: 1, made: 2, linked: 1 });
    }
}
