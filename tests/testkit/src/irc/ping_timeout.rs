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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use super::*;
    use crate::irc::outbox::{Next, Outbox};
    use crate::irc::setup::Setup;

    fn connected(state: &mut ServerState) -> (ClientId, Arc<Outbox>) {
        state.connect(IpAddr::from(Ipv4Addr::LOCALHOST))
    }

    /// The last line that waits for the client.
    async fn last_line(outbox: &Outbox) -> String {
        let Next::Lines(lines) = outbox.next().await else { panic!("nothing waits") };
        let last = lines.last().expect("there are lines");
        String::from_utf8_lossy(&last.line).into_owned()
    }

    #[tokio::test]
    async fn a_silent_client_is_pinged_and_then_disconnected() {
        let mut state = ServerState::new(Setup::default());
        let (id, outbox) = connected(&mut state);
        state.handle(id, b"NICK ann", false);
        state.handle(id, b"USER ann 0 * :Ann", false);
        for _ in 0..2 {
            state.on_silence(id);
            assert_eq!(last_line(&outbox).await, "PING :irc.example\r\n");
            state.mark_alive(id);
        }
        state.on_silence(id);
        state.on_silence(id);
        let error = "ERROR :Closing Link: ann[127.0.0.1] (Ping timeout: 120 seconds)\r\n";
        assert_eq!(last_line(&outbox).await, error);
        assert!(outbox.is_closing() && state.client_named("ann").is_none());
    }

    #[tokio::test]
    async fn a_client_that_does_not_register_is_disconnected() {
        let mut state = ServerState::new(Setup::default());
        let (id, outbox) = connected(&mut state);
        state.on_silence(id);
        let error = "ERROR :Closing Link: *[127.0.0.1] (Registration timed out)\r\n";
        assert_eq!(last_line(&outbox).await, error);
    }
}
