//! Posts as accounts: many at once, and each answered once.

use std::collections::{HashMap, VecDeque};

use secrecy::SecretString;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::post_socket::{self, SocketPost};
use super::route::Route;
use super::socket::{RoomJoinError, SocketError, join_room};
use super::{AccountPool, Done};
use crate::bridge::{AccountEvent, PostFailure};
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Secret};
use crate::net::rest::{Credential, PostError, RestServer};
use crate::protocol::letschat::PostId;
use crate::service::letschat_dial::LetsChatDial;

/// The maximum number of posts under way.
const MAX_POSTS: usize = 32;

/// The maximum number of sockets of accounts that post.
const MAX_SOCKETS: usize = 100;

/// A post that waits.
#[derive(Debug)]
pub(super) struct QueuedPost {
    pub(super) user: LetsChatUserId,
    pub(super) delivery: DeliveryId,
    pub(super) endpoint: EndpointId,
    pub(super) room: Box<str>,
    pub(super) text: String,
}

/// The posts that wait, and those under way.
#[derive(Default)]
pub(super) struct PostQueue {
    waiting: VecDeque<QueuedPost>,
    running: HashMap<DeliveryId, (LetsChatUserId, EndpointId, Box<str>)>,
}

/// A post that has ended.
pub(super) struct DonePost {
    delivery: DeliveryId,
    /// The session that was used.
    session: Option<Secret>,
    /// Whether the account has joined the room, which has a password.
    has_joined: bool,
    outcome: Result<PostId, PostError>,
}

/// A post by REST.
struct SessionPost {
    session: Secret,
    post: QueuedPost,
    /// The password of a room that is to be joined first.
    password: Option<SecretString>,
}

impl PostQueue {
    pub(super) fn push(&mut self, post: QueuedPost) {
        self.waiting.push_back(post);
    }
}

impl AccountPool {
    /// Starts as many posts as may be under way.
    pub(super) async fn start_posts(&mut self) {
        while self.posts.running.len() < MAX_POSTS {
            let Some(post) = self.posts.waiting.pop_front() else { return };
            let (delivery, user, endpoint) = (post.delivery, post.user.clone(), post.endpoint);
            let room = post.room.clone();
            if let Err(failure) = self.start_post(post) {
                let event = AccountEvent::NotPosted { user, delivery, endpoint, failure };
                self.report(event).await;
            } else {
                self.posts.running.insert(delivery, (user, endpoint, room));
            }
        }
    }

    fn start_post(&mut self, post: QueuedPost) -> Result<(), PostFailure> {
        let sockets = self.members.values().filter(|member| member.has_socket()).count();
        let member = self.members.get_mut(&post.user).ok_or(PostFailure::SignedOut)?;
        let route = member.route().ok_or(PostFailure::SignedOut)?;
        let is_active = member.on_post(Instant::now()) && sockets < MAX_SOCKETS;
        let password = self.settings.room_passwords.get(&post.endpoint).cloned();
        let to_join = password.filter(|_| !member.joined.contains(&post.endpoint));
        let session = match route {
            Route::Session(session) if member.has_socket() && to_join.is_none() => {
                self.post_by_socket(Route::Session(session), post, None);
                return Ok(());
            }
            Route::Session(session) => session,
            Route::Token(token) => {
                self.post_by_socket(Route::Token(token), post, to_join);
                return Ok(());
            }
        };
        if is_active && !member.has_socket() {
            // For the next one.
            self.open_socket(&post.user, Route::Session(session.clone()));
        }
        let server = self.server().map_err(PostFailure::Unreachable)?;
        let letschat = to_join.is_some().then(|| self.letschat_dial());
        let post = SessionPost { session, post, password: to_join };
        self.tasks.spawn(async move { Done::Post(post.send(&server, letschat).await) });
        Ok(())
    }

    /// Sends a post to the socket of the account, which is opened if it is closed.
    fn post_by_socket(&mut self, route: Route, post: QueuedPost, password: Option<SecretString>) {
        let QueuedPost { user, delivery, room, text, .. } = post;
        let session = match &route {
            Route::Session(session) => Some(session.clone()),
            Route::Token(_) => None,
        };
        let (answer, outcome) = oneshot::channel();
        let post = SocketPost { room, password, text, answer };
        let known = self.members.get(&user).and_then(|member| member.socket.clone());
        let refused = match known {
            Some(socket) => socket.try_send(post).err().map(TrySendError::into_inner),
            None => Some(post),
        };
        if let Some(post) = refused
            && let Some(socket) = self.open_socket(&user, route)
        {
            // There is room: it is new.
            let _ = socket.try_send(post);
        }
        self.tasks.spawn(async move {
            let lost = || Err(PostError::Unknown("the bridge is stopping".to_owned()));
            let outcome = outcome.await.unwrap_or_else(|_| lost());
            Done::Post(DonePost { delivery, session, has_joined: false, outcome })
        });
    }

