//! Which commits wait until they are on the disk, and which are brought there with a later one.
//!
//! SQLite writes each commit to the write-ahead log (`synchronous=NORMAL`), where a killed process leaves it whole. A
//! power loss takes from the end of the log what was not synced. The store syncs the log itself:
//!
//! - at once, before any command of the turn is sent, if the turn has recorded something that nobody tells again or that
//!   the other side will have seen: a message heard, a delivery begun, and all else that is not listed below;
//! - with the next such turn, at the latest with the next tick, before the program ends, and after [`MAX_UNSYNCED`]
//!   commits, if the turn has only recorded what the bridge finds out again. [`Mutation::is_recoverable`](super::mutation::Mutation::is_recoverable) says for each of
//!   these why.
//! - not even a commit of its own, if the turn has only written how far something was read, seen a sign of life, or that a
//!   post of the bridge's own account has arrived: it is committed with the next turn, at the latest with the next tick. A
//!   kill takes it as a power loss does. [`Mutation::may_wait`](super::mutation::Mutation::may_wait) says for each of these
//!   why.
//!
//! Whoever has more to do meanwhile need not wait for the disk: the store commits, a thread syncs, and the commands of the
//! turn are held back until that has ended ([`Store::commit_in_background`](super::Store::commit_in_background)). The commits
//! behind are synced together. At most [`MAX_UNSYNCED`] commits are ahead of the disk.
//!
//! The log is one sequence. So a power loss leaves the state as it was after some commit, as a kill would have at that
//! moment, and only turns of the second kind are missing. What they were about is asked for again:
//!
//! | what the power loss takes             | what the next start does                                             |
//! |---------------------------------------|----------------------------------------------------------------------|
//! | that a delivery has arrived           | it is in doubt, as after a kill before the answer: it is looked for  |
//! |                                       | in the room or the channel's history, or sent again with a mark      |
//! | how many of its lines have arrived    | the same, for the lines from there on                                |
//! | that the text of a private message    | the same; then the text is erased                                    |
//! | was erased, which comes with the first|                                                                      |
//! | how far a channel or room was read    | it is read from there again: all but our own was recorded before the |
//! |                                       | cursor moved past it, and is known                                   |
//! | until when we were seen, and our nick | an absence seems a second longer; nicks have minutes of grace        |
//!
//! A disk may write the sectors of what was not synced in any order. So more than one commit at the end of the log may be
//! torn; `wal` knows how many.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::ffi;

use super::background_sync::{BackgroundSync, Outcome};
use super::{StoreError, files};

/// So many commits in a row stay unsynced.
pub(super) const MAX_UNSYNCED: u32 = 4;

/// So many changes wait for the next commit at most.
pub(super) const MAX_WAITING: usize = 100;

/// How often the store was written since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteCounts {
    /// Transactions.
    pub commits: u64,
    /// How often the log was synced for them. SQLite itself adds two or three for each checkpoint, every four megabytes
    /// of log.
    pub syncs: u64,
}

/// A commit that must be on the disk, or a turn that must be in PostgreSQL, before anybody may see what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncPoint(pub(super) u64);

/// The write-ahead log, as far as it is to be synced.
#[derive(Debug)]
pub(super) struct WalSync {
    /// The log, which is the same file as long as a connection has it open; `None` in memory.
    log: Option<File>,
    /// Opened once more for the thread: so each of the two is told when the disk has failed.
    log_of_thread: Option<File>,
    sync_data: fn(&File) -> io::Result<()>,
    background: Option<BackgroundSync>,
    /// The last commit that is on the disk.
    synced: u64,
    /// The last commit that must be on the disk before what follows from it may be seen.
    due: u64,
    counts: WriteCounts,
}

impl WalSync {
    /// Of a store in memory: there is nothing to sync.
    pub(super) fn in_memory() -> Self {
        Self {
            log: None,
            log_of_thread: None,
            sync_data: File::sync_data,
            background: None,
            synced: 0,
            due: 0,
            counts: WriteCounts::default(),
        }
    }

