//! Buffers joins, parts and the like until they are reported.
//!
//! Events are buffered for a moment, so that a netsplit becomes one line and quick reconnects are omitted.
//! What cannot be sent then is dropped, because old status events are of no interest.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;
use crate::translate::{StatusChange, StatusEvent};

/// How long no further event must occur before reporting, and the longest wait for that.
const DEBOUNCE: SignedDuration = SignedDuration::from_secs(3);
const MAX_DELAY: SignedDuration = SignedDuration::from_secs(15);

/// How long an author counts as having spoken recently.
const RECENT_SPEECH_WINDOW: SignedDuration = SignedDuration::from_mins(30);

/// Maximum number of buffered events, and of remembered speakers, per endpoint.
const MAX_PER_ENDPOINT: usize = 20_000;

/// Maximum number of bytes in the texts of one endpoint's buffered events: topics and reasons can be long.
const MAX_TEXT_PER_ENDPOINT: usize = 2 << 20;

/// How long notices wait behind messages before they are dropped.
const MAX_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The recent status events of all endpoints.
#[derive(Debug, Default)]
pub(super) struct StatusBuffer {
    by_endpoint: HashMap<EndpointId, PendingStatus>,
    /// Notices waiting to be sent, by source and destination; messages never wait for them.
    queued: BTreeMap<(EndpointId, EndpointId), DueStatus>,
}

/// Events of one endpoint, in order. Those beyond the limits are dropped.
#[derive(Debug, Default)]
struct EventBuffer {
    kept: Vec<StatusEvent>,
    /// The bytes of the texts of all events since it was empty, the dropped ones included.
    text_len: usize,
}

impl EventBuffer {
    fn push(&mut self, event: StatusEvent) {
        self.text_len += event.text_len();
        if self.kept.len() < MAX_PER_ENDPOINT && self.text_len <= MAX_TEXT_PER_ENDPOINT {
            self.kept.push(event);
        }
    }
}

/// Events of one endpoint to be reported in another.
#[derive(Debug)]
struct DueStatus {
    events: EventBuffer,
    queued_at: Timestamp,
    /// An affected user is about to speak.
    urgent: bool,
}

/// The recent events of one endpoint.
#[derive(Debug, Default)]
struct PendingStatus {
    /// Events not yet reported.
    events: EventBuffer,
    /// When the first and the last of them occurred.
    span: Option<(Timestamp, Timestamp)>,
    /// When users last spoke, by lower-case name; kept when they leave.
    last_spoke: HashMap<String, Timestamp>,
}

impl StatusBuffer {
    /// Records that a user speaks. Returns whether events are due because of that: the user's join must be
    /// reported first.
    pub(super) fn note_spoken(&mut self, endpoint: EndpointId, name: &str, now: Timestamp) -> bool {
        let is_due = self.flush_before(endpoint, name);
        let pending = self.by_endpoint.entry(endpoint).or_default();
        if pending.last_spoke.len() >= MAX_PER_ENDPOINT {
            pending.last_spoke.retain(|_, at| now.duration_since(*at) < RECENT_SPEECH_WINDOW);
        }
        if pending.last_spoke.len() < MAX_PER_ENDPOINT {
            pending.last_spoke.insert(name.to_lowercase(), now);
        }
        is_due
    }

    /// Adds an event.
    pub(super) fn note(
        &mut self,
        endpoint: EndpointId,
        who: &str,
        what: StatusChange,
        now: Timestamp,
    ) {
        let pending = self.by_endpoint.entry(endpoint).or_default();
        if pending.events.kept.len() >= MAX_PER_ENDPOINT {
            return;
        }
        let names = [Some(who), affected_nick(&what)];
        let spoke = names.into_iter().flatten().any(|name| {
            let at = pending.last_spoke.get(&name.to_lowercase());
            at.is_some_and(|at| now.duration_since(*at) < RECENT_SPEECH_WINDOW)
        });
        if let StatusChange::NickChanged(name) = &what
            && let Some(at) = pending.last_spoke.remove(&who.to_lowercase())
        {
            pending.last_spoke.insert(name.to_lowercase(), at);
        }
        pending.events.push(StatusEvent {
            who: who.to_owned(),
            spoke_recently: spoke,
            change: what,
        });
        pending.span = Some((pending.span.map_or(now, |(first, _)| first), now));
    }

    /// Drops the events of an endpoint that we have left.
    pub(super) fn clear(&mut self, endpoint: EndpointId) {
        if let Some(pending) = self.by_endpoint.get_mut(&endpoint) {
            (pending.events, pending.span) = (EventBuffer::default(), None);
        }
    }

    /// `name` is about to speak: their join must be reported first.
    fn flush_before(&mut self, endpoint: EndpointId, name: &str) -> bool {
        let Some(pending) = self.by_endpoint.get_mut(&endpoint) else { return false };
        let came = |it: &StatusEvent| {
            it.who == name
                && matches!(it.change, StatusChange::Joined | StatusChange::NetsplitRejoin)
        };
        let hurry = pending.events.kept.iter().any(came);
        if hurry {
            pending.span = Some((Timestamp::MIN, Timestamp::MIN));
        }
        hurry
    }

