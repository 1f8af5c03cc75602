//! The page where people link their accounts: each page, and each attack.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use letsbridge::domain::{LinkAction, LinkRefusal, Secret};
use reqwest::{Method, StatusCode};

use crate::link_page_world::{CODE, LinkWorld, PASSWORD};
use crate::web_visitor::{ORIGIN, PUBLIC, Shown, WebVisitor};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Somebody at the page.
struct LinkVisitor(WebVisitor);

impl Deref for LinkVisitor {
    type Target = WebVisitor;

    fn deref(&self) -> &WebVisitor {
        &self.0
    }
}

impl DerefMut for LinkVisitor {
    fn deref_mut(&mut self) -> &mut WebVisitor {
        &mut self.0
    }
}

impl LinkVisitor {
    fn new(world: &LinkWorld) -> Self {
        Self(WebVisitor::at(world.server.local_addr()))
    }

    /// With the page open.
    async fn with_page(world: &LinkWorld) -> Self {
        let mut visitor = Self::new(world);
        visitor.get("").await;
        let seen = visitor.get("").await;
        assert_eq!(seen.status, StatusCode::OK, "{seen:?}");
        visitor
    }

    async fn get(&mut self, rest: &str) -> Shown {
        self.ask(Method::GET, &format!("link/{CODE}{rest}"), &[], String::new()).await
    }

