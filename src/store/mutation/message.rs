//! Changes to the ledger of received messages.

use rusqlite::{Result, params};

use super::{Transaction, activity};
use crate::domain::{DeliveryId, Message};
use crate::store::columns::kind_to_sql;

pub(super) fn insert(
    db: Transaction<'_>,
    id: i64,
    message: &Message,
    remote_id: Option<&str>,
    fingerprint: Option<i64>,
) -> Result<()> {
    db.execute(
        "INSERT INTO message (id, endpoint, remote_id, author, kind, body, sent_at, fingerprint,
             display_name, account, userhost, bot)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            id,
            message.source.0,
            remote_id,
            message.author.name,
            kind_to_sql(message.kind),
            message.body,
            message.sent_at.as_millisecond(),
            fingerprint,
            message.author.display_name,
            message.author.account,
            message.author.userhost,
            message.author.bot,
        ],
    )
}

/// Erases the text and the author of the message of a delivery.
pub(super) fn erase_text(db: Transaction<'_>, id: DeliveryId) -> Result<()> {
    db.execute(
        "UPDATE message SET body = '', author = '', display_name = NULL, account = NULL,
             userhost = NULL
         WHERE id = (SELECT message FROM delivery WHERE id = ?1)",
        params![id.0],
    )?;
    db.execute(
        "UPDATE delivery SET rendered_body = NULL, rendered_prefix = NULL WHERE id = ?1",
        params![id.0],
    )
}

/// Deletes those of `messages` that have no open delivery, and counts them.
pub(super) fn prune(db: Transaction<'_>, messages: &[i64]) -> Result<()> {
    messages.iter().try_for_each(|message| {
        activity::count(db, *message)?;
        db.execute(
            "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (
                 SELECT 1 FROM delivery WHERE message = ?1 AND state < 3)",
            params![message],
        )
    })
}
