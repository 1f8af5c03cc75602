//! What an import has written so far, in `record.json`: so that it goes on where it was, and that a directory holds one
//! import only.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{self, ImportFileError};

/// The file in the directory of the import.
const RECORD_FILE: &str = "record.json";

/// Raised when older versions can no longer go on with a record.
const FORMAT: u32 = 1;

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] ImportFileError),
    /// It has files of others.
    #[error("{0}: the directory is not empty, and no import was written there: choose another one")]
    Foreign(PathBuf),
    /// Its record makes no sense.
    #[error("{path}: {reason}: remove the directory, or choose another one")]
    Damaged {
        /// The record.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It has documents of another plan.
    #[error(
        "{0}: the directory has the documents of another plan, or of this one before it was edited: choose another \
         directory. If those have been restored already, take them back first: sh restore.sh undo"
    )]
    OtherPlan(PathBuf),
    /// Its documents are for another server.
    #[error("{path}: the directory has documents for {server}: choose another one")]
    OtherServer {
        /// The directory.
        path: PathBuf,
        /// The server.
        server: String,
    },
}

/// The record of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImportRecord {
    format: u32,
    /// A digest of the plan.
    plan: String,
    /// The address of Let's Chat.
    letschat: String,
    /// The rooms, by their slugs.
    pub(super) rooms: BTreeMap<String, RecordedRoom>,
}

/// A room in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedRoom {
    /// Whether it was made for the history.
    pub(super) is_new: bool,
    /// Its id, once it is known.
    pub(super) id: Option<String>,
    /// What was written, once it is complete.
    pub(super) part: Option<RecordedPart>,
}

/// The documents of one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedPart {
    /// The folder.
    pub(super) folder: String,
    /// A digest of the logs as they were: their names, sizes and times.
    pub(super) logs: String,
    /// What is in it.
    pub(super) tally: RoomTally,
}

/// What the history of a room consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoomTally {
    /// How many messages.
    pub messages: u64,
    /// Bytes of their documents.
    pub bytes: u64,
    /// When the first one was posted, in milliseconds since 1970.
    pub first: i64,
    /// When the last one was posted.
    pub last: i64,
    /// How many files list them.
    pub id_files: u64,
    /// How many entries nobody can see, or nobody said.
    pub invisible: u64,
    /// How many entries are too old or too new for an id.
    pub out_of_time: u64,
    /// How many entries the bridge has mirrored itself.
    pub mirrored: u64,
    /// How many entries are of people who are left out.
    pub people_left_out: u64,
    /// Whether only those who were invited or knew a key could be there at some time.
    pub was_closed: bool,
    /// The messages of each account, by its id.
    pub owners: BTreeMap<String, OwnerTally>,
}

/// What an account has said in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerTally {
    /// How many messages.
    pub messages: u64,
    /// When the first one was posted, in milliseconds since 1970.
    pub first: i64,
}

impl ImportRecord {
    /// Opens the record in `directory`, which may be missing or empty; makes one for the plan with this digest.
    pub(super) fn open(directory: &Path, plan: &str, letschat: &str) -> Result<Self, RecordError> {
        let path = directory.join(RECORD_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                check_empty(directory)?;
                let rooms = BTreeMap::new();
                let (plan, letschat) = (plan.to_owned(), letschat.to_owned());
                return Ok(Self { format: FORMAT, plan, letschat, rooms });
            }
            Err(error) => return Err(files::at(&path, error).into()),
        };
        let damaged = |reason: String| RecordError::Damaged { path: path.clone(), reason };
        let record: Self =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if record.format != FORMAT {
            return Err(damaged(format!(
                "another version of letsbridge wrote it ({})",
                record.format
            )));
        }
        if record.plan != plan {
            return Err(RecordError::OtherPlan(directory.to_owned()));
        }
        if record.letschat != letschat {
            let path = directory.to_owned();
            return Err(RecordError::OtherServer { path, server: record.letschat });
        }
        Ok(record)
    }

    /// Writes the record.
    pub(super) fn save(&self, directory: &Path) -> Result<(), ImportFileError> {
        let path = directory.join(RECORD_FILE);
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| files::at(&path, io::Error::other(error)))?;
        files::write_file(path, text.as_bytes())?;
        files::sync_directory(directory)
    }
}

fn check_empty(directory: &Path) -> Result<(), RecordError> {
    // What an interrupted run has left of its first record.
    let is_ours = |name: &str| name == format!("{RECORD_FILE}.new");
    match fs::read_dir(directory) {
        Ok(mut entries) => {
            let is_foreign = |entry: io::Result<fs::DirEntry>| {
                entry.is_ok_and(|entry| !entry.file_name().to_str().is_some_and(is_ours))
            };
            match entries.any(is_foreign) {
                true => Err(RecordError::Foreign(directory.to_owned())),
                false => Ok(()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(files::at(directory, error).into()),
    }
}
