//! Revoked public links. Another program may revoke links while the bridge runs.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::columns::target_to_sql;
use super::{DB_FILE, StoreError, cluster, look};
use crate::domain::LinkTarget;

/// Which links to revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// All links to this target, including future ones.
    Target(LinkTarget),
    /// All links created from then until now.
    CreatedSince(Timestamp),
}

/// Revokes links at `now` in the store in `directory`, which a running bridge may be using. On return the
/// revocation is on disk and in effect.
///
/// # Errors
/// When there is no store, or another version wrote it; in the latter case the bridge must be started once. When it is a
/// node's local copy: see [`super::revoke_in_cluster`].
pub fn revoke(directory: &Path, what: Revocation, now: Timestamp) -> Result<(), StoreError> {
    let connection = look::open_to_write(directory)?;
    if cluster::is_copy(&connection)? {
        return Err(StoreError::IsCopy { path: directory.join(DB_FILE) });
    }
    insert_revocation(&connection, what, now)
}

fn insert_revocation(
    connection: &Connection,
    what: Revocation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (target, since, until) = match what {
        Revocation::Target(target) => (Some(target_to_sql(target)), i64::MIN, i64::MAX),
        Revocation::CreatedSince(since) => (None, since.as_millisecond(), now.as_millisecond()),
    };
    connection.execute(
        "INSERT INTO revocation (target, since, until, revoked_at) VALUES (?1, ?2, ?3, ?4)",
        params![target, since, until, now.as_millisecond()],
    )?;
    Ok(())
}

/// Whether a link to `target` created at `made` was revoked.
pub(super) fn is_revoked(
    connection: &Connection,
    target: LinkTarget,
    made: Timestamp,
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM revocation
                 WHERE (target = ?1 OR target IS NULL) AND ?2 BETWEEN since AND until)",
        )?
        .query_row(params![target_to_sql(target), made.as_millisecond()], |row| row.get(0))?)
}
