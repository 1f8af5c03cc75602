//! Obeys what the ledger orders to be taken out of the archive: also what was ordered on another node, while this one was
//! off, or before the archive was begun anew.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::files::{self, FileIdentity};
use super::super::{look, redactions};
use super::{ARCHIVE_FILE, Archive, ArchiveError};

/// Follows the orders of the ledger.
#[derive(Debug)]
pub struct ArchiveOrders {
    state_dir: PathBuf,
    ledger: Option<Connection>,
    obeyed: Option<ObeyedOrders>,
}

/// Which orders of the ledger were obeyed in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ObeyedOrders {
    last: Option<(i64, i64)>,
    archive: FileIdentity,
}

impl ArchiveOrders {
    /// Follows the ledger in `state_dir`, in the program that has it open as a store or a node's local copy.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { state_dir: state_dir.to_owned(), ledger: None, obeyed: None }
    }

    /// Takes out what was ordered since the last call, or since the archive was begun. Returns how many lines that are. Where
    /// there is no archive, nothing is taken out until there is one.
    ///
    /// # Errors
    /// When the ledger cannot be read or the archive cannot be written. The next call goes on.
    pub fn follow(&mut self) -> Result<u64, ArchiveError> {
        let Some(archive) = files::identity(&self.state_dir.join(ARCHIVE_FILE)) else {
            return Ok(0);
        };
        let ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => look::open_in_same_program(&self.state_dir)?,
        };
        let now = ObeyedOrders { last: redactions::last_redaction(&ledger)?, archive };
        let mut lines = 0;
        if self.obeyed.as_ref() != Some(&now) {
            let mut archive = Archive::open(&self.state_dir)?;
            let done = archive.redactions_done()?;
            for redaction in redactions::read_redactions(&ledger)? {
                if !done.contains(&redaction.token) {
                    lines += archive.redact(&redaction)?;
                }
            }
            self.obeyed = Some(now);
        }
        self.ledger = Some(ledger);
        Ok(lines)
    }
}

impl Archive {
    /// The orders that were obeyed here.
    fn redactions_done(&self) -> rusqlite::Result<HashSet<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT token FROM redaction WHERE done = 1")?;
        statement.query_map([], |row| row.get(0))?.collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tempfile::TempDir;

    use super::super::tests::{at, contains, log_line};
    use super::super::{
        ArchiveLineId, ArchiveLineState, ArchiveReader, LineOutcome, NewArchiveLine, PersonMark,
    };
    use super::*;
    use crate::store::{RedactionOrder, SharedRedaction, Store, order_redaction};

    const TIME: &str = "2020-01-01T10:00:00Z";

    /// A node with a ledger and an archive of its own.
    struct Node {
        directory: TempDir,
        orders: ArchiveOrders,
    }

    impl Node {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            drop(Store::open(directory.path()).expect("opens"));
            let orders = ArchiveOrders::new(directory.path());
            Self { directory, orders }
        }

        fn archive(&self) -> Archive {
            Archive::open_or_make(self.directory.path()).expect("is made")
        }

        /// Imports a line into `room`; `account` is who said it, for certain.
        fn import(
            &self,
            room: &str,
            (author, account): (&str, &str),
            line: (&str, &str),
        ) -> LineOutcome {
            let (time, text) = line;
            let digest = (room.len() * 10_000 + author.len() * 1000 + text.len()) as u64;
            let mut line = log_line(author, text, ArchiveLineId::new(at(time), digest));
            if let Some(author) = line.author.as_mut().filter(|_| !account.is_empty()) {
                author.marks.sure.push(PersonMark::User(account.to_owned()));
                author.marks.likely.clear();
            }
            let add = |room| NewArchiveLine { room, ..line };
            let added = self.archive().batch(|batch| {
                let room = batch.room(room, None)?;
                batch.add(&add(room))
            });
            added.expect("works")
        }

