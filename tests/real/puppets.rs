//! People of Let's Chat under nicks of their own, on a real IRC server: several speak at once in
//! several channels, before and while their connections come about.

use std::fmt::Write as _;

use letsbridge::demo::letschat::{LetsChat, NewRoom, Person, Setup};

use crate::support::bridge::Bridge;
use crate::support::irc_client::IrcClient;
use crate::support::ircd::{Daemon, Flood, Ircd};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const CHANNELS: usize = 3;

/// How often each speaks in each channel before, and after, all have a connection.
const EACH: usize = 10;

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everybody_is_heard_once_and_in_order_by_ngircd() {
    everybody_is_heard(Daemon::Ngircd).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn everybody_is_heard_once_and_in_order_by_inspircd() {
    everybody_is_heard(Daemon::Inspircd).await;
}

async fn everybody_is_heard(daemon: Daemon) {
    let irc = Ircd::start(daemon, Flood::Allowed).await;
    let people = PEOPLE.iter().map(|name| Person::new(name, name));
    let letschat = LetsChat::start(Setup {
        people: [Person::new("bridge", "IRC")].into_iter().chain(people).collect(),
        rooms: (0..CHANNELS).map(|room| NewRoom::new(&format!("room{room}"))).collect(),
        ..Setup::default()
    })
    .await
    .unwrap();
    let mut ann = IrcClient::connect(irc.plain(), "ann").await;
    for room in 0..CHANNELS {
        ann.join(&format!("#room{room}")).await;
    }
    let bridge = Bridge::start(&config(&irc, &letschat));
    bridge.ready().await;

    speak(&letschat, 0..EACH);
    let mut seated = 0;
    while seated < PEOPLE.len() * CHANNELS {
        ann.until("a puppet", |line| line.command == "JOIN" && line.from.ends_with("|lc")).await;
        seated += 1;
    }
    // Theirs is known to be in only when it is told of: what is said until then, the bridge says.
    speak(&letschat, EACH..2 * EACH);
    for room in 0..CHANNELS {
        let mut heard = Vec::new();
        while heard.len() < PEOPLE.len() * EACH * 2 {
            heard.extend(ann.heard(&format!("#room{room}"), 1).await);
        }
        let mut own = 0;
        let said: Vec<String> = heard
            .iter()
            .map(|said| match said.by.strip_suffix("|lc") {
                Some(name) => {
                    own += 1;
                    format!("<{name}> {}", said.text)
                }
                None => said.text.clone(),
            })
            .collect();
        assert_eq!(said, expected(), "#room{room}");
        assert!(own > 0, "nobody spoke under a nick of their own in #room{room}");
    }
    assert!(bridge.stop().await.success());
    for posted in (0..CHANNELS).map(|room| letschat.posts(&format!("room{room}"))) {
        assert!(posted.iter().all(|post| post.owner != "bridge"), "nothing comes back");
    }
}

fn speak(letschat: &LetsChat, numbers: std::ops::Range<usize>) {
    for number in numbers {
        for room in 0..CHANNELS {
            for name in PEOPLE {
                letschat.post(&format!("room{room}"), name, &format!("{number}"));
            }
        }
    }
}

fn expected() -> Vec<String> {
    (0..2 * EACH)
        .flat_map(|number| PEOPLE.iter().map(move |name| format!("<{name}> {number}")))
        .collect()
}

fn config(irc: &Ircd, letschat: &LetsChat) -> String {
    let mut config = format!(
        "[irc.office]\nservers = [\"localhost:{}\"]\nnick = \"bridge\"\npace = \"off\"\ntls = false\n\
         mode = \"puppets\"\n[letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
        irc.plain().port(),
        letschat.url(),
        letschat.token("bridge"),
    );
    for room in 0..CHANNELS {
        write!(config, "[[link]]\nchannel = \"office/#room{room}\"\nroom = \"room{room}\"\n")
            .unwrap();
    }
    config
}
