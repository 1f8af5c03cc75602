//! The tables, and the migrations from older versions.

use std::cmp::Ordering;

use rusqlite::Connection;

use super::StoreError;

/// Each entry migrates the store by one version (`PRAGMA user_version`). Entries are only ever appended,
/// since existing stores have run the earlier ones.
const MIGRATIONS: &[&str] = &[
    "
    -- Where people speak. A room is found again by its id when the configuration calls it otherwise.
    CREATE TABLE place (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,      -- as the configuration spells it
        native  TEXT,                      -- the room's id; NULL for a channel, and before the first join
        cursor  TEXT                       -- the last post read, NULL before the first reading
    ) STRICT;

    -- The ledger: what was heard, in the order of hearing.
    CREATE TABLE message (
        id      INTEGER PRIMARY KEY,
        place   INTEGER NOT NULL REFERENCES place(id),
        native  TEXT,                      -- its id where it was said; NULL where the network gives none
        author  TEXT NOT NULL,
        kind    INTEGER NOT NULL,
        body    TEXT NOT NULL,
        said_at INTEGER NOT NULL           -- milliseconds since 1970
    ) STRICT;
    CREATE UNIQUE INDEX message_native ON message (place, native) WHERE native IS NOT NULL;
    CREATE INDEX message_said_at ON message (said_at);

    -- The outbox, and what became of it.
    CREATE TABLE delivery (
        ticket  INTEGER PRIMARY KEY,       -- rises in the order of hearing
        message INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
        place   INTEGER NOT NULL REFERENCES place(id),
        state   INTEGER NOT NULL,
        native  TEXT,                      -- its id where it was delivered, if it has one
        begun   INTEGER,                   -- when it was last sent, milliseconds since 1970
        after   TEXT,                      -- the room's cursor then: doubt looks from here
        settled INTEGER,                   -- milliseconds since 1970
        reason  TEXT                       -- why it was refused
    ) STRICT;
    CREATE INDEX delivery_open ON delivery (place, ticket) WHERE state < 3;
    CREATE UNIQUE INDEX delivery_native ON delivery (place, native) WHERE native IS NOT NULL;
    CREATE INDEX delivery_message ON delivery (message);
",
    "
    -- What IRC said while we were away, and how far we have come in saying.
    ALTER TABLE delivery ADD COLUMN said INTEGER NOT NULL DEFAULT 0; -- bytes of the body that arrived
    ALTER TABLE place ADD COLUMN first INTEGER;   -- a channel's history begins for us; milliseconds since 1970
    ALTER TABLE place ADD COLUMN alive INTEGER;   -- the last sign of life from it; the same
    -- What a line is known by where its network gives no id: a digest of second, author, kind, text.
    ALTER TABLE message ADD COLUMN trace INTEGER;
    CREATE INDEX message_trace ON message (place, trace) WHERE trace IS NOT NULL;
    -- The nicks that we had, and when.
    CREATE TABLE nick (
        id      INTEGER PRIMARY KEY,
        network TEXT NOT NULL,
        nick    TEXT NOT NULL,
        since   INTEGER NOT NULL,
        until   INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX nick_network ON nick (network, until);
",
    "
    ALTER TABLE place ADD COLUMN floor TEXT; -- a room's newest post when we first saw it: up to here is history
",
    "
    -- Who said it, beyond the name.
    ALTER TABLE message ADD COLUMN display_name TEXT;
    ALTER TABLE message ADD COLUMN account TEXT;               -- as the network knows them
    ALTER TABLE message ADD COLUMN address TEXT;               -- user@host, on IRC
    ALTER TABLE message ADD COLUMN bot INTEGER NOT NULL DEFAULT 0;
    -- As what it was last sent: whoever looks for it must look for that.
    ALTER TABLE delivery ADD COLUMN spoken_kind INTEGER;
    ALTER TABLE delivery ADD COLUMN spoken_prefix TEXT;
    ALTER TABLE delivery ADD COLUMN spoken_body TEXT;          -- NULL: the message's own
",
    "
    -- Links that are good no longer, by what they lead to and when they were made.
    CREATE TABLE revoked (
        id      INTEGER PRIMARY KEY,
        target  BLOB,                      -- a file's or a paste's; NULL for all of them
        since   INTEGER NOT NULL,          -- milliseconds since 1970; the same below
        until   INTEGER NOT NULL,
        at      INTEGER NOT NULL           -- when it was revoked
    ) STRICT;
    CREATE INDEX revoked_target ON revoked (target);
",
    "
    -- Who said what was refused is still to be told of it.
    ALTER TABLE delivery ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX delivery_untold ON delivery (ticket) WHERE untold = 1;
",
    "
    ALTER TABLE delivery ADD COLUMN part INTEGER NOT NULL DEFAULT 0; -- 0: all of it, 1: the name, 2: the text
",
    "
    ALTER TABLE place ADD COLUMN closed INTEGER NOT NULL DEFAULT 0; -- people were told that it is closed to us
",
    "
    -- The delivery that this one was said together with, in one message.
    ALTER TABLE delivery ADD COLUMN joined INTEGER;
    CREATE INDEX delivery_joined ON delivery (joined) WHERE joined IS NOT NULL;
",
    "
    ALTER TABLE place ADD COLUMN deaf INTEGER NOT NULL DEFAULT 0; -- a channel that is passed over for now
",
    "
    -- By whom it was last sent, where not by the bridge itself: 'relayed NICK', 'puppet ACCOUNT'.
    ALTER TABLE delivery ADD COLUMN spoken_voice TEXT;
    -- The nick that stands for somebody of Let's Chat on a network: nobody else's.
    CREATE TABLE voice (
        network TEXT NOT NULL,
        account TEXT NOT NULL,
        nick    TEXT NOT NULL,             -- folded
        PRIMARY KEY (network, account),
        UNIQUE (network, nick)
    ) STRICT;
    ALTER TABLE nick ADD COLUMN account TEXT; -- whose connection had it; NULL for the bridge's own
",
    "
    -- Somebody may have both: a nick that the server lends, and one of a connection of their own.
    CREATE TABLE voice_of (
        network TEXT NOT NULL,
        account TEXT NOT NULL,
        lent    INTEGER NOT NULL,          -- 1 where the server lends it
        nick    TEXT NOT NULL,             -- folded
        PRIMARY KEY (network, account, lent),
        UNIQUE (network, nick)
    ) STRICT;
    INSERT INTO voice_of SELECT network, account, instr(nick, '/') > 0, nick FROM voice;
    DROP TABLE voice;
    ALTER TABLE voice_of RENAME TO voice;
",
    "
    -- 1 where what is left to say of it may be there already, and is marked as said again.
    ALTER TABLE delivery ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
",
];

/// Migrates the store to the newest version; fails if a newer program wrote it.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = is_known(found)?;
    for (version, sql) in (1..=known).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Checks that the version `found` is not newer than this program. Returns this program's version.
pub(super) fn is_known(found: u32) -> Result<u32, StoreError> {
    let known = MIGRATIONS.len() as u32;
    if found > known { Err(StoreError::TooNew { found, known }) } else { Ok(known) }
}

/// Checks that the store has exactly this program's version. Read-only and secondary users never migrate.
pub(super) fn check_version(connection: &Connection) -> Result<(), StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as u32;
    match found.cmp(&known) {
        Ordering::Greater => Err(StoreError::TooNew { found, known }),
        Ordering::Less => Err(StoreError::TooOld { found, known }),
        Ordering::Equal => Ok(()),
    }
}
