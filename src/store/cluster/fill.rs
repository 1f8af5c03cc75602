//! Fills tables in PostgreSQL from a local database.

use rusqlite::Connection;

use super::super::StoreError;
use super::cell::Cell;
use super::digest::local_digests;
use super::error::PostgresError;
use super::full_copy::digests;
use super::meter::CopyMeter;
use super::recorder::cells;
use super::rows::parameters;
use super::session::Session;
use super::shape::TableShape;
use super::sql::quoted;

/// How many rows are sent at once.
const ROWS_AT_ONCE: usize = 500;

/// Replaces what the table has in PostgreSQL by what it has here, in the open transaction.
///
/// # Errors
/// When either database refuses.
pub(super) async fn fill_table(
    session: &Session,
    shape: &TableShape,
    from: &Connection,
    meter: &mut CopyMeter,
) -> Result<(), StoreError> {
    session.batch(&format!("TRUNCATE {}", shape.in_postgres())).await?;
    let mut statement = from.prepare(&shape.select(&format!("main.{}", quoted(&shape.name))))?;
    let mut rows = statement.query([])?;
    let mut some: Vec<Vec<Cell>> = Vec::new();
    while let Some(row) = rows.next()? {
        some.push(cells(row, 0..shape.columns.len())?);
        meter.count();
        if some.len() >= ROWS_AT_ONCE {
            send(session, shape, &std::mem::take(&mut some)).await?;
        }
    }
    Ok(send(session, shape, &some).await?)
}

/// Replaces the tables that are not the same here: those that an upgrade of the local copy has changed.
///
/// # Errors
/// When either database refuses.
pub(super) async fn fill_changed_tables(
    session: &Session,
    shapes: &[TableShape],
    from: &Connection,
) -> Result<(), StoreError> {
    let mut meter = CopyMeter::unread();
    let there = digests(session, shapes, &mut meter).await?;
    let here = local_digests(from, shapes, &mut meter)?;
    session.batch("BEGIN").await?;
    for (shape, digest) in shapes.iter().zip(&here) {
        if !there.contains(digest) {
            fill_table(session, shape, from, &mut meter).await?;
        }
    }
    Ok(session.batch("COMMIT").await?)
}

async fn send(
    session: &Session,
    shape: &TableShape,
    rows: &[Vec<Cell>],
) -> Result<(), PostgresError> {
    let values = parameters(rows, shape.columns.iter());
    let values: Vec<_> = values.iter().map(|value| &**value as _).collect();
    session.query(&shape.upsert(1), &values).await.map(drop)
}
