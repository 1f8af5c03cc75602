//! The same road with a real Let's Chat at its other end, named by the environment:
//!
//! - `LETSCHAT_URL`: its address, plain HTTP
//! - `LETSCHAT_TOKEN`: the token of the bridge's account
//! - `LETSCHAT_TOKEN_ALICE`: the token of another account
//! - `LETSCHAT_RESTART`: a command that kills the server and starts it again, for the second test
//!
//! It makes rooms of its own, each time under new names, and leaves them behind.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use letsbridge_testkit::irc::{IrcServer, Setup};
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::bridge::Bridge;
use crate::support::letschat_client::Member;
use crate::support::talk::{MESSAGES, ROOMS, line, same, shown, spoken, text, words};

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
    let ann = irc.virtual_user("ann");
    for room in 0..ROOMS {
        ann.join(&format!("#room{room}"));
    }
    let bridge = Bridge::start(&config(&url, &irc, &rooms));
    bridge.ready().await;

    for at in 0..MESSAGES {
        ann.send(&format!("#room{}", at % ROOMS), &line(at));
    }
    // A person waits for each ack: a server of 2016 reorders what is posted without.
    for at in 0..MESSAGES {
        let (room, _) = &rooms[at % ROOMS];
        let posted = alice.call("messages:create", json!({"room": room, "text": text(at)})).await;
        assert!(posted["id"].is_string(), "{posted}");
    }
    for (room, (id, _)) in rooms.iter().enumerate() {
        ann.send(&format!("#room{room}"), "the end");
        alice.call("messages:create", json!({"room": id, "text": "the end"})).await;
    }
    for (room, (id, slug)) in rooms.iter().enumerate() {
        room_holds_what_was_said(&mut alice, room, id, slug).await;
        let channel = format!("#room{room}");
        let ended = ann.wait_for_messages(&channel, |heard| {
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
            .map(|text| spoken(&text))
            .collect();
        same(&words(&heard), &words(&said), &channel);
    }
    assert!(bridge.stop().await.success());
}

#[tokio::test]
#[ignore = "needs a Let's Chat that LETSCHAT_RESTART kills and starts again"]
async fn needs_letschat_killed_while_people_talk_nothing_is_lost_or_repeated() {
    let url = environment("LETSCHAT_URL");
    let token = environment("LETSCHAT_TOKEN_ALICE");
    let mut alice = Member::connect(&url, &token).await;
    let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let slug = format!("fall{begun}");
    let rooms = [(alice.create_room(&slug).await, slug)];
    let room = &rooms[0].0;
    let irc = IrcServer::start(Setup::default()).await.unwrap();
    let ann = irc.virtual_user("ann");
    ann.join("#room0");
    let bridge = Bridge::start(&config(&url, &irc, &rooms));
    bridge.ready().await;
    let (mut by_ann, mut by_alice) = (Vec::new(), Vec::new());
    for fall in 0..FALLS {
        for at in 0..20 {
            by_ann.push(format!("<ann> {fall}.{at}"));
            ann.send("#room0", &format!("{fall}.{at}"));
            by_alice.push(format!("<alice> {fall}.{at}"));
            let post = json!({"room": room, "text": format!("{fall}.{at}")});
            assert!(alice.call("messages:create", post).await["id"].is_string());
        }
        // The server is killed in the middle of what ann says.
        (0..200).for_each(|at| ann.send("#room0", &format!("{fall} ok {}", at / 2)));
        by_ann.extend((0..200).map(|at| format!("<ann> {fall} ok {}", at / 2)));
        let restart = environment("LETSCHAT_RESTART");
        let restarted = Command::new("sh").args(["-c", &restart]).status().await.unwrap();
        assert!(restarted.success());
        alice = Member::connect(&url, &token).await;
    }
    by_ann.push("<ann> the end".to_owned());
    ann.send("#room0", "the end");
    by_alice.push("<alice> the end".to_owned());
    alice.call("messages:create", json!({"room": room, "text": "the end"})).await;
    let ended = ann.wait_for_messages("#room0", |heard| {
        heard.last().is_some_and(|last| last.text == "<alice> the end")
    });
    let heard = timeout(LIMIT, ended).await.expect("the end is heard");
    let heard: Vec<String> =
        heard.into_iter().filter(|it| it.nick != "ann").map(|it| it.text).collect();
    same(&heard, &by_alice, "#room0");
    let posts = posts_of_ann(&mut alice, room).await;
    same(&posts, &by_ann, "the room");
    assert!(bridge.stop().await.success());
}

/// How often the server falls.
const FALLS: usize = 5;

async fn room_holds_what_was_said(alice: &mut Member, room: usize, id: &str, slug: &str) {
    let ours = posts_of_ann(alice, id).await;
    let said: Vec<String> = (0..MESSAGES)
        .filter(|at| at % ROOMS == room)
        .map(line)
        .chain(["the end".to_owned()])
        .filter_map(|line| shown(&line))
        .collect();
    same(&ours, &said, slug);
}

/// What the bridge has posted for ann, up to her end.
async fn posts_of_ann(alice: &mut Member, id: &str) -> Vec<String> {
    let held = async {
        loop {
            let posts = alice.posts(id).await;
            if posts.iter().any(|(_, text)| text == "<ann> the end") {
                return posts;
            }
        }
    };
    let posts = timeout(LIMIT, held).await.expect("the end is posted");
    posts.into_iter().filter(|(_, text)| text.starts_with("<ann>")).map(|(_, text)| text).collect()
}

fn config(url: &str, irc: &IrcServer, rooms: &[(String, String)]) -> String {
    let mut config = format!(
        "[irc.office]\nservers = [\"{}\"]\ntls = false\nflood_control = \"off\"\n\
         [format]\nmerge_lines = \"never\"\nlong_messages = \"all\"\nmentions = false\n[letschat]\nurl = \"{url}\"\ntoken = \"{}\"\n",
        irc.address(),
        environment("LETSCHAT_TOKEN"),
    );
    for (room, (_, slug)) in rooms.iter().enumerate() {
        write!(config, "[[link]]\nchannel = \"office/#room{room}\"\nroom = \"{slug}\"\n").unwrap();
    }
    config
}
