//! The program itself between our own two servers: what needs nothing installed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use letsbridge_testkit::irc::{Caps, CloseKind, IrcServer, ReceivedMessage, Setup as IrcSetup};
use letsbridge_testkit::letschat::{LetsChat, MongooseVersion, NewRoom, NewUser, Post, Setup};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::support::bridge::Bridge;
use crate::support::talk::{MESSAGES, ROOMS, line, same, shown, spoken, text, words};

const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn everything_arrives_once_in_order_and_unbroken_with_authors() {
    everything_arrives(MongooseVersion::V4_6, Caps::none()).await;
}

#[tokio::test]
async fn everything_arrives_once_in_order_and_unbroken_where_authors_are_read_back() {
    everything_arrives(MongooseVersion::V4_13, Caps::all()).await;
}

async fn everything_arrives(flavour: MongooseVersion, caps: Caps) {
    let letschat = letschat(Setup { mongoose: flavour, ..Setup::default() }).await;
    let irc = irc(IrcSetup { caps, ..IrcSetup::default() }).await;
    let ann = irc.virtual_user("ann");
    (0..ROOMS).for_each(|room| ann.join(&format!("#room{room}")));
    let bridge = Bridge::start(&config(&[&irc], &letschat, ""));
    bridge.ready().await;
    for at in 0..MESSAGES {
        letschat.post(&format!("room{}", at % ROOMS), "alice", &text(at));
        ann.send(&format!("#room{}", at % ROOMS), &line(at));
    }
    for room in 0..ROOMS {
        letschat.post(&format!("room{room}"), "alice", "the end");
        ann.send(&format!("#room{room}"), "the end");
    }
    for room in 0..ROOMS {
        let said = said_in(room, line).into_iter().filter_map(|line| shown(&line));
        let posts = posted(&letschat, room, "<ann> the end").await;
        same(&posts, &said.collect::<Vec<_>>(), &format!("room{room}"));
        let heard = hears(&ann, room, "<alice> the end").await;
        let said_there: Vec<String> =
            heard.iter().map(|text| text.strip_prefix("<alice> ").unwrap().to_owned()).collect();
        let said: Vec<String> = said_in(room, text).iter().map(|text| spoken(text)).collect();
        same(&words(&said_there), &words(&said), &format!("#room{room}"));
    }
    assert!(bridge.stop().await.success());
}

#[tokio::test]
async fn a_letschat_under_a_path_and_behind_its_own_certificate_is_joined_by_ca_file_and_by_pin() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let pin = HEXLOWER.encode(&Sha256::digest(&der));
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    let setup = Setup { tls: Some(Arc::new(tls)), prefix: "/chat".to_owned(), ..Setup::default() };
    let letschat = letschat(setup).await;
    let irc = irc(IrcSetup::default()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    for trust in [
        format!("ca_file = {:?}", file.path().display().to_string()),
        format!("pin_sha256 = \"{pin}\""),
    ] {
        let bridge = Bridge::start(&config(&[&irc], &letschat, &trust));
        bridge.ready().await;
        assert!(bridge.stop().await.success());
    }
}

#[tokio::test]
async fn servers_that_restart_while_people_talk_lose_nothing_towards_letschat() {
    let letschat = letschat(Setup::default()).await;
    let irc = irc(IrcSetup::default()).await;
    let ann = irc.virtual_user("ann");
    (0..ROOMS).for_each(|room| ann.join(&format!("#room{room}")));
    let mut bridge = Bridge::start(&config(&[&irc], &letschat, ""));
    bridge.ready().await;
    for at in 0..200 {
        ann.send(&format!("#room{}", at % ROOMS), &at.to_string());
        letschat.post(&format!("room{}", at % ROOMS), "alice", &at.to_string());
        // What was heard before the fall is not what this is about: everything said was heard.
        match at {
            60 => letschat.restart().await.unwrap(),
            120 => {
                heard_by_the_bridge(&letschat, at).await;
                bridge.die_and_come_back().await;
                bridge.ready().await;
            }
            160 => {
                heard_by_the_bridge(&letschat, at).await;
                irc.faults().restart(CloseKind::Silent).await.unwrap();
                bridge_is_back(&irc).await;
            }
            _ => {}
        }
    }
    for room in 0..ROOMS {
        ann.send(&format!("#room{room}"), "the end");
        letschat.post(&format!("room{room}"), "alice", "the end");
        let numbers = (0..200).filter(|at| at % ROOMS == room).map(|at| at.to_string());
        let numbers: Vec<String> = numbers.chain(["the end".to_owned()]).collect();
        let posts = posted(&letschat, room, "<ann> the end").await;
        let said: Vec<String> = numbers.iter().map(|number| format!("<ann> {number}")).collect();
        let posts: Vec<String> =
            posts.into_iter().filter(|post| !post.starts_with("-- ")).collect();
        same(&posts, &said, &format!("room{room}"));
        // Repeated, and marked, where nobody can be asked; but never lost, and in order.
        let heard = hears(&ann, room, "<alice> the end").await;
        let mut heard: Vec<String> =
            heard.iter().map(|line| line.replacen("(resent) ", "", 1)).collect();
        heard.dedup();
        let said: Vec<String> = numbers.iter().map(|number| format!("<alice> {number}")).collect();
        same(&heard, &said, &format!("#room{room}"));
    }
    assert!(bridge.stop().await.success());
}

