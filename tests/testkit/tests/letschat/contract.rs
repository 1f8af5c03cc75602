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

mod recording;
mod same;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::raw::{Request, Socket, fetch};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use letsbridge_testkit::letschat::{LetsChat, MongooseVersion, NewRoom, NewUser, Setup};
use recording::{Line, Recorded};
use same::{Same, Token, digits, form_encoded, tokens};
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test]
async fn it_answers_as_the_server_of_2016_did() {
    let recorded = include_str!("../../../data/letschat/mongoose-4.6.jsonl");
    let compared = replay(recorded, MongooseVersion::V4_6).await;
    assert_eq!((compared.answers, compared.frames), (30, 64));
}

#[tokio::test]
async fn it_answers_as_a_fresh_install_does() {
    let recorded = include_str!("../../../data/letschat/mongoose-4.13.jsonl");
    let compared = replay(recorded, MongooseVersion::V4_13).await;
    assert_eq!((compared.answers, compared.frames), (27, 60));
}

/// How long an answer of the double may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much was compared, and what.
#[derive(Debug, Default)]
struct Compared {
    answers: usize,
    frames: usize,
    list: Vec<String>,
}

async fn replay(recorded: &str, flavour: MongooseVersion) -> Compared {
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
async fn start(lines: &[Line], flavour: MongooseVersion) -> LetsChat {
    let answer = |note: &str| {
        lines.iter().find_map(|line| match line {
            Line::Rest(rest) if rest.note == note => serde_json::from_str(&rest.response_body).ok(),
            _ => None,
        })
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (people, rooms): (Vec<Value>, Vec<Value>) =
        (answer("users").unwrap(), answer("list rooms").unwrap());
    let people = people.iter().map(|person| NewUser {
        first_name: text(person, "firstName"),
        last_name: text(person, "lastName"),
        ..NewUser::new(&text(person, "username"), &text(person, "displayName"))
    });
    // The most lively room is listed first, and so was made last.
    let rooms = rooms.iter().rev().map(|room| NewRoom {
        name: text(room, "name"),
        description: room["description"].as_str().map(str::to_owned),
        private: room["private"] == true,
        ..NewRoom::new(&text(room, "slug"))
    });
    let setup = Setup {
        mongoose: flavour,
        users: people.collect(),
        rooms: rooms.collect(),
        ..Setup::default()
    };
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
        socket.socket.send(frame).await;
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
                    socket.heard.push(socket.socket.receive().await);
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
                match timeout(PATIENCE, socket.socket.try_receive()).await {
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
            socket.socket.send("2").await;
            assert_eq!(socket.socket.receive().await, "3", "{name} heard more than was recorded");
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
        let request =
            Request { method: &recorded.method, path: &path, auth, body, ..Request::default() };
        let answer = fetch(self.chat.address(), &request).await.unwrap();
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
