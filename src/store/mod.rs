//! Durable state: the ledger of received messages, the outbox of deliveries, the cursors.
//!
//! One SQLite database in `state_dir`, written by one thread. A turn of the service is one transaction: it
//! starts with the first write and ends with [`Store::commit`], which returns once the data is on disk, unless
//! the bridge would find out all of it again (see `wal_sync`).

mod accounts;
mod activity;
pub mod archive;
mod audit;
mod background_sync;
mod backup;
mod cluster;
mod columns;
mod commit;
mod cursors;
mod damage;
mod durability;
mod endpoints;
mod error;
mod failures;
mod files;
mod first_joins;
mod foreign;
mod hand_over;
mod immutable;
mod key_file;
mod ledger;
mod links;
mod look;
mod mutation;
mod nick_history;
mod opening;
mod outbox;
mod people;
mod phase_rows;
mod phases;
mod public_reader;
mod puppet_logins;
mod puppet_nicks;
mod read_positions;
mod redactions;
mod restoration;
mod revocations;
mod schema;
mod sealer;
mod uncommitted;
mod unheard;
mod users;
mod wal;
mod wal_sync;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use accounts::{is_missing, read_people, read_people_in_same_program, size_on_disk};
pub use activity::{
    ActivityCount, ActivityKey, LedgerActivity, Week, read_activity, read_activity_in_same_program,
};
pub use audit::{LedgerEntry, SentDelivery, Snapshot, Totals};
pub use backup::{
    BackupError, BackupRequest, BackupSummary, RestoreRequest, RestoreSummary, back_up, restore,
};
pub use cluster::{
    ClusterCheck, ClusterConfig, ClusterNode, ClusterUrl, CopiedTable, CopyProgress, CopyStep,
    CopySummary, Lease, NodeRole, NodeStatus, PostgresError, PostgresTls, SeenNode, StoredCluster,
    check_cluster, copy_to_postgres, copy_to_sqlite, read_cluster, redact_in_cluster,
    revoke_in_cluster,
};
pub use cursors::{ChannelProgress, Cursor, Msgid};
pub use error::StoreError;
pub use failures::UnreportedFailure;
pub(crate) use files::{make as make_file, open as open_file};
pub use first_joins::read_first_joins;
#[cfg(test)]
pub(crate) use foreign::make_quassel_database;
pub use foreign::{ForeignChannel, ForeignEntries, ForeignLog, ForeignLogError, QuasselMessage};
pub use key_file::{StoreKey, load_link_key, load_or_create_account_key, load_or_create_link_key};
pub use ledger::{MessageId, PruneLimit};
pub use links::{PausedLink, WaitingCount, WaitingFilter};
pub use look::{Look, check_schema, look};
pub use people::{KnownNick, Person};
pub use phase_rows::{
    ChannelModeration, PhasePlace, PhaseTold, ToldPhase, UnheardLink, UnheardRange,
};
pub use public_reader::{Paste, PublicReader};
pub use puppet_logins::{KeptPuppetLogin, read_puppet_logins};
pub use redactions::{RedactionOrder, SharedRedaction, order_redaction};
pub use restoration::Restoration;
pub use revocations::{Revocation, revoke};
pub use unheard::UnheardCount;
pub use users::RecentDm;
pub use wal_sync::{SyncPoint, WriteCounts};

use commit::DISK_RETRY_INTERVAL;
use durability::{Durability, LocalOnly};
use files::FileIdentity;
use mutation::Mutation;
use opening::{LOCK_FILE, claim_and_lock, make, set_up};
use read_positions::ReadPositions;
use redactions::{RedactedItems, RedactedLine};
use sealer::Sealer;
use uncommitted::Uncommitted;
use wal_sync::WalSync;

/// The database's file name in `state_dir`.
const DB_FILE: &str = "letsbridge.sqlite3";

/// How long another program (a backup, `sqlite3`) may hold the database before it counts as locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The bridge's durable state.
///
/// While the disk is full or unavailable, changes are kept in memory and retried. The caller blocks
/// meanwhile, so that nothing is lost.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    /// Held until the store is closed: two bridges on one state would send everything twice.
    _lock: Option<File>,
    /// Changes made since the last commit.
    uncommitted: Uncommitted,
    positions: ReadPositions,
    next_message_id: i64,
    next_delivery_id: i64,
    /// How far the ledger was pruned.
    prune_position: (i64, i64),
    /// What must not be pruned.
    prune_limit: PruneLimit,
    /// Waits before the next attempt while the disk is unavailable.
    wait_for_disk: fn(&Connection),
    /// Called when writes start to fail and when they work again.
    stall_hook: StallHook,
    /// Encrypts what gives access to people's accounts.
    sealer: Sealer,
    /// Where a turn must be durable, too.
    durability: Box<dyn Durability>,
    /// The open files with their identities, to detect that one was removed or replaced.
    places: Vec<(PathBuf, FileIdentity)>,
    /// What of the log is on the disk.
    wal: WalSync,
}

