//! Mirrors a line of a channel, live or played back, unless it is known or our own.

use jiff::Timestamp;

use super::playback::{self, PlaybackKind};
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::channel::Reception;
use crate::bridge::endpoints::channel::duplicates::fingerprint;
use crate::bridge::report::NotMirrored;
use crate::bridge::{commands, ingest, phases};
use crate::domain::{EndpointId, Message, Network};
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};

/// When and how a line reached us.
struct Arrival {
    /// When it was sent, by our clock.
    sent_at: Timestamp,
    /// It was played back.
    is_playback: bool,
    /// It may have been sent long ago, so commands in it are not answered.
    is_late: bool,
    /// It is mirrored; otherwise only recorded.
    admitted: bool,
}

/// Processes one line, received at `received_at`, in the channel's order.
pub(super) fn ingest(
    network: &Network,
    endpoint: EndpointId,
    (received_at, line): (Timestamp, IncomingMessage),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !line.is_playback && take_puppet_echo(network, endpoint, &line, ctx)? {
        return Ok(());
    }
    if !line.is_playback && line.is_own && playback::is_in_our_format(endpoint, &line, ctx) {
        playback::count_unknown_own(endpoint, &line, ctx);
        return Ok(());
    }
    let Some(arrival) = classify(network, endpoint, received_at, &line, ctx)? else {
        return Ok(());
    };
    record(endpoint, line, &arrival, ctx)
}

/// How the line arrived; `None` if it is known or our own.
fn classify(
    network: &Network,
    endpoint: EndpointId,
    received_at: Timestamp,
    line: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<Option<Arrival>, StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(None) };
    let is_playback = line.is_playback;
    let sent_at = match line.message_ref.time {
        _ if !is_playback => received_at,
        time => ctx.restored.sent_at(endpoint, time, ctx.now).min(ctx.now),
    };
    let mut arrival = Arrival { sent_at, is_playback, is_late: is_playback, admitted: true };
    if let Reception::CatchingUp(catchup) = &mut channel.reception {
        arrival.is_late |= catchup.has_history;
        if is_playback {
            arrival.sent_at = catchup.sent_at(sent_at, ctx.now);
            match playback::classify(network, endpoint, line, arrival.sent_at, ctx)? {
                PlaybackKind::Known => return Ok(None),
                PlaybackKind::New { admit } => arrival.admitted = admit,
            }
        }
    } else if is_playback && !playback::take_unrequested(network, endpoint, line, ctx)? {
        return Ok(None);
    }
    Ok(Some(arrival))
}

/// Records the line, mirrors it if it is admitted, and advances the channel's cursor.
fn record(
    endpoint: EndpointId,
    line: IncomingMessage,
    arrival: &Arrival,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let time = line.message_ref.time;
    let trace = time.map(|time| fingerprint(&line, time));
    // Not in the future, or lines until then would never be requested.
    let up_to = time.unwrap_or(ctx.now).min(ctx.now);
    let cursor = Cursor { time: up_to, last_line: Some(line.message_ref.msgid.clone()) };
    let IncomingMessage { author, kind, text: body, message_ref, .. } = line;
    let message = Message { source: endpoint, author, kind, body, sent_at: arrival.sent_at };
    let msgid = message_ref.msgid.as_deref();
    let is_new = if arrival.admitted {
        ingest::ingest(&message, msgid, trace, ctx)?
    } else {
        ctx.store.record_with_fingerprint(&message, msgid, trace)?.is_some()
    };
    ctx.count_traffic(endpoint, |traffic| match (is_new, arrival.is_playback, arrival.admitted) {
        (false, ..) => traffic.duplicates += 1,
        (true, _, false) => traffic.skipped += 1,
        (true, true, true) => traffic.caught_up += 1,
        (true, false, true) => traffic.received += 1,
    });
    if is_new && !arrival.admitted {
        ctx.count_not_mirrored(endpoint, NotMirrored::Skipped);
    }
    if is_new && !arrival.is_late {
        commands::request_answer(&message, ctx);
        phases::on_spoke(&message, ctx)?;
    }
    ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)
}

/// Handles a line under the nick of a puppet. Returns whether it was one: where a services account has several
/// clients under one nick, its owner writes under the nick of their puppet, too.
fn take_puppet_echo(
    network: &Network,
    endpoint: EndpointId,
    message: &IncomingMessage,
    ctx: &mut Ctx<'_>,
) -> Result<bool, StoreError> {
    let Some(puppets) = ctx.senders.get_puppets(network) else { return Ok(false) };
    let account = puppets.echo_owner(&message.author.name, endpoint, ctx.now).cloned();
    let Some(account) = account else { return Ok(false) };
    if !puppets.record_echo(endpoint, &account, message)
        && ctx.senders.puppet_logins.in_use(network, &account).is_some()
    {
        return Ok(false);
    }
    let cursor = Cursor {
        time: message.message_ref.time.unwrap_or(ctx.now),
        last_line: Some(message.message_ref.msgid.clone()),
    };
    ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)?;
    Ok(true)
}
