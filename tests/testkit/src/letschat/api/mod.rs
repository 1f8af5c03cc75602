mod files;
mod posts;
mod rooms;
mod users;

use std::io;
use std::net::SocketAddr;

use super::faults::Mischief;
use super::outbox::Said;
use super::server::Server;
use super::setup::{Flavour, Setup};
use super::state::World;
use super::state::account::Account;
use super::state::room::Room;

pub use posts::Begun;

/// A running server. Dropping it ends it.
///
/// Methods that name an account or a room panic if there is none of that name: they are for those who
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
        // An error says that the door is gone already.
        let _ = self.server.door.set(false).await;
    }

    /// What may be commanded.
    #[must_use]
    pub fn mischief(&self) -> &Mischief {
        &self.server.shared.mischief
    }

    /// Ends the process, so to speak: every connection is cut and new ones are refused; the data stays.
    /// What it had not done yet is never done. A process that is gone is not stalled any more.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn kill(&self) -> io::Result<()> {
        self.refuse().await?;
        self.server.shared.cut_all();
        self.mischief().go_on();
        Ok(())
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn revive(&self) -> io::Result<()> {
        self.server.door.set(true).await
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
        self.server.door.set(false).await
    }

    /// Cuts every connection and goes on accepting new ones.
    pub fn cut(&self) {
        self.server.shared.cut_all();
    }

    /// Cuts this account's websockets.
    pub fn cut_off(&self, username: &str) {
        let world = self.world();
        let who = &account(&world, username).id;
        world
            .seats
            .values()
            .filter(|taken| taken.who == *who)
            .for_each(|taken| taken.outbox.put(Said::Cut));
    }

    /// Sends this frame, whatever it is, to every websocket that was let in.
    pub fn send_frame(&self, frame: &str) {
        self.world().seats.values().for_each(|taken| taken.outbox.say(frame));
    }

    /// How many websockets are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.server.shared.sockets.borrow()
    }

    /// How many websockets have been opened since it was started.
    #[must_use]
    pub fn connections_ever(&self) -> usize {
        self.server.shared.opened()
    }

    /// Waits until the number of open websockets is right.
    pub async fn connected(&self, enough: impl Fn(usize) -> bool) {
        let mut sockets = self.server.shared.sockets.subscribe();
        // Its sender is ours, and so cannot be gone.
        let _ = sockets.wait_for(|count| enough(*count)).await;
    }

    /// Behaves like other dependencies from now on.
    pub fn set_flavour(&self, flavour: Flavour) {
        self.world().flavour = flavour;
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.server.shared.world()
    }

    async fn until(&self, is_so: impl Fn(&World) -> bool) {
        let mut changes = self.world().changes();
        while !is_so(&self.world()) {
            // Its sender is ours, and so cannot be gone.
            let _ = changes.changed().await;
        }
    }
}

#[track_caller]
fn account<'a>(world: &'a World, username: &str) -> &'a Account {
    world.named(username).unwrap_or_else(|| panic!("there is no account {username:?}"))
}

#[track_caller]
fn room<'a>(world: &'a World, slug: &str) -> &'a Room {
    world.slugged(slug).unwrap_or_else(|| panic!("there is no room {slug:?}"))
}