    /// Sends a form of the page, with its proof.
    async fn post(&mut self, step: &str, fields: &[(&str, &str)]) -> Shown {
        let proof = self.proof.clone();
        let form = form(&[fields, &[("proof", &proof)]].concat());
        let headers = [FORM, ("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
        self.ask(Method::POST, &format!("link/{CODE}/{step}"), &headers, form).await
    }

    async fn sign_in(&mut self, password: &str) -> Shown {
        self.post("sign-in", &[("username", "david"), ("password", password)]).await
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn world() -> LinkWorld {
    LinkWorld::new(PUBLIC, "").await
}

#[track_caller]
fn refused(seen: &Shown, status: StatusCode, words: &str) {
    assert_eq!(seen.status, status, "{seen:?}");
    assert!(seen.text.contains(words), "{words}: {seen:?}");
}

/// The page leads back to itself.
#[track_caller]
fn leads_back(seen: &Shown) {
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{seen:?}");
    assert_eq!(seen.headers["location"], format!("/irc/link/{CODE}"));
}

#[tokio::test]
async fn page_is_bound_to_a_browser_that_brings_the_cookie_back() {
    let world = world().await;
    let mut dave = LinkVisitor::new(&world);
    let path = format!("link/{CODE}");
    let head = dave.ask(Method::HEAD, &path, &[], String::new()).await;
    assert_eq!((head.status, head.headers.get("set-cookie")), (StatusCode::OK, None));
    let first = dave.get("").await;
    let cookie = first.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in [format!("; Path=/irc/link/{CODE};"), "; HttpOnly; SameSite=Strict".to_owned()] {
        assert!(cookie.contains(&part), "{cookie}");
    }
    let again = format!("content=\"0;url=/irc/link/{CODE}?cookie\"");
    assert!(first.text.contains(&again), "{}", first.text);
    assert_eq!(world.bridge().actions, [], "a program that only looks binds nothing");

    let page = dave.get("?cookie").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in
        ["<b>dave</b></bdi> on <bdi><b>office", "autocomplete=\"current-password\"", "dave.irc"]
    {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(page.text.contains("not encrypted"), "{}", page.text);
    assert!(!page.text.contains("End the link") && !page.text.contains("<script"), "{}", page.text);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "style-src 'sha256-",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    let head = dave.ask(Method::HEAD, &path, &[], String::new()).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(world.bridge().actions, [LinkAction::View]);

    // Behind a reverse proxy that leaves the path in, too.
    let whole = dave.ask(Method::GET, &format!("irc/link/{CODE}"), &[], String::new()).await;
    assert_eq!(whole.status, StatusCode::OK);
    let mut mallory = LinkVisitor::new(&world);
    mallory.get("").await;
    refused(&mallory.get("").await, StatusCode::FORBIDDEN, "Another browser");
}

#[tokio::test]
async fn cookie_of_another_form_is_replaced_and_a_missing_one_explained() {
    let world = world().await;
    let mut dave = LinkVisitor::new(&world);
    dave.cookie = Some("letsbridge-link=chosen-by-mallory".to_owned());
    let first = dave.get("").await;
    assert!(first.headers.contains_key("set-cookie"));
    assert_ne!(dave.cookie.as_deref(), Some("letsbridge-link=chosen-by-mallory"));
    dave.cookie = None;
    refused(&dave.get("?cookie").await, StatusCode::FORBIDDEN, "accepts its cookie");
    // A cookie in the address is none.
    refused(
        &dave.get("?cookie=AZaz09-_AZaz09-_AZaz09-_AZaz09-_").await,
        StatusCode::OK,
        "Continue",
    );
    // Somebody who comes from another site may have one, which does not come along.
    let path = format!("link/{CODE}");
    dave.cookie = None;
    for from in ["cross-site", "same-site"] {
        let seen = dave.ask(Method::GET, &path, &[("sec-fetch-site", from)], String::new()).await;
        assert_eq!(seen.headers.get("set-cookie"), None);
        assert!(seen.text.contains(&format!("/irc/link/{CODE}?opened")), "{seen:?}");
    }
    assert_eq!(world.bridge().actions, []);
}

#[tokio::test]
async fn password_signs_in_and_is_confirmed() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    leads_back(&dave.sign_in(PASSWORD).await);
    assert_eq!(world.bridge().changes(), []);
    let page = dave.get("").await;
    refused(&page, StatusCode::OK, "You are signed in as <bdi><b>David</b></bdi> (<bdi><b>david");
    assert!(!page.text.contains(PASSWORD) && !page.text.contains("connect.sid"), "{}", page.text);
    let (_, rest) = page.text.split_once("name=\"account\" value=\"").unwrap();
    let account = rest.split('"').next().unwrap().to_owned();

    // Another account was found meanwhile, in another window.
    leads_back(&dave.post("confirm", &[("account", "6b0000010000000000000001")]).await);
    assert_eq!(world.bridge().changes(), []);
    leads_back(&dave.post("confirm", &[("account", &account)]).await);
    // Twice by a double click: the second says the same, and links nothing.
    leads_back(&dave.post("confirm", &[("account", &account)]).await);
    let page = dave.get("").await;
    refused(&page, StatusCode::OK, "Your account is linked");
    assert!(page.text.contains("!unlink"), "{}", page.text);
    let asked = world.bridge().changes();
    let [LinkAction::Attach { user, username, display_name, secrets }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!((&*user.0, username.as_str(), display_name.as_str()), (&*account, "david", "David"));
    assert!(secrets.password.is_none() && secrets.token.is_none());
    let session = secrets.session.as_ref().unwrap().expose();
    assert!(session.starts_with("connect.sid=") && !session.contains(';'), "a cookie");
    // Somebody else learns only that it was used.
    let mut mallory = LinkVisitor::new(&world);
    mallory.get("").await;
    refused(&mallory.get("").await, StatusCode::GONE, "works only once");
}

#[tokio::test]
async fn token_is_as_good_as_a_password() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    for (token, words) in [
        ("", "Paste the token"),
        ("two words", "not a token"),
        ("mistaken", "does not accept this token"),
        ("NTY1OjE=", "does not accept this token"),
    ] {
        let seen = dave.post("token", &[("token", token)]).await;
        refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(seen.text.contains("<details open>"), "{}", seen.text);
        assert!(token.len() < 5 || !seen.text.contains(token), "{}", seen.text);
    }
    let token = world.letschat.token("david");
    leads_back(&dave.post("token", &[("token", &format!(" {token}\n"))]).await);
    let page = dave.get("").await;
    assert!(page.text.contains("Is this you?") && !page.text.contains(&token), "{}", page.text);
    let id = page.text.split_once("name=\"account\" value=\"").unwrap().1;
    let id = id.split('"').next().unwrap().to_owned();
    leads_back(&dave.post("confirm", &[("account", &id)]).await);
    let asked = world.bridge().changes();
    let [LinkAction::Attach { secrets, .. }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(secrets.token, Some(Secret::new(token)));
    assert!(secrets.session.is_none());
}

#[tokio::test]
async fn wrong_passwords_are_explained_and_counted() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    let seen = dave.post("sign-in", &[("username", " "), ("password", "")]).await;
    refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, "Enter your user name");
    assert!(seen.text.contains("Enter your password"), "{}", seen.text);
    assert_eq!(world.bridge().count(&LinkAction::Try), 0);
    let long = "x".repeat(2_000);
    refused(&dave.sign_in(&long).await, StatusCode::UNPROCESSABLE_ENTITY, "too long");
    for words in ["does not accept this user name", "does not accept this user name", "has locked"]
    {
        let seen = dave.sign_in("mistaken<&>password").await;
        refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(seen.text.contains("aria-describedby=\"password-error\""), "{}", seen.text);
        assert!(
            seen.text.contains("value=\"david\"") && !seen.text.contains("mistaken"),
            "{}",
            seen.text
        );
    }
    for _ in 0..2 {
        refused(&dave.sign_in("x").await, StatusCode::UNPROCESSABLE_ENTITY, "has locked");
    }
    refused(&dave.sign_in("x").await, StatusCode::TOO_MANY_REQUESTS, "Type !link on IRC again");
    assert_eq!(world.bridge().changes(), []);
}

#[tokio::test]
async fn lets_chat_that_does_not_answer_is_explained() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    for (status, words) in [
        (StatusCode::BAD_GATEWAY, "is not responding"),
        (StatusCode::BAD_REQUEST, "does not understand"),
        (StatusCode::INTERNAL_SERVER_ERROR, "is not responding"),
    ] {
        world.letschat.faults().rest_fails(Some(status));
        let seen = dave.sign_in(PASSWORD).await;
        refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(!seen.text.contains("127.0.0.1"), "{}", seen.text);
    }
}

#[tokio::test]
async fn found_account_is_not_linked_if_it_is_not_theirs() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    refused(
        &dave.post("confirm", &[("account", "x")]).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Sign in again",
    );
    leads_back(&dave.sign_in(PASSWORD).await);
    leads_back(&dave.post("cancel", &[]).await);
    refused(&dave.get("").await, StatusCode::OK, "Use your account");
    leads_back(&dave.sign_in(PASSWORD).await);
    world.bridge().fails = Some("this account is linked to <b>erin</b>".to_owned());
    let page = dave.get("").await.text;
    let id = page.split_once("name=\"account\" value=\"").unwrap().1.split('"').next().unwrap();
    let seen = dave.post("confirm", &[("account", id)]).await;
    let words = "This account is linked to &lt;b&gt;erin&lt;/b&gt;.";
    refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, words);
    refused(&dave.get("").await, StatusCode::OK, "Use your account");
}

