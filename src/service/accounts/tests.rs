//! The pool between an engine and a server of a few lines.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::bridge::{AccountRegistration, PostFailure};
use crate::config::{AccountSettings, CatchUpPolicy, CertificatePin, LetsChatSenderMode, TlsTrust};
use crate::domain::{DeliveryId, EndpointId, Secret};
use crate::net::rest::fake::{FakeAnswer, FakeFrames, FakeRequest, FakeServer};

const ANN: &str = "6b035acebda4781b8a8cafab";
const POST: &str = "6b035f6d8d054a41e16a0570";
const TAKEN: &str = r#"{"status":"error","message":"Expected username to be unique"}"#;
const ROOM_WITH_PASSWORD: EndpointId = EndpointId(9);

/// A pool, and the engine's ends of its channels.
struct PoolRun {
    commands: mpsc::UnboundedSender<AccountPoolRequest>,
    events: mpsc::Receiver<EngineInput>,
    stop: watch::Sender<bool>,
    _pool: tokio::task::JoinHandle<()>,
}

impl PoolRun {
    fn start(server: &FakeServer) -> Self {
        let settings = AccountPoolSettings {
            letschat: LetsChatSettings {
                url: server.url.clone(),
                tls_trust: TlsTrust::Pin(CertificatePin::new([0; 32])),
                token: "t0k3n".to_owned().into(),
                rooms: Vec::new(),
                catch_up: CatchUpPolicy::Off,
                catch_up_limit: None,
                sender_mode: LetsChatSenderMode::Accounts,
                accounts: AccountSettings::default(),
                announce: false,
            },
            login_interval: Duration::from_millis(1),
            session_refresh: Duration::from_secs(7 * 24 * 3_600),
            shows_speakers: false,
            room_passwords: HashMap::from([(ROOM_WITH_PASSWORD, "pw".to_owned().into())]),
        };
        let (inbox, events) = mpsc::channel(1_000);
        let (stop, stopped) = watch::channel(false);
        let (commands, received) = mpsc::unbounded_channel();
        let pool = tokio::spawn(AccountPool::new(settings, inbox, stopped).run(received));
        Self { commands, events, stop, _pool: pool }
    }

    fn send(&self, command: AccountCommand) {
        self.commands.send(AccountPoolRequest::Command(command)).unwrap();
    }

    async fn event(&mut self) -> AccountEvent {
        match self.events.recv().await {
            Some(EngineInput::Event(Event::Account(event))) => *event,
            other => panic!("{other:?}"),
        }
    }

    /// The next event as text.
    async fn words(&mut self) -> String {
        words(&self.event().await)
    }

    fn register(&self, username: &str, may_exist: bool) {
        self.send(AccountCommand::Register(AccountRegistration {
            person: PersonId(7),
            username: username.to_owned(),
            display_name: "Ann".to_owned(),
            email: format!("{username}@irc.invalid"),
            password: Secret::new("passwordpassword"),
            may_exist,
        }));
    }

    fn add(&self, secrets: AccountSecrets) {
        self.add_as(LetsChatUserId(ANN.into()), secrets);
    }

    fn add_as(&self, user: LetsChatUserId, secrets: AccountSecrets) {
        let username = "ann.irc".to_owned();
        self.send(AccountCommand::Add { person: PersonId(7), user, username, secrets });
    }

    fn post(&self, delivery: i64, endpoint: EndpointId) {
        self.post_as(LetsChatUserId(ANN.into()), delivery, endpoint);
    }

    fn post_as(&self, user: LetsChatUserId, delivery: i64, endpoint: EndpointId) {
        self.send(AccountCommand::Post {
            user,
            delivery: DeliveryId(delivery),
            endpoint,
            room: "6b0000000000000000000001".into(),
            text: format!("text {delivery}"),
        });
    }

