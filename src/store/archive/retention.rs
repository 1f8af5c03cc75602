//! Forgetting lines that are older than the archive keeps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};

use super::columns::{first_number, time_of};
use super::days::quarter_of;
use super::redact::unindex;
use super::words::index_text;
use super::writer::add_to_counts;
use super::{Archive, ArchiveError};

impl Archive {
    /// Forgets up to `most` lines that were said before `before`, the oldest first. Returns how many.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn forget_before(&mut self, before: Timestamp, most: u32) -> Result<u64, ArchiveError> {
        let path = self.path().to_owned();
        self.forget_some(before, most).map_err(|error| error.named(&path))
    }

    fn forget_some(&mut self, before: Timestamp, most: u32) -> Result<u64, ArchiveError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let old = transaction
            .prepare_cached(
                "SELECT id, room, speaker, text, redaction IS NULL FROM line WHERE id < ?1
                 ORDER BY id LIMIT ?2",
            )?
            .query_map(params![first_number(before), most], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?
            .collect::<Result<Vec<(i64, i64, Option<i64>, String, bool)>, _>>()?;
        let mut counts: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for (number, room, speaker, text, is_indexed) in &old {
            if *is_indexed {
                unindex(&transaction, *number, &index_text(text, *room, *speaker))?;
            }
            for sql in ["DELETE FROM overlap WHERE line = ?1", "DELETE FROM line WHERE id = ?1"] {
                transaction.prepare_cached(sql)?.execute([number])?;
            }
            *counts.entry((*room, quarter_of(time_of(*number)))).or_default() -= 1;
        }
        add_to_counts(&transaction, &counts)?;
        let sql = "DELETE FROM quarter WHERE lines <= 0";
        if !counts.is_empty() {
            let oldest = quarter_of(before);
            let sql = format!("{sql} AND quarter <= ?1");
            transaction.prepare_cached(&sql)?.execute([oldest])?;
        }
        transaction.commit()?;
        Ok(u64::try_from(old.len()).unwrap_or(0))
    }
}
