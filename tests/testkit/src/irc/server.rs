//! The running server: its door, and the handle by which tests hold it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};
use tokio_rustls::rustls::ServerConfig;

use super::faults::Mischief;
use super::listener::{Door, Goodbye};
use super::state::World;
use super::{Person, Received, Setup};

/// A running IRC server. Dropping it ends it at once, [`stop`](Self::stop) with a goodbye.
#[derive(Debug)]
pub struct IrcServer {
    server: Arc<Inner>,
    mischief: Mischief,
}

impl IrcServer {
    /// Starts a server.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let tls = setup.tls.clone();
        let mut door = Door::shut(setup.bind)?;
        let server = Arc::new(Inner {
            address: door.address()?,
            tls,
            world: Mutex::new(World::new(setup)),
            changed: Notify::new(),
            stalled: watch::Sender::new(false),
            door: tokio::sync::Mutex::new(Door::Gone),
        });
        door.open(&server)?;
        *server.door.lock().await = door;
        Ok(Self { mischief: Mischief::new(Arc::clone(&server)), server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The person called `nick`, who comes if nobody is called so.
    ///
    /// # Panics
    /// When a client behind a socket is called so.
    pub fn person(&self, nick: &str) -> Person {
        let (id, memory) = self.server.with(|world| world.person(nick));
        Person::new(id, memory, Arc::clone(&self.server))
    }

    /// What is to go wrong.
    #[must_use]
    pub fn mischief(&self) -> &Mischief {
        &self.mischief
    }

    /// Waits until `nick` is in `channel`.
    pub async fn joined(&self, channel: &str, nick: &str) {
        self.until(|world| is_in(world, channel, nick)).await;
    }

    /// Waits until `nick` is not in `channel`, or never was.
    pub async fn left(&self, channel: &str, nick: &str) {
        self.until(|world| !is_in(world, channel, nick)).await;
    }

    /// Waits until somebody called `nick` has registered.
    pub async fn registered(&self, nick: &str) {
        self.until(|world| world.named(nick).is_some()).await;
    }

    /// The nicks in `channel`, each after its prefixes (`@+`), in the order of their arrival on the
    /// server.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.server.with(|world| {
            let members = world.channel(channel).map(|channel| &channel.members);
            let members = members.into_iter().flatten();
            let named = members.filter_map(|(id, status)| {
                Some(format!("{}{}", status.prefixes(true), world.clients.get(id)?.nick))
            });
            named.collect()
        })
    }

    /// The lines that clients have sent, in the order in which they came; the last of them, as many
    /// as [`Setup::transcript`] says.
    #[must_use]
    pub fn transcript(&self) -> Vec<Received> {
        self.server.with(|world| world.transcript.lines().to_vec())
    }

    /// Waits until `enough` has come from clients, and returns the transcript. `enough` looks at
    /// what it is given and asks nothing else of the server, which waits for it meanwhile.
    pub async fn receives(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        self.until(|world| enough(world.transcript.lines())).await;
        self.transcript()
    }

    /// How many connections it has ever accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.server.with(|world| world.transcript.accepted())
    }

    /// How many clients are connected now.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.server.with(|world| world.connected())
    }

    /// Waits until it has accepted `connections` in all.
    pub async fn accepted(&self, connections: u64) {
        self.until(|world| world.transcript.accepted() >= connections).await;
    }

    /// Says goodbye to all and ends.
    pub async fn stop(self) {
        self.server.shut(Goodbye::Error("Server shutting down")).await;
    }

    async fn until(&self, holds: impl Fn(&World) -> bool) {
        loop {
            // Before the look, so that what comes after it wakes us.
            let mut changed = std::pin::pin!(self.server.changed.notified());
            changed.as_mut().enable();
            if self.server.look(&holds) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for IrcServer {
    fn drop(&mut self) {
        // Somebody who holds the door is shutting it, and its keeper ends with them.
        if let Ok(mut door) = self.server.door.try_lock() {
            *door = Door::Gone;
        }
    }
}

/// What the handle, the people and the connections share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Arc<ServerConfig>>,
    world: Mutex<World>,
    changed: Notify,
    stalled: watch::Sender<bool>,
    door: tokio::sync::Mutex<Door>,
}

impl Inner {
    /// Changes the world, and wakes those who wait for a change.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world.lock().expect("no command panics"));
        self.changed.notify_waiters();
        result
    }

    fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.lock().expect("no command panics"))
    }

    /// Whether connections stand still.
    pub(super) fn stalled(&self) -> watch::Receiver<bool> {
        self.stalled.subscribe()
    }

    /// Makes connections stand still, or go on.
    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    /// Closes the door and every connection; the port stays ours.
    pub(super) async fn shut(&self, goodbye: Goodbye) {
        self.door.lock().await.close(goodbye).await;
    }

    /// Opens the door that was shut.
    pub(super) async fn open(self: &Arc<Self>) -> io::Result<()> {
        self.door.lock().await.open(self)
    }
}

fn is_in(world: &World, channel: &str, nick: &str) -> bool {
    let member = world.named(nick).map(|client| client.id);
    let channel = world.channel(channel);
    member.zip(channel).is_some_and(|(member, channel)| channel.status(member).is_some())
}