        fn texts(&self) -> Vec<String> {
            let archive = self.archive();
            let sql = "SELECT text FROM line WHERE redaction IS NULL ORDER BY id";
            let mut statement = archive.connection.prepare(sql).expect("is right");
            let texts = statement.query_map([], |row| row.get(0)).expect("works");
            texts.collect::<Result<_, _>>().expect("reads")
        }

        /// Orders something, as the ledgers of all nodes have it.
        fn hears_of(&self, redaction: &SharedRedaction) {
            order_redaction(self.directory.path(), redaction).expect("works");
        }

        fn obeys(&mut self) -> u64 {
            self.orders.follow().expect("works")
        }

        fn has_bytes(&self, bytes: &str) -> bool {
            contains(self.directory.path(), bytes)
        }
    }

    fn order() -> RedactionOrder {
        RedactionOrder { by: "me".to_owned(), at: at("2020-06-01T00:00:00Z"), reason: None }
    }

    fn line_of(node: &Node, text: &str) -> SharedRedaction {
        let archive = node.archive();
        let sql = "SELECT id >> 20, digest FROM line WHERE text = ?1";
        let (millisecond, digest): (i64, i64) = archive
            .connection
            .query_row(sql, [text], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("is there");
        let time = jiff::Timestamp::from_millisecond(millisecond).expect("a time");
        let id = ArchiveLineId::new(time, digest.cast_unsigned());
        let (redaction, counts) = archive.plan_lines(&[id], &order()).expect("reads");
        assert_eq!(counts, [1]);
        redaction
    }

    fn person_of(node: &Node, name: &str, number: usize) -> SharedRedaction {
        let archive = node.archive();
        let person = archive.people_named(name).expect("reads")[number].id;
        archive.plan_person(person, &order()).expect("reads").0
    }

    #[test]
    fn other_archive_takes_out_the_same_lines() {
        let (one, mut two) = (Node::new(), Node::new());
        one.import("tea", ("ann", ""), (TIME, "my number is zyzzogeton"));
        // Another number for the room, another clock, another spelling.
        two.import("milk", ("ann", ""), (TIME, "my number is zyzzogeton"));
        two.import("tea", ("Ann", ""), ("2020-01-01T10:02:00Z", "My number is Zyzzogeton!"));
        two.import("tea", ("ann", ""), ("2020-01-01T11:00:00Z", "my number is zyzzogeton ..."));
        let redaction = line_of(&one, "my number is zyzzogeton");
        two.hears_of(&redaction);
        assert_eq!((two.obeys(), two.obeys()), (1, 0));
        assert_eq!(two.texts(), ["my number is zyzzogeton", "my number is zyzzogeton ..."]);
        let again = two.import("tea", ("ann", ""), (TIME, "my number is zyzzogeton?"));
        assert_eq!(again, LineOutcome::Refused);
        let reader = ArchiveReader::open(two.directory.path()).expect("opens");
        let tea = reader.rooms().expect("reads").into_iter().find(|room| room.slug == "tea");
        let lines = reader.from_time(tea.expect("is there").id, at(TIME), 1).expect("reads");
        assert!(matches!(lines[0].state, ArchiveLineState::Redacted { .. }), "{lines:?}");
    }

    #[test]
    fn of_like_lines_only_the_one_of_that_time_is_taken_out() {
        let mut node = Node::new();
        let second = "2020-01-01T10:05:00Z";
        node.import("tea", ("ann", ""), (TIME, "ok"));
        node.import("tea", ("ann", ""), (second, "ok."));
        let redaction = line_of(&node, "ok");
        node.archive().redact(&redaction).expect("works");
        assert_eq!(node.texts(), ["ok."]);
        // The same order, as another program gives it once more.
        node.archive().connection.execute("UPDATE redaction SET done = 0", []).expect("works");
        node.hears_of(&redaction);
        assert_eq!(node.obeys(), 0);
        assert_eq!(node.texts(), ["ok."]);
    }

    #[test]
    fn archive_that_is_begun_later_refuses_what_was_taken_out() {
        let (one, mut two) = (Node::new(), Node::new());
        one.import("tea", ("ann", ""), (TIME, "zyzzogeton one"));
        one.import("tea", ("gwendolyn", ""), (TIME, "zyzzogeton two"));
        two.hears_of(&line_of(&one, "zyzzogeton one"));
        two.hears_of(&person_of(&one, "gwendolyn", 0));
        assert_eq!(two.obeys(), 0, "there is no archive");
        drop(two.archive());
        assert_eq!(two.obeys(), 0);
        for author in ["ann", "gwendolyn"] {
            let text = if author == "ann" { "zyzzogeton one" } else { "zyzzogeton two" };
            let outcome = two.import("tea", (author, ""), (TIME, text));
            assert_eq!(outcome, LineOutcome::Refused, "{author}");
        }
        assert!(!two.has_bytes("zyzzogeton") && !two.has_bytes("gwendolyn"));
        // In the orders, neither text nor name is to be read.
        let ledger = std::fs::read(two.directory.path().join("letsbridge.sqlite3")).expect("reads");
        let ledger = String::from_utf8_lossy(&ledger).into_owned();
        assert!(!ledger.contains("zyzzogeton") && !ledger.contains("gwendolyn"));
        assert!(ledger.contains("\"digest\""), "the orders are there");
    }

    #[test]
    fn who_speaks_later_keeps_what_was_said_later() {
        let (one, mut two) = (Node::new(), Node::new());
        one.import("tea", ("gwendolyn", ""), (TIME, "before"));
        for (time, text) in [(TIME, "before"), ("2020-07-01T00:00:00Z", "after")] {
            two.import("tea", ("gwendolyn", ""), (time, text));
        }
        two.hears_of(&person_of(&one, "gwendolyn", 0));
        assert_eq!(two.obeys(), 1);
        assert_eq!(two.texts(), ["after"]);
        let reader = ArchiveReader::open(two.directory.path()).expect("opens");
        let rooms: Vec<_> = reader.rooms().expect("reads").iter().map(|room| room.id).collect();
        assert_eq!(reader.people(&rooms, "gwen", 9).expect("reads")[0].names, ["gwendolyn"]);
    }

    #[test]
    fn marks_tell_people_of_one_name_apart() {
        for (number, gone) in [(0, "first"), (1, "second")] {
            let (one, mut two) = (Node::new(), Node::new());
            for node in [&one, &two] {
                node.import("tea", ("dave", "u1"), (TIME, "first"));
                node.import("tea", ("dave", "u2"), ("2020-01-02T00:00:00Z", "second one"));
            }
            // Another name that only this archive knows; and names alone tell no more.
            two.import(
                "tea",
                ("david", ["u1", "u2"][number]),
                ("2020-01-03T00:00:00Z", "as david"),
            );
            two.hears_of(&person_of(&one, "dave", number));
            assert_eq!(two.obeys(), 2);
            let left = two.texts();
            assert!(left.len() == 1 && !left[0].starts_with(gone), "{left:?}");
        }
        let (one, mut two) = (Node::new(), Node::new());
        one.import("tea", ("dave", "u3"), (TIME, "first"));
        two.import("tea", ("dave", "u1"), (TIME, "first"));
        two.hears_of(&person_of(&one, "dave", 0));
        assert_eq!(two.obeys(), 1);
    }

    #[test]
    fn order_with_the_number_of_one_that_was_lost_is_obeyed() {
        let mut node = Node::new();
        for (hour, text) in [(1, "one"), (2, "second")] {
            let time = at(TIME) + SignedDuration::from_hours(hour);
            node.import("tea", ("ann", ""), (&time.to_string(), text));
        }
        let (first, second) = (line_of(&node, "one"), line_of(&node, "second"));
        node.hears_of(&first);
        assert_eq!(node.obeys(), 1);
        // The ledger is restored from a backup.
        let ledger = Connection::open(node.directory.path().join("letsbridge.sqlite3"));
        ledger.expect("opens").execute("DELETE FROM redaction", []).expect("works");
        node.hears_of(&second);
        assert_eq!(node.obeys(), 1);
        assert_eq!(node.texts(), [""; 0]);
    }
}
