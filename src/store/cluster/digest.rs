//! A digest of a table, which is the same for the same rows in any order.

use data_encoding::HEXLOWER;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::cell::Cell;
use super::changes::put_cell;
use super::meter::CopyMeter;
use super::recorder::cells;
use super::shape::TableShape;
use super::sql::quoted;

/// What was copied, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySummary {
    /// The tables, in the order of their names.
    pub tables: Vec<CopiedTable>,
    /// The files beside the database that were copied, too: keys for instance.
    pub files: Vec<String>,
}

/// A table that is the same here and there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// A digest of them all, in hexadecimal digits: the same here and there.
    pub digest: String,
}

/// Counts rows and adds up their digests.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct TableDigest {
    rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &[Cell]) {
        let mut bytes = Vec::new();
        row.iter().for_each(|cell| put_cell(&mut bytes, cell));
        let digest = Sha256::digest(&bytes);
        for (sum, part) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let part = u64::from_be_bytes(std::array::from_fn(|at| part[at]));
            *sum = sum.wrapping_add(part);
        }
        self.rows += 1;
    }

    /// The digest of the table with this name.
    pub(super) fn named(&self, name: &str) -> CopiedTable {
        let bytes: Vec<u8> = self.sum.iter().flat_map(|part| part.to_be_bytes()).collect();
        CopiedTable { name: name.to_owned(), rows: self.rows, digest: HEXLOWER.encode(&bytes) }
    }
}

/// The digests of the tables in the local copy.
pub(super) fn local_digests(
    connection: &Connection,
    shapes: &[TableShape],
    meter: &mut CopyMeter,
) -> rusqlite::Result<Vec<CopiedTable>> {
    let digest = |shape: &TableShape| {
        let mut digest = TableDigest::default();
        let sql = shape.select(&format!("main.{}", quoted(&shape.name)));
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            digest.add(&cells(row, 0..shape.columns.len())?);
            meter.count();
        }
        Ok(digest.named(&shape.name))
    };
    shapes.iter().map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_each_value_and_not_on_the_order() {
        let row = |name: &str, n| vec![Cell::Text(name.to_owned()), Cell::Integer(n)];
        let digest = |rows: &[Vec<Cell>]| {
            let mut digest = TableDigest::default();
            rows.iter().for_each(|row| digest.add(row));
            digest.named("t")
        };
        let both = digest(&[row("ann", 1), row("bob", 2)]);
        assert_eq!(both, digest(&[row("bob", 2), row("ann", 1)]));
        assert_eq!(both.rows, 2);
        for other in
            [&[row("ann", 1)][..], &[row("ann", 2), row("bob", 1)], &[row("ann", 1), row("bo", 2)]]
        {
            assert_ne!(both.digest, digest(other).digest);
        }
        assert_ne!(
            digest(&[vec![Cell::Null]]).digest,
            digest(&[vec![Cell::Text(String::new())]]).digest
        );
    }
}
