//! Databases as Quassel, soju and The Lounge make them, of several versions; and such as nobody makes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::domain::{LogEvent, LogSpeaker, MessageKind};

/// 2021-03-04T05:06:07Z.
const SECOND: i64 = 1_614_834_367;

const QUASSEL_TABLES: &str = "
    CREATE TABLE quasseluser (userid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, username TEXT UNIQUE NOT NULL,
        password TEXT NOT NULL, hashversion INTEGER NOT NULL DEFAULT 0, authenticator TEXT NOT NULL DEFAULT 'Database');
    CREATE TABLE sender (senderid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, realname TEXT,
        avatarurl TEXT);
    CREATE UNIQUE INDEX sender_index ON sender(sender, realname, avatarurl);
    CREATE TABLE network (networkid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, userid INTEGER NOT NULL,
        networkname TEXT NOT NULL, identityid INTEGER NOT NULL DEFAULT 1, UNIQUE (userid, networkname));
    CREATE TABLE buffer (bufferid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, userid INTEGER NOT NULL, groupid INTEGER,
        networkid INTEGER NOT NULL, buffername TEXT NOT NULL, buffercname TEXT NOT NULL,
        buffertype INTEGER NOT NULL DEFAULT 0, lastmsgid INTEGER NOT NULL DEFAULT 0);
    CREATE UNIQUE INDEX buffer_idx ON buffer(userid, networkid, buffername);
    CREATE TABLE backlog (messageid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,
        bufferid INTEGER NOT NULL, type INTEGER NOT NULL, flags INTEGER NOT NULL, senderid INTEGER NOT NULL,
        senderprefixes TEXT, message TEXT);
    CREATE INDEX backlog_bufferid_idx ON backlog(bufferid);
    CREATE INDEX backlog_buffer_time_idx ON backlog (bufferid, time);
    CREATE INDEX backlog_buffer_msg_idx ON backlog (bufferid, messageid);
    CREATE TABLE coreinfo (key TEXT NOT NULL PRIMARY KEY, value TEXT);";

/// Two users of one core, who are both in #tea of Libera; one of them has a query and a buffer for the server.
const QUASSEL_CONTENT: &str = "
    INSERT INTO quasseluser (userid, username, password) VALUES (1, 'ann', ''), (2, 'bob', '');
    INSERT INTO network (networkid, userid, networkname) VALUES (1, 1, 'Libera'), (2, 2, 'Libera');
    INSERT INTO buffer (bufferid, userid, networkid, buffername, buffercname, buffertype) VALUES
        (1, 1, 1, '', '', 1), (2, 1, 1, '#Tea', '#tea', 2), (3, 1, 1, 'bob', 'bob', 4), (4, 2, 2, '#tea', '#tea', 2),
        (5, 2, 2, '#empty', '#empty', 2);
    INSERT INTO sender (senderid, sender) VALUES (1, 'ann'), (2, 'bob!b@host'), (3, 'irc.example.org');";

const SOJU_TABLES: &str = "
    CREATE TABLE User (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, password TEXT);
    CREATE TABLE Network (id INTEGER PRIMARY KEY, name TEXT, user INTEGER NOT NULL, addr TEXT NOT NULL, nick TEXT,
        FOREIGN KEY(user) REFERENCES User(id), UNIQUE(user, addr, nick), UNIQUE(user, name));
    CREATE TABLE Message (id INTEGER PRIMARY KEY, target INTEGER NOT NULL, raw TEXT NOT NULL, time TEXT NOT NULL,
        sender TEXT NOT NULL, text TEXT, FOREIGN KEY(target) REFERENCES MessageTarget(id));
    CREATE INDEX MessageIndex ON Message(target, time);
    CREATE TABLE MessageTarget (id INTEGER PRIMARY KEY, network INTEGER NOT NULL, target TEXT NOT NULL,
        FOREIGN KEY(network) REFERENCES Network(id), UNIQUE(network, target));
    CREATE VIRTUAL TABLE MessageFTS USING fts5 (text, content=Message, content_rowid=id);
    CREATE TRIGGER MessageFTSInsert AFTER INSERT ON Message BEGIN
        INSERT INTO MessageFTS(rowid, text) VALUES (new.id, new.text); END;";

/// The first version of The Lounge that wrote databases had no primary key.
const LOUNGE_TABLES: &str = "
    CREATE TABLE options (name TEXT, value TEXT, CONSTRAINT name_unique UNIQUE (name));
    CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT, channel TEXT, time INTEGER, type TEXT,
        msg TEXT);
    CREATE INDEX network_channel ON messages (network, channel);
    CREATE INDEX time ON messages (time);";

