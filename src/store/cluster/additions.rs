//! Rows that any program may add: revoked links, and what is taken out of the archives. They are no part of the turns. Each
//! node asks for the new ones.

use rusqlite::{Connection, params_from_iter};

use super::cell::Cell;
use super::error::PostgresError;
use super::rows::{read_row, row_parameters};
use super::session::Session;
use super::shape::TableShape;
use super::sql::quoted;

/// New rows of a table.
#[derive(Debug)]
pub(super) struct AddedRows {
    shape: TableShape,
    rows: Vec<Vec<Cell>>,
}

impl AddedRows {
    /// Writes them to the local copy, unless they are there.
    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let columns = &self.shape.columns;
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT OR IGNORE INTO main.{} ({}) VALUES ({})",
            quoted(&self.shape.name),
            names.join(", "),
            values.join(", ")
        );
        let mut statement = connection.prepare_cached(&sql)?;
        for row in &self.rows {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

/// Up to which number the rows of each of these tables are known.
#[derive(Debug)]
pub(super) struct Additions(Vec<(TableShape, i64)>);

impl Additions {
    /// What the local copy has.
    pub(super) fn known(shapes: &[TableShape], connection: &Connection) -> rusqlite::Result<Self> {
        let open = shapes.iter().filter(|shape| !shape.is_in_turns());
        let known = open.map(|shape| {
            let sql = format!("SELECT coalesce(max(id), 0) FROM main.{}", quoted(&shape.name));
            let last = connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
            Ok((shape.clone(), last))
        });
        Ok(Self(known.collect::<rusqlite::Result<_>>()?))
    }

    /// Reads what PostgreSQL has beyond that, which is known from then on.
    pub(super) async fn read_new(
        &mut self,
        session: &Session,
    ) -> Result<Vec<AddedRows>, PostgresError> {
        let mut added = Vec::new();
        for (shape, last) in &mut self.0 {
            let sql = shape.select(&shape.in_postgres()) + " WHERE id > $1 ORDER BY id";
            let found = session.query(&sql, &[&*last]).await?;
            let rows: Result<Vec<_>, _> = found.iter().map(|row| read_row(row, shape)).collect();
            let rows = rows.map_err(|error| session.error(&error))?;
            if let Some(Cell::Integer(number)) = rows.last().and_then(|row| row.first()) {
                *last = *number;
                added.push(AddedRows { shape: shape.clone(), rows });
            }
        }
        Ok(added)
    }
}

/// Adds a row to PostgreSQL, with the next number, which is its first column.
pub(super) async fn add(
    session: &Session,
    shape: &TableShape,
    values: &[Cell],
) -> Result<(), PostgresError> {
    let columns = shape.columns.get(1..).unwrap_or_default();
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let typed: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| format!("${}::{}", at + 1, column.of.in_postgres()))
        .collect();
    let table = shape.in_postgres();
    let sql = format!(
        "INSERT INTO {table} (id, {}) SELECT coalesce(max(id), 0) + 1, {} FROM {table}
         ON CONFLICT DO NOTHING RETURNING id",
        names.join(", "),
        typed.join(", ")
    );
    let parameters = row_parameters(values, columns.iter());
    let parameters: Vec<_> = parameters.iter().map(|value| &**value as _).collect();
    loop {
        // Otherwise another program has just taken the number.
        if !session.query(&sql, &parameters).await?.is_empty() {
            return Ok(());
        }
    }
}
