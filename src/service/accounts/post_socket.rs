//! Posts as an account over a websocket, which joins nothing, unless a room has a password, and closes when it is idle.
//!
//! An account that is used by its API token always posts like this, since each REST request with a token costs the server
//! 80 ms (docs/letschat-protocol.md, section 2). So does one with a session that posts again within a minute: the server
//! answers in half the time.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::route::Route;
use super::socket::{AccountSocket, Ack, REPLY_TIMEOUT, SocketError, join_refusal};
use crate::net::rest::PostError;
use crate::protocol::letschat::PostId;
use crate::service::letschat_dial::LetsChatDial;

/// A socket that posted nothing for so long is closed.
pub(super) const MAX_IDLE_TIME: Duration = Duration::from_secs(60);

/// How long a socket lives at most: it goes on working when its session or token has ended, and the next one does not.
const MAX_AGE: Duration = Duration::from_secs(600);

/// How often the socket pings; the server asks for 25 s.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A message to be posted.
pub(super) struct SocketPost {
    /// The room's id.
    pub(super) room: Box<str>,
    /// The room's password, if it has one.
    pub(super) password: Option<SecretString>,
    /// The text.
    pub(super) text: String,
    /// Where the outcome goes.
    pub(super) answer: oneshot::Sender<Result<PostId, PostError>>,
}

/// A call without an answer so far.
enum PendingCall {
    /// The room is being joined, and the post follows.
    Join(SocketPost),
    /// The message is being posted.
    Create(oneshot::Sender<Result<PostId, PostError>>),
}

/// The socket, and what it waits for.
struct PostSocket {
    socket: AccountSocket,
    pending: HashMap<u64, (Instant, PendingCall)>,
}

/// Connects, and posts what comes until nothing has come for a minute. Each post is answered.
pub(super) async fn run(
    letschat: LetsChatDial,
    route: Route,
    mut posts: mpsc::Receiver<SocketPost>,
) {
    let opened = AccountSocket::open(&letschat, route.credential()).await;
    let failure = match opened {
        Ok(socket) => {
            let mut socket = PostSocket { socket, pending: HashMap::new() };
            let end = socket.serve(&mut posts).await;
            let reason = match end {
                Ok(()) => {
                    socket.socket.close().await;
                    return;
                }
                Err(reason) => reason,
            };
            socket.give_up(&reason);
            PostError::Unreachable(reason)
        }
        Err(SocketError::Refused) => PostError::SignedOut,
        Err(SocketError::Lost(reason)) => PostError::Unreachable(reason),
    };
    posts.close();
    while let Some(post) = posts.recv().await {
        // Nobody waits any more if the pool has ended.
        let _ = post.answer.send(Err(failure.clone()));
    }
}

impl PostSocket {
    /// Runs until the socket is idle (`Ok`) or broken. When idle, the queue is closed first, so that no post is
    /// lost in it.
    async fn serve(&mut self, posts: &mut mpsc::Receiver<SocketPost>) -> Result<(), String> {
        let end_at = Instant::now() + MAX_AGE;
        let mut idle_at = Instant::now() + MAX_IDLE_TIME;
        let mut ping_at = Instant::now() + PING_INTERVAL;
        let mut is_open = true;
        while is_open || !self.pending.is_empty() {
            let deadline = self.pending.values().map(|(deadline, _)| *deadline).min();
            let wake_at = deadline.unwrap_or(idle_at).min(ping_at);
            tokio::select! {
                post = posts.recv(), if is_open => match post {
                    Some(post) => {
                        idle_at = end_at.min(Instant::now() + MAX_IDLE_TIME);
                        self.start(post).await?;
                    }
                    None => is_open = false,
                },
                ack = self.socket.next_ack() => self.on_ack(ack?).await?,
                () = sleep_until(wake_at) => {
                    let now = Instant::now();
                    if deadline.is_some_and(|deadline| deadline <= now) {
                        return Err("Let's Chat did not answer".to_owned());
                    }
                    if idle_at <= now {
                        posts.close();
                    }
                    if ping_at <= now {
                        self.socket.ping().await?;
                        ping_at = now + PING_INTERVAL;
                    }
                }
            }
        }
        Ok(())
    }

    async fn start(&mut self, post: SocketPost) -> Result<(), String> {
        let Some(password) = &post.password else { return self.create(post).await };
        let called = self.socket.call_join(&post.room, Some(password)).await;
        self.wait_for(called, PendingCall::Join(post))
    }

    async fn create(&mut self, post: SocketPost) -> Result<(), String> {
        let argument = serde_json::json!({ "room": post.room, "text": post.text });
        let called = self.socket.call("messages:create", &argument).await;
        self.wait_for(called, PendingCall::Create(post.answer))
    }

    /// Waits for the ack of a call, also of one that could not be sent as a whole: the connection ends then.
    fn wait_for(&mut self, called: Result<u64, String>, call: PendingCall) -> Result<(), String> {
        let number = *called.as_ref().unwrap_or(&u64::MAX);
        self.pending.insert(number, (Instant::now() + REPLY_TIMEOUT, call));
        called.map(drop)
    }

    async fn on_ack(&mut self, Ack { call, reply }: Ack) -> Result<(), String> {
        match self.pending.remove(&call) {
            Some((_, PendingCall::Join(post))) => match reply {
                Ok(_) => {
                    let room = serde_json::json!(post.room);
                    self.create(post).await?;
                    // The account would be seen in the room, and be sent what is said there.
                    self.socket.call("rooms:leave", &room).await?;
                }
                Err(reason) => {
                    let _ = post.answer.send(Err(PostError::Forbidden(join_refusal(&reason))));
                }
            },
            Some((_, PendingCall::Create(answer))) => {
                let _ = answer.send(match reply {
                    Ok(id) => id.parse().map_err(|_| {
                        PostError::Unknown("Let's Chat answered without an id".to_owned())
                    }),
                    Err(reason) => Err(PostError::Refused(format!(
                        "Let's Chat rejected the message: {reason}"
                    ))),
                });
            }
            // The ack of a call whose outcome does not matter.
            None => {}
        }
        Ok(())
    }

    /// The connection is lost.
    fn give_up(&mut self, reason: &str) {
        for (_, (_, call)) in self.pending.drain() {
            let (answer, error) = match call {
                PendingCall::Join(post) => (post.answer, PostError::Unreachable(reason.to_owned())),
                PendingCall::Create(answer) => (answer, PostError::Unknown(reason.to_owned())),
            };
            let _ = answer.send(Err(error));
        }
    }
}
