//! Acts on the phases of links: announces their changes, tells people on IRC where the room is, names it in the topic, and
//! moderates channels where nobody is heard.
//!
//! What is mirrored in which phase, `unheard` decides; what was not mirrored, `catch_up` delivers.

mod announce;
mod channel;
mod facts;
mod greet;

use std::collections::HashSet;

use jiff::SignedDuration;

use super::context::Ctx;
use super::link_direction::LinkDirection;
use crate::domain::EndpointId;
use crate::store::{StoreError, ToldPhase};

pub(super) use channel::{give_voices, is_moderated_by_us, on_rights, on_topic};
pub(super) use greet::{on_joined, on_spoke, on_user_changed};

/// How often what is old is forgotten, and what was not mirrored is counted anew.
const CHORES_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Who was only reminded is forgotten after this time.
const REMINDERS_KEPT: SignedDuration = SignedDuration::from_hours(48);

/// How many messages that were not mirrored are kept for one direction of a link: the last ones.
const MAX_UNHEARD: u32 = 10_000;

/// The links and their phases are those of the configuration from now on. A link that is new is not announced.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn set_links(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let links = ctx.links.iter().filter(|link| !link.is_leaving && !link.is_canary);
    let links: Vec<_> = links.map(|link| ((link.channel, link.room), link.phase)).collect();
    let configured: HashSet<_> = links.iter().map(|(ends, _)| *ends).collect();
    for gone in ctx.phases.told_links() {
        if !configured.contains(&gone) {
            ctx.phases.forget_link(gone, ctx.store)?;
        }
    }
    for ((channel, room), phase) in links {
        if ctx.phases.told((channel, room)).is_none() {
            let told = ToldPhase { channel, room, at_channel: phase, at_room: phase };
            ctx.phases.set_told(told, ctx.store)?;
        }
    }
    stop_catch_up(ctx)?;
    log_changes(ctx);
    announce::announce_due(ctx)?;
    let channels: Vec<EndpointId> = ctx.endpoints.channels().map(|(id, _)| id).collect();
    for channel in channels {
        channel::update(channel, ctx)?;
    }
    Ok(())
}

/// What was asked for over a link that lets it pass no more is only offered again.
fn stop_catch_up(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let mut stopped = Vec::new();
    for link in ctx.links.iter() {
        for direction in [LinkDirection::ToIrc, LinkDirection::ToLetsChat] {
            let unheard = link.unheard_link(direction);
            if !link.is_mirrored(direction) && ctx.phases.unheard(unheard).asked > 0 {
                stopped.push(unheard);
            }
        }
    }
    for link in &stopped {
        ctx.store.unask_unheard(*link)?;
    }
    if stopped.is_empty() { Ok(()) } else { ctx.phases.count_unheard(ctx.store) }
}

/// Tells the administrator of the phases that people do not know yet, and of what is offered.
fn log_changes(ctx: &Ctx<'_>) {
    for link in ctx.links.iter().filter(|link| !link.is_leaving && !link.is_canary) {
        let told = ctx.phases.told((link.channel, link.room));
        if told.is_none_or(|told| told.at_channel == link.phase && told.at_room == link.phase) {
            continue;
        }
        tracing::info!(link = %link.id, phase = %link.phase, direction = %link.flow, "phase of the link changed");
        for direction in [LinkDirection::ToIrc, LinkDirection::ToLetsChat] {
            let unheard = ctx.phases.unheard(link.unheard_link(direction));
            if let Some((first, _)) = unheard.offered_span
                && link.is_mirrored(direction)
            {
                tracing::info!(
                    link = %link.id,
                    direction = direction.name(),
                    messages = unheard.offered,
                    since = %first,
                    "messages were not mirrored meanwhile: `letsbridge catch-up` delivers them"
                );
            }
        }
    }
}

/// About every second: does what is due.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn tick(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    announce::announce_due(ctx)?;
    greet::send_due(ctx)?;
    channel::leave_closed(ctx);
    let last = ctx.phases.chores_at;
    if last.is_some_and(|at| ctx.now.duration_since(at).abs() < CHORES_INTERVAL) {
        return Ok(());
    }
    ctx.phases.chores_at = Some(ctx.now);
    ctx.store.prune_phase_told(ctx.now - REMINDERS_KEPT)?;
    for count in ctx.phases.all_unheard() {
        if count.offered + count.asked > u64::from(MAX_UNHEARD) {
            ctx.store.trim_unheard(count.link, MAX_UNHEARD)?;
        }
    }
    if !ctx.phases.all_unheard().is_empty() {
        ctx.phases.count_unheard(ctx.store)?;
    }
    Ok(())
}
