//! Finds out which rows a turn has changed.
//!
//! Triggers of the connection itself note the keys of the rows that are written, those of cascades and replacements among
//! them. They and their tables are in memory and vanish with the connection. They are part of the transaction: what is
//! rolled back is not noted.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row};

use super::cell::Cell;
use super::changes::{TableChanges, TurnChanges};
use super::shape::{ColumnType, TableShape};
use super::sql::quoted;

/// Notes what is changed on a connection.
#[derive(Debug)]
pub(super) struct Recorder {
    tables: Vec<RecordedTable>,
    /// Asks of each table, in that order, whether anything was noted.
    has_changed: String,
}

#[derive(Debug)]
struct RecordedTable {
    shape: TableShape,
    select: String,
    clear: String,
}

impl Recorder {
    /// Begins to note what is changed.
    pub(super) fn attach(connection: &Connection, shapes: &[TableShape]) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // The rows that a REPLACE removes are noted, too.
        connection.pragma_update(None, "recursive_triggers", true)?;
        let shapes = shapes.iter().filter(|shape| shape.is_in_turns());
        let tables: Vec<_> = shapes.map(RecordedTable::new).collect();
        for table in &tables {
            connection.execute_batch(&table.triggers())?;
        }
        let exists = |table: &RecordedTable| format!("EXISTS (SELECT 1 FROM {})", table.noted());
        let exists: Vec<_> = tables.iter().map(exists).collect();
        Ok(Self { tables, has_changed: format!("SELECT {}", exists.join(", ")) })
    }

    /// What was changed since [`Self::clear`].
    pub(super) fn changes(&self, connection: &Connection) -> rusqlite::Result<TurnChanges> {
        let mut tables = Vec::new();
        for table in self.changed(connection)? {
            tables.push(table.changes(connection)?);
        }
        Ok(TurnChanges { tables })
    }

    /// Forgets what was noted.
    pub(super) fn clear(&self, connection: &Connection) -> rusqlite::Result<()> {
        for table in self.changed(connection)? {
            connection.prepare_cached(&table.clear)?.execute([])?;
        }
        Ok(())
    }

    fn changed(&self, connection: &Connection) -> rusqlite::Result<Vec<&RecordedTable>> {
        let mut statement = connection.prepare_cached(&self.has_changed)?;
        statement.query_row([], |row| {
            let mut changed = Vec::new();
            for (at, table) in self.tables.iter().enumerate() {
                if row.get(at)? {
                    changed.push(table);
                }
            }
            Ok(changed)
        })
    }
}

impl RecordedTable {
    fn new(shape: &TableShape) -> Self {
        let mut table = Self { shape: shape.clone(), select: String::new(), clear: String::new() };
        let keys: Vec<String> = shape.keys().map(|key| quoted(&key.name)).collect();
        let noted_keys: Vec<String> = keys.iter().map(|key| format!("c.{key}")).collect();
        let are_same: Vec<String> = keys.iter().map(|key| format!("t.{key} = c.{key}")).collect();
        let columns = shape.columns.iter().map(|column| format!("t.{}", quoted(&column.name)));
        table.select = format!(
            "SELECT t.{} IS NOT NULL, {}, {} FROM {} c LEFT JOIN main.{} t ON {}",
            keys[0],
            noted_keys.join(", "),
            columns.collect::<Vec<_>>().join(", "),
            table.noted(),
            quoted(&shape.name),
            are_same.join(" AND "),
        );
        table.clear = format!("DELETE FROM {}", table.noted());
        table
    }

    /// The table of the noted keys.
    fn noted(&self) -> String {
        format!("temp.{}", quoted(&format!("changed_{}", self.shape.name)))
    }

    fn triggers(&self) -> String {
        let name = &self.shape.name;
        let keys: Vec<String> = self.shape.keys().map(|key| quoted(&key.name)).collect();
        let define = |(key, of): (&String, ColumnType)| {
            let of = match of {
                ColumnType::Integer => "INTEGER",
                ColumnType::Text => "TEXT",
                ColumnType::Blob => "BLOB",
            };
            format!("{key} {of}")
        };
        let types = self.shape.keys().map(|key| key.of);
        let defined: Vec<String> = keys.iter().zip(types).map(define).collect();
        let mut sql = format!(
            "CREATE TABLE {} ({}, PRIMARY KEY ({})) WITHOUT ROWID;\n",
            self.noted(),
            defined.join(", "),
            keys.join(", ")
        );
        for (event, rows) in
            [("INSERT", &["NEW"][..]), ("UPDATE", &["OLD", "NEW"]), ("DELETE", &["OLD"])]
        {
            let trigger = quoted(&format!("changed_{name}_{event}"));
            let table = quoted(name);
            sql.push_str(&format!(
                "CREATE TEMP TRIGGER {trigger} AFTER {event} ON main.{table} BEGIN\n"
            ));
            for row in rows {
                let values: Vec<String> = keys.iter().map(|key| format!("{row}.{key}")).collect();
                let noted = quoted(&format!("changed_{name}"));
                let is_noted: Vec<String> =
                    keys.iter().map(|key| format!("{key} = {row}.{key}")).collect();
                // Without a conflict: how one is resolved is up to the statement that fires the trigger.
                sql.push_str(&format!(
                    "INSERT INTO {noted} SELECT {} WHERE NOT EXISTS (SELECT 1 FROM {noted} WHERE {});\n",
                    values.join(", "),
                    is_noted.join(" AND "),
                ));
            }
            sql.push_str("END;\n");
        }
        sql
    }

