//! Finds out which rows a turn has changed.
//!
//! SQLite tells which rows of a table with a number as its key are inserted and updated: that costs next to nothing. It does
//! not tell of all rows that are deleted, nor of tables with other keys. Their keys are noted by triggers of the connection
//! itself, those of cascades and replacements among them. They and their tables are in memory and vanish with the connection.
//! Of a change that is rolled back, the row may stay noted: it is then found as it was.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    written: Arc<Mutex<Written>>,
}

/// What was written since it was last forgotten.
#[derive(Debug, Default)]
struct Written {
    /// Which table it is, by its name and by that of the table of its noted keys.
    places: HashMap<String, usize>,
    tables: Vec<WrittenTable>,
}

#[derive(Debug, Default)]
struct WrittenTable {
    /// The rows that were inserted and updated, if their key is a number.
    ids: BTreeSet<i64>,
    /// Whether triggers have noted keys.
    has_noted: bool,
}

impl Written {
    fn note(&mut self, database: &str, table: &str, id: i64) {
        let Some(table) = self.places.get(table).and_then(|at| self.tables.get_mut(*at)) else {
            return;
        };
        if database == "main" {
            table.ids.insert(id);
        } else {
            table.has_noted = true;
        }
    }
}

#[derive(Debug)]
struct RecordedTable {
    shape: TableShape,
    /// Whether its key is SQLite's own number of the row, so that SQLite tells which one is written.
    is_by_id: bool,
    select: String,
    noted_ids: String,
    clear: String,
}

impl Recorder {
    /// Begins to note what is changed.
    pub(super) fn attach(
        connection: &mut Connection,
        shapes: &[TableShape],
    ) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // The rows that a REPLACE removes are noted, too.
        connection.pragma_update(None, "recursive_triggers", true)?;
        let mut tables = Vec::new();
        let mut places = HashMap::new();
        for shape in shapes.iter().filter(|shape| shape.is_in_turns()) {
            let table = RecordedTable::new(shape, has_row_numbers(connection, &shape.name)?);
            connection.execute_batch(&table.triggers())?;
            if table.is_by_id {
                places.insert(shape.name.clone(), tables.len());
            }
            places.insert(table.noted(), tables.len());
            tables.push(table);
        }
        let empty = tables.iter().map(|_| WrittenTable::default()).collect();
        let written = Arc::new(Mutex::new(Written { places, tables: empty }));
        let noting = Arc::clone(&written);
        connection.update_hook(Some(move |_, database: &str, table: &str, id| {
            lock(&noting).note(database, table, id);
        }))?;
        Ok(Self { tables, written })
    }

    /// What was changed since [`Self::clear`].
    pub(super) fn changes(&self, connection: &Connection) -> rusqlite::Result<TurnChanges> {
        let mut tables = Vec::new();
        for (at, table) in self.tables.iter().enumerate() {
            let (mut ids, has_noted) = self.written_in(at);
            let changes = match table.is_by_id {
                true => {
                    if has_noted {
                        ids.extend(table.noted_ids(connection)?);
                    }
                    table.changes_of(connection, &ids)?
                }
                false if has_noted => table.changes(connection)?,
                false => continue,
            };
            if !changes.rows.is_empty() || !changes.gone.is_empty() {
                tables.push(changes);
            }
        }
        Ok(TurnChanges { tables })
    }

    /// Forgets what was noted.
    pub(super) fn clear(&self, connection: &Connection) -> rusqlite::Result<()> {
        for (at, table) in self.tables.iter().enumerate() {
            if self.written_in(at).1 {
                connection.prepare_cached(&table.clear)?.execute([])?;
            }
        }
        lock(&self.written).tables.iter_mut().for_each(|it| *it = WrittenTable::default());
        Ok(())
    }

    /// The rows of that table that were written, and whether triggers have noted others.
    fn written_in(&self, at: usize) -> (BTreeSet<i64>, bool) {
        let written = lock(&self.written);
        let table = written.tables.get(at);
        table.map(|table| (table.ids.clone(), table.has_noted)).unwrap_or_default()
    }
}

fn lock(written: &Mutex<Written>) -> MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether SQLite has a number for each row of that table.
fn has_row_numbers(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    connection.query_row(sql, [table], |row| row.get(0))
}

impl RecordedTable {
    fn new(shape: &TableShape, has_row_numbers: bool) -> Self {
        let keys: Vec<String> = shape.keys().map(|key| quoted(&key.name)).collect();
        let are_numbers = shape.keys().all(|key| key.of == ColumnType::Integer);
        let is_by_id = has_row_numbers && keys.len() == 1 && are_numbers;
        let mut table = Self {
            shape: shape.clone(),
            is_by_id,
            select: String::new(),
            noted_ids: String::new(),
            clear: String::new(),
        };
        let noted = quoted(&table.noted());
        let columns = shape.columns.iter().map(|column| format!("t.{}", quoted(&column.name)));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let main = quoted(&shape.name);
        table.select = if is_by_id {
            format!("SELECT {columns} FROM main.{main} t WHERE t.{} = ?1", keys[0])
        } else {
            let noted_keys: Vec<String> = keys.iter().map(|key| format!("c.{key}")).collect();
            let are_same: Vec<String> =
                keys.iter().map(|key| format!("t.{key} = c.{key}")).collect();
            format!(
                "SELECT t.{} IS NOT NULL, {}, {columns} FROM temp.{noted} c LEFT JOIN main.{main} t ON {}",
                keys[0],
                noted_keys.join(", "),
                are_same.join(" AND "),
            )
        };
        table.noted_ids = format!("SELECT {} FROM temp.{noted}", keys[0]);
        table.clear = format!("DELETE FROM temp.{noted}");
        table
    }

