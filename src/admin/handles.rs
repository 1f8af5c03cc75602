//! What the API does through the program that runs the bridge: read the configuration again, and set what is logged.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::report::{ReloadView, ReloadedView};

/// A reload under way: its changes, or the mistakes for which the old configuration stays in use.
pub type ReloadFuture = Pin<Box<dyn Future<Output = Result<ReloadedView, Vec<String>>> + Send>>;

/// Asks the program to read the configuration again, and knows the result of the last time, also by a signal.
#[derive(Clone)]
pub struct ReloadHandle {
    inner: Arc<ReloadInner>,
}

struct ReloadInner {
    ask: Box<dyn Fn() -> ReloadFuture + Send + Sync>,
    past: Mutex<PastReloads>,
}

#[derive(Debug, Clone)]
struct PastReloads {
    loaded_at: Timestamp,
    last: Option<ReloadView>,
}

impl ReloadHandle {
    /// Asks by `ask`, whose future ends with what the program answers. The settings in use were read at `loaded_at`.
    pub fn new(
        loaded_at: Timestamp,
        ask: impl Fn() -> ReloadFuture + Send + Sync + 'static,
    ) -> Self {
        let past = Mutex::new(PastReloads { loaded_at, last: None });
        Self { inner: Arc::new(ReloadInner { ask: Box::new(ask), past }) }
    }

    /// The program has read the configuration again, for whatever reason.
    pub fn record(&self, at: Timestamp, outcome: &Result<ReloadedView, Vec<String>>) {
        let mut past = self.inner.past();
        if outcome.is_ok() {
            past.loaded_at = at;
        }
        let mistakes = outcome.as_ref().err().cloned().unwrap_or_default();
        past.last = Some(ReloadView { at, ok: outcome.is_ok(), mistakes });
    }

    /// Reads the configuration again and applies it.
    ///
    /// # Errors
    /// The mistakes of the configuration. Nothing has changed then.
    pub async fn reload(&self) -> Result<ReloadedView, Vec<String>> {
        (self.inner.ask)().await
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
    use super::*;

    #[tokio::test]
    async fn old_settings_stay_in_use_after_mistakes() {
        let no = || Err(vec!["line 3: no".to_owned()]);
        let reload =
            ReloadHandle::new(Timestamp::UNIX_EPOCH, move || Box::pin(async move { no() }));
        assert_eq!(reload.last(), None);
        assert_eq!(reload.reload().await, no());
        let later = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(5);
        reload.record(later, &no());
        let last = reload.last().expect("there was one");
        assert_eq!((last.at, last.ok, last.mistakes.len()), (later, false, 1));
        assert_eq!(reload.loaded_at(), Timestamp::UNIX_EPOCH);
        reload.record(later, &Ok(ReloadedView::default()));
        assert!(reload.last().is_some_and(|last| last.ok && last.mistakes.is_empty()));
        assert_eq!(reload.loaded_at(), later);
    }
}
