//! The pages of the archive, for people who sign in with their account of Let's Chat.
//!
//! ```text
//!  GET /archive                  the sign-in form; then the search, what it found, and the rooms
//!  POST …/sign-in                asks Let's Chat who it is, keeps the session in memory     POST …/sign-out
//!  GET …/room/N                  the calendar of a room        GET …/room/N/2014-02-03   a day
//!  GET …/line/ID                 a line in its context         GET …/person/N            all names of a person
//!  GET …/export, …/export/file   a range as a file
//!
//!  request ─▶ reader: who is it (sessions), what may they read (access, asked again) ─▶ views ─▶ desk ─▶ the archive
//! ```
//!
//! Whatever is not in a room that the account may read is answered like what does not exist. Passwords are passed on to
//! Let's Chat, and stand in no page, address or log.

mod access;
mod desk;
mod download;
mod export;
mod html;
mod query;
mod reader;
mod sessions;
mod sign_in;
mod site;
#[cfg(test)]
mod tests;
mod tries;
mod views;
mod zone;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use futures_util::StreamExt;
use futures_util::stream;
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio::time;

use super::linking::access::AccessCheck;
use super::linking::form::FormKey;
use crate::config::{Settings, WebSettings};
use crate::domain::Secret;
use access::RoomQuestions;
use desk::ReadingDesk;
pub use export::{ExportFormat, ExportHead, ExportWriter};
use sessions::{AskTimes, ReaderSessions};
use site::ArchiveSite;
use tries::SignInTries;
pub use zone::PageZone;

/// How many files are written at the same time.
const MAX_EXPORTS: usize = 6;

/// How many sessions are ended at the server at the same time.
const MAX_ENDING: usize = 4;

/// How long ending all sessions may take when the web server stops.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// The pages of the archive.
pub(super) struct ArchivePages {
    site: ArchiveSite,
    zone: PageZone,
    form_key: FormKey,
    access: AccessCheck,
    questions: RoomQuestions,
    sessions: ReaderSessions,
    tries: SignInTries,
    desk: ReadingDesk,
    exports: Arc<Semaphore>,
    proxies: Vec<IpNet>,
}

impl ArchivePages {
    /// The pages of this web server; `None` if there is no archive.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new(
        web: &WebSettings,
        settings: &Settings,
    ) -> Result<Option<Arc<Self>>, getrandom::Error> {
        if !settings.archive.enabled {
            return Ok(None);
        }
        Ok(Some(Arc::new(Self::with(web, settings, AskTimes::NORMAL)?)))
    }

    fn with(
        web: &WebSettings,
        settings: &Settings,
        times: AskTimes,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            site: ArchiveSite::new(&web.public_url),
            zone: PageZone::new(settings.archive.time_zone.clone()),
            form_key: FormKey::random()?,
            access: AccessCheck::new(settings.letschat.clone()),
            questions: RoomQuestions::new(settings.letschat.clone()),
            sessions: ReaderSessions::new(times),
            tries: SignInTries::default(),
            desk: ReadingDesk::new(settings.state_dir.clone()),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            proxies: web.trusted_proxies.clone(),
        })
    }

    /// Whether the pages for `old` are those for `new`, as far as `[archive]` and the directory tell.
    pub(super) fn is_same(old: &Settings, new: &Settings) -> bool {
        let (one, other) = (&old.archive, &new.archive);
        one.enabled == other.enabled && one.time_zone == other.time_zone
    }

    /// Ends the sessions whose time is over.
    pub(super) fn sweep(self: &Arc<Self>, now: Instant) {
        self.end_at_server(self.sessions.sweep(now));
    }

    /// Ends all sessions, here and at the server. Those that it does not end in time end by themselves after 14 days.
    pub(super) async fn end(&self) {
        let _ = time::timeout(END_TIMEOUT, self.sign_out_all(self.sessions.end_all())).await;
    }

    /// Ends sessions at the server.
    fn end_at_server(self: &Arc<Self>, ended: Vec<Secret>) {
        if !ended.is_empty() {
            let pages = self.clone();
            tokio::spawn(async move { pages.sign_out_all(ended).await });
        }
    }

    async fn sign_out_all(&self, ended: Vec<Secret>) {
        stream::iter(ended)
            .for_each_concurrent(MAX_ENDING, async |secret| self.questions.sign_out(&secret).await)
            .await;
    }
}

impl fmt::Debug for ArchivePages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchivePages").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// The routes of the pages.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    pages: Option<Arc<ArchivePages>>,
) -> Router<S> {
    let Some(pages) = pages else { return Router::new() };
    Router::new()
        .route("/archive", get(views::get_search))
        .route("/archive/", get(views::get_home))
        .route("/archive/sign-in", post(sign_in::post_sign_in).get(views::get_home))
        .route("/archive/sign-out", post(sign_in::post_sign_out).get(views::get_home))
        .route("/archive/room/{room}", get(views::get_room))
        .route("/archive/room/{room}/{day}", get(views::get_day))
        .route("/archive/line/{line}", get(views::get_line))
        .route("/archive/person/{person}", get(views::get_person))
        .route("/archive/export", get(download::get_form))
        .route("/archive/export/file", get(download::get_file))
        .with_state(pages)
}
