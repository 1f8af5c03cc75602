//! The pages of the archive: what people who sign in see, and what they and others do not.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Deref, DerefMut};

use letsbridge::store::archive::ArchiveLineId;
use reqwest::{Method, StatusCode};

use crate::archive_world::{ArchiveWorld, DAVIDS, ERINS, EVIL};
use crate::program::soon;
use crate::web_visitor::{ORIGIN, PUBLIC, Shown, WebVisitor};

/// Somebody at the pages of the archive.
pub(crate) struct ArchiveVisitor(WebVisitor);

impl Deref for ArchiveVisitor {
    type Target = WebVisitor;

    fn deref(&self) -> &WebVisitor {
        &self.0
    }
}

impl DerefMut for ArchiveVisitor {
    fn deref_mut(&mut self) -> &mut WebVisitor {
        &mut self.0
    }
}

impl ArchiveVisitor {
    fn new(world: &ArchiveWorld) -> Self {
        Self::at(world.server.as_ref().unwrap().local_addr())
    }

    /// Somebody who is at the web server with this address, whose `public_url` is [`PUBLIC`].
    pub(crate) fn at(address: impl Display) -> Self {
        Self(WebVisitor::at(address))
    }

    async fn signed_in(world: &ArchiveWorld, name: &str, password: &str) -> Self {
        let mut visitor = Self::new(world);
        visitor.get("").await;
        let shown = visitor.sign_in(name, password).await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER, "{shown:?}");
        visitor
    }

    pub(crate) async fn get(&mut self, rest: &str) -> Shown {
        self.ask(Method::GET, rest, &[], String::new()).await
    }

    /// Opens a page that has to be there.
    pub(crate) async fn page(&mut self, rest: &str) -> String {
        let shown = self.get(rest).await;
        assert_eq!(shown.status, StatusCode::OK, "{rest}: {shown:?}");
        shown.text
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Shown {
        self.post("/sign-in", &[("username", name), ("password", password)], ORIGIN).await
    }

    async fn post(&mut self, rest: &str, fields: &[(&str, &str)], origin: &str) -> Shown {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("proof", &self.proof);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask(Method::POST, rest, &[kind, ("origin", origin)], form.finish()).await
    }

    /// Asks for what is at `rest`, below the begin of the archive.
    async fn ask(
        &mut self,
        method: Method,
        rest: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Shown {
        self.0.ask(method, &format!("irc/archive{rest}"), headers, body).await
    }
}

#[track_caller]
pub(crate) fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {}", body(text));
    }
}

#[track_caller]
pub(crate) fn lacks(text: &str, words: &[&str]) {
    for word in words {
        assert!(!text.contains(word), "{word:?} is in {}", body(text));
    }
}

/// A page without its style.
fn body(page: &str) -> &str {
    page.split_once("</head>").map_or(page, |(_, body)| body)
}

/// The numbers of the rooms by their names, as the first page links them.
async fn room_numbers(visitor: &mut ArchiveVisitor) -> BTreeMap<String, String> {
    let page = visitor.page("").await;
    let (_, options) = page.split_once("<select id=\"room\"").unwrap();
    let (options, _) = options.split_once("</select>").unwrap();
    let options = options.split("<option value=\"").skip(2);
    let read = options.map(|option| {
        let (number, rest) = option.split_once("\">").unwrap();
        (rest.split('<').next().unwrap().to_owned(), number.to_owned())
    });
    read.collect()
}

