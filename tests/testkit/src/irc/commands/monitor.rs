//! `MONITOR` (<https://ircv3.net/specs/extensions/monitor>).

use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_MONLISTFULL, RPL_ENDOFMONLIST, RPL_MONLIST, RPL_MONOFFLINE, RPL_MONONLINE,
};
use super::super::state::ServerState;
use super::part_topic_names::packed;

/// How many nicks one client may watch for; ISUPPORT `MONITOR` says so.
pub(super) const MAX_MONITORS: usize = 100;

/// How many bytes of nicks go into one answer.
const MAX_LIST_LEN: usize = 400;

impl ServerState {
    pub(super) fn monitor(&mut self, id: ClientId, line: &Line<'_>) {
        let nicks = line.text(1);
        let nicks: Vec<&str> = nicks.split(',').filter(|nick| !nick.is_empty()).collect();
        match &*line.text(0).to_ascii_uppercase() {
            "+" => self.watch_for(id, &nicks),
            "-" => {
                let gone: Vec<String> = nicks.iter().map(|nick| self.fold(nick)).collect();
                let casemapping = self.setup.casemapping;
                let monitors = &mut self.client_mut(id).monitors;
                monitors.retain(|nick| !gone.contains(&casemapping.fold(nick)));
            }
            "C" => self.client_mut(id).monitors.clear(),
            "L" => {
                for nicks in packed(self.client(id).monitors.clone(), MAX_LIST_LEN) {
                    self.send_numeric(id, RPL_MONLIST, format!(":{}", nicks.replace(' ', ",")));
                }
                self.send_numeric(id, RPL_ENDOFMONLIST, ":End of MONITOR list");
            }
            "S" => self.send_monitor_status(id, &self.client(id).monitors),
            _ => {}
        }
    }

    fn watch_for(&mut self, id: ClientId, nicks: &[&str]) {
        let mut added = Vec::new();
        for (at, nick) in nicks.iter().enumerate() {
            let monitors = &self.client(id).monitors;
            if monitors.iter().any(|known| self.fold(known) == self.fold(nick)) {
                continue;
            }
            if monitors.len() >= MAX_MONITORS {
                let text =
                    format!("{MAX_MONITORS} {} :Monitor list is full.", nicks[at..].join(","));
                self.send_numeric(id, ERR_MONLISTFULL, text);
                break;
            }
            self.client_mut(id).monitors.push((*nick).to_owned());
            added.push((*nick).to_owned());
        }
        self.send_monitor_status(id, &added);
    }

    fn send_monitor_status(&self, id: ClientId, nicks: &[String]) {
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        for nick in nicks {
            match self.client_named(nick) {
                Some(client) => online.push(client.hostmask()),
                None => offline.push(nick.clone()),
            }
        }
        for (code, names) in [(RPL_MONONLINE, online), (RPL_MONOFFLINE, offline)] {
            for names in packed(names, MAX_LIST_LEN) {
                self.send_numeric(id, code, format!(":{}", names.replace(' ', ",")));
            }
        }
    }

    /// Tells those who monitor `nick` that it is online, as `hostmask`, or offline.
    pub(in super::super) fn notify_monitors(&self, nick: &str, hostmask: Option<&str>) {
        let watches = |known: &String| self.fold(known) == self.fold(nick);
        for watcher in self.clients.values().filter(|client| client.monitors.iter().any(watches)) {
            match hostmask {
                Some(hostmask) => {
                    self.send_numeric(watcher.id, RPL_MONONLINE, format!(":{hostmask}"));
                }
                None => self.send_numeric(watcher.id, RPL_MONOFFLINE, format!(":{nick}")),
            }
        }
    }
}
