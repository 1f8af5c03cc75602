//! Receives channels: live, or caught up with from the server's history.
//!
//! A channel's cursor is the last line received. If the server provides history, everything since is
//! requested page by page, with an overlap. Each line is mirrored once, in order, with its time. A line is
//! identified by its msgid, or else by its second, author, text, and ordinal among equal lines. Messages are
//! sent to the channel only when all is read: by then, deliveries in doubt were found or have not arrived.
//!
//! If the server provides no history, a PING marks the end of its automatic playback on joining, and so does
//! the first live line. What is missing then is reported as a gap.

use jiff::{SignedDuration, Timestamp};

use super::{line, pause};
use crate::bridge::context::Ctx;
use crate::bridge::deliver;
use crate::bridge::endpoints::channel::catchup::ChannelCatchUp;
use crate::bridge::endpoints::channel::duplicates::DuplicateCounter;
use crate::bridge::endpoints::channel::{ChannelEndpoint, JoinInfo, Reception};
use crate::bridge::event::Command;
use crate::bridge::notices;
use crate::bridge::notices::format_span;
use crate::bridge::restored_reading;
use crate::domain::{EndpointId, Network};
use crate::protocol::irc;
use crate::protocol::irc::HistoryReply;
use crate::store::{Cursor, StoreError};

/// How far a server's clock may be behind ours for its time of our join to be used in requests.
const MAX_SERVER_CLOCK_LAG: SignedDuration = SignedDuration::from_hours(24);

/// We have joined the channel.
pub(super) fn on_joined(
    network: &Network,
    endpoint: EndpointId,
    joined: JoinInfo,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
        channel.join_info = Some(joined);
        // A server says nothing of a topic that there is not.
        channel.shown_topic.get_or_insert_default();
    }
    start_catchup(network, endpoint, joined, ctx)
}

/// We are still in the channel, on a connection that was taken over: nothing was missed, unless the channel was paused.
/// What a delivery in doubt has become is looked up.
pub(super) fn on_still_joined(
    network: &Network,
    endpoint: EndpointId,
    joined: JoinInfo,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    channel.join_info = Some(joined);
    let in_doubt = channel.queue.in_doubt().is_some();
    if ctx.store.is_paused(endpoint)? {
        return start_catchup(network, endpoint, joined, ctx);
    }
    ctx.store.touch_channel(endpoint, ctx.now)?;
    if in_doubt || ctx.store.channel_progress(endpoint)?.is_none() {
        return start_catchup(network, endpoint, joined, ctx);
    }
    set_live(endpoint, true, ctx)
}

/// Requests what was missed, if anything can have been.
pub(super) fn start_catchup(
    network: &Network,
    endpoint: EndpointId,
    joined: JoinInfo,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(progress) = ctx.store.channel_progress(endpoint)? else {
        ctx.store.init_channel(endpoint, join_time(joined.time, ctx.now), ctx.now)?;
        return set_live(endpoint, false, ctx);
    };
    restored_reading::begin(endpoint, ctx)?;
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    let in_doubt = match channel.queue.in_doubt() {
        Some(delivery) => {
            let after = ctx.store.cursor_at_send(delivery.id)?;
            let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
            Some(after.map_or(progress.first_joined, |cursor| cursor.time))
        }
        None => None,
    };
    let mut catchup = ChannelCatchUp::new(progress, in_doubt, ctx.now);
    catchup.was_paused = ctx.store.is_paused(endpoint)?;
    if !joined.has_history && in_doubt.is_none() && !catchup.is_reportable() {
        return set_live(endpoint, false, ctx);
    }
    catchup.has_history = joined.has_history;
    // While paused, the cursor did not include our own lines.
    catchup.has_echoes = joined.has_echoes && !catchup.was_paused;
    ctx.commands.push(history_request(network, endpoint, &catchup, ctx.now));
    channel.reception = Reception::CatchingUp(Box::new(catchup));
    Ok(())
}

/// Resumes paused channels once there is room.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn resume_paused(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    if !ctx.endpoints.quota.has_room() {
        return Ok(());
    }
    let paused = ctx.endpoints.channels();
    let paused = paused.filter(|(_, channel)| matches!(channel.reception, Reception::Paused));
    let mut paused: Vec<(EndpointId, Network)> =
        paused.map(|(endpoint, channel)| (endpoint, channel.network.clone())).collect();
    paused.sort();
    for (endpoint, network) in paused {
        let Some(channel) = ctx.endpoints.channel(endpoint) else { continue };
        tracing::info!(endpoint = %channel.link.endpoint, "channel resumed");
        if let Some(joined) = channel.join_info {
            start_catchup(&network, endpoint, joined, ctx)?;
        }
    }
    Ok(())
}

/// A history request is complete.
pub(super) fn on_reply(
    network: &Network,
    endpoint: EndpointId,
    reply: HistoryReply,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let is_full = ctx.endpoints.quota.is_exceeded_by(endpoint);
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    let Reception::CatchingUp(catchup) = &mut channel.reception else { return Ok(()) };
    match reply {
        HistoryReply::RetriedByMsgid => {
            catchup.set_by_msgid_only();
            return Ok(());
        }
        HistoryReply::Page(page) if catchup.finish_page(page) || catchup.start_after_last(page) => {
            if is_full {
                return pause::pause(endpoint, ctx);
            }
            ctx.commands.push(history_request(network, endpoint, catchup, ctx.now));
            return Ok(());
        }
        HistoryReply::Page(_) | HistoryReply::All | HistoryReply::Unavailable => {}
        HistoryReply::Failed(reason) => {
            tracing::warn!(endpoint = %channel.link.endpoint, reason = reason, "cannot fetch channel history");
            catchup.mark_failed();
        }
    }
    let complete = catchup.is_gapless();
    finish_catchup(network, endpoint, complete, ctx)
}

