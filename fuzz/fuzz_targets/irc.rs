//! A session on IRC, given any lines, orders and moments.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use jiff::Timestamp;
use letsbridge::domain::{DeliveryId, EndpointId, FloodControl, IrcUser, MessageKind};
use letsbridge::protocol::irc::{
    ChannelTarget, IrcCommand, IrcIdentity, IrcSession, LearnedPace, ReceivedLine, SessionConfig,
};
use letsbridge::protocol::{Input, Machine, Output};
use libfuzzer_sys::fuzz_target;

/// What happens to the session.
#[derive(Debug, Arbitrary)]
enum Happening<'a> {
    Line(&'a str),
    /// The server answers us as most do, and then says something in our channel.
    LetIn {
        caps: bool,
    },
    Say {
        place: u8,
        action: bool,
        prefix: &'a str,
        body: &'a str,
        relay: Option<&'a str>,
    },
    Whisper {
        nick: &'a str,
        action: bool,
        body: &'a str,
    },
    Past {
        place: u8,
        msgid: Option<&'a str>,
        by_line: bool,
    },
    Away(Option<&'a str>),
    Sit {
        place: u8,
    },
    Notice {
        nick: &'a str,
        text: &'a str,
    },
    Topic {
        place: u8,
        topic: &'a str,
    },
    Wait {
        milliseconds: u32,
    },
    Quit(&'a str),
}

const CAPS: &str = "message-tags server-time batch echo-message labeled-response draft/chathistory";

fuzz_target!(|happenings: Vec<Happening<'_>>| {
    let began = Instant::now();
    let mut now = began;
    let mut session = IrcSession::new(now, plan(now));
    let mut ticket = 0;
    drain(&mut session);
    for happening in happenings {
        match happening {
            Happening::Line(line) => hear(&mut session, now, line),
            Happening::LetIn { caps } => {
                let list = if caps { CAPS } else { "" };
                hear(&mut session, now, &format!(":s CAP * LS :{list}"));
                hear(&mut session, now, &format!(":s CAP * ACK :{list}"));
                for line in [
                    ":s 001 bridge :hi",
                    ":s 005 bridge CASEMAPPING=ascii CHATHISTORY=10 :are supported",
                    ":bridge!u@h JOIN #tea",
                    ":s 353 bridge = #tea :@ann bridge",
                    ":s 366 bridge #tea :End",
                ] {
                    hear(&mut session, now, line);
                }
            }
            Happening::Say { place, action, prefix, body, relay } => {
                ticket += 1;
                let (ticket, place, kind) = (DeliveryId(ticket), place_of(place), kind(action));
                let (prefix, body) = (prefix.to_owned(), body.to_owned());
                let relay = relay.map(Into::into);
                let say = IrcCommand::SendMessage {
                    delivery: ticket,
                    endpoint: place,
                    kind,
                    prefix,
                    body,
                    relay_nick: relay,
                };
                order(&mut session, now, say);
            }
            Happening::Whisper { nick, action, body } => {
                ticket += 1;
                let (ticket, place, kind) = (DeliveryId(ticket), EndpointId(9), kind(action));
                let whom = Arc::new(IrcUser::named(nick));
                let (prefix, body) = ("<bob> ".to_owned(), body.to_owned());
                let whisper = IrcCommand::SendDirect {
                    delivery: ticket,
                    endpoint: place,
                    recipient: whom,
                    kind,
                    prefix,
                    body,
                };
                order(&mut session, now, whisper);
            }
            Happening::Past { place, msgid, by_line } => {
                let (place, msgid) = (place_of(place), msgid.map(str::to_owned));
                let (since, clock) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
                let past = IrcCommand::FetchHistory {
                    endpoint: place,
                    since,
                    now: clock,
                    msgid,
                    by_msgid: by_line,
                };
                order(&mut session, now, past);
            }
            Happening::Away(why) => {
                order(&mut session, now, IrcCommand::SetAway(why.map(str::to_owned)));
            }
            Happening::Sit { place } => {
                let name = format!("#more{}", place % 4);
                let seat = ChannelTarget { endpoint: place_of(place), name, key: None };
                order(&mut session, now, IrcCommand::Join(seat));
            }
            Happening::Notice { nick, text } => {
                let (nick, text) = (nick.to_owned(), text.to_owned());
                order(&mut session, now, IrcCommand::SendNotice { nick, text });
            }
            Happening::Topic { place, topic } => {
                let topic = topic.to_owned();
                order(&mut session, now, IrcCommand::SetTopic { endpoint: place_of(place), topic });
            }
            Happening::Wait { milliseconds } => {
                now += Duration::from_millis(u64::from(milliseconds) % 100_000);
                session.handle_input(now, Input::Timeout);
                drain(&mut session);
            }
            Happening::Quit(why) => order(&mut session, now, IrcCommand::Quit(why.to_owned())),
        }
    }
    // A session that waits for nothing would stand still for ever; one that never waits, spin.
    for _ in 0..10_000 {
        let Some(deadline) = session.poll_timeout() else { return };
        now = now.max(deadline);
        if now > began + Duration::from_secs(86_400) {
            return;
        }
        session.handle_input(now, Input::Timeout);
        if drain(&mut session) {
            return;
        }
    }
    panic!("a session that is never done: {:?}", session.poll_timeout().map(|it| it - began));
});

fn plan(now: Instant) -> SessionConfig {
    let seat = |(place, name): (i64, &str)| ChannelTarget {
        endpoint: EndpointId(place),
        name: name.to_owned(),
        key: None,
    };
    SessionConfig {
        identity: IrcIdentity::named("bridge"),
        channels: [(1, "#tea"), (2, "#dev")].map(seat).to_vec(),
        request_invite_from: None,
        send_only: false,
        webirc: None,
        flood_control: FloodControl::Auto,
        learned_pace: LearnedPace::new(now),
        seed: 1,
        started_at: Timestamp::UNIX_EPOCH,
        is_tls: true,
        may_say_passwords: false,
        nonce: "nonce".to_owned(),
    }
}

fn kind(action: bool) -> MessageKind {
    if action { MessageKind::Action } else { MessageKind::Text }
}

fn place_of(place: u8) -> EndpointId {
    EndpointId(i64::from(place % 4))
}

fn hear(session: &mut IrcSession, now: Instant, line: &str) {
    for line in line.split(['\r', '\n']) {
        session.handle_input(now, Input::Receive(ReceivedLine::Utf8(line.to_owned())));
        drain(session);
    }
}

fn order(session: &mut IrcSession, now: Instant, order: IrcCommand) {
    session.handle_input(now, Input::Command(order));
    drain(session);
}

/// Takes what it answers. Says whether it has hung up.
fn drain(session: &mut IrcSession) -> bool {
    let mut closed = false;
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(line) => {
                let line = line.as_str();
                assert!(!line.contains(['\r', '\n', '\0']), "a line is one line: {line:?}");
            }
            Output::Event(_) => {}
            Output::Close(_) | Output::Release => closed = true,
        }
    }
    closed
}
