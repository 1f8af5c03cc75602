//! The archive: what was said in the rooms, imported and heard, to be searched for years.
//!
//! One SQLite database beside the ledger. The bridge, imports and the administrator's commands write it, one at a time;
//! pages read it.
//!
//! | module      | contents                                                             |
//! |-------------|----------------------------------------------------------------------|
//! | `line`      | the types                                                            |
//! | `error`     | why something failed                                                 |
//! | `schema`    | the tables                                                           |
//! | `columns`   | how lines are written in them                                        |
//! | `lines`     | lines by their addresses and numbers                                |
//! | `open`      | the file                                                             |
//! | `words`     | texts cut into words                                                 |
//! | `query`     | what somebody typed, as a search                                     |
//! | `people`    | who is who                                                           |
//! | `days`      | how much was said on which day                                       |
//! | `activity`  | how much was said by whom in which week                              |
//! | `overlap`   | imported lines that were heard already                               |
//! | `redact`    | lines taken out for everybody                                        |
//! | `refusals`  | what was taken out and must not come back                            |
//! | `speakers`  | whose lines are taken out                                            |
//! | `orders`    | what the ledger orders to be taken out                               |
//! | `feed`      | what the bridge hears, from the ledger                              |
//! | `retention` | forgetting what is too old                                           |
//! | `import`    | how far imports are                                                  |
//! | `writer`    | adding lines                                                         |
//! | `search`    | finding lines                                                        |
//! | `reader`    | reading, many at a time                                              |
//! | `copy`      | a copy of all                                                        |
//! | `export`    | all lines of a range                                                 |

mod activity;
mod columns;
mod copy;
mod days;
mod error;
mod export;
mod feed;
mod import;
mod line;
mod lines;
mod open;
mod orders;
mod overlap;
mod people;
mod query;
mod reader;
mod redact;
mod refusals;
mod retention;
mod schema;
mod search;
mod speakers;
mod words;
mod writer;

pub use activity::{ArchiveActivity, KnownMark};
pub use copy::copy_archive;
pub use error::ArchiveError;
pub use export::ArchiveExport;
pub use feed::{ArchiveRules, FeedProgress, LedgerFeed};
pub use import::ImportKey;
pub use line::{
    ArchiveHit, ArchiveLine, ArchiveLineId, ArchiveLineKind, ArchiveLineState, ArchivePerson,
    ArchivePersonId, ArchiveQuery, ArchiveResults, ArchiveRoom, ArchiveRoomId,
};
pub use open::archive_size;
pub use orders::ArchiveOrders;
pub use people::{PersonMark, PersonMarks};
pub use reader::ArchiveReader;
pub use writer::{Archive, ArchiveBatch, LineOrigin, LineOutcome, NewArchiveLine, NewSpeaker};

/// The file in `state_dir`.
const ARCHIVE_FILE: &str = "archive.sqlite3";

#[cfg(test)]
mod tests;
