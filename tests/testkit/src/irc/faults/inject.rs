//! How faults change the state.

use std::time::Duration;

use super::super::broadcast::Metadata;
use super::super::caps::Cap;
use super::super::client::{ClientId, Recipient};
use super::super::history::StoredMessage;
use super::super::line::Line;
use super::super::numeric::RPL_VISIBLEHOST;
use super::super::state::ServerState;
use super::active::{MessageRefusal, Playback, spend};
use super::chaos::Fault;

/// Malformed lines.
pub(super) const MALFORMED_LINES: [&[u8]; 8] = [
    b"\r\n",
    b":\r\n",
    b"@\r\n",
    b"@;;== :\r\n",
    b"::: :::\r\n",
    b":irc.example 9999 \x00\x01\xff\r\n",
    b"BATCH\r\n",
    b":! PRIVMSG\r\n",
];

/// The hostmask of services.
pub(in super::super) const SERVICES: &str = "ChanServ!services@services.example";

impl ServerState {
    /// What goes wrong with this line of `id`.
    pub(in super::super) fn fault_for(&mut self, id: ClientId, line: &Line<'_>) -> Option<Fault> {
        let talks = matches!(line.command.as_str(), "PRIVMSG" | "NOTICE" | "RELAYMSG");
        if !talks || self.client(id).outbox().is_none() {
            return None;
        }
        if spend(&mut self.faults.drops_before) {
            return Some(Fault::DropBefore);
        }
        if spend(&mut self.faults.drops_after) {
            return Some(Fault::DropAfter);
        }
        self.faults.chaos.as_mut()?.roll()
    }

    /// How this message of `id` to a channel is rejected, if it is.
    pub(in super::super) fn message_refusal(
        &mut self,
        id: ClientId,
        folded: &str,
    ) -> Option<MessageRefusal> {
        self.client(id).outbox()?;
        self.faults.messages.get_mut(folded)?.this_time()
    }

    /// Plays the history of a channel back to `id`, which has just joined.
    pub(in super::super) fn play_back_unasked(&mut self, id: ClientId, folded: &str) {
        let (Some(playback), Some(_)) = (self.faults.playback, self.client(id).outbox()) else {
            return;
        };
        let (Playback::Batch(most) | Playback::Znc(most)) = playback;
        let Some(history) = self.histories.get(folded) else { return };
        let messages = history.latest(None, most).unwrap_or_default();
        let name = history.name.clone();
        match playback {
            Playback::Batch(_) => self.replay(id, &name, messages, true),
            Playback::Znc(_) => {
                let text = |text| format!("PRIVMSG {name} :{text}").into_bytes();
                let knows_time = self.client(id).has(Cap::ServerTime);
                let stamped = messages.into_iter().map(|kept| with_timestamp(kept, knows_time));
                let told = [znc_message(text("Buffer Playback..."))]
                    .into_iter()
                    .chain(stamped)
                    .chain([znc_message(text("Playback Complete."))])
                    .collect();
                self.replay(id, &name, told, false);
            }
        }
    }

    /// Delays everything to clients by this much.
    pub(super) fn delay(&mut self, delay: Duration) {
        self.faults.delay = delay;
        self.clients.values().filter_map(|client| client.outbox()).for_each(|o| o.delay(delay));
    }

    /// Removes the ghost `nick`.
    pub(super) fn remove_ghost(&mut self, nick: &str) {
        let ghost =
            self.client_named(nick).filter(|client| matches!(client.recipient, Recipient::Ghost));
        if let Some(id) = ghost.map(|client| client.id) {
            self.remove_client(id, b"Ping timeout: 240 seconds");
        }
    }

    /// How many clients are behind sockets.
    pub(in super::super) fn client_count(&self) -> usize {
        self.clients.values().filter(|client| client.outbox().is_some()).count()
    }

    pub(super) fn kick_by_services(&mut self, channel: &str, nick: &str, reason: &str) {
        let Some(target) = self.client_named(nick).map(|target| target.id) else { return };
        let folded = self.fold(channel);
        if !self.client(target).channels.contains(&folded) {
            return;
        }
        let words = format!("KICK {channel} {} :{reason}", self.client(target).nick);
        let broadcast = self.broadcast(Metadata::now(), SERVICES, words.as_bytes());
        self.kick_out(target, &folded, broadcast);
    }

    pub(super) fn mode_by_services(&mut self, channel: &str, letters: &str, value: &str) {
        let folded = self.fold(channel);
        let mut values = value.split_ascii_whitespace().map(str::to_owned);
        let Some(changes) = self.change_modes(None, &folded, letters, &mut values) else { return };
        let channel = &self.channels[&folded];
        let words = format!("MODE {} {changes}", channel.name);
        let mut broadcast = self.broadcast(Metadata::now(), SERVICES, words.as_bytes());
        self.send_to_channel(channel, None, &mut broadcast);
    }

    pub(super) fn change_host(&mut self, nick: &str, host: &str, told: bool) {
        let Some(id) = self.client_named(nick).map(|client| client.id) else { return };
        let words = format!("CHGHOST {} {host}", self.client(id).user);
        let mut broadcast = self.broadcast_by(id, words);
        self.client_mut(id).host = host.to_owned();
        if told {
            if self.client(id).has(Cap::Chghost) {
                self.client(id).send(&mut broadcast);
            }
            self.send_to_peers_with(Cap::Chghost, id, &mut broadcast);
            let text = format!("{host} :is now your displayed host");
            self.send_numeric(id, RPL_VISIBLEHOST, text);
        }
    }
}

fn znc_message(words: Vec<u8>) -> StoredMessage {
    StoredMessage { metadata: Metadata::now(), source: "***!znc@znc.in".to_owned(), words }
}

/// The message with its time before the text, for clients without `server-time`.
fn with_timestamp(kept: StoredMessage, knows_time: bool) -> StoredMessage {
    let at = kept.words.windows(2).position(|pair| pair == b" :");
    match at {
        Some(at) if !knows_time => {
            let time = kept.metadata.time.strftime("[%H:%M:%S] ").to_string();
            let (head, text) = kept.words.split_at(at + 2);
            StoredMessage { words: [head, time.as_bytes(), text].concat(), ..kept }
        }
        _ => kept,
    }
}
