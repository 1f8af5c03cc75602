//! Somebody on the server: a client behind a socket, or a person in memory.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::broadcast::Relay;
use super::caps::{Cap, Caps};
use super::inbox::Memory;
use super::outbox::{Outbox, Wire};

/// Names a client for as long as the server runs. Handed out in the order of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientId(pub(super) u64);

/// Where lines for a client go.
#[derive(Debug)]
pub(super) enum Ear {
    /// To its socket.
    Socket(Arc<Outbox>),
    /// Into its memory.
    Person(Arc<Memory>),
    /// Nowhere: the connection has died, and the server has not noticed.
    Ghost,
}

/// Somebody on the server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) ear: Ear,
    /// Empty until one was accepted.
    pub(super) nick: String,
    /// Empty until `USER`.
    pub(super) user: String,
    pub(super) host: String,
    pub(super) realname: Vec<u8>,
    pub(super) account: Option<Arc<str>>,
    pub(super) caps: Caps,
    /// Vendor capabilities it has asked for.
    pub(super) vendor_caps: BTreeSet<String>,
    pub(super) registration: Registration,
    /// Folded names of the channels it is in.
    pub(super) channels: BTreeSet<String>,
    /// Folded names of the channels it has been invited to.
    pub(super) invitations: HashSet<String>,
    pub(super) away: Option<Vec<u8>>,
    pub(super) invisible: bool,
    pub(super) bot: bool,
    /// Nicks it watches for, as it spells them.
    pub(super) monitors: Vec<String>,
    /// Seconds since the epoch.
    pub(super) signed_on: i64,
    pub(super) spoke: Instant,
    /// Asked whether it is there, and has said nothing since.
    pub(super) pinged: bool,
    /// When its recent lines came, for the flood limit.
    pub(super) recent: VecDeque<Instant>,
}

/// How far a client has come in making itself known.
#[derive(Debug, Default)]
pub(super) struct Registration {
    pub(super) done: bool,
    /// `CAP LS` or `CAP REQ` was said and `CAP END` was not.
    pub(super) negotiating: bool,
    /// `CAP LS 302`: it understands values and several lines.
    pub(super) cap_302: bool,
    pub(super) password: Option<Vec<u8>>,
    pub(super) sasl: Option<Vec<u8>>,
}

impl Client {
    /// Somebody who has just connected from `host`.
    pub(super) fn new(id: ClientId, ear: Ear, host: String, now: Instant, signed_on: i64) -> Self {
        Self {
            id,
            ear,
            nick: String::new(),
            user: String::new(),
            host,
            realname: Vec::new(),
            account: None,
            caps: Caps::none(),
            vendor_caps: BTreeSet::new(),
            registration: Registration::default(),
            channels: BTreeSet::new(),
            invitations: HashSet::new(),
            away: None,
            invisible: false,
            bot: false,
            monitors: Vec::new(),
            signed_on,
            spoke: now,
            pinged: false,
            recent: VecDeque::new(),
        }
    }

    /// `nick!user@host`.
    pub(super) fn hostmask(&self) -> String {
        format!("{}!{}@{}", self.nick, self.user, self.host)
    }

    /// How numerics call it.
    pub(super) fn called(&self) -> &str {
        if self.nick.is_empty() { "*" } else { &self.nick }
    }

    /// Whether it has asked for `cap`.
    pub(super) fn has(&self, cap: Cap) -> bool {
        self.caps.has(cap)
    }

    /// Its outbox, when it is behind a socket.
    pub(super) fn outbox(&self) -> Option<&Arc<Outbox>> {
        match &self.ear {
            Ear::Socket(outbox) => Some(outbox),
            Ear::Person(_) | Ear::Ghost => None,
        }
    }

    /// Hears a line.
    pub(super) fn hear(&self, relay: &mut Relay) {
        self.hear_wire(relay.form(self.caps));
    }

    /// Hears a line that does not answer the command under way, even though it caused it.
    pub(super) fn hear_apart(&self, relay: &mut Relay) {
        match &self.ear {
            Ear::Socket(outbox) => outbox.push_apart(relay.form(self.caps)),
            Ear::Person(_) | Ear::Ghost => self.hear(relay),
        }
    }

    /// Hears a line that is made for it.
    pub(super) fn hear_wire(&self, wire: Wire) {
        match &self.ear {
            Ear::Socket(outbox) => outbox.push(wire),
            Ear::Person(memory) => memory.hear(&wire),
            Ear::Ghost => {}
        }
    }
}
