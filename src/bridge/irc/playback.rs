//! Classifies a line that was played back: new, known, or our delivery in doubt.

use jiff::Timestamp;

use crate::bridge::context::Ctx;
use crate::bridge::deliver;
use crate::bridge::endpoints::channel::catchup::ChannelCatchUp;
use crate::bridge::endpoints::channel::duplicates::{fingerprint, floor_to_second};
use crate::bridge::endpoints::channel::{ChannelEndpoint, Reception};
use crate::bridge::restored::sightings::{SightedSender, Sighting};
use crate::bridge::sent_line::matched_len;
use crate::domain::{EndpointId, Network};
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};
use crate::translate::could_be_mirrored;

/// The classification of a played-back line.
pub(super) enum PlaybackKind {
    /// Received before, our own, or from before our first join.
    Known,
    /// New; mirrored if `admit`.
    New { admit: bool },
}

/// Classifies a line played back during a catch-up; it was sent at `sent_at`, by our clock.
pub(super) fn classify(
    network: &Network,
    endpoint: EndpointId,
    message: &IncomingMessage,
    sent_at: Timestamp,
    ctx: &mut Ctx<'_>,
) -> Result<PlaybackKind, StoreError> {
    let Some(time) = message.message_ref.time else {
        return classify_untimed(network, endpoint, message, ctx);
    };
    let channel = ctx.endpoints.channel_mut(endpoint);
    let Some(catchup) = channel.and_then(ChannelEndpoint::catchup_mut) else {
        return Ok(PlaybackKind::Known);
    };
    let trace = fingerprint(message, time);
    let number = catchup.ordinal(message, time, trace);
    let is_old = catchup.is_old(message, time);
    let is_before_absence = catchup.is_before_absence(time);
    let msgid = message.message_ref.msgid.as_deref();
    let has_known_id = msgid.map_or(Ok(false), |msgid| ctx.store.contains(endpoint, msgid))?;
    let is_before = msgid.is_none() && is_before_absence;
    let is_noted = !has_known_id && !is_before && !is_old;
    if is_own(network, message, time, ctx)? {
        if has_known_id || (msgid.is_none() && is_before_absence) {
            note(endpoint, ctx, |catchup| catchup.note_known(trace));
        }
        if !reconcile(endpoint, message, number, ctx)? && is_noted {
            note_for_restored(endpoint, message, (true, time), ctx);
        }
        return Ok(PlaybackKind::Known);
    }
    // We had this nick after losing the connection, so all lines under it are ours.
    if message.is_own_userhost && reconcile(endpoint, message, number, ctx)? {
        ctx.store.start_nick(network, None, &message.author.name, time)?;
        return Ok(PlaybackKind::Known);
    }
    // Or under a nick that a restored backup does not know.
    if message.is_own_userhost && is_in_our_format(endpoint, message, ctx) {
        count_unknown_own(endpoint, message, ctx);
        note_for_restored(endpoint, message, (true, time), ctx);
        return Ok(PlaybackKind::Known);
    }
    let is_known =
        has_known_id || number <= ctx.store.count_fingerprints(endpoint, trace, msgid.is_some())?;
    if is_known {
        ctx.count_traffic(endpoint, |traffic| traffic.duplicates += 1);
        note(endpoint, ctx, |catchup| catchup.note_known(trace));
    } else if is_old {
        note(endpoint, ctx, ChannelCatchUp::note_older);
    }
    if is_known || is_old {
        return Ok(PlaybackKind::Known);
    }
    note_for_restored(endpoint, message, (false, time), ctx);
    Ok(admit_new(network, endpoint, trace, sent_at, ctx))
}

/// A restored state does not know which lines are copies: they are compared with what is to be delivered.
fn note_for_restored(
    endpoint: EndpointId,
    message: &IncomingMessage,
    (is_own, at): (bool, Timestamp),
    ctx: &mut Ctx<'_>,
) {
    let at = ctx.restored.sent_at(endpoint, Some(at), ctx.now);
    if !ctx.restored.is_doubtful(at) {
        return;
    }
    let is_ours = is_own && is_in_our_format(endpoint, message, ctx);
    let speaker = &message.author.name;
    let by = if is_ours { SightedSender::Bridge } else { SightedSender::Named(speaker) };
    let id = message.message_ref.msgid.as_deref();
    // What is not ours is recorded as a message.
    ctx.restored
        .note(endpoint, &Sighting { by, text: &message.text, at, id, is_unrecorded: is_own });
}

