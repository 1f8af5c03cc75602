//! A session on IRC, given any lines, orders and moments.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use jiff::Timestamp;
use letsbridge::domain::{Kind, Person, PlaceId, Ticket};
use letsbridge::protocol::irc::{Heard, Identity, Lesson, Order, Pace, Plan, Seat, Session};
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
    let mut session = Session::new(now, plan(now));
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
                let (ticket, place, kind) = (Ticket(ticket), place_of(place), kind(action));
                let (prefix, body) = (prefix.to_owned(), body.to_owned());
                let relay = relay.map(Into::into);
                let say = Order::Say { ticket, place, kind, prefix, body, relay };
                order(&mut session, now, say);
            }
            Happening::Whisper { nick, action, body } => {
                ticket += 1;
                let (ticket, place, kind) = (Ticket(ticket), PlaceId(9), kind(action));
                let whom = Arc::new(Person::named(nick));
                let (prefix, body) = ("<bob> ".to_owned(), body.to_owned());
                let whisper = Order::Whisper { ticket, place, whom, kind, prefix, body };
                order(&mut session, now, whisper);
            }
            Happening::Past { place, msgid, by_line } => {
                let (place, msgid) = (place_of(place), msgid.map(str::to_owned));
                let (since, clock) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
                let past = Order::Past { place, since, now: clock, msgid, by_line };
                order(&mut session, now, past);
            }
            Happening::Away(why) => {
                order(&mut session, now, Order::Away(why.map(str::to_owned)));
            }
            Happening::Sit { place } => {
                let name = format!("#more{}", place % 4);
                let seat = Seat { place: place_of(place), name, key: None };
                order(&mut session, now, Order::Sit(seat));
            }
            Happening::Notice { nick, text } => {
                let (nick, text) = (nick.to_owned(), text.to_owned());
                order(&mut session, now, Order::Notice { nick, text });
            }
            Happening::Topic { place, topic } => {
                let topic = topic.to_owned();
                order(&mut session, now, Order::Topic { place: place_of(place), topic });
            }
            Happening::Wait { milliseconds } => {
                now += Duration::from_millis(u64::from(milliseconds) % 100_000);
                session.handle(now, Input::Tick);
                drain(&mut session);
            }
            Happening::Quit(why) => order(&mut session, now, Order::Quit(why.to_owned())),
        }
    }
    // A session that waits for nothing would stand still for ever; one that never waits, spin.
    for _ in 0..10_000 {
        let Some(deadline) = session.deadline() else { return };
        now = now.max(deadline);
        if now > began + Duration::from_secs(86_400) {
            return;
        }
        session.handle(now, Input::Tick);
        if drain(&mut session) {
            return;
        }
    }
    panic!("a session that is never done: {:?}", session.deadline().map(|it| it - began));
});

fn plan(now: Instant) -> Plan {
    let seat = |(place, name): (i64, &str)| Seat {
        place: PlaceId(place),
        name: name.to_owned(),
        key: None,
    };
    Plan {
        identity: Identity::named("bridge"),
        seats: [(1, "#tea"), (2, "#dev")].map(seat).to_vec(),
        invited_by: None,
        deaf: false,
        webirc: None,
        pace: Pace::Auto,
        lesson: Lesson::none(now),
        seed: 1,
        clock: Timestamp::UNIX_EPOCH,
        secure: true,
        may_say_passwords: false,
        nonce: "nonce".to_owned(),
    }
}

fn kind(action: bool) -> Kind {
    if action { Kind::Action } else { Kind::Talk }
}

fn place_of(place: u8) -> PlaceId {
    PlaceId(i64::from(place % 4))
}

fn hear(session: &mut Session, now: Instant, line: &str) {
    for line in line.split(['\r', '\n']) {
        session.handle(now, Input::Frame(Heard::Line(line.to_owned())));
        drain(session);
    }
}

fn order(session: &mut Session, now: Instant, order: Order) {
    session.handle(now, Input::Order(order));
    drain(session);
}

/// Takes what it answers. Says whether it has hung up.
fn drain(session: &mut Session) -> bool {
    let mut closed = false;
    while let Some(output) = session.poll() {
        match output {
            Output::Frame(line) => {
                let line = line.as_str();
                assert!(!line.contains(['\r', '\n', '\0']), "a line is one line: {line:?}");
            }
            Output::Event(_) => {}
            Output::Close(_) => closed = true,
        }
    }
    closed
}
