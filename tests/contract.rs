//! Replays what was recorded of two running servers against the double, and holds it to every answer.
//!
//! Compared is each recorded answer: of REST the status, the content type, the challenge, whether the
//! body was complete, and the body; of the websockets every frame. JSON must have the same keys and the
//! same values, but that ids and times are the double's own: the same recorded id must be the same id of
//! the double's wherever it comes up, and no other's; the same recorded time the same time.
//!
//! One freedom is left, because the recorded servers take it: between two things that the recorded
//! client does, the acks of one socket may come in another order than recorded (`434` came before `433`,
//! and in one recording `435` and `436` before `434`), and may come later or earlier than news of what
//! others did. News come in the recorded order, and the ack of a message before the message's news.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../src/demo/letschat/tests/raw.rs"]
mod raw;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use letsbridge::demo::letschat::{Flavour, LetsChat, NewRoom, Person, Setup};
use raw::{Request, Socket, ask};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test]
async fn it_answers_as_the_server_of_2016_did() {
    let recorded = include_str!("data/letschat/mongoose-4.6.jsonl");
    let compared = replay(recorded, Flavour::Mongoose46).await;
    assert_eq!((compared.answers, compared.frames), (30, 64));
}

#[tokio::test]
async fn it_answers_as_a_fresh_install_does() {
    let recorded = include_str!("data/letschat/mongoose-4.13.jsonl");
    let compared = replay(recorded, Flavour::Mongoose413).await;
    assert_eq!((compared.answers, compared.frames), (27, 60));
}

/// How long an answer of the double may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Rest(Recorded),
    WsOpen { sock: String, url: String },
    WsSend { sock: String, frame: String },
    WsRecv { sock: String, frame: String },
    WsClose { sock: String },
}

/// A request and its answer.
#[derive(Debug, Clone, Deserialize)]
struct Recorded {
    note: String,
    method: String,
    path: String,
    auth: Option<String>,
    request_body: Option<String>,
    status: u16,
    content_type: Option<String>,
    #[serde(default)]
    headers: HashMap<String, Value>,
    response_body: String,
    #[serde(default)]
    truncated: bool,
}

/// How much was compared, and what.
#[derive(Debug, Default)]
struct Compared {
    answers: usize,
    frames: usize,
    list: Vec<String>,
}

async fn replay(recorded: &str, flavour: Flavour) -> Compared {
    let lines: Vec<Line> =
        recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut replay = Replay::new(start(&lines, flavour).await, &lines);
    for (at, line) in lines.iter().enumerate() {
        replay.line = at + 1;
        replay.step(line).await;
    }
    replay.compare_heard().await;
    replay.nothing_more().await;
    println!("{}", replay.compared.list.join("\n"));
    replay.compared
}

/// A double with the accounts and the rooms that the recorded server had.
async fn start(lines: &[Line], flavour: Flavour) -> LetsChat {
    let answer = |note: &str| {
        lines.iter().find_map(|line| match line {
            Line::Rest(rest) if rest.note == note => serde_json::from_str(&rest.response_body).ok(),
            _ => None,
        })
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (people, rooms): (Vec<Value>, Vec<Value>) =
        (answer("users").unwrap(), answer("list rooms").unwrap());
    let people = people.iter().map(|person| Person {
        first_name: text(person, "firstName"),
        last_name: text(person, "lastName"),
        ..Person::new(&text(person, "username"), &text(person, "displayName"))
    });
    // The most lively room is listed first, and so was made last.
    let rooms = rooms.iter().rev().map(|room| NewRoom {
        name: text(room, "name"),
        description: room["description"].as_str().map(str::to_owned),
        private: room["private"] == true,
        ..NewRoom::new(&text(room, "slug"))
    });
    let setup =
        Setup { flavour, people: people.collect(), rooms: rooms.collect(), ..Setup::default() };
    LetsChat::start(setup).await.unwrap()
}

/// One of the recorded sockets, played again.
struct Replayed {
    socket: Socket,
    /// What it has heard and was not compared yet.
    heard: Vec<String>,
    /// What it is to hear, with the recording's line.
    expected: Vec<(usize, String)>,
    /// The acks it has asked for and that the recording has.
    asked: Vec<String>,
}

struct Replay<'a> {
    chat: LetsChat,
    lines: &'a [Line],
    line: usize,
    sockets: BTreeMap<String, Replayed>,
    same: Same,
    compared: Compared,
}

