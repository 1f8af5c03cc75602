//! The tables of the archive, and the check that a file has them.

use std::path::Path;

use rusqlite::Connection;

use super::ArchiveError;

/// Marks a database as an archive (`PRAGMA application_id`): the letters "LtsA".
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"LtsA");

/// The version of the tables below (`PRAGMA user_version`).
const VERSION: u32 = 1;

/// The bits of a line's number behind its millisecond.
pub(super) const NUMBER_BITS: u32 = 20;

/// The number of a line rises with time, so that the search finds the newest first without sorting: the millisecond since
/// 1970, and 20 bits that count the lines of that millisecond.
const TABLES: &str = "
    -- Let's Chat's rooms. A room that is renamed is found again by its id.
    CREATE TABLE room (
        id        INTEGER PRIMARY KEY,
        slug      TEXT NOT NULL,
        remote_id TEXT UNIQUE,                       -- NULL until the bridge has joined it
        lines     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX room_slug ON room (slug);

    -- Where something was said: 'libera/#tea', 'letschat/tea'.
    CREATE TABLE place (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    -- Of which places a room has lines, and of which time the bridge has heard some itself.
    CREATE TABLE room_place (
        room        INTEGER NOT NULL REFERENCES room(id),
        place       INTEGER NOT NULL REFERENCES place(id),
        heard_first INTEGER,                         -- numbers of lines
        heard_last  INTEGER,
        PRIMARY KEY (room, place)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE person (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL
    ) STRICT;

    -- By what people are recognised, such as 'user ID', 'nick NETWORK NICK'.
    CREATE TABLE person_key (
        key    TEXT PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES person(id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX person_key_person ON person_key (person);

    -- A person with one of their names. The index of words knows speakers, so that people can be joined later.
    CREATE TABLE speaker (
        id     INTEGER PRIMARY KEY,
        scope  TEXT NOT NULL,                        -- a network, or 'letschat'
        name   TEXT NOT NULL,
        folded TEXT NOT NULL,                        -- the name, to be compared and searched
        person INTEGER NOT NULL REFERENCES person(id)
    ) STRICT;
    CREATE INDEX speaker_name ON speaker (scope, name);
    CREATE INDEX speaker_person ON speaker (person);

    CREATE TABLE speaker_room (
        room    INTEGER NOT NULL REFERENCES room(id),
        speaker INTEGER NOT NULL REFERENCES speaker(id),
        PRIMARY KEY (room, speaker)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE line (
        id        INTEGER PRIMARY KEY,
        digest    INTEGER NOT NULL,                  -- the second half of its address
        twin      INTEGER,                           -- the same in each room that a message was mirrored to
        room      INTEGER NOT NULL REFERENCES room(id),
        place     INTEGER NOT NULL REFERENCES place(id),
        speaker   INTEGER REFERENCES speaker(id),    -- NULL: nobody, or somebody who is forgotten
        kind      INTEGER NOT NULL,
        precision INTEGER NOT NULL,
        epoch     INTEGER,                           -- NULL: imported; else when the ledger was last restored, or 0
        redaction INTEGER REFERENCES redaction(id),
        text      TEXT NOT NULL
    ) STRICT;
    CREATE INDEX line_room ON line (room, id);
    CREATE INDEX line_redaction ON line (redaction) WHERE redaction IS NOT NULL;

    -- How many lines each quarter of an hour has: all time zones begin their days with one.
    CREATE TABLE quarter (
        room    INTEGER NOT NULL REFERENCES room(id),
        quarter INTEGER NOT NULL,                    -- since 1970
        lines   INTEGER NOT NULL,
        PRIMARY KEY (room, quarter)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE redaction (
        id     INTEGER PRIMARY KEY,
        token  INTEGER NOT NULL UNIQUE,              -- of the order in the ledger
        at     INTEGER NOT NULL,
        by     TEXT NOT NULL,
        reason TEXT,
        done   INTEGER NOT NULL DEFAULT 0            -- all of it is taken out here
    ) STRICT;

    -- What must not come back: a line, by a digest of its author and text; or all that somebody said until then, by a
    -- digest of a name or of what they are recognised by.
    CREATE TABLE refused_line (
        room      INTEGER NOT NULL,
        at        INTEGER NOT NULL,                  -- milliseconds
        digest    INTEGER NOT NULL,
        PRIMARY KEY (room, digest, at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE refused_name (
        digest    INTEGER PRIMARY KEY,
        until     INTEGER NOT NULL,                  -- milliseconds
        redaction INTEGER NOT NULL REFERENCES redaction(id)
    ) STRICT;

    -- Imported lines that the bridge had heard itself.
    CREATE TABLE overlap (
        at     INTEGER NOT NULL,                     -- milliseconds
        digest INTEGER NOT NULL,                     -- of the address that the import has for it
        line   INTEGER NOT NULL UNIQUE REFERENCES line(id),
        PRIMARY KEY (at, digest)
    ) STRICT, WITHOUT ROWID;

    -- How far imports are, by a digest of what is imported.
    CREATE TABLE import (
        digest INTEGER PRIMARY KEY,
        last   INTEGER NOT NULL                      -- the time of the last entry, in nanoseconds
    ) STRICT;

    -- How far the ledger is copied; one row.
    CREATE TABLE feed (
        id      INTEGER PRIMARY KEY CHECK (id = 1),
        message INTEGER,                             -- the last one; NULL if it begins with what is heard next
        since   INTEGER NOT NULL DEFAULT 0           -- when it began
    ) STRICT;
    INSERT INTO feed (id) VALUES (1);

    -- The words, by the numbers of lines. What is given to it is cut into words already (`words`).
    CREATE VIRTUAL TABLE word USING fts5(
        text, content = '', columnsize = 0, prefix = '2 3', tokenize = 'ascii'
    );
    INSERT INTO word (word, rank) VALUES ('secure-delete', 1);
    INSERT INTO word (word, rank) VALUES ('hashsize', 16777216);
    -- An import spends most of its time on merging; with more pieces a level, that is done fewer times.
    INSERT INTO word (word, rank) VALUES ('automerge', 16);
    INSERT INTO word (word, rank) VALUES ('crisismerge', 64);
";

/// Makes the tables in a new database, in one transaction.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Checks that the database at `path`, opened as `connection`, has the tables above.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (id, found) = (pragma("application_id")?, pragma("user_version")?);
    let path = path.to_owned();
    match (id, found) {
        (APPLICATION_ID, VERSION) => Ok(()),
        (APPLICATION_ID, _) => Err(ArchiveError::OtherVersion { path, found, known: VERSION }),
        _ => {
            let reason = "it is not an archive of letsbridge".to_owned();
            Err(ArchiveError::Damaged { path, reason })
        }
    }
}
