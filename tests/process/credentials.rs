//! By what the bridge proves who it is, to servers, services, gateways and proxies, and that links are
//! its own: none of it is in a log, however much is logged and whatever fails.

use std::fs;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use letsbridge_testkit::irc::{self, Account, Cap, Caps};
use letsbridge_testkit::letschat;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{BRIDGE, World};
use crate::program::soon;
use crate::secrets::{keeps, told};

const ACCOUNT: &str = "Account+Pass/4717";
const WRONG_ACCOUNT: &str = "Account+Pass/4718";
const COMMAND: &str = "Command&Pass=4719";
const GATEWAY: &str = "Gateway+Pass/4720";
const PROXY: &str = "Proxy&Pass=4721";

/// A world on whose IRC server the bridge has an account, where it can log in.
async fn with_account(setup: irc::Setup) -> World {
    let account = Account { name: BRIDGE.to_owned(), password: ACCOUNT.to_owned() };
    let setup = irc::Setup { accounts: vec![account], ..setup };
    World::with(setup, letschat::Setup::default()).await
}

fn configure(world: &World, network: &str) {
    world.configure(|toml| {
        toml.replace("tls = false", network)
            + "\n[web]\npublic_url = \"http://bridge.example.org\"\nlisten = \"127.0.0.1:0\"\n"
    });
}

/// With all that a bridge can send to a network: a password by SASL, a certificate, commands, and the user
/// of a gateway (WEBIRC).
#[tokio::test]
async fn secrets_sent_to_a_network_are_not_logged() {
    let [server, own] =
        [(); 2].map(|()| rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap());
    let key = PrivatePkcs8KeyDer::from(server.signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = Arc::new(tls.with_single_cert(vec![server.cert.der().clone()], key.into()).unwrap());
    let caps = Caps::none().with(Cap::Sasl);
    let world = with_account(irc::Setup { caps, tls: Some(tls), ..irc::Setup::default() }).await;
    world.write("ca.pem", &server.cert.pem());
    world.write("own.pem", &(own.cert.pem() + &own.signing_key.serialize_pem()));
    let network = |password: &str| {
        format!(
            "ca_file = \"ca.pem\"\ncert_file = \"own.pem\"\naccount_password = {password:?}\n\
             on_connect = [\"PRIVMSG ann :AUTH bridge {COMMAND}\"]\n\
             sender_mode = \"puppets\"\nwebirc_password = {GATEWAY:?}"
        )
    };
    configure(&world, &network(WRONG_ACCOUNT));
    let mut bridge = told(world.run()).start();
    bridge.err.says("account login rejected").await;
    let outside = bridge.stop().await;

    configure(&world, &network(ACCOUNT));
    let bridge = told(world.run()).start();
    bridge.ready().await;
    world.say_on_irc("kettle's on");
    world.say_in_letschat("biscuits?");
    world.room(1).await;
    world.channel(1).await;
    world.irc.wait_for_join("#tea", "ann|lc").await;
    let inside = bridge.stop().await;
    let said = |words: &str| world.irc.transcript().iter().any(|it| it.text().contains(words));
    assert!(said(COMMAND) && said(GATEWAY), "it was told");

    // A line of it is enough.
    let key = own.signing_key.serialize_pem();
    let key = key.lines().nth(1).unwrap().to_owned();
    let links = fs::read(world.state().join("links.key")).unwrap();
    let secrets = [ACCOUNT, WRONG_ACCOUNT, COMMAND, GATEWAY, &key].map(str::as_bytes);
    let secrets = [&secrets[..], &[&links]].concat();
    keeps(outside, &secrets);
    keeps(inside, &secrets);
}

/// Who does not know us is told who we are in the clear, and the log does not say it again.
#[tokio::test]
async fn secrets_sent_to_nickserv_are_not_logged() {
    let world = with_account(irc::Setup::default()).await;
    let network = format!(
        "tls = false\naccount_password = {ACCOUNT:?}\nsasl = \"preferred\"\n\
         nickserv = \"NickServ@services.example\""
    );
    configure(&world, &network);
    let mut bridge = told(world.run()).start();
    bridge.err.says("login failed").await;
    bridge.ready().await;
    keeps(bridge.stop().await, &[ACCOUNT.as_bytes()]);
    let said = world.irc.transcript();
    assert!(said.iter().any(|it| it.text().contains(ACCOUNT)), "it was told");
}

#[tokio::test]
async fn secrets_sent_to_a_proxy_are_not_logged() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4_096];
        let count = client.read(&mut asked).await.unwrap();
        let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refused).await.unwrap();
        String::from_utf8_lossy(&asked[..count]).into_owned()
    });
    let network = format!("tls = false\nproxy = \"http://me@{proxy}\"\nproxy_password = {PROXY:?}");
    configure(&world, &network);
    let end = told(world.letsbridge(&["check"])).ends().await;
    assert!(end.out.contains("through the proxy"), "{}", end.out);
    let asked = soon("somebody to ask the proxy", asked).await.unwrap();
    let proof = STANDARD.encode(format!("me:{PROXY}"));
    assert!(asked.contains(&proof), "{asked}");
    keeps(end, &[PROXY.as_bytes(), proof.as_bytes()]);
}
