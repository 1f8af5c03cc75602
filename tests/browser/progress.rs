//! The progress of a move as a file of its own, and a team that is on the move.

use std::path::Path;

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use letsbridge::domain::{Author, Endpoint, Message, MessageKind};
use letsbridge::store::Store;
use serde_json::json;

use crate::browser::Browser;
use crate::contrast::LOWEST_CONTRAST;
use crate::harness::World;

/// Who on IRC is who on Let's Chat.
pub(crate) const RULES: &str =
    "\n[user_map]\nAnn = [\"ann\"]\nbob = [\"bob\"]\nerin = [\"erin\"]\n";

/// What a team said in the last twelve weeks: ever less on IRC, ever more on Let's Chat.
fn twelve_weeks(store: &mut Store, now: Timestamp) {
    let evil = "<img src=x onerror=alert(1)>";
    for week in 0..12_i64 {
        let ago = |hours: i64| now - SignedDuration::from_hours((11 - week) * 24 * 7 + hours);
        let mut say = |place: &str, name: &str, lines: i64| {
            let source = store.endpoint_id(&Endpoint::parse(place).unwrap()).unwrap();
            for line in 0..lines {
                let author = Author::named(name);
                let (kind, sent_at) = (MessageKind::Text, ago(1) - SignedDuration::from_mins(line));
                let message = Message { source, author, kind, body: "x".to_owned(), sent_at };
                store.record(&message, None).unwrap();
            }
        };
        for (name, first) in [("ann", 60), ("bob", 44), ("erin", 30)] {
            say("office/#tea", name, (first - 6 * week).max(0));
            say("letschat/tea", name, 7 * week);
        }
        say("office/#tea", "carol", 21 - week);
        say("office/#tea", "dave|away", 5);
        say("office/#tea", evil, if week > 9 { 3 } else { 0 });
        say("office/#tea", "ci-bot", 14);
        say("letschat/tea", "frank", 3 * week);
        say("letschat/old-room", "frank", 2);
    }
    store.commit().unwrap();
}

/// Lets the team of a running bridge say a little more.
pub(crate) async fn team_speaks(world: &World) {
    world.say_on_irc("hello");
    let evil = world.irc.virtual_user("x");
    evil.join("#tea");
    evil.send("#tea", "hello");
    world.say_in_letschat("hello");
    world.room(3).await;
    let mut statement =
        rusqlite::Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    let change = statement.transaction().unwrap();
    change
        .execute(
            "UPDATE message SET author = '<img src=x onerror=alert(1)>' WHERE author = 'x'",
            [],
        )
        .unwrap();
    change.commit().unwrap();
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn file_is_read_anywhere() {
    let world = World::new().await;
    world.configure(|toml| format!("{toml}phase = \"moving\"\n{RULES}"));
    let mut store = Store::open(&world.state()).unwrap();
    twelve_weeks(&mut store, Timestamp::now());
    drop(store);
    let end = world.letsbridge(&["progress", "--html", "move.html"]).ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    let mut browser = Browser::start(1280, 900).await;
    let address = format!("file://{}", world.path().join("move.html").display());
    browser.open(&address, "document.querySelector('#link-0')").await;
    let names = "[...document.querySelectorAll('.people b')].map((it) => it.textContent)";
    let names = browser.value(names).await;
    assert!(names.as_array().unwrap().contains(&json!("<img src=x onerror=alert(1)>")), "{names}");
    assert_eq!(browser.value("document.querySelectorAll('script, img, link').length").await, 0);
    assert_eq!(browser.value("document.querySelectorAll('figure svg g').length").await, 12);
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 900), ("phone", 360, 740)] {
            browser.resize(width, height).await;
            let wide = browser.value("document.documentElement.scrollWidth - innerWidth").await;
            assert!(wide.as_i64().unwrap() <= 0, "{name} {scheme}: {wide} pixels too wide");
            let contrast = browser.value(LOWEST_CONTRAST).await;
            assert!(contrast[0].as_f64().unwrap() >= 4.5, "{name} {scheme}: contrast {contrast}");
            if let Some(folder) = std::env::var_os("LETSBRIDGE_SCREENSHOTS") {
                let picture = BASE64.decode(browser.screenshot().await.as_bytes()).unwrap();
                let file = Path::new(&folder).join(format!("progress-file-{name}-{scheme}.png"));
                std::fs::write(file, picture).unwrap();
            }
        }
    }
    assert_eq!(browser.complaints(), [""; 0]);
    let requests = browser.requests();
    assert!(
        requests.iter().all(|it| it.starts_with("file://") || it == "about:blank"),
        "{requests:?}"
    );
}
