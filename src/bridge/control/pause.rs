//! Pauses and resumes links.
//!
//! What is said goes on being heard, and waits in the outbox, where it counts for `store.max_queue_size`. In a group, only
//! what crosses the paused link waits. A pause survives a restart; it ends when the link is removed from the
//! configuration, so that what waits can leave.
//!
//! People are told as of an outage: on both ends of the link, once the pause has lasted a minute, and when it ends.

use std::collections::HashSet;

use jiff::SignedDuration;

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::Endpoints;
use crate::bridge::links::{LinkIndex, LinkPause, LinkRecord, LinkSetup};
use crate::bridge::notices;
use crate::domain::{Endpoint, EndpointId, LinkId};
use crate::store::StoreError;

/// People are not told of shorter pauses.
const MIN_ANNOUNCED_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// These links exist from now on, in this order. Must be called after their ends
/// have become known, or are about to leave.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn set_links(
    links: &[LinkSetup],
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let endpoints = &*ctx.endpoints;
    let records = links.iter().filter_map(|link| record(link.ends, *link, endpoints)).collect();
    ctx.links.set(records, &ctx.store.waiting_counts()?, |end| endpoints.get(end).is_some());
    for paused in ctx.store.paused_links()? {
        let meant = |link: &&mut LinkRecord| {
            (link.channel, link.room) == (paused.channel, paused.room) && !link.is_leaving
        };
        match ctx.links.iter_mut().find(meant) {
            Some(link) => {
                let (since, is_announced) = (paused.since, paused.is_announced);
                link.pause = Some(LinkPause { since, is_announced });
            }
            None => ctx.store.set_link_paused(paused.channel, paused.room, None)?,
        }
    }
    let linked: HashSet<EndpointId> = ctx.endpoints.links().map(|(id, _)| id).collect();
    hold(linked, ctx)
}

/// What is known of a new link between these endpoints.
fn record(
    (one, other): (EndpointId, EndpointId),
    setup: LinkSetup,
    endpoints: &Endpoints,
) -> Option<LinkRecord> {
    match (endpoints.endpoint(one)?, endpoints.endpoint(other)?) {
        (Endpoint::Channel { network, name }, Endpoint::Room(room)) => {
            let id = LinkId { network: network.clone(), channel: name.clone(), room: room.clone() };
            Some(LinkRecord::new(id, (one, other), setup))
        }
        (Endpoint::Room(_), Endpoint::Channel { .. }) => record((other, one), setup, endpoints),
        _ => None,
    }
}

/// Delivers nothing over the link any more. Returns whether it was not paused.
pub(super) fn pause(link: LinkIndex, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
    let Some(paused) = ctx.links.get_mut(link) else { return Ok(false) };
    if paused.pause.is_some() {
        return Ok(false);
    }
    paused.pause = Some(LinkPause { since: ctx.now, is_announced: false });
    ctx.store.set_link_paused(paused.channel, paused.room, Some(ctx.now))?;
    tracing::info!(link = %paused.id, "link paused by the administrator");
    hold(ctx.links.group_of(link), ctx)?;
    Ok(true)
}

/// Delivers over the link again. Returns whether it was paused.
pub(super) fn resume(link: LinkIndex, ctx: &mut Ctx<'_>) -> Result<bool, StoreError> {
    let Some(paused) = ctx.links.get_mut(link) else { return Ok(false) };
    let Some(pause) = paused.pause.take() else { return Ok(false) };
    let (channel, room) = (paused.channel, paused.room);
    ctx.store.set_link_paused(channel, room, None)?;
    tracing::info!(link = %paused.id, "link resumed by the administrator");
    hold(ctx.links.group_of(link), ctx)?;
    if pause.is_announced {
        for (end, other) in [(channel, room), (room, channel)] {
            if !ctx.links.is_carried(end, other) {
                continue;
            }
            let text = format!("{} is reachable again", ctx.endpoints.display_name(other));
            notices::notify(end, &[end], text, ctx)?;
        }
    }
    Ok(true)
}

/// Holds back what crosses a paused link on its way to these endpoints, and nothing else.
fn hold(endpoints: HashSet<EndpointId>, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let has_paused = ctx.links.has_paused();
    for endpoint in endpoints {
        let sources = if has_paused { ctx.links.held_sources(endpoint) } else { HashSet::new() };
        let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { continue };
        if queue.set_held(sources, ctx.store)? {
            ctx.schedule(endpoint);
        }
    }
    Ok(())
}

/// Tells people of pauses that have lasted long enough.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn notify_due(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let now = ctx.now;
    let mut due = Vec::new();
    for link in ctx.links.iter_mut() {
        if let Some(pause) = &mut link.pause
            && !pause.is_announced
            && !link.is_canary
            && now.duration_since(pause.since) >= MIN_ANNOUNCED_PAUSE
        {
            pause.is_announced = true;
            due.push((link.channel, link.room));
        }
    }
    for (channel, room) in due {
        ctx.store.set_link_pause_announced(channel, room)?;
        for (end, other) in [(channel, room), (room, channel)] {
            let name = ctx.endpoints.display_name(other);
            if !ctx.links.is_carried(end, other) {
                continue;
            }
            let text = format!(
                "cannot reach {name}: paused by an administrator; messages from here are queued"
            );
            notices::notify(end, &[end], text, ctx)?;
        }
    }
    Ok(())
}
