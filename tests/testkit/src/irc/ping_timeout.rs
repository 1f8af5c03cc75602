//! What happens to clients that send nothing.

use super::client::ClientId;
use super::state::ServerState;

impl ServerState {
    /// `id` has sent something.
    pub(super) fn mark_alive(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.awaits_pong = false;
        }
    }

    /// `id` has been silent for as long as it may: it is sent one `PING`, and the next time it is
    /// disconnected.
    pub(super) fn on_silence(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if !client.registration.done {
            return self.close(id, "Registration timed out");
        }
        if std::mem::replace(&mut client.awaits_pong, true) {
            let seconds = self.setup.ping_every.as_secs();
            return self.close(id, &format!("Ping timeout: {seconds} seconds"));
        }
        if let Some(outbox) = client.outbox() {
            // From the link itself, and so without a source.
            outbox.push(format!("PING :{}\r\n", self.setup.name).into_bytes().into());
        }
    }
}