    /// Queues `events` for reporting in another endpoint.
    pub(super) fn enqueue(
        &mut self,
        route: (EndpointId, EndpointId),
        events: &[StatusEvent],
        hurry: bool,
        now: Timestamp,
    ) {
        let nothing =
            || DueStatus { events: EventBuffer::default(), queued_at: now, urgent: false };
        let due = self.queued.entry(route).or_insert_with(nothing);
        due.urgent |= hurry;
        events.iter().for_each(|event| due.events.push(event.clone()));
    }

    /// The events due by now, and whether they are urgent.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<(EndpointId, Vec<StatusEvent>, bool)> {
        let due = |pending: &PendingStatus| {
            pending.span.is_some_and(|(first, last)| {
                now.duration_since(last) >= DEBOUNCE || now.duration_since(first) >= MAX_DELAY
            })
        };
        let endpoints = self.by_endpoint.iter_mut().filter(|(_, pending)| due(pending));
        endpoints
            .map(|(endpoint, pending)| {
                let hurry = pending.span.take().is_some_and(|(first, _)| first == Timestamp::MIN);
                (*endpoint, std::mem::take(&mut pending.events).kept, hurry)
            })
            .collect()
    }

    /// The sources and destinations of what waits to be reported.
    pub(super) fn queued_routes(&self) -> Vec<(EndpointId, EndpointId)> {
        self.queued.keys().copied().collect()
    }

    /// What waits to be reported on this route, if it can be now: `is_idle` tells whether that would delay no
    /// message, for events that are urgent or not. What has waited for too long is dropped.
    pub(super) fn take_queued(
        &mut self,
        route: (EndpointId, EndpointId),
        is_idle: impl Fn(bool) -> bool,
        now: Timestamp,
    ) -> Option<Vec<StatusEvent>> {
        let due = self.queued.get(&route)?;
        let is_late = now.duration_since(due.queued_at) > MAX_WAIT;
        if !is_late && !is_idle(due.urgent) {
            return None;
        }
        self.queued.remove(&route).filter(|_| !is_late).map(|due| due.events.kept)
    }
}

/// The other user affected by a mode change.
fn affected_nick(what: &StatusChange) -> Option<&str> {
    match what {
        StatusChange::ModesChanged(change) => change.split(' ').nth(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).expect("a time")
    }

    fn due_events(buffer: &mut StatusBuffer, now: i64) -> Vec<(String, bool)> {
        let due = buffer.take_due(at(now)).into_iter().flat_map(|(_, events, _)| events);
        due.map(|event| (event.who, event.spoke_recently)).collect()
    }

    #[test]
    fn events_are_due_after_a_quiet_moment() {
        let mut buffer = StatusBuffer::default();
        buffer.note(TEA, "ann", StatusChange::Joined, at(0));
        assert_eq!(due_events(&mut buffer, 2), []);
        buffer.note(TEA, "bob", StatusChange::Joined, at(2));
        assert_eq!(due_events(&mut buffer, 4), []);
        let both = [("ann".to_owned(), false), ("bob".to_owned(), false)];
        assert_eq!(due_events(&mut buffer, 5), both);
        assert_eq!(due_events(&mut buffer, 9), []);
    }

    #[test]
    fn steady_events_are_due_after_the_maximum_delay() {
        let mut buffer = StatusBuffer::default();
        for second in 0..=15 {
            buffer.note(TEA, &second.to_string(), StatusChange::Joined, at(second));
        }
        assert_eq!(due_events(&mut buffer, 15).len(), 16);
    }

    #[test]
    fn long_texts_are_buffered_within_a_limit() {
        let mut buffer = StatusBuffer::default();
        let topic = || StatusChange::TopicChanged(Some("x".repeat(8_000)));
        for second in 0..1_000 {
            buffer.note(TEA, "ann", topic(), at(second));
        }
        let buffered = buffer.take_due(at(2_000)).remove(0).1;
        assert_eq!(buffered.len(), MAX_TEXT_PER_ENDPOINT / 8_003);
        for _ in 0..2 {
            buffer.enqueue((TEA, EndpointId(2)), &buffered, false, at(0));
        }
        let queued = &buffer.queued[&(TEA, EndpointId(2))].events.kept;
        assert_eq!(queued.len(), MAX_TEXT_PER_ENDPOINT / 8_003);
        buffer.note(TEA, "ann", topic(), at(3_000));
        assert_eq!(due_events(&mut buffer, 4_000).len(), 1, "there is room again");
    }

    #[test]
    fn recent_speaker_is_known_across_nick_changes_and_after_leaving() {
        let mut buffer = StatusBuffer::default();
        buffer.note_spoken(TEA, "Ann", at(0));
        buffer.note(TEA, "ann", StatusChange::NickChanged("anna".to_owned()), at(1));
        buffer.note(TEA, "anna", StatusChange::Left(None), at(2));
        buffer.note(TEA, "op", StatusChange::ModesChanged("+o anna".to_owned()), at(3));
        buffer.note(TEA, "ann", StatusChange::Joined, at(4));
        buffer.note(TEA, "anna", StatusChange::Joined, at(1_800));
        let spoke: Vec<bool> =
            due_events(&mut buffer, 1_900).into_iter().map(|(_, spoke)| spoke).collect();
        assert_eq!(spoke, [true, true, true, false, false]);
    }
}
