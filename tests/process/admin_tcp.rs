//! The administrator's API on TCP, as browsers, programs and attackers meet it.

use std::net::SocketAddr;

use letsbridge_testkit::{irc, letschat};
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::World;
use crate::program::{End, Program, soon};

/// The token of `[admin]`.
const TOKEN: &str = "9f0c4a1e5b7d2836f1ab9f0c4a1e5b7d";

const JSON: (&str, &str) = ("content-type", "application/json");

/// A bridge whose API listens on TCP, and a client of it.
struct AdminFixture {
    world: World,
    bridge: Program,
    address: SocketAddr,
    client: Client,
}

impl AdminFixture {
    /// With these lines in `[admin]`.
    async fn new(admin: &str) -> Self {
        let world = World::with(irc::Setup::default(), letschat::Setup::default()).await;
        world.write("admin.token", TOKEN);
        world.configure(|toml| format!("{toml}\n[admin]\nlisten = \"127.0.0.1:0\"\n{admin}\n"));
        let mut bridge = world.run().start();
        let line = bridge.err.says("the administrator's API listens").await;
        let (_, rest) = line.split_once("address=").unwrap();
        let address = rest.split_whitespace().next().unwrap().parse().unwrap();
        bridge.ready().await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        Self { world, bridge, address, client: client.build().unwrap() }
    }

    async fn with_token(more: &str) -> Self {
        Self::new(&format!("token_file = \"admin.token\"\n{more}")).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        soon(path, request.body(body.to_owned()).send()).await.unwrap()
    }

