//! The directory of an import: a folder for each room, one for the accounts, and the script that restores them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::files::{self, ImportFileError};
use super::record::{ImportRecord, RecordError, RecordedPart, RecordedRoom, RoomTally};
use super::room::{HistoryOwners, ImportChannel, RoomHistoryError, write_entries};
use super::room_files::RoomWriter;
use crate::domain::{LogEntry, ObjectId};
use crate::migrate::letschat::{
    AccountFields, RESTORE_JS, RESTORE_SH, RestoredAccount, RestoredHistory, RestoredRoom,
    RoomOrder, USERS_METADATA, append_account,
};

/// An account that is written for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedAccount {
    /// Its id.
    pub id: ObjectId,
    /// The user name.
    pub username: String,
    /// The display name.
    pub display_name: String,
    /// The mail address.
    pub email: String,
    /// The person's name in the directory.
    pub uid: Option<String>,
}

/// The room into which a history goes.
#[derive(Debug, Clone, Copy)]
pub struct ImportRoom<'a> {
    /// Its place in the plan, from 1.
    pub number: usize,
    /// Its slug.
    pub slug: &'a str,
    /// Its id.
    pub id: ObjectId,
    /// A digest of the logs as they are.
    pub logs: &'a str,
}

/// The directory of an import.
#[derive(Debug)]
pub struct ImportDirectory {
    path: PathBuf,
    letschat: String,
    record: ImportRecord,
}

impl ImportDirectory {
    /// Opens the directory for the plan with the digest `plan` and the Let's Chat at `letschat`. It is made if it is
    /// missing.
    ///
    /// # Errors
    /// When it cannot be used, or is that of another plan or server.
    pub fn open(path: &Path, plan: &str, letschat: &str) -> Result<Self, RecordError> {
        let record = ImportRecord::open(path, plan, letschat)?;
        files::make_directory(path)?;
        record.save(path)?;
        Ok(Self { path: path.to_owned(), letschat: letschat.to_owned(), record })
    }

    /// Whether the room `slug` is known to be made for the history, and its id once it is known. `None` if an earlier
    /// run did not get so far.
    #[must_use]
    pub fn room(&self, slug: &str) -> Option<(bool, Option<&str>)> {
        self.record.rooms.get(slug).map(|room| (room.is_new, room.id.as_deref()))
    }

