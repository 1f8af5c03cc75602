//! People of Let's Chat under nicks of their own, on a real IRC server: several speak at once in
//! several channels, before and while their connections come about.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};

use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};

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

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn whom_an_operator_kills_or_bans_is_spoken_for_on_ngircd() {
    whom_an_operator_kills_or_bans_is_spoken_for(Daemon::Ngircd).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn whom_an_operator_kills_or_bans_is_spoken_for_on_inspircd() {
    whom_an_operator_kills_or_bans_is_spoken_for(Daemon::Inspircd).await;
}

async fn everybody_is_heard(daemon: Daemon) {
    let irc = Ircd::start(daemon, Flood::Allowed).await;
    let letschat = lets_chat().await;
    let mut ann = IrcClient::connect(irc.plain(), "ann").await;
    for room in 0..CHANNELS {
        ann.join(&format!("#room{room}")).await;
    }
    let bridge = Bridge::start(&config(daemon, &irc, &letschat));
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

async fn whom_an_operator_kills_or_bans_is_spoken_for(daemon: Daemon) {
    let irc = Ircd::start(daemon, Flood::Allowed).await;
    let letschat = lets_chat().await;
    let mut ann = IrcClient::connect(irc.plain(), "ann").await;
    ann.keep_order().await;
    for room in 0..CHANNELS {
        ann.join(&format!("#room{room}")).await;
    }
    let bridge = Bridge::start(&config(daemon, &irc, &letschat));
    bridge.ready().await;
    let mut talk = Talk { letschat: &letschat, ann: &mut ann, said: 0 };
    for name in PEOPLE {
        talk.until_own(name).await;
    }
    for (name, put_out) in
        [("alice", "KILL alice|lc :enough"), ("bob", "GLINE *!*bob@* 600 :enough")]
    {
        // InspIRCd knows no nick in such a mask.
        let put_out = match daemon {
            Daemon::Ngircd | Daemon::Hybrid => put_out.to_owned(),
            Daemon::Inspircd => put_out.replace("*!*bob", "*bob"),
        };
        talk.through(name, &put_out).await;
        assert_eq!(talk.say(name).await, "bridge", "{name} is spoken for");
        assert_eq!(talk.say("carol").await, "carol|lc", "that is no concern of others");
    }
    assert!(bridge.stop().await.success());
}

/// What is said on Let's Chat, and heard on IRC.
struct Talk<'a> {
    letschat: &'a LetsChat,
    ann: &'a mut IrcClient,
    said: usize,
}

impl Talk<'_> {
    fn post(&mut self, name: &str) -> String {
        self.said += 1;
        let text = format!("this is number {}", self.said);
        self.letschat.post("room0", name, &text);
        text
    }

    /// Who says on IRC what `name` says.
    async fn say(&mut self, name: &str) -> String {
        let text = self.post(name);
        let heard = self.ann.heard("#room0", 1).await;
        let [said] = heard.as_slice() else { panic!("{text} is said once: {heard:?}") };
        assert!(said.text == text || said.text == format!("<{name}> {text}"), "{said:?}");
        said.by.clone()
    }

    /// Speaks until they have a connection.
    async fn until_own(&mut self, name: &str) {
        while self.say(name).await != format!("{name}|lc") {}
    }

    /// They speak before, while and after they are put out by this command: each of it is heard once,
    /// and in order.
    async fn through(&mut self, name: &str, put_out: &str) {
        let mut texts: Vec<String> = (0..EACH).map(|_| self.post(name)).collect();
        self.ann.send(put_out);
        texts.extend((0..EACH).map(|_| self.post(name)));
        let mut heard = Vec::new();
        while heard.len() < texts.len() {
            heard.extend(self.ann.heard("#room0", 1).await);
        }
        let prefix = format!("<{name}> ");
        let heard: Vec<&str> = heard
            .iter()
            .map(|said| said.text.strip_prefix(&prefix).unwrap_or(&said.text))
            .collect();
        assert_eq!(heard, texts);
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

async fn lets_chat() -> LetsChat {
    let people = PEOPLE.iter().map(|name| NewUser::new(name, name));
    LetsChat::start(Setup {
        users: [NewUser::new("bridge", "IRC")].into_iter().chain(people).collect(),
        rooms: (0..CHANNELS).map(|room| NewRoom::new(&format!("room{room}"))).collect(),
        ..Setup::default()
    })
    .await
    .unwrap()
}

fn expected() -> Vec<String> {
    (0..2 * EACH)
        .flat_map(|number| PEOPLE.iter().map(move |name| format!("<{name}> {number}")))
        .collect()
}

/// On InspIRCd over TLS, and on ngIRCd at the second of two servers, of which the first is not there.
fn config(daemon: Daemon, irc: &Ircd, letschat: &LetsChat) -> String {
    let way = match daemon {
        Daemon::Ngircd | Daemon::Hybrid => {
            let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (gone, there) = (gone.local_addr().unwrap().port(), irc.plain().port());
            format!("servers = [\"localhost:{gone}\", \"localhost:{there}\"]\ntls = false")
        }
        Daemon::Inspircd => {
            let (port, certificate) = (irc.tls().port(), irc.certificate());
            format!("servers = [\"localhost:{port}\"]\nca_file = {certificate:?}")
        }
    };
    let mut config = format!(
        "[irc.office]\n{way}\nnick = \"bridge\"\nflood_control = \"off\"\nsender_mode = \"puppets\"\n\
         [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n",
        letschat.url(),
        letschat.token("bridge"),
    );
    for room in 0..CHANNELS {
        write!(config, "[[link]]\nchannel = \"office/#room{room}\"\nroom = \"room{room}\"\n")
            .unwrap();
    }
    config
}
