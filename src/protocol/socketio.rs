//! Engine.IO 3 carrying Socket.IO 1, the dialect Let's Chat 0.4 speaks: one packet a websocket text.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

/// One websocket text frame (<https://github.com/socketio/engine.io-protocol/tree/v3>,
/// <https://github.com/socketio/socket.io-protocol/tree/v3>; only the namespace `/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0{…}`: the server's first word.
    Open(Open),
    /// `1`: the sender is about to close.
    Close,
    /// `2`, perhaps with data that the answer must carry. Clients send it.
    Ping(Cow<'a, str>),
    /// `3` and the ping's data.
    Pong(Cow<'a, str>),
    /// `5`: the change of transport is done. Means nothing to who began with a websocket.
    Upgrade,
    /// `6`: nothing.
    Noop,
    /// `40`: we are in. Only this means that the token was accepted (WIRE.md, Transport).
    Connect,
    /// `41`: we are out, though the websocket is still there.
    Disconnect,
    /// `42`: something happened, or is wanted.
    Event {
        /// The number under which an [`Packet::Ack`] is wanted.
        ack: Option<u64>,
        /// What: `messages:new`.
        name: Cow<'a, str>,
        /// With what; mostly one.
        arguments: Vec<Json<'a>>,
    },
    /// `43`: the answer to the event of this number.
    Ack {
        /// The event's number.
        id: u64,
        /// The answer; mostly one.
        arguments: Vec<Json<'a>>,
    },
    /// `44`: we are not in, and perhaps why. The websocket stays open and silent.
    Error(Option<Json<'a>>),
}

/// What the server says when a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The connection's name.
    pub sid: String,
    /// How often the client is to ping.
    pub ping_interval: Duration,
    /// How long after a ping the pong may take; also how long after the last ping the server waits.
    pub ping_timeout: Duration,
}

/// One JSON value as text: proven to be JSON, and read only once, into what it is for.
///
/// Text rather than [`Value`] because a session mostly knows which struct it wants: `messages:new`
/// goes from the frame into that struct without a tree of maps in between, and a string that is
/// written without escapes is not even copied. Two are equal when they are spelled alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<'a>(Cow<'a, str>);

/// A frame that is no packet, or none that we speak.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Its type is none that there is.
    #[error("unknown packet type {0:?}")]
    UnknownType(String),
    /// It carries binary data, which Let's Chat never sends.
    #[error("binary packet {0:?}")]
    Binary(String),
    /// It is of a namespace, of which Let's Chat has only `/`.
    #[error("packet {0:?} is of a namespace")]
    Namespace(String),
    /// It does not carry what its type promises.
    #[error("packet {0:?} does not carry what its type promises")]
    Malformed(String),
}

impl<'a> Packet<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// When the frame is no packet of Let's Chat's dialect. The error quotes the frame's start.
    pub fn decode(frame: &'a str) -> Result<Self, PacketError> {
        let kind = frame.chars().next().unwrap_or_default();
        let rest = &frame[kind.len_utf8().min(frame.len())..];
        match kind {
            '0' => read_open(rest).ok_or_else(|| PacketError::Malformed(start_of(frame))),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(rest.into())),
            '3' => Ok(Self::Pong(rest.into())),
            '4' => read_message(frame, rest),
            '5' => Ok(Self::Upgrade),
            '6' => Ok(Self::Noop),
            'b' => Err(PacketError::Binary(start_of(frame))),
            _ => Err(PacketError::UnknownType(start_of(frame))),
        }
    }

    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Open(open) => format!("0{}", open.to_value()),
            Self::Close => "1".to_owned(),
            Self::Ping(data) => format!("2{data}"),
            Self::Pong(data) => format!("3{data}"),
            Self::Upgrade => "5".to_owned(),
            Self::Noop => "6".to_owned(),
            Self::Connect => "40".to_owned(),
            Self::Disconnect => "41".to_owned(),
            Self::Event { ack, name, arguments } => {
                let name = Json::from(&Value::from(name.as_ref()));
                let number = ack.map(|id| id.to_string()).unwrap_or_default();
                format!("42{number}{}", array(std::iter::once(&name).chain(arguments)))
            }
            Self::Ack { id, arguments } => format!("43{id}{}", array(arguments)),
            Self::Error(why) => format!("44{}", why.as_ref().map_or("", Json::as_str)),
        }
    }

    /// An event with one argument that is to be acknowledged.
    #[must_use]
    pub fn call(id: u64, name: &'a str, argument: &Value) -> Self {
        Self::Event { ack: Some(id), name: name.into(), arguments: vec![argument.into()] }
    }
}

