//! The tables of the database, and the check that a database has them.

use std::cmp::Ordering;
use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, damage};

/// Marks a database as ours (`PRAGMA application_id`): the letters "LtsB".
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"LtsB");

/// The version of the tables below (`PRAGMA user_version`). A release that changes them raises it
/// and brings the older ones up to date, see [`upgrade`].
pub(super) const VERSION: u32 = 4;

/// The first version that was released.
const FIRST_RELEASED: u32 = 3;

/// Versions of databases that were written before the first release, without an application id. With an application id,
/// versions 1 and 2 were not released either.
const UNRELEASED: std::ops::RangeInclusive<u32> = 1..=13;

/// Times are in milliseconds since 1970, where nothing else is said.
const TABLES: &str = "
    -- Channels, rooms, and the users of private messages. A room that the configuration renames is
    -- found again by its id.
    CREATE TABLE endpoint (
        id               INTEGER PRIMARY KEY,
        name             TEXT NOT NULL UNIQUE,       -- as the configuration spells it
        remote_id        TEXT,                       -- a room's id, after the first join
        cursor           TEXT,                       -- the last post or line that was received
        first_joined     INTEGER,                    -- a channel's; older lines are not ours to mirror
        first_seen_post  TEXT,                       -- a room's newest post at that time
        last_seen        INTEGER,                    -- the last sign of life
        outage_announced INTEGER NOT NULL DEFAULT 0, -- people were notified that we cannot reach it
        introduced       INTEGER NOT NULL DEFAULT 0, -- the bot has said in the room what it is
        paused           INTEGER NOT NULL DEFAULT 0  -- a channel's messages are skipped for now
    ) STRICT;

    -- The ledger: what was received, in that order.
    CREATE TABLE message (
        id           INTEGER PRIMARY KEY,
        endpoint     INTEGER NOT NULL REFERENCES endpoint(id),
        remote_id    TEXT,                           -- NULL where the network gives none
        author       TEXT NOT NULL,
        kind         INTEGER NOT NULL,
        body         TEXT NOT NULL,
        sent_at      INTEGER NOT NULL,
        fingerprint  INTEGER,                        -- a digest of second, author, kind, text
        display_name TEXT,
        account      TEXT,                           -- as the network knows the author
        userhost     TEXT,                           -- user@host, on IRC
        bot          INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX message_remote_id ON message (endpoint, remote_id) WHERE remote_id IS NOT NULL;
    CREATE INDEX message_sent_at ON message (sent_at);
    CREATE INDEX message_fingerprint ON message (endpoint, fingerprint) WHERE fingerprint IS NOT NULL;

    -- The outbox, and what became of each delivery.
    CREATE TABLE delivery (
        id              INTEGER PRIMARY KEY,         -- rises in the order of receipt
        message         INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
        endpoint        INTEGER NOT NULL REFERENCES endpoint(id),
        state           INTEGER NOT NULL,
        remote_id       TEXT,                        -- the id that its network gave it, if any
        started_at      INTEGER,                     -- when it was last sent
        cursor_at_send  TEXT,                        -- the endpoint's cursor then
        settled_at      INTEGER,
        reason          TEXT,                        -- why it was rejected
        progress        INTEGER NOT NULL DEFAULT 0,  -- bytes of the body that arrived
        -- As what it was last sent. A body that is NULL is the message's own.
        rendered_kind   INTEGER,
        rendered_prefix TEXT,
        rendered_body   TEXT,
        unreported      INTEGER NOT NULL DEFAULT 0,  -- its author is still to be notified
        part            INTEGER NOT NULL DEFAULT 0,  -- 0: whole, 1: the name, 2: the text
        merged_into     INTEGER,                     -- the delivery whose message it was sent with
        sender          TEXT,                        -- NULL: the bot; 'relaymsg NICK', 'puppet USER'
        resent          INTEGER NOT NULL DEFAULT 0   -- what is left of it may have arrived already
    ) STRICT;
    CREATE INDEX delivery_open ON delivery (endpoint, id) WHERE state < 3;
    CREATE UNIQUE INDEX delivery_remote_id ON delivery (endpoint, remote_id) WHERE remote_id IS NOT NULL;
    CREATE INDEX delivery_message ON delivery (message);
    CREATE INDEX delivery_unreported ON delivery (id) WHERE unreported = 1;
    CREATE INDEX delivery_merged_into ON delivery (merged_into) WHERE merged_into IS NOT NULL;

    -- The links over which nothing is delivered, because an administrator has paused them.
    CREATE TABLE paused_link (
        channel   INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        room      INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        since     INTEGER NOT NULL,
        announced INTEGER NOT NULL DEFAULT 0,        -- people on both sides were told
        PRIMARY KEY (channel, room)
    ) STRICT;

    -- The nicks of our connections, and when they had them.
    CREATE TABLE nick_history (
        id      INTEGER PRIMARY KEY,
        network TEXT NOT NULL,
        nick    TEXT NOT NULL,                       -- folded
        since   INTEGER NOT NULL,
        until   INTEGER NOT NULL,
        user    TEXT                                 -- whose puppet had it; NULL for the bot
    ) STRICT;
    CREATE INDEX nick_history_network ON nick_history (network, until);

    -- The nicks reserved for a Let's Chat user on a network: one for RELAYMSG, one for a puppet.
    CREATE TABLE puppet_nick (
        network  TEXT NOT NULL,
        user     TEXT NOT NULL,
        relaymsg INTEGER NOT NULL,
        nick     TEXT NOT NULL,                      -- folded
        PRIMARY KEY (network, user, relaymsg),
        UNIQUE (network, nick)
    ) STRICT;

    -- People of IRC who have spoken, as the bridge tells them apart.
    CREATE TABLE person (
        id         INTEGER PRIMARY KEY,
        network    TEXT NOT NULL,
        identity   TEXT NOT NULL,                    -- 'account NAME' or 'nick NAME', folded
        nick       TEXT NOT NULL,                    -- the last one they spoke with
        lines      INTEGER NOT NULL,                 -- how many, until they have an account
        last_spoke INTEGER NOT NULL,
        UNIQUE (network, identity)
    ) STRICT;

    -- Whose nick it is on a network.
    CREATE TABLE person_nick (
        network TEXT NOT NULL,
        nick    TEXT NOT NULL,                       -- folded
        person  INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
        origin  TEXT,                                -- where they connected from, coarsely
        seen    INTEGER NOT NULL,
        PRIMARY KEY (network, nick)
    ) STRICT;
    CREATE INDEX person_nick_person ON person_nick (person);

    -- The accounts on Let's Chat that people of IRC speak as: at most one of the bridge's, and one of their own.
    CREATE TABLE speaker_account (
        person       INTEGER NOT NULL REFERENCES person(id),
        own          INTEGER NOT NULL,               -- 0: the bridge made it, 1: it is theirs
        kind         INTEGER NOT NULL,
        user         TEXT,                           -- its id on Let's Chat, once known
        username     TEXT NOT NULL,
        display_name TEXT NOT NULL,
        access       INTEGER NOT NULL,
        password     BLOB,                           -- encrypted, like the next two
        session      BLOB,
        token        BLOB,
        since        INTEGER NOT NULL,
        PRIMARY KEY (person, own)
    ) STRICT;
    CREATE INDEX speaker_account_user ON speaker_account (user) WHERE user IS NOT NULL;

    -- The services accounts with which the puppets of Let's Chat users log in.
    CREATE TABLE puppet_login (
        network     TEXT NOT NULL,
        user        TEXT NOT NULL,                   -- an id on Let's Chat
        username    TEXT NOT NULL,
        account     TEXT,                            -- NULL until services say whose a certificate is
        state       INTEGER NOT NULL,                -- 0: untried, 1: accepted, 2: refused
        password    BLOB,                            -- encrypted, like the next one
        certificate BLOB,                            -- with its key
        since       INTEGER NOT NULL,
        PRIMARY KEY (network, user)
    ) STRICT;

    -- Public links that are revoked, by their target and the time of their making.
    CREATE TABLE revocation (
        id         INTEGER PRIMARY KEY,
        target     BLOB,                             -- NULL: all of that time
        since      INTEGER NOT NULL,
        until      INTEGER NOT NULL,
        revoked_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX revocation_target ON revocation (target);

    -- Whether this is a restored backup: what was sent until then may have been mirrored already. At most one row.
    CREATE TABLE restoration (
        id          INTEGER PRIMARY KEY CHECK (id = 1),
        backup_at   INTEGER NOT NULL,
        restored_at INTEGER NOT NULL
    ) STRICT;

    -- The endpoints with which the catch-up since then has begun, so that their cursors have moved on.
    CREATE TABLE restoration_reading (
        endpoint INTEGER PRIMARY KEY REFERENCES endpoint(id) ON DELETE CASCADE
    ) STRICT;
";

/// The tables that version 4 has added.
const TABLES_OF_4: &str = "
    -- What people were last told of the phase of each link, at both its ends. 0: together, 1: moving,
    -- 2: irc_read_only, 3: closed.
    CREATE TABLE link_phase (
        channel      INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        room         INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        told_channel INTEGER NOT NULL,
        told_room    INTEGER NOT NULL,
        PRIMARY KEY (channel, room)
    ) STRICT;

    -- What the bridge has done in a channel or room because of the phases of its links.
    CREATE TABLE phase_place (
        endpoint      INTEGER PRIMARY KEY REFERENCES endpoint(id) ON DELETE CASCADE,
        announced_at  INTEGER,                       -- when it last told people of a change
        topic_note    TEXT,                          -- what it has added to a channel's topic
        topic_shown   INTEGER NOT NULL DEFAULT 0,    -- the server has shown the topic with it
        topic_removed INTEGER,                       -- the phase in which somebody took it out
        moderation    INTEGER NOT NULL DEFAULT 0     -- of a channel (+m). 0: none, 1: asked for, 2: set, 3: left
                                                     -- to the operators
    ) STRICT;

    -- Who of IRC was told in a channel where its people have moved to.
    CREATE TABLE phase_told (
        channel     INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        identity    TEXT NOT NULL,                   -- 'account NAME' or 'nick NAME', folded
        welcomed_at INTEGER,                         -- told once where the room is
        reminded_at INTEGER,                         -- told that what they say goes nowhere; once a day
        PRIMARY KEY (channel, identity)
    ) STRICT, WITHOUT ROWID;

    -- What was said at one end of a link and not mirrored to the other one, because of its phase or its direction.
    CREATE TABLE unheard (
        channel INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        room    INTEGER NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
        to_irc  INTEGER NOT NULL,                    -- 1: it would have gone to the channel, 0: to the room
        message INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
        asked   INTEGER NOT NULL DEFAULT 0,          -- an administrator wants it to be delivered
        PRIMARY KEY (channel, room, to_irc, message)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX unheard_message ON unheard (message);

    -- How much was said by whom in which week, as far as it is pruned from the ledger: see `activity`.
    CREATE TABLE activity (
        week     INTEGER NOT NULL,                   -- counted from that of 1970-01-01; begins on Monday, 00:00 UTC
        endpoint INTEGER NOT NULL REFERENCES endpoint(id),
        name     TEXT NOT NULL,                      -- the author's; '' for those beyond the limit
        account  TEXT NOT NULL,                      -- as the network knows the author; '' if it does not
        bot      INTEGER NOT NULL,
        lines    INTEGER NOT NULL,
        notices  INTEGER NOT NULL,                   -- how many of them
        minutes  INTEGER NOT NULL,                   -- a bit for each minute of the hour in which something was said
        hours    INTEGER NOT NULL,                   -- in how many hours
        first    INTEGER NOT NULL,
        last     INTEGER NOT NULL,
        PRIMARY KEY (week, endpoint, name, account)
    ) STRICT, WITHOUT ROWID;

    -- What an administrator has ordered to be taken out of the archives: see `archive::orders`.
    CREATE TABLE redaction (
        id     INTEGER PRIMARY KEY,
        token  INTEGER NOT NULL UNIQUE,              -- random: an id is used again after a backup was restored
        at     INTEGER NOT NULL,
        by     TEXT NOT NULL,
        reason TEXT,
        what   TEXT NOT NULL                         -- JSON, with digests in place of texts and names
    ) STRICT;

    -- Of which store in PostgreSQL this is a node's local copy, and up to which turn of which reign. No row: of none, this
    -- is the store.
    CREATE TABLE replica (
        id      INTEGER PRIMARY KEY CHECK (id = 1),
        cluster TEXT NOT NULL,
        epoch   INTEGER NOT NULL,
        turn    INTEGER NOT NULL                     -- -1: none, it must be copied anew
    ) STRICT;
";

/// The indices that version 4 has added: a room is looked for by its id whenever a link is set up or joined.
const INDICES_OF_4: &str =
    "CREATE INDEX endpoint_remote_id ON endpoint (remote_id) WHERE remote_id IS NOT NULL";

/// The size of the pages of a new database, in bytes. A commit writes each page that it changes whole, and a message
/// changes a few rows of a hundred bytes.
const PAGE_SIZE: u32 = 1_024;

/// What a database of version 3 has had all the time: its links mirrored both ways. Which links there are it does not
/// say, but what they have delivered. Pairs that are no links are forgotten when the configuration is known.
const LINKS_OF_3: &str = "
    INSERT OR IGNORE INTO link_phase (channel, room, told_channel, told_room)
    SELECT DISTINCT
        CASE WHEN here.name GLOB 'letschat/*' THEN there.id ELSE here.id END,
        CASE WHEN here.name GLOB 'letschat/*' THEN here.id ELSE there.id END, 0, 0
    FROM (SELECT DISTINCT m.endpoint AS source, d.endpoint AS destination
          FROM delivery d JOIN message m ON m.id = d.message)
    JOIN endpoint here ON here.id = source JOIN endpoint there ON there.id = destination
    WHERE (here.name GLOB 'letschat/*') <> (there.name GLOB 'letschat/*')
        AND here.name NOT GLOB '*/@*' AND there.name NOT GLOB '*/@*';
";

/// Makes the tables in a new database, in one transaction.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(TABLES_OF_4)?;
    transaction.execute_batch(INDICES_OF_4)?;
    mark_as_ours(&transaction)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// Brings the tables of an older version up to date, in one transaction. Leaves alone what is none of ours, or newer.
/// Returns the version that it was.
pub(super) fn upgrade(connection: &mut Connection) -> Result<u32, StoreError> {
    let id: u32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if id != APPLICATION_ID || !(FIRST_RELEASED..VERSION).contains(&found) {
        return Ok(found);
    }
    let transaction = connection.transaction()?;
    if found < 4 {
        from_3_to_4(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(found)
}

fn from_3_to_4(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(TABLES_OF_4)?;
    connection.execute_batch(INDICES_OF_4)?;
    Ok(connection.execute_batch(LINKS_OF_3)?)
}

/// Marks the database as ours. If it is already, that is written to the disk once more.
pub(super) fn mark_as_ours(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Checks that the database at `path`, opened as `connection`, has the tables above. Returns their version.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    check_version(path, pragma("application_id")?, pragma("user_version")?)?;
    Ok(VERSION)
}

/// Checks that a database with this application id and version has the tables above.
pub(super) fn check_version(path: &Path, id: u32, found: u32) -> Result<(), StoreError> {
    let path = path.to_owned();
    match (id, found.cmp(&VERSION)) {
        (APPLICATION_ID, Ordering::Equal) => Ok(()),
        (APPLICATION_ID, Ordering::Greater) => {
            Err(StoreError::TooNew { path, found, known: VERSION })
        }
        (APPLICATION_ID, Ordering::Less) if found >= FIRST_RELEASED => {
            Err(StoreError::NotUpgraded { path })
        }
        (APPLICATION_ID, Ordering::Less) => Err(StoreError::TooOld { path }),
        (0, _) if UNRELEASED.contains(&found) => Err(StoreError::TooOld { path }),
        _ => Err(damage::damaged(&path, "it is not a database of letsbridge")),
    }
}
