//! The running server: the handle by which tests and the demo hold it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::faults::Mischief;
use super::listener::{CloseKind, Listener};
use super::setup::Setup;
use super::shared::Shared;
use super::state::World;
use super::transcript::Received;
use super::virtual_user::Person;

/// A running IRC server. Dropping it ends it at once, [`stop`](Self::stop) with a goodbye.
#[derive(Debug)]
pub struct IrcServer {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
    mischief: Mischief,
}

impl IrcServer {
    /// Starts a server.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let bind = setup.bind;
        let shared = Arc::new(Shared::new(setup));
        let listener = Arc::new(Listener::bind(bind, Arc::clone(&shared))?);
        listener.open().await?;
        let mischief = Mischief::new(Arc::clone(&shared), Arc::clone(&listener));
        Ok(Self { shared, listener, mischief })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The person called `nick`, who comes if nobody is called so.
    ///
    /// # Panics
    /// When a client behind a socket is called so.
    pub fn person(&self, nick: &str) -> Person {
        let (id, memory) = self.shared.with(|world| world.person(nick));
        Person::new(id, memory, Arc::clone(&self.shared))
    }

    /// What is to go wrong.
    #[must_use]
    pub fn mischief(&self) -> &Mischief {
        &self.mischief
    }

    /// Waits until `nick` is in `channel`.
    pub async fn joined(&self, channel: &str, nick: &str) {
        self.shared.until(|world| is_in(world, channel, nick)).await;
    }

    /// Waits until `nick` is not in `channel`, or never was.
    pub async fn left(&self, channel: &str, nick: &str) {
        self.shared.until(|world| !is_in(world, channel, nick)).await;
    }

    /// Waits until somebody called `nick` has registered.
    pub async fn registered(&self, nick: &str) {
        self.shared.until(|world| world.named(nick).is_some()).await;
    }

    /// The nicks in `channel`, each after its prefixes (`@+`), in the order of their arrival on the
    /// server.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.shared.with(|world| {
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
        self.shared.with(|world| world.transcript.lines().to_vec())
    }

    /// Waits until `enough` has come from clients, and returns the transcript. `enough` looks at
    /// what it is given and asks nothing else of the server, which waits for it meanwhile.
    pub async fn receives(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        self.shared.until(|world| enough(world.transcript.lines())).await;
        self.transcript()
    }

    /// How many connections it has ever accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.with(|world| world.transcript.accepted())
    }

    /// How many clients are connected now.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.with(|world| world.connected())
    }

    /// Waits until it has accepted `connections` in all.
    pub async fn accepted(&self, connections: u64) {
        self.shared.until(|world| world.transcript.accepted() >= connections).await;
    }

    /// Says goodbye to all and ends.
    pub async fn stop(self) {
        self.listener.close(CloseKind::Error("Server shutting down")).await;
    }
}

fn is_in(world: &World, channel: &str, nick: &str) -> bool {
    let member = world.named(nick).map(|client| client.id);
    let channel = world.channel(channel);
    member.zip(channel).is_some_and(|(member, channel)| channel.status(member).is_some())
}
