//! How far imports are, so that one that was interrupted goes on where it was.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Archive, ArchiveBatch, ArchiveError};

/// What is imported: the same logs, read in the same way, for the same people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportKey(i64);

impl ImportKey {
    /// Of a description of all that makes a difference.
    #[must_use]
    pub fn of(description: &str) -> Self {
        let digest = Sha256::digest(description.as_bytes());
        Self(digest[..8].iter().fold(0, |all, byte| all << 8 | i64::from(*byte)))
    }
}

impl Archive {
    /// The time of the last entry that was dealt with; `None` if there was none.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn imported_up_to(&self, key: ImportKey) -> Result<Option<Timestamp>, ArchiveError> {
        let sql = "SELECT last FROM import WHERE digest = ?1";
        let found: Option<i64> =
            self.connection.query_row(sql, [key.0], |row| row.get(0)).optional()?;
        Ok(found.and_then(|last| Timestamp::from_nanosecond(i128::from(last)).ok()))
    }
}

impl ArchiveBatch<'_> {
    /// All entries up to this one were dealt with.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn set_imported_up_to(
        &mut self,
        key: ImportKey,
        last: Timestamp,
    ) -> Result<(), ArchiveError> {
        let last = i64::try_from(last.as_nanosecond()).unwrap_or(i64::MAX);
        let sql = "INSERT OR REPLACE INTO import (digest, last) VALUES (?1, ?2)";
        self.transaction.prepare_cached(sql)?.execute(params![key.0, last])?;
        Ok(())
    }
}