    /// The table of the noted keys.
    fn noted(&self) -> String {
        format!("changed_{}", self.shape.name)
    }

    fn triggers(&self) -> String {
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
        let (noted, table) = (quoted(&self.noted()), quoted(&self.shape.name));
        let mut sql = format!(
            "CREATE TABLE temp.{noted} ({}, PRIMARY KEY ({}));\n",
            defined.join(", "),
            keys.join(", ")
        );
        let of_keys = format!("UPDATE OF {}", keys.join(", "));
        let mut events = vec![("DELETE", "OLD"), (&*of_keys, "OLD"), (&*of_keys, "NEW")];
        if !self.is_by_id {
            events.extend([("INSERT", "NEW"), ("UPDATE", "NEW")]);
        }
        for (number, (event, row)) in events.into_iter().enumerate() {
            let trigger = quoted(&format!("{}_{number}", self.noted()));
            let values: Vec<String> = keys.iter().map(|key| format!("{row}.{key}")).collect();
            // How a conflict is resolved is otherwise up to the statement that fires the trigger.
            sql.push_str(&format!(
                "CREATE TEMP TRIGGER {trigger} AFTER {event} ON main.{table} BEGIN
                     INSERT INTO {noted} VALUES ({}) ON CONFLICT DO NOTHING;
                 END;\n",
                values.join(", "),
            ));
        }
        sql
    }

    /// The keys that triggers have noted, if they are numbers.
    fn noted_ids(&self, connection: &Connection) -> rusqlite::Result<Vec<i64>> {
        let mut statement = connection.prepare_cached(&self.noted_ids)?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    /// The rows with these numbers, as they are now.
    fn changes_of(
        &self,
        connection: &Connection,
        ids: &BTreeSet<i64>,
    ) -> rusqlite::Result<TableChanges> {
        let mut changes = self.no_changes();
        if ids.is_empty() {
            return Ok(changes);
        }
        let width = changes.columns.len();
        let mut statement = connection.prepare_cached(&self.select)?;
        for id in ids {
            let mut rows = statement.query([id])?;
            match rows.next()? {
                Some(row) => changes.rows.push(cells(row, 0..width)?),
                None => changes.gone.push(vec![Cell::Integer(*id)]),
            }
        }
        Ok(changes)
    }

    /// The rows with the noted keys, as they are now.
    fn changes(&self, connection: &Connection) -> rusqlite::Result<TableChanges> {
        let mut changes = self.no_changes();
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

    fn no_changes(&self) -> TableChanges {
        let names = |is_key: bool| {
            let columns = self.shape.columns.iter().filter(move |it| it.is_key || !is_key);
            columns.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        TableChanges {
            table: self.shape.name.clone(),
            rows: Vec::new(),
            gone: Vec::new(),
            columns: names(false),
            keys: names(true),
        }
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
        CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;
        INSERT INTO room VALUES (1, 'tea'), (2, 'den');
        INSERT INTO person VALUES (1, 'ann', x'00'), (2, 'bob', NULL);
        INSERT INTO nick VALUES ('a', 'x', 1, 7), ('b', 'y', 1, 8), ('c', 'z', 2, 9);
    ";

    /// What these statements change, in a few words: `person +1 -2`.
    fn changes_of(sql: &str) -> String {
        let mut connection = Connection::open_in_memory().expect("opens");
        connection.pragma_update(None, "foreign_keys", true).expect("works");
        connection.execute_batch(TABLES).expect("works");
        let shapes = read_shapes(&connection).expect("reads");
        let recorder = Recorder::attach(&mut connection, &shapes).expect("works");
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
            // The rows are as they were, and what was not there is not there.
            ("BEGIN; DELETE FROM person; ROLLBACK", "person +1,ann,[0] +2,bob,NULL"),
            ("BEGIN; UPDATE room SET name = 'x' WHERE id = 1; ROLLBACK", "room +1,tea"),
            ("BEGIN; INSERT INTO room VALUES (7, 'x'); ROLLBACK", "room -7"),
            ("INSERT OR REPLACE INTO room VALUES (3, 'tea')", "room +3,tea -1"),
            ("UPDATE OR REPLACE room SET name = 'tea' WHERE id = 2", "room +2,tea -1"),
            ("UPDATE room SET id = 9 WHERE id = 2", "room +9,den -2"),
            ("DELETE FROM room", "room -1 -2"),
            (
                "UPDATE OR ABORT room SET name = 'a' WHERE id = 1; UPDATE OR ABORT room SET name = 'b' WHERE id = 1",
                "room +1,b",
            ),
            (
                "INSERT OR ABORT INTO nick VALUES ('d', 'd', 1, 1); UPDATE OR FAIL nick SET n = 2 WHERE network = 'd'",
                "nick +d,d,1,2",
            ),
            (
                "BEGIN; DELETE FROM nick; DELETE FROM person WHERE id = 1; COMMIT",
                "nick -a,x -b,y -c,z person -1",
            ),
        ] {
            assert_eq!(changes_of(sql), changes, "{sql}");
        }
    }
}
