//! The tables in PostgreSQL: those of the store, and those that say whose turn it is.

use std::collections::HashSet;

use data_encoding::HEXLOWER;

use super::super::schema;
use super::error::PostgresError;
use super::session::{REFUSED, Session};
use super::shape::TableShape;

/// The lock under which tables are made or changed.
const MIGRATION_LOCK: i64 = 0x4C74_7342_0000_0002;

/// What PostgreSQL has besides the tables of the store. Only the active node writes: what it writes is
/// refused if it is not that any more; except that each node writes its own row of `node`, and that anybody may revoke
/// links and take lines out of the archives.
const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS letsbridge;
    CREATE TABLE IF NOT EXISTS letsbridge.meta (
        one            boolean PRIMARY KEY DEFAULT true CHECK (one),
        schema_version bigint NOT NULL,
        cluster        text NOT NULL,   -- random: which store it is
        moved_to       text             -- the node where it was copied to SQLite; it is not used any more then
    );
    CREATE TABLE IF NOT EXISTS letsbridge.leader (
        one      boolean PRIMARY KEY DEFAULT true CHECK (one),
        epoch    bigint NOT NULL,       -- rises with each node that takes over
        turn     bigint NOT NULL,       -- the last one
        node     text,                  -- the active node
        since    timestamptz,
        beat_at  timestamptz,           -- its last sign of life
        released boolean NOT NULL       -- it has stopped of its own will
    );
    CREATE TABLE IF NOT EXISTS letsbridge.node (
        name    text PRIMARY KEY,
        started timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        version text NOT NULL,
        turn    bigint NOT NULL
    );
    -- What the last turns have changed, for those who follow.
    CREATE TABLE IF NOT EXISTS letsbridge.change (
        turn  bigint PRIMARY KEY,
        epoch bigint NOT NULL,
        at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        rows  bytea NOT NULL
    );
    ALTER TABLE letsbridge.change ALTER COLUMN rows SET STORAGE EXTERNAL;
    -- The small files that each node needs beside the database.
    CREATE TABLE IF NOT EXISTS letsbridge.shared_file (
        name    text PRIMARY KEY,
        content bytea NOT NULL,
        changed bigint NOT NULL         -- rises with each change of any of them
    );
    INSERT INTO letsbridge.leader (epoch, turn, released) VALUES (0, 0, true) ON CONFLICT DO NOTHING;

    -- Ends a turn that is not the next one of this reign, or not written by the connection that has the lock.
    CREATE OR REPLACE FUNCTION letsbridge.refuse() RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'letsbridge: this is not the next turn' USING ERRCODE = '{REFUSED}';
    END $$;

    -- A sign of life of the node of this reign. It need not reach the disk; but where commits wait for another server, so
    -- does this: a primary that was cut off from that one confirms nothing.
    CREATE OR REPLACE FUNCTION letsbridge.beat(my_epoch bigint, my_pid integer)
    RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('synchronous_standby_names') = '' THEN
            PERFORM set_config('synchronous_commit', 'off', true);
        END IF;
        UPDATE letsbridge.leader SET beat_at = clock_timestamp()
            WHERE epoch = my_epoch AND NOT released AND pg_backend_pid() = my_pid;
        RETURN FOUND;
    END $$;
";

/// Which store PostgreSQL holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreMeta {
    pub(super) cluster: String,
    pub(super) schema_version: i64,
    pub(super) moved_to: Option<String>,
}

/// Reads which store PostgreSQL holds, if it holds any.
///
/// # Errors
/// When it cannot be read, or a newer letsbridge wrote it.
pub(super) async fn read_meta(session: &Session) -> Result<Option<StoreMeta>, PostgresError> {
    // Not prepared: the table may be made later.
    let sql = "SELECT to_regclass('letsbridge.meta') IS NOT NULL";
    if !session.query_one(sql, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "SELECT cluster, schema_version, moved_to FROM letsbridge.meta";
    let rows = session.query(sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let meta = StoreMeta { cluster: row.get(0), schema_version: row.get(1), moved_to: row.get(2) };
    check_version(session.server(), meta.schema_version)?;
    Ok(Some(meta))
}

/// Refuses what a newer letsbridge wrote.
pub(super) fn check_version(server: &str, found: i64) -> Result<(), PostgresError> {
    let known = schema::VERSION;
    if found > i64::from(known) {
        return Err(PostgresError::TooNew { server: server.to_owned(), found, known });
    }
    Ok(())
}

/// Makes the tables in PostgreSQL, or brings them up to date. Two programs may do so at once.
///
/// # Errors
/// When PostgreSQL refuses, or a newer letsbridge was there first.
pub(super) async fn migrate(
    session: &Session,
    shapes: &[TableShape],
) -> Result<StoreMeta, PostgresError> {
    let tables: String = shapes.iter().map(TableShape::create).collect();
    let mut bytes = [0; 16];
    // It need only be another one each time.
    bytes.fill_with(|| fastrand::u8(..));
    let cluster = HEXLOWER.encode(&bytes);
    let version = schema::VERSION;
    let fixed = TABLES.replace("{REFUSED}", REFUSED);
    let sql = format!(
        "BEGIN;
         SELECT pg_advisory_xact_lock({MIGRATION_LOCK});
         {fixed}
         {tables}
         INSERT INTO letsbridge.meta (schema_version, cluster) VALUES ({version}, '{cluster}') ON CONFLICT DO NOTHING;
         UPDATE letsbridge.meta SET schema_version = {version} WHERE schema_version < {version};
         COMMIT"
    );
    if let Err(error) = session.batch(&sql).await {
        // It fails if the connection has; then nothing is left to roll back.
        let _ = session.batch("ROLLBACK").await;
        return Err(error);
    }
    read_meta(session).await?.ok_or_else(|| PostgresError::Unknown {
        server: session.server().to_owned(),
        reason: "it has no row in `meta`".to_owned(),
    })
}

/// Which columns each table has in PostgreSQL: fewer than here, if an older letsbridge made them.
pub(super) async fn read_present(
    session: &Session,
    shapes: &[TableShape],
) -> Result<Vec<TableShape>, PostgresError> {
    let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns
               WHERE table_schema = 'letsbridge'";
    let rows = session.query(sql, &[]).await?;
    let present: HashSet<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let reduced = |shape: &TableShape| {
        let mut shape = shape.clone();
        let table = shape.name.clone();
        shape.columns.retain(|column| present.contains(&(table.clone(), column.name.clone())));
        shape
    };
    Ok(shapes.iter().map(reduced).filter(|shape| !shape.columns.is_empty()).collect())
}
