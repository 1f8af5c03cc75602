//! The running server: the handle by which tests and the demo hold it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::faults::Faults;
use super::listener::{CloseKind, Listener};
use super::setup::Setup;
use super::shared::Shared;
use super::state::ServerState;
use super::tap::ChannelMessage;
use super::transcript::ReceivedLine;
use super::virtual_user::VirtualUser;

/// A running IRC server. Dropping it ends it at once, [`stop`](Self::stop) with an `ERROR` to all.
#[derive(Debug)]
pub struct IrcServer {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
    faults: Faults,
}

impl IrcServer {
    /// Starts a server.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let bind = setup.bind;
        let shared = Arc::new(Shared::new(setup));
        let listener = Arc::new(Listener::bind(bind, Arc::clone(&shared))?);
        listener.open().await?;
        let faults = Faults::new(Arc::clone(&shared), Arc::clone(&listener));
        Ok(Self { shared, listener, faults })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The virtual user with this nick, who connects if there is none.
    ///
    /// # Panics
    /// When a client behind a socket has that nick.
    pub fn virtual_user(&self, nick: &str) -> VirtualUser {
        self.try_virtual_user(nick).unwrap_or_else(|| panic!("{nick} is the nick of a client"))
    }

    /// As [`virtual_user`](Self::virtual_user), and `None` when a client behind a socket has that nick.
    #[must_use]
    pub fn try_virtual_user(&self, nick: &str) -> Option<VirtualUser> {
        let (id, inbox) = self.shared.with(|state| state.virtual_user(nick))?;
        Some(VirtualUser::new(id, inbox, Arc::clone(&self.shared)))
    }

    /// The faults that can be injected.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Waits until `nick` is in `channel`.
    pub async fn wait_for_join(&self, channel: &str, nick: &str) {
        self.shared.until(|state| is_in(state, channel, nick)).await;
    }

    /// Waits until `nick` is not in `channel`, or never was.
    pub async fn wait_for_part(&self, channel: &str, nick: &str) {
        self.shared.until(|state| !is_in(state, channel, nick)).await;
    }

    /// Waits until somebody called `nick` has registered.
    pub async fn wait_for_registration(&self, nick: &str) {
        self.shared.until(|state| state.client_named(nick).is_some()).await;
    }

    /// The nicks in `channel`, each after its prefixes (`@+`), in the order of their arrival on the
    /// server.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.shared.with(|state| {
            let members = state.channel(channel).map(|channel| &channel.members);
            let members = members.into_iter().flatten();
            let named = members.filter_map(|(id, status)| {
                Some(format!("{}{}", status.prefixes(true), state.clients.get(id)?.nick))
            });
            named.collect()
        })
    }

    /// The lines that clients have sent, in the order in which they came; the last of them, as many
    /// as [`Setup::transcript`] says.
    #[must_use]
    pub fn transcript(&self) -> Vec<ReceivedLine> {
        self.shared.with(|state| state.transcript.lines().to_vec())
    }

    /// Waits until `enough` has come from clients, and returns the transcript. `enough` looks at
    /// what it is given and asks nothing else of the server, which waits for it meanwhile.
    pub async fn wait_for_lines(
        &self,
        enough: impl Fn(&[ReceivedLine]) -> bool,
    ) -> Vec<ReceivedLine> {
        self.shared.until(|state| enough(state.transcript.lines())).await;
        self.transcript()
    }

    /// What is said in channels from now on, by anybody. Of a watcher that falls behind by more than a thousand
    /// messages, the oldest are lost.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<ChannelMessage> {
        self.shared.with(|state| state.tap.watch())
    }

    /// How many connections it has ever accepted.
    #[must_use]
    pub fn connections_accepted(&self) -> u64 {
        self.shared.with(|state| state.transcript.accepted())
    }

    /// How many clients are connected now.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.shared.with(|state| state.client_count())
    }

    /// Waits until it has accepted `connections` in all.
    pub async fn wait_for_connections(&self, connections: u64) {
        self.shared.until(|state| state.transcript.accepted() >= connections).await;
    }

    /// Disconnects all clients and ends.
    pub async fn stop(self) {
        self.listener.close(CloseKind::Error("Server shutting down")).await;
    }
}

fn is_in(state: &ServerState, channel: &str, nick: &str) -> bool {
    let member = state.client_named(nick).map(|client| client.id);
    let channel = state.channel(channel);
    member.zip(channel).is_some_and(|(member, channel)| channel.status(member).is_some())
}
