//! Signing in with a password, and the sessions of browsers that follow. Sessions are in the database, and
//! outlive the process; the count of wrong passwords does not.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::ServerState;
use crate::letschat::id::{self, Id};

/// After so many wrong passwords the real server locks an account.
const ATTEMPTS: u32 = 3;

/// How long it is locked then. Each further wrong password doubles the time.
const LOCK: Duration = Duration::from_secs(5);

/// How many sessions of nobody are remembered; the oldest go first.
const ANONYMOUS_SESSIONS: usize = 256;

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Refused {
    Wrong,
    Locked,
}

/// Who sends a request, as its cookies tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Visitor {
    /// This account is signed in.
    SignedIn(Id),
    /// The session is known, and nobody is signed in.
    Anonymous,
    /// There is no session, or none that is known.
    Stranger,
}

/// The sessions, and the wrong passwords.
#[derive(Debug, Default)]
pub(in super::super) struct Logins {
    /// Whose session has which cookie, without its percent signs.
    sessions: HashMap<String, Id>,
    /// The cookies of those who have not signed in.
    anonymous: VecDeque<String>,
    /// By what was given as the username.
    attempts: HashMap<String, Attempts>,
    /// How often somebody signed in.
    pub begun: usize,
}

/// The wrong passwords for one username.
#[derive(Debug, Default)]
struct Attempts {
    count: u32,
    locked_until: Option<Instant>,
}

impl Logins {
    /// Begins a session of this account. The cookie, as `Set-Cookie` has it.
    pub(in super::super) fn begin(&mut self, who: Id) -> String {
        let cookie = new_cookie();
        self.sessions.insert(decode(&cookie), who);
        cookie
    }

    /// Begins a session in which nobody is signed in.
    pub(in super::super) fn begin_anonymous(&mut self) -> String {
        let cookie = new_cookie();
        if self.anonymous.len() == ANONYMOUS_SESSIONS {
            self.anonymous.pop_front();
        }
        self.anonymous.push_back(decode(&cookie));
        cookie
    }

    /// Who has these cookies.
    pub(in super::super) fn visitor(&self, cookies: &str) -> Visitor {
        let Some(cookie) = session_cookie(cookies) else { return Visitor::Stranger };
        match self.sessions.get(&cookie) {
            Some(who) => Visitor::SignedIn(who.clone()),
            None if self.anonymous.contains(&cookie) => Visitor::Anonymous,
            None => Visitor::Stranger,
        }
    }

    /// Ends the session that these cookies name.
    pub(in super::super) fn end(&mut self, cookies: &str) {
        if let Some(cookie) = session_cookie(cookies) {
            self.sessions.remove(&cookie);
            self.anonymous.retain(|other| *other != cookie);
        }
    }

    /// Ends the sessions of this account, or all.
    pub(in super::super) fn end_all(&mut self, of: Option<&Id>) {
        self.sessions.retain(|_, who| of.is_some_and(|of| of != who));
    }

    /// How many sessions this account has.
    pub(in super::super) fn count_of(&self, who: &Id) -> usize {
        self.sessions.values().filter(|other| *other == who).count()
    }

    /// Forgets the wrong passwords, as the end of the process does.
    pub(in super::super) fn forget_attempts(&mut self) {
        self.attempts.clear();
    }
}

impl ServerState {
    /// Signs in, or counts the attempt. The session that the same browser had before ends. The cookie of
    /// the new one.
    pub(in super::super) fn sign_in(
        &mut self,
        username: &str,
        password: &str,
        cookies: &str,
    ) -> Result<String, Refused> {
        let who = self.check_password(username, password)?;
        self.logins.end(cookies);
        self.logins.begun += 1;
        let cookie = self.logins.begin(who);
        self.notify_changed();
        Ok(cookie)
    }