    /// Of the log at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::Directory { path: path.to_owned(), error };
        let open = || files::open(path).map_err(unusable).map(Some);
        Ok(Self { log: open()?, log_of_thread: open()?, ..Self::in_memory() })
    }

    /// Has a thread sync the log from now on, where somebody need not wait for it.
    pub(super) fn sync_in_background(
        &mut self,
        done: impl Fn() + Send + 'static,
    ) -> Result<(), StoreError> {
        if let Some(log) = self.log_of_thread.take() {
            let background = BackgroundSync::start(log, self.sync_data, done);
            self.background = Some(background.map_err(sync_error)?);
        }
        Ok(())
    }

    /// A commit was written.
    pub(super) fn on_commit(&mut self, is_recoverable: bool) {
        self.counts.commits += 1;
        if !is_recoverable || self.unsynced() > u64::from(MAX_UNSYNCED) {
            self.due = self.counts.commits;
        }
        if self.log.is_none() {
            self.synced = self.counts.commits;
        }
    }

    /// How many commits may not be on the disk.
    fn unsynced(&self) -> u64 {
        self.counts.commits - self.synced
    }

    /// Whether a commit must be synced before what follows from it may be seen.
    pub(super) fn is_sync_due(&self) -> bool {
        self.due > self.synced
    }

    pub(super) fn sync_point(&self) -> SyncPoint {
        SyncPoint(self.due)
    }

    pub(super) fn is_synced(&self, point: SyncPoint) -> bool {
        point.0 <= self.synced
    }

    /// Begins what is due in the background. Returns whether that will do: without a thread, and when too many commits are
    /// not on the disk, it must be waited for.
    pub(super) fn begin(&mut self) -> bool {
        if !self.is_sync_due() {
            return true;
        }
        let (last, is_late) = (self.counts.commits, self.unsynced() > u64::from(MAX_UNSYNCED));
        match &mut self.background {
            Some(background) if !is_late => {
                background.begin(last);
                background.is_busy()
            }
            _ => false,
        }
    }

    /// Notes how the sync in the background has ended, if it has.
    pub(super) fn poll(&mut self) -> Result<(), StoreError> {
        let outcome = self.background.as_mut().and_then(BackgroundSync::poll);
        self.on_outcome(outcome)
    }

    fn on_outcome(&mut self, outcome: Option<Outcome>) -> Result<(), StoreError> {
        let Some((last, result)) = outcome else { return Ok(()) };
        self.counts.syncs += 1;
        result.map_err(sync_error)?;
        self.synced = self.synced.max(last);
        Ok(())
    }

    /// Syncs the log, if anything in it is not.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        // What it was about may be lost if it has failed.
        let outcome = self.background.as_mut().and_then(BackgroundSync::wait);
        self.on_outcome(outcome)?;
        if self.unsynced() == 0 {
            return Ok(());
        }
        if let Some(log) = &self.log {
            self.counts.syncs += 1;
            (self.sync_data)(log).map_err(sync_error)?;
        }
        self.synced = self.counts.commits;
        Ok(())
    }

    /// Brings everything into the database and empties the log.
    ///
    /// A sync that fails is told once: what it was about may be lost, and no later sync brings it onto the disk. SQLite
    /// still reads the whole log, but after a power loss it would end in the middle. So all of it is written again,
    /// elsewhere. The log must be empty after that, also on the disk: its valid beginning would be taken for newer than the
    /// database.
    pub(super) fn rewrite(&self, connection: &Connection) -> Result<(), StoreError> {
        let is_busy: bool =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy {
            let busy = ffi::Error::new(ffi::SQLITE_BUSY);
            return Err(rusqlite::Error::SqliteFailure(busy, None).into());
        }
        self.log.as_ref().map_or(Ok(()), self.sync_data).map_err(sync_error)
    }

    /// All is on the disk.
    pub(super) fn on_rewritten(&mut self) {
        self.synced = self.counts.commits;
    }

    pub(super) fn counts(&self) -> WriteCounts {
        self.counts
    }
}

