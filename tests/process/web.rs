//! Files and long messages for people without an account, as their browsers meet them.

use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use letsbridge::domain::{Author, Endpoint, Message, MessageKind};
use letsbridge::store;
use letsbridge::store::Store;
use letsbridge::translate::PublicLinks;
use letsbridge_testkit::{irc, letschat};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Response, StatusCode, redirect};

use crate::harness::World;
use crate::program::{End, Program, soon};

/// What the links begin with, which nobody looks up.
const PUBLIC: &str = "http://bridge.example/irc/";

/// A bridge that serves, and somebody with a browser.
struct WebFixture {
    world: World,
    bridge: Program,
    address: SocketAddr,
    client: Client,
    heard: usize,
}

impl WebFixture {
    async fn new() -> Self {
        Self::with("").await
    }

    /// The same with more in its `[web]`.
    async fn with(web: &str) -> Self {
        Self::between(World::new().await, web).await
    }

    async fn between(world: World, web: &str) -> Self {
        world.configure(|toml| {
            format!("{toml}\n[web]\npublic_url = {PUBLIC:?}\nlisten = \"127.0.0.1:0\"\n{web}\n")
        });
        Self::run(world, 0).await
    }

    async fn run(world: World, heard: usize) -> Self {
        world.irc.virtual_user("ann").join("#tea");
        let mut bridge = world.run().start();
        let line = bridge.err.says("web server started").await;
        let (_, rest) = line.split_once("address=").unwrap();
        let address = rest.split_whitespace().next().unwrap().parse().unwrap();
        bridge.ready().await;
        // What installs the TLS of other clients; there is none here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        Self { world, bridge, address, client: client.build().unwrap(), heard }
    }

    /// Ends the bridge and starts another on the same state.
    async fn restart(self) -> Self {
        let Self { world, bridge, heard, .. } = self;
        assert_eq!(bridge.stop().await.code, Some(0));
        Self::run(world, heard).await
    }

    /// Uploads a file, shows it in the room, and gives the link that is said on IRC.
    async fn link(&mut self, name: &str, kind: &str, content: impl Into<Vec<u8>>) -> String {
        let url = self.world.letschat.upload("tea", "ann", name, kind, content.into());
        self.said(&format!("upload://{url}")).await
    }

    /// Says `text` in the room, and gives what of it is said on IRC.
    async fn said(&mut self, text: &str) -> String {
        self.world.say_in_letschat(text);
        self.heard += 1;
        let heard = self.world.channel(self.heard).await;
        // Her name has something invisible in it, for she is here, too.
        let (_, said) = heard[self.heard - 1].split_once("> ").unwrap();
        said.to_owned()
    }

    async fn get(&self, link: &str) -> Response {
        self.ask(Method::GET, link, &[]).await
    }

    async fn ask(&self, method: Method, link: &str, headers: &[(&str, &str)]) -> Response {
        let path = link.strip_prefix(PUBLIC).unwrap_or(link);
        let url = format!("http://{}/{path}", self.address);
        let request = headers
            .iter()
            .fold(self.client.request(method, url), |it, (name, value)| it.header(*name, *value));
        soon(link, request.send()).await.unwrap()
    }

    /// `letsbridge revoke` with these arguments.
    async fn revoke(&self, arguments: &[&str]) -> End {
        self.world.letsbridge(&[&["revoke"], arguments].concat()).ends().await
    }
}

#[track_caller]
fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).unwrap_or_else(|| panic!("no {name}: {headers:?}")).to_str().unwrap()
}