    /// Remembers a room: before it is made, without an id, and afterwards.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember_room(
        &mut self,
        slug: &str,
        is_new: bool,
        id: Option<ObjectId>,
    ) -> Result<(), ImportFileError> {
        let id = id.map(|id| id.to_string());
        match self.record.rooms.get_mut(slug) {
            Some(room) if room.is_new == is_new && room.id == id => return Ok(()),
            Some(room) => {
                // With another id, what was written for it is of no use.
                *room = RecordedRoom { is_new, id, part: None };
            }
            None => {
                let room = RecordedRoom { is_new, id, part: None };
                self.record.rooms.insert(slug.to_owned(), room);
            }
        }
        self.record.save(&self.path)
    }

    /// What an earlier run wrote for the room, if the logs are still the same.
    #[must_use]
    pub fn written(&self, room: &ImportRoom<'_>) -> Option<&RoomTally> {
        let recorded = self.record.rooms.get(room.slug)?;
        let part = recorded.part.as_ref()?;
        (part.logs == room.logs && part.folder == folder(room)).then_some(&part.tally)
    }

    /// Writes the history of a room. When this returns, it is on disk.
    ///
    /// # Errors
    /// When the logs cannot be read, or the documents not written. The rooms before it stay.
    pub fn write_room<I, E>(
        &mut self,
        room: &ImportRoom<'_>,
        order: RoomOrder<I, E>,
        channels: &[ImportChannel],
        owners: &HistoryOwners<'_>,
        bridge: ObjectId,
    ) -> Result<RoomTally, RoomHistoryError<E>>
    where
        I: Iterator<Item = Result<LogEntry, E>>,
    {
        let folder = folder(room);
        let mut writer = RoomWriter::create(&self.path.join(&folder))?;
        write_entries(order, room.id, channels, owners, bridge, &mut writer)?;
        let tally = writer.finish()?;
        let part = RecordedPart { folder, logs: room.logs.to_owned(), tally: tally.clone() };
        let id = Some(room.id.to_string());
        let new = RecordedRoom { is_new: false, id, part: None };
        self.record.rooms.entry(room.slug.to_owned()).or_insert(new).part = Some(part);
        self.record.save(&self.path)?;
        Ok(tally)
    }

    /// Writes `accounts`, as far as they have said something, and the script, which says `warnings` and lets only
    /// `participants` and the account `bridge` read their rooms. Returns how many accounts there are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(
        &self,
        accounts: &[ImportedAccount],
        participants: &BTreeMap<String, Vec<ObjectId>>,
        bridge: ObjectId,
        warnings: &[String],
    ) -> Result<usize, ImportFileError> {
        let accounts: Vec<(&ImportedAccount, i64)> = accounts
            .iter()
            .filter_map(|account| Some((account, self.first_said(account.id)?)))
            .collect();
        self.write_accounts(&accounts)?;
        let script = self.path.join("import.js");
        let mut restored = self.restored(&accounts, warnings);
        restored.close(participants, bridge);
        let known = restored.to_script();
        let known = known.map_err(|error| files::at(&script, io::Error::other(error)))?;
        files::write_file(script, known.as_bytes())?;
        files::write_file(self.path.join("restore.js"), RESTORE_JS.as_bytes())?;
        // The last one: where it is, everything is.
        files::write_file(self.path.join("restore.sh"), RESTORE_SH.as_bytes())?;
        files::sync_directory(&self.path)?;
        Ok(accounts.len())
    }

    fn write_accounts(&self, accounts: &[(&ImportedAccount, i64)]) -> Result<(), ImportFileError> {
        let mut bson = Vec::new();
        for (account, first) in accounts {
            let fields = AccountFields {
                id: account.id,
                display_name: &account.display_name,
                username: &account.username,
                email: &account.email,
                uid: account.uid.as_deref(),
                token: None,
                joined: Timestamp::from_millisecond(*first).unwrap_or_default(),
            };
            append_account(&mut bson, &fields);
        }
        let users = self.path.join("users");
        files::make_directory(&users)?;
        files::write_file(users.join("users.bson"), &bson)?;
        files::write_file(users.join("users.metadata.json"), USERS_METADATA.as_bytes())?;
        files::sync_directory(&users)
    }

    /// When an account said something for the first time; `None` if it never did.
    fn first_said(&self, account: ObjectId) -> Option<i64> {
        let account = account.to_string();
        let said = |tally: &RoomTally| Some(tally.owners.get(&account)?.first);
        self.tallies().filter_map(|(_, _, part)| said(&part.tally)).min()
    }

    fn tallies(&self) -> impl Iterator<Item = (&String, &RecordedRoom, &RecordedPart)> {
        let rooms = self.record.rooms.iter();
        rooms.filter_map(|(slug, room)| Some((slug, room, room.part.as_ref()?)))
    }

    fn restored(
        &self,
        accounts: &[(&ImportedAccount, i64)],
        warnings: &[String],
    ) -> RestoredHistory {
        let mut rooms: Vec<RestoredRoom> = self
            .tallies()
            .filter(|(_, _, part)| part.tally.messages > 0)
            .map(|(slug, room, part)| RestoredRoom {
                folder: part.folder.clone(),
                slug: slug.clone(),
                id: room.id.clone().unwrap_or_default(),
                is_new: room.is_new,
                messages: part.tally.messages,
                first: part.tally.first,
                last: part.tally.last,
                id_files: part.tally.id_files,
                participants: None,
            })
            .collect();
        rooms.sort_by(|a, b| a.folder.cmp(&b.folder));
        let accounts: Vec<RestoredAccount> = accounts
            .iter()
            .map(|(account, _)| RestoredAccount {
                id: account.id.to_string(),
                username: account.username.to_lowercase(),
                email: account.email.to_lowercase(),
                uid: account.uid.clone(),
            })
            .collect();
        let ours: BTreeSet<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
        let owners = self.tallies().flat_map(|(_, _, part)| part.tally.owners.keys());
        let owners: BTreeSet<&String> = owners.filter(|id| !ours.contains(id.as_str())).collect();
        let owners = owners.into_iter().cloned().collect();
        let (letschat, warnings) = (self.letschat.clone(), warnings.to_vec());
        RestoredHistory { letschat, rooms, accounts, owners, warnings }
    }
}

/// Counts what would be written.
///
/// # Errors
/// When the logs cannot be read.
pub fn count_room<I, E>(
    order: RoomOrder<I, E>,
    channels: &[ImportChannel],
    owners: &HistoryOwners<'_>,
    bridge: ObjectId,
) -> Result<RoomTally, RoomHistoryError<E>>
where
    I: Iterator<Item = Result<LogEntry, E>>,
{
    let mut writer = RoomWriter::counting();
    write_entries(order, ObjectId([0; 12]), channels, owners, bridge, &mut writer)?;
    Ok(writer.finish()?)
}

/// The folder of a room. Slugs have letters, digits, `_` and `-`; whatever else it has becomes `_`.
fn folder(room: &ImportRoom<'_>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let slug = room.slug.chars().map(|c| if is_plain(c) { c } else { '_' }).take(60);
    format!("{:03}-{}", room.number, slug.collect::<String>())
}
