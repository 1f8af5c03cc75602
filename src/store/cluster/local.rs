//! The local copy of what PostgreSQL holds: how far it is, and how changes are written to it.

use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::changes::{TableChanges, TurnChanges};
use super::sql::quoted;

/// A point in the history of the store: the turns are numbered, and each belongs to the reign of an active node. Two
/// histories with the same turn in the same reign are the same up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) epoch: i64,
    pub(super) turn: i64,
}

/// Of which store a local copy is, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyMark {
    pub(super) cluster: String,
    pub(super) position: Position,
}

/// A turn that no history has: the copy must be made anew.
const NOWHERE: i64 = -1;

/// Of what this is a copy; `None` for the store of a bridge that runs alone.
pub(super) fn read_mark(connection: &Connection) -> rusqlite::Result<Option<CopyMark>> {
    let mut statement = connection.prepare_cached("SELECT cluster, epoch, turn FROM replica")?;
    let mark = statement.query_row([], |row| {
        let position = Position { epoch: row.get(1)?, turn: row.get(2)? };
        Ok(CopyMark { cluster: row.get(0)?, position })
    });
    mark.optional()
}

/// Records of what this is a copy.
pub(super) fn write_mark(connection: &Connection, mark: &CopyMark) -> rusqlite::Result<()> {
    let CopyMark { cluster, position } = mark;
    let sql = "INSERT INTO replica (id, cluster, epoch, turn) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET cluster = ?1, epoch = ?2, turn = ?3";
    connection.prepare_cached(sql)?.execute(params![cluster, position.epoch, position.turn])?;
    Ok(())
}

/// Records how far the copy is.
pub(super) fn write_position(connection: &Connection, position: Position) -> rusqlite::Result<()> {
    let sql = "UPDATE replica SET epoch = ?1, turn = ?2";
    connection.prepare_cached(sql)?.execute(params![position.epoch, position.turn])?;
    Ok(())
}

/// Records that the copy is ahead of PostgreSQL, and must be made anew if the program ends now.
pub(super) fn mark_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE replica SET turn = ?1", [NOWHERE]).map(drop)
}

/// Writes the changes of a turn. Foreign keys must be off: the rows that cascades remove are among the changes.
pub(super) fn apply(connection: &Connection, changes: &TurnChanges) -> rusqlite::Result<()> {
    for table in &changes.tables {
        apply_to_table(connection, table)?;
    }
    Ok(())
}

fn apply_to_table(connection: &Connection, changes: &TableChanges) -> rusqlite::Result<()> {
    let TableChanges { table, columns, keys, rows, gone } = changes;
    let is_key = |(at, key): (usize, &String)| format!("{} = ?{}", quoted(key), at + 1);
    let are_keys: Vec<String> = keys.iter().enumerate().map(is_key).collect();
    let delete = format!("DELETE FROM main.{} WHERE {}", quoted(table), are_keys.join(" AND "));
    let mut delete = connection.prepare_cached(&delete)?;
    for key in gone {
        delete.execute(params_from_iter(key))?;
    }
    // All old rows first: among the new ones, two may have exchanged what must be unique.
    let places = keys.iter().filter_map(|key| columns.iter().position(|column| column == key));
    let places: Vec<usize> = places.collect();
    for row in rows {
        delete.execute(params_from_iter(places.iter().map(|at| &row[*at])))?;
    }
    let mut insert = connection.prepare_cached(&insert(table, columns))?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// Inserts a row into a table of SQLite.
pub(super) fn insert(table: &str, columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let values: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    format!(
        "INSERT INTO main.{} ({}) VALUES ({})",
        quoted(table),
        names.join(", "),
        values.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::recorder::Recorder;
    use super::super::shape::read_shapes;
    use super::*;

    const TABLES: &str = "
        CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;
        CREATE TABLE line (id INTEGER PRIMARY KEY, person INTEGER REFERENCES person(id) ON DELETE CASCADE) STRICT;
        INSERT INTO person VALUES (1, 'ann'), (2, 'bob');
        INSERT INTO line VALUES (1, 1), (2, 2);
    ";

    fn contents(connection: &Connection) -> String {
        let sql = "SELECT (SELECT group_concat(id || name) FROM person) || ' '
                   || coalesce((SELECT group_concat(id || ':' || person) FROM line), '')";
        connection.query_row(sql, [], |row| row.get(0)).expect("reads")
    }

    #[test]
    fn copy_is_like_the_original_after_each_turn() {
        let open = || {
            let connection = Connection::open_in_memory().expect("opens");
            connection.execute_batch(TABLES).expect("works");
            connection
        };
        let (mut original, copy) = (open(), open());
        original.pragma_update(None, "foreign_keys", true).expect("works");
        copy.pragma_update(None, "foreign_keys", false).expect("works");
        let shapes = read_shapes(&original).expect("reads");
        let recorder = Recorder::attach(&mut original, &shapes).expect("works");
        for turn in [
            "INSERT INTO line VALUES (3, 1); UPDATE person SET name = 'eve' WHERE id = 1",
            "UPDATE person SET name = name || '!'",
            "UPDATE person SET name = 'x' WHERE id = 1; UPDATE person SET name = 'eve!' WHERE id = 2;
             UPDATE person SET name = 'bob!' WHERE id = 1",
            "DELETE FROM person WHERE id = 1",
        ] {
            original.execute_batch(turn).expect("works");
            apply(&copy, &recorder.changes(&original).expect("reads")).expect("works");
            recorder.clear(&original).expect("works");
            assert_eq!(contents(&copy), contents(&original), "{turn}");
        }
    }
}
