//! Changes to the outbox of deliveries.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::{RenderedRow, Transaction};
use crate::domain::{DeliveryId, DeliveryState, EndpointId, MessagePart};
use crate::store::columns::{kind_to_sql, part_to_sql, state_to_sql};

pub(super) fn insert(
    db: Transaction<'_>,
    id: DeliveryId,
    message: i64,
    to: EndpointId,
    part: MessagePart,
) -> Result<()> {
    db.execute(
        "INSERT INTO delivery (id, message, endpoint, state, part) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id.0, message, to.0, state_to_sql(DeliveryState::Queued), part_to_sql(part)],
    )
}

pub(super) fn set_state(db: Transaction<'_>, id: DeliveryId, state: DeliveryState) -> Result<()> {
    db.execute("UPDATE delivery SET state = ?2 WHERE id = ?1", params![id.0, state_to_sql(state)])
}

/// Records that the delivery is sent, as `rendered`, while the endpoint's cursor is there.
pub(super) fn start(
    db: Transaction<'_>,
    id: DeliveryId,
    now: Timestamp,
    (rendered, cursor): (&RenderedRow, Option<&str>),
) -> Result<()> {
    db.execute(
        "UPDATE delivery SET state = ?2, started_at = ?3,
             rendered_kind = ?4, rendered_prefix = ?5, rendered_body = ?6, sender = ?7,
             cursor_at_send = ?8
         WHERE id = ?1",
        params![
            id.0,
            state_to_sql(DeliveryState::InFlight),
            now.as_millisecond(),
            kind_to_sql(rendered.kind),
            rendered.prefix,
            rendered.body,
            rendered.sender,
            cursor,
        ],
    )
}

/// Records how many bytes of the delivery's body have arrived, up to this cursor of the endpoint.
pub(super) fn set_progress(
    db: Transaction<'_>,
    id: DeliveryId,
    bytes: usize,
    cursor: Option<&str>,
) -> Result<()> {
    db.execute(
        "UPDATE delivery SET progress = ?2, cursor_at_send = ?3 WHERE id = ?1",
        params![id.0, i64::try_from(bytes).unwrap_or(i64::MAX), cursor],
    )
}

pub(super) fn set_resent(db: Transaction<'_>, id: DeliveryId, resent: bool) -> Result<()> {
    db.execute("UPDATE delivery SET resent = ?2 WHERE id = ?1", params![id.0, resent])
}

pub(super) fn ack(
    db: Transaction<'_>,
    id: DeliveryId,
    remote_id: &Option<String>,
    now: Timestamp,
) -> Result<()> {
    let state = state_to_sql(DeliveryState::Delivered);
    db.execute(
        "UPDATE delivery SET state = ?2, remote_id = ?3, settled_at = ?4 WHERE id = ?1",
        params![id.0, state, remote_id, now.as_millisecond()],
    )
}

pub(super) fn reject(
    db: Transaction<'_>,
    id: DeliveryId,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    let state = state_to_sql(DeliveryState::Rejected);
    db.execute(
        "UPDATE delivery SET state = ?2, reason = ?3, settled_at = ?4 WHERE id = ?1",
        params![id.0, state, reason, now.as_millisecond()],
    )
}

/// Records that `others`, and no other deliveries, are sent in one message with `first`.
pub(super) fn merge(db: Transaction<'_>, first: DeliveryId, others: &[DeliveryId]) -> Result<()> {
    db.execute("UPDATE delivery SET merged_into = NULL WHERE merged_into = ?1", params![first.0])?;
    let join = "UPDATE delivery SET merged_into = ?1 WHERE id = ?2";
    others.iter().try_for_each(|other| db.execute(join, params![first.0, other.0]))
}

/// Records that the author of a rejected delivery is still to be notified.
pub(super) fn mark_unreported(db: Transaction<'_>, id: DeliveryId) -> Result<()> {
    db.execute("UPDATE delivery SET unreported = 1 WHERE id = ?1", params![id.0])
}

/// Records that `author` was notified of all rejected deliveries to `to`, up to `last`.
pub(super) fn mark_reported(
    db: Transaction<'_>,
    source: EndpointId,
    author: &str,
    to: EndpointId,
    last: DeliveryId,
) -> Result<()> {
    db.execute(
        "UPDATE delivery SET unreported = 0
         WHERE unreported = 1 AND endpoint = ?3 AND id <= ?4 AND EXISTS (
             SELECT 1 FROM message m
             WHERE m.id = delivery.message AND m.endpoint = ?1 AND m.author = ?2)",
        params![source.0, author, to.0, last.0],
    )
}

/// Records that the sender of direct messages was notified of the rejected ones to `to` (or to all), up to
/// `last`, and erases their text.
pub(super) fn mark_direct_reported(
    db: Transaction<'_>,
    source: EndpointId,
    to: Option<EndpointId>,
    last: DeliveryId,
) -> Result<()> {
    let selection = params![source.0, to.map(|to| to.0), last.0];
    db.execute(
        "UPDATE message SET body = '', author = '', display_name = NULL, account = NULL,
             userhost = NULL
         WHERE endpoint = ?1 AND id IN (
             SELECT message FROM delivery
             WHERE unreported = 1 AND endpoint = COALESCE(?2, endpoint) AND id <= ?3)",
        selection,
    )?;
    db.execute(
        "UPDATE delivery SET unreported = 0, rendered_body = NULL, rendered_prefix = NULL
         WHERE unreported = 1 AND endpoint = COALESCE(?2, endpoint) AND id <= ?3
             AND (SELECT endpoint FROM message m WHERE m.id = delivery.message) = ?1",
        selection,
    )
}
