//! Reads the lines of a story, and compares them with what the bridge does.

use letsbridge::bridge::{ControlReply, ControlRequest, Event, Peer};
use letsbridge::domain::{LinkName, Network};
use letsbridge::protocol::irc::ReceivedLine;
use letsbridge::protocol::letschat;
use letsbridge::protocol::{Input, Machine};

use super::World;
use super::calls::{self, Calls};

impl World {
    /// Tells the first part of a story: what the bridge sends besides may be told in the next.
    #[track_caller]
    pub(crate) fn tell_on(&mut self, story: &str) {
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(' ') {
                Some((who, "connects")) => self.tell_on(&connection_script(who, "back")),
                Some((who, "reconnects")) => {
                    self.tell_on(&connection_script(who, "lost and back"));
                }
                _ => self.line(line),
            }
        }
    }

    /// Tells a story. Fails if the bridge has sent anything else.
    #[track_caller]
    pub(crate) fn tell(&mut self, story: &str) {
        self.tell_on(story);
        let untold = self.networks.iter_mut().flat_map(|wire| wire.sent.drain(..));
        let puppets = self.puppets.iter_mut().flat_map(|it| it.wire.sent.drain(..));
        let untold = untold.chain(puppets);
        let untold = untold.chain(self.letschat.sent.drain(..));
        let untold: Vec<String> = untold.chain(self.pool.sent.drain(..)).collect();
        assert_eq!(untold, [""; 0], "the story does not tell this");
    }

    #[track_caller]
    fn line(&mut self, line: &str) {
        let (who, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (who, rest) {
            ("wait", time) => self.wait(time),
            ("paused", time) => self.paused(time),
            ("restart", "") => self.restart(),
            ("kill", "") => self.kill(),
            ("hand", "over") => self.hand_over(),
            ("upgrade", time) => self.upgrade(time),
            ("restored", time) => self.restored(time),
            ("stop", "") => self.apply(Event::Stop),
            ("admin", _) => self.admin_line(line, rest),
            ("accounts", _) => self.accounts_line(line, rest),
            ("lc", _) => self.letschat_line(line, rest),
            _ if !who.starts_with("irc") => self.puppet_line(who, line, rest),
            _ => {
                let index = match who.strip_prefix("irc").expect("irc or lc") {
                    "" => 0,
                    number => number.parse::<usize>().expect("a number") - 1,
                };
                self.irc_line(index, line, rest);
            }
        }
        if !rest.starts_with("<+ ") {
            self.settle();
        }
    }

    #[track_caller]
    fn admin_line(&mut self, line: &str, rest: &str) {
        let (action, link) = rest.split_once(' ').unwrap_or((rest, ""));
        let link = LinkName::new(link);
        let request = match action {
            "pauses" => ControlRequest::Pause(link),
            "resumes" => ControlRequest::Resume(link),
            "retries" => ControlRequest::Retry(link),
            _ => panic!("unknown kind of line: {line}"),
        };
        let answer = self.control(request);
        let is_new = matches!(&answer, Ok(ControlReply::Changed(change)) if change.is_new);
        assert!(is_new, "in: {line}: {answer:?}");
    }

    #[track_caller]
    fn irc_line(&mut self, index: usize, line: &str, rest: &str) {
        if rest.starts_with("> ") {
            self.await_line(|world| &world.networks[index].sent);
        }
        let now = self.now;
        let wire = &mut self.networks[index];
        let network = Network::new(&wire.name);
        if let Some(frame) = rest.strip_prefix("< ").or_else(|| rest.strip_prefix("<+ ")) {
            let line = ReceivedLine::Utf8(unescape(frame));
            wire.machine.as_mut().expect("a connection").handle_input(now, Input::Receive(line));
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(wire.sent.pop_front(), Some(unescape(frame)), "in: {line}");
        } else if rest.starts_with("closed: ") {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "lost" {
            wire.machine = None;
            self.apply(Event::ConnectionLost(Peer::Irc(network)));
        } else if rest == "back" {
            let session = self.irc_session(&network);
            self.networks[index].connect(session, now);
        } else if rest == "lost and back" {
            let mut events = self.drained();
            events.push(Event::ConnectionLost(Peer::Irc(network.clone())));
            let session = self.irc_session(&network);
            self.networks[index].connect(session, now);
            self.apply_all(events);
        } else {
            panic!("unknown kind of line: {line}");
        }
    }

    #[track_caller]
    fn puppet_line(&mut self, who: &str, line: &str, rest: &str) {
        let network = Network::new(&self.networks[0].name);
        if rest.starts_with("> ") {
            let at = self.puppets.iter().position(|it| it.wire.name == who);
            self.await_line(|world| {
                at.map_or(&world.letschat.sent, |at| &world.puppets[at].wire.sent)
            });
        }
        let (now, clock, flood_control) = (self.now, self.clock, self.flood_control);
        let puppet = self.puppets.iter_mut().find(|it| it.wire.name == who);
        let puppet = puppet.unwrap_or_else(|| panic!("no such puppet: {line}"));
        let wire = &mut puppet.wire;
        if let Some(frame) = rest.strip_prefix("< ") {
            let line = ReceivedLine::Utf8(unescape(frame));
            wire.machine.as_mut().expect("a connection").handle_input(now, Input::Receive(line));
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(wire.sent.pop_front(), Some(unescape(frame)), "in: {line}");
        } else if rest.starts_with("called ")
            || rest.starts_with("closed: ")
            || rest == "changes login"
        {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "lost" {
            wire.machine = None;
            let lost = puppet.lost(network);
            self.apply(lost);
        } else if rest == "back" {
            let session = puppet.session((now, clock), flood_control);
            puppet.wire.connect(session, now);
        } else if rest == "lost and back" {
            let mut events = self.drained();
            let puppet = self.puppets.iter_mut().find(|it| it.wire.name == who).unwrap();
            events.push(puppet.lost(network));
            let session = puppet.session((now, clock), flood_control);
            puppet.wire.connect(session, now);
            self.apply_all(events);
        } else {
            panic!("unknown kind of line: {line}");
        }
    }

    #[track_caller]
    fn letschat_line(&mut self, line: &str, rest: &str) {
        let wire = &mut self.letschat;
        if let Some(frame) = rest.strip_prefix("< ").or_else(|| rest.strip_prefix("<+ ")) {
            let machine = wire.machine.as_mut().expect("a connection");
            let frame = self.calls.answer(frame, &wire.sent, line);
            machine.handle_input(
                self.now,
                Input::Receive(letschat::ReceivedFrame::Text(frame.into())),
            );
        } else if let Some(call) = rest.strip_prefix("> 42#") {
            self.calls.tell(&unescape(call), wire.sent.pop_front().as_deref(), line);
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(calls::number(frame), None, "the teller numbers the calls: {line}");
            assert_eq!(wire.sent.pop_front().as_deref(), Some(frame), "in: {line}");
        } else if rest.starts_with("closed: ") {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "too long" {
            let machine = wire.machine.as_mut().expect("a connection");
            machine.handle_input(self.now, Input::Receive(letschat::ReceivedFrame::TooLarge));
        } else if rest == "lost" {
            wire.machine = None;
            self.calls = Calls::default();
            self.apply(Event::ConnectionLost(Peer::LetsChat));
        } else if rest == "back" {
            self.calls = Calls::default();
            let session = self.letschat_session();
            self.letschat.connect(session, self.now);
        } else if rest == "lost and back" {
            let mut events = self.drained();
            events.push(Event::ConnectionLost(Peer::LetsChat));
            let session = self.letschat_session();
            self.letschat.connect(session, self.now);
            self.calls = Calls::default();
            self.apply_all(events);
        } else if let Some(refusal) = rest.strip_prefix("refuses ") {
            let (name, reason) = match refusal.strip_prefix('#') {
                Some(named) => named.split_once(' ').expect("a call and a reason"),
                None => ("", refusal),
            };
            let number = self.calls.close(name, &self.letschat.sent, line);
            self.refuse(&number, reason);
        } else {
            panic!("unknown kind of line: {line}");
        }
    }

    /// Let's Chat rejects the post with this number. The bridge does not find the post in the room, sends it
    /// again, and it is rejected again.
    #[track_caller]
    fn refuse(&mut self, number: &str, reason: &str) {
        self.answer(number, reason);
        for _ in 0..2 {
            let listed = self.letschat.sent.pop_front().expect("the post is looked for");
            assert!(listed.contains("messages:list"), "{listed}");
            self.answer(calls::number(&listed).unwrap(), "[]");
            self.wait("1s");
            self.settle();
        }
        let again = self.letschat.sent.pop_front().expect("it is posted again");
        assert!(again.contains("messages:create"), "{again}");
        self.answer(calls::number(&again).unwrap(), reason);
    }

    #[track_caller]
    fn answer(&mut self, number: &str, answer: &str) {
        let frame = format!("43{number}[{answer}]");
        self.letschat
            .machine
            .as_mut()
            .expect("a connection")
            .handle_input(self.now, Input::Receive(letschat::ReceivedFrame::Text(frame.into())));
        self.settle();
    }
}

/// `\x01` and the like as themselves, so that a story can show what cannot be seen.
fn unescape(text: &str) -> String {
    text.replace("\\x01", "\u{1}").replace("\\x00", "\0").replace("\\u200b", "\u{200b}")
}

/// How the bridge begins each connection to IRC, or to Let's Chat.
fn connection_script(who: &str, begin: &str) -> String {
    let script = if who == "lc" {
        r#"
            lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
            lc < 40
            lc > 42#me["account:whoami"]
            lc > 42#["rooms:list",{"skip":0,"take":5000}]
            lc < 43#me[{"id":"u0","username":"bridge"}]
        "#
    } else {
        "irc > CAP LS 302
         irc > NICK bridge
         irc > USER bridge 0 * :A bridge"
    };
    format!("{who} {begin}\n{}", script.replace("irc >", &format!("{who} >")))
}
