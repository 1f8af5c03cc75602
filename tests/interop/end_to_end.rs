//! The whole road: the program itself between a real IRC server and a Let's Chat, with a second
//! client in the channels that reads what others would read.

use std::fmt::Write as _;

use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Post, Setup};
use tokio::time::{Duration, timeout};

use crate::support::bridge::Bridge;
use crate::support::irc_client::IrcClient;
use crate::support::ircd::{Daemon, Flood, Ircd};
use crate::support::talk::{MESSAGES, ROOMS, line, same, shown, spoken, text, words};

const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everything_arrives_once_in_order_and_unbroken_by_ngircd() {
    everything_arrives(Daemon::Ngircd, false).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everything_arrives_once_in_order_and_unbroken_by_ngircd_with_tls() {
    everything_arrives(Daemon::Ngircd, true).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everything_arrives_once_in_order_and_unbroken_by_inspircd() {
    everything_arrives(Daemon::Inspircd, false).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everything_arrives_once_in_order_and_unbroken_by_inspircd_with_tls() {
    everything_arrives(Daemon::Inspircd, true).await;
}

async fn everything_arrives(daemon: Daemon, tls: bool) {
    let irc = Ircd::start(daemon, Flood::Allowed).await;
    let letschat = LetsChat::start(Setup {
        users: vec![NewUser::new("bridge", "IRC"), NewUser::new("alice", "Alice")],
        rooms: (0..ROOMS).map(|room| NewRoom::new(&format!("room{room}"))).collect(),
        ..Setup::default()
    })
    .await
    .unwrap();
    let mut ann = IrcClient::connect(irc.plain(), "ann").await;
    for room in 0..ROOMS {
        ann.join(&format!("#room{room}")).await;
    }
    let bridge = Bridge::start(&config(&irc, &letschat, tls));
    bridge.ready().await;

    for at in 0..MESSAGES {
        letschat.post(&format!("room{}", at % ROOMS), "alice", &text(at));
        ann.say(&format!("#room{}", at % ROOMS), &line(at));
    }
    for room in 0..ROOMS {
        letschat.post(&format!("room{room}"), "alice", "the end");
        ann.say(&format!("#room{room}"), "the end");
    }
    for room in 0..ROOMS {
        rooms_hold_what_was_said_on_irc(&letschat, room).await;
        irc_hears_what_was_said_in_the_rooms(&mut ann, room).await;
    }
    assert!(bridge.stop().await.success());
}

/// As [`config`] of a careful administrator, but for the pace: this server trusts us.
fn config(irc: &Ircd, letschat: &LetsChat, tls: bool) -> String {
    let (server, trust) = if tls {
        (irc.tls(), format!("ca_file = {:?}", irc.certificate().display().to_string()))
    } else {
        (irc.plain(), "tls = false".to_owned())
    };
    let port = server.port();
    let mut config = format!(
        "[irc.office]\nservers = [\"localhost:{port}\"]\nnick = \"bridge\"\nflood_control = \"off\"\n{trust}\n\
         [format]\nmerge_lines = \"never\"\nlong_messages = \"all\"\nmentions = false\n[letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
        letschat.url(),
        letschat.token("bridge"),
    );
    for room in 0..ROOMS {
        write!(config, "[[link]]\nchannel = \"office/#room{room}\"\nroom = \"room{room}\"\n")
            .unwrap();
    }
    config
}

async fn rooms_hold_what_was_said_on_irc(letschat: &LetsChat, room: usize) {
    let bridged = |posts: &[Post]| -> Vec<String> {
        let ours = posts.iter().filter(|post| post.owner == "bridge");
        // ngIRCd takes away the spaces at the end of a line.
        ours.map(|post| post.text.trim_end().to_owned()).collect()
    };
    let slug = format!("room{room}");
    let ended = |posts: &[Post]| posts.iter().any(|post| post.text == "<ann> the end");
    let posts =
        timeout(LIMIT, letschat.wait_for_posts(&slug, ended)).await.expect("the end is posted");
    let said = (0..MESSAGES).filter(|at| at % ROOMS == room).map(line);
    let expected: Vec<String> = said
        .chain(["the end".to_owned()])
        .filter_map(|line| shown(&line).map(|line| line.trim_end().to_owned()))
        .collect();
    same(&bridged(&posts), &expected, &slug);
}

async fn irc_hears_what_was_said_in_the_rooms(ann: &mut IrcClient, room: usize) {
    let mut heard = Vec::new();
    loop {
        let mut ended = false;
        for said in ann.heard(&format!("#room{room}"), 1).await {
            assert_eq!(said.by, "bridge");
            assert!(said.length <= 512, "{} bytes", said.length);
            let part =
                said.text.strip_prefix("<alice>").expect("a name before each line").trim_start();
            ended = part == "the end";
            heard.push(part.to_owned());
        }
        if ended {
            break;
        }
    }
    let expected: Vec<String> = (0..MESSAGES)
        .filter(|at| at % ROOMS == room)
        .map(text)
        .chain(["the end".to_owned()])
        .map(|text| spoken(&text))
        .collect();
    // The text is cut into lines: compare it without the spaces at which that was done.
    same(&words(&heard), &words(&expected), &format!("#room{room}"));
}
