//! Copies everything from PostgreSQL into a local copy, in one transaction on both sides.

use std::pin::pin;

use futures_util::TryStreamExt;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use tokio_postgres::types::ToSql;

use super::super::StoreError;
use super::ClusterConfig;
use super::digest::{CopiedTable, TableDigest};
use super::error::PostgresError;
use super::local::{CopyMark, Position, insert, write_mark};
use super::meter::CopyMeter;
use super::migrate::read_present;
use super::reign::read_leader;
use super::rows::read_row;
use super::session::Session;
use super::shape::TableShape;
use super::sql::quoted;

/// Replaces all that is in the local copy. If it fails or the program ends, that stays as it was. Returns how far the copy
/// is, and what was copied.
///
/// # Errors
/// When PostgreSQL cannot be read, or the copy cannot be written.
pub(super) async fn copy_all(
    config: &ClusterConfig,
    shapes: &[TableShape],
    connection: &Connection,
    meter: &mut CopyMeter,
) -> Result<(CopyMark, Vec<CopiedTable>), StoreError> {
    let session = Session::open_for_copy(config).await?;
    // The rows that cascades would remove are removed by name; and tables are filled in any order.
    connection.pragma_update(None, "foreign_keys", false)?;
    // It ends with this future, also if nobody waits for that any more.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let copied = fill(&session, shapes, &transaction, meter).await;
    let finished = copied.and_then(|copied| {
        transaction.commit()?;
        Ok(copied)
    });
    session.close().await;
    finished
}

async fn fill(
    session: &Session,
    shapes: &[TableShape],
    connection: &Connection,
    meter: &mut CopyMeter,
) -> Result<(CopyMark, Vec<CopiedTable>), StoreError> {
    session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mark = read_position(session).await?;
    for shape in shapes {
        connection.execute(&format!("DELETE FROM main.{}", quoted(&shape.name)), [])?;
    }
    let mut copied = Vec::new();
    for shape in &read_present(session, shapes).await? {
        let columns: Vec<String> = shape.columns.iter().map(|it| it.name.clone()).collect();
        let mut statement = connection.prepare(&insert(&shape.name, &columns))?;
        let mut digest = TableDigest::default();
        let mut rows = pin!(rows(session, shape).await?);
        while let Some(row) = session.answer(rows.try_next()).await? {
            let row = read_row(&row, shape).map_err(|error| session.error(&error))?;
            statement.execute(params_from_iter(&row))?;
            digest.add(&row);
            meter.count();
        }
        copied.push(digest.named(&shape.name));
    }
    session.batch("COMMIT").await?;
    write_mark(connection, &mark)?;
    Ok((mark, copied))
}

/// The position that this transaction sees.
async fn read_position(session: &Session) -> Result<CopyMark, PostgresError> {
    let leader = read_leader(session).await?;
    let turn = leader.position.turn;
    let sql = "SELECT epoch FROM letsbridge.change WHERE turn = $1";
    let change = session.query(sql, &[&turn]).await?;
    let epoch = change.first().map_or(leader.position.epoch, |row| row.get(0));
    Ok(CopyMark { cluster: leader.cluster, position: Position { epoch, turn } })
}

/// All rows of a table, as they arrive.
async fn rows(
    session: &Session,
    shape: &TableShape,
) -> Result<tokio_postgres::RowStream, PostgresError> {
    let statement = session.prepare(&shape.select(&shape.in_postgres())).await?;
    let nothing: [&(dyn ToSql + Sync); 0] = [];
    session.answer(session.client().query_raw(&statement, nothing)).await
}

/// The digests of the tables in PostgreSQL, as they are now.
pub(super) async fn digests(
    session: &Session,
    shapes: &[TableShape],
    meter: &mut CopyMeter,
) -> Result<Vec<CopiedTable>, PostgresError> {
    let mut digests = Vec::new();
    for shape in shapes {
        let mut digest = TableDigest::default();
        let mut rows = pin!(rows(session, shape).await?);
        while let Some(row) = session.answer(rows.try_next()).await? {
            digest.add(&read_row(&row, shape).map_err(|error| session.error(&error))?);
            meter.count();
        }
        digests.push(digest.named(&shape.name));
    }
    Ok(digests)
}
