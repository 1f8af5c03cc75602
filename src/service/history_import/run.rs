//! An import from the plan to the documents.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::directory::{ImportDirectory, ImportRoom, count_room};
use super::people::ImportPeople;
use super::record::{RecordError, RoomTally};
use super::room::RoomHistoryError;
use super::rooms::{FoundRoom, ImportRoomError, RoomGroup, find_or_make, groups, import_channels};
use super::server::{ImportServer, ImportServerError};
use super::{ImportFileError, files};
use crate::config::Settings;
use crate::domain::{Endpoint, LogEntry, ObjectId};
use crate::migrate::letschat::RoomOrder;
use crate::migrate::plan::{Plan, PlannedChannel};
use crate::migrate::reading::KeptEvents;
use crate::store;
use crate::store::StoreError;

/// Why an import was not written.
#[derive(Debug, thiserror::Error)]
pub enum ImportRunError<E> {
    /// The plan cannot be read.
    #[error(transparent)]
    File(#[from] ImportFileError),
    /// The server cannot be used.
    #[error(transparent)]
    Server(#[from] ImportServerError),
    /// A room cannot be used.
    #[error(transparent)]
    Room(#[from] ImportRoomError),
    /// The directory cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The plan does not fit the server: each mistake, and what to do.
    #[error("{}", .0.join("\n"))]
    People(Vec<String>),
    /// No channel of the plan goes to a room.
    #[error("no channel of the plan goes to a room: write `room = …` into one")]
    Nothing,
    /// The database of the bridge cannot be read.
    #[error("cannot read since when the bridge mirrors the channels: {0}")]
    Store(#[from] StoreError),
    /// The logs of a channel cannot be read.
    #[error("{channel}: {error}")]
    Log {
        /// The channel.
        channel: String,
        /// Why.
        error: E,
    },
    /// The history of a room was not written.
    #[error("room {room}: {error}")]
    History {
        /// The room.
        room: String,
        /// Why.
        error: RoomHistoryError<E>,
    },
}

/// Opens the logs of a channel as one sequence of entries.
pub trait LogOpener {
    /// The entries, in rising order.
    type Entries: Iterator<Item = Result<LogEntry, Self::Error>>;
    /// Why they cannot be read.
    type Error;

    /// Opens the logs of `channel`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn open(&mut self, channel: &PlannedChannel) -> Result<Self::Entries, Self::Error>;

    /// Passes over the logs of channels whose room was written before.
    fn pass(&mut self, channels: &[&PlannedChannel]);
}

/// An import to be done.
#[derive(Debug)]
pub struct HistoryImport<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// The plan.
    pub plan: &'a Plan,
    /// A digest of the plan as it is written.
    pub plan_digest: String,
    /// Where the documents go; `None` for a dry run.
    pub out: Option<&'a Path>,
    /// Which events become messages of the bridge.
    pub told: KeptEvents,
}

/// What was written, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// The rooms.
    pub rooms: Vec<RoomReport>,
    /// How many accounts.
    pub accounts: usize,
    /// What the administrator should know.
    pub warnings: Vec<String>,
}

/// The history of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomReport {
    /// Its slug, or the id in the plan.
    pub room: String,
    /// Its channels.
    pub channels: Vec<String>,
    /// Whether it is made for the history.
    pub is_new: bool,
    /// Whether only participants may read it.
    pub is_closed: bool,
    /// Whether an earlier run wrote it.
    pub was_written: bool,
    /// What is in it.
    pub tally: RoomTally,
}

/// A digest of the plan in the file `path`.
///
/// # Errors
/// When it cannot be read.
pub fn plan_digest(path: &Path) -> Result<String, ImportFileError> {
    let text = fs::read(path).map_err(|error| files::at(path, error))?;
    Ok(HEXLOWER.encode(&Sha256::digest(&text)))
}

impl HistoryImport<'_> {
    /// Looks at the server, makes rooms, and writes the documents. What an earlier run has completed is kept.
    ///
    /// # Errors
    /// Any [`ImportRunError`]. Rooms that are complete stay so.
    pub async fn run<L: LogOpener>(
        &self,
        logs: &mut L,
    ) -> Result<ImportReport, ImportRunError<L::Error>> {
        let groups = groups(self.plan);
        if groups.is_empty() {
            return Err(ImportRunError::Nothing);
        }
        // A log that is missing is said before rooms are made.
        let digests: Vec<String> = groups.iter().map(logs_digest).collect::<Result<_, _>>()?;
        let server = ImportServer::look(self.settings).await?;
        let email = &self.settings.letschat.accounts.email;
        let mut people = ImportPeople::of(&self.plan.people, &server, email);
        let participants = people.participants(&groups, &server);
        if !people.mistakes.is_empty() {
            return Err(ImportRunError::People(people.mistakes));
        }
        let first_joins = store::read_first_joins(&self.settings.state_dir)?;
        let url = self.settings.letschat.url.as_str();
        let mut directory = match self.out {
            Some(out) => Some(ImportDirectory::open(out, &self.plan_digest, url)?),
            None => None,
        };
        let mut rooms = Vec::new();
        let mut report = ImportReport { warnings: server.doubts(), ..ImportReport::default() };
        for group in &groups {
            let found = find_or_make(group, &server, directory.as_mut()).await?;
            self.look_at_owners(&found, &server, &mut report).await?;
            rooms.push(found);
        }
        let mut writing = Writing { import: self, people: &people, bridge: server.bridge, logs };
        for (number, ((group, found), digest)) in (1..).zip(groups.iter().zip(&rooms).zip(&digests))
        {
            let id = found.there.as_ref().map_or(ObjectId([0; 12]), |there| there.id);
            let room = ImportRoom { number, slug: &group.room, id, logs: digest };
            let room = writing.room(&room, group, found, directory.as_mut(), &first_joins)?;
            report.warnings.extend(room_warning(&room, found));
            report.rooms.push(room);
        }
        self.warn_of_private(&mut report);
        report.accounts = match &directory {
            Some(it) => {
                it.finish(&people.accounts, &participants, server.bridge, &report.warnings)?
            }
            None => people.accounts.iter().filter(|it| has_spoken(it.id, &report.rooms)).count(),
        };
        Ok(report)
    }