    /// The status of the answer, and the words of an error.
    async fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let response = self.send(method, path, headers, body).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let error = serde_json::from_str(&text).ok();
        let error = error.and_then(|it: Value| Some(it["error"].as_str()?.to_owned()));
        (status, error.unwrap_or_default())
    }

    /// Signs in with the form, and gives the cookie.
    async fn sign_in(&self) -> String {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let response = self.send("POST", "/sign-in", &[form], &format!("token={TOKEN}")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        cookie.split(';').next().unwrap().to_owned()
    }
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

fn has_safe_headers(headers: &HeaderMap) -> bool {
    headers["x-content-type-options"] == "nosniff"
        && headers["cache-control"] == "no-store"
        && headers["x-frame-options"] == "DENY"
}

#[tokio::test]
async fn token_opens_the_api_and_nothing_else_does() {
    let mut fixture = AdminFixture::with_token("").await;
    let path = "/api/v1/status";
    let right = bearer();
    let answer = fixture.send("GET", path, &[("authorization", &right)], "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(has_safe_headers(answer.headers()));
    let status: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(status["links"][0]["room"], "tea");

    for path in [path, "/api/v1/people", "/metrics", "/nonsense", "/"] {
        let refused = fixture.send("GET", path, &[], "").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(has_safe_headers(refused.headers()));
        assert!(refused.headers().contains_key("www-authenticate"));
        assert!(refused.text().await.unwrap().contains("a token is needed: send the header"));
    }
    let (code, words) = fixture.answer("GET", path, &[("authorization", "Basic YTpi")], "").await;
    assert_eq!(code, 401);
    assert!(words.contains("must be \"Bearer\""), "{words}");
    let (code, words) = fixture.answer("GET", path, &[("cookie", "letsbridge-admin=x")], "").await;
    assert_eq!((code, words.contains("a token is needed")), (401, true), "{words}");

    let wrong = format!("Bearer {}", TOKEN.replace('9', "8"));
    let wrong = [("authorization", wrong.as_str())];
    let answers = (0..12).map(|_| fixture.answer("GET", path, &wrong, ""));
    let answers = futures_util::future::join_all(answers).await;
    let count = |wanted: u16| answers.iter().filter(|(code, _)| *code == wanted).count();
    assert_eq!((count(401), count(429)), (10, 2), "{answers:?}");
    assert!(answers.contains(&(401, "the token is wrong".to_owned())), "{answers:?}");
    let logged = fixture.bridge.err.says("wrong token").await;
    assert!(logged.contains("WARN") && !logged.contains(&TOKEN[1..]), "{logged}");
    let (code, _) = fixture.answer("GET", path, &[("authorization", &right)], "").await;
    assert_eq!(code, 200, "the right one still opens it");
    let End { err, .. } = fixture.bridge.stop().await;
    assert!(!err.contains(TOKEN), "{err}");
}

#[tokio::test]
async fn foreign_host_names_are_refused() {
    let fixture = AdminFixture::new("allowed_hosts = [\"bridge.example.org\"]").await;
    for (host, status) in [
        ("127.0.0.1", 200),
        ("localhost:8090", 200),
        ("bridge.example.org", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8090", 421),
    ] {
        let (code, words) = fixture.answer("GET", "/api/v1/status", &[("host", host)], "").await;
        assert_eq!(code, status, "{host}: {words}");
        if status == 421 {
            assert!(words.contains("add the name to allowed_hosts in [admin]"), "{words}");
        }
    }
    fixture.bridge.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let fixture = AdminFixture::new("").await;
    let own = format!("http://{}", fixture.address);
    let pause = |headers: Vec<(&'static str, String)>| {
        let fixture = &fixture;
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            fixture.answer("POST", "/api/v1/links/pause", &headers, r##"{"link":"#tea"}"##).await
        }
    };
    let json = || (JSON.0, JSON.1.to_owned());
    // A form, or a script that may not send JSON.
    let (code, words) = pause(vec![("content-type", "text/plain".to_owned())]).await;
    assert_eq!((code, words.contains("Content-Type: application/json")), (415, true), "{words}");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let (code, words) = pause(vec![json(), (name, value.to_owned())]).await;
        assert_eq!(code, 403, "{name}: {value}");
        assert!(words.contains("comes from a page of another site"), "{words}");
    }
    let refused = fixture.send("OPTIONS", "/api/v1/links/pause", &[("origin", &own)], "").await;
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    let state = async || {
        let text = fixture.send("GET", "/api/v1/status", &[], "").await.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["links"][0]["state"].clone()
    };
    assert_eq!(state().await, "up");
    let same = vec![json(), ("origin", own.clone()), ("sec-fetch-site", "same-origin".to_owned())];
    assert_eq!(pause(same).await.0, 200);
    assert_eq!(state().await, "paused");
    fixture.bridge.stop().await;
}

#[tokio::test]
async fn browser_signs_in_with_the_token_and_out() {
    let fixture = AdminFixture::with_token("").await;
    let page = [("accept", "text/html,*/*")];
    let sent = fixture.send("GET", "/", &page, "").await;
    assert_eq!(
        (sent.status(), &sent.headers()[LOCATION]),
        (StatusCode::SEE_OTHER, &"sign-in".parse().unwrap())
    );
    let form = fixture.send("GET", "/sign-in", &page, "").await;
    assert!(
        form.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(form.text().await.unwrap().contains("name=\"token\" type=\"password\""));
    let urlencoded = ("content-type", "application/x-www-form-urlencoded");
    let wrong = fixture.send("POST", "/sign-in", &[urlencoded], "token=wrong").await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(wrong.text().await.unwrap().contains("This is not the token of [admin]"));
    let foreign = [urlencoded, ("origin", "https://evil.example")];
    let (code, _) = fixture.answer("POST", "/sign-in", &foreign, &format!("token={TOKEN}")).await;
    assert_eq!(code, 403);

    let cookie = fixture.sign_in().await;
    let cookie = ("cookie", cookie.as_str());
    assert_eq!(fixture.answer("GET", "/api/v1/status", &[cookie], "").await.0, 200);
    let body = r##"{"link":"#tea"}"##;
    for headers in [vec![cookie, JSON], vec![cookie, JSON, ("x-csrf-token", "wrong")]] {
        let (code, words) = fixture.answer("POST", "/api/v1/links/pause", &headers, body).await;
        assert_eq!(
            (code, words.contains("X-CSRF-Token is missing or wrong")),
            (403, true),
            "{words}"
        );
    }
    fixture.bridge.stop().await;
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let fixture = AdminFixture::with_token("").await;
    let mut idle = Vec::new();
    for number in 0..1_000 {
        let mut stream = soon("a connection", TcpStream::connect(fixture.address)).await.unwrap();
        // Half of them have begun a request.
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n").await;
        }
        idle.push(stream);
    }
    let right = bearer();
    let (code, words) =
        fixture.answer("GET", "/api/v1/status", &[("authorization", &right)], "").await;
    assert_eq!(code, 200, "{words}");
    let mut first = idle.swap_remove(0);
    // It made room for others.
    assert_eq!(soon("its end", first.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(fixture.world.letsbridge(&["status"]).ends().await.code, Some(0));
    assert_eq!(fixture.bridge.stop().await.code, Some(0), "and the bridge stops");
}

#[tokio::test]
async fn address_in_use_is_told() {
    let world = World::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.configure(|toml| format!("{toml}\n[admin]\nlisten = \"{address}\"\n"));
    let End { code, err, .. } = world.run().ends().await;
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("admin.listen: cannot listen on {address} (")), "{err}");
    assert!(!world.state().join("control.sock").exists());
}

#[tokio::test]
async fn mistakes_of_a_request_are_told() {
    let fixture = AdminFixture::new("").await;
    let long = format!("{{\"link\":\"{}\"}}", "x".repeat(20_000));
    for (method, path, body, status, words) in [
        ("GET", "/api/v2/status", "", 404, "there is nothing here"),
        ("POST", "/api/v1/status", "{}", 405, "cannot be done here by this method"),
        ("POST", "/api/v1/links/pause", "{}", 400, r##"send JSON like {"link":"#tea"}"##),
        ("POST", "/api/v1/links/pause", "", 400, "send JSON like"),
        ("POST", "/api/v1/links/pause", &long, 413, "too long"),
        ("POST", "/api/v1/links/pause", r#"{"link":"x"}"#, 404, "no link is called \"x\""),
        ("POST", "/api/v1/links/drop", r#"{"link":"tea","id":0}"#, 404, "no delivery 0 waits"),
        ("GET", "/api/v1/links/queue", "", 400, "name the link"),
        ("GET", "/api/v1/links/queue?link=tea&limit=x", "", 400, "name the link"),
        ("PUT", "/api/v1/loglevel", r#"{"level":"loud"}"#, 422, "has an unknown log level"),
    ] {
        let (code, error) = fixture.answer(method, path, &[JSON], body).await;
        assert_eq!(code, status, "{method} {path}: {error}");
        assert!(error.contains(words), "{method} {path}: {error}");
    }
    fixture.bridge.stop().await;
}

#[tokio::test]
async fn reload_changes_address_token_and_hosts() {
    let mut fixture = AdminFixture::with_token("").await;
    let (path, old) = ("/api/v1/status", bearer());
    let cookie = fixture.sign_in().await;
    let reload = async |fixture: &AdminFixture, admin: &str| {
        fixture.world.configure(|toml| format!("{toml}\n[admin]\n{admin}\n"));
        fixture.world.letsbridge(&["reload"]).ends().await
    };
    let other = TOKEN.replace('9', "8");
    fixture.world.write("other.token", &other);
    let same_place =
        "listen = \"127.0.0.1:0\"\ntoken_file = \"other.token\"\nallowed_hosts = [\"a.example\"]";
    assert_eq!(reload(&fixture, same_place).await.code, Some(0));
    let with = |token: &str| [("authorization".to_owned(), token.to_owned())];
    for (header, status) in [
        (with(&old)[0].clone(), 401),
        (("cookie".to_owned(), cookie), 401),
        (with(&format!("Bearer {other}"))[0].clone(), 200),
    ] {
        let headers = [(header.0.as_str(), header.1.as_str()), ("host", "a.example")];
        assert_eq!(fixture.answer("GET", path, &headers, "").await.0, status, "{header:?}");
    }

    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    drop(elsewhere);
    let End { code, out, err } = reload(&fixture, &format!("listen = \"{address}\"")).await;
    assert_eq!(code, Some(0), "{out}{err}");
    fixture.bridge.err.says(&format!("the administrator's API listens address={address}")).await;
    assert!(TcpStream::connect(fixture.address).await.is_err(), "the old one is closed");
    fixture.address = address;
    assert_eq!(fixture.answer("GET", path, &[], "").await.0, 200, "no token on loopback");
    assert_eq!(reload(&fixture, "").await.code, Some(0));
    assert!(TcpStream::connect(address).await.is_err(), "it is off");
    assert_eq!(fixture.bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn refused_reload_opens_nothing() {
    let fixture = AdminFixture::with_token("").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    // Without a token, on loopback: permitted there, but not at the old address.
    fixture.world.configure(|toml| format!("{toml}\n[admin]\nlisten = \"{address}\"\n"));
    let End { code, err, .. } = fixture.world.letsbridge(&["reload"]).ends().await;
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("admin.listen") && err.contains("cannot listen"), "{err}");
    let path = "/api/v1/loglevel";
    assert_eq!(fixture.answer("GET", path, &[], "").await.0, 401, "the old rules count");
    let token = bearer();
    assert_eq!(fixture.answer("GET", path, &[("authorization", &token)], "").await.0, 200);
    assert_eq!(fixture.bridge.stop().await.code, Some(0));
}