/// A database made by these statements.
fn made(statements: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log of #1?.sqlite");
    let connection = Connection::open(&path).unwrap();
    for statement in statements {
        connection.execute_batch(statement).unwrap();
    }
    (directory, path)
}

/// Makes one of Quassel with a text in #Tea of Libera at this path, for tests of other folders.
pub(crate) fn make_quassel_database(path: &Path) {
    let (_directory, made) = quassel(&(version(32) + &quassel_row(1, SECOND * 1_000, "tea?")));
    fs::copy(made, path).unwrap();
}

fn quassel(statements: &str) -> (TempDir, PathBuf) {
    made(&[QUASSEL_TABLES, QUASSEL_CONTENT, statements])
}

fn version(number: i64) -> String {
    format!("INSERT INTO coreinfo VALUES ('schemaversion', '{number}');")
}

/// A text in the channel 2 of [`quassel`].
fn quassel_row(id: i64, time: i64, text: &str) -> String {
    format!(
        "INSERT INTO backlog (messageid, time, bufferid, type, flags, senderid, message)
         VALUES ({id}, {time}, 2, 1, 0, 2, '{text}');"
    )
}

fn only_channel(log: &ForeignLog) -> ForeignChannel {
    let channels = log.channels().unwrap();
    assert_eq!(channels.len(), 1, "{channels:?}");
    channels.into_iter().next().unwrap()
}

/// The entries of the only channel.
fn read(path: &Path) -> Vec<(i64, Timestamp, LogEvent)> {
    let log = ForeignLog::open(path).unwrap();
    let entries = log.entries(&only_channel(&log), None).unwrap();
    entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// What is wrong with it, wherever that shows.
fn error_of(path: &Path) -> ForeignLogError {
    let read = || {
        let log = ForeignLog::open(path)?;
        for channel in log.channels()? {
            for entry in log.entries(&channel, None)? {
                entry?;
            }
        }
        Ok(())
    };
    read().expect_err("must not be read")
}

fn message(nick: &str, userhost: Option<&str>, text: &str) -> LogEvent {
    LogEvent::Message {
        by: LogSpeaker {
            nick: nick.to_owned(),
            userhost: userhost.map(str::to_owned),
            account: None,
        },
        kind: MessageKind::Text,
        text: text.to_owned(),
    }
}

fn texts<'e>(entries: &'e [(i64, Timestamp, LogEvent)]) -> Vec<&'e str> {
    let text = |(.., event): &'e (i64, Timestamp, LogEvent)| match event {
        LogEvent::Message { text, .. } => text.as_str(),
        other => panic!("{other:?}"),
    };
    entries.iter().map(text).collect()
}

#[test]
fn quassels_users_have_logs_of_their_own() {
    let row = "INSERT INTO backlog (time, bufferid, type, flags, senderid, message) VALUES";
    let (_directory, path) = quassel(&format!(
        "{row} (1614834367089, 2, 1, 0, 2, 'tea?'), (1614834367090, 4, 1, 1, 1, 'tea?');
         {row} (1614834367091, 3, 1, 0, 2, 'psst'), (1614834367092, 1, 1024, 0, 3, 'End of MOTD');
         {row} (1614834368000, 2, 32, 0, 1, '#Tea');
         {}",
        version(32)
    ));
    let log = ForeignLog::open(&path).unwrap();
    assert_eq!(log.format(), DatabaseFormat::Quassel);
    let channels = log.channels().unwrap();
    let seen: Vec<_> = channels
        .iter()
        .map(|it| (&*it.network, &*it.name, it.owner.as_deref().unwrap(), it.is_private, it.count))
        .collect();
    assert_eq!(
        seen,
        [
            ("Libera", "#Tea", "ann", false, 2),
            ("Libera", "#tea", "bob", false, 1),
            ("Libera", "bob", "ann", true, 1),
        ]
    );
    let entries: Vec<_> =
        log.entries(&channels[0], None).unwrap().map(|entry| entry.unwrap()).collect();
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    let join = LogEvent::Join(LogSpeaker { nick: "ann".into(), ..LogSpeaker::default() });
    assert_eq!(
        entries,
        [
            (1, at("2021-03-04T05:06:07.089Z"), message("bob", Some("b@host"), "tea?")),
            (5, at("2021-03-04T05:06:08Z"), join),
        ]
    );
}