    /// Whose password this is. A wrong one is counted, for usernames of nobody, too; a right one ends the
    /// count.
    pub(in super::super) fn check_password(
        &mut self,
        username: &str,
        password: &str,
    ) -> Result<Id, Refused> {
        let username = username.to_lowercase();
        let found = self.account_identified(&username);
        let is_right = |given: Option<&str>| !password.is_empty() && given == Some(password);
        let who = found.filter(|it| is_right(it.password.as_deref())).map(|it| it.id.clone());
        let attempts = self.logins.attempts.entry(username.clone()).or_default();
        if attempts.locked_until.is_some_and(|until| Instant::now() < until) {
            return Err(Refused::Locked);
        }
        if let Some(who) = who {
            self.logins.attempts.remove(&username);
            return Ok(who);
        }
        attempts.count += 1;
        if attempts.count < ATTEMPTS {
            return Err(Refused::Wrong);
        }
        let lock = LOCK * 2_u32.saturating_pow((attempts.count - ATTEMPTS).min(16));
        attempts.locked_until = Some(Instant::now() + lock);
        Err(Refused::Locked)
    }

    /// The account that signs in with this: its id, its username or its mail address.
    fn account_identified(&self, identifier: &str) -> Option<&super::Account> {
        let by_id = id::parse(identifier).filter(|_| identifier.len() == 24);
        self.accounts.iter().find(|account| {
            let known_as =
                if identifier.contains('@') { &account.email } else { &account.username };
            by_id.as_ref() == Some(&account.id) || known_as == identifier
        })
    }
}

/// A cookie that nobody has had: an id and its signature, percent signs and all.
fn new_cookie() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = |length, more: &'static [&'static str]| -> String {
        (0..length)
            .map(|_| match fastrand::usize(..ALPHABET.len() + more.len()) {
                at if at < ALPHABET.len() => char::from(ALPHABET[at]).to_string(),
                at => more[at - ALPHABET.len()].to_owned(),
            })
            .collect()
    };
    format!("s%3A{}.{}", random(32, &["-", "_"]), random(43, &["%2B", "%2F"]))
}

/// The cookie of the session in a `Cookie` header.
fn session_cookie(cookies: &str) -> Option<String> {
    let mut values = cookies.split(';').filter_map(|it| it.trim().strip_prefix("connect.sid="));
    values.next().map(decode)
}

/// A cookie without its percent signs.
fn decode(cookie: &str) -> String {
    let signs = [("%3A", ":"), ("%2B", "+"), ("%2F", "/")];
    signs.iter().fold(cookie.to_owned(), |text, (code, sign)| text.replace(code, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_cookie_as_it_was_given_and_without_percent_signs() {
        let mut logins = Logins::default();
        let cookie = logins.begin("1".into());
        for (cookies, known) in [
            (format!("connect.sid={cookie}"), true),
            (format!("a=b; connect.sid={cookie}; c=d"), true),
            (format!("connect.sid={}", decode(&cookie)), true),
            (format!("connect.sid={}", &cookie[..20]), false),
            (format!("connect.sid=x; connect.sid={cookie}"), false),
            (format!("sid={cookie}"), false),
        ] {
            assert_eq!(
                logins.visitor(&cookies) == Visitor::SignedIn("1".into()),
                known,
                "{cookies}"
            );
        }
    }

    #[test]
    fn sessions_of_nobody_are_known_and_bounded() {
        let mut logins = Logins::default();
        let first = format!("connect.sid={}", logins.begin_anonymous());
        assert_eq!(logins.visitor(&first), Visitor::Anonymous);
        (0..ANONYMOUS_SESSIONS).for_each(|_| drop(logins.begin_anonymous()));
        assert_eq!(logins.visitor(&first), Visitor::Stranger);
    }

    #[test]
    fn the_sessions_of_one_account_end_alone_and_all_end_together() {
        let mut logins = Logins::default();
        let [ann, bob] = ["1", "2"].map(|who| format!("connect.sid={}", logins.begin(who.into())));
        logins.end_all(Some(&"1".into()));
        assert_eq!(logins.visitor(&ann), Visitor::Stranger);
        assert_eq!(logins.visitor(&bob), Visitor::SignedIn("2".into()));
        logins.end_all(None);
        assert_eq!(logins.visitor(&bob), Visitor::Stranger);
    }
}
