//! The accounts by which the people of a plan speak.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::directory::ImportedAccount;
use super::room::HistoryOwner;
use super::rooms::RoomGroup;
use super::server::ImportServer;
use crate::domain::ObjectId;
use crate::migrate::letschat::{HistoryVoice, imported_account_id};
use crate::migrate::plan::{PlannedAccount, PlannedPerson};
use crate::translate::account_email;

/// The longest uid that Let's Chat accepts, in characters.
const MAX_LEN_UID: usize = 24;

/// The accounts that may read a room, by its slug or id.
pub(super) type RoomParticipants = BTreeMap<String, Vec<ObjectId>>;

/// Which account speaks for whom.
#[derive(Debug, Default)]
pub(super) struct ImportPeople {
    /// The account of each person who has one, by their ids in the plan.
    owners: HashMap<String, ObjectId>,
    /// The accounts to be written.
    pub(super) accounts: Vec<ImportedAccount>,
    /// What is wrong, and what to do.
    pub(super) mistakes: Vec<String>,
}

impl ImportPeople {
    /// Looks for the accounts of `people` on the server. New ones have a mail address like `email`.
    pub(super) fn of(people: &[PlannedPerson], server: &ImportServer, email: &str) -> Self {
        let mut found = Self::default();
        let mut usernames = HashSet::new();
        let mut uids = HashSet::new();
        for person in people.iter().filter(|person| !person.is_left_out) {
            let owner = match &person.account {
                PlannedAccount::Existing { username, id }
                | PlannedAccount::Made { username, id } => there(username, *id, server),
                PlannedAccount::New { username, uid, .. } => {
                    let is_free = usernames.insert(username.to_lowercase());
                    let is_free_uid = uid.as_ref().is_none_or(|uid| uids.insert(uid.clone()));
                    match is_free && is_free_uid {
                        true => new(username, uid.as_deref(), server),
                        false => Err(format!(
                            "another person of the plan has the account {username} or its uid, too: if they are one \
                             person, join their nicks"
                        )),
                    }
                }
                PlannedAccount::Bridge => continue,
            };
            match owner {
                Ok(id) => found.add(person, id, email),
                Err(mistake) => found.mistakes.push(format!("{}: {mistake}", person.id)),
            }
        }
        found
    }

    fn add(&mut self, person: &PlannedPerson, id: ObjectId, email: &str) {
        self.owners.insert(person.id.clone(), id);
        if let PlannedAccount::New { username, display_name, uid } = &person.account {
            let username = username.to_lowercase();
            self.accounts.push(ImportedAccount {
                id,
                email: account_email(email, &username).to_lowercase(),
                display_name: display_name.clone(),
                uid: uid.clone(),
                username,
            });
        }
    }

    /// The ids of those who may read the rooms that not everybody may, by what the plan calls the rooms. What is wrong is noted.
    pub(super) fn participants(
        &mut self,
        groups: &[RoomGroup<'_>],
        server: &ImportServer,
    ) -> RoomParticipants {
        let mut rooms = RoomParticipants::new();
        for group in groups {
            let Some(names) = group.participants() else { continue };
            let ids = rooms.entry(group.room.clone()).or_default();
            for name in names {
                let written = self.accounts.iter().find(|it| it.username == *name).map(|it| it.id);
                match written.or_else(|| server.account(name)?.parse().ok()) {
                    Some(id) => ids.push(id),
                    None => self.mistakes.push(format!(
                        "participants of the room {}: Let's Chat has no account {name}, and nobody in the plan gets it: \
                         correct the user name, or remove it",
                        group.room
                    )),
                }
            }
        }
        rooms
    }

    /// The account that speaks for a person; `None` if they are left out.
    pub(super) fn owner(&self, person: &PlannedPerson, bridge: ObjectId) -> Option<HistoryOwner> {
        if person.is_left_out {
            return None;
        }
        Some(match self.owners.get(&person.id) {
            Some(account) => HistoryOwner { account: *account, voice: HistoryVoice::Own },
            None => HistoryOwner { account: bridge, voice: HistoryVoice::Bridge },
        })
    }
}

/// The id of an account that must be on the server.
fn there(username: &str, id: Option<ObjectId>, server: &ImportServer) -> Result<ObjectId, String> {
    let found = server.account(username).and_then(|found| found.parse::<ObjectId>().ok());
    match (id, found) {
        (Some(id), Some(found)) if id != found => Err(format!(
            "the account {username} of Let's Chat has the id {found}, and the plan says {id}: correct one of them"
        )),
        // Accounts are renamed; their ids stay.
        (Some(id), None) if server.username(id).is_some() => Ok(id),
        (_, Some(found)) => Ok(found),
        (_, None) => Err(format!(
            "Let's Chat has no account {username}: correct the user name, or write account = \"new\""
        )),
    }
}

/// The id of an account that is to be made.
fn new(username: &str, uid: Option<&str>, server: &ImportServer) -> Result<ObjectId, String> {
    let id = imported_account_id(username);
    if uid.is_some_and(|uid| uid.chars().count() > MAX_LEN_UID) {
        return Err("the uid is longer than 24 characters, which Let's Chat refuses".to_owned());
    }
    match server.account(username) {
        // It was restored before.
        Some(other) if other != id.to_string() => Err(format!(
            "Let's Chat has an account {username} already: choose another user name, or write account = \"existing\" if \
             it is theirs"
        )),
        _ => Ok(id),
    }
}
