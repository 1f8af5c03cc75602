//! The same road with a real Let's Chat at its other end, named by the environment:
//!
//! - `LETSCHAT_URL`: its address, plain HTTP
//! - `LETSCHAT_TOKEN`: the token of the bridge's account
//! - `LETSCHAT_TOKEN_ALICE`: the token of another account
//!
//! It makes rooms of its own, each time under new names, and leaves them behind.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use letsbridge::demo::irc::{IrcServer, Setup};
use serde_json::json;
use tokio::time::timeout;

use crate::support::bridge::Bridge;
use crate::support::letschat_client::Member;
use crate::support::talk::{MESSAGES, ROOMS, line, same, text, words};

const LIMIT: Duration = Duration::from_secs(180);

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; see the top of this file"))
}

#[tokio::test]
#[ignore = "needs a Let's Chat: LETSCHAT_URL, LETSCHAT_TOKEN and LETSCHAT_TOKEN_ALICE name it"]
async fn needs_letschat_everything_arrives_once_in_order_and_unbroken() {
    let url = environment("LETSCHAT_URL");
    let mut alice = Member::connect(&url, &environment("LETSCHAT_TOKEN_ALICE")).await;
    let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let mut rooms = Vec::new();
    for room in 0..ROOMS {
        let slug = format!("road{begun}-{room}");
        rooms.push((alice.create_room(&slug).await, slug));
    }
    let irc = IrcServer::start(Setup::default()).await.unwrap();
    let ann = irc.person("ann");
    for room in 0..ROOMS {
        ann.join(&format!("#room{room}"));
    }
    let bridge = Bridge::start(&config(&url, &irc, &rooms));
    bridge.ready().await;

    for at in 0..MESSAGES {
        ann.say(&format!("#room{}", at % ROOMS), &line(at));
    }
    // A person waits for each ack: a server of 2016 reorders what is posted without.
    for at in 0..MESSAGES {
        let (room, _) = &rooms[at % ROOMS];
        let posted = alice.call("messages:create", json!({"room": room, "text": text(at)})).await;
        assert!(posted["id"].is_string(), "{posted}");
    }
    for (room, (id, _)) in rooms.iter().enumerate() {
        ann.say(&format!("#room{room}"), "the end");
        alice.call("messages:create", json!({"room": id, "text": "the end"})).await;
    }
    for (room, (id, slug)) in rooms.iter().enumerate() {
        room_holds_what_was_said(&mut alice, room, id, slug).await;
        let channel = format!("#room{room}");
        let ended = ann.hears(&channel, |heard| {
            heard.last().is_some_and(|last| last.text.ends_with("> the end"))
        });
        let heard = timeout(LIMIT, ended).await.expect("the end is heard");
        let heard: Vec<String> = heard
            .iter()
            .filter(|heard| heard.nick != "ann")
            .map(|heard| heard.text.split_once('>').expect("a name before each line").1.to_owned())
            .collect();
        let said: Vec<String> = (0..MESSAGES)
            .filter(|at| at % ROOMS == room)
            .map(text)
            .chain(["the end".to_owned()])
            .map(|text| text.replace('\0', "␀"))
            .collect();
        same(&words(&heard), &words(&said), &channel);
    }
    assert!(bridge.stop().await.success());
}

async fn room_holds_what_was_said(alice: &mut Member, room: usize, id: &str, slug: &str) {
    let held = async {
        loop {
            let posts = alice.posts(id).await;
            if posts.iter().any(|(_, text)| text == "<ann> the end") {
                return posts;
            }
        }
    };
    let posts = timeout(LIMIT, held).await.expect("the end is posted");
    let ours: Vec<String> = posts
        .into_iter()
        .filter(|(_, text)| text.starts_with("<ann>"))
        .map(|(_, text)| text)
        .collect();
    let said: Vec<String> = (0..MESSAGES)
        .filter(|at| at % ROOMS == room)
        .map(line)
        .chain(["the end".to_owned()])
        .map(|line| format!("<ann> {line}"))
        .collect();
    same(&ours, &said, slug);
}

fn config(url: &str, irc: &IrcServer, rooms: &[(String, String)]) -> String {
    let mut config = format!(
        "[irc.office]\nservers = [\"{}\"]\ntls = false\npace = \"off\"\n\
         [letschat]\nurl = \"{url}\"\ntoken = \"{}\"\n",
        irc.address(),
        environment("LETSCHAT_TOKEN"),
    );
    for (room, (_, slug)) in rooms.iter().enumerate() {
        write!(config, "[[link]]\nchannel = \"office/#room{room}\"\nroom = \"{slug}\"\n").unwrap();
    }
    config
}
