//! What the API does through the program that runs the bridge: read the configuration again, and set what is logged.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::report::ReloadView;

/// What a reload has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReloadSummary {
    /// What is different now, one sentence each: `link office/#tea tea added`.
    pub changes: Vec<String>,
    /// The warnings about the configuration, and what takes effect only after a restart.
    pub warnings: Vec<String>,
}

/// A reload under way: its changes, or the mistakes for which the old configuration stays in use.
pub type ReloadFuture = Pin<Box<dyn Future<Output = Result<ReloadSummary, Vec<String>>> + Send>>;

/// Reads the configuration again, and remembers what came of it. Signals and the API share one.
#[derive(Clone)]
pub struct ReloadHandle {
    inner: Arc<ReloadInner>,
}

struct ReloadInner {
    begin: Box<dyn Fn() -> ReloadFuture + Send + Sync>,
    /// Held during a reload: the next one waits.
    turn: tokio::sync::Mutex<()>,
    past: Mutex<PastReloads>,
}

#[derive(Debug, Clone)]
struct PastReloads {
    loaded_at: Timestamp,
    last: Option<ReloadView>,
}

impl ReloadHandle {
    /// Reloads by `begin`, whose future must not wait for another reload. The settings in use were read at
    /// `loaded_at`.
    pub fn new(
        loaded_at: Timestamp,
        begin: impl Fn() -> ReloadFuture + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(ReloadInner {
                begin: Box::new(begin),
                turn: tokio::sync::Mutex::new(()),
                past: Mutex::new(PastReloads { loaded_at, last: None }),
            }),
        }
    }

    /// Reads the configuration again and applies it. It is finished even if the caller goes away. Must be called within
    /// a Tokio runtime.
    ///
    /// # Errors
    /// The mistakes of the configuration. Nothing has changed then.
    pub async fn reload(&self) -> Result<ReloadSummary, Vec<String>> {
        let inner = Arc::clone(&self.inner);
        let work = tokio::spawn(async move {
            let _turn = inner.turn.lock().await;
            let outcome = (inner.begin)().await;
            let at = Timestamp::now();
            let mut past = inner.past();
            if outcome.is_ok() {
                past.loaded_at = at;
            }
            let mistakes = outcome.as_ref().err().cloned().unwrap_or_default();
            past.last = Some(ReloadView { at, ok: outcome.is_ok(), mistakes });
            outcome
        });
        work.await.unwrap_or_else(|_| Err(vec!["the bridge is stopping".to_owned()]))
    }

    /// When the settings in use were read.
    pub(super) fn loaded_at(&self) -> Timestamp {
        self.inner.past().loaded_at
    }

    /// What came of the last reload; `None` if there was none.
    pub(super) fn last(&self) -> Option<ReloadView> {
        self.inner.past().last.clone()
    }
}

impl ReloadInner {
    fn past(&self) -> MutexGuard<'_, PastReloads> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ReloadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadHandle").field("past", &*self.inner.past()).finish_non_exhaustive()
    }
}

/// Shows and sets what is logged.
pub trait LogLevelControl: fmt::Debug + Send + Sync {
    /// The level, such as `info`, or the filter, such as `info,letsbridge::net=debug`.
    fn level(&self) -> String;

    /// Sets the level or the filter, until the bridge is restarted or reads its configuration again.
    ///
    /// # Errors
    /// When it is neither, in words.
    fn set_level(&self, level: &str) -> Result<(), String>;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn reload_is_remembered_and_the_old_time_stays_after_mistakes() {
        let calls = AtomicUsize::new(0);
        let reload = ReloadHandle::new(Timestamp::UNIX_EPOCH, move || {
            let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move {
                match is_first {
                    true => Err(vec!["line 3: no".to_owned()]),
                    false => Ok(ReloadSummary::default()),
                }
            })
        });
        assert_eq!(reload.last(), None);
        assert_eq!(reload.reload().await, Err(vec!["line 3: no".to_owned()]));
        let last = reload.last().expect("there was one");
        assert_eq!((last.ok, last.mistakes.len()), (false, 1));
        assert_eq!(reload.loaded_at(), Timestamp::UNIX_EPOCH);
        assert_eq!(reload.reload().await, Ok(ReloadSummary::default()));
        assert!(reload.last().is_some_and(|last| last.ok && last.mistakes.is_empty()));
        assert!(reload.loaded_at() > Timestamp::UNIX_EPOCH);
    }
}
