//! `AWAY` and `SETNAME`.

use super::super::caps::Cap;
use super::super::client::ClientId;
use super::super::line::Line;
use super::super::numeric::{RPL_NOWAWAY, RPL_UNAWAY};
use super::super::state::ServerState;

impl ServerState {
    pub(super) fn away(&mut self, id: ClientId, line: &Line<'_>) {
        let why = Some(line.bytes(0).to_vec()).filter(|why| !why.is_empty());
        let words = why.as_ref().map_or(b"AWAY".to_vec(), |why| [b"AWAY :", &why[..]].concat());
        let (code, text) = match why {
            Some(_) => (RPL_NOWAWAY, ":You have been marked as being away"),
            None => (RPL_UNAWAY, ":You are no longer marked as being away"),
        };
        self.client_mut(id).away = why;
        self.send_numeric(id, code, text);
        self.send_to_peers_with(Cap::AwayNotify, id, &mut self.broadcast_by(id, words));
    }

    pub(super) fn setname(&mut self, id: ClientId, line: &Line<'_>) {
        let name = line.bytes(0);
        self.client_mut(id).realname = name.to_vec();
        let mut broadcast = self.broadcast_by(id, [b"SETNAME :", name].concat());
        if self.client(id).has(Cap::Setname) {
            self.client(id).send(&mut broadcast);
        }
        self.send_to_peers_with(Cap::Setname, id, &mut broadcast);
    }
}
