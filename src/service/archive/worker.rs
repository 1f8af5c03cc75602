//! What the archiver's thread does: copies, forgets what is too old, and tries again where that fails.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::orders::OrderFollower;
use super::rules::{LinkedRules, OwnAccount};
use super::{ArchiveMonitor, ArchiveStatus};
use crate::config::Settings;
use crate::store::PruneLimit;
use crate::store::archive::{Archive, ArchiveError, LedgerFeed, archive_size};

/// How soon to try again, if that can help by itself, and if somebody must act.
const RETRY_SOON: Duration = Duration::from_secs(2);
const RETRY_LATE: Duration = Duration::from_secs(30);

/// How long messages may wait before that is reported.
const MAX_LAG: Duration = Duration::from_secs(300);

/// Lines are forgotten in pieces, and for so long in a row, so that new ones do not wait.
const FORGET_BATCH: u32 = 500;
const FORGET_TIME: Duration = Duration::from_millis(200);

/// Enough to copy everything that was heard in the time of a stop.
const MAX_BATCHES_AT_END: usize = 10_000;

/// What the archiver works with.
#[derive(Debug)]
pub(super) struct WorkerSettings {
    is_enabled: bool,
    keep: Option<SignedDuration>,
    rules: LinkedRules,
}

impl WorkerSettings {
    pub(super) fn new(settings: &Settings, own: OwnAccount) -> Self {
        let keep = settings.archive.keep.and_then(|keep| SignedDuration::try_from(keep).ok());
        let rules = LinkedRules::new(settings, own);
        Self { is_enabled: settings.archive.enabled, keep, rules }
    }
}

/// The archive and the ledger, both open.
#[derive(Debug)]
struct OpenFeed {
    archive: Archive,
    feed: LedgerFeed,
}

/// The state of the archiver.
#[derive(Debug)]
pub(super) struct ArchiveWorker {
    state_dir: PathBuf,
    settings: Option<WorkerSettings>,
    open: Option<OpenFeed>,
    orders: OrderFollower,
    limit: PruneLimit,
    monitor: ArchiveMonitor,
    status: ArchiveStatus,
    /// What was reported, until it works again.
    problem: Option<String>,
    /// The archive was removed while it was in use: no new one is made.
    is_gone: bool,
    retry_at: Instant,
    /// Since when messages wait.
    behind_since: Option<Instant>,
    is_lag_reported: bool,
}

