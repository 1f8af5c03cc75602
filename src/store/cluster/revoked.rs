//! Revoked links, which any program may add to: they are no part of the turns. Each node asks for the new ones.

use rusqlite::{Connection, params_from_iter};

use super::cell::Cell;
use super::error::PostgresError;
use super::rows::read_row;
use super::session::Session;
use super::shape::TableShape;
use super::sql::quoted;

/// The revocations that PostgreSQL has after this number, in that order.
pub(super) async fn read_after(
    session: &Session,
    shape: &TableShape,
    last: i64,
) -> Result<Vec<Vec<Cell>>, PostgresError> {
    let sql = shape.select("letsbridge.revocation") + " WHERE id > $1 ORDER BY id";
    let rows = session.query(&sql, &[&last]).await?;
    let rows: Result<_, _> = rows.iter().map(|row| read_row(row, shape)).collect();
    rows.map_err(|error| session.error(&error))
}

/// Adds a revocation to PostgreSQL, with the next number.
pub(super) async fn add(
    session: &Session,
    (target, since, until, now): (Option<Vec<u8>>, i64, i64, i64),
) -> Result<i64, PostgresError> {
    let sql = "INSERT INTO letsbridge.revocation (id, target, since, until, revoked_at)
               SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4 FROM letsbridge.revocation
               ON CONFLICT DO NOTHING RETURNING id";
    loop {
        let added = session.query(sql, &[&target, &since, &until, &now]).await?;
        // Otherwise another program has just taken the number.
        if let Some(row) = added.first() {
            return Ok(row.get(0));
        }
    }
}

/// Writes revocations to the local copy.
pub(super) fn insert(
    connection: &Connection,
    shape: &TableShape,
    rows: &[Vec<Cell>],
) -> rusqlite::Result<()> {
    let names: Vec<String> = shape.columns.iter().map(|column| quoted(&column.name)).collect();
    let values: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
    let sql = format!(
        "INSERT OR IGNORE INTO revocation ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for row in rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// The number of the last revocation in the local copy.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM revocation", [], |row| row.get(0))
}

/// The number of the last one of these.
pub(super) fn last_of(rows: &[Vec<Cell>], before: i64) -> i64 {
    let number = |row: &Vec<Cell>| match row.first() {
        Some(Cell::Integer(number)) => *number,
        _ => before,
    };
    rows.iter().map(number).max().unwrap_or(before)
}
