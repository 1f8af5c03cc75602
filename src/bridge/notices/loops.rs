//! Mutes bots in a loop, and notifies everybody there.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::bridge::loop_guard::{ExpiredMute, LoopVerdict};
use crate::bridge::{Bridge, Ctx};
use crate::domain::{EndpointId, Message};
use crate::store::{MessageId, StoreError};

/// Older messages are being caught up with and cannot be replies.
const LIVE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    /// Mirrors `message` to its mirrors, unless loop protection suppresses it, which is counted and reported.
    pub(in crate::bridge) fn fan_out_guarded(
        &mut self,
        id: MessageId,
        message: &Message,
        mirrors: &Arc<[EndpointId]>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let fresh = ctx.now.duration_since(message.sent_at) < LIVE_WINDOW;
        if !self.policy.loop_protection || message.author.is_bridge() || !fresh {
            return self.fan_out(id, message, mirrors, ctx);
        }
        let endpoint = message.source;
        let conversation = mirrors.iter().copied().fold(endpoint, EndpointId::min);
        let (other, pause) = match self.loop_guard.check(conversation, message, ctx.now) {
            LoopVerdict::Allow => return self.fan_out(id, message, mirrors, ctx),
            LoopVerdict::Release(kept) => {
                tracing::info!(
                    author = message.author.name,
                    "author sent own words: unmuted, held messages mirrored"
                );
                for (id, kept) in &kept {
                    self.fan_out(*id, kept, mirrors, ctx)?;
                }
                return self.fan_out(id, message, mirrors, ctx);
            }
            LoopVerdict::Suppress => {
                self.suppress(id, message);
                return Ok(());
            }
            LoopVerdict::Mute { other, pause } => (other, format_pause(pause)),
        };
        self.suppress(id, message);
        let ((name, there), one) = (other, &message.author.name);
        let (here, there) = (self.display_name(endpoint), self.display_name(there));
        tracing::warn!(author = one, endpoint = %here, other = %name, other_endpoint = %there, pause, "bot loop detected; author muted");
        let words = format!(
            "bot loop detected: {one} ({here}) only repeats {name} ({there}). Messages from {one} \
             are not mirrored for {pause}"
        );
        let everywhere: Vec<EndpointId> = mirrors.iter().copied().chain([endpoint]).collect();
        self.notify(endpoint, &everywhere, words, ctx)
    }

    fn suppress(&mut self, id: MessageId, message: &Message) {
        self.loop_guard.hold(id, message);
        self.count_traffic(message.source, |traffic| traffic.suppressed += 1);
    }

    /// Reports how many messages were suppressed by expired mutes.
    pub(in crate::bridge) fn notify_expired_mutes(
        &mut self,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        for ExpiredMute { name, endpoint, suppressed } in self.loop_guard.take_expired(ctx.now) {
            let messages =
                if suppressed == 1 { "1 message" } else { &format!("{suppressed} messages") };
            tracing::info!(%name, suppressed = suppressed, "author unmuted");
            let words = format!("mirroring {name} again; {messages} skipped");
            // In direct messages, the author was notified each time.
            let Some(state) = self.endpoints.get(&endpoint) else { continue };
            let everywhere: Vec<EndpointId> =
                state.mirrors.iter().copied().chain([endpoint]).collect();
            self.notify(endpoint, &everywhere, words, ctx)?;
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
