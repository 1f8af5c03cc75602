//! Who has signed in to the archive, and which rooms they may read, asked again every few minutes.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AskLock, Semaphore};

use super::access::{NoRooms, ReadableRooms, RoomQuestions};
use crate::domain::Secret;
use crate::web::linking::browser_key::BrowserKey;

/// How many browsers may be signed in, and how many of one account.
const MAX_SESSIONS: usize = 500;
const MAX_PER_ACCOUNT: usize = 10;

/// How long a session lasts, and how long without a request.
pub(super) const MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);
const MAX_IDLE: Duration = Duration::from_secs(3 * 60 * 60);

/// How many files are written for one browser at the same time, and how many pages.
const MAX_EXPORTS: usize = 2;
const MAX_PAGES: usize = 3;

/// When Let's Chat is asked which rooms an account may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskTimes {
    /// How long an answer is used without asking again.
    pub(super) fresh: Duration,
    /// How long an answer is used while Let's Chat does not answer.
    pub(super) known: Duration,
    /// How long to wait after a question without an answer.
    pub(super) again: Duration,
}

impl AskTimes {
    /// Those of the program.
    pub(super) const NORMAL: Self = Self {
        fresh: Duration::from_secs(3 * 60),
        known: Duration::from_secs(15 * 60),
        again: Duration::from_secs(20),
    };
}

/// An account that was signed in to, before its browser has a key.
pub(super) struct SignedInReader {
    /// Its id in Let's Chat.
    pub(super) account: String,
    /// Its user name.
    pub(super) username: String,
    /// Its session at the server.
    pub(super) session: Secret,
}

/// Somebody who reads the archive in a browser.
pub(super) struct ReaderSession {
    account: String,
    username: String,
    session: Secret,
    began: Instant,
    used: Mutex<Instant>,
    rooms: AskLock<KnownRooms>,
    exports: Arc<Semaphore>,
    pages: Arc<Semaphore>,
}

/// What Let's Chat has said about the rooms of an account.
#[derive(Default)]
struct KnownRooms {
    rooms: ReadableRooms,
    /// When it said so.
    since: Option<Instant>,
    /// When it did not answer.
    failed: Option<Instant>,
}

/// All who have signed in. They are in memory only.
pub(super) struct ReaderSessions {
    times: AskTimes,
    by_key: Mutex<HashMap<BrowserKey, Arc<ReaderSession>>>,
}

impl ReaderSession {
    /// Their user name.
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// The places for files that are written for them.
    pub(super) fn exports(&self) -> &Arc<Semaphore> {
        &self.exports
    }

    /// The places for pages that are made for them, so that nobody keeps others out.
    pub(super) fn pages(&self) -> &Arc<Semaphore> {
        &self.pages
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= MAX_AGE
            || now.saturating_duration_since(self.used()) >= MAX_IDLE
    }
}

impl ReaderSessions {
    pub(super) fn new(times: AskTimes) -> Self {
        Self { times, by_key: Mutex::default() }
    }