    fn hand_over(&self) {
        self.send(AccountCommand::HandOver {
            request: 3,
            user: LetsChatUserId(ANN.into()),
            username: "Ann".to_owned(),
            email: "ann@example.org".to_owned(),
            password: Secret::new("new-password"),
        });
    }
}

/// An event as a short text.
fn words(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Ready { account, session, .. } => {
            format!("ready {} {:?}", account.username, session.as_ref().map(Secret::expose))
        }
        AccountEvent::NameTaken(_) => "taken".to_owned(),
        AccountEvent::RegistrationClosed(_) => "closed".to_owned(),
        AccountEvent::NotMade { reason, .. } => format!("not made: {reason}"),
        AccountEvent::SignedIn { session, .. } => format!("signed in {:?}", session.expose()),
        AccountEvent::SignedOut(_) => "signed out".to_owned(),
        AccountEvent::AccessLost { reason, .. } => format!("lost: {reason}"),
        AccountEvent::Posted { delivery, .. } => format!("posted {}", delivery.0),
        AccountEvent::NotPosted { delivery, failure, .. } => match failure {
            PostFailure::SignedOut => format!("not posted {}: signed out", delivery.0),
            PostFailure::Unreachable(_) => format!("not posted {}: unreachable", delivery.0),
            PostFailure::Forbidden(reason) => format!("not posted {}: {reason}", delivery.0),
        },
        AccountEvent::PostUnknown { delivery, is_refused, .. } => {
            format!("unknown {} refused {is_refused}", delivery.0)
        }
        AccountEvent::HandedOver { request, account } => {
            format!("handed over {request} {}", account.username)
        }
        AccountEvent::NotHandedOver { reason, .. } => format!("not handed over: {reason}"),
    }
}

fn account(username: &str) -> FakeAnswer {
    let body = format!(r#"{{"id":"{ANN}","username":"{username}","displayName":"Ann"}}"#);
    FakeAnswer::Status(200, body)
}

fn posted() -> FakeAnswer {
    FakeAnswer::Status(201, format!(r#"{{"id":"{POST}","text":"hi"}}"#))
}

/// A server that works: it registers everybody, signs everybody in, and stores each post.
fn working(request: &FakeRequest) -> FakeAnswer {
    match request.line.as_str() {
        "POST /account/register" => FakeAnswer::json(201, "{}"),
        "POST /account/login" => FakeAnswer::Cookie("connect.sid=new".to_owned()),
        "GET /account" => account("ann.irc"),
        line if line.ends_with("/messages") => posted(),
        _ => FakeAnswer::json(200, "{}"),
    }
}

fn session(cookie: &str) -> AccountSecrets {
    AccountSecrets { session: Some(Secret::new(cookie)), ..AccountSecrets::default() }
}

fn password() -> Option<Secret> {
    Some(Secret::new("passwordpassword"))
}

#[tokio::test]
async fn person_is_registered_signed_in_and_speaks() {
    let server = FakeServer::start(working).await;
    let mut pool = PoolRun::start(&server);
    pool.register("ann.irc", false);
    assert_eq!(pool.words().await, r#"ready ann.irc Some("connect.sid=new")"#);
    assert_eq!(
        server.take_lines(),
        ["POST /account/register", "POST /account/login", "GET /account"]
    );
    pool.add(AccountSecrets { password: password(), ..session("connect.sid=new") });
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "posted 1");
    let requests = server.take_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].headers.contains("cookie: connect.sid=new\r\n"), "{requests:?}");
}

/// What a registration leads to, and the requests, when the server answers so to the registration and to each
/// sign-in, one after the other.
async fn registration(
    may_exist: bool,
    answer: FakeAnswer,
    sign_ins: &'static [u16],
) -> (String, Vec<String>) {
    let count = AtomicUsize::new(0);
    let server = FakeServer::start(move |request| match request.line.as_str() {
        "POST /account/register" => answer.clone(),
        "POST /account/login" => match sign_ins[count.fetch_add(1, Ordering::Relaxed)] {
            200 => working(request),
            status => FakeAnswer::json(status, "{}"),
        },
        _ => working(request),
    })
    .await;
    let mut pool = PoolRun::start(&server);
    pool.register("ann.irc", may_exist);
    let outcome = pool.words().await;
    let short = |line: String| line.rsplit('/').next().unwrap_or_default().to_owned();
    (outcome, server.take_lines().into_iter().map(short).collect())
}

#[tokio::test]
async fn registration_finds_what_an_earlier_one_made() {
    let made = || FakeAnswer::json(201, "{}");
    let taken = || FakeAnswer::json(400, TAKEN);
    let ready = r#"ready ann.irc Some("connect.sid=new")"#;
    let invalid = r#"{"message":"Path `username` is invalid (a|b)."}"#;
    type Case<'a> = (bool, FakeAnswer, &'static [u16], &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        (true, made(), &[200], ready, &["login", "account"]),
        (true, made(), &[401, 200], ready, &["login", "register", "login", "account"]),
        // A locked name may be nobody's.
        (true, made(), &[403, 200], ready, &["login", "register", "login", "account"]),
        (false, taken(), &[200], ready, &["register", "login", "account"]),
        (false, taken(), &[401], "taken", &["register", "login"]),
        (true, taken(), &[401, 401], "taken", &["login", "register", "login"]),
        (false, FakeAnswer::json(403, "{}"), &[], "closed", &["register"]),
        (
            false,
            FakeAnswer::json(400, invalid),
            &[],
            "not made: Path `username` is invalid (a|b).",
            &["register"],
        ),
    ];
    for (may_exist, answer, sign_ins, outcome, requests) in cases {
        let label = format!("{may_exist} {answer:?} {sign_ins:?}");
        let (found, seen) = registration(may_exist, answer, sign_ins).await;
        assert_eq!(
            (found.as_str(), seen),
            (outcome, requests.iter().map(|it| (*it).to_owned()).collect()),
            "{label}"
        );
    }
}

