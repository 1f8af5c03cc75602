//! Who asks for a page, and which rooms they may read; and what is answered to others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time;

use super::ArchivePages;
use super::access::{NoRooms, ReadableRooms};
use super::desk::NotRead;
use super::html::sign_in::SignInPage;
use super::html::{self, ArchiveFrame, NamedRoom};
use super::sessions::{self, ReaderSession};
use crate::store::archive::{ArchiveReader, ArchiveRoom, ArchiveRoomId};
use crate::web::linking::answer::page_response;
use crate::web::linking::browser_key::BrowserKey;

/// How long a request waits for others of the same browser.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What stands for a code in the proofs of the forms.
pub(super) const PAGE: &str = "archive";

/// Somebody who has signed in, and the rooms that they may read.
pub(super) struct ArchiveReading {
    pub(super) key: BrowserKey,
    pub(super) session: Arc<ReaderSession>,
    pub(super) rooms: Vec<NamedRoom>,
    /// The ids in Let's Chat of all rooms of the archive.
    pub(super) archived: Arc<HashSet<String>>,
    /// Their place while the page is made.
    _place: OwnedSemaphorePermit,
}

/// A page, or the page that says why not.
pub(super) type PageResult = Result<Response, Response>;

impl ArchivePages {
    /// Who asks, and what they may read; or the page that they get instead.
    pub(super) async fn reading(
        self: &Arc<Self>,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<ArchiveReading, Response> {
        let key = BrowserKey::from_headers(headers, &self.site.site);
        let next = self.site.rest_of(uri.path(), uri.query());
        let found = key.clone().and_then(|key| {
            let session = self.sessions.get(&key, Instant::now())?;
            Some((key, session))
        });
        let Some((key, session)) = found else {
            let status = if next.is_empty() { StatusCode::OK } else { StatusCode::FORBIDDEN };
            return Err(self.sign_in_page(key, (status, None), "", &next));
        };
        let place = time::timeout(MAX_WAIT, session.pages().clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(not_read(NotRead::Busy)) };
        match self.readable(&session).await {
            Ok((rooms, archived)) => {
                Ok(ArchiveReading { key, session, rooms, archived, _place: place })
            }
            Err(NoReading::NotRead(reason)) => Err(not_read(reason)),
            Err(NoReading::NoRooms(NoRooms::Ended)) => {
                self.sessions.remove(&key);
                let problem = "Let's Chat has ended your session. Sign in again.";
                Err(self.sign_in_page(Some(key), (StatusCode::FORBIDDEN, Some(problem)), "", &next))
            }
            Err(NoReading::NoRooms(NoRooms::Unreachable)) => Err(self.unreachable()),
        }
    }

    /// The rooms of the archive that somebody may read, by their names; and the ids of all.
    async fn readable(
        &self,
        session: &ReaderSession,
    ) -> Result<(Vec<NamedRoom>, Arc<HashSet<String>>), NoReading> {
        let archived = self.desk.read(ArchiveReader::rooms).await.map_err(NoReading::NotRead)?;
        let ids: HashSet<String> = archived.iter().filter_map(|it| it.remote_id.clone()).collect();
        let readable = self.ask_rooms(session, &ids).await.map_err(NoReading::NoRooms)?;
        Ok((named(archived, &readable), Arc::new(ids)))
    }

    /// The rooms that Let's Chat lets somebody read.
    pub(super) async fn ask_rooms(
        &self,
        session: &ReaderSession,
        archived: &HashSet<String>,
    ) -> Result<ReadableRooms, NoRooms> {
        self.sessions.rooms(session, &self.questions, archived, Instant::now()).await
    }

    /// The page of the sign-in, which gives the browser a key if it has none.
    pub(super) fn sign_in_page(
        &self,
        key: Option<BrowserKey>,
        (status, problem): (StatusCode, Option<&str>),
        username: &str,
        next: &str,
    ) -> Response {
        let (key, cookie) = match key {
            Some(key) => (key, None),
            None => match self.new_key() {
                Some((key, cookie)) => (key, Some(cookie)),
                None => return self.no_key(),
            },
        };
        let proof = self.form_key.proof(PAGE, &key);
        let page = SignInPage { site: &self.site, proof, problem, username, next };
        let mut response = answer(status, page.document());
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }

    /// A new key for a browser, and the header that gives it.
    pub(super) fn new_key(&self) -> Option<(BrowserKey, HeaderValue)> {
        let key = BrowserKey::random().ok()?;
        let cookie = self.cookie(&key, sessions::MAX_AGE.as_secs())?;
        Some((key, cookie))
    }

    /// The header that gives a browser its key for so many seconds. Links of other sites lead to lines: `Lax` lets them
    /// bring the cookie along, and forms of other sites do not.
    pub(super) fn cookie(&self, key: &BrowserKey, seconds: u64) -> Option<HeaderValue> {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        key.set_cookie_with(&self.site.site, self.site.home(), seconds, "Lax")
    }

    /// There are no random numbers.
    pub(super) fn no_key(&self) -> Response {
        let again = Some((self.site.home(), "Try again"));
        let text = "The bridge does not answer at the moment. Try again in a minute.";
        answer(StatusCode::SERVICE_UNAVAILABLE, html::message_page("Try again", text, again))
    }

    /// Let's Chat does not say what they may read.
    fn unreachable(&self) -> Response {
        let text = "Let's Chat does not answer, so the bridge cannot know which rooms you may read. Try again in a minute; \
                    you do not have to sign in again.";
        let again = Some((self.site.home(), "Try again"));
        busy(html::message_page("Let's Chat does not answer", text, again))
    }

    /// What is not there, or in a room that they may not read.
    pub(super) fn nothing(&self) -> Response {
        let text = "There is nothing at this address, or you may not read the room that it is in.";
        let next = Some((self.site.home(), "To the search"));
        answer(StatusCode::NOT_FOUND, html::message_page("Nothing here", text, next))
    }

    /// What the pages of somebody need.
    pub(super) fn frame<'a>(&'a self, reading: &'a ArchiveReading) -> ArchiveFrame<'a> {
        ArchiveFrame {
            site: &self.site,
            zone: &self.zone,
            username: reading.session.username(),
            proof: self.form_key.proof(PAGE, &reading.key),
        }
    }
}

impl ArchiveReading {
    /// A room that they may read.
    pub(super) fn room(&self, id: ArchiveRoomId) -> Option<&NamedRoom> {
        self.rooms.iter().find(|it| it.room.id == id)
    }

