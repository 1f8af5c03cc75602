//! The browsers that have signed in with the token, for twelve hours. A restart of the bridge ends that.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;

/// The name of the cookie. Cookies are the same for all ports of a host.
pub(super) const COOKIE: &str = "letsbridge-admin";

/// How many browsers may be signed in; one more ends the oldest session.
const MAX_SESSIONS: usize = 100;

/// How long a browser stays signed in.
pub(super) const MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// The length of ids and tokens, in bytes.
const ID_LENGTH: usize = 32;

/// All browsers that have signed in.
#[derive(Default)]
pub(super) struct BrowserSessions {
    by_id: Mutex<HashMap<String, BrowserSession>>,
}

struct BrowserSession {
    csrf_token: String,
    since: Instant,
}

impl BrowserSessions {
    /// A browser has signed in. Returns the id for its cookie.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn begin(&self, now: Instant) -> Result<String, getrandom::Error> {
        let (id, csrf_token) = (random_text()?, random_text()?);
        let mut by_id = self.lock();
        by_id.retain(|_, session| session.is_valid(now));
        if by_id.len() >= MAX_SESSIONS
            && let Some(oldest) =
                by_id.iter().min_by_key(|(_, it)| it.since).map(|(id, _)| id.clone())
        {
            by_id.remove(&oldest);
        }
        by_id.insert(id.clone(), BrowserSession { csrf_token, since: now });
        Ok(id)
    }

    /// The token that the page in this browser must send; `None` if it has not signed in.
    pub(super) fn csrf_token(&self, id: &str, now: Instant) -> Option<String> {
        let by_id = self.lock();
        by_id
            .get(id)
            .filter(|session| session.is_valid(now))
            .map(|session| session.csrf_token.clone())
    }

    /// The browser signs out.
    pub(super) fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    /// All browsers must sign in again.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BrowserSession>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BrowserSession {
    fn is_valid(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < MAX_AGE
    }
}

impl fmt::Debug for BrowserSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserSessions").field("count", &self.lock().len()).finish()
    }
}

fn random_text() -> Result<String, getrandom::Error> {
    let mut bytes = [0; ID_LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn session_ends_after_its_age_or_when_the_browser_signs_out() {
        let (sessions, now) = (BrowserSessions::default(), Instant::now());
        let (one, other) = (sessions.begin(now).unwrap(), sessions.begin(now).unwrap());
        let token = sessions.csrf_token(&one, now + MAX_AGE - Duration::from_secs(1)).unwrap();
        assert!(token != one && Some(token) != sessions.csrf_token(&other, now));
        assert_eq!(sessions.csrf_token(&one, now + MAX_AGE), None);
        sessions.end(&one);
        assert_eq!(sessions.csrf_token(&one, now), None);
        assert!(sessions.csrf_token(&other, now).is_some());
        sessions.clear();
        assert_eq!(sessions.csrf_token(&other, now), None);
        assert!(!format!("{sessions:?}").contains(&other));
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let (sessions, now) = (BrowserSessions::default(), Instant::now());
        let at = |n: usize| now + Duration::from_secs(n.try_into().unwrap());
        let ids: Vec<String> = (0..=MAX_SESSIONS).map(|n| sessions.begin(at(n)).unwrap()).collect();
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
        assert_eq!(sessions.csrf_token(&ids[0], at(200)), None);
        assert!(sessions.csrf_token(&ids[1], at(200)).is_some());
    }
}
