//! `letsbridge check`: what works, and what would mend the rest.

use std::net::{SocketAddr, TcpListener};

use letsbridge_testkit::irc::{self, CloseKind, IrcServer};
use letsbridge_testkit::letschat::{self, NewRoom};

use crate::harness::World;
use crate::program::End;

/// The lines that `check` prints; it must exit with `code`.
async fn check(world: &World, code: i32) -> Vec<String> {
    let End { code: exit, out, err } = world.letsbridge(&["check"]).ends().await;
    assert_eq!((exit, err.as_str()), (Some(code), ""), "{out}");
    let lines: Vec<String> = out.lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "bridge.toml: configuration OK");
    assert_eq!(lines[1], "state: writable");
    lines[2..].to_vec()
}

#[tokio::test]
async fn working_configuration_passes() {
    let world = World::new().await;
    let found = check(&world, 0).await;
    assert_eq!(
        found,
        [
            "irc office: connected as bridge",
            "letschat: connected as bridge",
            "link[0] office/#tea and letschat/tea: OK",
        ]
    );
    assert_eq!((world.irc.client_count(), world.irc.connections_accepted()), (0, 1), "it has left");
    // Beside a bridge that runs.
    let bridge = world.bridge().await;
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("state: in use by a running bridge\n"), "{out}");
    assert!(out.contains("irc office: connected as bridge_ (bridge is in use)\n"), "{out}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn missing_room_is_reported_with_existing_rooms() {
    let world = World::new().await;
    world.letschat.create_room(NewRoom::new("dev"));
    world.configure(|toml| toml.replace("room = \"tea\"", "room = \"tee\""));
    let found = check(&world, 1).await;
    assert_eq!(
        found[2],
        "link[0] office/#tea and letschat/tee: no room \"tee\" is visible to our account; visible \
         rooms: dev, tea. Name one of them, or let the bridge's account into the room"
    );
}

#[tokio::test]
async fn wrong_and_revoked_token_are_distinguished() {
    let world = World::new().await;
    let old = world.letschat.token("bridge");
    world.letschat.new_token("bridge");
    world.write("letschat.token", &old);
    let found = check(&world, 1).await;
    assert_eq!(
        found[1],
        "letschat: Let's Chat rejected the token: create one in its menu \"Auth Tokens\" and put it \
         into the token file"
    );
    assert_eq!(
        found[2],
        "link[0] office/#tea and letschat/tea: not tried: no connection to letschat"
    );

    world.letschat.revoke_token("bridge");
    let found = check(&world, 1).await;
    assert!(found[1].contains("as it does for a revoked token"), "{}", found[1]);
    assert!(found[1].contains("Create one in its menu"), "{}", found[1]);
}

#[tokio::test]
async fn server_other_than_letschat_is_reported() {
    let behind = letschat::Setup { prefix: "/chat".to_owned(), ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), behind).await;
    check(&world, 0).await;
    world.configure(|toml| toml.replace("/chat\"", "/chatt\""));
    let found = check(&world, 1).await;
    assert!(found[1].starts_with("letschat: not a Let's Chat server ("), "{}", found[1]);
    assert!(found[1].contains("`url` must be the address of its front page"), "{}", found[1]);

    let irc = world.irc.address();
    world.configure(|toml| toml.replace(&world.letschat.url(), &format!("http://{irc}")));
    let found = check(&world, 1).await;
    assert!(found[1].contains("check the port in letschat.url"), "{}", found[1]);
}

#[tokio::test]
async fn join_failure_is_reported_with_a_remedy() {
    let world = World::new().await;
    for (numeric, remedy) in
        [(474, "lift the ban"), (475, "(`key_file` or `key`)"), (473, "exempt the bridge (+I)")]
    {
        world.irc.faults().refuse_joins("#tea", numeric, 1);
        let found = check(&world, 1).await;
        assert_eq!(found[0], "irc office: connected as bridge");
        let beginning = "link[0] office/#tea and letschat/tea: the server says \"";
        assert!(found[2].starts_with(beginning) && found[2].contains(remedy), "{}", found[2]);
    }
}

#[tokio::test]
async fn a_channel_that_does_not_hear_the_bridge() {
    let world = World::new().await;
    world.irc.virtual_user("ann").join("#tea");
    world.irc.faults().mode("#tea", "+m", "");
    let found = check(&world, 1).await;
    assert_eq!(
        found[2],
        "link[0] office/#tea and letschat/tea: the server says \"the channel is moderated (+m), and \
         the bridge has no voice\": ask a channel operator to give the bridge voice (MODE +v, or \
         ChanServ)"
    );
}

#[tokio::test]
async fn unreachable_servers_are_reported() {
    let world = World::new().await;
    world.irc.faults().kill(CloseKind::Silent).await;
    world.letschat.kill().await.unwrap();
    let found = check(&world, 1).await;
    for (line, server) in [
        (&found[0], format!("irc office: cannot connect to {}", world.irc.address())),
        (&found[1], format!("letschat: cannot connect to {}", world.letschat.address())),
    ] {
        assert!(line.starts_with(&server), "{line}");
        assert!(line.contains("nothing listens on this port"), "{line}");
    }
    assert_eq!(
        found[2],
        "link[0] office/#tea and letschat/tea: not tried: no connection to irc office; not tried: \
         no connection to letschat"
    );
}

