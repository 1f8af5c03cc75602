//! An account that the pool speaks as.

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::post_socket::{MAX_IDLE_TIME, SocketPost};
use super::route::Route;
use crate::domain::{AccountSecrets, EndpointId, LetsChatUserId, PersonId};
use crate::net::rest::RestAccount;
use crate::protocol::letschat::LetsChatUser;

/// An account that the pool speaks as.
pub(super) struct Member {
    /// Whose it is.
    pub(super) person: PersonId,
    /// Its user name.
    pub(super) username: String,
    /// What gives access to it.
    pub(super) secrets: AccountSecrets,
    /// Whether the bridge knows that the account can be used: it gave us a session, or we reported `Ready`.
    pub(super) is_ready: bool,
    /// Whether a sign-in or a check of the token waits in the slow queue.
    pub(super) is_queued: bool,
    /// When the session or the token is to be checked next.
    pub(super) check_at: Instant,
    /// The rooms with a password that it has joined.
    pub(super) joined: Vec<EndpointId>,
    /// The queue of its socket, if it posted lately.
    pub(super) socket: Option<mpsc::Sender<SocketPost>>,
    /// When it last posted.
    pub(super) posted_at: Option<Instant>,
}

impl Member {
    pub(super) fn new(person: PersonId, username: String, secrets: AccountSecrets) -> Self {
        Self {
            person,
            username,
            is_ready: secrets.session.is_some(),
            secrets,
            is_queued: false,
            check_at: Instant::now(),
            joined: Vec::new(),
            socket: None,
            posted_at: None,
        }
    }

    /// How a post is sent now; `None` while there is no access.
    pub(super) fn route(&self) -> Option<Route> {
        let AccountSecrets { session, token, .. } = &self.secrets;
        match (session, token) {
            (Some(session), _) => Some(Route::Session(session.clone())),
            (None, Some(token)) if self.is_ready => Some(Route::Token(token.clone())),
            (None, _) => None,
        }
    }

    /// Whether its socket takes posts.
    pub(super) fn has_socket(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| !socket.is_closed())
    }

    /// The account posts now. Returns whether it did within the last minute, too.
    pub(super) fn on_post(&mut self, now: Instant) -> bool {
        let before = self.posted_at.replace(now);
        before.is_some_and(|before| now - before < MAX_IDLE_TIME)
    }

    /// Whether the account is used by its token alone.
    pub(super) fn has_only_token(&self) -> bool {
        self.secrets.session.is_none()
            && self.secrets.password.is_none()
            && self.secrets.token.is_some()
    }
}

/// The account as the bridge knows it.
pub(super) fn letschat_user(account: RestAccount) -> LetsChatUser {
    let RestAccount { id, username, display_name } = account;
    LetsChatUser { id, username, display_name: Some(display_name) }
}

/// Whether `account` has this id.
pub(super) fn is_account_of(account: &RestAccount, user: &LetsChatUserId) -> bool {
    account.id == *user.0
}
