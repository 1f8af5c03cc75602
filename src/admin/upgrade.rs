//! How the API has the running program replaced: through the program that runs the bridge.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{ApiError, ErrorView};
use crate::version::VERSION;

/// An upgrade that is being prepared: how it began, or why it is refused.
pub type UpgradeFuture = Pin<Box<dyn Future<Output = Result<UpgradeBegunView, ErrorView>> + Send>>;

/// Asks the program to be replaced, and knows what came of the last time.
#[derive(Clone)]
pub struct UpgradeHandle {
    inner: Arc<UpgradeInner>,
}

struct UpgradeInner {
    ask: Box<dyn Fn(UpgradeRequestBody) -> UpgradeFuture + Send + Sync>,
    known: Mutex<KnownUpgrades>,
}

#[derive(Debug, Default)]
struct KnownUpgrades {
    /// Whether one is being prepared.
    is_asked: bool,
    /// The one that has begun.
    under_way: Option<String>,
    last: Option<UpgradeView>,
}

/// What is to be started instead of the running program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpgradeRequestBody {
    /// The new program, by its absolute path; the one by which the running one was started, if none is named.
    pub program: Option<PathBuf>,
}

/// An upgrade that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeBegunView {
    /// Distinguishes it from others.
    pub id: String,
    /// The version that runs.
    pub from_version: String,
    /// The new version.
    pub to_version: String,
    /// Within how many seconds the new version answers, unless something is wrong.
    pub within_secs: u64,
    /// The number of the process, which the new version has, too.
    pub pid: u32,
}

/// What came of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeView {
    /// Distinguishes it from others.
    pub id: String,
    /// The version before.
    pub from_version: String,
    /// The version since.
    pub to_version: String,
    /// How many connections to IRC were kept.
    pub kept: usize,
    /// Those that had to be made anew.
    pub lost: Vec<LostConnectionView>,
    /// For how many milliseconds nobody has read what the servers sent.
    pub away_ms: u64,
    /// Why the program could not be replaced; the version before goes on then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A connection that had to be made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostConnectionView {
    /// The network, and whose puppet it was.
    pub connection: String,
    /// Why.
    pub reason: String,
}

/// What is known of upgrades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeStatusView {
    /// The version that runs.
    pub version: String,
    /// The upgrade that has begun; the new version answers soon.
    pub under_way: Option<String>,
    /// The upgrade by which this version came to run.
    pub last: Option<UpgradeView>,
}

impl UpgradeHandle {
    /// Asks by `ask`, whose future ends with what the program answers.
    pub fn new(ask: impl Fn(UpgradeRequestBody) -> UpgradeFuture + Send + Sync + 'static) -> Self {
        let known = Mutex::default();
        Self { inner: Arc::new(UpgradeInner { ask: Box::new(ask), known }) }
    }

    /// This upgrade goes on: the program does not know yet what becomes of the connections.
    pub fn go_on(&self, id: &str) {
        let mut known = self.known();
        if known.last.as_ref().is_none_or(|last| last.id != id) {
            known.under_way = Some(id.to_owned());
        }
    }

    /// The program has come to run, or to go on, by this upgrade.
    pub fn record(&self, view: UpgradeView) {
        let mut known = self.known();
        (known.under_way, known.last) = (None, Some(view));
    }

    /// As [`UpgradeHandle::record`], unless it is known how this upgrade has failed.
    pub fn record_unless_known(&self, view: UpgradeView) {
        if self.known().last.as_ref().is_none_or(|last| last.id != view.id) {
            self.record(view);
        }
    }

    /// Begins to replace the program.
    pub(super) async fn begin(
        &self,
        request: UpgradeRequestBody,
    ) -> Result<UpgradeBegunView, ApiError> {
        {
            let mut known = self.known();
            if known.is_asked || known.under_way.is_some() {
                let words = "an upgrade is under way: wait until it is done";
                return Err(ApiError::new(StatusCode::CONFLICT, words));
            }
            known.is_asked = true;
        }
        let begun = (self.inner.ask)(request).await;
        let mut known = self.known();
        known.is_asked = false;
        match begun {
            Ok(begun) => {
                known.under_way = Some(begun.id.clone());
                Ok(begun)
            }
            Err(ErrorView { error, mistakes }) => Err(ApiError::mistakes(&error, mistakes)),
        }
    }

    /// What is known.
    pub(super) fn status(&self) -> UpgradeStatusView {
        let known = self.known();
        let (under_way, last) = (known.under_way.clone(), known.last.clone());
        UpgradeStatusView { version: VERSION.to_owned(), under_way, last }
    }

    fn known(&self) -> MutexGuard<'_, KnownUpgrades> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for UpgradeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeHandle").field("known", &*self.known()).finish_non_exhaustive()
    }
}