/// Ends the catch-up; `complete` tells whether everything was read.
pub(super) fn finish_catchup(
    network: &Network,
    endpoint: EndpointId,
    complete: bool,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(catchup) = ctx.endpoints.channel(endpoint).and_then(ChannelEndpoint::catchup) else {
        return Ok(());
    };
    // If our line was found, what follows it is complete.
    let complete_for_us = complete || (catchup.has_reconciled() && !catchup.has_hole());
    let certain = complete_for_us && catchup.has_history && catchup.has_echoes;
    let skipped = catchup.budget.skipped();
    if !complete && catchup.is_reportable() {
        // A server with history should have had it, and has lost it.
        let lost = catchup.has_history || catchup.has_hole();
        let gap = Gap {
            from: catchup.absence.0,
            to: catchup.absence.1,
            // Until the restoration, the bridge may have mirrored them.
            partly_received: catchup.has_playback() || ctx.restored.is_doubtful(catchup.absence.0),
            announced: lost || catchup.lasted_at_least(ctx.policy.min_reported_gap),
        };
        report_gap(endpoint, gap, ctx)?;
    }
    if skipped > 0 {
        notices::notify_skipped(endpoint, skipped, ctx)?;
    }
    release_held(network, endpoint, ctx)?;
    set_live(endpoint, certain, ctx)
}

/// Processes the held lines.
fn release_held(
    network: &Network,
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let channel = ctx.endpoints.channel_mut(endpoint);
    let Some(catchup) = channel.and_then(ChannelEndpoint::catchup_mut) else { return Ok(()) };
    for held in catchup.release() {
        line::ingest(network, endpoint, held, ctx)?;
    }
    Ok(())
}

/// The channel was left or lost. Processes held lines that will not be repeated.
pub(super) fn on_left(
    network: &Network,
    endpoint: EndpointId,
    at: Timestamp,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return Ok(()) };
    if let Some(catchup) = channel.catchup()
        && catchup.has_unknown_start()
        && catchup.is_reportable()
    {
        // The next catch-up starts after these lines and cannot detect a gap before them.
        let (from, to) = catchup.absence;
        report_gap(endpoint, Gap { from, to, partly_received: true, announced: true }, ctx)?;
    }
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return Ok(()) };
    match &channel.reception {
        Reception::NotJoined => return Ok(()),
        Reception::Paused => {}
        Reception::CatchingUp(catchup) if catchup.has_history => {}
        Reception::CatchingUp(_) => release_held(network, endpoint, ctx)?,
        Reception::Live(_) => ctx.store.touch_channel(endpoint, at)?,
    }
    if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
        channel.forget_stay();
    }
    ctx.status.clear(endpoint);
    Ok(())
}

/// The channel is live and can be sent to. If `certain`, a delivery in doubt has not arrived.
fn set_live(endpoint: EndpointId, certain: bool, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    tracing::info!(endpoint = %channel.link.endpoint, "joined");
    if ctx.store.is_paused(endpoint)? {
        ctx.store.set_paused(endpoint, false)?;
    }
    let ambiguous = channel.catchup().is_some_and(|catchup| catchup.ambiguous);
    restored_reading::finish(endpoint, certain && !ambiguous, ctx);
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    channel.reception = Reception::Live(DuplicateCounter::default());
    ctx.store.touch_channel(endpoint, ctx.now)?;
    if certain && !ambiguous {
        channel.queue.retry(ctx.store)?;
    } else {
        let reason = match ambiguous {
            true => "several lines of the history could be it",
            false => "the history does not show whether it arrived",
        };
        deliver::reconcile::resolve_unconfirmed(endpoint, reason, ctx)?;
    }
    ctx.endpoints.open(endpoint);
    ctx.schedule(endpoint);
    Ok(())
}

/// A period for which it is unknown what was missed.
struct Gap {
    from: Timestamp,
    to: Timestamp,
    /// Part of it was received.
    partly_received: bool,
    /// Users are notified of it.
    announced: bool,
}

/// Counts a gap in the channel, and notifies users if it is to be announced.
fn report_gap(endpoint: EndpointId, gap: Gap, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(name) = ctx.endpoints.endpoint(endpoint) else { return Ok(()) };
    let Gap { from, to, partly_received, announced } = gap;
    ctx.stats.gaps.count += 1;
    ctx.stats.gaps.seconds += to.duration_since(from).as_secs().unsigned_abs();
    tracing::warn!(endpoint = %name, %from, %to, "gap in channel history");
    if !announced {
        return Ok(());
    }
    let text = format!(
        "disconnected from {} {}: messages from that time {} missing here",
        ctx.endpoints.display_name(endpoint),
        format_span(from, to),
        if partly_received { "may be" } else { "are" },
    );
    notices::notify_mirrors(endpoint, text, ctx)
}

/// When we joined according to the server, if plausible.
fn join_time(time: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let likely = |time: &Timestamp| now.duration_since(*time) < MAX_SERVER_CLOCK_LAG;
    time.filter(likely).unwrap_or(now).min(now)
}

/// The request for the next page of the channel's history.
fn history_request(
    network: &Network,
    endpoint: EndpointId,
    catchup: &ChannelCatchUp,
    now: Timestamp,
) -> Command {
    let command = irc::IrcCommand::FetchHistory {
        endpoint,
        since: catchup.page_since(),
        now,
        msgid: catchup.last_msgid().map(str::to_owned),
        by_msgid: catchup.by_msgid,
    };
    Command::Irc(network.clone(), command)
}