#[tokio::test]
async fn people_sign_in_with_their_account_and_come_back_to_where_they_wanted() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::new(&world);
    let line = format!("/line/{}", world.lines.open);
    let first = david.get(&line).await;
    assert_eq!(first.status, StatusCode::FORBIDDEN);
    has(&first.text, &["Sign in as you do on Let", "not encrypted"]);
    lacks(&first.text, &["kettle", "<script"]);
    let cookie = first.headers["set-cookie"].to_str().unwrap();
    has(cookie, &["; Path=/irc/archive; ", "; HttpOnly; SameSite=Lax"]);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(first.headers[name], value);
    }
    let policy = first.headers["content-security-policy"].to_str().unwrap();
    has(policy, &["default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'"]);
    lacks(policy, &["unsafe"]);

    for (name, password, words) in [
        ("", "", "Enter your user name"),
        ("david", "wrong<&>", "does not accept this user name or password"),
        ("david", &"x".repeat(2_000), "too long"),
    ] {
        let refused = david.sign_in(name, password).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        has(&refused.text, &[words, "role=\"alert\""]);
        lacks(&refused.text, &["wrong&lt;", "wrong<"]);
    }
    let before = david.cookie.clone();
    let next = line.trim_start_matches('/');
    let fields = [("username", "David"), ("password", DAVIDS), ("next", next)];
    let shown = david.post("/sign-in", &fields, ORIGIN).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER, "{shown:?}");
    assert_eq!(shown.headers["location"], format!("/irc/archive{line}"));
    assert_ne!(david.cookie, before, "somebody else may have given it to the browser");
    let page = david.page(&line).await;
    has(&page, &["the kettle is on", "aria-current=\"true\"", "Signed in as <bdi>david</bdi>"]);
    lacks(&page, &[DAVIDS, "connect.sid"]);
    assert_eq!(world.letschat.sessions("david"), 1);

    let old = david.cookie.clone();
    let shown = david.post("/sign-out", &[], ORIGIN).await;
    assert_eq!(shown.headers["location"], "/irc/archive");
    has(shown.headers["set-cookie"].to_str().unwrap(), &["; Max-Age=0; "]);
    soon("the end of the session at Let's Chat", async {
        while world.letschat.sessions("david") > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    david.cookie = old;
    has(&david.get(&line).await.text, &["Sign in as you do"]);
}

#[tokio::test]
async fn search_finds_marks_and_pages() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    let page = david.page("?q=kettle").await;
    has(&page, &["<mark>kettle</mark> is on", "secret <mark>kettle</mark>", "2015-05-04 12:11:12"]);
    // Neither without the password of the room, nor of a room that Let's Chat does not know.
    lacks(&page, &["vault", "of nobody", "<script", "<img", "<b>mallory"]);
    has(&page, &["&lt;b&gt;mallory&lt;/b&gt;", "&lt;script&gt;", "Tea &amp; &lt;b&gt;biscuits"]);
    has(&page, &[&format!("/irc/archive/line/{}#l-{}", world.lines.open, world.lines.open)]);
    has(&david.page("?q=kett*&from=2015-05-04&to=2015-05-04").await, &["<mark>kett"]);
    has(&david.page("?q=kettle&to=2015-05-03").await, &["Nothing was found"]);
    has(&david.page("?q=hunter2").await, &["Nothing was found"]);
    has(&david.page("?q=x&from=2015-05-05&to=2015-05-04").await, &["role=\"alert\""]);
    has(&david.page("?q=x&from=9999-99-99").await, &["A day has to look like"]);

    // Pages of 50, each line once.
    let mut seen = 0;
    let mut next = "?q=busy".to_owned();
    loop {
        let page = david.page(&next).await;
        seen += page.matches("<li id=\"l-").count();
        let Some((_, rest)) = page.split_once("rel=\"next\" href=\"/irc/archive") else { break };
        next = rest.split('"').next().unwrap().replace("&amp;", "&");
    }
    assert_eq!(seen, 700);

    // A person by any of their names.
    let page = david.page("?q=kettle&name=ann").await;
    has(
        &page,
        &["the <mark>kettle</mark> is on", "Only what <bdi>ann</bdi> said (<bdi>ann_</bdi>)"],
    );
    lacks(&page, &["&lt;script"]);
    has(&david.page("?name=zz").await, &["has a name that begins so"]);
    has(&david.page("?name=vaultd").await, &["has a name that begins so"]);
}

