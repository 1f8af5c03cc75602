//! The tables of the store, read from the schema of the local copy, so that no statement is written twice.

use std::fmt::Write;

use rusqlite::Connection;

use super::sql::quoted;

/// The table that says how far a local copy is, and belongs to no other.
pub(super) const REPLICA: &str = "replica";

/// The revoked links.
pub(super) const REVOCATION: &str = "revocation";

/// What was ordered to be taken out of the archives.
pub(super) const REDACTION: &str = "redaction";

/// The tables that any program may add to, and that no turn writes: see `additions`.
const OPEN_TABLES: [&str; 2] = [REVOCATION, REDACTION];

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableShape {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) of: ColumnType,
    /// Whether it is part of the primary key.
    pub(super) is_key: bool,
}

/// What a column holds, besides NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Integer,
    Text,
    Blob,
}

impl ColumnType {
    /// The type in PostgreSQL. Text is compared by its bytes there, as SQLite does.
    pub(super) fn in_postgres(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Blob => "bytea",
        }
    }
}

impl TableShape {
    /// The columns of the primary key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_key)
    }

    /// Whether turns write it.
    pub(super) fn is_in_turns(&self) -> bool {
        !OPEN_TABLES.contains(&self.name.as_str())
    }

    /// Its name in PostgreSQL.
    pub(super) fn in_postgres(&self) -> String {
        format!("letsbridge.{}", quoted(&self.name))
    }

    /// Makes the table in PostgreSQL, or adds the columns that it lacks there.
    pub(super) fn create(&self) -> String {
        let define = |column: &Column| {
            let collation = if column.of == ColumnType::Text { " COLLATE \"C\"" } else { "" };
            format!("{} {}{collation}", quoted(&column.name), column.of.in_postgres())
        };
        let columns: Vec<String> = self.columns.iter().map(define).collect();
        let keys: Vec<String> = self.keys().map(|column| quoted(&column.name)).collect();
        let table = self.in_postgres();
        let mut sql = format!(
            "CREATE TABLE IF NOT EXISTS {table} ({}, PRIMARY KEY ({}));\n",
            columns.join(", "),
            keys.join(", ")
        );
        for column in &columns {
            let _ = writeln!(sql, "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column};");
        }
        sql
    }

    /// Writes rows to PostgreSQL: an array for each column, from that parameter on.
    pub(super) fn upsert(&self, first: usize) -> String {
        self.upsert_from(&format!(
            "SELECT * FROM unnest({})",
            parameters(self.columns.iter(), first, "[]")
        ))
    }

    /// Writes one row to PostgreSQL: a value for each column, from that parameter on.
    pub(super) fn upsert_one(&self, first: usize) -> String {
        self.upsert_from(&format!("VALUES ({})", parameters(self.columns.iter(), first, "")))
    }

    fn upsert_from(&self, rows: &str) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        let keys: Vec<String> = self.keys().map(|column| quoted(&column.name)).collect();
        let others = self.columns.iter().filter(|column| !column.is_key);
        let others: Vec<String> = others
            .map(|column| quoted(&column.name))
            .map(|name| format!("{name} = EXCLUDED.{name}"))
            .collect();
        let action = if others.is_empty() {
            "NOTHING".to_owned()
        } else {
            format!("UPDATE SET {}", others.join(", "))
        };
        format!(
            "INSERT INTO {} ({}) {rows} ON CONFLICT ({}) DO {action}",
            self.in_postgres(),
            names.join(", "),
            keys.join(", "),
        )
    }

    /// Removes rows from PostgreSQL: an array for each column of the key, from that parameter on.
    pub(super) fn delete(&self, first: usize) -> String {
        let keys: Vec<String> = self.keys().map(|column| quoted(&column.name)).collect();
        let are_same: Vec<String> = keys.iter().map(|key| format!("t.{key} = k.{key}")).collect();
        format!(
            "DELETE FROM {} AS t USING unnest({}) AS k ({}) WHERE {}",
            self.in_postgres(),
            parameters(self.keys(), first, "[]"),
            keys.join(", "),
            are_same.join(" AND "),
        )
    }

    /// Reads all rows, of either database.
    pub(super) fn select(&self, table: &str) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        format!("SELECT {} FROM {table}", names.join(", "))
    }
}