    /// The rooms that they may read.
    pub(super) fn room_ids(&self) -> Vec<ArchiveRoomId> {
        self.rooms.iter().map(|it| it.room.id).collect()
    }
}

/// Why it is not known what somebody may read.
enum NoReading {
    NotRead(NotRead),
    NoRooms(NoRooms),
}

/// The rooms among them that may be read, by name.
fn named(archived: Vec<ArchiveRoom>, readable: &ReadableRooms) -> Vec<NamedRoom> {
    let known = |room: ArchiveRoom| {
        let name = readable.get(room.remote_id.as_deref()?)?.clone();
        Some(NamedRoom { room, name })
    };
    let mut rooms: Vec<NamedRoom> = archived.into_iter().filter_map(known).collect();
    rooms.sort_by_key(|it| (it.name.to_lowercase(), it.room.id));
    rooms
}

/// A page.
pub(super) fn answer(status: StatusCode, page: String) -> Response {
    page_response(status, page, &html::CSP)
}

/// A page that leads to another.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = answer(StatusCode::SEE_OTHER, String::new());
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// The archive was not read.
pub(super) fn not_read(reason: NotRead) -> Response {
    match reason {
        NotRead::Busy => busy(html::message_page(
            "Busy",
            "Many people read the archive at the moment, or this takes too long. Try again in a minute, with more words or \
             fewer days.",
            None,
        )),
        NotRead::Broken => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            html::message_page(
                "The archive cannot be read",
                "Tell the bridge's administrator. The bridge's log says why.",
                None,
            ),
        ),
    }
}

pub(super) fn busy(page: String) -> Response {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, page);
    response.headers_mut().insert(header::RETRY_AFTER, 60.into());
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn room(id: i64, remote_id: Option<&str>) -> ArchiveRoom {
        ArchiveRoom {
            id: ArchiveRoomId(id),
            slug: format!("room-{id}"),
            remote_id: remote_id.map(str::to_owned),
            channels: Vec::new(),
            first: None,
            last: None,
            lines: 0,
        }
    }

    #[test]
    fn only_rooms_that_lets_chat_names_by_their_id_are_shown() {
        let readable = [("r1", "Tea"), ("room-2", "Chosen like a slug"), ("r4", "Art")];
        let readable: BTreeMap<String, String> =
            readable.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        let archived =
            vec![room(1, Some("r1")), room(2, None), room(3, Some("r3")), room(4, Some("r4"))];
        let shown = named(archived, &Arc::new(readable));
        let names: Vec<&str> = shown.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["Art", "Tea"]);
    }
}
