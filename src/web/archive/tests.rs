//! The pages while what their reader may read changes: a Let's Chat of a few lines tells them.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::config;
use crate::domain::{LogPrecision, MessageKind};
use crate::net::rest::fake::{FakeAnswer, FakeServer};
use crate::store::Store;
use crate::store::archive::{
    Archive, ArchiveLineId, ArchiveLineKind, LineOrigin, NewArchiveLine, NewSpeaker, PersonMarks,
};

/// How many lines the room has: several pieces of an export.
const LINES: u64 = 2_000;

/// The pages, with a reader who is asked about at each request.
struct ChangingWorld {
    pages: Arc<ArchivePages>,
    /// The ids of the rooms that Let's Chat lists; `None` for a session that has ended.
    listed: Arc<Mutex<Option<Vec<&'static str>>>>,
    cookie: String,
    _server: FakeServer,
    _directory: TempDir,
}

impl ChangingWorld {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listed = Arc::new(Mutex::new(Some(vec!["r1"])));
        let told = listed.clone();
        let server = FakeServer::start(move |request| answer_of(&request.line, &told)).await;
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path(), server.url.as_str());
        drop(Store::open(&settings.state_dir).unwrap());
        fill(&settings.state_dir);
        let times =
            AskTimes { fresh: Duration::ZERO, known: Duration::ZERO, again: Duration::ZERO };
        let web = settings.web.as_ref().unwrap();
        let pages = Arc::new(ArchivePages::with(web, &settings, times).unwrap());
        let mut world =
            Self { pages, listed, cookie: String::new(), _server: server, _directory: directory };
        world.sign_in().await;
        world
    }

    async fn sign_in(&mut self) {
        let first = self.ask(Request::get("/archive").body(Body::empty()).unwrap()).await;
        self.cookie = cookie(&first);
        let page = text(first).await.unwrap();
        let (_, proof) = page.split_once("name=\"proof\" value=\"").unwrap();
        let form = format!("username=ann&password=x&proof={}", proof.split('"').next().unwrap());
        let form = Request::post("/archive/sign-in")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie)
            .body(Body::from(form));
        let answer = self.ask(form.unwrap()).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()[LOCATION], "/archive");
        self.cookie = cookie(&answer);
    }

    async fn get(&self, path: &str) -> Response {
        let request = Request::get(path).header(COOKIE, &self.cookie).body(Body::empty());
        self.ask(request.unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        let routes = routes::<()>(Some(self.pages.clone()));
        TowerToHyperService::new(routes).call(request).await.unwrap()
    }

    fn lists(&self, rooms: Option<Vec<&'static str>>) {
        *self.listed.lock().unwrap() = rooms;
    }
}

