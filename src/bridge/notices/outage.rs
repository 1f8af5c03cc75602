//! Reports outages of an endpoint to its group, and their end. Short absences, such as a kick or a restart,
//! are not reported.

use jiff::{SignedDuration, Timestamp};

use crate::bridge::{Bridge, Ctx};
use crate::domain::EndpointId;
use crate::store::StoreError;

/// Shorter outages are not reported.
const MIN_REPORTED_OUTAGE: SignedDuration = SignedDuration::from_secs(60);

/// If an outage was reported within this time, only longer ones are reported again, to avoid noise from an
/// unstable connection.
const RECENT_NOTICE_WINDOW: SignedDuration = SignedDuration::from_hours(1);
const MIN_REPEATED_OUTAGE: SignedDuration = SignedDuration::from_mins(10);

/// An outage of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) struct Outage {
    since: Timestamp,
    /// The reason, worded for users, if known.
    reason: Option<String>,
}

/// Whether users were notified of an outage.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::bridge) struct OutageNotice {
    /// They were notified of its start, but not yet of its end.
    pub(in crate::bridge) announced: bool,
    /// When they were last notified in this run.
    announced_at: Option<Timestamp>,
}

impl OutageNotice {
    /// The state left by the previous run.
    pub(in crate::bridge) fn restored(closed: bool) -> Self {
        Self { announced: closed, announced_at: None }
    }

    /// How long an outage must last to be reported now.
    fn min_duration(self, now: Timestamp) -> SignedDuration {
        let recently =
            self.announced_at.is_some_and(|at| now.duration_since(at) < RECENT_NOTICE_WINDOW);
        if recently { MIN_REPEATED_OUTAGE } else { MIN_REPORTED_OUTAGE }
    }
}

impl Bridge {
    /// Records that the endpoint is unavailable; `reason` is the one as currently known.
    pub(in crate::bridge) fn record_outage(
        &mut self,
        endpoint: EndpointId,
        reason: Option<&str>,
        now: Timestamp,
    ) {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            let closed = state.outage.get_or_insert(Outage { since: now, reason: None });
            closed.reason = reason.map(str::to_owned).or(closed.reason.take());
        }
    }

    /// Records that the endpoint is available again, and notifies users if they were notified of the outage.
    pub(in crate::bridge) fn end_outage(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        if let Some(Outage { since, .. }) = state.outage.take() {
            self.stats.outages.count += 1;
            let seconds = ctx.now.duration_since(since).as_secs();
            self.stats.outages.seconds += seconds.unsigned_abs();
        }
        if !std::mem::take(&mut state.outage_notice.announced) {
            return Ok(());
        }
        ctx.store.set_outage_announced(endpoint, false)?;
        let words = format!("{} is reachable again", self.display_name(endpoint));
        self.notify_mirrors(endpoint, words, ctx)
    }

    /// Reports outages that have lasted long enough.
    pub(in crate::bridge) fn notify_outages(
        &mut self,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let mut noticed = Vec::new();
        for (endpoint, state) in &mut self.endpoints {
            let Some(closed) = state.outage.as_ref().filter(|_| !state.outage_notice.announced)
            else {
                continue;
            };
            if ctx.now.duration_since(closed.since) >= state.outage_notice.min_duration(ctx.now) {
                state.outage_notice = OutageNotice { announced: true, announced_at: Some(ctx.now) };
                noticed.push((*endpoint, closed.reason.clone()));
            }
        }
        noticed.sort();
        for (endpoint, reason) in noticed {
            ctx.store.set_outage_announced(endpoint, true)?;
            let name = self.display_name(endpoint);
            let reason = reason.map(|reason| format!(": {}", reason.trim_end_matches('.')));
            let reason = reason.unwrap_or_default();
            let words = format!("cannot reach {name}{reason}; messages from here are queued");
            self.notify_mirrors(endpoint, words, ctx)?;
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
