//! A user of the server: a client behind a socket, or a virtual user.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::broadcast::Broadcast;
use super::caps::{Cap, Caps};
use super::inbox::Inbox;
use super::outbox::{EncodedLine, Outbox};

/// The number of a client, in the order of connecting; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientId(pub(super) u64);

/// Where lines for a client go.
#[derive(Debug)]
pub(super) enum Recipient {
    /// To its socket.
    Socket(Arc<Outbox>),
    /// Into its memory.
    VirtualUser(Arc<Inbox>),
    /// Nowhere: the connection has died, and the server has not noticed.
    Ghost,
}

/// A user of the server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) recipient: Recipient,
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
    pub(super) last_message_at: Instant,
    /// Whether it was sent a `PING` and has sent nothing since.
    pub(super) awaits_pong: bool,
    /// When its recent lines came, for the flood limit.
    pub(super) recent_lines: VecDeque<Instant>,
}

/// How far a client's registration has come.
#[derive(Debug, Default)]
pub(super) struct Registration {
    pub(super) done: bool,
    /// Whether `CAP LS` or `CAP REQ` came, and `CAP END` did not.
    pub(super) negotiating: bool,
    /// `CAP LS 302`: it understands values and several lines.
    pub(super) cap_302: bool,
    pub(super) password: Option<Vec<u8>>,
    pub(super) sasl: Option<Vec<u8>>,
}

impl Client {
    /// A client that has just connected from `host`.
    pub(super) fn new(
        id: ClientId,
        recipient: Recipient,
        host: String,
        now: Instant,
        signed_on: i64,
    ) -> Self {
        Self {
            id,
            recipient,
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
            last_message_at: now,
            awaits_pong: false,
            recent_lines: VecDeque::new(),
        }
    }

    /// `nick!user@host`.
    pub(super) fn hostmask(&self) -> String {
        format!("{}!{}@{}", self.nick, self.user, self.host)
    }

    /// Its nick as numerics address it: `*` before it has one.
    pub(super) fn nick_or_star(&self) -> &str {
        if self.nick.is_empty() { "*" } else { &self.nick }
    }

    /// Whether it has asked for `cap`.
    pub(super) fn has(&self, cap: Cap) -> bool {
        self.caps.has(cap)
    }

    /// Its outbox, when it is behind a socket.
    pub(super) fn outbox(&self) -> Option<&Arc<Outbox>> {
        match &self.recipient {
            Recipient::Socket(outbox) => Some(outbox),
            Recipient::VirtualUser(_) | Recipient::Ghost => None,
        }
    }

    /// Sends it a line.
    pub(super) fn send(&self, broadcast: &mut Broadcast) {
        self.send_encoded(broadcast.encoded_for(self.caps));
    }

    /// Sends it a line that carries no label, even if it caused the line.
    pub(super) fn send_unlabeled(&self, broadcast: &mut Broadcast) {
        match &self.recipient {
            Recipient::Socket(outbox) => outbox.push_unlabeled(broadcast.encoded_for(self.caps)),
            Recipient::VirtualUser(_) | Recipient::Ghost => self.send(broadcast),
        }
    }

    /// Sends it a line that is encoded already.
    pub(super) fn send_encoded(&self, wire: EncodedLine) {
        match &self.recipient {
            Recipient::Socket(outbox) => outbox.push(wire),
            Recipient::VirtualUser(inbox) => inbox.receive(&wire),
            Recipient::Ghost => {}
        }
    }
}