#[tokio::test]
async fn session_that_is_refused_is_made_anew() {
    let server = FakeServer::start(|request| match request.headers.contains("sid=old") {
        true => FakeAnswer::json(401, "Unauthorized"),
        false => working(request),
    })
    .await;
    let mut pool = PoolRun::start(&server);
    // The first check of the session finds it, or the post.
    pool.add(AccountSecrets { password: password(), ..session("connect.sid=old") });
    assert_eq!(pool.words().await, "signed out");
    assert_eq!(pool.words().await, r#"signed in "connect.sid=new""#);
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "posted 1");
}

#[tokio::test]
async fn post_with_an_old_session_is_certainly_not_posted() {
    let server = FakeServer::start(|request| match &*request.line {
        "GET /account" => account("ann.irc"),
        line if line.ends_with("/messages") => FakeAnswer::json(401, "Unauthorized"),
        _ => working(request),
    })
    .await;
    let mut pool = PoolRun::start(&server);
    pool.add(AccountSecrets { password: password(), ..session("connect.sid=old") });
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "signed out");
    assert_eq!(pool.words().await, "not posted 1: signed out");
    assert_eq!(pool.words().await, r#"signed in "connect.sid=new""#);
    pool.send(AccountCommand::Remove(LetsChatUserId(ANN.into())));
    pool.post(2, EndpointId(1));
    assert_eq!(pool.words().await, "not posted 2: signed out");
}

#[tokio::test]
async fn access_is_lost_without_a_password_that_works() {
    for secrets in [
        session("connect.sid=old"),
        AccountSecrets { password: password(), ..session("connect.sid=old") },
        AccountSecrets { password: password(), ..AccountSecrets::default() },
        AccountSecrets { token: Some(Secret::new("t0k3n")), ..AccountSecrets::default() },
        AccountSecrets::default(),
    ] {
        let server = FakeServer::start(|_| FakeAnswer::json(401, "Unauthorized")).await;
        let mut pool = PoolRun::start(&server);
        let had_session = secrets.session.is_some();
        pool.add(secrets);
        if had_session {
            assert_eq!(pool.words().await, "signed out");
        }
        let lost = pool.words().await;
        assert!(lost.starts_with("lost: "), "{lost}");
    }
}

