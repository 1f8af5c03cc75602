//! The program stops on request, even if a peer hangs or sends without end.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::time::Instant;

use crate::harness::World;
use crate::program::{Program, soon};

/// How long the settings of these worlds let it settle, and how long it may take after that.
const SETTLE: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(2);

/// A machine that has other things to do may take so long to notice.
const SLOW_MACHINE: Duration = Duration::from_secs(3);

async fn world() -> World {
    let world = World::new().await;
    world.configure(|toml| toml.replace("\"10s\"", "\"1s\""));
    world
}

async fn ends_in_time(bridge: Program) {
    let began = Instant::now();
    bridge.signal("TERM").await;
    let end = bridge.ends().await;
    let took = began.elapsed();
    assert!(took < SETTLE + GRACE + SLOW_MACHINE, "{took:?}\n{}", end.err);
    assert_eq!(end.code, Some(0), "{}", end.err);
}

#[tokio::test]
async fn stuck_store_does_not_prevent_the_stop() {
    let world = world().await;
    let mut bridge = world.bridge().await;
    let other = Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    world.say_on_irc("one");
    bridge.err.says("cannot write to the database").await;
    ends_in_time(bridge).await;
}

#[tokio::test]
async fn endlessly_sending_server_does_not_prevent_the_stop_or_block_others() {
    let world = world().await;
    let flood = flood();
    world.configure(|toml| {
        let network = "flood_control = \"off\"\ndirect_messages = true\n";
        let toml = toml.replace("\"10s\"", "\"1s\"").replace("flood_control = \"off\"\n", network);
        format!(
            "{toml}\n[irc.flood]\nservers = [\"{flood}\"]\ntls = false\nnick = \"bridge\"\nflood_control = \"off\"\n\
             direct_messages = true\n\n[[link]]\nchannel = \"flood/#flood\"\nroom = \"tea\"\n"
        )
    });
    let bridge = world.run().start();
    let status = "STATUS=3 of 3 channels and rooms joined";
    soon("all joined", bridge.notices(status)).await;
    // It is heard while the flood goes on.
    world.say_on_irc("can you hear me?");
    let heard = world.letschat.wait_for_posts("tea", |posts| {
        posts.iter().any(|post| post.text.ends_with("can you hear me?"))
    });
    soon("what is said elsewhere", heard).await;
    ends_in_time(bridge).await;
}

#[tokio::test]
async fn suspended_process_resumes_with_its_connections() {
    let world = world().await;
    world.configure(|toml| format!("{toml}\n[format]\nmerge_lines = \"never\"\n"));
    let bridge = world.bridge().await;
    let mut said = Vec::new();
    for round in 0..3 {
        bridge.signal("STOP").await;
        for number in 0..10 {
            let text = format!("{round} {number}");
            world.say_on_irc(&text);
            said.push(format!("<ann> {text}"));
        }
        // Longer than what counts as standing still.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        bridge.signal("CONT").await;
        assert_eq!(world.room(said.len()).await, said);
    }
    let end = bridge.stop().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(!end.err.contains("connection lost"), "{}", end.err);
}

/// An IRC server of which each that comes in is told without end of people who come and ask for bob.
fn flood() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || talk(stream));
        }
    });
    address
}

fn talk(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let said = if line.starts_with("USER") {
            ":flood 001 bridge :hello\r\n".to_owned()
        } else if line.starts_with("JOIN") {
            ":bridge!b@h JOIN #flood\r\n:flood 353 bridge = #flood :bridge\r\n\
             :flood 366 bridge #flood :End\r\n"
                .to_owned()
        } else {
            continue;
        };
        stream.write_all(said.as_bytes()).unwrap();
        if line.starts_with("JOIN") {
            let without_end = (0_u64..).map(|number| {
                format!(
                    ":n{number}!u@h JOIN #flood\r\n:n{number}!u@h PRIVMSG bridge :!msg bob {number}\r\n"
                )
            });
            // Until it hangs up.
            let _ = without_end.map(|said| stream.write_all(said.as_bytes())).find(Result::is_err);
            return;
        }
    }
}