impl<'a> Replay<'a> {
    fn new(chat: LetsChat, lines: &'a [Line]) -> Self {
        Self {
            chat,
            lines,
            line: 0,
            sockets: BTreeMap::new(),
            same: Same::default(),
            compared: Compared::default(),
        }
    }

    async fn step(&mut self, line: &Line) {
        match line {
            Line::Rest(recorded) => {
                self.wait_for_acks("").await;
                self.request(recorded).await;
                self.compare_heard().await;
            }
            Line::WsOpen { sock, url } => {
                self.compare_heard().await;
                let socket = Socket::open(self.chat.address(), &self.with_tokens(url)).await;
                let replayed = Replayed { socket, heard: vec![], expected: vec![], asked: vec![] };
                self.sockets.insert(sock.clone(), replayed);
            }
            Line::WsSend { sock, frame } => {
                if self.sockets.values().any(|socket| !socket.expected.is_empty()) {
                    self.compare_heard().await;
                }
                self.wait_for_acks(sock).await;
                self.send(sock, frame).await;
            }
            Line::WsRecv { sock, frame } => {
                let line = self.line;
                self.sockets.get_mut(sock).unwrap().expected.push((line, frame.clone()));
            }
            Line::WsClose { sock } => {
                self.compare_heard().await;
                self.sockets.remove(sock).unwrap().socket.close().await;
            }
        }
    }

    async fn send(&mut self, sock: &str, frame: &str) {
        next_millisecond().await;
        let later = &self.lines[self.line..];
        let frame = if frame.starts_with('<') {
            self.long_message(sock, later)
        } else {
            self.same.of(frame)
        };
        let ack = frame.strip_prefix("42").map(|rest| digits(rest).to_owned()).unwrap_or_default();
        let ack = format!("43{ack}[");
        let answered = later.iter().any(|line| {
            matches!(line, Line::WsRecv { sock: other, frame } if other == sock && frame.starts_with(&ack))
        });
        let socket = self.sockets.get_mut(sock).unwrap();
        if answered && ack != "43[" {
            socket.asked.push(ack);
        }
        socket.socket.say(frame).await;
    }

    /// The recording says only how long this message was; which ack it asked for, the answer says.
    fn long_message(&self, sock: &str, later: &[Line]) -> String {
        let answer = later.iter().find_map(|line| match line {
            Line::WsRecv { sock: other, frame } if other == sock && frame.starts_with("43") => {
                Some(frame)
            }
            _ => None,
        });
        let ack = digits(&answer.unwrap()[2..]);
        let rooms = self.chat.room_id(&self.slug());
        let call = json!(["messages:create", {"room": rooms, "text": "y".repeat(200_000)}]);
        format!("42{ack}{call}")
    }

    /// The slug of the room that the recording made.
    fn slug(&self) -> String {
        let made = self.lines.iter().find_map(|line| match line {
            Line::Rest(rest) if rest.note == "create room" => Some(&rest.response_body),
            _ => None,
        });
        let made: Value = serde_json::from_str(made.unwrap()).unwrap();
        made["slug"].as_str().unwrap().to_owned()
    }

    /// Everything that the others were asked has been answered: what follows cannot overtake it.
    async fn wait_for_acks(&mut self, but_of: &str) {
        for (_, socket) in self.sockets.iter_mut().filter(|(name, _)| name.as_str() != but_of) {
            for ack in std::mem::take(&mut socket.asked) {
                while !socket.heard.iter().any(|frame| frame.starts_with(&ack)) {
                    socket.heard.push(socket.socket.hear().await);
                }
            }
        }
    }

