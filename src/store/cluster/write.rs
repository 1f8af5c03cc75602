//! Writes a turn to PostgreSQL: one transaction, one round trip.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::LocalBoxFuture;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement};

use super::changes::TurnChanges;
use super::error::PostgresError;
use super::local::Position;
use super::rows::{Parameter, parameters};
use super::session::Session;
use super::shape::TableShape;

/// A turn that is to be committed.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) number: i64,
    pub(super) changes: TurnChanges,
    /// The changes as the others read them.
    pub(super) encoded: Vec<u8>,
}

impl Turn {
    /// The turn with this number.
    pub(super) fn new(number: i64, changes: TurnChanges) -> Self {
        let encoded = changes.encode();
        Self { number, changes, encoded }
    }
}

const FENCE: &str = "SELECT letsbridge.fence($1, $2, $3)";
const NOTE: &str = "INSERT INTO letsbridge.change (turn, epoch, rows) VALUES ($1, $2, $3)";

/// The statements that write turns.
#[derive(Debug)]
pub(super) struct TurnWriter {
    tables: HashMap<String, TableStatements>,
}

#[derive(Debug)]
struct TableStatements {
    shape: TableShape,
    upsert: String,
    delete: String,
}

/// A statement and its parameters.
type Call<'r> = (Statement, Vec<Parameter<'r>>);

impl TurnWriter {
    pub(super) fn new(shapes: &[TableShape]) -> Self {
        let statements = |shape: &TableShape| TableStatements {
            shape: shape.clone(),
            upsert: shape.upsert(),
            delete: shape.delete(),
        };
        let tables = shapes.iter().map(|shape| (shape.name.clone(), statements(shape)));
        Self { tables: tables.collect() }
    }

    /// Prepares all statements.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or has other tables.
    pub(super) async fn prepare(&self, session: &Session) -> Result<(), PostgresError> {
        let written = self.tables.values().filter(|table| table.shape.is_in_turns());
        let written = written.flat_map(|table| [&*table.upsert, &*table.delete]);
        let prepared: Vec<LocalBoxFuture<'_, Result<(), PostgresError>>> = [FENCE, NOTE]
            .into_iter()
            .chain(written)
            .map(|sql| -> LocalBoxFuture<'_, _> {
                Box::pin(async move { session.prepare(sql).await.map(drop) })
            })
            .collect();
        in_order(prepared).await.into_iter().collect()
    }

    /// Commits a turn of that reign.
    ///
    /// # Errors
    /// When PostgreSQL refuses it, or does not answer: then it may be committed or not.
    pub(super) async fn write(
        &self,
        session: &Session,
        epoch: i64,
        turn: &Turn,
    ) -> Result<(), PostgresError> {
        let pid = session.pid();
        let mut calls: Vec<Call<'_>> = Vec::new();
        let fence: Vec<Parameter<'_>> = vec![Box::new(epoch), Box::new(turn.number), Box::new(pid)];
        calls.push((session.prepare(FENCE).await?, fence));
        for changes in &turn.changes.tables {
            let Some(table) = self.tables.get(&changes.table) else { continue };
            if !changes.gone.is_empty() {
                let keys = parameters(&changes.gone, table.shape.keys());
                calls.push((session.prepare(&table.delete).await?, keys));
            }
            if !changes.rows.is_empty() {
                let rows = parameters(&changes.rows, table.shape.columns.iter());
                calls.push((session.prepare(&table.upsert).await?, rows));
            }
        }
        let note: Vec<Parameter<'_>> =
            vec![Box::new(turn.number), Box::new(epoch), Box::new(&turn.encoded)];
        calls.push((session.prepare(NOTE).await?, note));
        session.answer(transaction(session.client(), &calls)).await
    }

    /// The tables, by name.
    #[cfg(test)]
    pub(super) fn shapes(&self) -> Vec<TableShape> {
        let mut shapes: Vec<_> = self.tables.values().map(|table| table.shape.clone()).collect();
        shapes.sort_by(|one, other| one.name.cmp(&other.name));
        shapes
    }

    /// Where a turn of that reign leads.
    pub(super) fn after(position: Position, turn: &Turn) -> Position {
        Position { turn: turn.number, ..position }
    }
}

/// Executes the statements in one transaction. All are sent before the first answer; after the first error, PostgreSQL
/// refuses the rest.
async fn transaction(client: &Client, calls: &[Call<'_>]) -> Result<(), Error> {
    let mut answers: Vec<LocalBoxFuture<'_, Result<(), Error>>> = Vec::new();
    answers.push(Box::pin(client.batch_execute("BEGIN")));
    for (statement, parameters) in calls {
        answers.push(Box::pin(async move {
            let parameters: Vec<&(dyn ToSql + Sync)> =
                parameters.iter().map(|parameter| &**parameter as _).collect();
            client.execute(statement, &parameters).await.map(drop)
        }));
    }
    answers.push(Box::pin(client.batch_execute("COMMIT")));
    in_order(answers).await.into_iter().collect()
}

/// Waits for all, which are begun in their order.
async fn in_order<T>(mut futures: Vec<LocalBoxFuture<'_, T>>) -> Vec<T> {
    let mut outcomes: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, outcome) in futures.iter_mut().zip(&mut outcomes) {
            if outcome.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => *outcome = Some(done),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
