//! Saves when channels were last received, in case the process dies, so that the start of a gap is known.

use jiff::{SignedDuration, Timestamp};

use crate::bridge::context::Ctx;
use crate::bridge::peers::LAST_SEEN_SAVE_INTERVAL;
use crate::domain::Network;
use crate::store::StoreError;

/// How often it is saved together with other changes, which needs no additional commit. Per received channel,
/// a little longer.
const SAVE_INTERVAL_ALONG: SignedDuration = SignedDuration::from_secs(1);
const SAVE_INTERVAL_PER_CHANNEL: SignedDuration = SignedDuration::from_millis(10);

/// A connection silent for up to this long counts as alive.
const SILENCE_GRACE: SignedDuration = SignedDuration::from_secs(20);

/// Saves what is due.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn save_last_seen(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let joined = i32::try_from(ctx.endpoints.joined()).unwrap_or(i32::MAX);
    let along = SAVE_INTERVAL_ALONG + SAVE_INTERVAL_PER_CHANNEL.saturating_mul(joined);
    let interval = if ctx.store.has_uncommitted() {
        along.min(LAST_SEEN_SAVE_INTERVAL)
    } else {
        LAST_SEEN_SAVE_INTERVAL
    };
    for (network, at) in ctx.peers.take_unsaved_networks(interval, ctx.now) {
        save_network(&network, ctx.now.min(at + SILENCE_GRACE), ctx)?;
    }
    Ok(())
}

fn save_network(network: &Network, at: Timestamp, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    ctx.store.extend_nick(network, None, at)?;
    if let Some(puppets) = ctx.senders.get_puppets(network) {
        for account in puppets.users_with_nick() {
            ctx.store.extend_nick(network, Some(account), at)?;
        }
    }
    for (endpoint, channel) in ctx.endpoints.channels_on(network) {
        if channel.is_live() {
            ctx.store.touch_channel(endpoint, at)?;
        }
    }
    Ok(())
}