    /// A browser has signed in. Returns its session, and those at the server that have to end for it; or gives the
    /// session back if there are too many others.
    pub(super) fn insert(
        &self,
        key: BrowserKey,
        who: SignedInReader,
        now: Instant,
    ) -> Result<Vec<Secret>, Secret> {
        let mut ended = self.sweep(now);
        let mut by_key = self.lock();
        let of_account = by_key.iter().filter(|(_, it)| it.account == who.account);
        if of_account.clone().count() >= MAX_PER_ACCOUNT
            && let Some(oldest) =
                of_account.min_by_key(|(_, it)| it.used()).map(|(key, _)| key.clone())
        {
            ended.extend(by_key.remove(&oldest).map(|it| it.session.clone()));
        }
        if by_key.len() >= MAX_SESSIONS {
            return Err(who.session);
        }
        let SignedInReader { account, username, session } = who;
        let session = ReaderSession {
            account,
            username,
            session,
            began: now,
            used: now.into(),
            rooms: AskLock::default(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            pages: Arc::new(Semaphore::new(MAX_PAGES)),
        };
        by_key.insert(key, Arc::new(session));
        Ok(ended)
    }

    /// Who has signed in with this browser. It counts as used.
    pub(super) fn get(&self, key: &BrowserKey, now: Instant) -> Option<Arc<ReaderSession>> {
        let found = self.lock().get(key).filter(|it| !it.has_ended(now)).cloned()?;
        *found.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Some(found)
    }

    /// Whether the browser is still signed in. It does not count as used.
    pub(super) fn is_signed_in(&self, key: &BrowserKey, now: Instant) -> bool {
        self.lock().get(key).is_some_and(|it| !it.has_ended(now))
    }

    /// The browser signs out. Returns the session at the server, which has to end.
    pub(super) fn remove(&self, key: &BrowserKey) -> Option<Secret> {
        self.lock().remove(key).map(|it| it.session.clone())
    }

    /// Forgets those whose time is over. Returns their sessions at the server.
    pub(super) fn sweep(&self, now: Instant) -> Vec<Secret> {
        let mut ended = Vec::new();
        self.lock().retain(|_, session| {
            let keeps = !session.has_ended(now);
            if !keeps {
                ended.push(session.session.clone());
            }
            keeps
        });
        ended
    }

    /// Forgets all. Returns their sessions at the server.
    pub(super) fn end_all(&self) -> Vec<Secret> {
        self.lock().drain().map(|(_, it)| it.session.clone()).collect()
    }

    /// The rooms that somebody may read. Let's Chat is asked if its last answer is older than some minutes. If it does not
    /// answer, the last answer is used for some minutes more.
    pub(super) async fn rooms(
        &self,
        session: &ReaderSession,
        questions: &RoomQuestions,
        archived: &HashSet<String>,
        now: Instant,
    ) -> Result<ReadableRooms, NoRooms> {
        // Whoever asks meanwhile waits for the same answer.
        let mut known = session.rooms.lock().await;
        let age = |since: Option<Instant>| since.map(|it| now.saturating_duration_since(it));
        if age(known.since).is_some_and(|age| age < self.times.fresh) {
            return Ok(known.rooms.clone());
        }
        if age(known.failed).is_none_or(|age| age >= self.times.again) {
            match questions.readable(&session.session, &session.account, archived).await {
                Ok(rooms) => {
                    *known = KnownRooms { rooms, since: Some(now), failed: None };
                    return Ok(known.rooms.clone());
                }
                Err(NoRooms::Ended) => {
                    *known = KnownRooms::default();
                    return Err(NoRooms::Ended);
                }
                Err(NoRooms::Unreachable) => known.failed = Some(now),
            }
        }
        match age(known.since) {
            Some(age) if age < self.times.known => Ok(known.rooms.clone()),
            _ => Err(NoRooms::Unreachable),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BrowserKey, Arc<ReaderSession>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ReaderSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderSessions").field("count", &self.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;
    use crate::config;
    use crate::config::LetsChatSettings;
    use crate::net::rest::fake::{FakeAnswer, FakeServer};

    const MINUTE: Duration = Duration::from_secs(60);

    fn settings(url: &str) -> LetsChatSettings {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        let token = "NmI2YjZiNmI2YjZiNmI2YjZiNmI2YjZiOjZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YQ==";
        let toml = format!(
            "[irc.office]\nservers = [\"127.0.0.1:1\"]\ntls = false\nnick = \"b\"\n[letschat]\n\
             url = \"{url}\"\ntoken = \"{token}\"\n[[link]]\nchannel = \"office/#a\"\nroom = \"a\"\n"
        );
        std::fs::write(&path, toml).unwrap();
        config::load(&path, std::iter::empty()).unwrap().0.letschat
    }

    fn who(account: &str) -> SignedInReader {
        let session = Secret::new(format!("connect.sid={account}"));
        SignedInReader { account: account.to_owned(), username: account.to_owned(), session }
    }

    fn key() -> BrowserKey {
        BrowserKey::random().unwrap()
    }

    /// A server that answers with this status, and a room whose id is this number.
    struct AskedServer {
        answer: Arc<(AtomicU16, AtomicU16)>,
        server: FakeServer,
        questions: RoomQuestions,
        sessions: ReaderSessions,
        session: Arc<ReaderSession>,
        archived: HashSet<String>,
        start: Instant,
    }

    impl AskedServer {
        async fn new() -> Self {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let answer = Arc::new((AtomicU16::new(200), AtomicU16::new(1)));
            let told = answer.clone();
            let server = FakeServer::start(move |_| {
                let id = told.1.load(Ordering::Relaxed);
                let rooms = format!(r#"[{{"id":"{id}","slug":"s","name":"Tea"}}]"#);
                FakeAnswer::Status(told.0.load(Ordering::Relaxed), rooms)
            });
            let server = server.await;
            let questions = RoomQuestions::new(settings(server.url.as_str()));
            let sessions = ReaderSessions::new(AskTimes::NORMAL);
            let (key, start) = (key(), Instant::now());
            sessions.insert(key.clone(), who("ann"), start).unwrap();
            let session = sessions.get(&key, start).unwrap();
            let archived = HashSet::from(["1".to_owned(), "2".to_owned()]);
            Self { answer, server, questions, sessions, session, archived, start }
        }

        async fn rooms(&self, after: Duration) -> Result<Vec<String>, NoRooms> {
            let (sessions, now) = (&self.sessions, self.start + after);
            let rooms = sessions.rooms(&self.session, &self.questions, &self.archived, now).await;
            rooms.map(|rooms| rooms.keys().cloned().collect())
        }

        fn answers(&self, status: u16, room: u16) {
            self.answer.0.store(status, Ordering::Relaxed);
            self.answer.1.store(room, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn room_that_one_may_no_longer_read_is_gone_after_some_minutes() {
        let asked = AskedServer::new().await;
        assert_eq!(asked.rooms(Duration::ZERO).await.unwrap(), ["1"]);
        asked.answers(200, 2);
        assert_eq!(asked.rooms(2 * MINUTE).await.unwrap(), ["1"]);
        assert_eq!(asked.rooms(3 * MINUTE).await.unwrap(), ["2"]);
        assert_eq!(asked.server.take_lines().len(), 2);
        // A room that is not in the archive is none.
        asked.answers(200, 3);
        assert!(asked.rooms(6 * MINUTE).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn access_ends_if_lets_chat_does_not_answer_for_long() {
        let asked = AskedServer::new().await;
        assert_eq!(asked.rooms(Duration::ZERO).await.unwrap(), ["1"]);
        asked.answers(502, 1);
        assert_eq!(asked.rooms(3 * MINUTE).await.unwrap(), ["1"]);
        // It is not asked again at once.
        assert_eq!(asked.rooms(3 * MINUTE + Duration::from_secs(19)).await.unwrap(), ["1"]);
        assert_eq!(asked.server.take_lines().len(), 2);
        assert_eq!(asked.rooms(15 * MINUTE).await, Err(NoRooms::Unreachable));
        asked.answers(200, 2);
        assert_eq!(asked.rooms(16 * MINUTE).await.unwrap(), ["2"]);
        asked.answers(401, 2);
        assert_eq!(asked.rooms(19 * MINUTE).await, Err(NoRooms::Ended));
        // What was known is forgotten with it.
        asked.answers(502, 2);
        assert_eq!(asked.rooms(19 * MINUTE).await, Err(NoRooms::Unreachable));
    }

    #[test]
    fn session_ends_after_hours_or_without_requests() {
        let (sessions, now) = (ReaderSessions::new(AskTimes::NORMAL), Instant::now());
        let (one, other) = (key(), key());
        sessions.insert(one.clone(), who("ann"), now).unwrap();
        sessions.insert(other.clone(), who("ann"), now).unwrap();
        assert!(sessions.get(&key(), now).is_none());
        let hours = |n: u32| now + 60 * n * MINUTE;
        for hour in 1..12 {
            assert!(sessions.get(&one, hours(hour)).is_some());
        }
        assert!(sessions.get(&other, hours(3)).is_none(), "nobody used it");
        assert_eq!(sessions.sweep(hours(11)).len(), 1);
        assert!(sessions.is_signed_in(&one, hours(11)));
        assert!(sessions.get(&one, hours(12)).is_none());
        assert_eq!(sessions.end_all().len(), 1);
        assert!(!sessions.is_signed_in(&one, now));
    }

    #[test]
    fn only_so_many_are_signed_in() {
        let (sessions, now) = (ReaderSessions::new(AskTimes::NORMAL), Instant::now());
        let first = key();
        sessions.insert(first.clone(), who("ann"), now).unwrap();
        for n in 1..MAX_PER_ACCOUNT {
            let later = now + Duration::from_secs(n as u64);
            assert!(sessions.insert(key(), who("ann"), later).unwrap().is_empty());
        }
        let later = now + MINUTE;
        assert_eq!(sessions.insert(key(), who("ann"), later).unwrap().len(), 1);
        assert!(sessions.get(&first, later).is_none(), "the oldest goes");
        for n in MAX_PER_ACCOUNT..MAX_SESSIONS {
            sessions.insert(key(), who(&n.to_string()), now).unwrap();
        }
        assert_eq!(sessions.insert(key(), who("bob"), now), Err(Secret::new("connect.sid=bob")));
        assert!(format!("{sessions:?}").len() < 60);
    }
}
