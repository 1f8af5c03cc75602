use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::raw::{Socket, soon};

/// A client that is let in, asks, and waits for answers.
pub(super) struct Client {
    socket: Socket,
    next_ack: u64,
}

impl Client {
    /// Opens `path` and hears nothing yet.
    pub(super) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, None).await
    }

    /// As [`open`](Self::open), with the cookie of a session.
    pub(super) async fn open_with(address: SocketAddr, path: &str, cookie: Option<&str>) -> Self {
        Self { socket: Socket::open_with(address, path, cookie).await, next_ack: 0 }
    }

    /// Opens one with the cookie of a session, and waits until it is let in.
    pub(super) async fn by_session(address: SocketAddr, cookie: &str) -> Self {
        Self::open_with(address, COOKIES, Some(cookie)).await.admitted().await
    }

    /// Opens one with this token, and waits until it is let in.
    pub(super) async fn let_in(address: SocketAddr, token: &str) -> Self {
        Self::open(address, &path(token)).await.admitted().await
    }

    async fn admitted(mut self) -> Self {
        assert!(self.receive().await.starts_with("0{"));
        assert_eq!(self.receive().await, "40");
        self
    }

    /// Everything said so far, up to the answer to a ping of ours.
    pub(super) async fn received(&mut self) -> Vec<String> {
        self.send("2").await;
        let mut frames = Vec::new();
        loop {
            match self.receive().await {
                pong if pong == "3" => return frames,
                frame => frames.push(frame),
            }
        }
    }

    /// Waits for the end of the connection, and tells what came before it.
    pub(super) async fn received_until_closed(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(frame) = soon(self.try_receive()).await {
            frames.push(frame);
        }
        frames
    }

    /// Sends an event that wants an ack; the number of the ack.
    pub(super) async fn emit(&mut self, event: &str, data: &Value) -> u64 {
        let number = self.next_ack;
        self.next_ack += 1;
        let event = Value::from(vec![Value::from(event), data.clone()]);
        self.send(format!("42{number}{event}")).await;
        number
    }

    /// Sends an event and waits for its ack. News that come before it are passed over.
    pub(super) async fn call(&mut self, event: &str, data: &Value) -> Value {
        let ack = format!("43{}[", self.emit(event, data).await);
        loop {
            if let Some(answer) = self.receive().await.strip_prefix(&ack) {
                let answer = answer.strip_suffix(']').expect("an ack is a list of one");
                return serde_json::from_str(answer).expect("an ack is JSON");
            }
        }
    }

    /// The argument of the next event of this name. Everything else is passed over.
    pub(super) async fn event(&mut self, event: &str) -> Value {
        let start = format!("42[\"{event}\",");
        loop {
            if let Some(news) = self.receive().await.strip_prefix(&start) {
                let news = news.strip_suffix(']').expect("an event is a list");
                return serde_json::from_str(news).expect("an event is JSON");
            }
        }
    }

    /// Ends it as a browser does.
    pub(super) async fn close(self) {
        self.socket.close().await;
    }
}

impl Deref for Client {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

/// Where a websocket with cookies is opened.
pub(super) const COOKIES: &str = "/socket.io/?EIO=3&transport=websocket";

/// Where a websocket with this token is opened.
pub(super) fn path(token: &str) -> String {
    let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    format!("/socket.io/?EIO=3&transport=websocket&token={token}")
}
