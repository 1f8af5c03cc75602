//! `letsbridge demo`, as its two kinds of guests meet it.

use std::net::Ipv4Addr;

use futures_util::{SinkExt, StreamExt};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::program::{Program, Start, soon};

/// A demo on ports that are free.
struct Demo {
    program: Program,
    irc: u16,
    letschat: u16,
    _directory: tempfile::TempDir,
}

impl Demo {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = ["demo", "--irc-port", "0", "--letschat-port", "0"];
        let start = Start::new(directory.path(), &ports).env("TMPDIR", directory.path());
        let mut program = start.start();
        let page = program.out.says("http://localhost:").await;
        let irc = program.out.says("irssi -c localhost -p ").await;
        let port = |line: &str, before: &str| {
            let (_, rest) = line.split_once(before).unwrap();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse::<u16>().unwrap()
        };
        Self {
            irc: port(&irc, "-p "),
            letschat: port(&page, "localhost:"),
            program,
            _directory: directory,
        }
    }
}

impl Demo {
    /// The address of the page with both sides, and its port.
    fn page(&self) -> String {
        let (_, page) = self.program.out.so_far().split_once("http://").unwrap();
        page.lines().next().unwrap().to_owned()
    }
}

/// Somebody with an IRC client.
struct IrcGuest {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl IrcGuest {
    async fn join(port: u16, nick: &str, channel: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (reader, writer) = stream.into_split();
        let mut guest = Self { lines: BufReader::new(reader).lines(), writer };
        guest.send(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {channel}")).await;
        guest.hears(" 366 ").await;
        guest
    }

    async fn send(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    async fn hears(&mut self, words: &str) -> String {
        loop {
            let line = soon(words, self.lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("{words} was never heard"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

/// Somebody with the page, which does the same.
struct PageGuest {
    socket: WebSocketStream<TcpStream>,
}

impl PageGuest {
    async fn join(port: u16, username: &str, room: &str) -> (Self, String) {
        let page = format!("http://localhost:{port}");
        let html = get(&format!("{page}/")).await.text().await.unwrap();
        assert!(html.contains("<title>"), "{html}");
        let people = get(&format!("{page}/demo/people")).await.text().await.unwrap();
        let people: Vec<Value> = serde_json::from_str(&people).unwrap();
        let ann = people.iter().find(|person| person["username"] == username).unwrap();
        // Neither the bridge, nor the accounts that it makes for people of IRC.
        let offered: Vec<_> = people.iter().map(|person| &person["username"]).collect();
        assert_eq!(offered, ["ann", "bob", "carla"]);
        let token: String =
            url::form_urlencoded::byte_serialize(ann["token"].as_str().unwrap().as_bytes())
                .collect();
        let address =
            format!("ws://localhost:{port}/socket.io/?EIO=3&transport=websocket&token={token}");
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (socket, _) = client_async(address, stream).await.unwrap();
        let mut guest = Self { socket };
        guest.hears("40").await;
        guest.send("421", json!(["rooms:list", {}])).await;
        let answer = guest.hears("431").await;
        let rooms: Value = serde_json::from_str(&answer[3..]).unwrap();
        let listed = rooms[0].as_array().unwrap();
        let id = listed.iter().find(|it| it["slug"] == room).unwrap()["id"].as_str().unwrap();
        guest.send("422", json!(["rooms:join", id])).await;
        guest.hears("432").await;
        (guest, id.to_owned())
    }

    async fn send(&mut self, number: &str, call: Value) {
        self.socket.send(Message::text(format!("{number}{call}"))).await.unwrap();
    }

    async fn hears(&mut self, words: &str) -> String {
        loop {
            let frame = soon(words, self.socket.next()).await.unwrap().unwrap();
            if let Message::Text(text) = frame
                && text.contains(words)
            {
                return text.as_str().to_owned();
            }
        }
    }
}

async fn get(address: &str) -> reqwest::Response {
    // What installs the TLS of other clients; there is none here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    soon(address, client.get(address).send()).await.unwrap()
}

#[tokio::test]
async fn demo_mirrors_both_ways_until_stopped() {
    let demo = Demo::start().await;
    let mut tea = IrcGuest::join(demo.irc, "dave", "#lobby").await;
    let (mut ann, room) = PageGuest::join(demo.letschat, "ann", "lobby").await;
    tea.send("PRIVMSG #lobby :hello from IRC").await;
    let heard = ann.hears("hello from IRC").await;
    assert!(heard.contains(r#""text":"hello from IRC""#), "{heard}");
    assert!(heard.contains(r#""username":"dave.irc","displayName":"dave""#), "{heard}");
    let post = json!(["messages:create", { "room": room, "text": "hello from the page" }]);
    ann.send("423", post).await;
    let heard = tea.hears("hello from the page").await;
    assert!(heard.contains(" PRIVMSG #lobby :<ann> hello from the page"), "{heard}");

    demo.program.signal("INT").await;
    let end = demo.program.ends().await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    assert!(end.out.contains("nothing is saved"), "{}", end.out);
}

#[tokio::test]
async fn used_port_is_reported_with_its_option() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let options = ["--irc-port", "--letschat-port", "--port"];
    for option in options {
        let mut arguments = vec!["demo", option, &port];
        for other in options.into_iter().filter(|other| *other != option) {
            arguments.extend([other, "0"]);
        }
        let end = Start::new(directory.path(), &arguments).ends().await;
        assert_eq!((end.code, end.out.as_str()), (Some(1), ""), "{}", end.err);
        assert!(end.err.starts_with(&format!("cannot listen on port {port} (")), "{}", end.err);
        assert!(
            end.err.trim_end().ends_with(&format!("choose another with {option}")),
            "{}",
            end.err
        );
    }
}

#[tokio::test]
async fn the_page_is_for_this_machine_alone() {
    let demo = Demo::start().await;
    let page = demo.page();
    let answer = get(&format!("http://{page}/")).await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    for elsewhere in ["example.org", "192.0.2.1:80"] {
        let mut stream = TcpStream::connect(&page).await.unwrap();
        let request = format!("GET /places HTTP/1.1\r\nHost: {elsewhere}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let status = BufReader::new(stream).lines().next_line().await.unwrap().unwrap();
        assert_eq!(status, "HTTP/1.1 403 Forbidden");
    }
    let mut stream = TcpStream::connect(&page).await.unwrap();
    let login = r#"{"username":"ann","password":"password"}"#;
    let foreign = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {page}\r\nOrigin: http://localhost:1\r\nContent-Length: {}\r\n\r\n{login}",
        login.len()
    );
    stream.write_all(foreign.as_bytes()).await.unwrap();
    let status = BufReader::new(stream).lines().next_line().await.unwrap().unwrap();
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    for path in ["bridge", "irc"] {
        let stream = TcpStream::connect(&page).await.unwrap();
        // Without the origin that a browser sends for our own page.
        let refused = client_async(format!("ws://{page}/{path}"), stream).await.unwrap_err();
        assert!(refused.to_string().contains("403"), "{refused}");
    }
}

#[tokio::test]
async fn the_bridge_ends_with_the_demo() {
    let demo = Demo::start().await;
    let page = demo.page();
    let mut request = format!("ws://{page}/bridge").into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{page}").parse().unwrap());
    let stream = TcpStream::connect(&page).await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let snapshot = soon("the state of the bridge", socket.next()).await.unwrap().unwrap();
    let snapshot: Value = serde_json::from_str(snapshot.to_text().unwrap()).unwrap();
    let process = i32::try_from(snapshot["process"].as_i64().unwrap()).unwrap();
    let bridge = pidfd_open(Pid::from_raw(process).unwrap(), PidfdFlags::empty()).unwrap();
    demo.program.signal("KILL").await;
    demo.program.ends().await;
    // It can be read when the process has ended.
    let wait = move || poll(&mut [PollFd::new(&bridge, PollFlags::IN)], None);
    let ended = soon("the end of the bridge", tokio::task::spawn_blocking(wait)).await.unwrap();
    assert_eq!(ended, Ok(1));
}

#[tokio::test]
async fn the_bridge_answers_by_the_name_that_people_see() {
    let demo = Demo::start().await;
    let mut tea = IrcGuest::join(demo.irc, "dave", "#lobby").await;
    let (mut ann, room) = PageGuest::join(demo.letschat, "ann", "lobby").await;
    tea.send("PRIVMSG #lobby :hello").await;
    ann.hears(r#""text":"hello""#).await;
    for (number, question) in [("423", "@irc who"), ("424", "@letsbridge help")] {
        ann.send(number, json!(["messages:create", { "room": room, "text": question }])).await;
    }
    ann.hears("-- #lobby on demo: dave").await;
    ann.hears("-- bridged with #lobby on demo").await;
    tea.send("PRIVMSG letsbridge :!who").await;
    tea.hears("NOTICE dave :nobody reads private messages to the bridge").await;
}