#[tokio::test]
async fn account_of_somebody_else_is_not_used() {
    let other = |request: &FakeRequest| match &*request.line {
        "GET /account" => FakeAnswer::json(200, r#"{"id":"u2","username":"bob"}"#),
        _ => working(request),
    };
    let server = FakeServer::start(other).await;
    let mut pool = PoolRun::start(&server);
    pool.add(AccountSecrets { token: Some(Secret::new("t0k3n")), ..AccountSecrets::default() });
    assert_eq!(pool.words().await, "lost: the password or the token belongs to bob");
}

#[tokio::test]
async fn posts_run_in_parallel_within_a_limit_and_each_is_answered_at_the_end() {
    let server = FakeServer::start(|request| match request.line.ends_with("/messages") {
        true => FakeAnswer::Silence,
        false => working(request),
    })
    .await;
    let pool = PoolRun::start(&server);
    // Each by another account: one that posts again within a minute uses a socket.
    for delivery in 0..50 {
        let user = LetsChatUserId(format!("u{delivery}").into());
        pool.add_as(user.clone(), session("connect.sid=old"));
        pool.post_as(user, delivery, EndpointId(delivery));
    }
    let mut under_way = 0;
    while under_way < 32 {
        let lines = server.take_lines();
        under_way += lines.iter().filter(|line| line.ends_with("/messages")).count();
        tokio::task::yield_now().await;
    }
    let PoolRun { commands, mut events, .. } = pool;
    drop(commands);
    let mut outcomes = Vec::new();
    while let Some(EngineInput::Event(Event::Account(event))) = events.recv().await {
        outcomes.push(words(&event));
    }
    assert_eq!(outcomes.iter().filter(|it| it.starts_with("unknown")).count(), 32);
    assert_eq!(outcomes.iter().filter(|it| it.ends_with(": unreachable")).count(), 18);
    outcomes.sort();
    outcomes.dedup();
    assert_eq!(outcomes.len(), 50);
}

#[tokio::test]
async fn stopping_pool_registers_nobody_and_still_posts() {
    let server = FakeServer::start(working).await;
    let mut pool = PoolRun::start(&server);
    pool.add(session("connect.sid=old"));
    pool.stop.send_replace(true);
    pool.register("ann.irc", false);
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "posted 1");
    let PoolRun { commands, mut events, .. } = pool;
    drop(commands);
    assert!(events.recv().await.is_none(), "it ends");
    assert!(!server.take_lines().contains(&"POST /account/register".to_owned()));
}