/// Waits until everything that was said on IRC up to `at` is in the rooms.
async fn heard_by_the_bridge(letschat: &LetsChat, at: usize) {
    let there = |posts: &[Post]| posts.iter().any(|post| post.text == format!("<ann> {at}"));
    let waited =
        timeout(LIMIT, letschat.wait_for_posts(&format!("room{}", at % ROOMS), there)).await;
    waited.expect("it is heard");
}

async fn bridge_is_back(irc: &IrcServer) {
    for room in 0..ROOMS {
        let channel = format!("#room{room}");
        let back = irc.wait_for_join(&channel, "letsbridge");
        timeout(LIMIT, back).await.expect("the bridge is back");
    }
}

async fn letschat(setup: Setup) -> LetsChat {
    let rooms = (0..ROOMS).map(|room| NewRoom::new(&format!("room{room}"))).collect();
    let people = vec![NewUser::new("bridge", "IRC"), NewUser::new("alice", "Alice")];
    LetsChat::start(Setup { users: people, rooms, ..setup }).await.unwrap()
}

async fn irc(setup: IrcSetup) -> IrcServer {
    IrcServer::start(setup).await.unwrap()
}

fn config(networks: &[&IrcServer], letschat: &LetsChat, trust: &str) -> String {
    let mut config = String::new();
    for (at, irc) in networks.iter().enumerate() {
        let address = irc.address();
        write!(
            config,
            "[irc.net{at}]\nservers = [\"{address}\"]\ntls = false\nflood_control = \"off\"\n"
        )
        .unwrap();
    }
    let (url, token) = (letschat.url(), letschat.token("bridge"));
    write!(config, "[format]\nmerge_lines = \"never\"\nlong_messages = \"all\"\nmentions = false\n[letschat]\nurl = \"{url}\"\ntoken = \"{token}\"\n{trust}\n").unwrap();
    for (at, _) in networks.iter().enumerate() {
        for room in 0..ROOMS {
            write!(config, "[[link]]\nchannel = \"net{at}/#room{room}\"\nroom = \"room{room}\"\n")
                .unwrap();
        }
    }
    config
}

fn said_in(room: usize, said: fn(usize) -> String) -> Vec<String> {
    let said = (0..MESSAGES).filter(|at| at % ROOMS == room).map(said);
    said.chain(["the end".to_owned()]).collect()
}

/// What the bridge has posted in a room, up to `last`.
async fn posted(letschat: &LetsChat, room: usize, last: &str) -> Vec<String> {
    let there = |posts: &[Post]| posts.iter().any(|post| post.text == last);
    let posts = timeout(LIMIT, letschat.wait_for_posts(&format!("room{room}"), there)).await;
    let posts = posts.unwrap_or_else(|_| panic!("{last} is posted in room{room}"));
    posts.into_iter().filter(|post| post.owner == "bridge").map(|post| post.text).collect()
}

/// What the bridge has said in a channel, up to `last`.
async fn hears(ann: &letsbridge_testkit::irc::VirtualUser, room: usize, last: &str) -> Vec<String> {
    let there = |heard: &[ReceivedMessage]| heard.iter().any(|heard| heard.text == last);
    let heard = timeout(LIMIT, ann.wait_for_messages(&format!("#room{room}"), there)).await;
    let heard = heard.unwrap_or_else(|_| panic!("{last} is heard in #room{room}"));
    heard.into_iter().filter(|heard| heard.nick != "ann").map(|heard| heard.text).collect()
}
