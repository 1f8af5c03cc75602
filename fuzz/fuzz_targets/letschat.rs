//! Packets of Engine.IO and Socket.IO, and a session with Let's Chat that is given any, any orders and
//! any moments.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use letsbridge::domain::{DeliveryId, EndpointId};
use letsbridge::protocol::letschat::{
    LetsChatCommand, LetsChatSession, PAGE_SIZE, PostId, ReceivedFrame, RoomTarget, Stay,
};
use letsbridge::protocol::socketio::Packet;
use letsbridge::protocol::{Input, Machine, Output};
use libfuzzer_sys::fuzz_target;

const ROOMS: &str = r#"[[{"id":"5f0000000000000000000001","slug":"tea","name":"Tea"}]]"#;

/// What happens to the session.
#[derive(Debug, Arbitrary)]
enum Happening<'a> {
    Frame(&'a str),
    /// The server lets us in, and answers our first calls.
    LetIn,
    Ack {
        number: u8,
        answer: &'a str,
    },
    Post {
        place: u8,
        text: &'a str,
    },
    Whisper {
        user: &'a str,
        text: &'a str,
    },
    Tell {
        user: &'a str,
        text: &'a str,
    },
    List {
        place: u8,
        skip: u8,
        later: bool,
    },
    Newest {
        place: u8,
    },
    Wait {
        milliseconds: u32,
    },
    Leave,
}

fuzz_target!(|happenings: Vec<Happening<'_>>| {
    let began = Instant::now();
    let mut now = began;
    let seat = RoomTarget { endpoint: EndpointId(1), name: "tea".to_owned(), password: None };
    let mut session = LetsChatSession::new(now, vec![seat], 1);
    let mut ticket = 0;
    drain(&mut session);
    for happening in happenings {
        match happening {
            Happening::Frame(frame) => hear(&mut session, now, frame),
            Happening::LetIn => {
                for frame in ["0{\"pingInterval\":25000,\"pingTimeout\":60000}", "40"] {
                    hear(&mut session, now, frame);
                }
                hear(&mut session, now, &format!("430{ROOMS}"));
                hear(&mut session, now, &format!("431{ROOMS}"));
            }
            Happening::Ack { number, answer } => {
                hear(&mut session, now, &format!("43{}{answer}", number % 16));
            }
            Happening::Post { place, text } => {
                ticket += 1;
                let (place, text) = (place_of(place), text.to_owned());
                order(
                    &mut session,
                    now,
                    LetsChatCommand::Post { delivery: DeliveryId(ticket), endpoint: place, text },
                );
            }
            Happening::Whisper { user, text } => {
                ticket += 1;
                let (user, text) = (user.to_owned(), text.to_owned());
                let (ticket, place) = (DeliveryId(ticket), EndpointId(9));
                order(
                    &mut session,
                    now,
                    LetsChatCommand::SendDirect { delivery: ticket, endpoint: place, user, text },
                );
            }
            Happening::Tell { user, text } => {
                let (user, text) = (user.to_owned(), text.to_owned());
                order(&mut session, now, LetsChatCommand::SendDirectNotice { user, text });
            }
            Happening::List { place, skip, later } => {
                let (place, since, skip) = (place_of(place), PostId::MIN, usize::from(skip));
                let (take, stay) = (PAGE_SIZE, Stay::default());
                order(
                    &mut session,
                    now,
                    LetsChatCommand::ListMessages {
                        endpoint: place,
                        since,
                        skip,
                        limit: take,
                        delayed: later,
                        stay,
                    },
                );
            }
            Happening::Newest { place } => {
                let (endpoint, stay) = (place_of(place), Stay::default());
                order(&mut session, now, LetsChatCommand::NewestMessage { endpoint, stay });
            }
            Happening::Wait { milliseconds } => {
                now += Duration::from_millis(u64::from(milliseconds) % 100_000);
                session.handle_input(now, Input::Timeout);
                drain(&mut session);
            }
            Happening::Leave => order(&mut session, now, LetsChatCommand::Leave),
        }
    }
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

fn place_of(place: u8) -> EndpointId {
    EndpointId(i64::from(place % 3))
}

fn hear(session: &mut LetsChatSession, now: Instant, frame: &str) {
    // What it says is understood in the same way when it is said again.
    if let Ok(packet) = Packet::parse(frame) {
        let again = packet.encode();
        let parsed = Packet::parse(&again);
        assert!(parsed.is_ok_and(|parsed| parsed.encode() == again), "{frame:?} {again:?}");
    }
    session.handle_input(now, Input::Receive(ReceivedFrame::Text(frame.into())));
    drain(session);
}

fn order(session: &mut LetsChatSession, now: Instant, order: LetsChatCommand) {
    session.handle_input(now, Input::Command(order));
    drain(session);
}

/// Takes what it answers. Says whether it has hung up.
fn drain(session: &mut LetsChatSession) -> bool {
    let mut closed = false;
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(frame) => {
                assert!(Packet::parse(&frame).is_ok(), "no packet: {frame:?}")
            }
            Output::Event(_) => {}
            Output::Close(_) | Output::Release => closed = true,
        }
    }
    closed
}
