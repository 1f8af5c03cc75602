//! Moves a store between SQLite and PostgreSQL, and checks that nothing is missing.

use std::path::Path;

use rusqlite::Connection;

use super::super::{DB_FILE, Store, StoreError, claim_and_lock};
use super::ClusterConfig;
use super::changes::TurnChanges;
use super::digest::{CopiedTable, CopySummary, local_digests};
use super::error::PostgresError;
use super::fill::fill_table;
use super::full_copy::{copy_all, digests};
use super::local::{CopyMark, Position, write_mark};
use super::meter::{CopyMeter, CopyProgress, CopyStep};
use super::migrate::{migrate, read_meta, read_present};
use super::open_copy::open_copy;
use super::reign::{read_leader, try_lock};
use super::session::Session;
use super::shape::{TableShape, read_shapes};
use super::shared_files::SharedFiles;
use super::sql::quoted;
use super::worker::offload;

/// Copies the store of a bridge that ran alone from `directory` to PostgreSQL, which holds none yet; then the one in
/// `directory` is a node's local copy, which is used with `[store] url` only. Tells how far it is.
///
/// # Errors
/// When a bridge uses the store, there is none, or PostgreSQL refuses or holds one already. Nothing is changed then.
pub async fn copy_to_postgres(
    directory: &Path,
    config: &ClusterConfig,
    tell: impl FnMut(CopyProgress) + Send + 'static,
) -> Result<CopySummary, StoreError> {
    let (directory, config) = (directory.to_owned(), config.clone());
    let mut meter = CopyMeter::new(tell);
    offload(move || async move {
        let path = directory.join(DB_FILE);
        if !path.exists() {
            return Err(PostgresError::Empty { place: path.display().to_string() }.into());
        }
        let store = Store::open(&directory)?;
        let shapes = read_shapes(&store.connection)?;
        let session = Session::open_for_copy(&config).await?;
        session.check_pooler(&config).await?;
        let mark = prepare(&session, &shapes, &config).await?;
        session.batch("BEGIN").await?;
        let mut files = SharedFiles::new(&config, &directory);
        let source = (&store.connection, mark, &mut files);
        let filled = fill(&session, &shapes, source, &mut meter).await;
        let (tables, mark) = match filled {
            Ok(filled) => filled,
            Err(error) => {
                // It fails if the connection has; then nothing is left to roll back.
                let _ = session.batch("ROLLBACK").await;
                return Err(error);
            }
        };
        session.batch("COMMIT").await?;
        session.close().await;
        write_mark(&store.connection, &mark)?;
        Ok(CopySummary { tables, files: files.present() })
    })
    .await
}

/// Takes the lock of a PostgreSQL that holds no store, or one that is not used any more. Returns where its history is.
async fn prepare(
    session: &Session,
    shapes: &[TableShape],
    config: &ClusterConfig,
) -> Result<CopyMark, PostgresError> {
    let place = config.url.server();
    let before = read_meta(session).await?;
    migrate(session, shapes).await?;
    let leader = read_leader(session).await?;
    if !try_lock(session).await? {
        return Err(PostgresError::InUse { node: leader.node.unwrap_or_default() });
    }
    let is_moved = before.is_some_and(|meta| meta.moved_to.is_some());
    // A node that has started on an empty database has begun a history, but has written nothing.
    let mut rows = 0;
    for table in digests(session, shapes, &mut CopyMeter::unread()).await? {
        rows += table.rows;
    }
    if rows > 0 && !is_moved {
        let advice =
            "start letsbridge with `[store] url` to go on with it, or use another database";
        return Err(PostgresError::Occupied { place, advice });
    }
    Ok(CopyMark { cluster: leader.cluster, position: leader.position })
}

/// Writes everything, in the open transaction, and reads it again.
async fn fill(
    session: &Session,
    shapes: &[TableShape],
    (from, mark, files): (&Connection, CopyMark, &mut SharedFiles),
    meter: &mut CopyMeter,
) -> Result<(Vec<CopiedTable>, CopyMark), StoreError> {
    session.batch("TRUNCATE letsbridge.change, letsbridge.shared_file").await?;
    let rows = local_rows(from, shapes)?;
    meter.begin(CopyStep::Copying, rows);
    for shape in shapes {
        fill_table(session, shape, from, meter).await?;
    }
    let position = Position { epoch: mark.position.epoch + 1, turn: mark.position.turn + 1 };
    let nothing = TurnChanges::default().encode();
    let sql = "UPDATE letsbridge.leader SET epoch = $1, turn = $2, released = true, node = NULL";
    session.query(sql, &[&position.epoch, &position.turn]).await?;
    let sql = "INSERT INTO letsbridge.change (epoch, turn, rows) VALUES ($1, $2, $3)";
    session.query(sql, &[&position.epoch, &position.turn, &nothing]).await?;
    session.batch("UPDATE letsbridge.meta SET moved_to = NULL").await?;
    files.settle(session, position.epoch).await?;
    meter.begin(CopyStep::Checking, rows.saturating_mul(2));
    let there = digests(session, shapes, meter).await?;
    compare(&local_digests(from, shapes, meter)?, &there)?;
    Ok((there, CopyMark { position, ..mark }))
}

