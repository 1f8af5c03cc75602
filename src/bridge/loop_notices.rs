//! Mutes bots in a loop, and notifies everybody there.

use std::sync::Arc;

use jiff::SignedDuration;

use super::loop_guard::{ExpiredMute, LoopVerdict};
use super::{Bridge, Ctx};
use crate::domain::{EndpointId, Message};
use crate::store::{MessageId, StoreError};

/// Older messages are being caught up with and cannot be replies.
const LIVE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    /// Mirrors `message` to its mirrors, unless loop protection suppresses it, which is counted and reported.
    pub(super) fn fan_out_guarded(
        &mut self,
        id: MessageId,
        message: &Message,
        mirrors: &Arc<[EndpointId]>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let fresh = turn.now.duration_since(message.sent_at) < LIVE_WINDOW;
        if !self.policy.loop_protection || message.author.is_bridge() || !fresh {
            return self.fan_out(id, message, mirrors, turn);
        }
        let place = message.source;
        let conversation = mirrors.iter().copied().fold(place, EndpointId::min);
        let (other, pause) = match self.loop_guard.check(conversation, message, turn.now) {
            LoopVerdict::Allow => return self.fan_out(id, message, mirrors, turn),
            LoopVerdict::Release(kept) => {
                tracing::info!(
                    author = message.author.name,
                    "author sent own words: unmuted, held messages mirrored"
                );
                for (id, kept) in &kept {
                    self.fan_out(*id, kept, mirrors, turn)?;
                }
                return self.fan_out(id, message, mirrors, turn);
            }
            LoopVerdict::Suppress => {
                self.suppress(id, message);
                return Ok(());
            }
            LoopVerdict::Mute { other, pause } => (other, format_pause(pause)),
        };
        self.suppress(id, message);
        let ((name, there), one) = (other, &message.author.name);
        let (here, there) = (self.display_name(place), self.display_name(there));
        tracing::warn!(author = one, endpoint = %here, other = %name, other_endpoint = %there, pause, "bot loop detected; author muted");
        let words = format!(
            "bot loop detected: {one} ({here}) only repeats {name} ({there}). Messages from {one} \
             are not mirrored for {pause}"
        );
        let everywhere: Vec<EndpointId> = mirrors.iter().copied().chain([place]).collect();
        self.notify(place, &everywhere, words, turn)
    }

    fn suppress(&mut self, id: MessageId, message: &Message) {
        self.loop_guard.hold(id, message);
        self.count_traffic(message.source, |traffic| traffic.suppressed += 1);
    }

    /// Reports how many messages were suppressed by expired mutes.
    pub(super) fn notify_expired_mutes(&mut self, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        for ExpiredMute { name, endpoint: place, suppressed: held_back } in
            self.loop_guard.take_expired(turn.now)
        {
            let messages =
                if held_back == 1 { "1 message" } else { &format!("{held_back} messages") };
            tracing::info!(%name, suppressed = held_back, "author unmuted");
            let words = format!("mirroring {name} again; {messages} skipped");
            // In direct messages, the author was notified each time.
            let Some(spot) = self.endpoints.get(&place) else { continue };
            let everywhere: Vec<EndpointId> = spot.mirrors.iter().copied().chain([place]).collect();
            self.notify(place, &everywhere, words, turn)?;
        }
        Ok(())
    }
}

fn format_pause(pause: SignedDuration) -> String {
    match pause.as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}
