//! The ways in which a client leaves the server.

use super::client::{Client, ClientId, Ear};
use super::state::World;

impl World {
    /// The server throws `id` out, or lets it go: others see `QUIT :reason`, and it sees why.
    pub(super) fn close(&mut self, id: ClientId, reason: &str) {
        self.close_with(id, reason.as_bytes(), reason);
    }

    /// As [`close`](Self::close), with a reason of its own for the others.
    pub(super) fn close_with(&mut self, id: ClientId, to_others: &[u8], to_it: &str) {
        let Some(client) = self.leave(id, to_others) else { return };
        let goodbye =
            format!("ERROR :Closing Link: {}[{}] ({to_it})", client.called(), client.host);
        self.goodbye(&client, &goodbye);
    }

    /// Writes `words`, the last line, and ends the connection.
    pub(super) fn goodbye(&self, client: &Client, words: &str) {
        if let Some(outbox) = client.outbox() {
            // ERROR has no source: it is the link that speaks.
            outbox.push(format!("{words}\r\n").into_bytes().into());
            outbox.finish();
        }
    }

    /// The connection of `id` dies without a word. The server notices, unless ghosts stay.
    pub(super) fn cut(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if let Some(outbox) = client.outbox() {
            outbox.cut();
        }
        if self.troubles.ghosts && client.registration.done {
            client.ear = Ear::Ghost;
        } else {
            self.leave(id, b"Connection reset by peer");
        }
    }

    /// The connection of `id` has ended by itself.
    pub(super) fn hung_up(&mut self, id: ClientId, reason: &str) {
        let connected = |client: &Client| matches!(client.ear, Ear::Socket(_));
        if self.clients.get(&id).is_some_and(connected) {
            self.leave(id, reason.as_bytes());
        }
    }

    /// All clients behind sockets are thrown out.
    pub(super) fn close_all(&mut self, reason: &str) {
        for id in self.clients_behind_sockets() {
            self.close(id, reason);
        }
    }

    /// All clients behind sockets are gone without a word.
    pub(super) fn lose_all(&mut self) {
        for id in self.clients_behind_sockets() {
            self.leave(id, b"irc.example other.example");
        }
    }

    fn clients_behind_sockets(&self) -> Vec<ClientId> {
        let real = self.clients.values().filter(|client| !matches!(client.ear, Ear::Person(_)));
        let mut ids: Vec<ClientId> = real.map(|client| client.id).collect();
        ids.sort();
        ids
    }

    /// Takes `id` from the server; others see `QUIT :reason`.
    pub(super) fn leave(&mut self, id: ClientId, reason: &[u8]) -> Option<Client> {
        let registered = self.clients.get(&id)?.registration.done;
        if registered {
            let mut relay = self.relay_by(id, [b"QUIT :", reason].concat());
            for peer in self.peers(id) {
                self.client(peer).hear(&mut relay);
            }
        }
        let client = self.clients.remove(&id)?;
        self.transcript.disconnected(id);
        let folded = self.fold(&client.nick);
        if self.nicks.get(&folded) == Some(&id) {
            self.nicks.remove(&folded);
        }
        for channel in &client.channels {
            self.leave_channel(id, channel);
        }
        if registered {
            self.tell_monitors(&client.nick, None);
        }
        Some(client)
    }

    /// Takes `id` from a channel, which ends with its last member. Nobody is told.
    pub(super) fn leave_channel(&mut self, id: ClientId, folded: &str) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.channels.remove(folded);
        }
        if let Some(channel) = self.channels.get_mut(folded) {
            channel.members.remove(&id);
            if channel.members.is_empty() {
                self.channels.remove(folded);
            }
        }
    }
}
