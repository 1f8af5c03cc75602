//! One websocket: its token or its session is checked, its packets are answered, until one of the two sides ends it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::engineio::{self, Packet};
use super::faults::Fault;
use super::handlers::{self, Call, Outcome};
use super::id::Id;
use super::outbox::{Outbox, Outgoing};
use super::shared::Shared;
use super::state::ServerState;
use super::state::login::Visitor;
use super::state::post::HeldPost;
use super::state::session::SocketId;
use super::state::token::TokenCheck;

/// How long a close frame may take to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How a client says who it is.
pub(super) enum Credentials {
    Token(String),
    /// The cookies of a browser; empty if there are none.
    Cookies(String),
}

/// Whether a client is let in.
enum Admission {
    Token(TokenCheck),
    Session(Visitor),
}

/// How a connection ends.
enum ConnectionEnd {
    /// With a close frame.
    CloseFrame,
    /// Without a word.
    Cut,
}

/// Serves a websocket to its end.
pub(super) async fn serve(shared: Arc<Shared>, socket: WebSocket, who: Credentials) {
    shared.sockets.send_modify(|count| *count += 1);
    shared.opened.fetch_add(1, Ordering::Relaxed);
    let (sink, stream) = socket.split();
    let (outbox, queue) = Outbox::new();
    let writer = tokio::spawn(write(sink, queue, shared.clone()));
    let mut conversation = Connection { shared, outbox, socket_id: None, writer };
    if let ConnectionEnd::CloseFrame = conversation.run(stream, who).await {
        conversation.outbox.put(Outgoing::CloseFrame);
        let _ = timeout_at(Instant::now() + CLOSE_TIMEOUT, &mut conversation.writer).await;
    }
}

