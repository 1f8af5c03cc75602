//! Writes a turn to PostgreSQL: one statement, which is a transaction of its own, and one round trip.

use std::cell::RefCell;
use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::changes::TurnChanges;
use super::error::PostgresError;
use super::local::Position;
use super::rows::{Parameter, parameters, row_parameters};
use super::session::Session;
use super::shape::TableShape;

/// A turn that is to be committed.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) number: i64,
    pub(super) changes: TurnChanges,
    /// Whether the bridge finds out all of it again, so that a crash of the server may take it.
    pub(super) is_recoverable: bool,
}

/// What each turn does: it fails unless the node of this reign writes its next one, by the connection that has the lock.
/// The changes follow as further parts.
const BEGIN: &str = "
    WITH fence AS (
        UPDATE letsbridge.leader SET turn = $1::bigint, beat_at = clock_timestamp()
        WHERE epoch = $2::bigint AND turn = $1::bigint - 1 AND NOT released
            AND pg_backend_pid() = $3::integer
        RETURNING turn
    ), noted AS (
        INSERT INTO letsbridge.change (turn, epoch, rows) VALUES ($1::bigint, $2::bigint, $5::bytea)
    )";

/// The end of the statement. Nothing waits for a turn that may get lost to reach the disk.
const END: &str = "
    SELECT CASE WHEN NOT EXISTS (SELECT FROM fence) THEN letsbridge.refuse()
                WHEN $4::boolean THEN set_config('synchronous_commit', 'off', true) END";

/// The number of the first parameter after those.
const FIRST: usize = 6;

/// How a part of the statement changes a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ChangeForm {
    Delete,
    UpsertOne,
    UpsertMany,
}

/// A part of a turn's statement: which table it changes, and how.
type StatementPart = (usize, ChangeForm);

/// The statements that write turns.
#[derive(Debug)]
pub(super) struct TurnWriter {
    tables: Vec<TableShape>,
    /// By what the turns change.
    statements: RefCell<HashMap<Vec<StatementPart>, String>>,
}

impl TurnWriter {
    pub(super) fn new(shapes: &[TableShape]) -> Self {
        Self { tables: shapes.to_vec(), statements: RefCell::default() }
    }

    /// Prepares a turn.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or has other tables.
    pub(super) async fn prepare(&self, session: &Session) -> Result<(), PostgresError> {
        session.prepare(&self.statement(&[])).await.map(drop)
    }

    /// Commits a turn of that reign. One that is not `durable` is lost if the server crashes at once.
    ///
    /// # Errors
    /// When PostgreSQL refuses it, or does not answer: then it may be committed or not.
    pub(super) async fn write(
        &self,
        session: &Session,
        epoch: i64,
        (turn, durable): (&Turn, bool),
    ) -> Result<(), PostgresError> {
        // As the others read them.
        let encoded = turn.changes.encode();
        let mut values: Vec<Parameter<'_>> = vec![
            Box::new(turn.number),
            Box::new(epoch),
            Box::new(session.pid()),
            Box::new(!durable),
            Box::new(&encoded),
        ];
        let mut parts = Vec::new();
        for changes in &turn.changes.tables {
            let at = self.tables.iter().position(|table| table.name == changes.table);
            let Some(at) = at else { continue };
            let table = &self.tables[at];
            if !changes.gone.is_empty() {
                parts.push((at, ChangeForm::Delete));
                values.extend(parameters(&changes.gone, table.keys()));
            }
            match &*changes.rows {
                [] => {}
                [row] => {
                    parts.push((at, ChangeForm::UpsertOne));
                    values.extend(row_parameters(row, table.columns.iter()));
                }
                rows => {
                    parts.push((at, ChangeForm::UpsertMany));
                    values.extend(parameters(rows, table.columns.iter()));
                }
            }
        }
        let statement = session.prepare(&self.statement(&parts)).await?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
        session.answer(session.client().execute(&statement, &values)).await.map(drop)
    }

    /// The statement of a turn with these parts.
    fn statement(&self, parts: &[StatementPart]) -> String {
        if let Some(statement) = self.statements.borrow().get(parts) {
            return statement.clone();
        }
        let mut sql = BEGIN.to_owned();
        let mut next = FIRST;
        for (number, (at, form)) in parts.iter().enumerate() {
            let table = &self.tables[*at];
            let (part, parameters) = match form {
                ChangeForm::Delete => (table.delete(next), table.keys().count()),
                ChangeForm::UpsertOne => (table.upsert_one(next), table.columns.len()),
                ChangeForm::UpsertMany => (table.upsert(next), table.columns.len()),
            };
            next += parameters;
            sql.push_str(&format!(",\n    part{number} AS ({part})"));
        }
        sql.push_str(END);
        self.statements.borrow_mut().insert(parts.to_vec(), sql.clone());
        sql
    }

    /// The tables, by name.
    #[cfg(test)]
    pub(super) fn shapes(&self) -> Vec<TableShape> {
        self.tables.clone()
    }

    /// Where a turn of that reign leads.
    pub(super) fn after(position: Position, turn: &Turn) -> Position {
        Position { turn: turn.number, ..position }
    }
}