    /// Each socket has heard what it was to hear, and has heard it now.
    async fn compare_heard(&mut self) {
        for (name, socket) in &mut self.sockets {
            socket.asked.clear();
            let expected = std::mem::take(&mut socket.expected);
            while socket.heard.len() < expected.len() {
                match timeout(PATIENCE, socket.socket.try_hear()).await {
                    Ok(Some(frame)) => socket.heard.push(frame),
                    _ => panic!(
                        "{name} hears {:?}, and nothing more, for {expected:?}",
                        socket.heard
                    ),
                }
            }
            let rest = socket.heard.split_off(expected.len());
            let heard = std::mem::replace(&mut socket.heard, rest);
            acks_come_first(&heard);
            let (acks, others): (Vec<_>, Vec<_>) = heard.iter().partition(|frame| is_ack(frame));
            let mut others = others.into_iter();
            for (line, frame) in &expected {
                let place = format!("line {line}, to {name}");
                let found = if is_ack(frame) {
                    let start = &frame[..=frame.find('[').unwrap()];
                    acks.iter().copied().find(|ack| ack.starts_with(start))
                } else {
                    others.next()
                };
                let found =
                    found.unwrap_or_else(|| panic!("{place}: {frame} is missing in {heard:?}"));
                self.same.frames(&place, frame, found);
                self.compared.frames += 1;
                self.compared.list.push(format!("{place}: {}", brief(frame)));
            }
        }
    }

    /// Nobody hears anything that was not recorded.
    async fn nothing_more(&mut self) {
        for (name, socket) in &mut self.sockets {
            assert_eq!(socket.heard, [""; 0], "{name} heard more than was recorded");
            socket.socket.say("2").await;
            assert_eq!(socket.socket.hear().await, "3", "{name} heard more than was recorded");
        }
    }

    async fn request(&mut self, recorded: &Recorded) {
        next_millisecond().await;
        let path = self.same.of(&recorded.path);
        let body = match recorded.request_body.as_deref() {
            _ if recorded.note.starts_with("upload") => Some(upload(recorded)),
            Some("<120000 x>") => {
                Some(("application/json", json!({"text": "x".repeat(120_000)}).to_string().into()))
            }
            Some(body) if body.starts_with('{') => Some(("application/json", body.into())),
            Some(body) => Some(("application/x-www-form-urlencoded", body.into())),
            None => None,
        };
        let auth = recorded.auth.as_deref().map(|who| match who {
            "other" => "Bearer foo".to_owned(),
            who => format!("Bearer {}", self.chat.token(who)),
        });
        let request = Request { method: &recorded.method, path: &path, auth, body };
        let answer = ask(self.chat.address(), &request).await.unwrap();
        let place = format!("line {}, {}", self.line, recorded.note);
        assert_eq!(answer.status, recorded.status, "{place}");
        if let Some(kind) = &recorded.content_type {
            assert_eq!(answer.header("content-type"), Some(kind.as_str()), "{place}");
        }
        for name in ["www-authenticate", "transfer-encoding"] {
            if let Some(value) = recorded.headers.get(name) {
                assert_eq!(answer.header(name), value.as_str(), "{place}: {name}");
            }
        }
        assert_eq!(answer.complete, !recorded.truncated, "{place}: the end of the body");
        let is_json =
            answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        match serde_json::from_str::<Value>(&recorded.response_body) {
            Ok(expected) if is_json => self.same.json(&place, &expected, &answer.json()),
            _ => self.same.text(&place, &recorded.response_body, &answer.text()),
        }
        self.compared.answers += 1;
        self.compared.list.push(format!(
            "{place}: {} {}",
            answer.status,
            brief(&recorded.response_body)
        ));
    }

