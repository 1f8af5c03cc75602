//! What is secret is in no log and no word of the program, however much it logs and whatever fails.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use letsbridge_testkit::irc::{self, IrcServer};
use letsbridge_testkit::letschat;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::harness::{BRIDGE, World};
use crate::program::{End, Program, Start};

const PASSWORD: &str = "Open+Sesame/4711";
const WRONG_PASSWORD: &str = "Open+Sesame/4712";
const KEY: &str = "kettle-key-4713";
const WRONG_KEY: &str = "kettle-key-4714";
const ROOM_PASSWORD: &str = "Tea&Room=4715";
const WRONG_ROOM_PASSWORD: &str = "Tea&Room=4716";

#[tokio::test]
async fn nothing_secret_is_logged_without_tls() {
    nothing_secret_is_logged(None).await;
}

#[tokio::test]
async fn nothing_secret_is_logged_with_tls() {
    nothing_secret_is_logged(Some(&rcgen::generate_simple_self_signed(names()).unwrap())).await;
}

fn names() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

async fn nothing_secret_is_logged(identity: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>) {
    let world = guarded_world(identity).await;
    let stale = world.letschat.token(BRIDGE);
    let token = world.letschat.new_token(BRIDGE);
    let secrets = [
        &stale,
        &token,
        PASSWORD,
        WRONG_PASSWORD,
        KEY,
        WRONG_KEY,
        ROOM_PASSWORD,
        WRONG_ROOM_PASSWORD,
    ];
    let secrets = secrets.map(str::as_bytes);

    configure(&world, identity, [&stale, WRONG_PASSWORD, KEY, ROOM_PASSWORD]);
    keeps(refused(&world).await, &secrets);
    world.letschat.revoke_token(BRIDGE);
    keeps(told(world.letsbridge(&["check"])).ends().await, &secrets);

    let token = world.letschat.new_token(BRIDGE);
    let secrets = [&secrets[..], &[token.as_bytes()]].concat();
    configure(&world, identity, [&token, PASSWORD, WRONG_KEY, WRONG_ROOM_PASSWORD]);
    keeps(left_outside(&world).await, &secrets);
    configure(&world, identity, [&token, PASSWORD, KEY, ROOM_PASSWORD]);
    let end = let_in_twice(&world).await;
    assert!(end.err.contains(" TRACE "), "everything is logged: {}", end.err);
    keeps(end, &secrets);
}

/// Servers that want all of it.
async fn guarded_world(identity: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>) -> World {
    let tls = identity.map(|identity| {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
        let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![identity.cert.der().clone()], key.into()).unwrap())
    });
    let password = Some(PASSWORD.to_owned());
    let irc = irc::Setup { password, tls: tls.clone(), ..irc::Setup::default() };
    let world = World::with(irc, letschat::Setup { tls, ..letschat::Setup::default() }).await;
    world.irc.virtual_user("ann").join("#tea");
    world.irc.faults().mode("#tea", "+k", KEY);
    world.letschat.set_password("tea", Some(ROOM_PASSWORD));
    world
}

fn configure(
    world: &World,
    identity: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>,
    [token, password, key, room_password]: [&str; 4],
) {
    world.write("letschat.token", token);
    let trust = if let Some(identity) = identity {
        world.write("ca.pem", &identity.cert.pem());
        "\nca_file = \"ca.pem\""
    } else {
        ""
    };
    world.configure(|toml| {
        toml.replace("tls = false", &format!("tls = {}{trust}", identity.is_some()))
            .replace("[[link]]", &format!("{trust}\n[[link]]\nkey = {key:?}"))
            .replace("flood_control =", &format!("password = {password:?}\nflood_control ="))
            + &format!("room_password = {room_password:?}\n")
    });
}

/// Everything is logged.
pub(crate) fn told(start: Start) -> Start {
    start.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1")
}

/// Neither side lets it in, and it tries again.
async fn refused(world: &World) -> End {
    let mut bridge = told(world.run()).start();
    let (password, token) = ("wrong server password", "rejected the token");
    // A server that refuses a password is not asked again so soon.
    bridge.err.says_all(&[password, token, token]).await;
    bridge.stop().await
}

/// Both sides let it in, and into nothing there.
async fn left_outside(world: &World) -> End {
    let mut bridge = told(world.run()).start();
    bridge.err.says_all(&["not joined", "not joined"]).await;
    bridge.stop().await
}

/// It gets in everywhere, loses both sides, and gets in again.
async fn let_in_twice(world: &World) -> End {
    let bridge = told(world.run()).start();
    bridge.ready().await;
    world.say_on_irc("kettle's on");
    world.say_in_letschat("biscuits?");
    world.room(2).await;
    world.channel(1).await;
    world.letschat.cut();
    lost_and_found(&bridge).await;
    cut(&world.irc);
    lost_and_found(&bridge).await;
    bridge.stop().await
}

fn cut(irc: &IrcServer) {
    irc.faults().disconnect(BRIDGE, "Excess Flood");
}

async fn lost_and_found(bridge: &Program) {
    bridge.notices("STATUS=1 of 2 channels and rooms joined").await;
    bridge.notices("STATUS=2 of 2 channels and rooms joined").await;
}

/// Fails where anything printed holds a secret, in any of the forms that it takes on its way.
#[track_caller]
pub(crate) fn keeps(End { code, out, err }: End, secrets: &[&[u8]]) {
    let log = out + &err;
    assert!(matches!(code, Some(0 | 1)), "{log}");
    for secret in secrets {
        for form in forms(secret) {
            let line = log.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "{form:?}");
        }
    }
}

fn forms(secret: &[u8]) -> Vec<String> {
    let list = format!("{secret:?}");
    let mut forms = vec![
        String::from_utf8_lossy(secret).into_owned(),
        url::form_urlencoded::byte_serialize(secret).collect(),
        STANDARD.encode(secret),
        list[1..list.len() - 1].to_owned(),
        HEXLOWER.encode(secret),
    ];
    // What a token holds: its user's id, which is no secret, and the secret itself.
    if let Ok(token) = STANDARD.decode(secret)
        && let Some((_, within)) = String::from_utf8_lossy(&token).split_once(':')
    {
        forms.push(within.to_owned());
    }
    forms
}
