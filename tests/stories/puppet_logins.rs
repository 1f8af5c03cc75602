//! Users of Let's Chat give their puppets a services account.

use letsbridge::bridge::BridgePolicy;
use letsbridge::domain::{
    Network, NetworkLogin, PuppetCertificate, PuppetLoginAction, PuppetLoginReply,
    PuppetLoginState, Secret,
};

use crate::direct::LC_IN;
use crate::harness::World;
use crate::puppets::{BOB_IN, PUPPETS, says};
use crate::{IRC_IN, LETSCHAT_IN};

/// The registration of bob's puppet, logged in as Bob.
const BOB_LOGS_IN: &str = r#"
    bob back
    bob > CAP LS 302
    bob > NICK bob|lc
    bob > USER bob 0 * bob
    bob < CAP * LS :sasl
    bob > CAP REQ sasl
    bob < CAP * ACK :sasl
    bob > AUTHENTICATE PLAIN
    bob < AUTHENTICATE +
    bob > AUTHENTICATE Qm9iAEJvYgBodXNo
"#;

/// What follows, whether services accept the login or not.
const BOB_JOINS: &str = r#"
    bob > CAP END
    bob < :irc.example 001 bob|lc :hello
    bob > JOIN #tea
    bob < :bob|lc!bob@host JOIN #tea
    bob < :irc.example 353 bob|lc = #tea :bridge ann bob|lc
    bob < :irc.example 366 bob|lc #tea :End of /NAMES list
    irc < :bob|lc!bob@host JOIN #tea
"#;

fn office() -> Network {
    Network::new("office")
}

fn by_password(password: &str) -> PuppetLoginAction {
    let (account, password) = ("Bob".to_owned(), Secret::new(password));
    PuppetLoginAction::UsePassword { network: office(), account, password }
}

fn keep_certificate() -> PuppetLoginAction {
    let pem = "cert\n-----BEGIN PRIVATE KEY-----\nkey";
    let certificate = PuppetCertificate::new(Secret::new(pem));
    PuppetLoginAction::KeepCertificate { network: office(), certificate }
}

fn try_certificate() -> PuppetLoginAction {
    PuppetLoginAction::TryCertificate { network: office() }
}

