//! How the program gets into an IRC network, and what it says where it does not.

use std::net::SocketAddr;
use std::sync::Arc;

use letsbridge_testkit::irc::{self, Account, Cap, Caps, IrcServer};
use letsbridge_testkit::letschat;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::World;
use crate::program::End;

const PASSWORD: &str = "Account+Pass/4717";

/// A server with an account, which the bridge is told of by these lines.
async fn with_account(caps: Caps, lines: &str) -> World {
    let account = Account { name: "bridge".to_owned(), password: PASSWORD.to_owned() };
    let setup = irc::Setup { caps, accounts: vec![account], ..irc::Setup::default() };
    let world = World::with(setup, letschat::Setup::default()).await;
    configure(&world, lines);
    world
}

fn configure(world: &World, lines: &str) {
    world.configure(|toml| toml.replace("flood_control =", &format!("{lines}\nflood_control =")));
}

async fn check(world: &World, code: i32) -> String {
    let End { code: exit, out, err } =
        world.letsbridge(&["check"]).env("RUST_LOG", "trace").ends().await;
    assert_eq!(exit, Some(code), "{out}{err}");
    assert!(!out.contains(PASSWORD) && !err.contains(PASSWORD), "{out}{err}");
    out
}

#[track_caller]
fn says(out: &str, words: &str) {
    assert!(out.contains(words), "{words:?} is not in:\n{out}");
}

#[tokio::test]
async fn by_its_account() {
    let caps = Caps::none().with(Cap::Sasl);
    let lines = format!("account_password = {PASSWORD:?}");
    let world = with_account(caps, &lines).await;
    let out = check(&world, 0).await;
    says(&out, "irc office: connected as bridge, logged in to account bridge");

    configure(&world, "account_password = \"wrong\"");
    let out = check(&world, 1).await;
    says(&out, "irc office: account login rejected: SASL authentication failed");
    says(&out, ": set `account` and `account_password_file` as registered with NickServ");
}

#[tokio::test]
async fn not_without_its_account() {
    let lines = format!("account_password = {PASSWORD:?}");
    let world = with_account(Caps::none(), &lines).await;
    let out = check(&world, 1).await;
    says(&out, "irc office: SASL not offered: if services");
    // NickServ is not there either.
    configure(&world, &format!("{lines}\nsasl = \"preferred\""));
    let out = check(&world, 1).await;
    says(&out, "connected as bridge, not logged in to an account: NickServ is not online");
    says(&out, "link[0] office/#tea and letschat/tea: OK");
}

#[tokio::test]
async fn ban_is_logged_and_shown_in_the_status() {
    let world = World::new().await;
    world.irc.faults().kline("*!*@*", "no bridges");
    let mut bridge = world.run().start();
    let line = bridge.err.says("connection rejected").await;
    says(&line, "ERROR");
    says(&line, "banned from the server: You are banned from this server- no bridges");
    says(&line, "ask the network's operators to lift the ban");
    loop {
        let status = bridge.stands("STATUS=").await;
        if status.contains("irc office: banned from the server") {
            says(&status, "; retrying in ");
            break;
        }
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(world.irc.connections_accepted(), 1, "nobody comes back at once");
}

#[tokio::test]
async fn on_connect_commands_come_first() {
    let world = World::new().await;
    world.write("office.commands", "MODE {nick} +B\nPRIVMSG ann :AUTH bridge Account+Pass/4717\n");
    configure(&world, "on_connect_file = \"office.commands\"");
    check(&world, 0).await;
    let said: Vec<String> =
        world.irc.transcript().iter().map(|it| it.text().into_owned()).collect();
    let at = |words: &str| said.iter().position(|line| line == words);
    let (mode, join) = (at("MODE bridge +B"), at("JOIN #tea"));
    assert!(mode.is_some() && mode < join, "{said:?}");
}

#[tokio::test]
async fn through_a_proxy() {
    let world = World::new().await;
    let (proxy, asked) = socks5().await;
    configure(&world, &format!("proxy = \"socks5h://me@{proxy}\"\nproxy_password = {PASSWORD:?}"));
    check(&world, 0).await;
    let asked = asked.await.unwrap();
    assert_eq!(asked, format!("me:{PASSWORD} {}", world.irc.address()));
}

/// A SOCKS5 proxy for one connection: where it is, and who asked it for what.
async fn socks5() -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut greeting = [0; 4];
        client.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 2, 0, 2]);
        client.write_all(&[5, 2]).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 1);
        let (user, password) = (counted(&mut client).await, counted(&mut client).await);
        client.write_all(&[1, 0]).await.unwrap();
        let mut request = [0; 4];
        client.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [5, 1, 0, 1], "an IPv4 address");
        let mut ip = [0; 4];
        client.read_exact(&mut ip).await.unwrap();
        let target = SocketAddr::from((ip, client.read_u16().await.unwrap()));
        let mut server = TcpStream::connect(target).await.unwrap();
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        // Either may hang up first.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        format!("{user}:{password} {target}")
    };
    (address, tokio::spawn(serve))
}

async fn counted(client: &mut TcpStream) -> String {
    let length = client.read_u8().await.unwrap();
    let mut text = vec![0; usize::from(length)];
    client.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn sts_policy_prevents_plaintext_connections() {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = config.with_single_cert(vec![identity.cert.der().clone()], key.into()).unwrap();
    let caps = Caps::none().with(Cap::Sasl);
    let secure = irc::Setup {
        caps,
        tls: Some(Arc::new(tls)),
        vendor_caps: vec!["sts=duration=300".to_owned()],
        ..irc::Setup::default()
    };
    let secure = IrcServer::start(secure).await.unwrap();
    let sts = format!("sts=port={}", secure.address().port());
    let setup = irc::Setup { caps, vendor_caps: vec![sts], ..irc::Setup::default() };
    let world = World::with(setup, letschat::Setup::default()).await;
    let by_name = format!("localhost:{}", world.irc.address().port());
    world.configure(|toml| toml.replace(&world.irc.address().to_string(), &by_name));

    // The machine does not know the certificate.
    let out = check(&world, 1).await;
    says(&out, &format!("the server requires TLS at localhost:{} (STS)", secure.address().port()));
    assert_eq!(secure.client_count(), 0);

    // Now it does.
    world.write("roots.pem", &identity.cert.pem());
    let roots = world.path().join("roots.pem");
    let bridge = world.run().env("SSL_CERT_FILE", &roots).start();
    secure.wait_for_join("#tea", "bridge").await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let knocks = world.irc.connections_accepted();

    // It is remembered: nobody is spoken to in the clear.
    let bridge = world.run().env("SSL_CERT_FILE", &roots).start();
    secure.wait_for_join("#tea", "bridge").await;
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(world.irc.connections_accepted(), knocks);
}