#[tokio::test]
async fn any_query_is_answered() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    for query in [
        "\"",
        "\"\"",
        "*",
        "kettle AND",
        "NOT kettle",
        "OR",
        "NEAR(kettle tea",
        "text:kettle",
        "^kettle",
        "{a b}: c",
        "kettle)",
        "((((",
        "-kettle",
        "+kettle",
        "'; DROP TABLE line; --",
        "word MATCH 'x'",
        "\u{0}",
        "%00",
        "茶",
        "é",
        "🫖",
        "a*b*",
        "\"a* b\"*",
        "rank",
        "rowid:1",
    ] {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let page = david.page(&format!("?q={query}")).await;
        has(&page, &["Search what was said"]);
    }
    let long = "a ".repeat(5_000);
    let long: String = url::form_urlencoded::byte_serialize(long.as_bytes()).collect();
    let shown = david.get(&format!("?q={long}")).await;
    assert!(shown.status.is_success() || shown.status.is_client_error(), "{}", shown.status);
}

#[tokio::test]
async fn day_context_and_calendar_lead_to_each_other() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    let tea = room_numbers(&mut david).await["Tea &amp; &lt;b&gt;biscuits&lt;/b&gt;"].clone();
    let page = david.page(&format!("/room/{tea}")).await;
    has(&page, &["2015", "aria-label=\"4 May: 5 lines\"", &format!("/room/{tea}/2015-05-04")]);
    has(
        &david.page(&format!("/room/{tea}?year=2013")).await,
        &["aria-label=\"7 January: 1 line\""],
    );
    has(&david.page(&format!("/room/{tea}?year=1970")).await, &["0 lines on 0 days"]);
    let shown = david.get(&format!("/room/{tea}?date=2014-03-03")).await;
    assert_eq!(shown.headers["location"], format!("/irc/archive/room/{tea}/2014-03-03"));

    let page = david.page(&format!("/room/{tea}/2015-05-04")).await;
    has(
        &page,
        &["Monday, 4 May 2015", "12:11:12", "[taken out by <bdi>keeper</bdi> on 2016-01-01 13:00"],
    );
    has(
        &page,
        &[
            "href=\"https://tea.example/?a=1\" rel=\"noopener nofollow noreferrer\"",
            "two\nlines, bold red",
        ],
    );
    has(&page, &["People on this page", "<bdi>ann</bdi> (<bdi>ann_</bdi>)", "2014-03-03"]);
    lacks(&page, &["hunter2", "<script", EVIL]);
    has(
        &david.page(&format!("/room/{tea}/2016-05-04")).await,
        &["Nothing is in the archive", "2015-05-04"],
    );

    // A busy day has several pages, forwards and backwards.
    let count = |page: &str| page.matches("busy ").count();
    let day = format!("/room/{tea}/2014-03-03");
    let mut pages = vec![david.page(&day).await];
    while let Some((_, rest)) = pages.last().unwrap().split_once("2014-03-03?from=") {
        let id = rest.split('"').next().unwrap().to_owned();
        pages.push(david.page(&format!("{day}?from={id}")).await);
    }
    assert_eq!(pages.iter().map(|it| count(it)).collect::<Vec<_>>(), [300, 300, 100]);
    let (_, rest) = pages[2].split_once("2014-03-03?until=").unwrap();
    let back = david.page(&format!("{day}?until={}", rest.split('"').next().unwrap())).await;
    assert_eq!(count(&back), 300);
    has(&back, &["busy 300", "busy 599", "Earlier on this day", "Later on this day"]);

    let page = david.page(&format!("/line/{}?lines=100", world.lines.gone)).await;
    has(&page, &["the kettle is on", "[taken out by", "More around it", "busy 699"]);
    let person =
        page.split_once("/archive/person/").unwrap().1.split('"').next().unwrap().to_owned();
    has(&david.page(&format!("/person/{person}")).await, &["All names of this person"]);
}

