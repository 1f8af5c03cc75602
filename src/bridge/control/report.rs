//! Reports how the bridge is.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use crate::bridge::canary::Canary;
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::{EndpointState, Endpoints};
use crate::bridge::event::Peer;
use crate::bridge::link_direction::LinkDirection;
use crate::bridge::links::{LinkIndex, LinkRecord, Links};
use crate::bridge::report::{
    BridgeReport, ConnectionReport, DirectionReport, LinkReport, LinkState,
};
use crate::domain::{DeliveryId, EndpointId};
use crate::store::{Store, StoreError, WaitingFilter};

/// How the bridge is; of the connections, only which there are.
pub(super) fn report(canary: &Canary, ctx: &mut Ctx<'_>) -> Result<BridgeReport, StoreError> {
    observe(ctx);
    let count = ctx.links.iter().count();
    for link in 0..count {
        for direction in [LinkDirection::ToIrc, LinkDirection::ToLetsChat] {
            find_oldest(link, direction, ctx)?;
        }
    }
    let peers: BTreeSet<Peer> = ctx
        .endpoints
        .iter()
        .filter(|(_, state)| state.link().is_some())
        .map(|(_, state)| state.peer())
        .collect();
    let links = ctx.links.iter().map(|link| report_link(link, ctx));
    Ok(BridgeReport {
        connections: peers.into_iter().map(ConnectionReport::new).collect(),
        links: links.collect(),
        queued_bytes: ctx.endpoints.quota.queued_bytes(),
        canary: ctx.links.canary().and_then(|link| canary.report(link)),
        ..BridgeReport::default()
    })
}

/// Looks at the state of each link, to know since when it is so. Forgets those that are gone.
pub(in crate::bridge) fn observe(ctx: &mut Ctx<'_>) {
    let endpoints = &*ctx.endpoints;
    ctx.links.forget_gone(|end| endpoints.get(end).is_some());
    for link in ctx.links.iter_mut() {
        let state = state_of(link, endpoints);
        if link.observed.is_none_or(|(before, _)| before != state) {
            link.observed = Some((state, ctx.now));
        }
    }
}

fn state_of(link: &LinkRecord, endpoints: &Endpoints) -> LinkState {
    let ends = [link.channel, link.room].map(|end| endpoints.get(end));
    let is_open = |end: &Option<&EndpointState>| end.is_some_and(|end| end.queue().is_open());
    if link.is_leaving {
        LinkState::Leaving
    } else if link.pause.is_some() {
        LinkState::Paused
    } else if !ends.iter().all(is_open) {
        LinkState::Down
    } else if ends.iter().flatten().any(|end| end.is_paused()) {
        LinkState::Full
    } else {
        LinkState::Up
    }
}

fn report_link(link: &LinkRecord, ctx: &Ctx<'_>) -> LinkReport {
    let (state, observed) = link.observed.unwrap_or((state_of(link, ctx.endpoints), ctx.now));
    let ends = [link.channel, link.room];
    let outages =
        ends.iter().filter_map(|end| Some((*end, ctx.endpoints.link(*end)?.outage.as_ref()?)));
    let since = match state {
        LinkState::Paused => link.pause.map(|pause| pause.since),
        LinkState::Down => outages.clone().map(|(_, outage)| outage.since).min(),
        LinkState::Leaving | LinkState::Full | LinkState::Up => None,
    };
    let problems = ends.iter().filter_map(|end| {
        let linked = ctx.endpoints.link(*end)?;
        let outage = linked.outage.as_ref().and_then(|outage| outage.reason.as_ref());
        let reason = linked.join_problem.as_ref().or(outage)?;
        Some(format!("{}: {reason}", ctx.endpoints.display_name(*end)))
    });
    let problem = problems.collect::<Vec<String>>().join("; ");
    LinkReport {
        link: link.id.clone(),
        is_canary: link.is_canary,
        phase: link.phase,
        direction: link.flow,
        state,
        since: Some(since.unwrap_or(observed)),
        problem: (!problem.is_empty()).then_some(problem),
        to_irc: report_direction(link, LinkDirection::ToIrc, ctx),
        to_letschat: report_direction(link, LinkDirection::ToLetsChat, ctx),
        last_error: link.last_error.clone(),
    }
}

/// The figures of one direction, with what is offered.
fn report_direction(link: &LinkRecord, direction: LinkDirection, ctx: &Ctx<'_>) -> DirectionReport {
    let unheard = ctx.phases.unheard(link.unheard_link(direction));
    DirectionReport {
        is_mirrored: link.is_mirrored(direction),
        offered: unheard.offered,
        offered_span: unheard.offered_span,
        catching_up: unheard.asked,
        ..link.report(direction)
    }
}

/// Looks for the oldest delivery that waits, if it is unknown: usually it is the first of the queue.
fn find_oldest(
    index: LinkIndex,
    direction: LinkDirection,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(link) = ctx.links.get(index) else { return Ok(()) };
    let Some(after) = link.counts(direction).unknown_oldest_after() else { return Ok(()) };
    let to = link.end(direction);
    let head = ctx.endpoints.queue(to).filter(|queue| !queue.has_held()).and_then(|it| it.head());
    let head = head.filter(|head| ctx.links.is_on(index, head.message.source, to));
    let oldest = match head {
        Some(head) => Some((head.id, head.message.sent_at)),
        None => find_stored(index, to, after, ctx.links, ctx.store)?,
    };
    if let Some(link) = ctx.links.get_mut(index) {
        link.counts_mut(direction).set_oldest(oldest);
    }
    Ok(())
}

fn find_stored(
    index: LinkIndex,
    to: EndpointId,
    after: DeliveryId,
    links: &Links,
    store: &Store,
) -> Result<Option<(DeliveryId, Timestamp)>, StoreError> {
    let (sources, is_exclusion): (HashSet<EndpointId>, bool) = links.sources_of(index, to);
    let sources: Vec<EndpointId> = sources.into_iter().collect();
    let filter = WaitingFilter { to, sources: &sources, is_exclusion, after };
    let first = store.waiting_deliveries(filter, 1)?.pop();
    Ok(first.map(|first| (first.id, first.message.sent_at)))
}