#[test]
fn quassel_counts_seconds_before_version_31() {
    let row = |time| quassel_row(1, time, "x");
    for (statements, expected) in [
        (version(30) + &row(SECOND), SECOND * 1_000),
        (version(31) + &row(SECOND * 1_000 + 89), SECOND * 1_000 + 89),
        (version(31) + &row(SECOND), SECOND),
        (row(SECOND), SECOND * 1_000),
        (row(SECOND * 1_000), SECOND * 1_000),
        ("DROP TABLE coreinfo;".to_owned() + &row(SECOND), SECOND * 1_000),
    ] {
        let (_directory, path) = quassel(&statements);
        assert_eq!(read(&path)[0].1.as_millisecond(), expected, "{statements}");
    }
}

#[test]
fn sojus_lines_are_read() {
    let (_directory, path) = made(&[
        SOJU_TABLES,
        "INSERT INTO User (id, username) VALUES (1, 'ann'), (2, 'bob');
         INSERT INTO Network (id, name, user, addr) VALUES (1, 'libera', 1, 'irc.libera.chat'),
            (2, NULL, 2, 'irc.libera.chat');
         INSERT INTO MessageTarget (id, network, target) VALUES (1, 1, '#tea'), (2, 1, 'bob'), (3, 2, '#tea');
         INSERT INTO Message (target, raw, time, sender, text) VALUES
            (1, '@account=anna;time=2021-03-04T05:06:07.089Z :ann!a@host PRIVMSG #tea :tea?',
                '2021-03-04T05:06:07.089Z', 'ann', 'tea?'),
            (1, ':ann!a@host TAGMSG #tea', '2021-03-04T05:06:08.000Z', 'ann', NULL),
            (2, ':bob!b@host PRIVMSG ann :psst', '2021-03-04T05:06:07.089Z', 'bob', 'psst'),
            (3, ':ann!a@host PRIVMSG #tea :tea?', '2021-03-04T05:06:07.089Z', 'ann', 'tea?');",
    ]);
    let log = ForeignLog::open(&path).unwrap();
    let channels = log.channels().unwrap();
    let seen: Vec<_> = channels
        .iter()
        .map(|it| (&*it.network, &*it.name, it.owner.as_deref().unwrap(), it.is_private, it.count))
        .collect();
    assert_eq!(
        seen,
        [
            ("irc.libera.chat", "#tea", "bob", false, 1),
            ("libera", "#tea", "ann", false, 2),
            ("libera", "bob", "ann", true, 1),
        ]
    );
    let entries: Vec<_> =
        log.entries(&channels[1], None).unwrap().map(|entry| entry.unwrap()).collect();
    let by = LogSpeaker {
        nick: "ann".into(),
        userhost: Some("a@host".into()),
        account: Some("anna".into()),
    };
    let event = LogEvent::Message { by, kind: MessageKind::Text, text: "tea?".into() };
    assert_eq!(entries, [(1, "2021-03-04T05:06:07.089Z".parse().unwrap(), event)]);
}

#[test]
fn the_lounges_versions_are_read() {
    for change in [
        "",
        // Of 2022: a table `migrations`, then indices, then identifiers of messages.
        "CREATE TABLE migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL UNIQUE,
            rollback_forbidden INTEGER DEFAULT 0 NOT NULL);",
        "DROP INDEX network_channel; CREATE INDEX network_channel_time ON messages (network, channel, time);
         ALTER TABLE messages ADD COLUMN msgid TEXT; CREATE INDEX msgid_idx ON messages (msgid);",
    ] {
        let (_directory, path) = made(&[
            LOUNGE_TABLES,
            change,
            r#"INSERT INTO messages (network, channel, time, type, msg) VALUES
                ('6a1f', '#tea', 1614834367089, 'message',
                    '{"from":{"mode":"@","nick":"ann"},"text":"tea?","self":false}'),
                ('6a1f', 'bob', 1614834367090, 'message', '{"from":{"nick":"bob"},"text":"psst"}'),
                ('6a1f', '#tea', 1614834367091, 'action', '{"from":{"nick":"bob"},"text":"pours"}'),
                ('77aa', '#tea', 1614834367091, 'message', '{"from":{"nick":"eve"},"text":"other"}');"#,
        ]);
        let log = ForeignLog::open(&path).unwrap();
        assert_eq!(log.format(), DatabaseFormat::TheLounge);
        let channels = log.channels().unwrap();
        let seen: Vec<_> =
            channels.iter().map(|it| (&*it.network, &*it.name, it.is_private, it.count)).collect();
        let expected =
            [("6a1f", "#tea", false, 2), ("6a1f", "bob", true, 1), ("77aa", "#tea", false, 1)];
        assert_eq!(seen, expected);
        let mut entries = log.entries(&channels[0], None).unwrap();
        let first = entries.next().unwrap().unwrap();
        let at = "2021-03-04T05:06:07.089Z".parse().unwrap();
        assert_eq!(first, (1, at, message("ann", None, "tea?")));
        assert_eq!(entries.count(), 1);
    }
}

