//! What an administrator has ordered to be taken out of the archive: of each node's, if there are several. The orders stay, so
//! that an archive that is begun anew, or was away, obeys them too.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{DB_FILE, StoreError, cluster, look};

/// Who takes something out, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionOrder {
    /// By whom, as everybody will read it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, as everybody will read it.
    pub reason: Option<String>,
}

/// What is to be taken out of each archive, in words that all of them understand: digests in place of texts and names, and
/// rooms by their slugs and ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedRedaction {
    pub(super) order: RedactionOrder,
    /// Random: archives remember by it what they have obeyed.
    pub(super) token: i64,
    pub(super) items: RedactedItems,
}

/// What is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RedactedItems {
    pub(super) lines: Vec<RedactedLine>,
    /// Digests of names: all that was said under them until the order was given.
    pub(super) names: Vec<i64>,
    /// Digests of what the person is recognised by.
    pub(super) marks: Vec<i64>,
}

/// A line that is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RedactedLine {
    /// The slug of its room.
    pub(super) room: String,
    /// The id of its room in Let's Chat, if that is known.
    pub(super) room_id: Option<String>,
    /// When it was said, in milliseconds.
    pub(super) at: i64,
    /// A digest of its author and text.
    pub(super) digest: i64,
}

impl SharedRedaction {
    pub(super) fn new(order: &RedactionOrder, items: RedactedItems) -> Self {
        Self { order: order.clone(), token: fastrand::i64(..), items }
    }

    /// Whether it takes nothing out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items == RedactedItems::default()
    }

    /// What is taken out, as it stands in the table.
    pub(super) fn what(&self) -> String {
        serde_json::to_string(&self.items).expect("numbers and strings can be written as JSON")
    }
}

/// Writes an order into the store in `directory`, which a running bridge may be using: the bridge obeys it. On return it is
/// on disk. Does nothing if there is no store, because no bridge has ever run.
///
/// # Errors
/// When another version wrote the store: the bridge must be started once. When it is a node's local copy: see
/// [`super::redact_in_cluster`].
pub fn order_redaction(directory: &Path, redaction: &SharedRedaction) -> Result<(), StoreError> {
    if !directory.join(DB_FILE).exists() {
        return Ok(());
    }
    let connection = look::open_to_write(directory)?;
    if cluster::is_copy(&connection)? {
        return Err(StoreError::IsCopy { path: directory.join(DB_FILE) });
    }
    let SharedRedaction { order, token, .. } = redaction;
    connection.execute(
        "INSERT INTO redaction (token, at, by, reason, what) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token, order.at.as_millisecond(), order.by, order.reason, redaction.what()],
    )?;
    Ok(())
}

/// All orders, in that order.
pub(super) fn read_redactions(ledger: &Connection) -> Result<Vec<SharedRedaction>, StoreError> {
    let sql = "SELECT token, at, by, reason, what FROM redaction ORDER BY id";
    let mut statement = ledger.prepare_cached(sql)?;
    let redactions = statement.query_map([], |row| {
        let order = RedactionOrder {
            at: Timestamp::from_millisecond(row.get(1)?).unwrap_or_default(),
            by: row.get(2)?,
            reason: row.get(3)?,
        };
        let unreadable =
            |error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error));
        let items = serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(unreadable)?;
        Ok(SharedRedaction { order, token: row.get(0)?, items })
    })?;
    Ok(redactions.collect::<Result<_, _>>()?)
}

/// The number and the token of the last order: others than before, if something was ordered since.
pub(super) fn last_redaction(ledger: &Connection) -> Result<Option<(i64, i64)>, StoreError> {
    let sql = "SELECT id, token FROM redaction ORDER BY id DESC LIMIT 1";
    let mut statement = ledger.prepare_cached(sql)?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
