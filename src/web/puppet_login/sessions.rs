//! The browsers that have signed in, for 15 minutes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{LetsChatUserId, Network};
use crate::web::linking::browser_key::BrowserKey;

/// How many browsers may be signed in.
const MAX_SIGNED_IN: usize = 200;

/// How long a browser stays signed in.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// A user of Let's Chat in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PuppetOwner {
    pub(super) user: LetsChatUserId,
    pub(super) username: String,
    /// What came of the last form.
    pub(super) notice: Option<PageNotice>,
}

/// What came of a form, for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageNotice {
    pub(super) network: Network,
    pub(super) is_good: bool,
    /// In words for the person.
    pub(super) text: String,
    /// The account that was typed, which is not to be typed again.
    pub(super) typed: String,
}

/// All browsers that have signed in.
#[derive(Default)]
pub(super) struct SignedInBrowsers {
    by_key: Mutex<HashMap<BrowserKey, (PuppetOwner, Instant)>>,
}

impl SignedInBrowsers {
    /// A browser has signed in. Returns whether there was room.
    pub(super) fn insert(&self, key: BrowserKey, who: PuppetOwner, now: Instant) -> bool {
        let mut by_key = self.lock();
        by_key.retain(|_, (_, since)| now.saturating_duration_since(*since) < MAX_AGE);
        let has_room = by_key.len() < MAX_SIGNED_IN;
        if has_room {
            by_key.insert(key, (who, now));
        }
        has_room
    }

    /// Who has signed in with this browser.
    pub(super) fn get(&self, key: &BrowserKey, now: Instant) -> Option<PuppetOwner> {
        let by_key = self.lock();
        let (who, since) = by_key.get(key)?;
        (now.saturating_duration_since(*since) < MAX_AGE).then(|| who.clone())
    }

    /// Sets what the next page says.
    pub(super) fn set_notice(&self, key: &BrowserKey, notice: PageNotice) {
        if let Some((who, _)) = self.lock().get_mut(key) {
            who.notice = Some(notice);
        }
    }

    /// Takes what the page is to say.
    pub(super) fn take_notice(&self, key: &BrowserKey) -> Option<PageNotice> {
        self.lock().get_mut(key)?.0.notice.take()
    }

    /// The browser signs out.
    pub(super) fn remove(&self, key: &BrowserKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BrowserKey, (PuppetOwner, Instant)>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SignedInBrowsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedInBrowsers").field("count", &self.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ann() -> PuppetOwner {
        PuppetOwner { user: LetsChatUserId("u1".into()), username: "ann".to_owned(), notice: None }
    }

    #[test]
    fn browser_is_signed_in_for_15_minutes() {
        let (browsers, now) = (SignedInBrowsers::default(), Instant::now());
        let (key, other) = (BrowserKey::random().unwrap(), BrowserKey::random().unwrap());
        assert!(browsers.insert(key.clone(), ann(), now));
        assert_eq!(browsers.get(&key, now + MAX_AGE - Duration::from_secs(1)), Some(ann()));
        assert_eq!(browsers.get(&key, now + MAX_AGE), None);
        assert_eq!(browsers.get(&other, now), None);
        browsers.remove(&key);
        assert_eq!(browsers.get(&key, now), None);
    }

    #[test]
    fn only_so_many_are_signed_in() {
        let (browsers, now) = (SignedInBrowsers::default(), Instant::now());
        for _ in 0..MAX_SIGNED_IN {
            assert!(browsers.insert(BrowserKey::random().unwrap(), ann(), now));
        }
        assert!(!browsers.insert(BrowserKey::random().unwrap(), ann(), now));
        assert!(browsers.insert(BrowserKey::random().unwrap(), ann(), now + MAX_AGE));
    }

    #[test]
    fn notice_is_shown_once() {
        let (browsers, now) = (SignedInBrowsers::default(), Instant::now());
        let key = BrowserKey::random().unwrap();
        browsers.insert(key.clone(), ann(), now);
        let notice = PageNotice {
            network: Network::new("office"),
            is_good: false,
            text: "No.".to_owned(),
            typed: "ann".to_owned(),
        };
        browsers.set_notice(&key, notice.clone());
        assert_eq!(browsers.take_notice(&key), Some(notice));
        assert_eq!(browsers.take_notice(&key), None);
    }
}