/// Rows that are out of order, at equal times, of several entries, of none, and some that make no sense.
fn shuffled(rows: i64) -> (TempDir, PathBuf) {
    let mut statements = version(32) + "BEGIN;";
    for id in 1..=rows {
        let time = SECOND * 1_000 + (id * 7_919) % (rows / 2 + 1);
        statements += &match id % 11 {
            0 => format!(
                "INSERT INTO backlog VALUES ({id}, {time}, 2, 65536, 0, 3, '', 'a!a@h#:#b!b@h#:#x.net y.net');"
            ),
            1 => format!("INSERT INTO backlog VALUES ({id}, {time}, 2, 65536, 0, 3, '', '');"),
            2 => format!("INSERT INTO backlog VALUES ({id}, {time}, 2, 3, 0, 2, '', 'odd');"),
            _ => quassel_row(id, time, &id.to_string()),
        };
    }
    quassel(&(statements + "COMMIT;"))
}

/// An entry, or that its row makes no sense, comparable.
fn outcome(entry: Result<(i64, Timestamp, LogEvent), ForeignLogError>) -> String {
    entry.map_or_else(|error| error.to_string(), |entry| format!("{entry:?}"))
}

#[test]
fn going_on_after_any_row_gives_the_rest() {
    let (_directory, path) = shuffled(300);
    let log = ForeignLog::open(&path).unwrap();
    let channel = only_channel(&log);
    let whole: Vec<_> = log.entries(&channel, None).unwrap().collect();
    let rows: Vec<_> = whole
        .iter()
        .map(|entry| match entry {
            Ok((row, ..)) | Err(ForeignLogError::BadRow { row, .. }) => *row,
            Err(error) => panic!("{error}"),
        })
        .collect();
    let times: Vec<_> = whole.iter().flatten().map(|(row, at, _)| (*at, *row)).collect();
    assert!(times.is_sorted() && times.len() > 200);
    let whole: Vec<_> = whole.into_iter().map(outcome).collect();
    for (at, row) in rows.iter().enumerate() {
        if rows.get(at + 1) == Some(row) {
            continue;
        }
        let rest = log.entries(&channel, Some(*row)).unwrap().map(outcome);
        assert_eq!(rest.collect::<Vec<_>>(), whole[at + 1..], "after row {row}");
    }
    let gone = log.entries(&channel, Some(301)).unwrap_err();
    assert!(matches!(gone, ForeignLogError::RowGone { row: 301, .. }), "{gone}");
}

#[test]
fn rows_that_make_no_sense_are_named_and_passed_over() {
    let row =
        "INSERT INTO backlog (messageid, time, bufferid, type, flags, senderid, message) VALUES";
    for (value, reason) in [
        ("(1, 'noon', 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, 1e300, 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, x'00', 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, 9223372036854775807, 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, -9223372036854775808, 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, 1000000000000000, 2, 1, 0, 2, 'x')", "`time`"),
        ("(1, 1, 2, 'plain', 0, 2, 'x')", "`type` is a text"),
        ("(1, 1, 2, 1, 1.5, 2, 'x')", "`flags` is a number with a fraction"),
        ("(1, 1, 2, 5, 0, 2, 'x')", "type 5"),
        ("(1, 1, 2, 1, 0, 99, 'x')", "who"),
        ("(1, 1, 2, 256, 0, 2, '')", "who"),
    ] {
        let good = quassel_row(2, SECOND * 1_000, "good");
        let (_directory, path) = quassel(&format!("{}{row} {value};{good}", version(32)));
        let log = ForeignLog::open(&path).unwrap();
        let entries: Vec<_> = log.entries(&only_channel(&log), None).unwrap().collect();
        assert_eq!(entries.len(), 2, "{value}");
        let error = entries.iter().find_map(|entry| entry.as_ref().err()).unwrap();
        assert!(error.is_of_one_row() && error.to_string().contains(reason), "{value}: {error}");
        assert!(error.to_string().contains("row 1 of the table `backlog`"), "{error}");
        assert!(entries.iter().flatten().any(|(row, ..)| *row == 2));
    }
}

