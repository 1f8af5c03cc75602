//! Reports outages of an endpoint to its group, and their end. Short absences, such as a kick or a restart,
//! are not reported.

use super::notify;
use crate::bridge::context::Ctx;
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Records that the endpoint is unavailable; `reason` is the one as currently known.
pub(in crate::bridge) fn record(endpoint: EndpointId, reason: Option<&str>, ctx: &mut Ctx<'_>) {
    if let Some(link) = ctx.endpoints.link_mut(endpoint) {
        link.record_outage(reason, ctx.now);
    }
}

/// Records that the endpoint is available again, and notifies users if they were notified of the outage.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn end(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(link) = ctx.endpoints.link_mut(endpoint) else { return Ok(()) };
    if let Some(outage) = link.outage.take() {
        ctx.stats.outages.count += 1;
        let seconds = ctx.now.duration_since(outage.since).as_secs();
        ctx.stats.outages.seconds += seconds.unsigned_abs();
    }
    if !std::mem::take(&mut link.outage_notice.announced) {
        return Ok(());
    }
    ctx.store.set_outage_announced(endpoint, false)?;
    let text = format!("{} is reachable again", ctx.endpoints.display_name(endpoint));
    for (to, _) in concerned(endpoint, ctx) {
        notify(endpoint, &[to], text.as_str(), ctx)?;
    }
    Ok(())
}

/// The other endpoints of the group that exchange messages with this one, and whether theirs are queued for it.
fn concerned(endpoint: EndpointId, ctx: &Ctx<'_>) -> Vec<(EndpointId, bool)> {
    let mirrors = ctx.endpoints.mirrors(endpoint).into_iter();
    let ways = mirrors
        .map(|to| (to, ctx.links.is_carried(to, endpoint), ctx.links.is_carried(endpoint, to)));
    ways.filter(|(_, there, back)| *there || *back).map(|(to, there, _)| (to, there)).collect()
}

/// Reports outages that have lasted long enough.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn notify_due(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let now = ctx.now;
    let due = ctx.endpoints.iter_mut().filter_map(|(endpoint, state)| {
        let reason = state.link_mut()?.take_due_outage(now)?;
        Some((endpoint, reason))
    });
    let mut due: Vec<(EndpointId, Option<String>)> = due.collect();
    due.sort();
    for (endpoint, reason) in due {
        ctx.store.set_outage_announced(endpoint, true)?;
        let name = ctx.endpoints.display_name(endpoint);
        let reason = reason.map(|reason| format!(": {}", reason.trim_end_matches('.')));
        let reason = reason.unwrap_or_default();
        for (to, is_queued) in concerned(endpoint, ctx) {
            let queued = if is_queued { "; messages from here are queued" } else { "" };
            notify(endpoint, &[to], format!("cannot reach {name}{reason}{queued}"), ctx)?;
        }
    }
    Ok(())
}