/// The error that SQLite has for this.
fn sync_error(error: io::Error) -> StoreError {
    let failure = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
    rusqlite::Error::SqliteFailure(failure, Some(format!("the log cannot be synced: {error}")))
        .into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::Receiver;
    use std::sync::{Arc, Mutex, mpsc};

    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Author, DeliveryId, Endpoint, EndpointId, Message, MessageKind, Network};
    use crate::store::{Cursor, DB_FILE, Store};

    struct Fixture {
        directory: tempfile::TempDir,
        store: Store,
        from: EndpointId,
        to: EndpointId,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let mut store = Store::open(directory.path()).expect("opens");
            let channel = Endpoint::channel(&Network::new("office"), "#tea");
            let from = store.endpoint_id(&channel).expect("works");
            let to = store.endpoint_id(&Endpoint::room("tea")).expect("works");
            store.init_channel(from, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).expect("works");
            store.commit().expect("works");
            Self { directory, store, from, to }
        }

        fn record(&mut self, body: &str) -> DeliveryId {
            let message = Message {
                source: self.from,
                author: Author::named("ann"),
                kind: MessageKind::Text,
                body: body.to_owned(),
                sent_at: Timestamp::UNIX_EPOCH,
            };
            let id = self.store.record(&message, Some(body)).expect("works").expect("new");
            self.store.enqueue(id, self.to).expect("works")
        }

        /// How many syncs `work` takes with its commit.
        fn syncs(&mut self, work: impl FnOnce(&mut Self)) -> u64 {
            let before = self.store.write_counts().syncs;
            work(self);
            self.store.commit().expect("works");
            self.store.write_counts().syncs - before
        }
    }

    #[test]
    fn what_was_heard_is_synced_at_once_and_what_is_asked_again_is_not() {
        let mut it = Fixture::new();
        let mut delivery = DeliveryId(0);
        assert_eq!(it.syncs(|it| delivery = it.record("one")), 1);
        let now = Timestamp::UNIX_EPOCH;
        let (from, to) = (it.from, it.to);
        assert_eq!(
            it.syncs(|it| it.store.ack_delivery(delivery, Some("p"), now).expect("works")),
            0
        );
        let cursor = Cursor { time: now, last_line: None };
        let advance = |it: &mut Fixture| {
            it.store.advance_channel_cursor(from, &cursor, now).expect("works");
            it.store.advance_room_cursor(to, "p", None).expect("works");
            it.store.write_positions().expect("works");
        };
        assert_eq!(it.syncs(advance), 0);
        assert!(it.store.has_uncommitted(), "that is worth no commit");
        it.store.sync().expect("works");
        assert!(!it.store.has_uncommitted());
        let unlike = |it: &mut Fixture| {
            it.store.touch_room(to, now).expect("works");
            it.store.write_positions().expect("works");
            it.store.set_introduced(to).expect("works");
        };
        assert_eq!(it.syncs(unlike), 1, "one of them must not be forgotten");
        assert_eq!(it.syncs(|_| {}), 0, "there is nothing to commit");
        assert_eq!(it.syncs(|it| it.store.try_write().expect("works")), 1);
    }

    #[test]
    fn few_commits_in_a_row_stay_unsynced_and_a_tick_syncs_them() {
        let mut it = Fixture::new();
        let delivery = it.record("one");
        it.store.commit().expect("works");
        let to = it.to;
        let progress = |it: &mut Fixture| it.store.set_progress((delivery, to), 0);
        let syncs: Vec<u64> = (0..2 * (MAX_UNSYNCED + 1))
            .map(|_| it.syncs(|it| progress(it).expect("works")))
            .collect();
        assert_eq!(syncs, [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
        assert_eq!(it.syncs(|it| progress(it).expect("works")), 0);
        assert_eq!(it.syncs(|it| it.store.sync().expect("works")), 1);
        assert_eq!(it.syncs(|it| it.store.sync().expect("works")), 0, "nothing is unsynced");
    }

    #[test]
    fn not_too_much_waits_for_a_commit() {
        let mut it = Fixture::new();
        let commits = it.store.write_counts().commits;
        for second in 0..=MAX_WAITING {
            assert_eq!(it.store.write_counts().commits, commits);
            let at = Timestamp::from_second(second as i64).expect("a time");
            it.store.touch_room(it.to, at).expect("works");
            it.store.write_positions().expect("works");
            it.store.commit().expect("works");
        }
        assert_eq!(it.store.write_counts().commits, commits + 1);
    }

    #[test]
    fn failed_sync_is_no_success_until_all_is_written_again() {
        static FAILS: AtomicBool = AtomicBool::new(true);
        let mut it = Fixture::new();
        it.store.wait_for_disk = |_| {};
        it.store.wal.sync_data = |file| {
            if FAILS.swap(false, Ordering::Relaxed) {
                return Err(io::Error::other("the disk is on fire"));
            }
            file.sync_data()
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let by = Arc::clone(&told);
        it.store.on_stall(move |stalled| by.lock().expect("works").push(stalled));
        let delivery = it.record("one");
        it.store.commit().expect("works in the end");
        assert_eq!(*told.lock().expect("works"), [true, false]);
        // What a power loss leaves if the disk never took the log.
        let copy = tempfile::tempdir().expect("a directory");
        fs::copy(it.directory.path().join(DB_FILE), copy.path().join(DB_FILE)).expect("works");
        let log =
            fs::metadata(it.directory.path().join(format!("{DB_FILE}-wal"))).expect("is there");
        assert_eq!(log.len(), 0);
        let store = Store::open(copy.path()).expect("opens");
        let open = store.open_deliveries(it.to, DeliveryId(0), 9).expect("reads");
        assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), [delivery]);
    }

    /// Syncs when the test says so, and as it says.
    static DISK: Mutex<Option<Receiver<bool>>> = Mutex::new(None);

    fn sync_when_told(file: &File) -> io::Result<()> {
        let disk = DISK.lock().expect("works");
        let works = disk.as_ref().expect("is there").recv().expect("is told");
        if works { file.sync_data() } else { Err(io::Error::other("the disk is on fire")) }
    }

    #[test]
    fn commits_go_on_while_the_disk_works_and_count_once_it_is_done() {
        let (tell, told) = mpsc::channel();
        *DISK.lock().expect("works") = Some(told);
        let mut it = Fixture::new();
        it.store.wait_for_disk = |_| {};
        it.store.wal.sync_data = sync_when_told;
        let (done, synced) = mpsc::channel();
        it.store.sync_in_background(move || done.send(()).expect("works")).expect("starts");
        let mut points = Vec::new();
        for body in ["one", "two"] {
            it.record(body);
            it.store.commit_in_background().expect("works");
            points.push(it.store.sync_point());
        }
        it.store.poll_sync().expect("works");
        let are_synced = |it: &Fixture, points: &[SyncPoint]| {
            points.iter().map(|point| it.store.is_synced(*point)).collect::<Vec<_>>()
        };
        assert_eq!(are_synced(&it, &points), [false, false]);
        tell.send(true).expect("works");
        synced.recv().expect("is told");
        it.store.poll_sync().expect("works");
        assert_eq!(
            are_synced(&it, &points),
            [true, false],
            "the second came after the sync had begun"
        );
        // The next sync has begun by itself. It fails, so that all is written elsewhere.
        tell.send(false).expect("works");
        tell.send(true).expect("works");
        synced.recv().expect("is told");
        it.store.poll_sync().expect("works in the end");
        assert_eq!(are_synced(&it, &points), [true, true]);
        let log = it.directory.path().join(format!("{DB_FILE}-wal"));
        assert_eq!(fs::metadata(log).expect("is there").len(), 0);
    }

    #[test]
    fn commits_wait_when_too_many_are_ahead_of_the_disk() {
        let mut it = Fixture::new();
        it.store.sync_in_background(|| {}).expect("starts");
        for number in 0..50 {
            it.record(&number.to_string());
            it.store.commit_in_background().expect("works");
            assert!(it.store.wal.unsynced() <= u64::from(MAX_UNSYNCED));
        }
    }
}