#[tokio::test]
async fn bridge_that_does_not_answer_is_asked_again() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    leads_back(&dave.sign_in(PASSWORD).await);
    let page = dave.get("").await.text;
    let id = page.split_once("name=\"account\" value=\"").unwrap().1.split('"').next().unwrap();
    world.bridge().is_silent = true;
    for seen in [dave.post("confirm", &[("account", id)]).await, dave.get("").await] {
        refused(&seen, StatusCode::SERVICE_UNAVAILABLE, "Try again in a minute");
        assert_eq!(seen.headers["retry-after"], "60");
    }
    world.bridge().is_silent = false;
    refused(&dave.get("").await, StatusCode::OK, "Is this you?");
    leads_back(&dave.post("confirm", &[("account", id)]).await);
    refused(&dave.get("").await, StatusCode::OK, "Your account is linked");
}

/// Two forms at once, as by a double click: the second waits for the first, and changes nothing.
#[tokio::test]
async fn form_sent_twice_is_done_once() {
    let world = world().await;
    world.bridge().offer.own = Some("david".to_owned());
    let mut dave = LinkVisitor::with_page(&world).await;
    let mut again = LinkVisitor::new(&world);
    (again.cookie, again.proof) = (dave.cookie.clone(), dave.proof.clone());
    let both = tokio::join!(dave.post("unlink", &[]), again.post("unlink", &[]));
    leads_back(&both.0);
    leads_back(&both.1);
    assert_eq!(world.bridge().changes(), [LinkAction::Unlink]);
    refused(&dave.get("").await, StatusCode::OK, "The link has ended");
}

#[tokio::test]
async fn account_made_by_the_bridge_is_taken_over() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    let right = [
        ("new-username", "Dave"),
        ("email", "dave@example.org"),
        ("new-password", " Long+enough "),
        ("again", " Long+enough "),
    ];
    for (field, value, words) in [
        ("new-username", "", "Choose a user name"),
        ("new-username", "d<b>", "begins and ends"),
        ("email", "dave", "not a mail address"),
        ("new-password", "", "Choose a password"),
        ("again", "Long+enough", "another password"),
    ] {
        let fields = right.map(|(name, old)| (name, if name == field { value } else { old }));
        let seen = dave.post("take-over", &fields).await;
        refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(seen.text.contains(&format!("id=\"{field}-error\"")), "{}", seen.text);
        assert!(!seen.text.contains("Long+enough") && !seen.text.contains("d<b>"), "{}", seen.text);
    }
    assert_eq!(world.bridge().changes(), []);
    world.bridge().fails = Some("this user name is taken".to_owned());
    let seen = dave.post("take-over", &right).await;
    refused(&seen, StatusCode::UNPROCESSABLE_ENTITY, "This user name is taken.");
    assert!(
        seen.text.contains("role=\"alert\"") && seen.text.contains("value=\"Dave\""),
        "{}",
        seen.text
    );
    world.bridge().fails = None;
    leads_back(&dave.post("take-over", &right).await);
    refused(&dave.get("").await, StatusCode::OK, "The account is yours");
    let action = LinkAction::TakeOver {
        username: "dave".to_owned(),
        email: "dave@example.org".to_owned(),
        password: Secret::new(" Long+enough "),
    };
    assert_eq!(world.bridge().changes(), [action.clone(), action]);
}