    /// A recorded address with the double's tokens.
    fn with_tokens(&self, url: &str) -> String {
        let Some((start, token)) = url.split_once("token=") else { return url.to_owned() };
        let token = match token {
            "<BRIDGE_TOKEN>" => self.chat.token("bridge"),
            "<ALICE_TOKEN>" => self.chat.token("alice"),
            // A token of the recorded account with a wrong secret, or nonsense.
            other => {
                let decoded = String::from_utf8(STANDARD.decode(other).unwrap()).unwrap();
                STANDARD.encode(self.same.of(&decoded))
            }
        };
        format!("{start}token={}", form_encoded(&token))
    }
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The file that was uploaded, as far as the recording tells it.
fn upload(recorded: &Recorded) -> (&'static str, Vec<u8>) {
    let file: Value = serde_json::from_str(&recorded.response_body).unwrap();
    let (name, kind) = (file["name"].as_str().unwrap(), file["type"].as_str().unwrap());
    let head = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"post\"\r\n\r\ntrue\r\n--xx\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    let body = [head.as_bytes(), b"\x89PNG\r\n\x1a\n", b"\r\n--xx--\r\n"].concat();
    ("multipart/form-data; boundary=xx", body)
}

/// Waits until the clock shows another time, so that no two things happen at the same.
async fn next_millisecond() {
    let now = Timestamp::now().as_millisecond();
    while Timestamp::now().as_millisecond() == now {
        tokio::task::yield_now().await;
    }
}

fn is_ack(frame: &str) -> bool {
    frame.starts_with("43")
}

fn digits(text: &str) -> &str {
    &text[..text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len())]
}

fn brief(text: &str) -> String {
    let text: String = text.chars().take(60).collect();
    text.replace('\n', " ")
}

/// The ack of a message comes before the news of it.
fn acks_come_first(heard: &[String]) {
    let id = |frame: &str| {
        tokens(frame)
            .into_iter()
            .find_map(|token| if let Token::Id(id) = token { Some(id.to_owned()) } else { None })
    };
    for (at, news) in
        heard.iter().enumerate().filter(|(_, frame)| frame.starts_with("42[\"messages:new\""))
    {
        let late = heard[at..]
            .iter()
            .find(|frame| is_ack(frame) && frame.contains("\"text\":\"") && id(frame) == id(news));
        assert_eq!(late, None, "the ack comes after {news}");
    }
}

/// Which of the double's ids and times are which of the recording's.
#[derive(Default)]
struct Same {
    ids: HashMap<String, String>,
    owners: HashMap<String, String>,
    times: HashMap<String, String>,
}

impl Same {
    /// A recorded text with the double's ids and times for the recorded ones.
    fn of(&self, text: &str) -> String {
        let times = self.times.iter().flat_map(|(theirs, ours)| {
            [(theirs.clone(), ours.clone()), (form_encoded(theirs), form_encoded(ours))]
        });
        self.ids
            .iter()
            .map(|(theirs, ours)| (theirs.clone(), ours.clone()))
            .chain(times)
            .fold(text.to_owned(), |text, (theirs, ours)| text.replace(&theirs, &ours))
    }

    fn frames(&mut self, place: &str, expected: &str, found: &str) {
        let json = |frame: &str| {
            frame.find(['[', '{', '"']).and_then(|at| serde_json::from_str(&frame[at..]).ok())
        };
        match (json(expected), json(found)) {
            (Some(mut expected_json), Some(mut found_json)) if !expected.ends_with("<cut>") => {
                let head = |frame: &str| digits(frame).to_owned();
                assert_eq!(head(found), head(expected), "{place}");
                session_ids_are_alike(place, &mut expected_json, &mut found_json);
                self.json(place, &expected_json, &found_json);
            }
            _ => self.text(place, expected, found),
        }
    }

