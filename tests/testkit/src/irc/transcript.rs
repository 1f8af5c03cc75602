//! What clients have sent, for tests to look at.

use std::borrow::Cow;
use std::collections::HashMap;

use super::client::ClientId;

/// A line that a client behind a socket has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedLine {
    /// Which connection it came over: 1 for the first that the server has ever accepted.
    pub connection: u64,
    /// The line, without CR and LF.
    pub bytes: Vec<u8>,
}

impl ReceivedLine {
    /// The line, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// The last lines that clients have sent, and how many connections there were.
#[derive(Debug)]
pub(super) struct Transcript {
    capacity: usize,
    lines: Vec<ReceivedLine>,
    connections: HashMap<ClientId, u64>,
    accepted: u64,
}

impl Transcript {
    /// An empty one of at most `capacity` lines.
    pub(super) fn new(most: usize) -> Self {
        Self { capacity: most, lines: Vec::new(), connections: HashMap::new(), accepted: 0 }
    }

    /// A client has connected.
    pub(super) fn connected(&mut self, id: ClientId) {
        self.accepted += 1;
        self.connections.insert(id, self.accepted);
    }

    /// A client's connection has ended.
    pub(super) fn disconnected(&mut self, id: ClientId) {
        self.connections.remove(&id);
    }

    /// A line came from `id`; those of virtual users are not recorded.
    pub(super) fn received(&mut self, id: ClientId, line: &[u8]) {
        let Some(&connection) = self.connections.get(&id) else { return };
        // Twice as many, so that forgetting seldom has to move the rest.
        if self.lines.len() >= self.capacity.saturating_mul(2) {
            self.lines.drain(..self.lines.len() - self.capacity);
        }
        if self.capacity > 0 {
            self.lines.push(ReceivedLine { connection, bytes: line.to_vec() });
        }
    }

    /// The last lines.
    pub(super) fn lines(&self) -> &[ReceivedLine] {
        &self.lines[self.lines.len().saturating_sub(self.capacity)..]
    }

    /// How many connections there have been.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_are_forgotten() {
        let mut transcript = Transcript::new(2);
        transcript.connected(ClientId(7));
        for n in 0..9 {
            transcript.received(ClientId(7), format!("{n}").as_bytes());
            transcript.received(ClientId(8), b"a person");
        }
        let texts: Vec<_> = transcript.lines().iter().map(ReceivedLine::text).collect();
        assert_eq!(texts, ["7", "8"]);
        assert_eq!(transcript.lines()[0].connection, 1);
        assert!(transcript.lines.len() <= 4);
    }
}
