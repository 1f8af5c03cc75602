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

/// The capabilities that the server offers, and those that it has granted
/// (<https://ircv3.net/specs/extensions/capability-negotiation>).
#[derive(Debug, Default)]
pub(super) struct Caps {
    /// With their values, which may be empty.
    offered: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    /// How many requests are not answered yet.
    unanswered: usize,
    enabled: BTreeSet<String>,
}

impl Caps {
    /// The server offers these.
    pub(super) fn offer(&mut self, list: &str) {
        let split = |cap: &str| {
            let (name, value) = cap.split_once('=').unwrap_or((cap, ""));
            (name.to_owned(), value.to_owned())
        };
        self.offered.extend(list.split_ascii_whitespace().map(split));
    }

    /// The server grants these, and takes back those after a minus.
    pub(super) fn grant(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            match name.strip_prefix('-') {
                Some(name) => self.enabled.remove(name),
                None => self.enabled.insert(name.to_owned()),
            };
        }
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// The server refuses a request as a whole: perhaps it grants some of it.
    pub(super) fn refuse(&mut self, list: &str) -> Vec<Words> {
        self.unanswered = self.unanswered.saturating_sub(1);
        let names: Vec<&str> = list.split_ascii_whitespace().collect();
        if names.len() < 2 {
            return Vec::new();
        }
        self.unanswered += names.len();
        names.into_iter().map(|name| ("CAP", vec!["REQ".to_owned(), name.to_owned()])).collect()
    }

    /// The server offers these no longer.
    pub(super) fn withdraw(&mut self, list: &str) {
        for name in list.split_ascii_whitespace() {
            self.offered.remove(name);
            self.enabled.remove(name);
            self.asked.remove(name);
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
        self.asked.extend(wanted.iter().map(ToString::to_string));
        self.unanswered += 1;
        vec![("CAP", vec!["REQ".to_owned(), wanted.join(" ")])]
    }

    /// Whether the server has answered every request.
    pub(super) fn are_settled(&self) -> bool {
        self.unanswered == 0
    }

    /// Whether the server has granted the capability `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// What the server says of the capability `name`, if it offers it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.offered.get(name).map(String::as_str)
    }

    /// Whether a capability is offered whose name begins like this.
    pub(super) fn offers_like(&self, beginning: &str) -> bool {
        self.offered.keys().any(|name| name.starts_with(beginning))
    }
}
