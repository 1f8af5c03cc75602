//! Somebody on IRC, and all that they hear.

use std::cell::RefCell;
use std::net::SocketAddr;

use crate::support::irc_client::{IrcClient, Line};

/// The nick of the bridge.
pub(super) const BRIDGE: &str = "bridge";

/// Somebody on IRC.
pub(super) struct Person {
    pub(super) nick: String,
    client: IrcClient,
    server: SocketAddr,
    /// All lines from the server, also those of connections before.
    log: Vec<Line>,
    syncs: usize,
}

/// Something that was heard in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) by: String,
    pub(super) text: String,
}

impl Person {
    pub(super) async fn connect(server: SocketAddr, nick: &str) -> Self {
        let client = IrcClient::connect(server, nick).await;
        Self { nick: nick.to_owned(), client, server, log: Vec::new(), syncs: 0 }
    }

    /// Leaves the network, and comes back to these channels by a new connection.
    pub(super) async fn come_back(&mut self, channels: &[&str]) {
        self.send("QUIT :later");
        self.log.extend(self.client.waiting());
        self.client.ended().await;
        self.client = IrcClient::connect(self.server, &self.nick).await;
        for channel in channels {
            self.join(channel).await;
        }
    }

    pub(super) fn send(&self, line: &str) {
        self.client.send(line);
    }

    /// Reads on to the first line that is `wanted`.
    pub(super) async fn until(&mut self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        let log = RefCell::new(&mut self.log);
        let logged = |line: &Line| {
            log.borrow_mut().push(line.clone());
            wanted(line)
        };
        self.client.until(what, logged).await
    }

    pub(super) async fn join(&mut self, channel: &str) {
        self.send(&format!("JOIN {channel}"));
        let is_end = |line: &Line| line.command == "366" && line.param(1) == channel;
        self.until("the end of the names", is_end).await;
    }

    pub(super) async fn leave(&mut self, channel: &str) {
        self.send(&format!("PART {channel}"));
        self.until("the own part", |line| line.command == "PART" && line.param(0) == channel).await;
    }

    pub(super) async fn rename(&mut self, nick: &str) {
        self.send(&format!("NICK {nick}"));
        self.until("the own nick", |line| line.command == "NICK" && line.param(0) == nick).await;
        nick.clone_into(&mut self.nick);
    }

    /// Waits until the server has done all that was sent, and everything that it sent before is read.
    pub(super) async fn sync(&mut self) {
        self.syncs += 1;
        let word = format!("sync{}", self.syncs);
        self.send(&format!("PING {word}"));
        let is_answer = |line: &Line| line.command == "PONG" && line.params.contains(&word);
        self.until("an answer", is_answer).await;
    }

    /// All that was heard in a channel so far, by messages and notices.
    pub(super) fn heard(&mut self, channel: &str) -> Vec<Heard> {
        self.log.extend(self.client.waiting());
        let spoken = |line: &&Line| {
            matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") && line.param(0) == channel
        };
        let heard = self.log.iter().filter(spoken);
        heard.map(|line| Heard { by: line.from.clone(), text: line.param(1).to_owned() }).collect()
    }

    /// What the bridge has told them alone so far.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.log.extend(self.client.waiting());
        let told = self.log.iter().filter(|line| {
            line.from == BRIDGE
                && matches!(line.command.as_str(), "PRIVMSG" | "NOTICE")
                && !line.param(0).starts_with('#')
        });
        told.map(|line| line.param(1).to_owned()).collect()
    }

    /// The modes of a channel now, such as `+nt`.
    pub(super) async fn modes(&mut self, channel: &str) -> String {
        self.send(&format!("MODE {channel}"));
        let is_answer = |line: &Line| line.command == "324" && line.param(1) == channel;
        self.until("the modes", is_answer).await.param(2).to_owned()
    }

    /// The topic of a channel now.
    pub(super) async fn topic(&mut self, channel: &str) -> String {
        self.send(&format!("TOPIC {channel}"));
        let is_answer = |line: &Line| {
            matches!(line.command.as_str(), "331" | "332") && line.param(1) == channel
        };
        let answer = self.until("the topic", is_answer).await;
        if answer.command == "331" { String::new() } else { answer.param(2).to_owned() }
    }
}
