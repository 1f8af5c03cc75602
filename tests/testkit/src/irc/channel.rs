//! A channel: who is in it, and what holds there.

use std::collections::BTreeMap;

use super::client::ClientId;
use super::mask::Mask;

/// A channel with at least one member.
#[derive(Debug)]
pub(super) struct Channel {
    /// As its first member spelled it.
    pub(super) name: String,
    /// In the order in which they connected.
    pub(super) members: BTreeMap<ClientId, Status>,
    pub(super) topic: Option<Topic>,
    pub(super) modes: Modes,
    pub(super) bans: Vec<Ban>,
    /// Seconds since the epoch.
    pub(super) created: i64,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Status {
    pub(super) op: bool,
    pub(super) voice: bool,
}

/// What the channel is about.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) text: Vec<u8>,
    /// Hostmask.
    pub(super) set_by: String,
    /// Seconds since the epoch.
    pub(super) set_at: i64,
}

/// A hostmask that may not join or speak.
#[derive(Debug)]
pub(super) struct Ban {
    pub(super) mask: Mask,
    /// Hostmask.
    pub(super) set_by: String,
    /// Seconds since the epoch.
    pub(super) set_at: i64,
}

/// Modes other than the members' and the bans.
#[derive(Debug, Default)]
pub(super) struct Modes {
    pub(super) invite_only: bool,
    pub(super) moderated: bool,
    pub(super) members_only: bool,
    pub(super) secret: bool,
    pub(super) topic_by_ops: bool,
    pub(super) key: Option<String>,
    pub(super) limit: Option<usize>,
}

impl Status {
    /// The prefixes before a nick: the highest, or all with `multi-prefix`.
    pub(super) fn prefixes(self, all: bool) -> &'static str {
        match (self.op, self.voice) {
            (true, true) if all => "@+",
            (true, _) => "@",
            (false, true) => "+",
            (false, false) => "",
        }
    }
}

impl Channel {
    /// An empty one, with the modes that servers commonly begin with.
    pub(super) fn new(name: &str, created: i64) -> Self {
        Self {
            name: name.to_owned(),
            members: BTreeMap::new(),
            topic: None,
            modes: Modes { members_only: true, topic_by_ops: true, ..Modes::default() },
            bans: Vec::new(),
            created,
        }
    }

    /// What `id` may do here; `None` when not in it.
    pub(super) fn status(&self, id: ClientId) -> Option<Status> {
        self.members.get(&id).copied()
    }

    /// Whether `id` is an operator here.
    pub(super) fn is_op(&self, id: ClientId) -> bool {
        self.status(id).is_some_and(|status| status.op)
    }

    /// Whether a ban fits `hostmask`.
    pub(super) fn is_banned(&self, hostmask: &str) -> bool {
        self.bans.iter().any(|ban| ban.mask.matches(hostmask))
    }

    /// Whether `id`, who is `hostmask`, may speak here.
    pub(super) fn may_send(&self, id: ClientId, hostmask: &str) -> bool {
        match self.status(id) {
            Some(status) if status.op || status.voice => true,
            Some(_) => !self.modes.moderated && !self.is_banned(hostmask),
            None => !self.modes.members_only && !self.modes.moderated && !self.is_banned(hostmask),
        }
    }

    /// `+ntk key`; the key only for members.
    pub(super) fn mode_string(&self, to_member: bool) -> String {
        let modes = &self.modes;
        let mut letters = String::from("+");
        let mut values = String::new();
        for (set, letter) in [
            (modes.invite_only, 'i'),
            (modes.moderated, 'm'),
            (modes.members_only, 'n'),
            (modes.secret, 's'),
            (modes.topic_by_ops, 't'),
        ] {
            letters.extend(set.then_some(letter));
        }
        if let Some(key) = &modes.key {
            letters.push('k');
            values.extend([" ", if to_member { key } else { "*" }]);
        }
        if let Some(limit) = modes.limit {
            letters.push('l');
            values.extend([" ", &limit.to_string()]);
        }
        letters + &values
    }
}