    fn json(&mut self, place: &str, expected: &Value, found: &Value) {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                let keys = |object: &serde_json::Map<String, Value>| {
                    object.keys().cloned().collect::<Vec<_>>()
                };
                assert_eq!(keys(found), keys(expected), "{place}: the keys");
                for (key, value) in expected {
                    self.json(&format!("{place}.{key}"), value, &found[key]);
                }
            }
            (Value::Array(expected), Value::Array(found)) => {
                assert_eq!(found.len(), expected.len(), "{place}: how many in {found:?}");
                for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.json(&format!("{place}[{at}]"), expected, found);
                }
            }
            (Value::String(expected), Value::String(found)) => self.text(place, expected, found),
            _ => assert_eq!(found, expected, "{place}"),
        }
    }

    /// The same text, or of a recorded text that was cut the same beginning.
    fn text(&mut self, place: &str, expected: &str, found: &str) {
        let cut = ["<cut>", "<stack cut>"].iter().find_map(|mark| expected.strip_suffix(mark));
        let binary = place.contains("download") && expected.starts_with('\u{fffd}');
        let expected = cut.unwrap_or(expected);
        let found = if cut.is_some() || binary {
            found.get(..expected.len()).unwrap_or(found)
        } else {
            found
        };
        let (theirs, ours) = (tokens(expected), tokens(found));
        assert_eq!(ours.len(), theirs.len(), "{place}: {found:?} for {expected:?}");
        for pair in theirs.into_iter().zip(ours) {
            match pair {
                (Token::Id(theirs), Token::Id(ours)) => {
                    let known =
                        self.ids.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
                    assert_eq!(known, ours, "{place}: it was another id before");
                    let owner =
                        self.owners.entry(ours.to_owned()).or_insert_with(|| theirs.to_owned());
                    assert_eq!(owner, theirs, "{place}: two ids are one");
                }
                (Token::Time(theirs), Token::Time(ours)) => {
                    let known =
                        self.times.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
                    assert_eq!(known, ours, "{place}: it was another time before");
                }
                (theirs, ours) => assert_eq!(ours, theirs, "{place}"),
            }
        }
    }
}

/// A session's id is 20 characters of its alphabet.
#[track_caller]
fn session_ids_are_alike(place: &str, expected: &mut Value, found: &mut Value) {
    if let (Some(expected), Some(found)) = (expected.get_mut("sid"), found.get_mut("sid")) {
        let sid = found.as_str().unwrap().to_owned();
        assert_eq!(sid.len(), expected.as_str().unwrap().len(), "{place}: the session's id");
        assert!(
            sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{place}: {sid}"
        );
        *expected = found.clone();
    }
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Text(&'a str),
    Id(&'a str),
    Time(&'a str),
}

/// Takes a text apart at the ids and the times in it, both of which are 24 bytes long.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let token = text.get(at..at + 24).and_then(|part| {
            let is_id =
                part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            let is_time = part.as_bytes()[10] == b'T'
                && part.ends_with('Z')
                && part.parse::<Timestamp>().is_ok();
            // An avatar is longer.
            let longer = text[at + 24..].starts_with(|char: char| char.is_ascii_hexdigit());
            if is_id && !longer {
                Some(Token::Id(part))
            } else {
                is_time.then_some(Token::Time(part))
            }
        });
        match token {
            Some(token) if start == at || !text.as_bytes()[at - 1].is_ascii_hexdigit() => {
                tokens.extend((start < at).then(|| Token::Text(&text[start..at])));
                tokens.push(token);
                at += 24;
                start = at;
            }
            _ => at += 1,
        }
    }
    tokens.extend((start < at).then(|| Token::Text(&text[start..at])));
    tokens
}

#[test]
fn ids_and_times_are_found_in_a_text() {
    let text =
        "a 6b035f6d8d054a41e16a0570/2026-11-22T21:32:30.061Z e58fbfffe2364edf3461dbc5fae3a739";
    assert_eq!(
        tokens(text),
        [
            Token::Text("a "),
            Token::Id("6b035f6d8d054a41e16a0570"),
            Token::Text("/"),
            Token::Time("2026-11-22T21:32:30.061Z"),
            Token::Text(" e58fbfffe2364edf3461dbc5fae3a739"),
        ]
    );
}

#[test]
#[should_panic(expected = "the keys")]
fn another_key_is_noticed() {
    Same::default().json("here", &json!({"a": 1}), &json!({"a": 1, "b": 2}));
}

#[test]
#[should_panic(expected = "another id before")]
fn another_id_is_noticed() {
    let (a, b) = ("a".repeat(24), "b".repeat(24));
    Same::default().json("here", &json!([a, a]), &json!([a, b]));
}