/// How many rows there are here.
fn local_rows(from: &Connection, shapes: &[TableShape]) -> rusqlite::Result<u64> {
    let mut rows = 0;
    for shape in shapes {
        let sql = format!("SELECT count(*) FROM main.{}", quoted(&shape.name));
        rows += from.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    }
    Ok(rows)
}

/// How many rows there are in PostgreSQL.
async fn rows_there(session: &Session, shapes: &[TableShape]) -> Result<u64, PostgresError> {
    let mut rows = 0;
    for shape in &read_present(session, shapes).await? {
        let sql = format!("SELECT count(*) FROM {}", shape.in_postgres());
        rows += session.query_one(&sql, &[]).await?.get::<_, i64>(0).unsigned_abs();
    }
    Ok(rows)
}

/// Checks that each table is the same here and there.
fn compare(here: &[CopiedTable], there: &[CopiedTable]) -> Result<(), PostgresError> {
    match here.iter().find(|table| !there.contains(table)) {
        Some(table) => Err(PostgresError::Unlike { table: table.name.clone() }),
        None => Ok(()),
    }
}

/// Copies the store from PostgreSQL to `directory`, for a bridge that runs alone from now on (without `[store] url`);
/// then the one in PostgreSQL is not used any more. `directory` holds none, or a node's local copy. Tells how far it is.
///
/// # Errors
/// When a node is active, `directory` holds a store of its own, or PostgreSQL holds none. Nothing is changed then.
pub async fn copy_to_sqlite(
    config: &ClusterConfig,
    directory: &Path,
    tell: impl FnMut(CopyProgress) + Send + 'static,
) -> Result<CopySummary, StoreError> {
    let (directory, config) = (directory.to_owned(), config.clone());
    let mut meter = CopyMeter::new(tell);
    offload(move || async move {
        let (directory, _lock) = claim_and_lock(&directory)?;
        let connection = open_target(&directory)?;
        let shapes = read_shapes(&connection)?;
        let session = Session::open_for_copy(&config).await?;
        session.check_pooler(&config).await?;
        let place = config.url.server();
        let meta =
            read_meta(&session).await?.ok_or(PostgresError::Empty { place: place.clone() })?;
        match meta.moved_to {
            // It was interrupted after that, perhaps.
            Some(node) if node != config.node => {
                return Err(PostgresError::MovedAway { server: place, node }.into());
            }
            _ => {}
        }
        let leader = read_leader(&session).await?;
        if !try_lock(&session).await? {
            return Err(PostgresError::InUse { node: leader.node.unwrap_or_default() }.into());
        }
        meter.begin(CopyStep::Copying, rows_there(&session, &shapes).await?);
        let (_, tables) = copy_all(&config, &shapes, &connection, &mut meter).await?;
        meter.begin(CopyStep::Checking, tables.iter().map(|table| table.rows).sum());
        compare(&local_digests(&connection, &shapes, &mut meter)?, &tables)?;
        let mut files = SharedFiles::new(&config, &directory);
        files.fetch(&session).await?;
        // First there, so that no two bridges can go on with it.
        session.query("UPDATE letsbridge.meta SET moved_to = $1", &[&config.node]).await?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute("DELETE FROM replica", [])?;
        session.close().await;
        Ok(CopySummary { tables, files: files.present() })
    })
    .await
}

/// Opens the local copy that is to become a store of its own.
fn open_target(directory: &Path) -> Result<Connection, StoreError> {
    match open_copy(directory) {
        Err(StoreError::Postgres(PostgresError::NotACopy { path })) => {
            let place = path.display().to_string();
            let advice = "move it away, or name another `state_dir`";
            Err(PostgresError::Occupied { place, advice }.into())
        }
        opened => opened,
    }
}
