//! Everything the server knows: who is on it, which channels there are. Commands change it, one at
//! a time; the sockets are elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::broadcast::{Broadcast, Metadata};
use super::caps::{Cap, Caps};
use super::channel::Channel;
use super::client::{Client, ClientId, Recipient};
use super::faults::active::ActiveFaults;
use super::history::History;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::setup::Setup;
use super::tap::Tap;
use super::transcript::Transcript;

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) setup: Arc<Setup>,
    pub(super) clients: HashMap<ClientId, Client>,
    /// Ids by folded nick.
    pub(super) nicks: HashMap<String, ClientId>,
    /// By folded name.
    pub(super) channels: HashMap<String, Channel>,
    /// By folded name of the channel; they outlive it.
    pub(super) histories: HashMap<String, History>,
    pub(super) faults: ActiveFaults,
    pub(super) transcript: Transcript,
    pub(super) tap: Tap,
    pub(super) started: Timestamp,
    /// The capabilities on offer now.
    pub(super) offered: Caps,
    last_client_id: u64,
    last_msgid: u64,
    last_batch: u64,
}

impl ServerState {
    /// An empty one.
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            offered: setup.caps,
            transcript: Transcript::new(setup.transcript),
            tap: Tap::default(),
            setup: Arc::new(setup),
            clients: HashMap::new(),
            nicks: HashMap::new(),
            channels: HashMap::new(),
            histories: HashMap::new(),
            faults: ActiveFaults::default(),
            started: Timestamp::now(),
            last_client_id: 0,
            last_msgid: 0,
            last_batch: 0,
        }
    }

    /// A client has connected from `address`.
    pub(super) fn connect(&mut self, address: IpAddr) -> (ClientId, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::new(self.setup.sendq, self.faults.delay));
        let host = (self.setup.host_of)(address);
        let id = self.add_client(Recipient::Socket(Arc::clone(&outbox)), host);
        self.transcript.connected(id);
        (id, outbox)
    }

    /// The virtual user with this nick, who connects if there is none; `None` when a client behind a socket has
    /// that nick.
    pub(super) fn virtual_user(&mut self, nick: &str) -> Option<(ClientId, Arc<Inbox>)> {
        if let Some(client) = self.client_named(nick) {
            match &client.recipient {
                Recipient::VirtualUser(inbox) => return Some((client.id, Arc::clone(inbox))),
                Recipient::Socket(_) | Recipient::Ghost => return None,
            }
        }
        let inbox = Arc::new(Inbox::new(self.setup.casemapping));
        let id = self
            .add_client(Recipient::VirtualUser(Arc::clone(&inbox)), "people.example".to_owned());
        let caps = self.setup.caps.and(Caps::none().with(Cap::MessageTags).with(Cap::AccountTag));
        let client = self.clients.get_mut(&id).expect("it has just arrived");
        client.user = format!("~{}", nick.to_ascii_lowercase());
        client.realname = nick.into();
        client.caps = caps;
        client.registration.done = true;
        self.set_nick(id, nick);
        self.notify_monitors(nick, Some(&self.client(id).hostmask()));
        Some((id, inbox))
    }

    fn add_client(&mut self, recipient: Recipient, host: String) -> ClientId {
        self.last_client_id += 1;
        let id = ClientId(self.last_client_id);
        let now = Timestamp::now().as_second();
        self.clients.insert(id, Client::new(id, recipient, host, Instant::now(), now));
        id
    }

    /// Gives the nick to `id`, in place of its nick so far, without telling anyone.
    pub(super) fn set_nick(&mut self, id: ClientId, nick: &str) {
        let folded = self.fold(nick);
        let Some(client) = self.clients.get_mut(&id) else { return };
        let before = std::mem::replace(&mut client.nick, nick.to_owned());
        let before = self.fold(&before);
        if self.nicks.get(&before) == Some(&id) {
            self.nicks.remove(&before);
        }
        self.nicks.insert(folded, id);
    }

    /// The one spelling of a nick or a channel's name.
    pub(super) fn fold(&self, name: &str) -> String {
        self.setup.casemapping.fold(name)
    }

    /// The client that is giving a command.
    pub(super) fn client(&self, id: ClientId) -> &Client {
        self.clients.get(&id).expect("who gives a command is here until it is done")
    }

    /// The client that is giving a command, to be changed.
    pub(super) fn client_mut(&mut self, id: ClientId) -> &mut Client {
        self.clients.get_mut(&id).expect("who gives a command is here until it is done")
    }

    /// The client of this nick that others can see.
    pub(super) fn client_named(&self, nick: &str) -> Option<&Client> {
        self.nicks
            .get(&self.fold(nick))
            .and_then(|id| self.clients.get(id))
            .filter(|client| client.registration.done)
    }

    /// The channel of this name.
    pub(super) fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(&self.fold(name))
    }

    /// The id of a new message.
    pub(super) fn next_msgid(&mut self) -> Arc<str> {
        self.last_msgid += 1;
        format!("{:x}-{}", self.started.as_millisecond(), self.last_msgid).into()
    }

    /// The id of a new batch.
    pub(super) fn next_batch(&mut self) -> Arc<str> {
        self.last_batch += 1;
        format!("b{}", self.last_batch).into()
    }

    /// A line by `source`, cut as this server cuts.
    pub(super) fn broadcast(&self, metadata: Metadata, source: &str, words: &[u8]) -> Broadcast {
        Broadcast::new(metadata, source, words, self.setup.linelen, self.setup.utf8_only)
    }

    /// A line that `id` causes now.
    pub(super) fn broadcast_by(&self, id: ClientId, words: impl AsRef<[u8]>) -> Broadcast {
        let client = self.client(id);
        let metadata =
            Metadata { account: client.account.clone(), bot: client.bot, ..Metadata::now() };
        self.broadcast(metadata, &client.hostmask(), words.as_ref())
    }

    /// A line that the server itself causes now.
    pub(super) fn broadcast_by_server(&self, words: impl AsRef<[u8]>) -> Broadcast {
        self.broadcast(Metadata::now(), &self.setup.name, words.as_ref())
    }

    /// Sends `id` alone a line by the server.
    pub(super) fn send_from_server(&self, id: ClientId, words: impl AsRef<[u8]>) {
        if let Some(client) = self.clients.get(&id) {
            client.send(&mut self.broadcast_by_server(words));
        }
    }

    /// Sends `id` a numeric: `arguments` as they are to stand on the wire.
    pub(super) fn send_numeric(&self, id: ClientId, code: u16, arguments: impl AsRef<[u8]>) {
        let Some(client) = self.clients.get(&id) else { return };
        let head = format!("{code:03} {} ", client.nick_or_star());
        self.send_from_server(id, [head.as_bytes(), arguments.as_ref()].concat());
    }

    /// Sends a line to all in a channel but `except`.
    pub(super) fn send_to_channel(
        &self,
        channel: &Channel,
        except: Option<ClientId>,
        broadcast: &mut Broadcast,
    ) {
        for id in channel.members.keys().filter(|&&id| Some(id) != except) {
            if let Some(client) = self.clients.get(id) {
                client.send(broadcast);
            }
        }
    }

    /// Sends a line to those with `cap` who share a channel with `id`, and not to `id` itself.
    pub(super) fn send_to_peers_with(&self, cap: Cap, id: ClientId, broadcast: &mut Broadcast) {
        let knows = |peer: &&Client| peer.has(cap);
        self.peers(id).iter().filter_map(|peer| self.clients.get(peer)).filter(knows).for_each(
            |peer| {
                peer.send(broadcast);
            },
        );
    }

    /// Those who share a channel with `id`; not `id` itself.
    pub(super) fn peers(&self, id: ClientId) -> BTreeSet<ClientId> {
        let Some(client) = self.clients.get(&id) else { return BTreeSet::new() };
        let channels = client.channels.iter().filter_map(|name| self.channels.get(name));
        channels.flat_map(|channel| channel.members.keys().copied()).filter(|&m| m != id).collect()
    }
}