#[tokio::test]
async fn link_is_ended() {
    let world = world().await;
    world.bridge().offer.own = Some("david".to_owned());
    let mut dave = LinkVisitor::with_page(&world).await;
    refused(&dave.get("").await, StatusCode::OK, "End the link");
    leads_back(&dave.post("unlink", &[]).await);
    refused(&dave.get("").await, StatusCode::OK, "The link has ended");
    assert_eq!(world.bridge().changes(), [LinkAction::Unlink]);
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    let (cookie, proof) = (dave.cookie.clone(), dave.proof.clone());
    let path = format!("link/{CODE}/unlink");
    let right = form(&[("proof", &proof)]);
    let same = [FORM, ("origin", ORIGIN)];
    let cross = [FORM, ("origin", "http://evil.example")];
    let fetched = [FORM, ("sec-fetch-site", "cross-site")];
    let text = [("content-type", "text/plain"), ("origin", ORIGIN)];
    let big = form(&[("proof", &proof), ("x", &"x".repeat(8_192))]);
    for (headers, body, status) in [
        (&same, String::new(), StatusCode::FORBIDDEN),
        (&same, form(&[("proof", &"A".repeat(43))]), StatusCode::FORBIDDEN),
        (&cross, right.clone(), StatusCode::FORBIDDEN),
        (&fetched, right.clone(), StatusCode::FORBIDDEN),
        (&text, right.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&same, big, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let seen = dave.ask(Method::POST, &path, headers, body).await;
        refused(&seen, status, "The form was not accepted");
    }
    // Without the cookie, and with that of another browser.
    dave.cookie = None;
    let seen = dave.ask(Method::POST, &path, &same, right.clone()).await;
    refused(&seen, StatusCode::FORBIDDEN, "Your browser sends no cookie");
    let mut mallory = LinkVisitor::new(&world);
    mallory.get("").await;
    let seen = mallory.ask(Method::POST, &path, &same, right.clone()).await;
    refused(&seen, StatusCode::FORBIDDEN, "The form was not accepted");
    assert_eq!(world.bridge().changes(), []);
    dave.cookie = cookie;
    leads_back(&dave.ask(Method::POST, &path, &same, right).await);
    assert_eq!(world.bridge().changes(), [LinkAction::Unlink]);
}

#[tokio::test]
async fn only_the_methods_of_a_route_are_allowed() {
    let world = world().await;
    let mut dave = LinkVisitor::new(&world);
    for step in ["sign-in", "token", "confirm", "cancel", "take-over", "unlink"] {
        let seen = dave.get(&format!("/{step}")).await;
        refused(&seen, StatusCode::METHOD_NOT_ALLOWED, &format!("href=\"/irc/link/{CODE}\""));
        assert_eq!(seen.headers["allow"], "POST");
    }
    let page = format!("link/{CODE}");
    let form = format!("{page}/token");
    for (method, path, allowed) in [
        (Method::POST, page.as_str(), "GET,HEAD"),
        (Method::PUT, &page, "GET,HEAD"),
        (Method::DELETE, &form, "GET,HEAD,POST"),
        (Method::POST, "robots.txt", "GET,HEAD"),
    ] {
        let seen = dave.ask(method, path, &[], String::new()).await;
        assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
        let mut methods: Vec<&str> = seen.headers["allow"].to_str().unwrap().split(',').collect();
        methods.sort_unstable();
        assert_eq!(methods.join(","), allowed);
    }
    let seen = dave.ask(Method::POST, &format!("{page}/other"), &[FORM], String::new()).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert_eq!(world.bridge().actions, []);
}

#[tokio::test]
async fn pages_of_no_use_say_what_to_do() {
    for (refusal, status, words) in [
        (LinkRefusal::Unknown, StatusCode::NOT_FOUND, "no such page"),
        (LinkRefusal::Expired, StatusCode::GONE, "too old"),
        (LinkRefusal::Used, StatusCode::GONE, "was used"),
        (LinkRefusal::OtherBrowser, StatusCode::FORBIDDEN, "Another browser"),
        (LinkRefusal::TooManyTries, StatusCode::TOO_MANY_REQUESTS, "Too many tries"),
    ] {
        let world = world().await;
        let mut dave = LinkVisitor::with_page(&world).await;
        world.bridge().refuses = Some(refusal);
        refused(&dave.get("").await, status, words);
        refused(&dave.get("").await, status, "ype !link on IRC again");
        refused(&dave.sign_in(PASSWORD).await, status, words);
        refused(&dave.post("unlink", &[]).await, status, words);
    }
}

#[tokio::test]
async fn guessed_codes_cost_as_much_as_others() {
    let world = LinkWorld::new(PUBLIC, "requests_per_minute = 12").await;
    let mut mallory = LinkVisitor::new(&world);
    for n in 0..6 {
        let path = format!("link/AZaz09-_AZaz09-_AZaz{n:02}");
        mallory.cookie = Some("letsbridge-link=AZaz09-_AZaz09-_AZaz09-_AZaz09-_".to_owned());
        let seen = mallory.ask(Method::GET, &path, &[], String::new()).await;
        refused(&seen, StatusCode::NOT_FOUND, "Type !link on IRC again");
        let seen = mallory.ask(Method::GET, "link/short", &[], String::new()).await;
        refused(&seen, StatusCode::NOT_FOUND, "Type !link on IRC again");
    }
    assert_eq!(world.bridge().actions.len(), 6);
    let seen = mallory.get("").await;
    assert_eq!(seen.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(seen.headers.contains_key("retry-after"));
    assert_eq!(world.bridge().actions.len(), 6);
}

#[tokio::test]
async fn names_cannot_become_markup() {
    let world = world().await;
    let evil = "<img src=x onerror=alert(1)>\"'&\u{202e}";
    {
        let mut bridge = world.bridge();
        bridge.offer.nick = evil.to_owned();
        bridge.offer.network = evil.to_owned();
        bridge.offer.made = Some(evil.to_owned());
        bridge.offer.own = Some(evil.to_owned());
    }
    let mut dave = LinkVisitor::with_page(&world).await;
    let seen = dave.get("").await;
    assert_eq!(seen.text.matches("&lt;img src=x").count(), 5, "{}", seen.text);
    assert!(!seen.text.contains("<img") && !seen.text.contains('\u{202e}'), "{}", seen.text);
    let seen = dave.post("sign-in", &[("username", evil), ("password", "")]).await;
    assert!(seen.text.contains("value=\"&lt;img") && !seen.text.contains("<img"), "{}", seen.text);
    world.bridge().fails = Some(evil.to_owned());
    let seen = dave.post("unlink", &[]).await;
    assert!(!seen.text.contains("<img"), "{}", seen.text);
}

#[tokio::test]
async fn bridge_that_links_no_accounts_says_so() {
    let world = LinkWorld::with(PUBLIC, "", false).await;
    let mut dave = LinkVisitor::new(&world);
    refused(&dave.get("").await, StatusCode::NOT_FOUND, "does not link accounts");
    refused(&dave.post("unlink", &[]).await, StatusCode::NOT_FOUND, "does not link accounts");
}

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whatever is logged, none of it opens a page or an account.
#[tokio::test]
async fn secrets_of_the_page_are_not_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For all tests of this page, which have the same secrets.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = world().await;
    let mut dave = LinkVisitor::with_page(&world).await;
    dave.sign_in("Wrong+word/4731").await;
    let token = world.letschat.token("david");
    dave.post("token", &[("token", &token)]).await;
    leads_back(&dave.sign_in(PASSWORD).await);
    world.letschat.faults().rest_fails(Some(StatusCode::BAD_GATEWAY));
    dave.sign_in(PASSWORD).await;
    let new = "New+word/4732";
    let fields =
        [("new-username", "dd"), ("email", "d@example.org"), ("new-password", new), ("again", new)];
    leads_back(&dave.post("take-over", &fields).await);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request handled"), "{log}");
    let cookie = dave.cookie.clone().unwrap();
    let key = cookie.split_once('=').unwrap().1;
    let escaped = |text: &str| form(&[("", text)])[1..].to_owned();
    let (password, wrong) = (escaped(PASSWORD), escaped("Wrong+word/4731"));
    for secret in [
        CODE,
        key,
        &dave.proof,
        &token,
        PASSWORD,
        &password,
        "Wrong+word/4731",
        &wrong,
        new,
        "d@example.org",
        "connect.sid",
    ] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