    /// A server that does not say whose messages are would show the history as nobody's.
    async fn look_at_owners(
        &self,
        room: &FoundRoom,
        server: &ImportServer,
        report: &mut ImportReport,
    ) -> Result<(), ImportServerError> {
        let Some(there) = &room.there else { return Ok(()) };
        if server.names_owners(there.id).await? == Some(false) {
            let text = "Let's Chat does not say whose messages are: see \"A fresh install shows no live \
                        messages\" in docs/letschat.md";
            if !report.warnings.iter().any(|it| it == text) {
                report.warnings.push(text.to_owned());
            }
        }
        Ok(())
    }

    fn warn_of_private(&self, report: &mut ImportReport) {
        let private = self.plan.channels.iter().filter(|it| it.is_private && !it.is_left_out);
        let private: Vec<&str> = private.map(|it| it.channel.as_str()).collect();
        if !private.is_empty() {
            report.warnings.push(format!(
                "private conversations are not written, since Let's Chat would delete them: {}",
                private.join(", ")
            ));
        }
    }
}

/// What writes the rooms.
struct Writing<'a, 'i, L> {
    import: &'a HistoryImport<'i>,
    people: &'a ImportPeople,
    bridge: ObjectId,
    logs: &'a mut L,
}

impl<L: LogOpener> Writing<'_, '_, L> {
    fn room(
        &mut self,
        room: &ImportRoom<'_>,
        group: &RoomGroup<'_>,
        found: &FoundRoom,
        directory: Option<&mut ImportDirectory>,
        first_joins: &[(Endpoint, Timestamp)],
    ) -> Result<RoomReport, ImportRunError<L::Error>> {
        let kept = directory.as_deref().and_then(|it| it.written(room)).cloned();
        let was_written = kept.is_some();
        let tally = match kept {
            Some(tally) => tally,
            None => self.write(group, room, directory, first_joins)?,
        };
        if was_written {
            self.logs.pass(&group.channels);
        }
        let name = |it: &&PlannedChannel| format!("{}/{}", it.network, it.channel);
        Ok(RoomReport {
            room: group.room.clone(),
            channels: group.channels.iter().map(name).collect(),
            is_new: found.is_new,
            is_closed: group.participants().is_some(),
            was_written,
            tally,
        })
    }

    fn write(
        &mut self,
        group: &RoomGroup<'_>,
        room: &ImportRoom<'_>,
        directory: Option<&mut ImportDirectory>,
        first_joins: &[(Endpoint, Timestamp)],
    ) -> Result<RoomTally, ImportRunError<L::Error>> {
        let import = self.import;
        let channels = import_channels(group, room.id, import.settings, first_joins, import.told);
        let mut entries = Vec::new();
        for planned in &group.channels {
            let opened = self.logs.open(planned);
            let channel = || format!("{}/{}", planned.network, planned.channel);
            let opened =
                opened.map_err(|error| ImportRunError::Log { channel: channel(), error })?;
            entries.push(opened);
        }
        let order = RoomOrder::new(entries);
        let owners = |channel: &super::ImportChannel, by: &crate::domain::LogSpeaker, at| {
            let person = import.plan.speaker_of(&channel.network, &by.nick, at);
            self.people.owner(person, self.bridge)
        };
        let tally = match directory {
            Some(it) => it.write_room(room, order, &channels, &owners, self.bridge),
            None => count_room(order, &channels, &owners, self.bridge),
        };
        tally.map_err(|error| ImportRunError::History { room: group.room.clone(), error })
    }
}

/// A digest of the names, sizes and times of the logs: with others, a room is written anew.
fn logs_digest(group: &RoomGroup<'_>) -> Result<String, ImportFileError> {
    let mut text = String::new();
    for channel in &group.channels {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}/{}", channel.network, channel.channel);
        for file in &channel.files {
            let found = fs::metadata(&file.path).map_err(|error| files::at(&file.path, error))?;
            let changed = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let changed = changed.map_or(0, |since| since.as_nanos());
            let _ = writeln!(text, "{} {} {changed}", file.path.display(), found.len());
        }
    }
    Ok(HEXLOWER.encode(&Sha256::digest(text.as_bytes())))
}

fn has_spoken(account: ObjectId, rooms: &[RoomReport]) -> bool {
    let account = account.to_string();
    rooms.iter().any(|room| room.tally.owners.contains_key(&account))
}

/// A channel in which only some could be goes into a room that everybody sees.
fn room_warning(room: &RoomReport, found: &FoundRoom) -> Option<String> {
    let is_open = found.there.as_ref().is_none_or(|there| !there.is_private);
    (room.tally.was_closed && is_open && !room.is_closed).then(|| {
        format!(
            "{} was invite-only or had a key at some time (+i, +k), and everybody can read the room {}: write \
             `participants` into the plan, or leave it out",
            room.channels.join(" or "),
            room.room
        )
    })
}
