//! Watching for people: `MONITOR` (<https://ircv3.net/specs/extensions/monitor>).

use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{
    ERR_MONLISTFULL, RPL_ENDOFMONLIST, RPL_MONLIST, RPL_MONOFFLINE, RPL_MONONLINE,
};
use super::super::state::World;
use super::part_topic_names::packed;

/// How many nicks one client may watch for; ISUPPORT `MONITOR` says so.
pub(super) const MOST_MONITORS: usize = 100;

/// How many bytes of nicks go into one answer.
const ROOM: usize = 400;

impl World {
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
                for nicks in packed(self.client(id).monitors.clone(), ROOM) {
                    self.numeric(id, RPL_MONLIST, format!(":{}", nicks.replace(' ', ",")));
                }
                self.numeric(id, RPL_ENDOFMONLIST, ":End of MONITOR list");
            }
            "S" => self.tell_whereabouts(id, &self.client(id).monitors),
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
            if monitors.len() >= MOST_MONITORS {
                let text =
                    format!("{MOST_MONITORS} {} :Monitor list is full.", nicks[at..].join(","));
                self.numeric(id, ERR_MONLISTFULL, text);
                break;
            }
            self.client_mut(id).monitors.push((*nick).to_owned());
            added.push((*nick).to_owned());
        }
        self.tell_whereabouts(id, &added);
    }

    fn tell_whereabouts(&self, id: ClientId, nicks: &[String]) {
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        for nick in nicks {
            match self.named(nick) {
                Some(client) => online.push(client.hostmask()),
                None => offline.push(nick.clone()),
            }
        }
        for (code, names) in [(RPL_MONONLINE, online), (RPL_MONOFFLINE, offline)] {
            for names in packed(names, ROOM) {
                self.numeric(id, code, format!(":{}", names.replace(' ', ",")));
            }
        }
    }

    /// Tells those who watch for `nick` that it has come, as `hostmask`, or gone.
    pub(in super::super) fn tell_monitors(&self, nick: &str, hostmask: Option<&str>) {
        let watches = |known: &String| self.fold(known) == self.fold(nick);
        for watcher in self.clients.values().filter(|client| client.monitors.iter().any(watches)) {
            match hostmask {
                Some(hostmask) => self.numeric(watcher.id, RPL_MONONLINE, format!(":{hostmask}")),
                None => self.numeric(watcher.id, RPL_MONOFFLINE, format!(":{nick}")),
            }
        }
    }
}