#[tokio::test]
async fn what_one_may_not_read_is_as_if_it_were_not() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    let mut erin = ArchiveVisitor::signed_in(&world, "erin", ERINS).await;
    let rooms = room_numbers(&mut david).await;
    assert_eq!(rooms.len(), 2, "{rooms:?}");
    let secret = &rooms["Secret"];
    david.page(&format!("/line/{}", world.lines.secret)).await;
    let missing = erin.get("/line/52ef1f0e000a112233445566").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    for rest in [
        format!("/line/{}", world.lines.secret),
        format!("/line/{}", world.lines.vault),
        format!("/room/{secret}"),
        format!("/room/{secret}?date=2015-05-04"),
        format!("/room/{secret}/2015-05-04"),
        format!("/room/{secret}/2015-05-04?from={}", world.lines.open),
        format!("/export/file?room={secret}&format=txt"),
        format!("?room={secret}&q=kettle"),
        "/room/99".to_owned(),
        "/room/x".to_owned(),
        "/room/-1/2015-05-04".to_owned(),
        format!("/room/{secret}/9999-12-31"),
        "/line/x".to_owned(),
        "/person/99999".to_owned(),
        "/person/x".to_owned(),
    ] {
        let shown = erin.get(&rest).await;
        assert_eq!((shown.status, &shown.text), (missing.status, &missing.text), "{rest}");
    }
    for rest in ["?q=kettle", "", "/export", "?name=ann"] {
        lacks(&erin.page(rest).await, &["secret", "Secret", "vault", "Vault"]);
    }
    // A line of the open room does not lead to one of another.
    let tea = room_numbers(&mut erin).await.into_values().next().unwrap();
    let page = erin.page(&format!("/room/{tea}/2015-05-04?from={}", world.lines.secret)).await;
    lacks(&page, &["secret"]);

    // Who has given the password of a room may read it.
    world.letschat.set_participant("vault", "erin", true);
    world.letschat.post("vault", "bridge", "hello");
    let mut erin = ArchiveVisitor::signed_in(&world, "erin", ERINS).await;
    has(&erin.page(&format!("/line/{}", world.lines.vault)).await, &["in the vault"]);
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    assert_eq!(
        david.get(&format!("/line/{}", world.lines.vault)).await.status,
        StatusCode::NOT_FOUND
    );
    // And whoever was removed no longer may.
    world.letschat.set_participant("secret", "david", false);
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    assert_eq!(
        david.get(&format!("/line/{}", world.lines.secret)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn range_is_exported_in_four_formats() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    let tea = room_numbers(&mut david).await["Tea &amp; &lt;b&gt;biscuits&lt;/b&gt;"].clone();
    let of_day = |format: &str| {
        format!("/export/file?room={tea}&from=2015-05-04&to=2015-05-04&format={format}")
    };
    let csv = david.get(&of_day("csv")).await;
    assert_eq!(
        csv.headers["content-disposition"],
        "attachment; filename=\"tea_2015-05-04_2015-05-04.csv\""
    );
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8; header=present");
    has(
        &csv.text,
        &["\"'=HYPERLINK(\"\"http://evil", "\"'=cmd|' /C calc'!A0\"", "\"[taken out by keeper"],
    );
    assert_eq!(csv.text.matches("\r\n").count(), 6, "{}", csv.text);
    let text = david.page(&of_day("txt")).await;
    has(
        &text,
        &["2015-05-04T12:11:12.345+02:00 <ann_> the kettle is on", "\n    lines, bold red\n"],
    );
    let json: serde_json::Value = serde_json::from_str(&david.page(&of_day("json")).await).unwrap();
    assert_eq!(
        (json["count"].as_i64(), json["lines"][4]["redacted"]["by"].as_str()),
        (Some(5), Some("keeper"))
    );
    let html = david.page(&of_day("html")).await;
    has(&html, &["Monday, 4 May 2015", "&lt;script&gt;"]);
    lacks(&html, &["<script", "<img", "hunter2"]);
    // All of it, in many pieces.
    let all = david.page(&format!("/export/file?room={tea}&format=txt")).await;
    let lines = all.lines().filter(|line| !line.starts_with("    ")).count();
    let page = david.page("").await;
    has(&page, &[&format!("{},{:03} lines", lines / 1000, lines % 1000)]);

    for query in ["format=csv&from=2015-05-05&to=2015-05-04", "format=exe", "format=csv&from=soon"]
    {
        let shown = david.get(&format!("/export/file?room={tea}&{query}")).await;
        assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        has(&shown.text, &["role=\"alert\""]);
    }
}

#[tokio::test]
async fn thousand_wrong_passwords_reach_lets_chat_as_few() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut mallory = ArchiveVisitor::new(&world);
    mallory.get("").await;
    let mut asked = 0;
    for n in 0..1_000 {
        let shown = mallory.sign_in("erin", &format!("guess {n}")).await;
        match shown.status {
            StatusCode::UNPROCESSABLE_ENTITY => asked += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                has(&shown.text, &["Too many wrong passwords", "then try again"]);
                assert!(shown.headers.contains_key("retry-after"));
            }
            other => panic!("{other}: {shown:?}"),
        }
    }
    // Some come back while it lasts.
    assert!((20..30).contains(&asked), "{asked}");
    // Others sign in meanwhile.
    ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
}