#[test]
fn texts_may_be_anything() {
    let long = "é".repeat(1 << 20);
    for (sql, expected) in [
        ("NULL", String::new()),
        ("x'746561'", "tea".to_owned()),
        ("x'746561e9'", "teaé".to_owned()),
        ("CAST(x'c3a9e9' AS TEXT)", "é\u{fffd}".to_owned()),
        ("CAST(x'c3a9e9e9' AS TEXT)", "Ã©éé".to_owned()),
        ("'a' || char(10) || 'b' || char(13, 10)", "a b  ".to_owned()),
        ("'a' || char(2, 3) || '4b' || char(0) || 'c'", "a\u{2}\u{3}4b\0c".to_owned()),
        (&format!("'{long}'"), "é".repeat(32 << 10)),
        (&format!("'a{long}'"), "a".to_owned() + &"é".repeat((32 << 10) - 1)),
        ("zeroblob(100000000)", "\0".repeat(64 << 10)),
    ] {
        let (_directory, path) =
            quassel(&format!("INSERT INTO backlog VALUES (1, {SECOND}, 2, 1, 0, 2, '', {sql});"));
        assert_eq!(texts(&read(&path)), [expected], "{}", &sql[..sql.len().min(50)]);
    }
    let (_directory, path) =
        quassel("INSERT INTO backlog VALUES (1, 1, 2, 1, 0, 2, '', x'd0cfc3');");
    let log = ForeignLog::open(&path).unwrap().with_encoding(encoding_rs::KOI8_R);
    let entries: Vec<_> =
        log.entries(&only_channel(&log), None).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(texts(&entries), ["поц"]);
}

#[test]
fn names_may_be_anything() {
    for (name, is_readable) in
        [("'#' || char(10)", true), ("x'23e9'", true), ("''", true), ("zeroblob(2000)", false)]
    {
        let (_directory, path) = quassel(&format!(
            "DELETE FROM buffer WHERE bufferid = 1; UPDATE buffer SET buffername = {name} WHERE bufferid = 2; DELETE FROM network; {}",
            quassel_row(1, 1, "x")
        ));
        let log = ForeignLog::open(&path).unwrap();
        match log.channels() {
            Ok(channels) => assert_eq!((is_readable, &*channels[0].network), (true, "network 1")),
            Err(error) => {
                assert!(!is_readable && error.to_string().contains("2000 bytes"), "{error}");
            }
        }
    }
}