#[tokio::test]
async fn image_link_opens_without_account() {
    let mut served = WebFixture::new().await;
    let link = served.link("tea pot.png", "image/png", *b"a picture").await;
    let answer = served.get(&link).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let headers = answer.headers().clone();
    assert_eq!(header(&headers, "content-type"), "image/png");
    assert_eq!(header(&headers, "content-length"), "9");
    assert_eq!(
        header(&headers, "content-disposition"),
        "inline; filename=\"tea pot.png\"; filename*=UTF-8''tea%20pot.png"
    );
    let policy = header(&headers, "content-security-policy");
    assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
    assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
    assert_eq!(header(&headers, "referrer-policy"), "no-referrer");
    assert_eq!(header(&headers, "cache-control"), "private, no-cache");
    assert!(headers.get("set-cookie").is_none());
    assert_eq!(answer.bytes().await.unwrap(), "a picture");

    // The path of public_url is there or not, as the reverse proxy likes it.
    let path = link.strip_prefix("http://bridge.example/").unwrap();
    assert_eq!(served.get(path).await.text().await.unwrap(), "a picture");
    let head = served.ask(Method::HEAD, &link, &[]).await;
    assert_eq!(header(head.headers(), "content-length"), "9");
    assert_eq!(head.bytes().await.unwrap(), "");
    let tag = header(&headers, "etag");
    let again = served.ask(Method::GET, &link, &[("if-none-match", tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(served.world.letschat.downloads(), 1, "it was fetched once");
}

#[tokio::test]
async fn active_content_is_sent_as_attachment() {
    let mut served = WebFixture::new().await;
    for (kind, shown) in [
        ("text/html", None),
        ("image/svg+xml", None),
        ("application/x-msdownload", None),
        ("image/jpeg", Some("image/jpeg")),
        ("text/plain", Some("text/plain; charset=utf-8")),
        ("application/pdf", Some("application/pdf")),
        ("video/mp4", Some("video/mp4")),
    ] {
        let link = served.link("x.html", kind, *b"<script>alert(1)</script>").await;
        let answer = served.get(&link).await;
        let told = header(answer.headers(), CONTENT_TYPE.as_str());
        let way = header(answer.headers(), CONTENT_DISPOSITION.as_str());
        assert_eq!(told, shown.unwrap_or("application/octet-stream"), "{kind}");
        assert_eq!(way.starts_with("inline"), shown.is_some(), "{kind}: {way}");
        assert_eq!(header(answer.headers(), "x-content-type-options"), "nosniff");
        assert!(answer.headers().contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn hostile_file_names_are_harmless() {
    let mut served = WebFixture::new().await;
    for name in [
        "../../etc/passwd",
        "a\"; filename=\"b.exe",
        "a\r\nSet-Cookie: x=1",
        "photo\u{202e}gpj.exe",
        "..",
        "🫖 für später.png",
        "%2e%2e%2f",
        &"long ".repeat(200),
    ] {
        let link = served.link(name, "image/png", *b"x").await;
        // Dots at the end of an address end a sentence.
        let link = link.trim_end_matches('.');
        assert!(link.starts_with(PUBLIC) && link.len() < 250, "{name:?} {link}");
        assert!(!link.contains("..") && link.is_ascii() && !link.contains(' '), "{link}");
        let answer = served.get(link).await;
        assert_eq!(answer.status(), StatusCode::OK, "{link}");
        assert!(answer.headers().get("set-cookie").is_none(), "{name:?}");
        let way = header(answer.headers(), CONTENT_DISPOSITION.as_str());
        assert_eq!(way.matches('"').count(), 2, "{way}");
    }
}

#[tokio::test]
async fn range_requests_work() {
    let mut served = WebFixture::new().await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let link = served.link("song.mp3", "audio/mpeg", content.clone()).await;
    for (range, first, last) in
        [("bytes=0-0", 0, 0), ("bytes=100000-", 100_000, 199_999), ("bytes=-5", 199_995, 199_999)]
    {
        let answer = served.ask(Method::GET, &link, &[("range", range)]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let told = format!("bytes {first}-{last}/200000");
        assert_eq!(header(answer.headers(), "content-range"), told);
        assert_eq!(answer.bytes().await.unwrap(), content[first..=last], "{range}");
    }
    let beyond = served.ask(Method::GET, &link, &[("range", "bytes=200000-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(beyond.headers(), "content-range"), "bytes */200000");
    let other = [("range", "bytes=0-0"), ("if-range", "\"another\"")];
    let whole = served.ask(Method::GET, &link, &other).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(whole.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn only_signed_links_work() {
    let mut served = WebFixture::new().await;
    let link = served.link("a.png", "image/png", *b"x").await;
    let (signed, _) = link.strip_prefix(&format!("{PUBLIC}f/")).unwrap().split_once('/').unwrap();
    let mut changed = signed.to_owned();
    changed.replace_range(8..9, if &changed[8..9] == "A" { "B" } else { "A" });
    for path in [
        String::new(),
        "f/".to_owned(),
        format!("f/{signed}"),
        format!("f/{signed}/"),
        format!("f/{signed}/b.png"),
        format!("f/{signed}/a.png/"),
        format!("f/{changed}/a.png"),
        format!("f/{signed}AAAA/a.png"),
        format!("p/{signed}"),
        format!("p/{signed}/raw"),
        "f/x/../../account".to_owned(),
        "files/".to_owned(),
        format!("f/{}/a.png", "A".repeat(5_000)),
    ] {
        let answer = served.get(&path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(answer.headers(), "x-content-type-options"), "nosniff");
        let page = answer.text().await.unwrap();
        assert!(page.contains("not a link of this bridge"), "{page}");
    }
    assert_eq!(served.world.letschat.downloads(), 0, "Let's Chat is not asked");
    let posted = served.ask(Method::POST, &link, &[]).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    let robots = served.get("robots.txt").await.text().await.unwrap();
    assert!(robots.contains("Disallow: /"), "{robots}");

    // Another bridge has another key.
    let other = WebFixture::new().await;
    assert_eq!(other.get(&link).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn link_survives_restart_until_revoked() {
    let mut served = WebFixture::new().await;
    let (one, two) = (
        served.link("one.png", "image/png", *b"one").await,
        served.link("two.png", "image/png", *b"two").await,
    );
    let served = served.restart().await;
    assert_eq!(served.get(&one).await.text().await.unwrap(), "one");

    let end = served.revoke(&[&one]).await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    let gone = served.get(&one).await;
    assert_eq!(gone.status(), StatusCode::GONE);
    assert!(gone.text().await.unwrap().contains("revoked"));
    assert_eq!(served.get(&two).await.status(), StatusCode::OK);

    let end = served.revoke(&["https://elsewhere.example/f/x/y", &two[..two.len() - 12]]).await;
    assert_eq!(end.code, Some(1), "{}", end.err);
    assert_eq!(end.err.matches("not a link of this bridge").count(), 2, "{}", end.err);
    assert_eq!(served.revoke(&["--since", "1h", "--all"]).await.code, Some(2));
    assert_eq!(served.revoke(&[]).await.code, Some(2));
    assert_eq!(served.get(&two).await.status(), StatusCode::OK);

    let end = served.revoke(&["--since", "1h"]).await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    assert_eq!(served.get(&two).await.status(), StatusCode::GONE);
    let served = served.restart().await;
    assert_eq!(served.get(&two).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn expired_link_is_rejected() {
    let mut served = WebFixture::with("link_expiry = \"0s\"").await;
    let link = served.link("a.png", "image/png", *b"x").await;
    let mut answer = served.get(&link).await;
    // The second in which it was made has to be over.
    while answer.status() == StatusCode::OK {
        answer = served.get(&link).await;
    }
    assert_eq!(answer.status(), StatusCode::GONE);
    assert!(answer.text().await.unwrap().contains("expired"));
}

#[tokio::test]
async fn file_is_fetched_once_for_all_readers() {
    let token_cost = Duration::from_millis(100);
    let letschat = letschat::Setup { token_check_time: token_cost, ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), letschat).await;
    let mut served = WebFixture::between(world, "").await;
    let content = vec![7; 1_000_000];
    let link = served.link("big.png", "image/png", content.clone()).await;
    let all = (0..30).map(|_| async { served.get(&link).await.bytes().await.unwrap() });
    for answer in futures_util::future::join_all(all).await {
        assert!(answer == content);
    }
    assert_eq!(served.world.letschat.downloads(), 1);
}

/// Three clients download 200 MB at once, one of them the end first, and the memory of the bridge grows by a
/// fraction of that.
#[tokio::test]
async fn large_file_is_streamed() {
    const SIZE: usize = 200_000_000;
    let mut served = WebFixture::with("max_file_size = \"200MB\"").await;
    let link = served.link("large.mp4", "video/mp4", vec![7; SIZE]).await;
    let before = served.bridge.most_memory();
    let end = [("range", "bytes=-1000")];
    let (ask, link) = (&served, link.as_str());
    let reads = [&[][..], &end, &[]].map(|headers| async move {
        let mut answer = ask.ask(Method::GET, link, headers).await;
        let mut length = 0;
        while let Some(piece) = answer.chunk().await.unwrap() {
            assert!(piece.iter().all(|byte| *byte == 7));
            length += piece.len();
        }
        length
    });
    assert_eq!(futures_util::future::join_all(reads).await, [SIZE, 1_000, SIZE]);
    let grown = served.bridge.most_memory() - before;
    assert!(grown < 40_000_000, "by {grown} bytes");
    assert_eq!(served.world.letschat.downloads(), 1);
}

#[tokio::test]
async fn long_message_is_served_as_html_and_text() {
    let world = World::new().await;
    let mut store = Store::open(&world.state()).unwrap();
    let message = Message {
        source: store.endpoint_id(&Endpoint::room("tea")).unwrap(),
        author: Author { display_name: Some("Ann <b>".to_owned()), ..Author::named("ann") },
        kind: MessageKind::Text,
        body: "if a < b {\n\tpour(\"tea\");\n}\n<script>alert(1)</script>".to_owned(),
        sent_at: Timestamp::now(),
    };
    store.record(&message, Some("6b0000010000000000000001")).unwrap();
    store.commit().unwrap();
    drop(store);
    let url = |text: &str| text.parse().unwrap();
    let key = store::load_or_create_link_key(&world.state()).unwrap();
    let links = PublicLinks::new(key, url(PUBLIC), url(&world.letschat.url()));
    let link = links.paste_link(&message, Timestamp::now());

    let served = WebFixture::between(world, "").await;
    let page = served.get(&link).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(header(page.headers(), "content-type"), "text/html; charset=utf-8");
    let policy = header(page.headers(), "content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(page.contains("Ann &lt;b&gt; in tea") && page.contains("4 lines"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");

    let raw = served.get(&format!("{link}/raw")).await;
    assert_eq!(header(raw.headers(), "content-type"), "text/plain; charset=utf-8");
    assert_eq!(header(raw.headers(), "x-content-type-options"), "nosniff");
    assert_eq!(raw.text().await.unwrap(), message.body);

    let other = Message { body: "never said".to_owned(), ..message };
    let forgotten = served.get(&links.paste_link(&other, Timestamp::now())).await;
    assert_eq!(forgotten.status(), StatusCode::GONE);
    let end = served.revoke(&[&link]).await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    assert_eq!(served.get(&link).await.status(), StatusCode::GONE);
    assert_eq!(served.get(&format!("{link}/raw")).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn unavailable_files_get_an_error_page() {
    let mut served = WebFixture::with("max_file_size = \"1KB\"").await;
    let large = served.link("large.png", "image/png", vec![0; 1_001]).await;
    let answer = served.get(&large).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("File too large"));
    let right = served.link("right.png", "image/png", vec![0; 1_000]).await;
    assert_eq!(served.get(&right).await.status(), StatusCode::OK);
    let none = served.said(&format!("upload://files/{}/x.png", "0".repeat(24))).await;
    assert_eq!(served.get(&none).await.status(), StatusCode::NOT_FOUND);

    let other = served.link("other.png", "image/png", *b"x").await;
    served.world.letschat.faults().rest_fails(Some(axum::http::StatusCode::BAD_GATEWAY));
    let answer = served.get(&other).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(header(answer.headers(), "retry-after"), "60");
    assert_eq!(served.get(&right).await.status(), StatusCode::OK, "that one is here");
}

#[tokio::test]
async fn rate_limit_returns_retry_after() {
    let mut served = WebFixture::with("requests_per_minute = 3").await;
    let link = served.link("a.png", "image/png", *b"x").await;
    let ann = [("x-forwarded-for", "192.0.2.1")];
    for _ in 0..3 {
        let answer = served.ask(Method::GET, &link, &ann).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let refused = served.ask(Method::GET, &link, &ann).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = header(refused.headers(), "retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    // Somebody else, by the word of the proxy; and what ann says of herself changes nothing.
    let bob = [("x-forwarded-for", "192.0.2.1, 192.0.2.2")];
    assert_eq!(served.ask(Method::GET, &link, &bob).await.status(), StatusCode::OK);
    let ann = [("x-forwarded-for", "192.0.2.3, 192.0.2.1")];
    let refused = served.ask(Method::GET, &link, &ann).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn link_key_is_private_and_never_logged() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    world.configure(|toml| {
        format!("{toml}\n[web]\npublic_url = {PUBLIC:?}\nlisten = \"127.0.0.1:0\"\n")
    });
    let bridge = world.run().env("RUST_LOG", "trace").start();
    bridge.ready().await;
    let key = world.state().join("links.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read(key).unwrap();
    let end = bridge.stop().await;
    let list = format!("{key:?}");
    let hex = HEXLOWER.encode(&key);
    let log = end.out + &end.err;
    assert!(!log.contains(&list[1..list.len() - 1]) && !log.contains(&hex));
}

#[tokio::test]
async fn used_listen_address_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let world = World::new().await;
    world.configure(|toml| {
        format!("{toml}\n[web]\npublic_url = {PUBLIC:?}\nlisten = \"{address}\"\n")
    });
    let end = world.run().ends().await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains(&format!("web.listen: cannot listen on {address}")), "{}", end.err);
}
