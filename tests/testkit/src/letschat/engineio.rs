//! Engine.IO 3 with Socket.IO 1 inside, as text frames: what a client says, and what it is told.
//!
//! It is written out here, over axum's websocket, because the recorded servers say things that a
//! Socket.IO library is made not to say: a bare `44`, twice, on a connection that then stays open;
//! `44"No session found"`; `3` without its payload after `2probe`; acks of bare strings and of null.

use std::time::Duration;

use serde_json::Value;

/// One frame from a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet {
    /// `2`, with anything after it.
    Ping,
    /// `1`: the client ends the connection.
    Close,
    /// `41`: the client ends its session and keeps the connection.
    Leave,
    /// `42["name",data]`, or with the number of the ack that it wants.
    Event { ack: Option<u64>, name: String, data: Value },
    /// Something that the server passes over.
    Other,
    /// Not Engine.IO: the server closes the connection.
    Invalid,
}

impl Packet {
    pub(super) fn parse(frame: &str) -> Self {
        match frame.as_bytes() {
            [b'2', ..] => Self::Ping,
            [b'1', ..] => Self::Close,
            [b'4', b'1', ..] => Self::Leave,
            [b'4', b'2', ..] => Self::event(&frame[2..]).unwrap_or(Self::Other),
            [b'0'..=b'6', ..] => Self::Other,
            _ => Self::Invalid,
        }
    }

    /// Socket.IO passes over what it cannot read.
    fn event(body: &str) -> Option<Self> {
        let (digits, json) = body.split_at(body.find('[')?);
        let ack = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
        let mut arguments: Vec<Value> = serde_json::from_str(json).ok()?;
        let data = arguments.get_mut(1).map(Value::take).unwrap_or_default();
        let name = match arguments.first_mut()?.take() {
            Value::String(name) => name,
            _ => return None,
        };
        Some(Self::Event { ack, name, data })
    }
}

/// The server's first word.
pub(super) fn open(sid: &str, interval: Duration, timeout: Duration) -> String {
    let (interval, timeout) = (interval.as_millis(), timeout.as_millis());
    format!(r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":{interval},"pingTimeout":{timeout}}}"#)
}

/// `42["name",json]`
pub(super) fn event(name: &str, json: &str) -> String {
    ["42[\"", name, "\",", json, "]"].concat()
}

/// `43N[json]`
pub(super) fn ack(number: u64, json: &str) -> String {
    ["43", &number.to_string(), "[", json, "]"].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn reads(frame: &str, packet: &Packet) {
        assert_eq!(Packet::parse(frame), *packet, "{frame:?}");
    }

    #[test]
    fn what_clients_say() {
        reads("2", &Packet::Ping);
        reads("2probe", &Packet::Ping);
        reads("1", &Packet::Close);
        reads("41", &Packet::Leave);
        reads("42[\"a\"]", &Packet::Event { ack: None, name: "a".into(), data: Value::Null });
        reads(
            "4217[\"a:b\",[1]]",
            &Packet::Event { ack: Some(17), name: "a:b".into(), data: json!([1]) },
        );
    }

    #[test]
    fn what_socketio_cannot_read_is_passed_over_and_what_engineio_cannot_ends_it() {
        for frame in ["40", "42", "42[", "42{}", "42[1]", "42x[\"a\"]", "4", "5", "6", "3"] {
            reads(frame, &Packet::Other);
        }
        for frame in ["", "7", "é", "hello"] {
            reads(frame, &Packet::Invalid);
        }
    }

    #[test]
    fn what_clients_are_told() {
        let told = open("x", Duration::from_secs(25), Duration::from_secs(60));
        assert_eq!(told, r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":60000}"#);
        assert_eq!(ack(3, "null"), "433[null]");
        assert_eq!(event("a", "{}"), r#"42["a",{}]"#);
    }
}
