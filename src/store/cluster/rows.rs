//! Rows of the store as PostgreSQL sends and takes them.

use std::borrow::Cow;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::cell::{Cell, escape, unescape};
use super::shape::{Column, ColumnType, TableShape};

/// Reads a row with all columns of the table, in their order.
pub(super) fn read_row(row: &Row, shape: &TableShape) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let cell = |(at, column): (usize, &Column)| {
        Ok(match column.of {
            ColumnType::Integer => row.try_get::<_, Option<i64>>(at)?.map(Cell::Integer),
            ColumnType::Text => {
                row.try_get::<_, Option<String>>(at)?.map(|text| Cell::Text(unescape(text)))
            }
            ColumnType::Blob => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Cell::Blob),
        }
        .unwrap_or(Cell::Null))
    };
    shape.columns.iter().enumerate().map(cell).collect()
}

/// The values of a column of many rows, as a parameter.
pub(super) type Parameter<'r> = Box<dyn ToSql + Sync + 'r>;

/// The values of each column of these rows.
pub(super) fn parameters<'r, 'c>(
    rows: &'r [Vec<Cell>],
    columns: impl Iterator<Item = &'c Column>,
) -> Vec<Parameter<'r>> {
    let parameter = |(at, column): (usize, &Column)| {
        let values = rows.iter().map(move |row| row.get(at).unwrap_or(&Cell::Null));
        let parameter: Parameter<'r> = match column.of {
            ColumnType::Integer => Box::new(values.map(integer).collect::<Vec<_>>()),
            ColumnType::Text => Box::new(values.map(text).collect::<Vec<_>>()),
            ColumnType::Blob => Box::new(values.map(blob).collect::<Vec<_>>()),
        };
        parameter
    };
    columns.enumerate().map(parameter).collect()
}

/// The values of one row.
pub(super) fn row_parameters<'r, 'c>(
    row: &'r [Cell],
    columns: impl Iterator<Item = &'c Column>,
) -> Vec<Parameter<'r>> {
    let parameter = |(cell, column): (&'r Cell, &Column)| -> Parameter<'r> {
        match column.of {
            ColumnType::Integer => Box::new(integer(cell)),
            ColumnType::Text => Box::new(text(cell)),
            ColumnType::Blob => Box::new(blob(cell)),
        }
    };
    row.iter().zip(columns).map(parameter).collect()
}

fn integer(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(*number),
        _ => None,
    }
}

fn text(cell: &Cell) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Text(text) => Some(escape(text)),
        _ => None,
    }
}

fn blob(cell: &Cell) -> Option<&[u8]> {
    match cell {
        Cell::Blob(bytes) => Some(bytes),
        _ => None,
    }
}
