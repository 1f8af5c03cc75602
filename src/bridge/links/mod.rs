//! The links between channels and rooms: whether they are paused, and what is delivered over them.
//!
//! Only state lives here; `control` acts on it. A delivery belongs to the last link on its path, see [`super::report`].

mod counts;
mod heard;
mod paths;
mod record;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::link_direction::LinkDirection;
use super::report::{LinkFailure, NotMirrored, RetryReason};
use crate::domain::{Delivery, EndpointId, LinkName};
use crate::store::{UnheardLink, WaitingCount};
use counts::DirectionCounts;
use heard::HeardTimes;
use paths::LinkPaths;
pub(super) use record::{LinkPause, LinkRecord, LinkSetup};

/// All links, and the paths along them.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<LinkRecord>,
    paths: LinkPaths,
    /// The links with this end.
    by_end: HashMap<EndpointId, Vec<LinkIndex>>,
    heard: HeardTimes,
    /// The ends of the canary's link, also of a former one.
    canary_ends: HashSet<EndpointId>,
    /// Some link does not mirror everything.
    is_restricted: bool,
}

/// Which link, by its place in the list.
pub(super) type LinkIndex = usize;

impl Links {
    /// These links exist from now on. Those that are known keep their figures; those that are gone stay while one of
    /// their ends `is_kept`. What waits is counted anew.
    pub(super) fn set(
        &mut self,
        links: Vec<LinkRecord>,
        waiting: &[WaitingCount],
        is_kept: impl Fn(EndpointId) -> bool,
    ) {
        let mut before = std::mem::take(&mut self.links);
        for new in links {
            let ends = (new.channel, new.room);
            let known = before.iter().position(|it| (it.channel, it.room) == ends);
            self.links.push(match known.map(|at| before.swap_remove(at)) {
                Some(known) => LinkRecord {
                    id: new.id,
                    phase: new.phase,
                    flow: new.flow,
                    is_leaving: false,
                    ..known
                },
                None => new,
            });
        }
        let linked: HashSet<EndpointId> =
            self.links.iter().flat_map(|link| [link.channel, link.room]).collect();
        for gone in before {
            let leaves = |end| !linked.contains(&end) && is_kept(end);
            if leaves(gone.channel) || leaves(gone.room) {
                // What waits is to be delivered.
                self.links.push(LinkRecord { is_leaving: true, pause: None, ..gone });
            }
        }
        self.rebuild();
        for link in &mut self.links {
            link.to_irc.clear_waiting();
            link.to_letschat.clear_waiting();
        }
        for found in waiting {
            if let Some(counts) = self.counts_of(found.source, found.to) {
                counts.add_found(found.count, found.oldest);
            }
        }
    }

