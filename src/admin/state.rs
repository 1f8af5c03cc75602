//! What all routes share: the running bridge, and how to control it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time;

use super::cluster::{ClusterMonitor, HandoverHandle};
use super::event_hub::EventHub;
use super::handles::{LogLevelControl, ReloadHandle};
use super::report::PeopleCounts;
use super::samples::SampleLog;
use super::upgrade::UpgradeHandle;
use super::warnings::RecentWarnings;
use crate::bridge::{BridgeReport, Stats};
use crate::service::progress::{ProgressReader, ProgressReport};
use crate::service::{ArchiveMonitor, BridgeControl, Status};

/// How long the engine may take to say how the bridge is. It answers at once, unless the disk takes no writes.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// What all routes share. A route gets it as `State<SharedState>`.
pub(super) type SharedState = Arc<AdminState>;

/// The running bridge, as the administrator's API needs it.
#[derive(Debug)]
pub struct RunningParts {
    /// The way to the engine.
    pub control: BridgeControl,
    /// The status for systemd, which is known even while the engine waits for the disk.
    pub status: watch::Receiver<Status>,
    /// The counters since the start.
    pub stats: watch::Receiver<Stats>,
    /// How the archiver is.
    pub archive: ArchiveMonitor,
    /// Reads how far people have moved.
    pub progress: ProgressReader,
    /// Reads the configuration again.
    pub reload: ReloadHandle,
    /// Replaces the program.
    pub upgrade: UpgradeHandle,
    /// Lets another node take over.
    pub handover: HandoverHandle,
    /// Which nodes share the store; `None` for a bridge that runs alone.
    pub cluster: Option<ClusterMonitor>,
    /// Shows and sets what is logged.
    pub log_level: Arc<dyn LogLevelControl>,
    /// The latest warnings of the log.
    pub warnings: RecentWarnings,
    /// When the bridge started.
    pub started_at: Timestamp,
    /// The configuration file.
    pub config_path: PathBuf,
    /// The directory of the database.
    pub state_dir: PathBuf,
}

/// What all routes share.
#[derive(Debug)]
pub(super) struct AdminState {
    pub(super) bridge: RunningParts,
    /// Whether the bridge stops: answers without an end must end then.
    pub(super) stopping: watch::Receiver<bool>,
    /// The last minutes of each link.
    pub(super) samples: SampleLog,
    /// Those who listen to events.
    pub(super) events: EventHub,
    /// The last counts of people, and when they were read.
    pub(super) people_counts: tokio::sync::Mutex<Option<(PeopleCounts, time::Instant)>>,
    /// What the page about the move shows. Who counts holds it.
    pub(super) progress: tokio::sync::Mutex<Option<KeptProgress>>,
    last_report: Mutex<Option<BridgeReport>>,
}

/// What the page about the move shows, and when it was counted.
#[derive(Debug)]
pub(super) struct KeptProgress {
    pub(super) weeks: u32,
    pub(super) report: ProgressReport,
    pub(super) at: time::Instant,
}

/// How the bridge is, as far as that is known.
#[derive(Debug, Clone)]
pub(super) struct KnownReport {
    /// The last report; empty if there was none yet.
    pub(super) report: BridgeReport,
    /// Whether the engine has just said so. Otherwise it did not answer, and this is older.
    pub(super) is_current: bool,
}

impl AdminState {
    pub(super) fn new(bridge: RunningParts, stopping: watch::Receiver<bool>) -> SharedState {
        Arc::new(Self {
            bridge,
            stopping,
            samples: SampleLog::default(),
            events: EventHub::default(),
            people_counts: tokio::sync::Mutex::default(),
            progress: tokio::sync::Mutex::default(),
            last_report: Mutex::default(),
        })
    }

    /// Why the bridge does not run on this node; `None` if it does.
    pub(super) fn waits_for(&self) -> Option<String> {
        self.bridge.cluster.as_ref().and_then(|cluster| cluster.view().waits_for())
    }

    /// How the bridge is; after [`REPORT_TIMEOUT`] as it was when it last answered.
    pub(super) async fn report(&self) -> KnownReport {
        let answer = time::timeout(REPORT_TIMEOUT, self.bridge.control.report()).await;
        let mut last = self.last_report.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(Ok(report)) => {
                *last = Some(report.clone());
                KnownReport { report, is_current: true }
            }
            Ok(Err(_)) | Err(_) => {
                KnownReport { report: last.clone().unwrap_or_default(), is_current: false }
            }
        }
    }
}
