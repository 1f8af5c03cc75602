//! Mirrors joins, parts and the like as notices, as each link's settings say.
//!
//! Events are buffered for a moment, so that a netsplit becomes one line and quick reconnects are omitted.
//! What cannot be sent then is dropped, because old status events are of no interest.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::bridge::{Bridge, Ctx, EndpointState};
use crate::domain::EndpointId;
use crate::protocol::irc::LeaveReason;
use crate::store::StoreError;
use crate::translate;
use crate::translate::{StatusChange, StatusEvent};

/// How long no further event must occur before reporting, and the longest wait for that.
const DEBOUNCE: SignedDuration = SignedDuration::from_secs(3);
const MAX_DELAY: SignedDuration = SignedDuration::from_secs(15);

/// How long an author counts as having spoken recently.
const RECENT_SPEECH_WINDOW: SignedDuration = SignedDuration::from_mins(30);

/// Maximum number of buffered events, and of remembered speakers, per endpoint.
const MAX_PER_ENDPOINT: usize = 20_000;

/// How long notices wait behind messages before they are dropped.
const MAX_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The recent status events of all endpoints.
#[derive(Debug, Default)]
pub(in crate::bridge) struct StatusBuffer {
    by_endpoint: HashMap<EndpointId, PendingStatus>,
    /// Notices waiting to be sent, by source and destination; messages never wait for them.
    queued: BTreeMap<(EndpointId, EndpointId), DueStatus>,
}

/// Events of one endpoint to be reported in another.
#[derive(Debug)]
struct DueStatus {
    events: Vec<StatusEvent>,
    queued_at: Timestamp,
    /// An affected user is about to speak.
    urgent: bool,
}

/// The recent events of one endpoint.
#[derive(Debug, Default)]
struct PendingStatus {
    /// Events not yet reported, in order.
    events: Vec<StatusEvent>,
    /// When the first and the last of them occurred.
    span: Option<(Timestamp, Timestamp)>,
    /// When users last spoke, by lower-case name; kept when they leave.
    last_spoke: HashMap<String, Timestamp>,
}

impl StatusBuffer {
    /// Records that a user spoke.
    fn note_spoken(&mut self, place: EndpointId, name: &str, now: Timestamp) {
        let lately = self.by_endpoint.entry(place).or_default();
        if lately.last_spoke.len() >= MAX_PER_ENDPOINT {
            lately.last_spoke.retain(|_, at| now.duration_since(*at) < RECENT_SPEECH_WINDOW);
        }
        if lately.last_spoke.len() < MAX_PER_ENDPOINT {
            lately.last_spoke.insert(name.to_lowercase(), now);
        }
    }

    /// Adds an event.
    pub(in crate::bridge) fn note(
        &mut self,
        place: EndpointId,
        who: &str,
        what: StatusChange,
        now: Timestamp,
    ) {
        let lately = self.by_endpoint.entry(place).or_default();
        if lately.events.len() >= MAX_PER_ENDPOINT {
            return;
        }
        let names = [Some(who), affected_nick(&what)];
        let spoke = names.into_iter().flatten().any(|name| {
            let at = lately.last_spoke.get(&name.to_lowercase());
            at.is_some_and(|at| now.duration_since(*at) < RECENT_SPEECH_WINDOW)
        });
        if let StatusChange::NickChanged(name) = &what
            && let Some(at) = lately.last_spoke.remove(&who.to_lowercase())
        {
            lately.last_spoke.insert(name.to_lowercase(), at);
        }
        lately.events.push(StatusEvent {
            who: who.to_owned(),
            spoke_recently: spoke,
            change: what,
        });
        lately.span = Some((lately.span.map_or(now, |(first, _)| first), now));
    }

    /// Drops the events of an endpoint that we have left.
    pub(in crate::bridge) fn clear(&mut self, place: EndpointId) {
        if let Some(lately) = self.by_endpoint.get_mut(&place) {
            (lately.events, lately.span) = (Vec::new(), None);
        }
    }

    /// `name` is about to speak: their join must be reported first.
    fn flush_before(&mut self, place: EndpointId, name: &str) -> bool {
        let Some(lately) = self.by_endpoint.get_mut(&place) else { return false };
        let came = |it: &StatusEvent| {
            it.who == name
                && matches!(it.change, StatusChange::Joined | StatusChange::NetsplitRejoin)
        };
        let hurry = lately.events.iter().any(came);
        if hurry {
            lately.span = Some((Timestamp::MIN, Timestamp::MIN));
        }
        hurry
    }

    /// Queues `events` for reporting in another endpoint.
    fn enqueue(
        &mut self,
        way: (EndpointId, EndpointId),
        comings: &[StatusEvent],
        hurry: bool,
        now: Timestamp,
    ) {
        let nothing = || DueStatus { events: Vec::new(), queued_at: now, urgent: false };
        let due = self.queued.entry(way).or_insert_with(nothing);
        due.urgent |= hurry;
        let room = MAX_PER_ENDPOINT.saturating_sub(due.events.len());
        due.events.extend(comings.iter().take(room).cloned());
    }

    /// The events due by now, and whether they are urgent.
    fn take_due(&mut self, now: Timestamp) -> Vec<(EndpointId, Vec<StatusEvent>, bool)> {
        let due = |lately: &PendingStatus| {
            lately.span.is_some_and(|(first, last)| {
                now.duration_since(last) >= DEBOUNCE || now.duration_since(first) >= MAX_DELAY
            })
        };
        let places = self.by_endpoint.iter_mut().filter(|(_, lately)| due(lately));
        places
            .map(|(place, lately)| {
                let hurry = lately.span.take().is_some_and(|(first, _)| first == Timestamp::MIN);
                (*place, std::mem::take(&mut lately.events), hurry)
            })
            .collect()
    }
}

