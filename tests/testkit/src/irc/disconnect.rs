//! The ways in which a client leaves the server.

use super::client::{Client, ClientId, Recipient};
use super::state::ServerState;

impl ServerState {
    /// The server closes the connection of `id`: others see `QUIT :reason`, and it gets `ERROR`.
    pub(super) fn close(&mut self, id: ClientId, reason: &str) {
        self.close_with(id, reason.as_bytes(), reason);
    }

    /// As [`close`](Self::close), with a reason of its own for the others.
    pub(super) fn close_with(&mut self, id: ClientId, to_others: &[u8], to_it: &str) {
        let Some(client) = self.remove_client(id, to_others) else { return };
        let goodbye =
            format!("ERROR :Closing Link: {}[{}] ({to_it})", client.nick_or_star(), client.host);
        self.send_last_line(&client, &goodbye);
    }

    /// Writes `words`, the last line, and ends the connection.
    pub(super) fn send_last_line(&self, client: &Client, words: &str) {
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
        if self.faults.ghosts && client.registration.done {
            client.recipient = Recipient::Ghost;
        } else {
            self.remove_client(id, b"Connection reset by peer");
        }
    }

    /// The connection of `id` has ended by itself.
    pub(super) fn connection_lost(&mut self, id: ClientId, reason: &str) {
        let connected = |client: &Client| matches!(client.recipient, Recipient::Socket(_));
        if self.clients.get(&id).is_some_and(connected) {
            self.remove_client(id, reason.as_bytes());
        }
    }

    /// Closes the connections of all clients behind sockets.
    pub(super) fn close_all(&mut self, reason: &str) {
        for id in self.clients_behind_sockets() {
            self.close(id, reason);
        }
    }

    /// Removes all clients behind sockets, without a word to them.
    pub(super) fn drop_all(&mut self) {
        for id in self.clients_behind_sockets() {
            self.remove_client(id, b"irc.example other.example");
        }
    }

    fn clients_behind_sockets(&self) -> Vec<ClientId> {
        let real = self
            .clients
            .values()
            .filter(|client| !matches!(client.recipient, Recipient::VirtualUser(_)));
        let mut ids: Vec<ClientId> = real.map(|client| client.id).collect();
        ids.sort();
        ids
    }

    /// Removes `id`; others see `QUIT :reason`.
    pub(super) fn remove_client(&mut self, id: ClientId, reason: &[u8]) -> Option<Client> {
        let registered = self.clients.get(&id)?.registration.done;
        if registered {
            let mut broadcast = self.broadcast_by(id, [b"QUIT :", reason].concat());
            for peer in self.peers(id) {
                self.client(peer).send(&mut broadcast);
            }
        }
        let client = self.clients.remove(&id)?;
        self.transcript.disconnected(id);
        let folded = self.fold(&client.nick);
        if self.nicks.get(&folded) == Some(&id) {
            self.nicks.remove(&folded);
        }
        for channel in &client.channels {
            self.remove_from_channel(id, channel);
        }
        if registered {
            self.notify_monitors(&client.nick, None);
        }
        Some(client)
    }

    /// Removes `id` from a channel, which ends with its last member, without telling anyone.
    pub(super) fn remove_from_channel(&mut self, id: ClientId, folded: &str) {
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