#[tokio::test]
async fn every_server_of_a_network_is_tried() {
    let world = World::new().await;
    let locked = irc::Setup { password: Some("opensesame".to_owned()), ..irc::Setup::default() };
    let [gone, other, locked] =
        [irc::Setup::default(), irc::Setup::default(), locked].map(IrcServer::start);
    let (gone, other, locked) = (gone.await.unwrap(), other.await.unwrap(), locked.await.unwrap());
    gone.faults().kill(CloseKind::Silent).await;
    let first = world.irc.address();
    let [gone, second, locked] = [&gone, &other, &locked].map(IrcServer::address);
    world.configure(|toml| {
        let all = format!("\"{gone}\", \"{locked}\", \"{first}\", \"{second}\"");
        toml.replace(&format!("\"{first}\""), &all)
    });
    let found = check(&world, 1).await;
    for (line, beginning) in found.iter().zip([
        format!("irc office at {gone}: cannot connect to {gone}"),
        format!("irc office at {locked}: wrong server password"),
        format!("irc office at {first}: connected as bridge"),
        format!("irc office at {second}: connected as bridge"),
        "letschat: connected as bridge".to_owned(),
        "link[0] office/#tea and letschat/tea: OK".to_owned(),
    ]) {
        assert!(line.starts_with(&beginning), "{line}");
    }
    let joined = |irc: &IrcServer| irc.transcript().iter().any(|it| it.text().starts_with("JOIN"));
    assert!(joined(&world.irc) && !joined(&other), "the channel is joined once");
}

#[tokio::test]
async fn wrong_server_password_is_reported() {
    let setup = irc::Setup { password: Some("opensesame".to_owned()), ..irc::Setup::default() };
    let world = World::with(setup, letschat::Setup::default()).await;
    let found = check(&world, 1).await;
    assert!(found[0].starts_with("irc office: wrong server password"), "{}", found[0]);
    world.write("office.password", "opensesame\n");
    world.configure(|toml| {
        toml.replace("flood_control =", "password_file = \"office.password\"\nflood_control =")
    });
    check(&world, 0).await;
}

/// `check` with this `[web]`, and its last line.
async fn start_web(world: &World, public: &str, listen: &str, code: i32) -> String {
    world.configure(|toml| {
        format!("{toml}\n[web]\npublic_url = \"{public}\"\nlisten = \"{listen}\"\n")
    });
    check(world, code).await.pop().unwrap()
}

/// An address that was free a moment ago.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn public_url_reaches_the_bridge() {
    let world = World::new().await;
    let address = free_port().to_string();
    let public = format!("http://{address}/irc/");
    let works = format!("{public}: reachable ({address})");
    assert_eq!(start_web(&world, &public, &address, 0).await, works);
    // Beside a bridge that runs, it is that which answers.
    let bridge = world.bridge().await;
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with(&format!("{works}\n")), "{out}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn address_of_the_archive_is_said() {
    let world = World::new().await;
    let address = free_port().to_string();
    let listen = format!("{address}\"\n[archive]\nenabled = true\n#\"");
    let line = start_web(&world, &format!("http://{address}/irc/"), &listen, 0).await;
    assert_eq!(line, format!("archive: its pages are at http://{address}/irc/archive"));
}

#[tokio::test]
async fn wrong_public_url_and_used_port_are_reported() {
    let world = World::new().await;
    let (address, letschat) = (free_port().to_string(), world.letschat.url());
    let line = start_web(&world, &format!("{letschat}/"), &address, 1).await;
    assert!(line.starts_with(&format!("web.public_url: {letschat}/: ")), "{line}");
    assert!(line.ends_with(&format!("forward to {address}")), "{line}");
    let nobody = free_port();
    let line = start_web(&world, &format!("http://{nobody}/"), &address, 1).await;
    assert!(line.contains("unreachable from this machine"), "{line}");
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let line = start_web(&world, &format!("http://{taken}/"), &taken, 1).await;
    assert!(line.starts_with(&format!("web.listen: cannot listen on {taken}")), "{line}");
}

/// A server that sends `greeting` to each client, or answers with it, and closes the connection.
async fn stranger(greeting: &'static [u8]) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(greeting).await;
        }
    });
    address
}

#[tokio::test]
async fn whoever_answers_instead_is_named_with_the_key_to_change() {
    const ALERT: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";
    const WEB: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    const IRC: &[u8] = b":irc.example NOTICE * :*** Looking up your hostname\r\n";
    const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";
    for (greeting, tls, words) in [
        (ALERT, false, "set `tls = true`"),
        (WEB, false, "a web server or a proxy answers"),
        (SSH, false, "an SSH server answers"),
        (b"", false, "set `tls = true`"),
        (IRC, true, "set `tls = false`"),
        (WEB, true, "an IRC server is on another port, usually 6697"),
        (SSH, true, "an SSH server answers"),
    ] {
        let world = World::new().await;
        let other = stranger(greeting).await.to_string();
        world.configure(|toml| {
            toml.replace(&world.irc.address().to_string(), &other)
                .replace("tls = false", &format!("tls = {tls}"))
                .replace("nick =", if tls { "pin_sha256 = \"PIN\"\nnick =" } else { "nick =" })
                .replace("PIN", &"00".repeat(32))
        });
        let found = check(&world, 1).await;
        assert!(found[0].contains(words), "{}", found[0]);
    }
    for (greeting, scheme, words) in [
        (ALERT, "http", "write `url = \"https://…\"`"),
        (IRC, "http", "an IRC server answers, not Let's Chat: check the port in letschat.url"),
        (b"", "http", "write `url = \"https://…\"`"),
        (WEB, "https", "write `url = \"http://…\"`"),
    ] {
        let world = World::new().await;
        let other = format!("{scheme}://{}", stranger(greeting).await);
        world.configure(|toml| {
            let pin = format!("pin_sha256 = \"{}\"\ntoken_file", "00".repeat(32));
            let token = if scheme == "https" { pin.as_str() } else { "token_file" };
            toml.replace(&world.letschat.url(), &other).replace("token_file", token)
        });
        let found = check(&world, 1).await;
        assert!(found[1].contains(words), "{}", found[1]);
    }
}
