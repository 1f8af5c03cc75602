//! Users of Let's Chat give their connections to IRC a services account, in their browsers.

use std::net::SocketAddr;

use letsbridge_testkit::irc::{Account, Cap, Caps};
use letsbridge_testkit::{irc, letschat};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, StatusCode, redirect};
use url::form_urlencoded;

use crate::harness::World;
use crate::program::{Program, soon};

/// Bob's password for Let's Chat, and the one of his services account.
const PASSWORD: &str = "bobs-letschat-password";
const SERVICES: &str = "bobs-services-password";

/// A browser at the page.
struct Visitor {
    client: Client,
    address: SocketAddr,
    cookie: String,
}

impl Visitor {
    /// A browser that has opened the page at this address.
    async fn new(address: SocketAddr) -> Self {
        // What installs the TLS of other clients; there is none here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.build().unwrap();
        let mut visitor = Self { client, address, cookie: String::new() };
        let opened = visitor.get().await;
        assert!(opened.contains("?opened"), "{opened}");
        visitor
    }

    async fn get(&mut self) -> String {
        let request = self.client.get(self.url("")).header(COOKIE, &self.cookie);
        let answer = soon("the page", request.send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        self.keep_cookie(&answer);
        answer.text().await.unwrap()
    }

    /// Sends a form of the page, and opens the page that it leads to.
    async fn send(&mut self, step: &str, fields: &[(&str, &str)]) -> String {
        let page = self.get().await;
        let (_, rest) = page.split_once(r#"name="proof" value=""#).unwrap();
        let (proof, _) = rest.split_once('"').unwrap();
        let answer = self.post(step, fields, proof).await;
        if answer.status() != StatusCode::SEE_OTHER {
            return answer.text().await.unwrap();
        }
        assert_eq!(answer.headers()[LOCATION], "/irc/puppet");
        self.keep_cookie(&answer);
        self.get().await
    }

    async fn post(&self, step: &str, fields: &[(&str, &str)], proof: &str) -> Response {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("proof", proof);
        let request = self.client.post(self.url(step)).header(COOKIE, &self.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        soon("an answer", request.body(form.finish()).send()).await.unwrap()
    }

    fn url(&self, step: &str) -> String {
        let slash = if step.is_empty() { "" } else { "/" };
        format!("http://{}/irc/puppet{slash}{step}", self.address)
    }

    fn keep_cookie(&mut self, answer: &Response) {
        let Some(cookie) = answer.headers().get(SET_COOKIE) else { return };
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("; Path=/irc/puppet; "), "{cookie}");
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }
}

/// Two servers: bob has an account on both.
async fn world() -> World {
    let account = Account { name: "Bob".to_owned(), password: SERVICES.to_owned() };
    let irc = irc::Setup {
        caps: Caps::none().with(Cap::Sasl),
        accounts: vec![account],
        ..irc::Setup::default()
    };
    let mut bob = letschat::NewUser::new("bob", "Bob");
    bob.password = Some(PASSWORD.to_owned());
    let letschat = letschat::Setup { users: vec![bob], ..letschat::Setup::default() };
    let world = World::with(irc, letschat).await;
    world.configure(|toml| {
        let toml = toml.replace("[letschat]", "sender_mode = \"puppets\"\n\n[letschat]");
        format!(
            "{toml}\n[web]\npublic_url = \"http://bridge.example/irc/\"\nlisten = \"127.0.0.1:0\"\n"
        )
    });
    world.irc.virtual_user("ann").join("#tea");
    world
}

/// A running bridge, and the address of its web server.
async fn run(world: &World) -> (Program, SocketAddr) {
    let mut bridge = world.run().start();
    let line = bridge.err.says("web server started").await;
    let (_, rest) = line.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap().parse().unwrap();
    bridge.ready().await;
    (bridge, address)
}

#[tokio::test]
async fn puppet_logs_in_with_the_account_that_its_user_gives_it() {
    let world = world().await;
    let (mut bridge, address) = run(&world).await;
    let mut visitor = Visitor::new(address).await;
    let page = visitor.send("sign-in", &[("username", "bob"), ("password", "wrong")]).await;
    assert!(page.contains("does not accept this user name or password"), "{page}");
    let before = visitor.cookie.clone();
    let page = visitor.send("sign-in", &[("username", "bob"), ("password", PASSWORD)]).await;
    assert!(page.contains("Your connection does not log in."), "{page}");
    assert_ne!(visitor.cookie, before, "somebody else may have given it to the browser");

    let form = |password| [("network", "office"), ("account", "Bob"), ("password", password)];
    let page = visitor.send("password", &form("wrong")).await;
    assert!(page.contains("office does not accept this account or its password"), "{page}");
    assert!(page.contains("Your connection does not log in."), "{page}");
    let page = visitor.send("password", &form(SERVICES)).await;
    assert!(page.contains("It works: your connection logs in as Bob"), "{page}");
    assert!(!page.contains(SERVICES) && !page.contains(PASSWORD), "{page}");

    world.letschat.post("tea", "bob", "hello");
    let line = bridge.err.says("puppet logged in").await;
    assert!(line.contains("account=\"Bob\""), "{line}");
    world.irc.wait_for_join("#tea", "bob|lc").await;
    // Until the bridge knows that the puppet is in, the bot speaks.
    let mut heard = world.channel(1).await;
    while heard.last().is_some_and(|text| text.starts_with("<bob> ")) {
        assert!(heard.len() < 100, "the puppet never speaks");
        world.letschat.post("tea", "bob", "hello again");
        heard = world.channel(heard.len() + 1).await;
    }

    let page = visitor.send("end", &[("network", "office")]).await;
    assert!(page.contains("Your connection does not log in."), "{page}");
    let page = visitor.send("sign-out", &[]).await;
    assert!(page.contains("Who are you?"), "{page}");
    let end = bridge.stop().await;
    assert!(!end.err.contains(SERVICES) && !end.err.contains(PASSWORD), "{}", end.err);
}

#[tokio::test]
async fn forms_are_refused_without_proof_and_do_nothing_without_signing_in() {
    let world = world().await;
    let (_bridge, address) = run(&world).await;
    let visitor = Visitor::new(address).await;
    for step in ["sign-in", "password", "end"] {
        let answer = visitor.post(step, &[("network", "office")], "wrong").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{step}");
    }
    let mut stranger = Visitor::new(address).await;
    let page = stranger.send("password", &[("network", "office"), ("account", "Bob")]).await;
    assert!(page.contains("Who are you?"), "{page}");
}