/// A callback for when the disk becomes unavailable and available again.
struct StallHook(Box<dyn Fn(bool) + Send>);

impl StallHook {
    fn none() -> Self {
        Self(Box::new(|_| {}))
    }
}

impl fmt::Debug for StallHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StallHook")
    }
}

impl Store {
    /// Opens the store in `directory`, creating both if necessary.
    ///
    /// # Errors
    /// When the directory cannot be used, or the store is in use or cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let (directory, held) = claim_and_lock(directory)?;
        let directory = &directory;
        let path = directory.join(DB_FILE);
        if !path.exists() {
            make(directory).map_err(|error| damage::named(error, &path))?;
        }
        damage::check_header(&path)?;
        wal::check(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags).map_err(StoreError::from);
        let opened = opened.and_then(|mut connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            let before = schema::upgrade(&mut connection)?;
            let now = schema::check(&connection, &path)?;
            if before < now {
                tracing::info!(before, now, "database of an older version brought up to date");
            }
            Ok(connection)
        });
        let store = opened.and_then(|connection| Self::init(connection, Some(held)));
        let mut store = store.map_err(|error| damage::named(error, &path))?;
        if cluster::is_copy(&store.connection)? {
            return Err(StoreError::IsCopy { path });
        }
        store.note_places(directory);
        store.wal = WalSync::open(&directory.join(format!("{DB_FILE}-wal")))?;
        Ok(store)
    }

    /// The store of a node, on its local copy in that directory, if it is in one. Foreign keys may be off.
    fn replicated(
        connection: Connection,
        durability: Box<dyn Durability>,
        (directory, lock): (Option<PathBuf>, Option<File>),
    ) -> Result<Self, StoreError> {
        let mut store = Self::init(connection, lock)?;
        store.durability = durability;
        if let Some(directory) = directory {
            store.note_places(&directory);
        }
        Ok(store)
    }

    /// Notes which files are open.
    fn note_places(&mut self, directory: &Path) {
        for file in [DB_FILE.to_owned(), format!("{DB_FILE}-wal"), format!("{DB_FILE}-shm")] {
            let path = directory.join(file);
            self.places.extend(files::identity(&path).map(|found| (path, found)));
        }
    }

    /// Checks that the open files have not been removed or replaced.
    ///
    /// # Errors
    /// When one was removed or replaced, so that writes would be lost.
    pub fn still_there(&self) -> Result<(), StoreError> {
        let moved = self.places.iter().find(|(path, open)| files::identity(path) != Some(*open));
        moved.map_or(Ok(()), |(path, _)| Err(StoreError::Gone(path.clone())))
    }

    /// A store in memory, which ends with the process.
    ///
    /// # Errors
    /// When SQLite runs out of memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        #[cfg(test)]
        if let Some(config) = cluster::config_of_tests() {
            return Ok(Self::in_memory_in_cluster(config)?.0);
        }
        let mut connection = Connection::open_in_memory()?;
        schema::create(&mut connection)?;
        Self::init(connection, None)
    }

    /// A store whose local copy is in memory, once this node is the active one: for tests of what PostgreSQL gets.
    ///
    /// # Errors
    /// When SQLite runs out of memory, or PostgreSQL refuses the node.
    pub fn in_memory_in_cluster(config: ClusterConfig) -> Result<(Self, Lease), StoreError> {
        let mut connection = Connection::open_in_memory()?;
        schema::create(&mut connection)?;
        ClusterNode::in_memory(config, connection)?.block_until_active()
    }

    fn init(connection: Connection, lock: Option<File>) -> Result<Self, StoreError> {
        set_up(&connection)?;
        let next = |sql| connection.query_row(sql, [], |row| row.get(0));
        let next_message = next("SELECT COALESCE(MAX(id), 0) + 1 FROM message")?;
        let next_ticket = next("SELECT COALESCE(MAX(id), 0) + 1 FROM delivery")?;
        let wait = |_: &Connection| thread::sleep(DISK_RETRY_INTERVAL);
        Ok(Self {
            connection,
            _lock: lock,
            uncommitted: Uncommitted::default(),
            positions: ReadPositions::default(),
            next_message_id: next_message,
            next_delivery_id: next_ticket,
            prune_position: ledger::PRUNE_START,
            prune_limit: PruneLimit::default(),
            wait_for_disk: wait,
            stall_hook: StallHook::none(),
            sealer: Sealer::ephemeral(),
            durability: Box::new(LocalOnly),
            places: Vec::new(),
            wal: WalSync::in_memory(),
        })
    }

    /// Encrypts what gives access to people's accounts with this key from now on. Without a key, it is readable
    /// only until the store is closed.
    pub fn set_account_key(&mut self, key: &StoreKey) {
        self.sealer = Sealer::new(key);
    }

    /// Calls `tell` with true when writes start to fail, and with false when they work again.
    pub fn on_stall(&mut self, tell: impl Fn(bool) + Send + 'static) {
        self.stall_hook = StallHook(Box::new(tell));
    }

    /// How often it was written since it was opened.
    #[must_use]
    pub fn write_counts(&self) -> WriteCounts {
        self.wal.counts()
    }

    /// Lets another node become active at once, after the last commit: the lease ends, and nothing can be written any
    /// more. Does nothing if the store is that of a bridge alone.
    ///
    /// # Errors
    /// When PostgreSQL cannot be reached: the other node then waits until it is sure that this one is silent.
    pub fn release(&mut self) -> Result<(), StoreError> {
        self.durability.release()
    }

    /// Whether anything was written since the last commit.
    #[must_use]
    pub fn has_uncommitted(&self) -> bool {
        !self.uncommitted.is_empty()
    }

    /// Forgets what was not committed, as a kill would: for tests of what the next start finds out again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_uncommitted(&mut self) -> Result<(), StoreError> {
        self.uncommitted.clear();
        self.positions = ReadPositions::default();
        if self.connection.is_autocommit() { Ok(()) } else { self.execute("ROLLBACK") }
    }

    /// Writes something that changes nothing, to find out whether the disk takes writes.
    ///
    /// # Errors
    /// When the store is broken; transient errors are retried.
    pub fn try_write(&mut self) -> Result<(), StoreError> {
        self.apply(Mutation::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Author, DeliveryId, Endpoint, Message, MessageKind};

    #[test]
    fn second_open_of_one_store_fails() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let _first = Store::open(directory.path()).expect("the first opens");
        let error = Store::open(directory.path()).expect_err("the second must not");
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
    }

    /// What opening, looking at and reading a store of this application id and version answer.
    fn errors_of(id: i64, version: i64) -> [StoreError; 3] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(directory.path()).expect("opens");
        store.connection.pragma_update(None, "user_version", version).expect("writes");
        store.connection.pragma_update(None, "application_id", id).expect("writes");
        drop(store);
        let path = directory.path().join(DB_FILE).display().to_string();
        let errors = [
            Store::open(directory.path()).expect_err("must not open"),
            look(directory.path()).expect_err("must not pass"),
            PublicReader::open(directory.path()).expect_err("must not open"),
        ];
        for error in &errors {
            let words = error.to_string();
            assert!(error.is_lasting() && words.contains(&path), "{error}");
            assert!(words.contains("move") && words.contains("away"), "{error}");
        }
        errors
    }

    #[test]
    fn newer_store_version_is_rejected() {
        for error in errors_of(0x4C74_7342, 99) {
            assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
        }
    }

    #[test]
    fn store_from_before_the_first_release_is_rejected() {
        for version in [1, 13] {
            for error in errors_of(0, version) {
                assert!(matches!(error, StoreError::TooOld { .. }), "{error}");
            }
        }
        for error in errors_of(0x4C74_7342, 1) {
            assert!(matches!(error, StoreError::TooOld { .. }), "{error}");
        }
        for error in errors_of(7, 1) {
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn error_names_the_unusable_directory() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = Store::open(file.path()).expect_err("must not open");
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }

    #[test]
    fn full_disk_is_retried_without_loss() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(directory.path()).expect("opens");
        let pages = |connection: &Connection, most: i64| {
            connection.pragma_update(None, "max_page_count", most).expect("can be set");
        };
        pages(&store.connection, 1);
        store.wait_for_disk = |connection| {
            connection.pragma_update(None, "max_page_count", 1 << 20).expect("can be set");
        };
        let endpoint = store.endpoint_id(&Endpoint::room("tea")).expect("waits");
        let message = Message {
            source: endpoint,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: "x".repeat(100_000),
            sent_at: Timestamp::UNIX_EPOCH,
        };
        let id = store.record(&message, Some("1")).expect("waits").expect("new");
        let delivery_id = store.enqueue(id, endpoint).expect("waits");
        store.commit().expect("waits");
        drop(store);
        let store = Store::open(directory.path()).expect("opens again");
        let open = store.open_deliveries(endpoint, DeliveryId(0), 9).expect("reads");
        assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), [delivery_id]);
        assert_eq!(open[0].message, message);
    }
}
