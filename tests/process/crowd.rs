//! What is served, while many at once want it and take it slowly or not at all.

use std::net::SocketAddr;

use jiff::Timestamp;
use letsbridge::domain::{Author, Endpoint, Message, MessageKind};
use letsbridge::store::{self, Store};
use letsbridge::translate::PublicLinks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::World;
use crate::program::{Program, soon};

const PUBLIC: &str = "http://bridge.example/";

/// A message of 12 MB, a bridge that serves it, and the path of its page.
async fn long_message() -> (World, Program, SocketAddr, String) {
    let world = World::new().await;
    let mut store = Store::open(&world.state()).unwrap();
    let message = Message {
        source: store.endpoint_id(&Endpoint::room("tea")).unwrap(),
        author: Author::named("ann"),
        kind: MessageKind::Text,
        body: "and so on, <and so on>\n".repeat(12_000_000 / 23),
        sent_at: Timestamp::now(),
    };
    store.record(&message, Some("6b0000010000000000000001")).unwrap();
    store.commit().unwrap();
    drop(store);
    let key = store::load_or_create_link_key(&world.state()).unwrap();
    let links =
        PublicLinks::new(key, PUBLIC.parse().unwrap(), world.letschat.url().parse().unwrap());
    let link = links.paste_link(&message, Timestamp::now());
    let path = link.strip_prefix("http://bridge.example").unwrap().to_owned();
    let (bridge, address) = serving(&world, "").await;
    (world, bridge, address, path)
}

async fn serving(world: &World, web: &str) -> (Program, SocketAddr) {
    world.configure(|toml| {
        format!("{toml}\n[web]\npublic_url = {PUBLIC:?}\nlisten = \"127.0.0.1:0\"\n{web}\n")
    });
    let mut bridge = world.run().start();
    let line = bridge.err.says("web server started").await;
    let (_, rest) = line.split_once("address=").unwrap();
    (bridge, rest.split_whitespace().next().unwrap().parse().unwrap())
}

/// A connection whose ends buffer little, on which `head` was sent.
async fn connection(to: SocketAddr, head: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = soon("a connection", socket.connect(to)).await.unwrap();
    // Who is too many is hung up on.
    let _ = stream.write_all(head.as_bytes()).await;
    stream
}

fn get(path: &str, from: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\n\r\n")
}

/// The status of an answer that comes now.
async fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    match soon("an answer", stream.read_exact(&mut line)).await {
        Ok(_) => String::from_utf8_lossy(&line[9..]).into_owned(),
        Err(_) => "none".to_owned(),
    }
}

#[tokio::test]
async fn many_stalled_readers_cost_little_memory_and_leave_room() {
    let (_world, bridge, address, path) = long_message().await;
    let idle = bridge.most_memory();
    let mut readers = Vec::new();
    for n in 0..300 {
        let from = format!("2001:db8:{:x}:{:x}::1", n % 12, n);
        readers.push(connection(address, &get(&format!("{path}/raw"), &from)).await);
    }
    let mut answered = 0;
    for reader in &mut readers {
        answered += usize::from(status(reader).await == "200");
    }
    assert!((150..=240).contains(&answered), "{answered} are being answered");
    // Who comes now is answered, too; and so is a part.
    for _ in 0..3 {
        let mut other = connection(address, &get(&path, "192.0.2.1")).await;
        assert_eq!(status(&mut other).await, "200");
    }
    let part = get(&format!("{path}/raw"), "192.0.2.2")
        .replace("\r\n\r\n", "\r\nRange: bytes=-5\r\nConnection: close\r\n\r\n");
    let mut other = connection(address, &part).await;
    let mut all = String::new();
    soon("a part", other.read_to_string(&mut all)).await.unwrap();
    assert!(all.starts_with("HTTP/1.1 206") && all.ends_with("\r\n\r\n on>\n"), "{all}");
    let more = bridge.most_memory() - idle;
    // The message has 12 MB, and a few are being read or written at once: for each reader one would be 3 GB.
    assert!(more < 100_000_000, "{more} bytes more than {idle}");
    drop(readers);
}

#[tokio::test]
async fn slow_client_is_disconnected_and_blocks_no_one() {
    let (_world, _bridge, address, path) = long_message().await;
    let mut slow = Vec::new();
    for _ in 0..600 {
        slow.push(connection(address, "GET / HTTP/1.1\r\nHost: ").await);
    }
    let mut other = connection(address, &get(&path, "192.0.2.1")).await;
    assert_eq!(status(&mut other).await, "200");
    // A letter now and then does not help.
    let last = slow.last_mut().unwrap();
    let ended = async {
        let mut byte = [0];
        loop {
            tokio::select! {
                read = last.read(&mut byte) => if matches!(read, Ok(0) | Err(_)) { return },
                () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
            }
            let _ = last.write_all(b"x").await;
        }
    };
    soon("its end", ended).await;
}

#[tokio::test]
async fn readers_that_stop_do_not_keep_others_from_their_files() {
    const SIZE: usize = 9_000_000;
    let world = World::new().await;
    world.irc.virtual_user("ann").join("#tea");
    let (bridge, address) =
        serving(&world, "max_file_size = \"10MB\"\ncache_size = \"20MB\"").await;
    bridge.ready().await;
    let mut heard = 0;
    let mut readers = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let url = world.letschat.upload("tea", "ann", name, "video/mp4", vec![7; SIZE]);
        world.say_in_letschat(&format!("upload://{url}"));
        heard += 1;
        let said = world.channel(heard).await;
        let (_, path) = said[heard - 1].split_once("http://bridge.example").unwrap();
        let mut reader = connection(address, &get(path, &format!("192.0.2.{heard}"))).await;
        assert_eq!(status(&mut reader).await, "200", "{name}");
        readers.push(reader);
    }
}