#[tokio::test]
async fn forms_and_cookies_of_others_are_refused() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    david.page("").await;
    let shown = david.post("/sign-out", &[], "http://evil.example").await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    let right = std::mem::take(&mut david.proof);
    let shown = david.post("/sign-out", &[], ORIGIN).await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    let mut erin = ArchiveVisitor::signed_in(&world, "erin", ERINS).await;
    erin.proof = right;
    assert_eq!(erin.post("/sign-out", &[], ORIGIN).await.status, StatusCode::FORBIDDEN);
    erin.cookie = None;
    assert_eq!(erin.sign_in("erin", ERINS).await.status, StatusCode::FORBIDDEN);
    // A cookie that is made up is none, and one in another's place neither.
    for cookie in ["letsbridge-link=AZaz09-_AZaz09-_AZaz09-_AZaz09-_", "letsbridge-link=x", "x=y"] {
        let mut mallory = ArchiveVisitor::new(&world);
        mallory.cookie = Some(cookie.to_owned());
        let shown = mallory.get(&format!("/line/{}", world.lines.open)).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        lacks(&shown.text, &["kettle"]);
    }
    david.page("").await;
    let id: ArchiveLineId = world.lines.evil;
    has(&david.page(&format!("/line/{id}")).await, &["&lt;script&gt;"]);
    assert!(world.state().join("archive.sqlite3").exists());
}

#[tokio::test]
async fn stopping_ends_the_sessions_at_lets_chat() {
    let mut world = ArchiveWorld::new(PUBLIC).await;
    ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    ArchiveVisitor::signed_in(&world, "erin", ERINS).await;
    assert_eq!(world.letschat.sessions("david") + world.letschat.sessions("erin"), 2);
    world.server.take().unwrap().stop().await;
    assert_eq!(world.letschat.sessions("david") + world.letschat.sessions("erin"), 0);
}

#[tokio::test]
async fn lets_chat_that_does_not_answer_lets_nobody_in() {
    let world = ArchiveWorld::new(PUBLIC).await;
    let mut david = ArchiveVisitor::signed_in(&world, "david", DAVIDS).await;
    world.letschat.faults().rest_fails(Some(StatusCode::BAD_GATEWAY));
    // It was never asked what david may read.
    let shown = david.get("").await;
    assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE);
    has(&shown.text, &["Let's Chat does not answer", "do not have to sign in again"]);
    let mut erin = ArchiveVisitor::new(&world);
    erin.get("").await;
    has(&erin.sign_in("erin", ERINS).await.text, &["is not responding"]);
}