/// A world with puppets in which nobody has posted.
fn joined() -> World {
    let mut world = World::new(&["office/#tea tea"]).with_nicks(PUPPETS, "{user}|lc");
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

/// bob posts, which the bot sends, and his puppet is asked for.
#[track_caller]
fn bob_posts(world: &mut World, called: &str) {
    says(world, 1, "hello");
    world.tell(&format!(
        r"
        irc > PRIVMSG #tea :<bob> hello
        irc > PING said-1
        irc < :irc.example PONG irc.example said-1
        bob called {called}
        "
    ));
}

/// How bob's puppet logs in.
#[track_caller]
fn shown(world: &mut World) -> NetworkLogin {
    match world.asks_login("bob", PuppetLoginAction::View) {
        Some(PuppetLoginReply::Networks(networks)) if networks.len() == 1 => networks[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn accepted(world: &mut World) {
    assert_eq!(world.asks_login("bob", by_password("hush")), None, "it is tried");
    let (network, account) = (office(), "Bob".to_owned());
    assert_eq!(world.tried(Ok("Bob")), Some(PuppetLoginReply::LoggedIn { network, account }));
}

#[test]
fn accepted_login_is_kept_and_puppets_connect_with_it() {
    let mut world = joined();
    accepted(&mut world);
    let login = shown(&mut world);
    assert!(login.has_password && login.account.as_deref() == Some("Bob"), "{login:?}");
    assert_eq!(login.state, PuppetLoginState::Accepted);
    bob_posts(&mut world, "bob|lc as Bob");
    world.tell(BOB_LOGS_IN);
    world.tell("bob < :irc.example 900 bob|lc bob|lc!bob@host Bob :You are now logged in");
    world.tell("bob < :irc.example 903 bob|lc :SASL authentication successful");
    world.tell(BOB_JOINS);
    says(&mut world, 2, "it is me");
    world.tell(
        r"
        bob > PRIVMSG #tea :it is me
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :it is me
        bob < :irc.example PONG irc.example said-2
        ",
    );
}

#[test]
fn refused_login_is_not_kept() {
    let mut world = joined();
    assert_eq!(world.asks_login("bob", by_password("wrong")), None);
    let reply = world.tried(Err("no"));
    assert_eq!(reply, Some(PuppetLoginReply::Failed("no".to_owned())));
    let login = shown(&mut world);
    assert!(!login.has_password && login.account.is_none(), "{login:?}");
    bob_posts(&mut world, "bob|lc");
}

#[test]
fn what_is_no_account_is_not_tried() {
    let mut world = joined();
    for (account, password) in [
        ("", "x"),
        ("a b", "x"),
        ("a\u{0}b", "x"),
        ("bob", ""),
        ("bob", "a\u{0}b"),
        ("bob", &"x".repeat(301)),
    ] {
        let (account, password) = (account.to_owned(), Secret::new(password));
        let action = PuppetLoginAction::UsePassword { network: office(), account, password };
        let reply = world.asks_login("bob", action);
        assert!(matches!(reply, Some(PuppetLoginReply::Failed(_))), "{reply:?}");
    }
    let network = Network::new("elsewhere");
    let password = Secret::new("x");
    let elsewhere = PuppetLoginAction::UsePassword { network, account: "bob".into(), password };
    let reply = world.asks_login("bob", elsewhere);
    assert!(matches!(reply, Some(PuppetLoginReply::Failed(_))), "{reply:?}");
    assert!(world.trials.is_empty());
}

#[test]
fn passwords_cannot_be_guessed_through_the_bridge() {
    let mut world = joined();
    for _ in 0..5 {
        assert_eq!(world.asks_login("bob", by_password("guess")), None);
        assert!(world.asks_login("bob", by_password("guess")).is_some(), "one at a time");
        world.tried(Err("no"));
    }
    let reply = world.asks_login("bob", by_password("guess"));
    assert!(matches!(reply, Some(PuppetLoginReply::Failed(_))), "{reply:?}");
    assert_eq!(world.asks_login("eve", by_password("hers")), None, "others may");
    world.tried(Err("no"));
    world.tell_on("wait 60s");
    assert_eq!(world.asks_login("bob", by_password("guess")), None);
}

#[test]
fn connected_puppet_connects_again_when_its_login_changes() {
    let mut world = joined();
    bob_posts(&mut world, "bob|lc");
    world.tell(BOB_IN);
    accepted(&mut world);
    world.tell("bob changes login");
    world.tell(
        r"
        irc < :bob|lc!bob@host QUIT :changing the login
        bob lost
        bob called bob|lc as Bob
        ",
    );
    let end = PuppetLoginAction::End { network: office() };
    assert_eq!(world.asks_login("bob", end.clone()), Some(PuppetLoginReply::Done));
    assert!(matches!(world.asks_login("bob", end), Some(PuppetLoginReply::Failed(_))));
    assert!(!shown(&mut world).has_password);
}

#[test]
fn certificate_is_used_once_services_accept_it() {
    let mut world = joined();
    let reply = world.asks_login("bob", try_certificate());
    assert!(matches!(reply, Some(PuppetLoginReply::Failed(_))), "there is none");
    assert_eq!(world.asks_login("bob", keep_certificate()), Some(PuppetLoginReply::Done));
    let login = shown(&mut world);
    assert_eq!(login.certificate.as_deref(), Some("cert\n"), "without its key");
    assert_eq!(login.state, PuppetLoginState::Untried);
    assert_eq!(world.asks_login("bob", try_certificate()), None);
    world.tried(Err("not added"));
    assert_eq!(shown(&mut world).state, PuppetLoginState::Untried);
    assert_eq!(world.asks_login("bob", try_certificate()), None);
    world.tried(Ok("Bob"));
    let login = shown(&mut world);
    assert_eq!((login.state, login.account.as_deref()), (PuppetLoginState::Accepted, Some("Bob")));
    bob_posts(&mut world, "bob|lc as Bob");
}

#[test]
fn password_stays_in_use_until_the_certificate_is_accepted() {
    let mut world = joined();
    accepted(&mut world);
    assert_eq!(world.asks_login("bob", keep_certificate()), Some(PuppetLoginReply::Done));
    let login = shown(&mut world);
    assert!(login.has_password && login.certificate.is_some(), "{login:?}");
    assert_eq!(world.asks_login("bob", try_certificate()), None);
    assert!(world.trials.last().is_some_and(|login| login.password.is_none()));
    world.tried(Ok("Bob"));
    let login = shown(&mut world);
    assert!(!login.has_password && login.certificate.is_some(), "{login:?}");
}

#[test]
fn login_survives_a_restart() {
    let mut world = joined();
    accepted(&mut world);
    world.tell("restart");
    assert!(shown(&mut world).has_password);
}

#[test]
fn owner_is_told_once_that_services_no_longer_accept_the_login() {
    let policy = BridgePolicy {
        link_page: Some("https://b.example/link/".to_owned()),
        ..BridgePolicy::default()
    };
    let world = World::new(&["office/#tea tea"]).with_policy(policy);
    let mut world = world.with_nicks(PUPPETS, "{user}|lc").with_direct_messages();
    world.tell(LC_IN);
    world.tell(IRC_IN);
    world.tell(r#"lc < 42["users:join",{"id":"id-bob","username":"bob","room":"r1"}]"#);
    accepted(&mut world);
    bob_posts(&mut world, "bob|lc as Bob");
    world.tell(BOB_LOGS_IN);
    world.tell_on("bob < :irc.example 904 bob|lc :Invalid credentials");
    let (_, told) = world.sent();
    assert!(told.len() == 1 && told[0].contains("Invalid credentials"), "{told:?}");
    assert!(told[0].contains("https://b.example/puppet"), "{told:?}");
    world.tell(BOB_JOINS);
    assert_eq!(shown(&mut world).state, PuppetLoginState::Refused);
    says(&mut world, 2, "without it");
    world.tell(
        r"
        bob > PRIVMSG #tea :without it
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :without it
        bob < :irc.example PONG irc.example said-2
        irc < :bob|lc!bob@host QUIT :bye
        bob lost
        ",
    );
    bob_posts_again(&mut world);
    world.tell(BOB_LOGS_IN);
    world.tell("bob < :irc.example 904 bob|lc :Invalid credentials");
    world.tell(BOB_JOINS);
}

/// bob posts once more, after his puppet was disconnected.
#[track_caller]
fn bob_posts_again(world: &mut World) {
    says(world, 3, "again");
    world.tell(
        r"
        irc > PRIVMSG #tea :<bob> again
        irc > PING said-3
        irc < :irc.example PONG irc.example said-3
        bob called bob|lc as Bob
        ",
    );
}

#[test]
fn owner_may_write_under_the_nick_of_their_puppet() {
    let mut world = joined();
    accepted(&mut world);
    bob_posts(&mut world, "bob|lc as Bob");
    world.tell(BOB_LOGS_IN);
    world.tell("bob < :irc.example 900 bob|lc bob|lc!bob@host Bob :You are now logged in");
    world.tell("bob < :irc.example 903 bob|lc :SASL authentication successful");
    world.tell(BOB_JOINS);
    says(&mut world, 2, "by the puppet");
    world.tell(
        r#"
        bob > PRIVMSG #tea :by the puppet
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :by the puppet
        bob < :irc.example PONG irc.example said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :by the client of bob himself
        lc > 42#["messages:create",{"room":"r1","text":"<bob|lc> by the client of bob himself"}]
        "#,
    );
}