/// Writes what is to be sent; what has gathered, together.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    shared: Arc<Shared>,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 256).await > 0 {
        shared.faults.until_may_send().await;
        for said in batch.drain(..) {
            let written = match said {
                Outgoing::Frame(frame) => sink.feed(Message::Text(frame)).await,
                Outgoing::CloseFrame => {
                    let close = CloseFrame { code: 1000, reason: "".into() };
                    // It is the end either way.
                    let _ = sink.send(Message::Close(Some(close))).await;
                    return;
                }
                Outgoing::Cut => return,
            };
            if written.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

/// One connection, as its reader sees it.
struct Connection {
    shared: Arc<Shared>,
    outbox: Outbox,
    /// Its number, once it was let in.
    socket_id: Option<SocketId>,
    writer: JoinHandle<()>,
}

impl Drop for Connection {
    /// However it ends: it leaves its rooms, and nothing more is written.
    fn drop(&mut self) {
        self.leave();
        self.writer.abort();
        self.shared.sockets.send_modify(|count| *count -= 1);
    }
}

impl Connection {
    async fn run(
        &mut self,
        mut stream: impl StreamExt<Item = Result<Message, axum::Error>> + Unpin,
        who: Credentials,
    ) -> ConnectionEnd {
        let shared = self.shared.clone();
        let timeout = shared.ping_interval + shared.ping_timeout;
        self.outbox.send(engineio::open(&sid(), shared.ping_interval, shared.ping_timeout));
        let mut check = std::pin::pin!(admission(&shared, who));
        let mut checked = false;
        let life = shared.life();
        let mut deadline = Instant::now() + timeout;
        loop {
            let heard = tokio::select! {
                biased;
                verdict = &mut check, if !checked => {
                    checked = true;
                    self.on_checked(verdict);
                    continue;
                }
                () = self.outbox.closed() => return ConnectionEnd::Cut,
                heard = timeout_at(deadline, stream.next()) => heard,
            };
            shared.faults.until_resumed().await;
            // What was read and not done when the process ended is lost with it.
            if life.has_changed().unwrap_or(true) {
                return ConnectionEnd::Cut;
            }
            let frame = match heard {
                // No sign of life for too long.
                Err(_) => return ConnectionEnd::CloseFrame,
                Ok(Some(Ok(frame))) => frame,
                Ok(_) => return ConnectionEnd::Cut,
            };
            deadline = Instant::now() + timeout;
            let outcome = match frame {
                Message::Text(text) => self.on_packet(Packet::parse(&text)),
                Message::Close(_) => Err(ConnectionEnd::CloseFrame),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    /// Accepts the client, or rejects it in the server's odd ways and keeps the connection.
    fn on_checked(&mut self, verdict: Admission) {
        match verdict {
            Admission::Token(TokenCheck::Valid(who)) => self.let_in(who, true),
            Admission::Session(Visitor::SignedIn(who)) => self.let_in(who, false),
            // The server goes on after it has rejected the token, and fails once more.
            Admission::Token(TokenCheck::Malformed) => {
                ["44", "44"].into_iter().for_each(|frame| self.outbox.send(frame));
            }
            Admission::Token(TokenCheck::Wrong | TokenCheck::Broken) => self.outbox.send("44"),
            Admission::Session(Visitor::Stranger) => {
                self.outbox.send(r#"44"No session found""#);
            }
            Admission::Session(Visitor::Anonymous) => {
                self.outbox.send(r#"44"Passport was not initialized""#);
            }
        }
    }

    fn let_in(&mut self, who: Id, uses_token: bool) {
        // First the frame, then the session: nothing may be broadcast to it before.
        self.outbox.send("40");
        let outbox = self.outbox.clone();
        self.socket_id = Some(self.shared.state().add_session(who, outbox, uses_token));
    }

    fn on_packet(&mut self, packet: Packet) -> Result<(), ConnectionEnd> {
        match packet {
            Packet::Ping => self.outbox.send("3"),
            Packet::Close | Packet::Invalid => return Err(ConnectionEnd::CloseFrame),
            Packet::Leave => self.leave(),
            Packet::Event { ack, name, data } => return self.on_event(ack, &name, data),
            Packet::Other => {}
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        ack: Option<u64>,
        name: &str,
        data: serde_json::Value,
    ) -> Result<(), ConnectionEnd> {
        // Events without a session are ignored.
        let Some(socket_id) = self.socket_id else { return Ok(()) };
        let shared = self.shared.clone();
        let mut state = shared.state();
        let Some(session) = state.sessions.get(&socket_id) else { return Ok(()) };
        let call = Call {
            account_id: session.account_id.clone(),
            socket: Some(socket_id),
            data,
            file: None,
        };
        let fault = if name == "messages:create" { fault(&shared, &state, &call) } else { None };
        if fault == Some(Fault::DropBefore) {
            return Err(ConnectionEnd::Cut);
        }
        if fault == Some(Fault::Overtaken)
            && let Ok(draft) = handlers::message_draft(&mut state, &call)
        {
            let held = HeldPost { post: draft.post, ack: ack.map(|ack| (socket_id, ack)) };
            if let Some(room) = state.rooms.get_mut(&draft.room) {
                room.held_posts.push_back(held);
            }
            return Ok(());
        }
        let (reply, broadcasts) = match handlers::handle(&mut state, name, &call) {
            Outcome::Unknown => return Ok(()),
            Outcome::Throws | Outcome::Crash => {
                drop(state);
                shared.cut_all();
                return Err(ConnectionEnd::Cut);
            }
            Outcome::Answer(reply, broadcasts) => (reply, broadcasts),
        };
        if let Some(number) = ack {
            self.acknowledge(engineio::ack(number, &reply.as_ack()), fault);
        }
        match fault {
            Some(Fault::LoseBroadcast) => {}
            Some(Fault::DropAfter) => {
                state.mute(socket_id);
                state.broadcast(broadcasts);
                return Err(ConnectionEnd::Cut);
            }
            _ => state.broadcast(broadcasts),
        }
        Ok(())
    }

    fn acknowledge(&self, frame: String, fault: Option<Fault>) {
        let late = match fault {
            Some(Fault::DropAfter | Fault::SwallowAck) => return,
            Some(Fault::LateAck(late)) => late,
            Some(Fault::HoldAck) => {
                let (outbox, mut released) = (self.outbox.clone(), self.shared.faults.releases());
                tokio::spawn(async move {
                    // Without a sender there is no server.
                    if released.changed().await.is_ok() {
                        outbox.send(frame);
                    }
                });
                return;
            }
            _ => self.shared.faults.ack_delay(),
        };
        if late.is_zero() {
            return self.outbox.send(frame);
        }
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            sleep(late).await;
            outbox.send(frame);
        });
    }

    fn leave(&mut self) {
        if let Some(socket_id) = self.socket_id.take() {
            self.shared.state().remove_session(socket_id);
        }
    }
}

/// What is to go wrong with this message.
fn fault(shared: &Shared, state: &ServerState, call: &Call) -> Option<Fault> {
    let room = call
        .data
        .get("room")
        .and_then(serde_json::Value::as_str)
        .and_then(|id| state.rooms.get(id));
    shared.faults.fault_for(room.map(|room| room.slug.as_str()))
}

/// Checks the token, which takes its time, or looks up the session.
async fn admission(shared: &Shared, who: Credentials) -> Admission {
    match who {
        Credentials::Token(token) => {
            shared.wait_for_token_check().await;
            Admission::Token(shared.state().check_token(&token))
        }
        Credentials::Cookies(cookies) => {
            Admission::Session(shared.state().logins.visitor(&cookies))
        }
    }
}

/// A session id, as Engine.IO makes them: 20 characters of base64's second alphabet.
fn sid() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..20).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())])).collect()
}
