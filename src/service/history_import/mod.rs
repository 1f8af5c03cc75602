//! History of IRC as documents for the database of Let's Chat, from an edited plan.
//!
//! The administrator restores the documents with `mongorestore`. Rooms are made over the API first, so that pages that are
//! open see them.

mod directory;
mod files;
mod people;
mod record;
mod room;
mod room_files;
mod rooms;
mod run;
mod server;

pub use directory::{ImportDirectory, ImportRoom, ImportedAccount, count_room};
pub use files::ImportFileError;
pub use record::{OwnerTally, RecordError, RoomTally};
pub use room::{HistoryOwner, HistoryOwners, ImportChannel, RoomHistoryError};
pub use rooms::ImportRoomError;
pub use run::{HistoryImport, ImportReport, ImportRunError, LogOpener, RoomReport, plan_digest};
pub use server::{ImportServer, ImportServerError, ServerRoom};

#[cfg(test)]
mod tests;
