//! A websocket as one account: for joining a room with a password, and for posting with a token.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::net::rest::Credential;
use crate::net::{Wire, WsStream, open_account_websocket};
use crate::protocol::letschat::ReceivedFrame;
use crate::protocol::socketio::Packet;
use crate::service::letschat_dial::LetsChatDial;

/// Time limit for the server to accept the account, and for an ack
/// (docs/letschat-protocol.md, section 4: some calls are never answered).
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest text of the server that is repeated, in characters.
const MAX_LEN_REASON: usize = 200;

/// A websocket that the server has accepted.
pub(super) struct AccountSocket {
    frames: WsStream<Box<dyn Wire>>,
    last_call: u64,
}

/// Why a socket cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SocketError {
    /// The server does not accept the account.
    Refused,
    /// There is no connection, or not any more.
    Lost(String),
}

/// The answer to a call: the id of what it made or joined, or the server's reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ack {
    /// The number of the call.
    pub(super) call: u64,
    /// The answer.
    pub(super) reply: Result<String, String>,
}

impl AccountSocket {
    /// Connects, and waits until the server accepts the account.
    pub(super) async fn open(
        letschat: &LetsChatDial,
        credential: Credential<'_>,
    ) -> Result<Self, SocketError> {
        let wire = letschat.connect().await.map_err(SocketError::Lost)?;
        let frames = open_account_websocket(wire, &letschat.settings.url, credential).await;
        let frames = frames.map_err(|error| SocketError::Lost(error.to_string()))?;
        let mut socket = Self { frames, last_call: 0 };
        match timeout_at(Instant::now() + REPLY_TIMEOUT, socket.accepted()).await {
            Ok(accepted) => accepted.map(|()| socket),
            Err(_) => Err(SocketError::Lost("Let's Chat did not accept the socket".to_owned())),
        }
    }

    async fn accepted(&mut self) -> Result<(), SocketError> {
        loop {
            let frame = self.next_frame().await.map_err(SocketError::Lost)?;
            let ReceivedFrame::Text(frame) = &frame else { continue };
            match Packet::parse(frame) {
                Ok(Packet::Connect) => return Ok(()),
                Ok(Packet::Error { .. }) => return Err(SocketError::Refused),
                _ => {}
            }
        }
    }

    /// Sends a call; returns its number.
    pub(super) async fn call(
        &mut self,
        name: &str,
        argument: &serde_json::Value,
    ) -> Result<u64, String> {
        self.last_call += 1;
        self.send(Packet::encode_call(self.last_call, name, Some(argument))).await?;
        Ok(self.last_call)
    }

    /// Calls `rooms:join`, with the password, if there is one.
    pub(super) async fn call_join(
        &mut self,
        room: &str,
        password: Option<&SecretString>,
    ) -> Result<u64, String> {
        let argument = match password.map(ExposeSecret::expose_secret) {
            Some(password) => serde_json::json!({ "roomId": room, "password": password }),
            None => serde_json::json!(room),
        };
        self.call("rooms:join", &argument).await
    }

    /// Sends a ping.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        self.send(Packet::Ping { data: String::new() }.encode()).await
    }

    /// Closes the connection.
    pub(super) async fn close(mut self) {
        // It is closed anyway.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.frames.close()).await;
    }

    /// The next ack. It may be dropped before it is ready.
    pub(super) async fn next_ack(&mut self) -> Result<Ack, String> {
        loop {
            let ReceivedFrame::Text(frame) = self.next_frame().await? else { continue };
            match Packet::parse(&frame) {
                Ok(Packet::Ack { id, arguments }) => {
                    let argument = arguments.first().map_or("null", |argument| argument.get());
                    return Ok(Ack { call: id, reply: parse_reply(argument) });
                }
                Ok(Packet::Close | Packet::Disconnect | Packet::Error { .. }) => {
                    return Err("Let's Chat closed the connection".to_owned());
                }
                _ => {}
            }
        }
    }

    async fn next_frame(&mut self) -> Result<ReceivedFrame, String> {
        match self.frames.next().await {
            Some(Ok(ReceivedFrame::TooLarge)) => Err("Let's Chat sent too much".to_owned()),
            Some(frame) => frame.map_err(|error| error.to_string()),
            None => Err("Let's Chat closed the connection".to_owned()),
        }
    }

    async fn send(&mut self, frame: String) -> Result<(), String> {
        let sending = self.frames.send(frame);
        match timeout_at(Instant::now() + REPLY_TIMEOUT, sending).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("Let's Chat reads nothing".to_owned()),
        }
    }
}

/// Why a room was not joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RoomJoinError {
    /// The server does not let the account in.
    Forbidden(String),
    /// There was no answer.
    Socket(SocketError),
}

/// Joins a room with a password for a moment, which makes the account a participant for good
/// (docs/letschat-protocol.md, section 5.1).
pub(super) async fn join_room(
    letschat: &LetsChatDial,
    credential: Credential<'_>,
    room: &str,
    password: &SecretString,
) -> Result<(), RoomJoinError> {
    let lost = |reason| RoomJoinError::Socket(SocketError::Lost(reason));
    let mut socket =
        AccountSocket::open(letschat, credential).await.map_err(RoomJoinError::Socket)?;
    socket.call_join(room, Some(password)).await.map_err(lost)?;
    let ack = timeout_at(Instant::now() + REPLY_TIMEOUT, socket.next_ack()).await;
    let ack = ack.map_err(|_| lost("Let's Chat did not answer".to_owned()))?.map_err(lost)?;
    socket.close().await;
    ack.reply.map(drop).map_err(|reason| RoomJoinError::Forbidden(join_refusal(&reason)))
}

/// Why the server does not let an account into a room.
pub(super) fn join_refusal(reason: &str) -> String {
    match reason {
        "password required" => "the room's password is wrong: correct room_password".to_owned(),
        reason => format!("Let's Chat does not let the account into the room: {reason}"),
    }
}

/// The id in the argument of an ack, or the server's reason. An ack carries no status
/// (docs/letschat-protocol.md, section 4).
fn parse_reply(json: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    #[derive(Deserialize)]
    struct WithMessage {
        message: String,
    }
    if let Ok(WithId { id }) = serde_json::from_str(json) {
        return Ok(id);
    }
    let reason = serde_json::from_str::<String>(json)
        .or_else(|_| serde_json::from_str(json).map(|WithMessage { message }| message))
        .unwrap_or_else(|_| "unexpected answer".to_owned());
    Err(reason.chars().filter(|character| !character.is_control()).take(MAX_LEN_REASON).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ack_is_an_id_or_a_reason() {
        for (json, reply) in [
            (r#"{"id":"m1","text":"hi"}"#, Ok("m1")),
            (r#""Bad Request""#, Err("Bad Request")),
            (r#"{"status":"error","message":"password required"}"#, Err("password required")),
            ("null", Err("unexpected answer")),
            ("[]", Err("unexpected answer")),
        ] {
            let expected = reply.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(parse_reply(json), expected, "{json}");
        }
        let long = serde_json::json!("x".repeat(100_000)).to_string();
        assert_eq!(parse_reply(&long).map_err(|reason| reason.len()), Err(MAX_LEN_REASON));
    }
}