impl ArchiveWorker {
    pub(super) fn new(state_dir: &Path, limit: PruneLimit, monitor: ArchiveMonitor) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            settings: None,
            open: None,
            orders: OrderFollower::new(state_dir),
            limit,
            monitor,
            status: ArchiveStatus::default(),
            problem: None,
            is_gone: false,
            retry_at: Instant::now(),
            behind_since: None,
            is_lag_reported: false,
        }
    }

    /// Goes on with these settings. Returns the last message of the ledger that is archived, if that is known.
    pub(super) fn configure(&mut self, settings: WorkerSettings) -> Option<i64> {
        self.status.is_enabled = settings.is_enabled;
        let is_enabled = settings.is_enabled;
        // Without an archive, the rules of a thousand links would be memory for nothing.
        self.settings = is_enabled.then_some(settings);
        if !is_enabled {
            self.switch_off();
            self.publish();
            return None;
        }
        if self.open.is_none() {
            // Nothing is pruned before it is known what is archived.
            self.limit.set(i64::MIN);
            self.retry_at = Instant::now();
            let opened = self.try_open();
            self.note(opened);
        }
        self.publish();
        let archive = &self.open.as_ref()?.archive;
        archive.fed_up_to().ok().flatten()
    }

    /// What is heard from now on is not archived, even if it is switched on again later.
    fn switch_off(&mut self) {
        self.limit.lift();
        let open = self.open.take().map(|open| open.archive);
        let archive = match open {
            Some(archive) => Ok(archive),
            None => Archive::open(&self.state_dir),
        };
        let stopped = archive.and_then(|archive| archive.stop_feed());
        match stopped {
            Ok(()) | Err(ArchiveError::Missing(_)) => {}
            Err(error) => tracing::warn!(
                %error,
                "the archive is off, but could not be told so: if it is switched on again, it also gets what was said meanwhile"
            ),
        }
        (self.problem, self.behind_since) = (None, None);
        self.status.waiting = 0;
    }

    /// Copies what is new. Never waits long.
    pub(super) fn work(&mut self) {
        if self.status.is_enabled && Instant::now() >= self.retry_at {
            let worked = self.try_open().and_then(|()| self.copy_and_forget());
            self.note(worked);
            self.watch_lag();
        }
        if !self.status.is_enabled {
            // There may be logs that were imported.
            self.orders.work();
        }
        self.publish();
    }

    /// Copies all that is there.
    pub(super) fn finish(&mut self) {
        if !self.status.is_enabled {
            return;
        }
        for _ in 0..MAX_BATCHES_AT_END {
            let copied = self.try_open().and_then(|()| self.copy());
            let is_over = copied.is_err() || self.status.waiting == 0;
            self.note(copied);
            if is_over {
                break;
            }
        }
        self.publish();
    }

    fn try_open(&mut self) -> Result<(), ArchiveError> {
        if self.open.is_some() {
            return Ok(());
        }
        let archive = if self.is_gone {
            Archive::open(&self.state_dir)?
        } else {
            Archive::open_or_make(&self.state_dir)?
        };
        let feed = LedgerFeed::open(&self.state_dir)?;
        let up_to = feed.begin(&archive, Timestamp::now())?;
        self.limit.set(up_to);
        tracing::info!(path = %archive.path().display(), "archiving what is said");
        self.open = Some(OpenFeed { archive, feed });
        self.is_gone = false;
        Ok(())
    }

    fn copy_and_forget(&mut self) -> Result<(), ArchiveError> {
        self.copy()?;
        let keep = self.settings.as_ref().and_then(|settings| settings.keep);
        let (Some(keep), Some(open)) = (keep, &mut self.open) else { return Ok(()) };
        let Ok(before) = Timestamp::now().checked_sub(keep) else { return Ok(()) };
        let began = Instant::now();
        while began.elapsed() < FORGET_TIME && open.archive.forget_before(before, FORGET_BATCH)? > 0
        {
        }
        Ok(())
    }

    fn copy(&mut self) -> Result<(), ArchiveError> {
        // First: what was taken out must not come in.
        self.orders.follow()?;
        let (Some(open), Some(settings)) = (&mut self.open, &self.settings) else { return Ok(()) };
        let progress = open.feed.copy(&mut open.archive, &settings.rules, Timestamp::now())?;
        self.limit.set(progress.up_to);
        self.status.lines += progress.added;
        self.status.waiting = progress.waiting;
        Ok(())
    }

    /// Reports a failure once, and that it is over.
    fn note(&mut self, outcome: Result<(), ArchiveError>) {
        self.status.is_writable = outcome.is_ok();
        let Err(error) = outcome else {
            if self.problem.take().is_some() {
                tracing::info!("the archive can be written again");
            }
            return;
        };
        let retry = if error.is_transient() { RETRY_SOON } else { RETRY_LATE };
        self.retry_at = Instant::now() + retry;
        self.is_gone |= matches!(error, ArchiveError::Gone(_));
        // A file that is damaged may be replaced.
        self.open = None;
        let words = error.to_string();
        // A file that is missing after it was removed is the same problem.
        let is_known = self.problem.is_some() && self.is_gone
            || self.problem.as_ref().is_some_and(|known| *known == words);
        if !is_known {
            tracing::error!(
                error = words,
                "cannot archive what is said; the bridge goes on, and tries again"
            );
        }
        self.problem = Some(words);
    }

    fn watch_lag(&mut self) {
        if self.status.waiting == 0 || self.problem.is_some() {
            if self.is_lag_reported && self.problem.is_none() {
                tracing::info!("the archive has caught up");
            }
            (self.behind_since, self.is_lag_reported) = (None, false);
            return;
        }
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= MAX_LAG && !self.is_lag_reported {
            self.is_lag_reported = true;
            tracing::warn!(waiting = self.status.waiting, "the archive lags behind what is said");
        }
    }

    fn publish(&mut self) {
        self.status.bytes = archive_size(&self.state_dir);
        self.monitor.set(self.status);
    }
}
