//! The archive: what was said in the rooms, imported and heard, to be searched for years.
//!
//! One SQLite database beside the ledger. The bridge, imports and the administrator's commands write it, one at a time;
//! pages read it.
//!
//! | module     | contents                                                     |
//! |------------|--------------------------------------------------------------|
//! | `line`     | the types                                                    |
//! | `reader`   | reading: rooms, lines, days                                  |
//! | `error`    | why something failed                                         |

mod error;
mod line;
mod reader;

pub use error::ArchiveError;
pub use line::{
    ArchiveHit, ArchiveLine, ArchiveLineId, ArchiveLineKind, ArchiveLineState, ArchivePerson,
    ArchivePersonId, ArchiveQuery, ArchiveResults, ArchiveRoom, ArchiveRoomId,
};
pub use reader::{ArchiveExport, ArchiveReader};

/// The file in `state_dir`.
const ARCHIVE_FILE: &str = "archive.sqlite3";
