//! Mirrors joins, parts and the like as notices, as each link's settings say.

use super::post_notice;
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::EndpointState;
use crate::domain::EndpointId;
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;
use crate::translate;
use crate::translate::{StatusChange, StatusEvent};

/// Buffers a change of the user `who`.
pub(in crate::bridge) fn note(
    endpoint: EndpointId,
    who: &str,
    change: StatusChange,
    ctx: &mut Ctx<'_>,
) {
    ctx.status.note(endpoint, who, change, ctx.now);
}

/// Reports recent events where wanted and where messages would not be delayed.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn notify_due(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for (endpoint, events, urgent) in ctx.status.take_due(ctx.now) {
        for to in ctx.endpoints.mirrors(endpoint) {
            let queue = ctx.endpoints.queue(to);
            if queue.is_some_and(|queue| queue.is_open() && !queue.is_held(endpoint))
                && ctx.links.is_carried(endpoint, to)
            {
                ctx.status.enqueue((endpoint, to), &events, urgent, ctx.now);
            }
        }
    }
    for (endpoint, to) in ctx.status.queued_routes() {
        let endpoints = &*ctx.endpoints;
        let is_idle = |urgent| is_idle(to, urgent, endpoints);
        let events = ctx.status.take_queued((endpoint, to), is_idle, ctx.now);
        let text = events.and_then(|events| text_for(endpoint, to, &events, ctx));
        if let Some(text) = text {
            post_notice(endpoint, &[to], text, ctx)?;
        }
    }
    Ok(())
}

/// Whether no message waits for `to` or, unless urgent, for its network, where lines share a rate limit.
pub(in crate::bridge) fn is_idle(
    to: EndpointId,
    urgent: bool,
    endpoints: &crate::bridge::endpoints::Endpoints,
) -> bool {
    let Some(state) = endpoints.get(to) else { return true };
    let network = state.network().filter(|_| !urgent);
    state.queue().head().is_none()
        && network.is_none_or(|network| {
            let mut others = endpoints.channels_on(network);
            others.all(|(_, other)| !other.queue.is_open() || other.queue.head().is_none())
        })
}

/// The notice in `to` about events in `endpoint`, if any. Names are altered so that nobody present is
/// highlighted.
fn text_for(
    endpoint: EndpointId,
    to: EndpointId,
    events: &[StatusEvent],
    ctx: &Ctx<'_>,
) -> Option<String> {
    let format = ctx.routes.format(endpoint, to);
    let state = ctx.endpoints.get(to).filter(|state| state.queue().is_open())?;
    format.status_notices.summarize(events, |name| match state {
        EndpointState::Channel(channel)
            if format.channel.anti_ping && channel.roster.get(name).is_some() =>
        {
            translate::defuse_ping(&translate::name_or_fallback(name))
        }
        _ => translate::name_or_fallback(name).into_owned(),
    })
}

/// The change of a user who left in this way.
pub(in crate::bridge) fn leave_change(reason: LeaveReason) -> StatusChange {
    match reason {
        LeaveReason::Part { reason } | LeaveReason::Quit { reason } => StatusChange::Left(reason),
        LeaveReason::Kick { by, reason } => StatusChange::Kicked { by, reason },
        LeaveReason::Netsplit { servers } => StatusChange::Netsplit(servers),
    }
}
