mod accounts;
mod files;
mod posts;
mod rooms;
mod users;

use std::io;
use std::net::SocketAddr;

use super::faults::Faults;
use super::outbox::Outgoing;
use super::server::Server;
use super::setup::{MongooseVersion, Setup};
use super::state::ServerState;
use super::state::account::Account;
use super::state::room::Room;

pub use accounts::AccountView;
pub use posts::UnfinishedPost;

/// A running server. Dropping it ends it.
///
/// Methods that name an account or a room panic if there is none of that name: they are for the one that
/// made it.
#[derive(Debug)]
pub struct LetsChat {
    server: Server,
    tls: bool,
}

impl LetsChat {
    /// Starts a server.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let tls = setup.tls.is_some();
        Ok(Self { server: Server::start(setup)?, tls })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Its address for a browser or a client, with the prefix and without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.server.address, self.server.shared.prefix)
    }

    /// Ends it.
    pub async fn stop(self) {
        // An error says that the accept loop is gone already.
        let _ = self.server.accept_loop.set(false).await;
    }

    /// The faults that can be injected.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.server.shared.faults
    }

    /// Ends the process, so to speak: every connection is cut and new ones are refused; the data stays.
    /// What it had not done yet is never done. A process that is gone is not stalled any more, and has
    /// forgotten who is locked; the sessions of browsers are data.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn kill(&self) -> io::Result<()> {
        self.refuse().await?;
        self.server.shared.cut_all();
        self.faults().resume();
        self.unlock_accounts();
        Ok(())
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn revive(&self) -> io::Result<()> {
        self.server.accept_loop.set(true).await
    }

    /// [`kill`](Self::kill) and [`revive`](Self::revive).
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn restart(&self) -> io::Result<()> {
        self.kill().await?;
        self.revive().await
    }

    /// Refuses new connections until it is revived; those that are there go on.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn refuse(&self) -> io::Result<()> {
        self.server.accept_loop.set(false).await
    }

    /// Cuts every connection and goes on accepting new ones.
    pub fn cut(&self) {
        self.server.shared.cut_all();
    }

    /// Cuts this account's websockets.
    pub fn cut_user(&self, username: &str) {
        let state = self.state();
        let who = &account(&state, username).id;
        state
            .sessions
            .values()
            .filter(|session| session.account_id == *who)
            .for_each(|session| session.outbox.put(Outgoing::Cut));
    }

    /// Sends this frame, whatever it is, to every websocket that was let in.
    pub fn send_frame(&self, frame: &str) {
        self.state().sessions.values().for_each(|session| session.outbox.send(frame));
    }

    /// How many websockets are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.server.shared.sockets.borrow()
    }

    /// How many websockets have been opened since it was started.
    #[must_use]
    pub fn connections_accepted(&self) -> usize {
        self.server.shared.opened()
    }

    /// How many requests with this name, such as `messages:list`, it has handled, over websockets and REST.
    #[must_use]
    pub fn request_count(&self, name: &str) -> usize {
        self.state().requests.get(name).copied().unwrap_or_default()
    }

    /// Waits until the number of open websockets is right.
    pub async fn wait_for_connections(&self, enough: impl Fn(usize) -> bool) {
        let mut sockets = self.server.shared.sockets.subscribe();
        // Its sender is ours, and so cannot be gone.
        let _ = sockets.wait_for(|count| enough(*count)).await;
    }

    /// Behaves like another version of Mongoose from now on.
    pub fn set_mongoose_version(&self, mongoose: MongooseVersion) {
        self.state().mongoose = mongoose;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ServerState> {
        self.server.shared.state()
    }

    async fn until(&self, is_so: impl Fn(&ServerState) -> bool) {
        let mut changes = self.state().changes();
        while !is_so(&self.state()) {
            // Its sender is ours, and so cannot be gone.
            let _ = changes.changed().await;
        }
    }
}

#[track_caller]
fn account<'a>(state: &'a ServerState, username: &str) -> &'a Account {
    state.account_named(username).unwrap_or_else(|| panic!("there is no account {username:?}"))
}

#[track_caller]
fn room<'a>(state: &'a ServerState, slug: &str) -> &'a Room {
    state.room_by_slug(slug).unwrap_or_else(|| panic!("there is no room {slug:?}"))
}
