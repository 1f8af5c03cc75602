//! Capability negotiation: `CAP`
//! (<https://ircv3.net/specs/extensions/capability-negotiation>).

use super::super::caps::{Cap, Caps};
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::ERR_INVALIDCAPCMD;
use super::super::state::ServerState;
use super::part_topic_names::packed;

/// A request to enable or disable one capability.
enum CapChange {
    Known(Cap, bool),
    Vendor(String, bool),
}

impl ServerState {
    pub(super) fn cap(&mut self, id: ClientId, line: &Line<'_>) {
        let subcommand = line.text(0).to_ascii_uppercase();
        if matches!(subcommand.as_str(), "LS" | "REQ") {
            self.client_mut(id).registration.negotiating = true;
        }
        match subcommand.as_str() {
            "LS" => self.cap_ls(id, &line.text(1)),
            "LIST" => {
                let client = self.client(id);
                let known = client.caps.iter().map(|cap| cap.name().to_owned());
                let names = known.chain(client.vendor_caps.iter().cloned()).collect();
                self.send_caps(id, "LIST", names);
            }
            "REQ" => self.cap_req(id, &line.text(1)),
            "END" => {
                self.client_mut(id).registration.negotiating = false;
                self.register(id);
            }
            _ => {
                let text = format!("{subcommand} :Invalid CAP command");
                self.send_numeric(id, ERR_INVALIDCAPCMD, text);
            }
        }
    }

    fn cap_ls(&mut self, id: ClientId, version: &str) {
        let modern = version.parse().is_ok_and(|version: u32| version >= 302);
        let notify = modern && self.offered.has(Cap::CapNotify);
        let client = self.client_mut(id);
        if modern {
            client.registration.cap_302 = true;
        }
        if notify {
            client.caps = client.caps.with(Cap::CapNotify);
        }
        let known = self.offered.iter().map(|cap| ls_entry(cap, modern));
        let bare = |cap: &String| cap.split('=').next().unwrap_or_default().to_owned();
        let vendor =
            self.setup.vendor_caps.iter().map(|cap| if modern { cap.clone() } else { bare(cap) });
        self.send_caps(id, "LS", known.chain(vendor).collect());
    }

    /// `CAP LS` and `CAP LIST`: several lines for clients that know 302, all but the last marked.
    fn send_caps(&self, id: ClientId, subcommand: &str, names: Vec<String>) {
        let client = self.client(id);
        let head = format!("CAP {} {subcommand} ", client.nick_or_star());
        let room = self.setup.linelen.saturating_sub(self.setup.name.len() + head.len() + 8);
        let mut lines = packed(names, room);
        let last = lines.pop().unwrap_or_default();
        if client.registration.cap_302 {
            for line in lines {
                self.send_from_server(id, format!("{head}* :{line}"));
            }
            self.send_from_server(id, format!("{head}:{last}"));
        } else {
            // The old form has one line only; what does not fit is not offered.
            self.send_from_server(id, format!("{head}:{}", lines.first().unwrap_or(&last)));
        }
    }

    fn cap_req(&mut self, id: ClientId, asked: &str) {
        let wishes: Option<Vec<CapChange>> =
            asked.split_ascii_whitespace().map(|name| self.parse_change(name)).collect();
        let Some(wishes) = wishes else {
            return self.send_from_server(
                id,
                format!("CAP {} NAK :{asked}", self.client(id).nick_or_star()),
            );
        };
        self.send_from_server(id, format!("CAP {} ACK :{asked}", self.client(id).nick_or_star()));
        let client = self.client_mut(id);
        for wish in wishes {
            match wish {
                CapChange::Known(cap, true) => client.caps = client.caps.with(cap),
                CapChange::Known(cap, false) => client.caps = client.caps.without(cap),
                CapChange::Vendor(name, true) => drop(client.vendor_caps.insert(name)),
                CapChange::Vendor(name, false) => drop(client.vendor_caps.remove(&name)),
            }
        }
    }

    /// What `name` asks for; `None` for something that is not on offer.
    fn parse_change(&self, name: &str) -> Option<CapChange> {
        let (name, wanted) = name.strip_prefix('-').map_or((name, true), |name| (name, false));
        let known = Cap::named(name).filter(|&cap| self.offered.has(cap));
        let vendor = || {
            let mut names = self.setup.vendor_caps.iter().map(|cap| cap.split('=').next());
            names
                .any(|known| known == Some(name))
                .then(|| CapChange::Vendor(name.to_owned(), wanted))
        };
        known.map(|cap| CapChange::Known(cap, wanted)).or_else(vendor)
    }

    /// Offers `caps` from now on, and tells clients with `cap-notify`.
    pub(in super::super) fn set_offered_caps(&mut self, caps: Caps) {
        let before = std::mem::replace(&mut self.offered, caps);
        let gone: Vec<_> =
            before.iter().filter(|&cap| !caps.has(cap)).map(|cap| cap.name().to_owned()).collect();
        let new: Vec<_> =
            caps.iter().filter(|&cap| !before.has(cap)).map(|cap| ls_entry(cap, true)).collect();
        for client in self.clients.values().filter(|client| client.has(Cap::CapNotify)) {
            for (subcommand, names) in [("DEL", &gone), ("NEW", &new)] {
                if !names.is_empty() {
                    let words =
                        format!("CAP {} {subcommand} :{}", client.nick_or_star(), names.join(" "));
                    self.send_from_server(client.id, words);
                }
            }
        }
        for client in self.clients.values_mut() {
            client.caps = client.caps.and(caps);
        }
    }
}

/// A capability as it is offered: with its value to clients that know 302.
fn ls_entry(cap: Cap, with_value: bool) -> String {
    match cap.value().filter(|_| with_value) {
        Some(value) => format!("{}={value}", cap.name()),
        None => cap.name().to_owned(),
    }
}
