//! Engine.IO 3 with Socket.IO 1.x in websocket text frames, as Let's Chat 0.4 uses them
//! (docs/letschat-protocol.md, section 3).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

/// One websocket text frame.
#[derive(Debug, Clone)]
pub enum Packet<'frame> {
    /// `0`: the Engine.IO handshake.
    Open {
        /// The ping interval, in milliseconds.
        ping_interval: u64,
        /// The ping timeout, in milliseconds.
        ping_timeout: u64,
    },
    /// `1`: the connection is closed.
    Close,
    /// `2`: a ping.
    Ping {
        /// Returned in the pong.
        data: String,
    },
    /// `3`: a pong.
    Pong {
        /// The data of the ping.
        data: String,
    },
    /// `40`: connected to the namespace.
    Connect,
    /// `41`: disconnected from the namespace.
    Disconnect,
    /// `42`: an event.
    Event {
        /// The number for its ack, if one is requested.
        ack_id: Option<u64>,
        /// The account's name.
        name: String,
        /// Its arguments, unparsed and not copied, so that each can be parsed directly into its own type.
        arguments: Vec<&'frame RawValue>,
    },
    /// `43`: an ack.
    Ack {
        /// The number of the event.
        id: u64,
        /// Its arguments, unparsed.
        arguments: Vec<&'frame RawValue>,
    },
    /// `44`: the connection was rejected.
    Error {
        /// The error as JSON, if any.
        data: Option<String>,
    },
    /// Packets without use here: upgrades, binary events.
    Other,
}

/// Why a frame could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Unknown packet type.
    #[error("unknown packet type {0:?}")]
    UnknownType(String),
    /// Invalid content for its type.
    #[error("malformed packet {0:?}")]
    Malformed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

impl<'frame> Packet<'frame> {
    /// Parses one frame.
    ///
    /// # Errors
    /// When it is not a valid packet.
    pub fn parse(frame: &'frame str) -> Result<Self, PacketError> {
        let malformed = || PacketError::Malformed(excerpt(frame));
        let Some((kind, rest)) = frame.split_at_checked(1) else { return Err(malformed()) };
        Ok(match kind {
            "0" => {
                let Handshake { ping_interval, ping_timeout } =
                    serde_json::from_str(rest).map_err(|_| malformed())?;
                Self::Open { ping_interval, ping_timeout }
            }
            "1" => Self::Close,
            "2" => Self::Ping { data: rest.to_owned() },
            "3" => Self::Pong { data: rest.to_owned() },
            "4" => Self::parse_message(rest).ok_or_else(malformed)?,
            "5" | "6" => Self::Other,
            _ => return Err(PacketError::UnknownType(excerpt(frame))),
        })
    }

    fn parse_message(message: &'frame str) -> Option<Self> {
        let (kind, rest) = message.split_at_checked(1)?;
        // Let's Chat uses only the namespace `/`; packets of others are ignored.
        let rest = match rest.strip_prefix('/') {
            Some("") => "",
            Some(named) => named.strip_prefix(',')?,
            None => rest,
        };
        Some(match kind {
            "0" => Self::Connect,
            "1" => Self::Disconnect,
            "2" => {
                let (ack, mut arguments) = parse_arguments(rest)?;
                if arguments.is_empty() {
                    return None;
                }
                let name = serde_json::from_str(arguments.remove(0).get()).ok()?;
                Self::Event { ack_id: ack, name, arguments }
            }
            "3" => {
                let (id, arguments) = parse_arguments(rest)?;
                Self::Ack { id: id?, arguments }
            }
            "4" => Self::Error { data: (!rest.is_empty()).then(|| rest.to_owned()) },
            "5" | "6" => Self::Other,
            _ => return None,
        })
    }

    /// Encodes the packet as a frame.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Open { ping_interval, ping_timeout } => {
                format!(r#"0{{"pingInterval":{ping_interval},"pingTimeout":{ping_timeout}}}"#)
            }
            Self::Close => "1".to_owned(),
            Self::Ping { data } => format!("2{data}"),
            Self::Pong { data } => format!("3{data}"),
            Self::Connect => "40".to_owned(),
            Self::Disconnect => "41".to_owned(),
            Self::Event { ack_id: ack, name, arguments } => {
                let ack = ack.map(|ack| ack.to_string()).unwrap_or_default();
                let name = Value::from(name.as_str()).to_string();
                let arguments = arguments.iter().map(|argument| argument.get());
                let all: Vec<&str> = std::iter::once(name.as_str()).chain(arguments).collect();
                format!("42{ack}[{}]", all.join(","))
            }
            Self::Ack { id, arguments } => {
                let all: Vec<&str> = arguments.iter().map(|argument| argument.get()).collect();
                format!("43{id}[{}]", all.join(","))
            }
            Self::Error { data } => format!("44{}", data.as_deref().unwrap_or_default()),
            Self::Other => "6".to_owned(),
        }
    }

    /// Encodes the event `name` that requests an ack under `number`.
    #[must_use]
    pub fn encode_call(number: u64, name: &str, argument: Option<&Value>) -> String {
        match argument {
            Some(argument) => format!("42{number}[{},{argument}]", Value::from(name)),
            None => format!("42{number}[{}]", Value::from(name)),
        }
    }
}