#[test]
fn what_is_no_log_is_refused_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.sqlite");
    for (bytes, words) in [
        (vec![], "it is empty"),
        (b"hello".to_vec(), "too short"),
        (vec![0xA7; 8_192], "if its program encrypts it"),
        ([b"SQLite format 3\0", &[7; 4_080][..]].concat(), "header"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = ForeignLog::open(&path).unwrap_err();
        assert!(matches!(error, ForeignLogError::NotADatabase { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = ForeignLog::open(&directory.path().join("none")).unwrap_err();
    assert!(matches!(error, ForeignLogError::Unreadable { .. }), "{error}");
    let error = ForeignLog::open(directory.path()).unwrap_err();
    assert!(matches!(error, ForeignLogError::Unreadable { .. }), "{error}");
    for (statements, words) in [
        ("CREATE TABLE one (x); CREATE TABLE two (y)", "its tables are one, two"),
        ("CREATE VIEW messages AS SELECT 1 AS id", "`messages` is a view"),
        (
            "CREATE VIRTUAL TABLE messages USING fts5 (id, network, channel, time, type, msg)",
            "`messages` is a virtual table",
        ),
        (
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, network, channel, time, type)",
            "no column `msg`",
        ),
        (
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, network, channel, time, type, msg AS (hex(zeroblob(9))))",
            "no column `msg`",
        ),
        ("CREATE TABLE backlog (x); CREATE TABLE buffer (x)", "no column `messageid`"),
        (
            "CREATE TABLE Message (id, target, raw, time); CREATE TABLE MessageTarget (id, network, target)",
            "`Network` has no column `id`",
        ),
    ] {
        let (_directory, path) = made(&[statements]);
        let error = ForeignLog::open(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{statements}: {error}");
    }
}

#[test]
fn damaged_pages_end_the_reading_with_a_remedy() {
    let (directory, path) = shuffled(800);
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4_096;
    assert!(pages > 15);
    let damaged = directory.path().join("damaged.sqlite");
    let mut found = BTreeMap::new();
    for page in 0..pages {
        let mut bytes = whole.clone();
        bytes[page * 4_096 + 100 * usize::from(page == 0)..(page + 1) * 4_096].fill(0xA7);
        fs::write(&damaged, bytes).unwrap();
        let read = || {
            let log = ForeignLog::open(&damaged)?;
            let mut count = 0;
            for channel in log.channels()? {
                for entry in log.entries(&channel, None)? {
                    match entry {
                        Err(error) if !error.is_of_one_row() => return Err(error),
                        _ => count += 1,
                    }
                }
            }
            Ok(count)
        };
        match read() {
            // Nothing that is read stood there: the page of an index, for instance.
            Ok(_) => *found.entry("whole").or_insert(0) += 1,
            Err(ForeignLogError::Damaged { .. }) => *found.entry("damaged").or_insert(0) += 1,
            Err(error) => panic!("page {page}: {error}"),
        }
    }
    assert!(found["damaged"] > pages / 3, "{found:?}");
    let cut = &whole[..whole.len() / 2 + 100];
    fs::write(&damaged, cut).unwrap();
    assert!(error_of(&damaged).to_string().contains("truncated"));
}

#[test]
fn database_in_use_is_left_alone() {
    for mode in ["WAL", "DELETE", "PERSIST", "TRUNCATE"] {
        let (directory, path) = quassel(&quassel_row(1, SECOND, "one"));
        let program = Connection::open(&path).unwrap();
        program.pragma_update(None, "journal_mode", mode).unwrap();
        program.execute_batch(&quassel_row(2, SECOND, "two")).unwrap();
        let state = || {
            let entries = fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path());
            entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect::<BTreeMap<_, _>>()
        };
        let before = state();
        if mode == "WAL" {
            let error = ForeignLog::open(&path).unwrap_err();
            assert!(
                matches!(&error, ForeignLogError::Unfinished { rest, .. }
                if rest.to_str().unwrap().ends_with("-wal")),
                "{error}"
            );
        } else {
            assert_eq!(texts(&read(&path)), ["one", "two"], "{mode}");
            let log = ForeignLog::open(&path).unwrap();
            let mut entries = log.entries(&only_channel(&log), None).unwrap();
            assert!(entries.next().unwrap().is_ok());
            // Its program does not wait for us.
            program.busy_timeout(std::time::Duration::ZERO).unwrap();
            program.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").unwrap();
            assert_eq!(state().len(), before.len());
            program
                .execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE backlog SET message = 'x'")
                .unwrap();
            program.cache_flush().unwrap();
            let error = ForeignLog::open(&path).unwrap_err();
            assert!(matches!(error, ForeignLogError::Unfinished { .. }), "{mode}: {error}");
            program.execute_batch("ROLLBACK").unwrap();
        }
        drop(program);
        assert_eq!(texts(&read(&path)), ["one", "two"], "closed again");
    }
}

#[test]
fn database_that_is_written_to_meanwhile_is_given_up() {
    let (_directory, path) = shuffled(300);
    let log = ForeignLog::open(&path).unwrap();
    let mut entries = log.entries(&only_channel(&log), None).unwrap();
    assert!(entries.next().is_some());
    let program = Connection::open(&path).unwrap();
    program.execute_batch(&quassel_row(1_000, SECOND, &"x".repeat(9_000))).unwrap();
    let errors: Vec<_> = entries.filter_map(Result::err).filter(|it| !it.is_of_one_row()).collect();
    assert!(matches!(errors[..], [ForeignLogError::Changed(_)]), "{errors:?}");
    assert!(matches!(log.channels(), Err(ForeignLogError::Changed(_))));
    assert!(matches!(ForeignLog::open(&path).map(|log| only_channel(&log).count), Ok(301)));
}

#[test]
fn row_of_an_index_that_the_table_lacks_is_damage() {
    let (_directory, path) = quassel(&quassel_row(1, SECOND, "one"));
    let program = Connection::open(&path).unwrap();
    // The table of another index than the schema says: what a wrong repair leaves.
    program
        .execute_batch(
            "CREATE TABLE other (messageid INTEGER PRIMARY KEY, time, bufferid);
             INSERT INTO other VALUES (7, 1, 2); CREATE INDEX elsewhere ON other (bufferid, time);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'elsewhere')
             WHERE name = 'backlog_buffer_time_idx';",
        )
        .unwrap();
    drop(program);
    let error = error_of(&path);
    assert!(matches!(error, ForeignLogError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("row 7"), "{error}");
}
