//! Signing in with a password, and the sessions of browsers that follow.

use std::time::{Duration, Instant};

use super::{ServerState, account};
use crate::letschat::id::Id;

/// After so many wrong passwords the real server locks an account.
const ATTEMPTS: u32 = 3;

/// How long it is locked then. Each further wrong password doubles the time.
const LOCK: Duration = Duration::from_secs(5);

/// What becomes of an attempt to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Login {
    /// The cookie of the session.
    Begun(String),
    Wrong,
    Locked,
}

/// The wrong passwords for one username.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    count: u32,
    locked_until: Option<Instant>,
}

impl ServerState {
    /// Signs in, or counts the attempt. It is counted for usernames of nobody, too.
    pub(in super::super) fn sign_in(&mut self, username: &str, password: &str) -> Login {
        let username = username.to_lowercase();
        let attempts = self.attempts.entry(username.clone()).or_default();
        if attempts.locked_until.is_some_and(|until| Instant::now() < until) {
            return Login::Locked;
        }
        let account = self.accounts.iter().find(|account| account.username == username);
        let id = account.filter(|it| it.password.as_deref() == Some(password)).map(|it| &it.id);
        let Some(id) = id.cloned() else {
            attempts.count += 1;
            if attempts.count < ATTEMPTS {
                return Login::Wrong;
            }
            let lock = LOCK * 2_u32.saturating_pow((attempts.count - ATTEMPTS).min(16));
            attempts.locked_until = Some(Instant::now() + lock);
            return Login::Locked;
        };
        self.attempts.remove(&username);
        let cookie = format!("s%3A{}", account::new_secret());
        self.logins.insert(cookie.clone(), id);
        Login::Begun(cookie)
    }

    /// Whose session a `Cookie` header names.
    pub(in super::super) fn account_of_cookies(&self, cookies: &str) -> Option<Id> {
        let values = cookies.split(';').filter_map(|pair| pair.trim().strip_prefix("connect.sid="));
        values.filter_map(|cookie| self.logins.get(cookie)).next().cloned()
    }
}