fn answer_of(line: &str, listed: &Mutex<Option<Vec<&'static str>>>) -> FakeAnswer {
    match (line.split(['?', ' ']).nth(1), &*listed.lock().unwrap()) {
        (Some("/account/login"), _) => FakeAnswer::Cookie("connect.sid=s1".to_owned()),
        (_, None) => FakeAnswer::json(401, "Unauthorized"),
        (Some("/account"), _) => FakeAnswer::json(200, r#"{"id":"u1","username":"ann"}"#),
        (_, Some(rooms)) => {
            let rooms: Vec<String> =
                rooms.iter().map(|id| format!(r#"{{"id":"{id}","slug":"{id}"}}"#)).collect();
            FakeAnswer::Status(200, format!("[{}]", rooms.join(",")))
        }
    }
}

fn settings(directory: &std::path::Path, url: &str) -> Settings {
    let path = directory.join("bridge.toml");
    let token = "NmI2YjZiNmI2YjZiNmI2YjZiNmI2YjZiOjZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YTZhNmE2YQ==";
    let toml = format!(
        "state_dir = \"state\"\n[irc.office]\nservers = [\"127.0.0.1:1\"]\ntls = false\nnick = \"b\"\n[letschat]\n\
         url = \"{url}\"\ntoken = \"{token}\"\n[[link]]\nchannel = \"office/#a\"\nroom = \"a\"\n\
         [web]\npublic_url = \"https://b.example/\"\n[archive]\nenabled = true\n"
    );
    std::fs::write(&path, toml).unwrap();
    config::load(&path, std::iter::empty()).unwrap().0
}

fn fill(directory: &std::path::Path) {
    let start: Timestamp = "2014-02-03T04:05:06Z".parse().unwrap();
    let mut archive = Archive::open_or_make(directory).unwrap();
    let filled = archive.batch(|batch| {
        let room = batch.room("tea", Some("r1"))?;
        for n in 0..LINES {
            let at = start + SignedDuration::from_secs(i64::try_from(n).unwrap_or(0));
            batch.add(&NewArchiveLine {
                id: ArchiveLineId::new(at, n),
                twin: None,
                room,
                place: "office/#tea".to_owned(),
                author: Some(NewSpeaker {
                    scope: "office".to_owned(),
                    name: "ann".to_owned(),
                    person_name: "ann".to_owned(),
                    marks: PersonMarks::default(),
                }),
                precision: LogPrecision::Exact,
                kind: ArchiveLineKind::Said(MessageKind::Text),
                text: format!("line {n} {}", "x".repeat(500)),
                origin: LineOrigin::Imported,
            })?;
        }
        Ok(())
    });
    filled.unwrap();
}

fn cookie(answer: &Response) -> String {
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn text(answer: Response) -> Option<String> {
    let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.ok()?;
    Some(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn room_that_one_may_no_longer_read_vanishes_from_everywhere() {
    let world = ChangingWorld::new().await;
    let first = ArchiveLineId::new("2014-02-03T04:05:06Z".parse().unwrap(), 0);
    let line = format!("/archive/line/{first}");
    let places = [
        &line,
        "/archive/room/1",
        "/archive/room/1/2014-02-03",
        "/archive/person/1",
        "/archive/export/file?room=1&format=txt",
    ];
    for place in places {
        assert_eq!(world.get(place).await.status(), StatusCode::OK, "{place}");
    }
    let found = text(world.get("/archive?q=line").await).await.unwrap();
    assert!(found.contains("<mark>line</mark>"));
    world.lists(Some(vec!["r2"]));
    for place in places {
        assert_eq!(world.get(place).await.status(), StatusCode::NOT_FOUND, "{place}");
    }
    for place in ["/archive?q=line", "/archive?name=ann", "/archive", "/archive/export"] {
        let page = text(world.get(place).await).await.unwrap();
        assert!(
            !page.contains("<mark>") && !page.contains("r1<") && !page.contains("tea"),
            "{page}"
        );
    }
    world.lists(Some(vec!["r1"]));
    assert_eq!(world.get(&line).await.status(), StatusCode::OK);
    world.lists(None);
    let page = world.get(&line).await;
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    assert!(text(page).await.unwrap().contains("has ended your session"));
}

#[tokio::test]
async fn export_ends_when_the_room_may_no_longer_be_read() {
    let world = ChangingWorld::new().await;
    let path = "/archive/export/file?room=1&format=txt";
    let whole = text(world.get(path).await).await.unwrap();
    assert_eq!(whole.lines().count() as u64, LINES);
    let begun = world.get(path).await;
    world.lists(Some(Vec::new()));
    assert_eq!(text(begun).await, None, "it is cut off");
    // Others, and this one once it is dropped, do not keep its place.
    world.lists(Some(vec!["r1"]));
    for _ in 0..MAX_EXPORTS + 2 {
        assert!(text(world.get(path).await).await.is_some());
    }
    let kept = [world.get(path).await, world.get(path).await];
    assert_eq!(world.get(path).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(kept);
    assert_eq!(world.get(path).await.status(), StatusCode::OK);
}