#[tokio::test]
async fn room_with_a_password_is_joined_once_with_the_cookie() {
    let frames = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&frames);
    let server = FakeServer::with_sockets(working, move |credential, frame| match frame {
        None => FakeFrames::Send(vec!["40".to_owned()]),
        Some(frame) if frame.starts_with("42") => {
            seen.lock().unwrap().push(format!("{credential} {frame}"));
            FakeFrames::Send(vec![r#"431[{"id":"6b0000000000000000000001"}]"#.to_owned()])
        }
        Some(_) => FakeFrames::Close,
    })
    .await;
    let mut pool = PoolRun::start(&server);
    pool.add(session("connect.sid=old"));
    for delivery in [1, 2] {
        pool.post(delivery, ROOM_WITH_PASSWORD);
        assert_eq!(pool.words().await, format!("posted {delivery}"));
    }
    let join = r#"connect.sid=old 421["rooms:join",{"password":"pw","roomId":"6b0000000000000000000001"}]"#;
    assert_eq!(*frames.lock().unwrap(), [join]);
}

#[tokio::test]
async fn nothing_is_posted_to_a_room_that_was_not_joined() {
    let refusal = r#"431[{"status":"error","message":"password required"}]"#;
    for (first, reply, outcome) in [
        ("40", refusal, "not posted 1: the room's password is wrong: correct room_password"),
        ("40", "1", "not posted 1: unreachable"),
        ("44\"No session found\"", "", "signed out"),
    ] {
        let server = FakeServer::with_sockets(working, move |_, frame| {
            FakeFrames::Send(vec![frame.map_or(first, |_| reply).to_owned()])
        })
        .await;
        let mut pool = PoolRun::start(&server);
        pool.add(session("connect.sid=old"));
        pool.post(1, ROOM_WITH_PASSWORD);
        assert_eq!(pool.words().await, outcome);
        assert!(!server.take_lines().iter().any(|line| line.ends_with("/messages")));
    }
}

/// A socket that acks each post with what `reply` makes of its frame, and counts how often it was opened and
/// closed.
async fn token_server(
    reply: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> (FakeServer, mpsc::UnboundedReceiver<&'static str>) {
    let (changes, changed) = mpsc::unbounded_channel();
    let server = FakeServer::with_sockets(working, move |credential, frame| {
        assert_eq!(credential, "t0k3n");
        match frame {
            None => {
                let _ = changes.send("opened");
                FakeFrames::Send(vec!["40".to_owned()])
            }
            Some("closed") => {
                let _ = changes.send("closed");
                FakeFrames::Close
            }
            Some(frame) => match frame.strip_prefix("42").and_then(|rest| rest.split_once('[')) {
                Some((number, call)) => match reply(call) {
                    Some(argument) => FakeFrames::Send(vec![format!("43{number}[{argument}]")]),
                    None => FakeFrames::Close,
                },
                None => FakeFrames::Send(Vec::new()),
            },
        }
    })
    .await;
    (server, changed)
}

fn token() -> AccountSecrets {
    AccountSecrets { token: Some(Secret::new("t0k3n")), ..AccountSecrets::default() }
}

#[tokio::test]
async fn token_posts_over_one_socket_that_closes_when_idle() {
    let (server, mut changes) =
        token_server(|call| {
            assert!(call.starts_with(
                r#""messages:create",{"room":"6b0000000000000000000001","text":"text "#
            ));
            Some(r#"{"id":"6b035f6d8d054a41e16a0570"}"#)
        })
        .await;
    let mut pool = PoolRun::start(&server);
    pool.add(token());
    assert_eq!(pool.words().await, "ready ann.irc None");
    assert_eq!(server.take_lines(), ["GET /account"]);
    for delivery in 1..4 {
        pool.post(delivery, EndpointId(1));
        assert_eq!(pool.words().await, format!("posted {delivery}"));
    }
    let posted_at = Instant::now();
    time::pause();
    assert_eq!(changes.recv().await, Some("opened"));
    assert_eq!(changes.recv().await, Some("closed"), "only one was opened");
    assert!(posted_at.elapsed() >= Duration::from_secs(59), "{:?}", posted_at.elapsed());
    time::resume();
    pool.post(4, EndpointId(1));
    assert_eq!(pool.words().await, "posted 4");
    assert_eq!(changes.recv().await, Some("opened"));
}

#[tokio::test]
async fn outcome_of_a_post_by_token_may_be_unknown() {
    let (server, _changes) = token_server(|call| match call.contains("text 1") {
        true => Some(r#""Bad Request""#),
        false => None,
    })
    .await;
    let mut pool = PoolRun::start(&server);
    pool.add(token());
    pool.post(0, EndpointId(1));
    let mut first = [pool.words().await, pool.words().await];
    first.sort();
    assert_eq!(first, ["not posted 0: signed out", "ready ann.irc None"]);
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "unknown 1 refused true");
    pool.post(2, EndpointId(1));
    assert_eq!(pool.words().await, "unknown 2 refused false");
}

#[tokio::test]
async fn token_whose_socket_is_refused_is_checked() {
    let count = AtomicUsize::new(0);
    let server = FakeServer::with_sockets(
        move |request| match count.fetch_add(1, Ordering::Relaxed) {
            0 => working(request),
            // The answer for a revoked token.
            _ => FakeAnswer::json(500, ""),
        },
        |_, _| FakeFrames::Send(vec!["44\"Fail\"".to_owned()]),
    )
    .await;
    let mut pool = PoolRun::start(&server);
    pool.add(token());
    assert_eq!(pool.words().await, "ready ann.irc None");
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "not posted 1: unreachable");
    assert_eq!(pool.words().await, "lost: Let's Chat does not accept the token: it was revoked");
}

/// What becomes of handing an account over when the server answers so to the change, and then says that the
/// account has this name.
async fn handed_over(answer: FakeAnswer, username: &'static str) -> String {
    let server = FakeServer::start(move |request| match &*request.line {
        "POST /account/settings" => {
            assert_eq!(
                request.body,
                "username=Ann&email=ann%40example.org&password=passwordpassword&new-password=new-password\
                 &confirm-password=new-password"
            );
            answer.clone()
        }
        "GET /account" => account(username),
        _ => working(request),
    })
    .await;
    let mut pool = PoolRun::start(&server);
    pool.add(AccountSecrets { password: password(), ..session("connect.sid=old") });
    pool.hand_over();
    let outcome = pool.words().await;
    pool.post(1, EndpointId(1));
    let after = pool.words().await;
    assert!(after == "posted 1" || outcome == "signed out", "the session goes on: {after}");
    pool.hand_over();
    if outcome.starts_with("handed over") {
        let again = pool.words().await;
        assert_eq!(again, "not handed over: this account has been taken over already");
    }
    outcome
}

#[tokio::test]
async fn account_is_handed_over_even_if_the_answer_is_lost() {
    let wrong = r#"{"status":"error","message":"Incorrect login credentials."}"#;
    for (answer, username, outcome) in [
        (account("ann"), "ann", "handed over 3 ann"),
        (FakeAnswer::Close, "ann", "handed over 3 ann"),
        (FakeAnswer::Close, "ann.irc", "not handed over: cannot reach Let's Chat"),
        (
            FakeAnswer::json(401, wrong),
            "ann.irc",
            "not handed over: Let's Chat does not accept the password",
        ),
        (FakeAnswer::json(401, "Unauthorized"), "ann.irc", "signed out"),
    ] {
        let found = handed_over(answer, username).await;
        assert!(found.starts_with(outcome), "{found}");
    }
}

#[tokio::test]
async fn rename_and_removal_use_the_session() {
    let server = FakeServer::start(working).await;
    let mut pool = PoolRun::start(&server);
    pool.add(session("connect.sid=old"));
    let user = LetsChatUserId(ANN.into());
    pool.send(AccountCommand::Rename { user: user.clone(), display_name: "Ann B".to_owned() });
    pool.post(1, EndpointId(1));
    assert_eq!(pool.words().await, "posted 1");
    pool.send(AccountCommand::Remove(user));
    let mut requests = Vec::new();
    while !requests.iter().any(|request: &FakeRequest| request.line == "GET /logout") {
        requests.extend(server.take_requests());
        tokio::task::yield_now().await;
    }
    let renamed = requests.iter().find(|request| request.line == "POST /account/profile").unwrap();
    assert_eq!(renamed.body, "displayName=Ann+B&firstName=Ann+B");
    assert!(requests.iter().all(|request| request.headers.contains("cookie: connect.sid=old")));
}

#[test]
fn account_needs_little_memory() {
    // Besides: a password of 64 bytes, a cookie of 100, an id and a name.
    assert!(size_of::<Member>() <= 256, "{}", size_of::<Member>());
}
