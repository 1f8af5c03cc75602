//! Announces changes of phases, once in the channel and once in the room.
//!
//! What people know is recorded with the post that tells them, in one transaction. A place is told at most once a day: a
//! change that comes earlier waits, and is not announced if it is taken back meanwhile. What changed while the bridge was
//! down is announced when it starts. A place with several links gets one post.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::facts::facts;
use crate::bridge::context::Ctx;
use crate::bridge::notices::post_notice;
use crate::domain::{EndpointId, LinkPhase};
use crate::store::{StoreError, ToldPhase};
use crate::translate::NoticeText;

/// The least time between two announcements in one place.
const INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// A link whose phase people in a place do not know: its channel, its room and its phase.
type UntoldLink = (EndpointId, EndpointId, LinkPhase);

/// Announces what is due.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn announce_due(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for (place, links) in untold(ctx) {
        let mut known = ctx.phases.place(place);
        if is_recent(known.announced_at, ctx.now) {
            continue;
        }
        let mut lines = Vec::new();
        for phase in LinkPhase::ALL {
            let same = links.iter().filter(|(.., it)| *it == phase);
            let same: Vec<_> = same.map(|(channel, room, _)| (*channel, *room)).collect();
            let text = ctx.policy.announcements.of(phase);
            if !same.is_empty() && !text.is_empty() {
                lines.push(NoticeText::from(text.render(&facts(&same, ctx)?)));
            }
        }
        for link in links {
            set_told(place, link, ctx)?;
        }
        if !lines.is_empty() {
            known.announced_at = Some(ctx.now);
            ctx.phases.set_place(known, ctx.store)?;
            post_notice(place, &[place], NoticeText::from_lines(lines), ctx)?;
        }
    }
    Ok(())
}

/// The links whose phase people do not know, by place.
fn untold(ctx: &Ctx<'_>) -> BTreeMap<EndpointId, Vec<UntoldLink>> {
    let mut untold: BTreeMap<EndpointId, Vec<UntoldLink>> = BTreeMap::new();
    for link in ctx.links.iter().filter(|link| !link.is_leaving && !link.is_canary) {
        let Some(told) = ctx.phases.told((link.channel, link.room)) else { continue };
        for (place, known) in [(link.channel, told.at_channel), (link.room, told.at_room)] {
            if known != link.phase {
                untold.entry(place).or_default().push((link.channel, link.room, link.phase));
            }
        }
    }
    untold
}

/// People in this place know the phase of the link.
fn set_told(
    place: EndpointId,
    (channel, room, phase): UntoldLink,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(told) = ctx.phases.told((channel, room)) else { return Ok(()) };
    let told = match place == channel {
        true => ToldPhase { at_channel: phase, ..told },
        false => ToldPhase { at_room: phase, ..told },
    };
    ctx.phases.set_told(told, ctx.store)
}

/// Whether people were told within the interval. A time in the future is that of a clock that was set back.
fn is_recent(announced_at: Option<Timestamp>, now: Timestamp) -> bool {
    announced_at
        .is_some_and(|at| (SignedDuration::ZERO..INTERVAL).contains(&now.duration_since(at)))
}
