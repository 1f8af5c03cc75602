use std::collections::{BTreeMap, BTreeSet};

use super::Words;

/// The IRCv3 capabilities that we can make use of (<https://ircv3.net/irc/>), each with those that
/// it is of no use without. `sasl` is asked for where there is an account to log in to.
const WANTED: &[(&str, &[&str])] = &[
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

/// What only bouncers offer: programs that sit between us and the server. Not `znc.in/` alone: Ergo
/// offers ZNC's playback too.
const OF_BOUNCERS: &[&str] = &["znc.in/batch", "znc.in/server-time-iso", "soju.im/"];

/// The capabilities that the server offers, and those that it has granted
/// (<https://ircv3.net/specs/extensions/capability-negotiation>).
///
/// A server may answer one request by several lines, and several requests in any order: each name that
/// we have asked for is awaited by itself. Names that mean nothing to us are not kept.
#[derive(Debug, Default)]
pub(super) struct Caps {
    /// With their values, which may be empty.
    offered: BTreeMap<&'static str, String>,
    /// A bouncer has made itself known.
    bouncer: bool,
    asked: BTreeSet<&'static str>,
    /// What is asked for together, and not answered yet.
    together: BTreeSet<&'static str>,
    /// What is asked for by itself, and not answered yet.
    alone: BTreeSet<&'static str>,
    enabled: BTreeSet<&'static str>,
}

impl Caps {
    /// The server offers these.
    pub(super) fn offer(&mut self, list: &str) {
        for cap in list.split_ascii_whitespace() {
            let (name, value) = cap.split_once('=').unwrap_or((cap, ""));
            self.bouncer |= OF_BOUNCERS.iter().any(|mark| name.starts_with(mark));
            if let Some(name) = known(name) {
                self.offered.insert(name, value.to_owned());
            }
        }
    }

    /// The server grants these, and takes back those after a minus.
    pub(super) fn grant(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            // Marks of the first version of the protocol.
            let name = name.trim_start_matches(['~', '=']);
            match name.strip_prefix('-') {
                Some(name) => self.enabled.remove(name),
                None => known(name).is_some_and(|name| self.enabled.insert(name)),
            };
            self.answered(name);
        }
    }

    /// The server refuses these: if it refuses them together, perhaps it grants some of them.
    pub(super) fn refuse(&mut self, list: &str) -> Vec<Words> {
        let names: Vec<&str> = list.split_ascii_whitespace().collect();
        let again: Vec<&str> =
            names.iter().copied().filter(|name| self.together.contains(name)).collect();
        for name in &names {
            self.answered(name);
        }
        if names.len() < 2 { Vec::new() } else { self.ask_alone(again) }
    }

    /// The server does not answer any more: what it was asked for together, it is asked for one by one,
    /// once.
    pub(super) fn unanswered(&mut self) -> Vec<Words> {
        self.alone.clear();
        let again = std::mem::take(&mut self.together);
        self.ask_alone(again)
    }

    /// The server offers these no longer.
    pub(super) fn withdraw(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            self.offered.remove(name);
            self.enabled.remove(name);
            self.asked.remove(name);
            self.answered(name);
        }
    }

    /// Asks for what is offered, wanted, and not asked for yet.
    pub(super) fn request(&mut self, with_sasl: bool) -> Vec<Words> {
        let offered = |cap: &str| self.offered.contains_key(cap);
        let sasl: &[(&str, &[&str])] = if with_sasl { &[("sasl", &[])] } else { &[] };
        let wanted = WANTED
            .iter()
            .chain(sasl)
            .filter(|(cap, needs)| offered(cap) && needs.iter().all(|need| offered(need)))
            .map(|(cap, _)| *cap)
            .filter(|cap| !self.asked.contains(*cap));
        let wanted: Vec<&str> = wanted.collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        self.asked.extend(&wanted);
        self.together.extend(&wanted);
        vec![("CAP", vec!["REQ".to_owned(), wanted.join(" ")])]
    }

    /// Whether the server has answered every request.
    pub(super) fn are_settled(&self) -> bool {
        self.together.is_empty() && self.alone.is_empty()
    }

    /// Whether the server has granted the capability `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// What the server says of the capability `name`, if it offers it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.offered.get(name).map(String::as_str)
    }

    /// Whether a bouncer offers them.
    pub(super) fn are_of_a_bouncer(&self) -> bool {
        self.bouncer
    }

    fn answered(&mut self, name: &str) {
        self.together.remove(name);
        self.alone.remove(name);
    }

    fn ask_alone<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Vec<Words> {
        let names = names.into_iter().filter_map(known);
        let ask = |name: &'static str| {
            self.alone.insert(name);
            ("CAP", vec!["REQ".to_owned(), name.to_owned()])
        };
        names.map(ask).collect()
    }
}

/// The capability `name`, if it means anything to us.
fn known(name: &str) -> Option<&'static str> {
    let wanted = WANTED.iter().map(|(cap, _)| *cap);
    wanted.chain(["sasl", "sts"]).find(|cap| *cap == name)
}