/// Classifies a line without a timestamp. Without a msgid either, it is skipped, and something may be
/// missing.
fn classify_untimed(
    network: &Network,
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<PlaybackKind, StoreError> {
    let is_ours = is_own(network, message, ctx.now, ctx)?
        || (message.is_own_userhost && is_in_our_format(endpoint, message, ctx));
    let trace = fingerprint(message, Timestamp::UNIX_EPOCH);
    let Some(msgid) = &message.message_ref.msgid else {
        if !is_ours {
            note(endpoint, ctx, ChannelCatchUp::mark_hole);
        }
        return Ok(PlaybackKind::Known);
    };
    let is_known = ctx.store.contains(endpoint, msgid)?;
    if is_known {
        note(endpoint, ctx, |catchup| catchup.note_known(trace));
    }
    if is_known || is_ours {
        return Ok(PlaybackKind::Known);
    }
    Ok(admit_new(network, endpoint, trace, ctx.now, ctx))
}

/// A new line was played back: it is mirrored if the limits of the catch-up allow it.
fn admit_new(
    network: &Network,
    endpoint: EndpointId,
    trace: i64,
    sent_at: Timestamp,
    ctx: &mut Ctx<'_>,
) -> PlaybackKind {
    let limits = ctx.policy.catchup_limits(network);
    let channel = ctx.endpoints.channel_mut(endpoint);
    let Some(catchup) = channel.and_then(ChannelEndpoint::catchup_mut) else {
        return PlaybackKind::Known;
    };
    let admit = catchup.budget.admit(sent_at, ctx.now, limits);
    catchup.note_new(trace);
    PlaybackKind::New { admit }
}

/// Counts a line played back unrequested among equal ones. Returns whether it is newer than everything
/// received, and unknown.
pub(super) fn take_unrequested(
    network: &Network,
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let (Some(time), Some(progress)) =
        (message.message_ref.time, ctx.store.channel_progress(endpoint)?)
    else {
        return Ok(false);
    };
    let channel = ctx.endpoints.channel_mut(endpoint);
    let Some(Reception::Live(duplicates)) = channel.map(|channel| &mut channel.reception) else {
        return Ok(false);
    };
    let trace = fingerprint(message, time);
    let number = duplicates.next_ordinal(time, trace);
    let has_msgid = message.message_ref.msgid.is_some();
    let is_known = number <= ctx.store.count_fingerprints(endpoint, trace, has_msgid)?;
    let is_ours = is_own(network, message, time, ctx)?
        || (message.is_own_userhost && is_in_our_format(endpoint, message, ctx));
    Ok(!is_ours && !is_known && time >= floor_to_second(progress.cursor.time))
}

/// Whether a line from our own connection has the form of a mirrored message. Mirroring it would send
/// authors their own words.
pub(super) fn is_in_our_format(
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &Ctx<'_>,
) -> bool {
    let first = message.text.split('\n').next().unwrap_or_default();
    let mut formats = ctx.routes.formats_to(endpoint);
    formats.any(|format| could_be_mirrored(message.kind, first, &format.channel.prefixes))
}

/// A line under our nick in that form that we do not know: a bouncer repeats our own, or the state is a
/// restored backup.
pub(super) fn count_unknown_own(
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) {
    ctx.count_traffic(endpoint, |traffic| traffic.unknown_own += 1);
    let Some(name) = ctx.endpoints.endpoint(endpoint) else { return };
    tracing::warn!(
        endpoint = %name,
        nick = message.author.name,
        msgid = message.message_ref.msgid,
        "message by the bridge's own nick that this bridge did not send; not mirrored. Was a \
         backup restored, or does a bouncer replay history?"
    );
}

/// A line of ours is played back, perhaps the delivery in doubt. Returns whether it is.
fn reconcile(
    endpoint: EndpointId,
    message: &IncomingMessage,
    number: u32,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(false) };
    let Reception::CatchingUp(catchup) = &mut channel.reception else { return Ok(false) };
    let Some(time) = message.message_ref.time else { return Ok(false) };
    let Some(delivery) = channel.queue.in_doubt() else { return Ok(false) };
    let id = delivery.id;
    let Some(rendered) = &delivery.rendered else { return Ok(false) };
    let after = ctx.store.cursor_at_send(id)?;
    let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
    let rest = channel.queue.remaining(&rendered.body);
    let Some(end) = matched_len(rendered, rest, message) else { return Ok(false) };
    if let Some(after) = &after
        && ChannelCatchUp::is_ambiguous(message, time, after)
    {
        catchup.ambiguous = true;
        return Ok(false);
    }
    let msgid = message.message_ref.msgid.as_deref();
    let is_before = after.is_some_and(|after| time < after.time || after.is_at(msgid));
    let is_known = msgid.map_or(Ok(false), |msgid| ctx.store.contains(endpoint, msgid))?;
    if is_before
        || is_known
        || !catchup.has_echoes
        || !catchup.mark_reconciled(message, time, number)
    {
        return Ok(false);
    }
    if end == rest.len() {
        ctx.count_traffic(endpoint, |traffic| traffic.reconciled += 1);
        deliver::ack(id, endpoint, msgid, ctx)?;
        return Ok(true);
    }
    let acked = rendered.body.len() - rest.len() + end;
    channel.queue.set_progress(acked, ctx.store)?;
    Ok(true)
}

/// Whether a played-back line, sent at `time` under any nick, is ours.
fn is_own(
    network: &Network,
    message: &IncomingMessage,
    time: Timestamp,
    ctx: &Ctx<'_>,
) -> Result<bool, StoreError> {
    let speaker = message.relayed_by.as_deref().unwrap_or(&message.author.name);
    Ok(message.is_own || ctx.store.owned_nick(network, speaker, time)?)
}

/// Tells the channel's catch-up of a line.
fn note(endpoint: EndpointId, ctx: &mut Ctx<'_>, change: impl FnOnce(&mut ChannelCatchUp)) {
    let channel = ctx.endpoints.channel_mut(endpoint);
    if let Some(catchup) = channel.and_then(ChannelEndpoint::catchup_mut) {
        change(catchup);
    }
}