    fn changes(&self, connection: &Connection) -> rusqlite::Result<TableChanges> {
        let names = |is_key: bool| {
            let columns = self.shape.columns.iter().filter(move |it| it.is_key || !is_key);
            columns.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        let (columns, keys) = (names(false), names(true));
        let mut changes = TableChanges {
            table: self.shape.name.clone(),
            rows: Vec::new(),
            gone: Vec::new(),
            columns,
            keys,
        };
        let after_keys = 1 + changes.keys.len();
        let mut statement = connection.prepare_cached(&self.select)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if row.get(0)? {
                let width = changes.columns.len();
                changes.rows.push(cells(row, after_keys..after_keys + width)?);
            } else {
                changes.gone.push(cells(row, 1..after_keys)?);
            }
        }
        Ok(changes)
    }
}

/// The values of some columns of a row.
pub(super) fn cells(row: &Row<'_>, columns: std::ops::Range<usize>) -> rusqlite::Result<Vec<Cell>> {
    let cell = |at| {
        let value = row.get_ref(at)?;
        let wrong = |error: FromSqlError| {
            rusqlite::Error::FromSqlConversionFailure(at, value.data_type(), Box::new(error))
        };
        Cell::from_sqlite(value).map_err(wrong)
    };
    columns.map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::super::shape::read_shapes;
    use super::*;

    const TABLES: &str = "
        CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, face BLOB) STRICT;
        CREATE TABLE nick (
            network TEXT NOT NULL, user TEXT NOT NULL,
            person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE, n INTEGER UNIQUE,
            PRIMARY KEY (network, user)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO person VALUES (1, 'ann', x'00'), (2, 'bob', NULL);
        INSERT INTO nick VALUES ('a', 'x', 1, 7), ('b', 'y', 1, 8), ('c', 'z', 2, 9);
    ";

    /// What these statements change, in a few words: `person +1 -2`.
    fn changes_of(sql: &str) -> String {
        let connection = Connection::open_in_memory().expect("opens");
        connection.pragma_update(None, "foreign_keys", true).expect("works");
        connection.execute_batch(TABLES).expect("works");
        let shapes = read_shapes(&connection).expect("reads");
        let recorder = Recorder::attach(&connection, &shapes).expect("works");
        connection.execute_batch(sql).expect("works");
        let changes = recorder.changes(&connection).expect("reads");
        recorder.clear(&connection).expect("works");
        assert_eq!(recorder.changes(&connection).expect("reads"), TurnChanges::default());
        let mut words = Vec::new();
        for table in changes.tables {
            words.push(table.table);
            let word = |cell: &Cell| match cell {
                Cell::Null => "NULL".to_owned(),
                Cell::Integer(number) => number.to_string(),
                Cell::Text(text) => text.escape_default().to_string(),
                Cell::Blob(blob) => format!("{blob:x?}"),
            };
            let row = |row: &Vec<Cell>| row.iter().map(word).collect::<Vec<_>>().join(",");
            words.extend(table.rows.iter().map(|it| format!("+{}", row(it))));
            words.extend(table.gone.iter().map(|it| format!("-{}", row(it))));
        }
        words.join(" ")
    }

    #[test]
    fn changed_rows_and_keys_of_those_that_are_gone_are_found() {
        for (sql, changes) in [
            ("SELECT 1", ""),
            ("INSERT INTO person VALUES (3, 'eve', x'fF00')", "person +3,eve,[ff, 0]"),
            ("UPDATE person SET name = 'a' || char(0) WHERE id = 1", "person +1,a\\u{0},[0]"),
            ("UPDATE person SET face = NULL WHERE id = 1", "person +1,ann,NULL"),
            (
                "UPDATE person SET id = 5 WHERE id = 2 AND 0; UPDATE person SET name = name WHERE 0",
                "",
            ),
            ("DELETE FROM person WHERE id = 1", "nick -a,x -b,y person -1"),
            ("UPDATE nick SET user = 'q' WHERE network = 'c'", "nick +c,q,2,9 -c,z"),
            ("INSERT OR REPLACE INTO nick VALUES ('c', 'z', 1, 1)", "nick +c,z,1,1"),
            ("INSERT OR REPLACE INTO nick VALUES ('d', 'd', 1, 7)", "nick +d,d,1,7 -a,x"),
            ("UPDATE OR REPLACE nick SET n = 7 WHERE network = 'c'", "nick +c,z,2,7 -a,x"),
            (
                "INSERT INTO nick VALUES ('c', 'z', 1, 1) ON CONFLICT DO UPDATE SET n = 3",
                "nick +c,z,2,3",
            ),
            (
                "INSERT INTO person VALUES (3, 'eve', NULL); DELETE FROM person WHERE id = 3",
                "person -3",
            ),
            ("BEGIN; DELETE FROM person; ROLLBACK", ""),
            (
                "BEGIN; DELETE FROM nick; DELETE FROM person WHERE id = 1; COMMIT",
                "nick -a,x -b,y -c,z person -1",
            ),
        ] {
            assert_eq!(changes_of(sql), changes, "{sql}");
        }
    }
}
