//! Negotiates IRCv3 capabilities.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::RawCommand;

/// The capabilities that we use (<https://ircv3.net/irc/>), each with those it requires. `sasl` is requested
/// only with an account to log in to.
const WANTED_CAPS: &[(&str, &[&str])] = &[
    ("message-tags", &[]),
    ("server-time", &[]),
    ("batch", &[]),
    ("echo-message", &[]),
    ("labeled-response", &["message-tags", "batch"]),
    ("draft/chathistory", &["message-tags", "batch", "server-time"]),
    ("draft/multiline", &["message-tags", "batch"]),
    ("draft/relaymsg", &["message-tags"]),
    ("overdrivenetworks.com/relaymsg", &["message-tags"]),
    ("znc.in/playback", &["server-time"]),
    ("account-tag", &["message-tags"]),
    ("extended-join", &[]),
    ("account-notify", &[]),
    ("chghost", &[]),
    ("setname", &[]),
    ("away-notify", &[]),
    ("multi-prefix", &[]),
    ("userhost-in-names", &[]),
    ("invite-notify", &[]),
];

/// Capabilities offered by bouncers only. `znc.in/` in general is no sign, since Ergo offers ZNC's playback
/// as well.
const BOUNCER_CAPS: &[&str] = &["znc.in/batch", "znc.in/server-time-iso", "soju.im/"];

/// The offered and the granted capabilities
/// (<https://ircv3.net/specs/extensions/capability-negotiation>).
///
/// A server may answer one request with several lines and several requests in any order, so each requested name is awaited
/// individually. Unknown names are not stored.
#[derive(Debug, Default)]
pub(super) struct Caps {
    /// Names with values, which may be empty.
    offered: BTreeMap<&'static str, String>,
    /// A bouncer was recognised.
    is_bouncer: bool,
    requested: BTreeSet<&'static str>,
    /// Requested together, not yet answered.
    pending_together: BTreeSet<&'static str>,
    /// Requested individually, not yet answered.
    pending_single: BTreeSet<&'static str>,
    enabled: BTreeSet<&'static str>,
}

/// The capabilities of a connection that another process takes over.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::protocol::irc) struct KeptCaps {
    offered: BTreeMap<String, String>,
    requested: BTreeSet<String>,
    enabled: BTreeSet<String>,
    is_bouncer: bool,
}

impl Caps {
    /// What the next process is to know.
    pub(super) fn keep(&self) -> KeptCaps {
        let offered = self.offered.iter();
        let names = |set: &BTreeSet<&'static str>| set.iter().copied().map(str::to_owned).collect();
        KeptCaps {
            offered: offered.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            requested: names(&self.requested),
            enabled: names(&self.enabled),
            is_bouncer: self.is_bouncer,
        }
    }

    /// Continues with what another process knew. Names that this version does not know are forgotten.
    pub(super) fn resume(kept: KeptCaps) -> Self {
        let KeptCaps { offered, requested, enabled, is_bouncer } = kept;
        let known = |names: BTreeSet<String>| names.iter().filter_map(|it| known_cap(it)).collect();
        let offered = offered.into_iter();
        let offered = offered.filter_map(|(name, value)| Some((known_cap(&name)?, value)));
        Self {
            offered: offered.collect(),
            is_bouncer,
            requested: known(requested),
            enabled: known(enabled),
            ..Self::default()
        }
    }

    /// The server offers these.
    pub(super) fn on_ls(&mut self, list: &str) {
        for cap in list.split_ascii_whitespace() {
            let (name, value) = cap.split_once('=').unwrap_or((cap, ""));
            self.is_bouncer |= BOUNCER_CAPS.iter().any(|mark| name.starts_with(mark));
            if let Some(name) = known_cap(name) {
                self.offered.insert(name, value.to_owned());
            }
        }
    }

    /// The server grants these, and withdraws those with a minus.
    pub(super) fn on_ack(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            // Modifiers of the first version of the protocol.
            let name = name.trim_start_matches(['~', '=']);
            match name.strip_prefix('-') {
                Some(name) => self.enabled.remove(name),
                None => known_cap(name).is_some_and(|name| self.enabled.insert(name)),
            };
            self.clear_pending(name);
        }
    }

    /// The server rejects these. If they were requested together, requests them individually.
    pub(super) fn on_nak(&mut self, list: &str) -> Vec<RawCommand> {
        let names: Vec<&str> = list.split_ascii_whitespace().collect();
        let rejected: Vec<&str> =
            names.iter().copied().filter(|name| self.pending_together.contains(name)).collect();
        for name in &names {
            self.clear_pending(name);
        }
        if names.len() < 2 { Vec::new() } else { self.request_single(rejected) }
    }

    /// The server has stopped answering: requests individually, once, what was requested together.
    pub(super) fn on_timeout(&mut self) -> Vec<RawCommand> {
        self.pending_single.clear();
        let requested = std::mem::take(&mut self.pending_together);
        self.request_single(requested)
    }

    /// The server no longer offers these.
    pub(super) fn on_del(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            self.offered.remove(name);
            self.enabled.remove(name);
            self.requested.remove(name);
            self.clear_pending(name);
        }
    }

    /// Requests what is offered, wanted, and not yet requested.
    pub(super) fn request(&mut self, with_sasl: bool) -> Vec<RawCommand> {
        let offered = |cap: &str| self.offered.contains_key(cap);
        let sasl: &[(&str, &[&str])] = if with_sasl { &[("sasl", &[])] } else { &[] };
        let wanted = WANTED_CAPS
            .iter()
            .chain(sasl)
            .filter(|(cap, needs)| offered(cap) && needs.iter().all(|need| offered(need)))
            .map(|(cap, _)| *cap)
            .filter(|cap| !self.requested.contains(*cap));
        let wanted: Vec<&str> = wanted.collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        self.requested.extend(&wanted);
        self.pending_together.extend(&wanted);
        vec![("CAP", vec!["REQ".to_owned(), wanted.join(" ")])]
    }

    /// Whether every request has been answered.
    pub(super) fn is_settled(&self) -> bool {
        self.pending_together.is_empty() && self.pending_single.is_empty()
    }

    /// Whether the capability `name` has been granted.
    pub(super) fn has(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// The value of the capability `name`, if offered.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.offered.get(name).map(String::as_str)
    }

    /// Whether we are connected to a bouncer.
    pub(super) fn is_bouncer(&self) -> bool {
        self.is_bouncer
    }

    fn clear_pending(&mut self, name: &str) {
        self.pending_together.remove(name);
        self.pending_single.remove(name);
    }

    fn request_single<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Vec<RawCommand> {
        let names = names.into_iter().filter_map(known_cap);
        let ask = |name: &'static str| {
            self.pending_single.insert(name);
            ("CAP", vec!["REQ".to_owned(), name.to_owned()])
        };
        names.map(ask).collect()
    }
}

/// The capability `name`, if we know it.
fn known_cap(name: &str) -> Option<&'static str> {
    let wanted = WANTED_CAPS.iter().map(|(cap, _)| *cap);
    wanted.chain(["sasl", "sts"]).find(|cap| *cap == name)
}