/// A parameter for each column, with its type and `of` it.
fn parameters<'c>(columns: impl Iterator<Item = &'c Column>, first: usize, of: &str) -> String {
    let typed = |(at, column): (usize, &Column)| {
        format!("${}::{}{of}", at + first, column.of.in_postgres())
    };
    columns.enumerate().map(typed).collect::<Vec<_>>().join(", ")
}

/// The tables of the store, by name.
pub(super) fn read_shapes(connection: &Connection) -> rusqlite::Result<Vec<TableShape>> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name <> ?1 ORDER BY name",
    )?;
    let names = statement.query_map([REPLICA], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    let mut columns =
        connection.prepare("SELECT name, type, pk > 0 FROM pragma_table_info(?1) ORDER BY cid")?;
    let mut shapes = Vec::new();
    for name in names {
        let rows = columns.query_map([&name], |row| {
            let of = match row.get_ref(1)?.as_str()? {
                "INTEGER" => ColumnType::Integer,
                "BLOB" => ColumnType::Blob,
                _ => ColumnType::Text,
            };
            Ok(Column { name: row.get(0)?, of, is_key: row.get(2)? })
        })?;
        let columns = rows.collect::<Result<_, _>>()?;
        shapes.push(TableShape { name, columns });
    }
    Ok(shapes)
}

#[cfg(test)]
mod tests {
    use super::super::super::schema;
    use super::*;

    #[test]
    fn each_table_has_a_key_and_known_types() {
        let mut connection = Connection::open_in_memory().expect("opens");
        schema::create(&mut connection).expect("works");
        let shapes = read_shapes(&connection).expect("reads");
        let names: Vec<_> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        assert!(names.contains(&"message") && names.contains(&"unheard"), "{names:?}");
        assert!(!names.contains(&REPLICA), "{names:?}");
        for shape in &shapes {
            assert!(shape.keys().count() > 0, "{}", shape.name);
            // In an ordinary table of SQLite, a key of several columns may have NULLs, which PostgreSQL refuses.
            for key in shape.keys() {
                let sql = "SELECT type || CASE WHEN \"notnull\" OR type = 'INTEGER' THEN '' ELSE ' NULL' END
                           FROM pragma_table_info(?1) WHERE name = ?2";
                let of: String = connection
                    .query_row(sql, [&shape.name, &key.name], |row| row.get(0))
                    .expect("reads");
                assert!(["INTEGER", "TEXT", "BLOB"].contains(&&*of), "{} {of}", shape.name);
            }
        }
    }

    #[test]
    fn statements_follow_from_the_shape() {
        let column = |name: &str, of, is_key| Column { name: name.to_owned(), of, is_key };
        let shape = TableShape {
            name: "nick".to_owned(),
            columns: vec![
                column("user", ColumnType::Text, true),
                column("own", ColumnType::Integer, true),
                column("secret", ColumnType::Blob, false),
            ],
        };
        assert!(shape.create().starts_with(
            "CREATE TABLE IF NOT EXISTS letsbridge.\"nick\" (\"user\" text COLLATE \"C\", \"own\" bigint, \
             \"secret\" bytea, PRIMARY KEY (\"user\", \"own\"));"
        ));
        assert_eq!(
            shape.upsert(1),
            "INSERT INTO letsbridge.\"nick\" (\"user\", \"own\", \"secret\") SELECT * FROM \
             unnest($1::text[], $2::bigint[], $3::bytea[]) ON CONFLICT (\"user\", \"own\") DO UPDATE SET \
             \"secret\" = EXCLUDED.\"secret\""
        );
        assert_eq!(
            shape.upsert_one(4),
            "INSERT INTO letsbridge.\"nick\" (\"user\", \"own\", \"secret\") VALUES \
             ($4::text, $5::bigint, $6::bytea) ON CONFLICT (\"user\", \"own\") DO UPDATE SET \
             \"secret\" = EXCLUDED.\"secret\""
        );
        assert_eq!(
            shape.delete(7),
            "DELETE FROM letsbridge.\"nick\" AS t USING unnest($7::text[], $8::bigint[]) AS k (\"user\", \
             \"own\") WHERE t.\"user\" = k.\"user\" AND t.\"own\" = k.\"own\""
        );
    }
}