/// The ack number, if any, and the array after it, which an empty ack may omit.
fn parse_arguments(body: &str) -> Option<(Option<u64>, Vec<&RawValue>)> {
    let (digits, array) = body.split_at(body.find('[').unwrap_or(body.len()));
    // `parse` would accept a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    let arguments = if array.is_empty() { Vec::new() } else { serde_json::from_str(array).ok()? };
    Some((number, arguments))
}

/// The start of a frame for the log; the rest may be long or confidential.
fn excerpt(frame: &str) -> String {
    frame.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_frames_round_trip() {
        for frame in [
            r#"0{"pingInterval":25000,"pingTimeout":60000}"#,
            "1",
            "2",
            "2probe",
            "3probe",
            "40",
            "41",
            "44",
            r#"44"No session found""#,
            r#"420["account:whoami"]"#,
            r#"422["rooms:join",{"roomId":"6b035f6a8d054a41e16a056d"}]"#,
            r#"42["messages:new",{"id":"m1","text":"unicode é你好 😀 <b>&amp;"}]"#,
            r#"42["two",1,[2]]"#,
            r#"434["Bad Request"]"#,
            "438[null]",
            "4312[]",
        ] {
            let packet = Packet::parse(frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            assert_eq!(packet.encode(), frame);
        }
    }

    #[test]
    fn call_carries_its_ack_id_and_argument() {
        assert_eq!(
            Packet::encode_call(7, "rooms:join", Some(&"r1".into())),
            r#"427["rooms:join","r1"]"#
        );
        assert_eq!(Packet::encode_call(0, "account:whoami", None), r#"420["account:whoami"]"#);
    }

    #[test]
    fn malformed_frames_are_errors() {
        for frame in [
            "",
            "4",
            "9",
            "é",
            "0",
            "0{}",
            "42",
            "42[",
            "42[]",
            "42[1]",
            "42x[\"a\"]",
            "43[1]",
            "43999999999999999999999[1]",
            "4é",
            "43+1[1]",
            "43-1[1]",
            "4318446744073709551616[1]",
            "42{\"a\":1}",
            "42[\"a\"]x",
            "40/admin",
            "42/admin,[\"a\"]",
        ] {
            assert!(Packet::parse(frame).is_err(), "{frame:?}");
        }
    }

    #[test]
    fn optional_parts_of_the_dialect_are_accepted() {
        for (frame, same) in [
            ("40/", "40"),
            ("437", "437[]"),
            ("43/,7[]", "437[]"),
            ("42/,[\"a\"]", "42[\"a\"]"),
            ("42[ \"a\" , { \"b\" : 1e999 } ] ", "42[\"a\",{ \"b\" : 1e999 }]"),
            ("4318446744073709551615[1]", "4318446744073709551615[1]"),
            ("5", "6"),
            ("451-[\"a\",{}]", "6"),
        ] {
            let packet = Packet::parse(frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            assert_eq!(packet.encode(), same);
        }
    }

    /// All frames recorded from two running servers.
    #[test]
    fn all_recorded_frames_parse() {
        let mut frames = 0;
        for line in include_str!("../../tests/data/letschat/mongoose-4.6.jsonl")
            .lines()
            .chain(include_str!("../../tests/data/letschat/mongoose-4.13.jsonl").lines())
        {
            let record: Value = serde_json::from_str(line).expect("a record");
            // The recorder truncated three frames of 200,000 letters and replaced one by a description.
            let whole = |frame: &&str| !frame.ends_with("<cut>") && !frame.starts_with('<');
            let Some(frame) = record["frame"].as_str().filter(whole) else { continue };
            let packet = Packet::parse(frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            if !matches!(packet, Packet::Open { .. }) {
                assert_eq!(packet.encode(), frame);
            }
            frames += 1;
        }
        assert!(frames > 150, "{frames}");
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let depth = 200_000;
        let frame = format!("42[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        let Ok(Packet::Event { arguments, .. }) = Packet::parse(&frame) else { panic!("no event") };
        assert!(serde_json::from_str::<Value>(arguments[0].get()).is_err());
    }

    #[test]
    fn error_quotes_only_an_excerpt() {
        let frame = format!("42{}", "é".repeat(1_000_000));
        let Err(error) = Packet::parse(&frame) else { panic!("read") };
        assert!(error.to_string().len() < 200, "{error}");
    }

    proptest! {
        #[test]
        fn any_text_parses_without_panic(frame in "[0-6]{0,3}\\PC{0,40}") {
            let _ = Packet::parse(&frame);
        }

        #[test]
        fn any_packet_round_trips(
            kind in "4[0-4]|[0-6]",
            number in prop::option::of(any::<u64>()),
            name in any::<String>(),
            texts in prop::collection::vec(any::<String>(), 0..3),
        ) {
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            let all: Vec<_> = std::iter::once(name).chain(texts).collect();
            let frame = format!("{kind}{number}{}", Value::from(all));
            if let Ok(packet) = Packet::parse(&frame) {
                let written = packet.encode();
                prop_assert_eq!(Packet::parse(&written).map(|again| again.encode()), Ok(written));
                if kind == "42" || (kind == "43" && !number.is_empty()) {
                    prop_assert_eq!(packet.encode(), frame);
                }
            } else {
                prop_assert!(["0", "43", "4"].contains(&kind.as_str()), "{}", frame);
            }
        }
    }
}
