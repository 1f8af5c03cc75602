//! Ingests messages: records them in the ledger, and mirrors them to the other endpoints of the group unless
//! loop protection or a rule keeps them back.

use std::sync::Arc;

use jiff::SignedDuration;

use super::context::Ctx;
use super::deliver::enqueue;
use super::loop_guard::LoopVerdict;
use super::notices::{self, format_pause};
use crate::domain::{Author, EndpointId, Message};
use crate::store::{MessageId, StoreError};
use crate::translate::fallback_name;

/// Older messages are being caught up with and cannot be replies.
const LIVE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Records and mirrors `message`, with this remote id, unless it is a duplicate. A fingerprint recognises a
/// message without an id. Returns whether it was new.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn ingest(
    message: &Message,
    remote_id: Option<&str>,
    fingerprint: Option<i64>,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let named;
    let message = if message.author.is_bridge() {
        // No user may appear as the bridge for lack of a name.
        let author = Author { name: fallback_name(&message.author), ..message.author.clone() };
        named = Message { author, ..message.clone() };
        &named
    } else {
        message
    };
    let Some(link) = ctx.endpoints.link(message.source) else { return Ok(false) };
    let Some(id) = ctx.store.record_with_fingerprint(message, remote_id, fingerprint)? else {
        return Ok(false);
    };
    tracing::debug!(endpoint = %link.endpoint, author = message.author.name, remote_id = remote_id, "message received");
    let mirrors = Arc::clone(&link.mirrors);
    mirror(id, message, &mirrors, ctx)?;
    Ok(true)
}

/// Mirrors a recorded `message`, unless loop protection suppresses it, which is counted and reported.
fn mirror(
    id: MessageId,
    message: &Message,
    mirrors: &[EndpointId],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let is_fresh = ctx.now.duration_since(message.sent_at) < LIVE_WINDOW;
    if !ctx.policy.loop_protection || message.author.is_bridge() || !is_fresh {
        return enqueue::fan_out(id, message, mirrors, ctx);
    }
    let conversation = mirrors.iter().copied().fold(message.source, EndpointId::min);
    match ctx.loop_guard.check(conversation, message, ctx.now) {
        LoopVerdict::Allow => enqueue::fan_out(id, message, mirrors, ctx),
        LoopVerdict::Release(held) => {
            tracing::info!(
                author = message.author.name,
                "author sent own words: unmuted, held messages mirrored"
            );
            for (id, held) in &held {
                enqueue::fan_out(*id, held, mirrors, ctx)?;
            }
            enqueue::fan_out(id, message, mirrors, ctx)
        }
        LoopVerdict::Suppress => {
            suppress(id, message, ctx);
            Ok(())
        }
        LoopVerdict::Mute { other: (other, other_endpoint), pause } => {
            suppress(id, message, ctx);
            notify_mute(message, (&other, other_endpoint), &format_pause(pause), ctx)
        }
    }
}

fn suppress(id: MessageId, message: &Message, ctx: &mut Ctx<'_>) {
    ctx.loop_guard.hold(id, message);
    ctx.count_traffic(message.source, |traffic| traffic.suppressed += 1);
}

/// Notifies everybody that the author of `message` is muted, because they only repeat `other`.
fn notify_mute(
    message: &Message,
    (other, other_endpoint): (&str, EndpointId),
    pause: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let author = &message.author.name;
    let here = ctx.endpoints.display_name(message.source);
    let there = ctx.endpoints.display_name(other_endpoint);
    tracing::warn!(author, endpoint = %here, %other, other_endpoint = %there, pause, "bot loop detected; author muted");
    let text = format!(
        "bot loop detected: {author} ({here}) only repeats {other} ({there}). Messages from \
         {author} are not mirrored for {pause}"
    );
    notices::notify_group(message.source, text, ctx)
}
