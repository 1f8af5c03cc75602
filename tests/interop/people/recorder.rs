//! Asks a Let's Chat, and keeps its answers in a form in which those of two servers can be compared.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::raw::{Request, Response, Socket, fetch};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum As<'a> {
    Nobody,
    Session(&'a str),
    Token(&'a str),
}

/// One run of the script against one server.
pub(super) struct Recorder {
    address: SocketAddr,
    /// What the names begin with that this run gives.
    pub(super) name: String,
    /// What was answered so far.
    pub(super) answers: Vec<Value>,
    /// The ids so far, in the order in which they came up.
    ids: Vec<String>,
}

impl Recorder {
    pub(super) fn new(address: SocketAddr) -> Self {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self { address, name: format!("p{begun}"), answers: Vec::new(), ids: Vec::new() }
    }

    /// Sends a form.
    pub(super) async fn post(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        who: As<'_>,
    ) -> Response {
        let form = form.iter().map(|(key, value)| (key, value.replace("NAME", &self.name)));
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(form).finish();
        self.ask("POST", path, Some(("application/x-www-form-urlencoded", body)), who).await
    }

    /// Sends JSON.
    pub(super) async fn post_json(&mut self, path: &str, body: &Value, who: As<'_>) -> Response {
        let body = body.to_string().replace("NAME", &self.name);
        self.ask("POST", path, Some(("application/json", body)), who).await
    }

    pub(super) async fn get(&mut self, path: &str, who: As<'_>) -> Response {
        self.ask("GET", path, None, who).await
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
        who: As<'_>,
    ) -> Response {
        let path = path.replace("NAME", &self.name);
        let (cookie, auth) = match who {
            As::Nobody => (None, None),
            As::Session(cookie) => (Some(cookie), None),
            As::Token(token) => (None, Some(format!("Bearer {token}"))),
        };
        let what = format!("{method} {path} {}", body.as_ref().map_or("", |(_, body)| body));
        let body = body.map(|(kind, body)| (kind, body.into_bytes()));
        let request = Request { method, path: &path, auth, cookie, body };
        let answer = fetch(self.address, &request).await.expect("an answer");
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        let body = match kind.split(';').next() {
            Some("application/json") => self.of_this_run(answer.json()),
            Some("text/html") => Value::from("a page"),
            _ => Value::from(answer.text()),
        };
        let recorded = json!({
            "what": what, "status": answer.status, "kind": kind, "body": body,
            "gives a cookie": answer.cookie().is_some(), "location": answer.header("location"),
        });
        self.keep(recorded);
        answer
    }

    /// Opens a websocket, and hears whether it is let in.
    pub(super) async fn open(&mut self, what: &str, who: As<'_>) -> Socket {
        let path = "/socket.io/?EIO=3&transport=websocket";
        let mut socket = match who {
            As::Nobody => Socket::open(self.address, path).await,
            As::Session(cookie) => Socket::open_with(self.address, path, Some(cookie)).await,
            As::Token(token) => {
                let token: String =
                    url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
                Socket::open(self.address, &format!("{path}&token={token}")).await
            }
        };
        assert!(socket.receive().await.starts_with("0{"));
        let admission = socket.receive().await;
        self.keep(json!({"what": what, "admission": admission}));
        socket
    }

    /// Calls by websocket.
    pub(super) async fn call(&mut self, socket: &mut Socket, event: &str, data: &Value) -> Value {
        let data = data.to_string().replace("NAME", &self.name);
        socket.send(format!("420[\"{event}\",{data}]")).await;
        let ack: Value = loop {
            if let Some(ack) = socket.receive().await.strip_prefix("430") {
                break serde_json::from_str(ack).expect("a list");
            }
        };
        self.keep(json!({"what": format!("{event} {data}"), "ack": ack}));
        ack[0].clone()
    }

    /// The next event of this name that is about this run.
    pub(super) async fn hear(&mut self, what: &str, socket: &mut Socket, event: &str) {
        let start = format!("42[\"{event}\",");
        let is_ours = |frame: &str| {
            frame.contains(&self.name) || self.ids.iter().any(|id| frame.contains(id))
        };
        let heard: Value = loop {
            let frame = socket.receive().await;
            let told = frame.strip_prefix(&start).filter(|_| is_ours(&frame));
            if let Some(told) = told.and_then(|told| told.strip_suffix(']')) {
                break serde_json::from_str(told).expect("JSON");
            }
        };
        self.keep(json!({"what": what, "event": heard}));
    }

    /// A list of rooms without those that others have made.
    fn of_this_run(&self, mut answer: Value) -> Value {
        if let Some(rows) = answer.as_array_mut() {
            let is_ours = |slug: &str| slug.starts_with(&self.name);
            rows.retain(|row| row["slug"].as_str().is_none_or(is_ours));
        }
        answer
    }

    fn keep(&mut self, answer: Value) {
        let answer = self.comparable(answer);
        self.answers.push(answer);
    }

    /// Names, ids, times and secrets are each server's own.
    fn comparable(&mut self, value: Value) -> Value {
        match value {
            Value::Object(object) => {
                let object: Map<String, Value> = object
                    .into_iter()
                    .map(|(key, value)| match key.as_str() {
                        "token" => (key, Value::from("a token")),
                        "avatar" => (key, Value::from("an avatar")),
                        "posted" | "created" | "lastActive" => (key, Value::from("a time")),
                        _ => (key, self.comparable(value)),
                    })
                    .collect();
                Value::Object(object)
            }
            Value::Array(list) => list.into_iter().map(|value| self.comparable(value)).collect(),
            Value::String(text) => Value::from(self.comparable_text(&text)),
            other => other,
        }
    }

    fn comparable_text(&mut self, text: &str) -> String {
        let is_id = |word: &&str| word.len() == 24 && word.bytes().all(|it| it.is_ascii_hexdigit());
        let ids: Vec<&str> =
            text.split(|char: char| !char.is_ascii_alphanumeric()).filter(is_id).collect();
        let mut shown = text.replace(&self.name, "NAME");
        for id in ids {
            if !self.ids.iter().any(|known| known == id) {
                self.ids.push(id.to_owned());
            }
        }
        for (at, id) in self.ids.iter().enumerate() {
            shown = shown.replace(id, &format!("id{at}"));
        }
        shown
    }
}