impl Open {
    fn to_value(&self) -> Value {
        serde_json::json!({
            "sid": self.sid,
            "upgrades": [],
            "pingInterval": self.ping_interval.as_millis() as u64,
            "pingTimeout": self.ping_timeout.as_millis() as u64,
        })
    }
}

impl Json<'_> {
    /// The value's JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the value as a `T`, which may borrow from it.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<'b, T: Deserialize<'b>>(&'b self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The string that it is, if it is one: how an ack says that it failed (WIRE.md, Acks carry no
    /// status).
    #[must_use]
    pub fn as_string(&self) -> Option<Cow<'_, str>> {
        string(&self.0)
    }
}

impl From<&Value> for Json<'static> {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Value> for Json<'static> {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

/// What of [`Open`] is on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    sid: String,
    ping_interval: u64,
    ping_timeout: u64,
}

fn read_open(rest: &str) -> Option<Packet<'_>> {
    let Handshake { sid, ping_interval, ping_timeout } = serde_json::from_str(rest).ok()?;
    Some(Packet::Open(Open {
        sid,
        ping_interval: Duration::from_millis(ping_interval),
        ping_timeout: Duration::from_millis(ping_timeout),
    }))
}

/// Reads what follows the `4` of `frame`: a Socket.IO packet.
fn read_message<'a>(frame: &'a str, rest: &'a str) -> Result<Packet<'a>, PacketError> {
    let malformed = || PacketError::Malformed(start_of(frame));
    let kind = rest.chars().next().ok_or_else(malformed)?;
    let body = &rest[kind.len_utf8()..];
    let body = match body.strip_prefix("/,").or((body == "/").then_some("")) {
        Some(rooted) => rooted,
        None if body.starts_with('/') => return Err(PacketError::Namespace(start_of(frame))),
        None => body,
    };
    match kind {
        '0' => Ok(Packet::Connect),
        '1' => Ok(Packet::Disconnect),
        '2' => read_event(body).ok_or_else(malformed),
        '3' => read_ack(body).ok_or_else(malformed),
        '4' if body.is_empty() => Ok(Packet::Error(None)),
        '4' => read_error(body).ok_or_else(malformed),
        '5' | '6' => Err(PacketError::Binary(start_of(frame))),
        _ => Err(PacketError::UnknownType(start_of(frame))),
    }
}

fn read_event(body: &str) -> Option<Packet<'_>> {
    let (ack, mut arguments) = read_numbered(body)?;
    if arguments.is_empty() {
        return None;
    }
    let name = string(arguments.remove(0).get())?;
    let arguments = arguments.into_iter().map(borrowed).collect();
    Some(Packet::Event { ack, name, arguments })
}

fn read_ack(body: &str) -> Option<Packet<'_>> {
    let (id, arguments) = read_numbered(body)?;
    Some(Packet::Ack { id: id?, arguments: arguments.into_iter().map(borrowed).collect() })
}

fn read_error(body: &str) -> Option<Packet<'_>> {
    let why: &RawValue = serde_json::from_str(body).ok()?;
    Some(Packet::Error(Some(borrowed(why))))
}

/// A number, perhaps, and an array, perhaps: an ack without arguments may leave it out.
fn read_numbered(body: &str) -> Option<(Option<u64>, Vec<&RawValue>)> {
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let (number, array) = body.split_at(digits);
    let number = if number.is_empty() { None } else { Some(number.parse().ok()?) };
    let array = if array.is_empty() { Vec::new() } else { serde_json::from_str(array).ok()? };
    Some((number, array))
}

fn borrowed(raw: &RawValue) -> Json<'_> {
    Json(raw.get().into())
}

fn string(json: &str) -> Option<Cow<'_, str>> {
    match serde_json::from_str::<&str>(json) {
        Ok(plain) => Some(plain.into()),
        // With escapes in it, it cannot be borrowed.
        Err(_) => serde_json::from_str::<String>(json).ok().map(Cow::from),
    }
}

