//! A person in Let's Chat, by a websocket of its own and independent of the program's own code.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const LIMIT: Duration = Duration::from_secs(60);

/// A logged-in person.
pub(crate) struct Member {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
    answers: BTreeMap<u64, Value>,
}

impl Member {
    /// Logs in at `url`, plain HTTP, with `token`.
    pub(crate) async fn connect(url: &str, token: &str) -> Self {
        let host = url.strip_prefix("http://").expect("plain http").trim_end_matches('/');
        let stream = TcpStream::connect(host).await.unwrap();
        let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        let address = format!("ws://{host}/socket.io/?EIO=3&transport=websocket&token={token}");
        let (socket, _) = tokio_tungstenite::client_async(address, stream).await.unwrap();
        let mut member = Self { socket, calls: 0, answers: BTreeMap::new() };
        while member.frame().await != "40" {}
        member
    }

    /// Calls `name` and gives what the server answers.
    pub(crate) async fn call(&mut self, name: &str, argument: Value) -> Value {
        let number = self.send(name, argument).await;
        self.answer(number).await
    }

    /// Calls `name` without waiting; gives the number of the call.
    pub(crate) async fn send(&mut self, name: &str, argument: Value) -> u64 {
        self.calls += 1;
        let frame = format!("42{}{}", self.calls, json!([name, argument]));
        self.socket.send(Message::text(frame)).await.unwrap();
        self.calls
    }

    /// Waits for the answer to a call.
    pub(crate) async fn answer(&mut self, number: u64) -> Value {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return answer;
            }
            let frame = self.frame().await;
            let Some(body) = frame.strip_prefix("43") else { continue };
            let (digits, arguments) = body.split_at(body.find('[').unwrap());
            let mut arguments: Vec<Value> = serde_json::from_str(arguments).unwrap();
            self.answers.insert(digits.parse().unwrap(), arguments.remove(0));
        }
    }

    /// Makes a room and gives its id.
    pub(crate) async fn create_room(&mut self, slug: &str) -> String {
        let room = self.call("rooms:create", json!({"name": slug, "slug": slug})).await;
        room["id"].as_str().unwrap_or_else(|| panic!("no room: {room}")).to_owned()
    }

    /// All that was said in the room: who, and what.
    pub(crate) async fn posts(&mut self, room: &str) -> Vec<(String, String)> {
        let query = json!({"room": room, "reverse": false, "take": 5_000, "expand": "owner"});
        let posts = self.call("messages:list", query).await;
        let post = |post: &Value| {
            let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (of(&post["owner"]["username"]), of(&post["text"]))
        };
        posts.as_array().expect("a list").iter().map(post).collect()
    }

    async fn frame(&mut self) -> String {
        loop {
            let frame = timeout(LIMIT, self.socket.next()).await.expect("the server answers");
            if let Message::Text(text) = frame.expect("the connection stays").unwrap() {
                return text.as_str().to_owned();
            }
        }
    }
}
