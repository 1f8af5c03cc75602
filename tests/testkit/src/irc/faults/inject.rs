//! How mischief strikes the world.

use std::time::Duration;

use super::super::broadcast::Knowledge;
use super::super::caps::Cap;
use super::super::client::{ClientId, Ear};
use super::super::history::Kept;
use super::super::line::Line;
use super::super::numeric::RPL_VISIBLEHOST;
use super::super::state::World;
use super::active::{Playback, TalkRefusal, spend};
use super::chaos::Mishap;

/// Lines that make no sense.
pub(super) const NONSENSE: [&[u8]; 8] = [
    b"\r\n",
    b":\r\n",
    b"@\r\n",
    b"@;;== :\r\n",
    b"::: :::\r\n",
    b":irc.example 9999 \x00\x01\xff\r\n",
    b"BATCH\r\n",
    b":! PRIVMSG\r\n",
];

/// Who speaks for services.
pub(in super::super) const SERVICES: &str = "ChanServ!services@services.example";

impl World {
    /// What goes wrong with this line of `id`.
    pub(in super::super) fn mishap(&mut self, id: ClientId, line: &Line<'_>) -> Option<Mishap> {
        let talks = matches!(line.command.as_str(), "PRIVMSG" | "NOTICE" | "RELAYMSG");
        if !talks || self.client(id).outbox().is_none() {
            return None;
        }
        if spend(&mut self.troubles.drops_before) {
            return Some(Mishap::DropBefore);
        }
        if spend(&mut self.troubles.drops_after) {
            return Some(Mishap::DropAfter);
        }
        self.troubles.chaos.as_mut()?.roll()
    }

    /// How this message of `id` to a channel is refused.
    pub(in super::super) fn talk_refusal(
        &mut self,
        id: ClientId,
        folded: &str,
    ) -> Option<TalkRefusal> {
        self.client(id).outbox()?;
        self.troubles.talk.get_mut(folded)?.this_time()
    }

    /// Plays the past of a channel back to `id`, who has just joined.
    pub(in super::super) fn play_back_unasked(&mut self, id: ClientId, folded: &str) {
        let (Some(playback), Some(_)) = (self.troubles.playback, self.client(id).outbox()) else {
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
                let stamped = messages.into_iter().map(|kept| stamped(kept, knows_time));
                let told = [by_znc(text("Buffer Playback..."))]
                    .into_iter()
                    .chain(stamped)
                    .chain([by_znc(text("Playback Complete."))])
                    .collect();
                self.replay(id, &name, told, false);
            }
        }
    }

    /// Everything to clients is this late from now on.
    pub(super) fn delay(&mut self, delay: Duration) {
        self.troubles.delay = delay;
        self.clients.values().filter_map(|client| client.outbox()).for_each(|o| o.delay(delay));
    }

    /// Removes the ghost `nick`.
    pub(super) fn bury(&mut self, nick: &str) {
        let ghost = self.named(nick).filter(|client| matches!(client.ear, Ear::Ghost));
        if let Some(id) = ghost.map(|client| client.id) {
            self.leave(id, b"Ping timeout: 240 seconds");
        }
    }

    /// How many clients are behind sockets.
    pub(in super::super) fn connected(&self) -> usize {
        self.clients.values().filter(|client| client.outbox().is_some()).count()
    }

    pub(super) fn kick_by_services(&mut self, channel: &str, nick: &str, reason: &str) {
        let Some(target) = self.named(nick).map(|target| target.id) else { return };
        let folded = self.fold(channel);
        if !self.client(target).channels.contains(&folded) {
            return;
        }
        let words = format!("KICK {channel} {} :{reason}", self.client(target).nick);
        let relay = self.relay(Knowledge::now(), SERVICES, words.as_bytes());
        self.remove(target, &folded, relay);
    }

    pub(super) fn mode_by_services(&mut self, channel: &str, letters: &str, value: &str) {
        let folded = self.fold(channel);
        let mut values = value.split_ascii_whitespace().map(str::to_owned);
        let Some(changes) = self.change_modes(None, &folded, letters, &mut values) else { return };
        let channel = &self.channels[&folded];
        let words = format!("MODE {} {changes}", channel.name);
        let mut relay = self.relay(Knowledge::now(), SERVICES, words.as_bytes());
        self.tell_channel(channel, None, &mut relay);
    }

    pub(super) fn change_host(&mut self, nick: &str, host: &str, told: bool) {
        let Some(id) = self.named(nick).map(|client| client.id) else { return };
        let words = format!("CHGHOST {} {host}", self.client(id).user);
        let mut relay = self.relay_by(id, words);
        self.client_mut(id).host = host.to_owned();
        if told {
            if self.client(id).has(Cap::Chghost) {
                self.client(id).hear(&mut relay);
            }
            self.tell_peers_with(Cap::Chghost, id, &mut relay);
            let text = format!("{host} :is now your displayed host");
            self.numeric(id, RPL_VISIBLEHOST, text);
        }
    }
}

fn by_znc(words: Vec<u8>) -> Kept {
    Kept { known: Knowledge::now(), source: "***!znc@znc.in".to_owned(), words }
}

/// The message with its time before the text, for who knows of no other place for it.
fn stamped(kept: Kept, knows_time: bool) -> Kept {
    let at = kept.words.windows(2).position(|pair| pair == b" :");
    match at {
        Some(at) if !knows_time => {
            let time = kept.known.time.strftime("[%H:%M:%S] ").to_string();
            let (head, text) = kept.words.split_at(at + 2);
            Kept { words: [head, time.as_bytes(), text].concat(), ..kept }
        }
        _ => kept,
    }
}