fn array<'a>(values: impl IntoIterator<Item = &'a Json<'a>>) -> String {
    let values: Vec<_> = values.into_iter().map(Json::as_str).collect();
    format!("[{}]", values.join(","))
}

/// As much of a frame as belongs in a log.
fn start_of(frame: &str) -> String {
    let end = frame.floor_char_boundary(80);
    let more = if end < frame.len() { "…" } else { "" };
    format!("{}{more}", &frame[..end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(frame: &str, packet: &Packet) {
        assert_eq!(Packet::decode(frame).as_ref(), Ok(packet));
    }

    #[test]
    fn frames_of_a_real_server_are_understood() {
        let millis = Duration::from_millis;
        let sid = "frnDRh3ulH0qGqRCAAAA".to_owned();
        check(
            r#"0{"sid":"frnDRh3ulH0qGqRCAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":60000}"#,
            &Packet::Open(Open {
                sid,
                ping_interval: millis(25_000),
                ping_timeout: millis(60_000),
            }),
        );
        check("40", &Packet::Connect);
        check("3", &Packet::Pong("".into()));
        check("44", &Packet::Error(None));
        check(r#"44"No session found""#, &Packet::Error(Some(json!("No session found").into())));
        check(
            r#"420["account:whoami"]"#,
            &Packet::Event { ack: Some(0), name: "account:whoami".into(), arguments: vec![] },
        );
        check(
            r#"423["rooms:join","000000000000000000000000"]"#,
            &Packet::call(3, "rooms:join", &json!("000000000000000000000000")),
        );
        check(
            r#"434["Bad Request"]"#,
            &Packet::Ack { id: 4, arguments: vec![json!("Bad Request").into()] },
        );
        check("4312[null]", &Packet::Ack { id: 12, arguments: vec![json!(null).into()] });
    }

    #[test]
    fn a_new_message_goes_straight_into_its_struct() {
        #[derive(Deserialize)]
        struct Said<'a> {
            id: &'a str,
            text: String,
            owner: Option<Value>,
        }
        let frame = r#"42["messages:new",{"id":"6b035fd2baf4bc58ffb2a62f","text":"unicode é你好 😀 <b>&amp; \"\n","posted":"2026-11-22T21:34:10.326Z","owner":null,"room":{"id":"6b035fcebaf4bc58ffb2a629","slug":"capmwsctv0m"}}]"#;
        let Ok(Packet::Event { ack: None, name, arguments }) = Packet::decode(frame) else {
            panic!("no event");
        };
        assert!(matches!(name, Cow::Borrowed("messages:new")));
        let said: Said = arguments[0].read().unwrap();
        assert_eq!(
            (said.id, said.text.as_str()),
            ("6b035fd2baf4bc58ffb2a62f", "unicode é你好 😀 <b>&amp; \"\n")
        );
        assert_eq!(said.owner, None);
    }

    #[test]
    fn how_an_ack_says_that_it_failed() {
        let as_string = |value: Value| Json::from(value).as_string().map(Cow::into_owned);
        assert_eq!(as_string(json!("Not Found")).as_deref(), Some("Not Found"));
        assert_eq!(as_string(json!("a \"b\"")).as_deref(), Some("a \"b\""));
        assert_eq!(as_string(json!({"id": "m1"})), None);
        assert_eq!(as_string(json!(null)), None);
    }

    #[test]
    fn what_the_dialect_allows_is_tolerated() {
        check("1", &Packet::Close);
        check("2probe", &Packet::Ping("probe".into()));
        check("3probe", &Packet::Pong("probe".into()));
        check("5", &Packet::Upgrade);
        check("6", &Packet::Noop);
        check("41", &Packet::Disconnect);
        check("40/", &Packet::Connect);
        check("43/,7[]", &Packet::Ack { id: 7, arguments: vec![] });
        check("437", &Packet::Ack { id: 7, arguments: vec![] });
        check(
            r#"42 [ "a" , 1 , {"b":[ ]} ] "#.replacen(' ', "", 1).as_str(),
            &Packet::Event {
                ack: None,
                name: "a".into(),
                arguments: vec![json!(1).into(), Json(r#"{"b":[ ]}"#.into())],
            },
        );
        let largest = Packet::Ack { id: u64::MAX, arguments: vec![Json("1e999".into())] };
        check("4318446744073709551615[1e999]", &largest);
    }

    #[test]
    fn what_is_not_ours_is_told_apart() {
        let start = |frame: &str| frame.to_owned();
        for (frame, error) in [
            ("", PacketError::UnknownType(start(""))),
            ("7", PacketError::UnknownType(start("7"))),
            ("é", PacketError::UnknownType(start("é"))),
            ("47", PacketError::UnknownType(start("47"))),
            ("4é", PacketError::UnknownType(start("4é"))),
            ("b4AAA", PacketError::Binary(start("b4AAA"))),
            ("451-[\"a\",{}]", PacketError::Binary(start("451-[\"a\",{}]"))),
            ("40/chat", PacketError::Namespace(start("40/chat"))),
            ("42/chat,[\"a\"]", PacketError::Namespace(start("42/chat,[\"a\"]"))),
        ] {
            assert_eq!(Packet::decode(frame), Err(error));
        }
    }

    #[test]
    fn nonsense_is_malformed_and_quoted_in_short() {
        for frame in [
            "0",
            "0{}",
            "0[]",
            r#"0{"sid":"a","pingInterval":-1,"pingTimeout":1}"#,
            r#"0{"sid":"a","pingInterval":18446744073709551616,"pingTimeout":1}"#,
            "4",
            "42",
            "42[]",
            "42[1]",
            "42[",
            "42x[\"a\"]",
            "421",
            "42{\"a\":1}",
            "42[\"a\"]x",
            "43",
            "43[1]",
            "43-1[1]",
            "4318446744073709551616[1]",
            "431[1",
            "44{",
            "44\"",
        ] {
            let error = PacketError::Malformed(frame.to_owned());
            assert_eq!(Packet::decode(frame), Err(error));
        }
        let long = format!("42{}", "é".repeat(1_000_000));
        let Err(PacketError::Malformed(quoted)) = Packet::decode(&long) else { panic!("read") };
        assert!(quoted.len() < 90, "{quoted}");
    }

    #[test]
    fn nesting_without_end_does_not_overflow_the_stack() {
        let depth = 200_000;
        let frame = format!("42[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        let Ok(Packet::Event { arguments, .. }) = Packet::decode(&frame) else {
            panic!("no event")
        };
        assert!(arguments[0].read::<Value>().is_err());
    }

    fn json_value() -> impl Strategy<Value = Json<'static>> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(Value::from_iter),
            ]
        })
        .prop_map(Json::from)
    }

    fn packet() -> impl Strategy<Value = Packet<'static>> {
        let arguments = || prop::collection::vec(json_value(), 0..4);
        let text = || any::<String>().prop_map(Cow::from);
        prop_oneof![
            (any::<String>(), any::<u64>(), any::<u64>()).prop_map(|(sid, interval, timeout)| {
                let ping_interval = Duration::from_millis(interval);
                Packet::Open(Open {
                    sid,
                    ping_interval,
                    ping_timeout: Duration::from_millis(timeout),
                })
            }),
            Just(Packet::Close),
            text().prop_map(Packet::Ping),
            text().prop_map(Packet::Pong),
            Just(Packet::Upgrade),
            Just(Packet::Noop),
            Just(Packet::Connect),
            Just(Packet::Disconnect),
            (any::<Option<u64>>(), text(), arguments())
                .prop_map(|(ack, name, arguments)| Packet::Event { ack, name, arguments }),
            (any::<u64>(), arguments()).prop_map(|(id, arguments)| Packet::Ack { id, arguments }),
            prop::option::of(json_value()).prop_map(Packet::Error),
        ]
    }

    proptest! {
        #[test]
        fn every_packet_survives_the_wire(packet in packet()) {
            let frame = packet.encode();
            prop_assert_eq!(Packet::decode(&frame), Ok(packet));
        }

        #[test]
        fn no_frame_makes_us_panic(frame in "([0-9b]{0,3}[\\[\\]{}\",:/ 0-9é-]{0,12})|.{0,12}") {
            if let Ok(packet) = Packet::decode(&frame) {
                let again = packet.encode();
                prop_assert_eq!(Packet::decode(&again), Ok(packet));
            }
        }
    }
}
