//! Everything the server knows: who is on it, which channels there are. Commands change it, one at
//! a time; the sockets are elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::broadcast::{Knowledge, Relay};
use super::caps::{Cap, Caps};
use super::channel::Channel;
use super::client::{Client, ClientId, Ear};
use super::faults::active::Troubles;
use super::history::History;
use super::inbox::Memory;
use super::outbox::Outbox;
use super::setup::Setup;
use super::transcript::Transcript;

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) setup: Arc<Setup>,
    pub(super) clients: HashMap<ClientId, Client>,
    /// Ids by folded nick.
    pub(super) nicks: HashMap<String, ClientId>,
    /// By folded name.
    pub(super) channels: HashMap<String, Channel>,
    /// By folded name of the channel; they outlive it.
    pub(super) histories: HashMap<String, History>,
    pub(super) troubles: Troubles,
    pub(super) transcript: Transcript,
    pub(super) started: Timestamp,
    /// The capabilities on offer now.
    pub(super) offered: Caps,
    clients_so_far: u64,
    messages_so_far: u64,
    batches_so_far: u64,
}

impl World {
    /// An empty one.
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            offered: setup.caps,
            transcript: Transcript::new(setup.transcript),
            setup: Arc::new(setup),
            clients: HashMap::new(),
            nicks: HashMap::new(),
            channels: HashMap::new(),
            histories: HashMap::new(),
            troubles: Troubles::default(),
            started: Timestamp::now(),
            clients_so_far: 0,
            messages_so_far: 0,
            batches_so_far: 0,
        }
    }

    /// A client has connected from `address`.
    pub(super) fn connect(&mut self, address: IpAddr) -> (ClientId, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::new(self.setup.sendq, self.troubles.delay));
        let host = (self.setup.host_of)(address);
        let id = self.arrive(Ear::Socket(Arc::clone(&outbox)), host);
        self.transcript.connected(id);
        (id, outbox)
    }

    /// The person called `nick`, who comes if nobody is called so.
    ///
    /// # Panics
    /// When a client behind a socket is called so.
    pub(super) fn person(&mut self, nick: &str) -> (ClientId, Arc<Memory>) {
        if let Some(client) = self.named(nick) {
            match &client.ear {
                Ear::Person(memory) => return (client.id, Arc::clone(memory)),
                Ear::Socket(_) | Ear::Ghost => panic!("{nick} is the nick of a client"),
            }
        }
        let memory = Arc::new(Memory::new(self.setup.casemapping));
        let id = self.arrive(Ear::Person(Arc::clone(&memory)), "people.example".to_owned());
        let caps = self.setup.caps.and(Caps::none().with(Cap::MessageTags).with(Cap::AccountTag));
        let client = self.clients.get_mut(&id).expect("it has just arrived");
        client.user = format!("~{}", nick.to_ascii_lowercase());
        client.realname = nick.into();
        client.caps = caps;
        client.registration.done = true;
        self.take_nick(id, nick);
        self.tell_monitors(nick, Some(&self.client(id).hostmask()));
        (id, memory)
    }

    fn arrive(&mut self, ear: Ear, host: String) -> ClientId {
        self.clients_so_far += 1;
        let id = ClientId(self.clients_so_far);
        let now = Timestamp::now().as_second();
        self.clients.insert(id, Client::new(id, ear, host, Instant::now(), now));
        id
    }

    /// Gives the nick to `id`, whatever it was called before. Nobody is told.
    pub(super) fn take_nick(&mut self, id: ClientId, nick: &str) {
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

    /// Who is giving a command.
    pub(super) fn client(&self, id: ClientId) -> &Client {
        self.clients.get(&id).expect("who gives a command is here until it is done")
    }

    /// Who is giving a command, to be changed.
    pub(super) fn client_mut(&mut self, id: ClientId) -> &mut Client {
        self.clients.get_mut(&id).expect("who gives a command is here until it is done")
    }

    /// The client of this nick that others can see.
    pub(super) fn named(&self, nick: &str) -> Option<&Client> {
        self.nicks
            .get(&self.fold(nick))
            .and_then(|id| self.clients.get(id))
            .filter(|client| client.registration.done)
    }

    /// The channel of this name.
    pub(super) fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(&self.fold(name))
    }

    /// A name for a new message.
    pub(super) fn next_msgid(&mut self) -> Arc<str> {
        self.messages_so_far += 1;
        format!("{:x}-{}", self.started.as_millisecond(), self.messages_so_far).into()
    }

    /// A name for a new batch.
    pub(super) fn next_batch(&mut self) -> Arc<str> {
        self.batches_so_far += 1;
        format!("b{}", self.batches_so_far).into()
    }

    /// A line by `source`, cut as this server cuts.
    pub(super) fn relay(&self, known: Knowledge, source: &str, words: &[u8]) -> Relay {
        Relay::new(known, source, words, self.setup.linelen, self.setup.utf8_only)
    }

    /// A line that `id` causes now.
    pub(super) fn relay_by(&self, id: ClientId, words: impl AsRef<[u8]>) -> Relay {
        let client = self.client(id);
        let known =
            Knowledge { account: client.account.clone(), bot: client.bot, ..Knowledge::now() };
        self.relay(known, &client.hostmask(), words.as_ref())
    }

    /// A line that the server itself causes now.
    pub(super) fn relay_by_server(&self, words: impl AsRef<[u8]>) -> Relay {
        self.relay(Knowledge::now(), &self.setup.name, words.as_ref())
    }

    /// Tells `id` alone a line by the server.
    pub(super) fn tell(&self, id: ClientId, words: impl AsRef<[u8]>) {
        if let Some(client) = self.clients.get(&id) {
            client.hear(&mut self.relay_by_server(words));
        }
    }

    /// Answers `id` with a numeric: `arguments` as they are to stand on the wire.
    pub(super) fn numeric(&self, id: ClientId, code: u16, arguments: impl AsRef<[u8]>) {
        let Some(client) = self.clients.get(&id) else { return };
        let head = format!("{code:03} {} ", client.called());
        self.tell(id, [head.as_bytes(), arguments.as_ref()].concat());
    }

    /// Tells all in a channel but `except`.
    pub(super) fn tell_channel(
        &self,
        channel: &Channel,
        except: Option<ClientId>,
        relay: &mut Relay,
    ) {
        for id in channel.members.keys().filter(|&&id| Some(id) != except) {
            if let Some(client) = self.clients.get(id) {
                client.hear(relay);
            }
        }
    }

    /// Tells those who have asked for `cap` and share a channel with `id`, and not `id` itself.
    pub(super) fn tell_peers_with(&self, cap: Cap, id: ClientId, relay: &mut Relay) {
        let knows = |peer: &&Client| peer.has(cap);
        self.peers(id).iter().filter_map(|peer| self.clients.get(peer)).filter(knows).for_each(
            |peer| {
                peer.hear(relay);
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
