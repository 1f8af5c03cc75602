//! One websocket: it is opened, checked, heard and answered, until one of the two ends it.

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
use super::outbox::{Outbox, Said};
use super::shared::Shared;
use super::state::World;
use super::state::post::Held;
use super::state::session::Seat;
use super::state::token::Verdict;

/// How long a farewell may take to be written.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a connection ends.
enum End {
    /// With a close frame.
    Farewell,
    /// Without a word.
    Cut,
}

/// Serves a websocket to its end.
pub(super) async fn serve(shared: Arc<Shared>, socket: WebSocket, token: Option<String>) {
    shared.sockets.send_modify(|count| *count += 1);
    shared.opened.fetch_add(1, Ordering::Relaxed);
    let (sink, stream) = socket.split();
    let (outbox, queue) = Outbox::new();
    let writer = tokio::spawn(write(sink, queue, shared.clone()));
    let mut conversation = Conversation { shared, outbox, seat: None, writer };
    if let End::Farewell = conversation.hold(stream, token).await {
        conversation.outbox.put(Said::Farewell);
        let _ = timeout_at(Instant::now() + FAREWELL, &mut conversation.writer).await;
    }
}

/// Writes what is to be said, together what has gathered.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::UnboundedReceiver<Said>,
    shared: Arc<Shared>,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 256).await > 0 {
        shared.mischief.may_speak().await;
        for said in batch.drain(..) {
            let written = match said {
                Said::Frame(frame) => sink.feed(Message::Text(frame)).await,
                Said::Farewell => {
                    let close = CloseFrame { code: 1000, reason: "".into() };
                    // It is the end either way.
                    let _ = sink.send(Message::Close(Some(close))).await;
                    return;
                }
                Said::Cut => return,
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
struct Conversation {
    shared: Arc<Shared>,
    outbox: Outbox,
    /// Where it sits, once it was let in.
    seat: Option<Seat>,
    writer: JoinHandle<()>,
}

impl Drop for Conversation {
    /// However it ends: it leaves its rooms, and nothing more is written.
    fn drop(&mut self) {
        self.rise();
        self.writer.abort();
        self.shared.sockets.send_modify(|count| *count -= 1);
    }
}

impl Conversation {
    async fn hold(
        &mut self,
        mut stream: impl StreamExt<Item = Result<Message, axum::Error>> + Unpin,
        token: Option<String>,
    ) -> End {
        let shared = self.shared.clone();
        let patience = shared.ping_interval + shared.ping_timeout;
        self.outbox.say(engineio::open(&sid(), shared.ping_interval, shared.ping_timeout));
        let mut check = std::pin::pin!(admission(&shared, token));
        let mut checked = false;
        let life = shared.life();
        let mut deadline = Instant::now() + patience;
        loop {
            let heard = tokio::select! {
                biased;
                verdict = &mut check, if !checked => {
                    checked = true;
                    self.decide(verdict);
                    continue;
                }
                () = self.outbox.cut() => return End::Cut,
                heard = timeout_at(deadline, stream.next()) => heard,
            };
            shared.mischief.awake().await;
            // What was read and not done when the process ended is lost with it.
            if life.has_changed().unwrap_or(true) {
                return End::Cut;
            }
            let frame = match heard {
                // No sign of life for too long.
                Err(_) => return End::Farewell,
                Ok(Some(Ok(frame))) => frame,
                Ok(_) => return End::Cut,
            };
            deadline = Instant::now() + patience;
            let outcome = match frame {
                Message::Text(text) => self.hear(Packet::parse(&text)),
                Message::Close(_) => Err(End::Farewell),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    /// Lets the client in, or says no in the server's odd ways and lets it wait.
    fn decide(&mut self, verdict: Option<Verdict>) {
        match verdict {
            Some(Verdict::Good(who)) => {
                // First the word, then the seat: nothing may be told before it.
                self.outbox.say("40");
                self.seat = Some(self.shared.world().sit(who, self.outbox.clone()));
            }
            // The server goes on after it has said no, and fails once more.
            Some(Verdict::Malformed) => {
                ["44", "44"].into_iter().for_each(|frame| self.outbox.say(frame));
            }
            Some(Verdict::Wrong | Verdict::Broken) => self.outbox.say("44"),
            None => self.outbox.say(r#"44"No session found""#),
        }
    }

    fn hear(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Ping => self.outbox.say("3"),
            Packet::Close | Packet::Nonsense => return Err(End::Farewell),
            Packet::Leave => self.rise(),
            Packet::Event { ack, name, data } => return self.event(ack, &name, data),
            Packet::Other => {}
        }
        Ok(())
    }

    fn event(&mut self, ack: Option<u64>, name: &str, data: serde_json::Value) -> Result<(), End> {
        // Whoever has not been let in, or has left, is not heard.
        let Some(seat) = self.seat else { return Ok(()) };
        let shared = self.shared.clone();
        let mut world = shared.world();
        let Some(taken) = world.seats.get(&seat) else { return Ok(()) };
        let call = Call { who: taken.who.clone(), seat: Some(seat), data, file: None };
        let fault = if name == "messages:create" { fault(&shared, &world, &call) } else { None };
        if fault == Some(Fault::DropBefore) {
            return Err(End::Cut);
        }
        if fault == Some(Fault::Overtaken)
            && let Ok(draft) = handlers::message_draft(&mut world, &call)
        {
            let held = Held { post: draft.post, asked: ack.map(|ack| (seat, ack)) };
            if let Some(room) = world.rooms.get_mut(&draft.room) {
                room.held.push_back(held);
            }
            return Ok(());
        }
        let (reply, news) = match handlers::answer(&mut world, name, &call) {
            Outcome::Unknown => return Ok(()),
            Outcome::Throws | Outcome::Crash => {
                drop(world);
                shared.cut_all();
                return Err(End::Cut);
            }
            Outcome::Answer(reply, news) => (reply, news),
        };
        if let Some(number) = ack {
            self.acknowledge(engineio::ack(number, &reply.as_ack()), fault);
        }
        match fault {
            Some(Fault::LoseBroadcast) => {}
            Some(Fault::DropAfter) => {
                world.mute(seat);
                world.tell(news);
                return Err(End::Cut);
            }
            _ => world.tell(news),
        }
        Ok(())
    }

    fn acknowledge(&self, frame: String, fault: Option<Fault>) {
        let late = match fault {
            Some(Fault::DropAfter | Fault::SwallowAck) => return,
            Some(Fault::LateAck(late)) => late,
            _ => self.shared.mischief.ack_delay(),
        };
        if late.is_zero() {
            return self.outbox.say(frame);
        }
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            sleep(late).await;
            outbox.say(frame);
        });
    }

    fn rise(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.shared.world().rise(seat);
        }
    }
}

/// What is to go wrong with this message.
fn fault(shared: &Shared, world: &World, call: &Call) -> Option<Fault> {
    let room = call
        .data
        .get("room")
        .and_then(serde_json::Value::as_str)
        .and_then(|id| world.rooms.get(id));
    shared.mischief.fault(room.map(|room| room.slug.as_str()))
}

/// Looks whose token it is, which takes its time. `None`: there is no token.
async fn admission(shared: &Shared, token: Option<String>) -> Option<Verdict> {
    let token = token?;
    shared.pay_for_check().await;
    Some(shared.world().check(&token))
}

/// A session id, as Engine.IO makes them: 20 characters of base64's second alphabet.
fn sid() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..20).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())])).collect()
}