    /// Opens a socket of the account. Returns its queue.
    fn open_socket(
        &mut self,
        user: &LetsChatUserId,
        route: Route,
    ) -> Option<mpsc::Sender<SocketPost>> {
        let member = self.members.get_mut(user)?;
        let (socket, posts) = mpsc::channel(MAX_POSTS);
        member.socket = Some(socket.clone());
        let letschat = self.letschat_dial();
        self.tasks.spawn(async move {
            post_socket::run(letschat, route, posts).await;
            Done::Socket
        });
        Some(socket)
    }

    pub(super) async fn on_post_done(&mut self, done: DonePost) {
        let DonePost { delivery, session, has_joined, outcome } = done;
        let Some((user, endpoint, room)) = self.posts.running.remove(&delivery) else { return };
        if has_joined && let Some(member) = self.members.get_mut(&user) {
            member.joined.push(endpoint);
        }
        let failure = match outcome {
            Ok(id) => {
                self.show_present(&user, endpoint, &room);
                return self.report(AccountEvent::Posted { delivery, endpoint, id }).await;
            }
            Err(PostError::Refused(reason)) => {
                let (is_refused, reason) = (true, reason);
                let event =
                    AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused };
                return self.report(event).await;
            }
            Err(PostError::Unknown(reason)) => {
                let is_refused = false;
                let event =
                    AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused };
                return self.report(event).await;
            }
            Err(PostError::SignedOut) => self.on_post_signed_out(&user, session).await,
            Err(PostError::Forbidden(reason)) => PostFailure::Forbidden(reason),
            Err(PostError::Unreachable(reason)) => {
                self.on_unreachable();
                PostFailure::Unreachable(reason)
            }
        };
        self.report(AccountEvent::NotPosted { user, delivery, endpoint, failure }).await;
    }

    /// The server does not know the session, or does not accept the token.
    async fn on_post_signed_out(
        &mut self,
        user: &LetsChatUserId,
        session: Option<Secret>,
    ) -> PostFailure {
        let Some(session) = session else {
            // The check decides: a socket is refused also when the server's database does not work.
            self.queue_login(user).await;
            return PostFailure::Unreachable("Let's Chat refused the token's socket".to_owned());
        };
        match self.on_signed_out(user, &session).await {
            true => PostFailure::SignedOut,
            // The bridge knows the new session already.
            false => PostFailure::Unreachable("the session was renewed meanwhile".to_owned()),
        }
    }

    /// Answers what has not been answered, when nobody waits any more.
    pub(super) async fn answer_unfinished_posts(&mut self) {
        let stopping = || "the bridge is stopping".to_owned();
        for QueuedPost { user, delivery, endpoint, .. } in std::mem::take(&mut self.posts.waiting) {
            let failure = PostFailure::Unreachable(stopping());
            self.report(AccountEvent::NotPosted { user, delivery, endpoint, failure }).await;
        }
        // Those that have ended are known, and the others are in doubt.
        while let Some(done) = self.tasks.try_join_next() {
            if let Ok(Done::Post(done)) = done {
                self.on_post_done(done).await;
            }
        }
        for (delivery, (user, endpoint, _)) in std::mem::take(&mut self.posts.running) {
            let (reason, is_refused) = (stopping(), false);
            let event = AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused };
            self.report(event).await;
        }
    }
}

impl SessionPost {
    async fn send(self, server: &RestServer, letschat: Option<LetsChatDial>) -> DonePost {
        let Self { session, post, password } = self;
        let mut has_joined = false;
        let outcome = async {
            if let (Some(password), Some(letschat)) = (&password, &letschat) {
                let credential = Credential::Session(&session);
                let joined = join_room(letschat, credential, &post.room, password).await;
                joined.map_err(not_joined)?;
                has_joined = true;
            }
            server.post_message(&session, &post.room, &post.text).await
        };
        let outcome = outcome.await;
        DonePost { delivery: post.delivery, session: Some(session), has_joined, outcome }
    }
}

/// Without having joined, nothing was posted.
fn not_joined(error: RoomJoinError) -> PostError {
    match error {
        RoomJoinError::Forbidden(reason) => PostError::Forbidden(reason),
        RoomJoinError::Socket(SocketError::Refused) => PostError::SignedOut,
        RoomJoinError::Socket(SocketError::Lost(reason)) => PostError::Unreachable(reason),
    }
}