    /// Forgets the links that were leaving and are gone: an end is not kept, and nothing waits for the other one.
    pub(super) fn forget_gone(&mut self, is_kept: impl Fn(EndpointId) -> bool) {
        let before = self.links.len();
        self.links.retain(|link| {
            let (channel, room) = (is_kept(link.channel), is_kept(link.room));
            let waits =
                room && link.to_letschat.waiting() > 0 || channel && link.to_irc.waiting() > 0;
            !link.is_leaving || channel && room || waits
        });
        if self.links.len() != before {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        let ends: Vec<_> = self.links.iter().map(|link| (link.channel, link.room)).collect();
        self.paths = LinkPaths::new(&ends);
        self.by_end.clear();
        for (index, (channel, room)) in ends.into_iter().enumerate() {
            self.by_end.entry(channel).or_default().push(index);
            self.by_end.entry(room).or_default().push(index);
        }
        self.is_restricted = self.links.iter().any(|link| {
            let both = [LinkDirection::ToIrc, LinkDirection::ToLetsChat];
            !both.into_iter().all(|direction| link.is_mirrored(direction))
        });
        let canaries = self.links.iter().filter(|link| link.is_canary);
        self.canary_ends = canaries.flat_map(|link| [link.channel, link.room]).collect();
    }

    /// Only the canary uses the link between these ends, and all other links are for people.
    pub(super) fn set_canary(&mut self, ends: Option<(EndpointId, EndpointId)>) {
        for link in self.links.iter_mut().filter(|link| !link.is_leaving) {
            link.is_canary = Some((link.channel, link.room)) == ends;
        }
        self.rebuild();
    }

    /// The link of the canary.
    pub(super) fn canary(&self) -> Option<&LinkRecord> {
        self.links.iter().find(|link| link.is_canary && !link.is_leaving)
    }

    /// Whether only the canary uses this endpoint.
    pub(super) fn is_canary_end(&self, endpoint: EndpointId) -> bool {
        self.canary_ends.contains(&endpoint)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkRecord> {
        self.links.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut LinkRecord> {
        self.links.iter_mut()
    }

    pub(super) fn get(&self, index: LinkIndex) -> Option<&LinkRecord> {
        self.links.get(index)
    }

    pub(super) fn get_mut(&mut self, index: LinkIndex) -> Option<&mut LinkRecord> {
        self.links.get_mut(index)
    }

    /// The links with this name.
    pub(super) fn named(&self, name: &LinkName) -> Vec<LinkIndex> {
        let named = self.links.iter().enumerate().filter(|(_, link)| name.is_for(&link.id));
        named.map(|(index, _)| index).collect()
    }

    /// All endpoints of the group to which the link belongs.
    pub(super) fn group_of(&self, link: LinkIndex) -> HashSet<EndpointId> {
        self.get(link).map_or_else(HashSet::new, |link| self.paths.group(link.channel))
    }

    /// Whether any link is paused.
    pub(super) fn has_paused(&self) -> bool {
        self.links.iter().any(|link| link.pause.is_some())
    }

    /// The endpoints whose messages to `to` cross a paused link.
    pub(super) fn held_sources(&self, to: EndpointId) -> HashSet<EndpointId> {
        let is_paused =
            |link: LinkIndex| self.links.get(link).is_some_and(|link| link.pause.is_some());
        self.paths.sources_across(to, is_paused)
    }

    /// Which messages to `to` belong to the link: those from these endpoints, or, if the second value is true, those
    /// from all others.
    pub(super) fn sources_of(
        &self,
        link: LinkIndex,
        to: EndpointId,
    ) -> (HashSet<EndpointId>, bool) {
        let behind = self.paths.sources_behind(link, to);
        if !self.paths.is_first_link(link, to) {
            return (behind, false);
        }
        let group = self.paths.group(to).into_iter();
        (group.filter(|it| *it != to && !behind.contains(it)).collect(), true)
    }

    /// Whether some link does not mirror everything.
    pub(super) fn is_restricted(&self) -> bool {
        self.is_restricted
    }

    /// The first link on the path that does not let messages from here pass, because of its phase or its direction.
    pub(super) fn barrier(&self, from: EndpointId, to: EndpointId) -> Option<UnheardLink> {
        if !self.is_restricted {
            return None;
        }
        let is_barrier = |link: LinkIndex, next: EndpointId| {
            self.links.get(link).is_some_and(|link| !link.is_mirrored(link.direction_to(next)))
        };
        let (link, next) = self.paths.first_on_path(from, to, is_barrier)?;
        let link = self.links.get(link)?;
        Some(link.unheard_link(link.direction_to(next)))
    }

    /// Whether messages from one endpoint to the other cross the link with these ends in this direction.
    pub(super) fn is_on_way(
        &self,
        from: EndpointId,
        to: EndpointId,
        ends: (EndpointId, EndpointId),
        direction: LinkDirection,
    ) -> bool {
        let is_it = |link: LinkIndex, next: EndpointId| {
            self.links.get(link).is_some_and(|link| {
                (link.channel, link.room) == ends && link.direction_to(next) == direction
            })
        };
        self.paths.first_on_path(from, to, is_it).is_some()
    }

    /// Whether messages from one endpoint are mirrored to the other.
    pub(super) fn is_carried(&self, from: EndpointId, to: EndpointId) -> bool {
        self.barrier(from, to).is_none()
    }

    /// The links of people with this end that are configured.
    pub(super) fn with_end(&self, end: EndpointId) -> impl Iterator<Item = &LinkRecord> {
        let links = self.by_end.get(&end).into_iter().flatten();
        let links = links.filter_map(|link| self.links.get(*link));
        links.filter(|link| !link.is_leaving && !link.is_canary)
    }

    /// Whether this delivery belongs to the link.
    pub(super) fn is_on(&self, link: LinkIndex, from: EndpointId, to: EndpointId) -> bool {
        self.paths.last_link(from, to) == Some(link)
    }

    /// A delivery was queued.
    pub(super) fn on_queued(&mut self, delivery: &Delivery, now: Timestamp) {
        self.heard.mark(delivery.id, now);
        if let Some(counts) = self.counts_of(delivery.message.source, delivery.to) {
            counts.on_queued(delivery.id, delivery.message.sent_at);
        }
    }

    /// A delivery has arrived. Returns where to, and how long that took since its message was heard; if that was before
    /// the bridge started, since it was sent, as its network says.
    pub(super) fn on_delivered(
        &mut self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Option<(LinkDirection, Duration)> {
        let heard = self.heard.of(delivery.id).unwrap_or(delivery.message.sent_at);
        let (direction, counts) = self.direction_of(delivery.message.source, delivery.to)?;
        // A clock that was set back makes it negative.
        let took = Duration::try_from(now.duration_since(heard)).unwrap_or_default();
        counts.on_delivered(delivery.id, took);
        Some((direction, took))
    }

    /// A message is not mirrored to an endpoint.
    pub(super) fn on_not_mirrored(&mut self, from: EndpointId, to: EndpointId, why: NotMirrored) {
        if let Some(counts) = self.counts_of(from, to) {
            counts.on_not_mirrored(why);
        }
    }

    /// A delivery is sent once more.
    pub(super) fn on_retry(&mut self, from: EndpointId, to: EndpointId, why: RetryReason) {
        if let Some(counts) = self.counts_of(from, to) {
            counts.on_retry(why);
        }
    }

    /// A delivery was rejected.
    pub(super) fn on_rejected(&mut self, delivery: &Delivery, failure: LinkFailure) {
        let last = self.paths.last_link(delivery.message.source, delivery.to);
        let Some(link) = last.and_then(|link| self.links.get_mut(link)) else { return };
        link.last_error = Some(failure);
        if let Some(counts) = self.counts_of(delivery.message.source, delivery.to) {
            counts.on_rejected(delivery.id);
        }
    }

    /// An administrator has dropped a delivery.
    pub(super) fn on_dropped(&mut self, delivery: &Delivery) {
        if let Some(counts) = self.counts_of(delivery.message.source, delivery.to) {
            counts.on_dropped(delivery.id);
        }
    }

    /// A delivery does not wait any more, for another reason.
    pub(super) fn on_settled(&mut self, delivery: &Delivery) {
        if let Some(counts) = self.counts_of(delivery.message.source, delivery.to) {
            counts.settle(delivery.id);
        }
    }

    /// The figures to which a delivery belongs.
    fn counts_of(&mut self, from: EndpointId, to: EndpointId) -> Option<&mut DirectionCounts> {
        self.direction_of(from, to).map(|(_, counts)| counts)
    }

    /// The direction to which a delivery belongs, and its figures.
    fn direction_of(
        &mut self,
        from: EndpointId,
        to: EndpointId,
    ) -> Option<(LinkDirection, &mut DirectionCounts)> {
        let link = self.paths.last_link(from, to)?;
        let link = self.links.get_mut(link)?;
        let direction = link.direction_to(to);
        Some((direction, link.counts_mut(direction)))
    }
}