/// The other user affected by a mode change.
fn affected_nick(what: &StatusChange) -> Option<&str> {
    match what {
        StatusChange::ModesChanged(change) => change.split(' ').nth(1),
        _ => None,
    }
}

/// The event for a user who left in this way.
pub(in crate::bridge) fn leave_change(how: LeaveReason) -> StatusChange {
    match how {
        LeaveReason::Part { reason: why } | LeaveReason::Quit { reason: why } => {
            StatusChange::Left(why)
        }
        LeaveReason::Kick { by, reason: why } => StatusChange::Kicked { by, reason: why },
        LeaveReason::Netsplit { servers } => StatusChange::Netsplit(servers),
    }
}

impl Bridge {
    /// `name` is about to speak in `endpoint`.
    pub(in crate::bridge) fn before_message(
        &mut self,
        place: EndpointId,
        name: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.status_buffer.flush_before(place, name) {
            self.notify_status(turn)?;
        }
        self.status_buffer.note_spoken(place, name, turn.now);
        Ok(())
    }

    /// Reports recent events where wanted and where messages would not be delayed.
    pub(in crate::bridge) fn notify_status(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        for (place, comings, hurry) in self.status_buffer.take_due(turn.now) {
            let mirrors = self.endpoints.get(&place).map(|spot| spot.mirrors.clone());
            for to in mirrors.iter().flat_map(|mirrors| mirrors.iter().copied()) {
                if self.endpoints.get(&to).is_some_and(|spot| spot.queue.is_open()) {
                    self.status_buffer.enqueue((place, to), &comings, hurry, turn.now);
                }
            }
        }
        let ways: Vec<_> = self.status_buffer.queued.keys().copied().collect();
        for (place, to) in ways {
            let Some(due) = self.status_buffer.queued.get(&(place, to)) else { continue };
            let late = turn.now.duration_since(due.queued_at) > MAX_WAIT;
            if !late && !self.is_idle(to, due.urgent) {
                continue;
            }
            let due = self.status_buffer.queued.remove(&(place, to)).filter(|_| !late);
            let words = due.and_then(|due| self.status_text_for(place, to, &due.events));
            if let Some(words) = words {
                self.post_notice(place, &[to], words, turn)?;
            }
        }
        Ok(())
    }

    /// Whether no message waits for `to` or, unless urgent, for its network, where lines share a rate limit.
    fn is_idle(&self, to: EndpointId, hurry: bool) -> bool {
        let Some(EndpointState { endpoint: place, queue: lane, .. }) = self.endpoints.get(&to)
        else {
            return true;
        };
        let on = place.network().filter(|_| !hurry);
        lane.head().is_none()
            && on.is_none_or(|network| {
                let others = self.endpoints.values();
                let mut others = others.filter(|spot| spot.endpoint.network() == Some(network));
                others.all(|spot| !spot.queue.is_open() || spot.queue.head().is_none())
            })
    }

    /// The notice in `to` about events in `endpoint`, if any. Names are altered so that nobody present is
    /// highlighted.
    fn status_text_for(
        &self,
        place: EndpointId,
        to: EndpointId,
        comings: &[StatusEvent],
    ) -> Option<String> {
        let manners = self.routes.format(place, to);
        let spot = self.endpoints.get(&to).filter(|spot| spot.queue.is_open())?;
        let quiet = spot.endpoint.network().is_some() && manners.channel.anti_ping;
        manners.status_notices.summarize(comings, |name| match spot.roster.get(name) {
            Some(_) if quiet => translate::defuse_ping(&translate::name_or_fallback(name)),
            _ => translate::name_or_fallback(name).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).expect("a time")
    }

    fn due_events(goings: &mut StatusBuffer, now: i64) -> Vec<(String, bool)> {
        let due = goings.take_due(at(now)).into_iter().flat_map(|(_, comings, _)| comings);
        due.map(|coming| (coming.who, coming.spoke_recently)).collect()
    }

    #[test]
    fn events_are_due_after_a_quiet_moment() {
        let mut goings = StatusBuffer::default();
        goings.note(TEA, "ann", StatusChange::Joined, at(0));
        assert_eq!(due_events(&mut goings, 2), []);
        goings.note(TEA, "bob", StatusChange::Joined, at(2));
        assert_eq!(due_events(&mut goings, 4), []);
        let both = [("ann".to_owned(), false), ("bob".to_owned(), false)];
        assert_eq!(due_events(&mut goings, 5), both);
        assert_eq!(due_events(&mut goings, 9), []);
    }

    #[test]
    fn steady_events_are_due_after_the_maximum_delay() {
        let mut goings = StatusBuffer::default();
        for second in 0..=15 {
            goings.note(TEA, &second.to_string(), StatusChange::Joined, at(second));
        }
        assert_eq!(due_events(&mut goings, 15).len(), 16);
    }

    #[test]
    fn recent_speaker_is_known_across_nick_changes_and_after_leaving() {
        let mut goings = StatusBuffer::default();
        goings.note_spoken(TEA, "Ann", at(0));
        goings.note(TEA, "ann", StatusChange::NickChanged("anna".to_owned()), at(1));
        goings.note(TEA, "anna", StatusChange::Left(None), at(2));
        goings.note(TEA, "op", StatusChange::ModesChanged("+o anna".to_owned()), at(3));
        goings.note(TEA, "ann", StatusChange::Joined, at(4));
        goings.note(TEA, "anna", StatusChange::Joined, at(1_800));
        let spoke: Vec<bool> =
            due_events(&mut goings, 1_900).into_iter().map(|(_, spoke)| spoke).collect();
        assert_eq!(spoke, [true, true, true, false, false]);
    }
}
