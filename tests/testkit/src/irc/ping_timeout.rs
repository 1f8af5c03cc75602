//! How long the server waits for a client that says nothing.

use super::client::ClientId;
use super::state::World;

impl World {
    /// `id` has said something, whatever it was.
    pub(super) fn is_alive(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.pinged = false;
        }
    }

    /// `id` has been silent for as long as it may: it is asked once whether it is there, and then
    /// thrown out.
    pub(super) fn lose_patience(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if !client.registration.done {
            return self.close(id, "Registration timed out");
        }
        if std::mem::replace(&mut client.pinged, true) {
            let seconds = self.setup.ping_every.as_secs();
            return self.close(id, &format!("Ping timeout: {seconds} seconds"));
        }
        if let Some(outbox) = client.outbox() {
            // From the link itself, and so without a source.
            outbox.push(format!("PING :{}\r\n", self.setup.name).into_bytes().into());
        }
    }
}
