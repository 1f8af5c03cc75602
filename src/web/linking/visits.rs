//! What is kept of each page between its steps: the account that was found, and what came of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as StepLock;

use super::browser_key::BrowserKey;
use crate::domain::{AccountSecrets, LetsChatUserId};

/// How many pages may be between two steps.
const MAX_VISITS: usize = 100;

/// How long an account waits to be confirmed.
const MAX_IDLE: Duration = Duration::from_secs(5 * 60);

/// A page in the browser that it belongs to. One step of it is done at a time.
pub(super) type PageVisit = Arc<StepLock<VisitStage>>;

type VisitKey = (String, BrowserKey);

/// What has been done on a page.
#[derive(Debug, Default)]
pub(super) enum VisitStage {
    /// Nothing yet.
    #[default]
    Begun,
    /// The browser has access to this account, and has not confirmed it.
    Found(FoundAccount),
    /// The page has served its purpose.
    Done(LinkOutcome),
}

/// An account to which a browser has access.
#[derive(Debug, Clone)]
pub(in crate::web) struct FoundAccount {
    pub(in crate::web) user: LetsChatUserId,
    pub(in crate::web) username: String,
    pub(in crate::web) display_name: String,
    pub(in crate::web) secrets: AccountSecrets,
    /// Whether the bridge may have it, since its answer is missing.
    pub(super) may_be_linked: bool,
}

/// What came of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkOutcome {
    /// The bridge speaks as this account.
    Linked(String),
    /// The account that the bridge made is its person's, under this user name.
    TakenOver(String),
    /// The bridge speaks as none of their accounts.
    Unlinked,
}

/// All pages between two steps.
#[derive(Default)]
pub(super) struct PageVisits {
    open: Mutex<HashMap<VisitKey, OpenVisit>>,
}

struct OpenVisit {
    visit: PageVisit,
    used_at: Instant,
}

impl FoundAccount {
    /// What a page may show.
    pub(super) fn without_secrets(&self) -> Self {
        Self {
            user: self.user.clone(),
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            secrets: AccountSecrets::default(),
            may_be_linked: self.may_be_linked,
        }
    }
}

impl PageVisits {
    /// The visit for the next step of a page; `None` if there are too many.
    pub(super) fn enter(
        &self,
        code: &str,
        browser: &BrowserKey,
        now: Instant,
    ) -> Option<PageVisit> {
        let mut open = self.lock();
        let key = (code.to_owned(), browser.clone());
        if !open.contains_key(&key) && open.len() >= MAX_VISITS {
            return None;
        }
        let entry = open.entry(key);
        let entry =
            entry.or_insert_with(|| OpenVisit { visit: PageVisit::default(), used_at: now });
        entry.used_at = now;
        Some(entry.visit.clone())
    }

    /// The visit of a page, if something has been done there.
    pub(super) fn find(&self, code: &str, browser: &BrowserKey) -> Option<PageVisit> {
        let key = (code.to_owned(), browser.clone());
        self.lock().get(&key).map(|entry| entry.visit.clone())
    }

    /// Forgets all that nobody has used for some minutes, and those where nothing was done. Returns the accounts
    /// that were not confirmed.
    pub(super) fn sweep(&self, now: Instant) -> Vec<FoundAccount> {
        let mut left = Vec::new();
        self.lock().retain(|_, entry| {
            let is_old = now.saturating_duration_since(entry.used_at) > MAX_IDLE;
            // Somebody else has it if a step is being done.
            let Some(visit) = Arc::get_mut(&mut entry.visit) else { return true };
            match visit.get_mut() {
                VisitStage::Begun => false,
                VisitStage::Found(account) if is_old => {
                    left.push(account.clone());
                    false
                }
                VisitStage::Found(_) | VisitStage::Done(_) => !is_old,
            }
        });
        left
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VisitKey, OpenVisit>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PageVisits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageVisits").field("open", &self.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account() -> FoundAccount {
        FoundAccount {
            user: LetsChatUserId("u1".into()),
            username: "david".to_owned(),
            display_name: "David".to_owned(),
            secrets: AccountSecrets::default(),
            may_be_linked: false,
        }
    }

    fn found(visits: &PageVisits, code: &str, browser: &BrowserKey, now: Instant) {
        let visit = visits.enter(code, browser, now).unwrap();
        *visit.try_lock().unwrap() = VisitStage::Found(account());
    }

    #[test]
    fn account_is_forgotten_after_five_minutes() {
        let (visits, browser, now) =
            (PageVisits::default(), BrowserKey::random().unwrap(), Instant::now());
        found(&visits, "code", &browser, now);
        assert!(visits.sweep(now + MAX_IDLE).is_empty());
        assert!(visits.find("code", &browser).is_some());
        assert!(visits.find("other", &browser).is_none());
        assert!(visits.find("code", &BrowserKey::random().unwrap()).is_none());
        let left = visits.sweep(now + MAX_IDLE + Duration::from_secs(1));
        assert_eq!(left.len(), 1);
        assert!(visits.find("code", &browser).is_none());
    }

    #[test]
    fn only_so_many_are_kept() {
        let (visits, browser, now) =
            (PageVisits::default(), BrowserKey::random().unwrap(), Instant::now());
        for n in 0..MAX_VISITS {
            found(&visits, &n.to_string(), &browser, now);
        }
        assert!(visits.enter("one more", &browser, now).is_none());
        assert!(visits.enter("7", &browser, now).is_some(), "it has its place");
        let later = now + MAX_IDLE + Duration::from_secs(1);
        assert_eq!(visits.sweep(later).len(), MAX_VISITS);
        assert!(visits.enter("one more", &browser, later).is_some());
    }

    #[test]
    fn visit_is_kept_while_a_step_is_done_and_not_if_nothing_came_of_it() {
        let (visits, browser, now) =
            (PageVisits::default(), BrowserKey::random().unwrap(), Instant::now());
        let visit = visits.enter("code", &browser, now).unwrap();
        visits.sweep(now + 2 * MAX_IDLE);
        assert!(visits.find("code", &browser).is_some());
        drop(visit);
        visits.sweep(now);
        assert!(visits.find("code", &browser).is_none());
    }
}
