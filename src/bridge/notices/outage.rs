//! A place that is closed to us: its conversation is told, once, and again when it is open.
//!
//! A moment's absence is nobody's business: a kick, a restart, a database that stumbles.

use jiff::{SignedDuration, Timestamp};

use crate::bridge::{Bridge, Ctx};
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Who is shut out for less than this comes back unnoticed.
const MIN_REPORTED_OUTAGE: SignedDuration = SignedDuration::from_secs(60);

/// Where people were told this long ago or less, they are told again only of what lasts longer: nobody
/// wants to hear of every jolt of a bad line.
const RECENT_NOTICE_WINDOW: SignedDuration = SignedDuration::from_hours(1);
const MIN_REPEATED_OUTAGE: SignedDuration = SignedDuration::from_mins(10);

/// That a place is closed to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) struct Outage {
    since: Timestamp,
    /// Why, in words for people, where that is known.
    reason: Option<String>,
}

/// What people were told of it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::bridge) struct OutageNotice {
    /// That it is closed, and not yet that it is open.
    pub(in crate::bridge) announced: bool,
    /// When they were last told that, in this run.
    announced_at: Option<Timestamp>,
}

impl OutageNotice {
    /// What an earlier run has told.
    pub(in crate::bridge) fn restored(closed: bool) -> Self {
        Self { announced: closed, announced_at: None }
    }

    /// How long a place must be closed now to be told of.
    fn min_duration(self, now: Timestamp) -> SignedDuration {
        let recently =
            self.announced_at.is_some_and(|at| now.duration_since(at) < RECENT_NOTICE_WINDOW);
        if recently { MIN_REPEATED_OUTAGE } else { MIN_REPORTED_OUTAGE }
    }
}

impl Bridge {
    /// The place is closed, or still closed; `why` is what is known of it now.
    pub(in crate::bridge) fn record_outage(
        &mut self,
        place: EndpointId,
        why: Option<&str>,
        now: Timestamp,
    ) {
        if let Some(spot) = self.endpoints.get_mut(&place) {
            let closed = spot.outage.get_or_insert(Outage { since: now, reason: None });
            closed.reason = why.map(str::to_owned).or(closed.reason.take());
        }
    }

    /// The place is open. Says whether people were told that it was not.
    pub(in crate::bridge) fn clear_outage(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(false) };
        if let Some(Outage { since, .. }) = spot.outage.take() {
            self.stats.outages.count += 1;
            let seconds = turn.now.duration_since(since).as_secs();
            self.stats.outages.seconds += seconds.unsigned_abs();
        }
        let told = std::mem::take(&mut spot.outage_notice.announced);
        if told {
            turn.store.set_outage_announced(place, false)?;
        }
        Ok(told)
    }

    /// Tells of those places that have been closed for a while.
    pub(in crate::bridge) fn notify_outages(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let mut noticed = Vec::new();
        for (place, spot) in &mut self.endpoints {
            let Some(closed) = spot.outage.as_ref().filter(|_| !spot.outage_notice.announced)
            else {
                continue;
            };
            if turn.now.duration_since(closed.since) >= spot.outage_notice.min_duration(turn.now) {
                spot.outage_notice = OutageNotice { announced: true, announced_at: Some(turn.now) };
                noticed.push((*place, closed.reason.clone()));
            }
        }
        noticed.sort();
        for (place, why) in noticed {
            turn.store.set_outage_announced(place, true)?;
            let name = self.display_name(place);
            let why = why.map(|why| format!(": {}", why.trim_end_matches('.')));
            let why = why.unwrap_or_default();
            let words = format!("cannot reach {name}{why}; messages from here are queued");
            self.notify_mirrors(place, words, turn)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_soon_after_a_notice_must_last_longer() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(OutageNotice::restored(true).min_duration(now), MIN_REPORTED_OUTAGE);
        let told = OutageNotice { announced: false, announced_at: Some(now) };
        assert_eq!(told.min_duration(now + RECENT_NOTICE_WINDOW / 2), MIN_REPEATED_OUTAGE);
        assert_eq!(told.min_duration(now + RECENT_NOTICE_WINDOW), MIN_REPORTED_OUTAGE);
    }
}
