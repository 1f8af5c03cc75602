//! The canary: messages of the bridge's own, sent over a link of their own, that show whether messages still arrive.
//!
//! ```text
//! tick ──▶ ledger, outbox ──▶ deliver ──▶ the other side ──▶ acknowledged ──▶ heard again (in a room) ──▶ arrived
//! ```
//!
//! In each round, one message goes to the channel as if it had been heard in the room, and one to the room as if it had
//! been heard in the channel. From the outbox on, they are deliveries like others. In the room, the canary also has to
//! come back as a new post, so that hearing the room is tested, too. On IRC the acknowledgement is the echo of the line,
//! or the answer to a `PING` after it if the server has no echoes.
//!
//! The two ends are in no group: what people write there is mirrored nowhere, and no notices come there. A direction has
//! one message on its way at most: while an older one waits, the next round fails instead of queueing another one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::context::Ctx;
use super::endpoints::queue::DeliveryQueue;
use super::ingest;
use super::link_direction::LinkDirection;
use super::links::LinkRecord;
use super::report::{CanaryDirectionReport, CanaryOutcome, CanaryReport};
use super::stats::LatencyStats;
use crate::domain::{Author, DeliveryId, EndpointId, Message, MessageKind, MessagePart};
use crate::store::StoreError;

/// The author of the messages.
const AUTHOR: &str = "canary";

/// After a failure, the next round begins no later than this, so that the end of an outage is seen soon.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// How often the messages are sent, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CanarySchedule {
    pub(super) interval: SignedDuration,
    pub(super) timeout: SignedDuration,
}

/// The canary, if there is one.
#[derive(Debug, Default)]
pub(super) struct Canary {
    running: Option<RunningCanary>,
}

/// A canary on a link.
#[derive(Debug)]
struct RunningCanary {
    /// The channel and the room.
    ends: (EndpointId, EndpointId),
    schedule: CanarySchedule,
    to_irc: CanaryDirection,
    to_letschat: CanaryDirection,
    latency: LatencyStats,
}

/// One direction of the canary.
#[derive(Debug)]
struct CanaryDirection {
    direction: LinkDirection,
    /// When the next round begins.
    due: Timestamp,
    awaited: Option<AwaitedMessage>,
    report: CanaryDirectionReport,
}

/// The message of a round that has not arrived yet.
#[derive(Debug)]
struct AwaitedMessage {
    delivery: DeliveryId,
    body: String,
    sent_at: Timestamp,
    is_acknowledged: bool,
    /// It came back from where it was delivered.
    is_heard: bool,
}

impl Canary {
    /// From now on, the canary is on the link with these ends, or there is none. One that stays keeps its figures.
    pub(super) fn set(
        &mut self,
        wanted: Option<((EndpointId, EndpointId), CanarySchedule)>,
        now: Timestamp,
    ) {
        let before = self.running.take();
        self.running = wanted.map(|(ends, schedule)| match before {
            Some(before) if before.ends == ends => RunningCanary { schedule, ..before },
            _ => RunningCanary::new(ends, schedule, now),
        });
    }

    /// About every second: ends rounds that take too long, and begins those that are due.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn tick(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let Some(canary) = &mut self.running else { return Ok(()) };
        let Some(link) = ctx.links.canary() else { return Ok(()) };
        if link.pause.is_some() {
            canary.to_irc.suspend(ctx.now);
            canary.to_letschat.suspend(ctx.now);
            return Ok(());
        }
        let (ends, schedule) = (canary.ends, canary.schedule);
        for direction in [&mut canary.to_irc, &mut canary.to_letschat] {
            direction.end_overdue(schedule, ctx.now);
            if !ctx.stopping {
                direction.begin_due(ends, schedule, ctx)?;
            }
        }
        Ok(())
    }

    /// A delivery to an end of the canary was acknowledged, or failed for this reason.
    pub(super) fn on_settled(
        &mut self,
        delivery: DeliveryId,
        failure: Option<&str>,
        now: Timestamp,
    ) {
        let Some(canary) = &mut self.running else { return };
        for direction in [&mut canary.to_irc, &mut canary.to_letschat] {
            let awaited = direction.awaited.as_mut().filter(|it| it.delivery == delivery);
            match (awaited, failure) {
                (Some(_), Some(reason)) => direction.fail(reason.to_owned(), canary.schedule, now),
                (Some(awaited), None) => {
                    awaited.is_acknowledged = true;
                    direction.end_if_arrived(now, &mut canary.latency);
                }
                (None, None) => direction.retry_after_failure(now),
                (None, Some(_)) => {}
            }
        }
    }

    /// A post with this text was received in a room, live or later.
    pub(super) fn on_post(&mut self, room: EndpointId, text: &str, now: Timestamp) {
        let Some(canary) = &mut self.running else { return };
        if room != canary.ends.1 {
            return;
        }
        if let Some(awaited) = &mut canary.to_letschat.awaited
            && text.contains(&awaited.body)
        {
            awaited.is_heard = true;
            canary.to_letschat.end_if_arrived(now, &mut canary.latency);
        }
    }

    /// How the canary is; `link` is its link.
    pub(super) fn report(&self, link: &LinkRecord) -> Option<CanaryReport> {
        let canary = self.running.as_ref()?;
        Some(CanaryReport {
            link: link.id.clone(),
            is_paused: link.pause.is_some(),
            to_irc: canary.to_irc.report.clone(),
            to_letschat: canary.to_letschat.report.clone(),
            latency: canary.latency.clone(),
        })
    }
}

impl RunningCanary {
    fn new(ends: (EndpointId, EndpointId), schedule: CanarySchedule, now: Timestamp) -> Self {
        let direction = |direction| CanaryDirection {
            direction,
            due: now,
            awaited: None,
            report: CanaryDirectionReport::default(),
        };
        Self {
            ends,
            schedule,
            to_irc: direction(LinkDirection::ToIrc),
            to_letschat: direction(LinkDirection::ToLetsChat),
            latency: LatencyStats::default(),
        }
    }
}

impl CanaryDirection {
    /// The link is paused: nothing is known of it.
    fn suspend(&mut self, now: Timestamp) {
        self.due = now;
        self.awaited = None;
        self.report.last = None;
    }

    /// The message of the round has not arrived in time.
    fn end_overdue(&mut self, schedule: CanarySchedule, now: Timestamp) {
        let Some(awaited) = &self.awaited else { return };
        // A clock that was set tells nothing of the time that has passed.
        if now.duration_since(awaited.sent_at).abs() < schedule.timeout {
            return;
        }
        let missing = if awaited.is_acknowledged {
            "acknowledged, but not received from the room"
        } else {
            "not acknowledged"
        };
        let reason = format!("{missing} within {} seconds", schedule.timeout.as_secs());
        self.fail(reason, schedule, now);
    }

    /// Begins the round that is due. If that is impossible for too long, it has failed; the first one may wait longer,
    /// because the bridge is connecting.
    fn begin_due(
        &mut self,
        ends: (EndpointId, EndpointId),
        schedule: CanarySchedule,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.due = self.due.min(ctx.now + schedule.interval);
        if self.awaited.is_some() || ctx.now < self.due {
            return Ok(());
        }
        let Some(obstacle) = obstacle(ends, self.direction, ctx) else {
            return self.begin(ends, schedule, ctx);
        };
        let patience = match self.report.last {
            None => schedule.interval + schedule.timeout,
            Some(_) => schedule.timeout,
        };
        if ctx.now.duration_since(self.due) >= patience {
            self.fail(obstacle.to_owned(), schedule, ctx.now);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        (channel, room): (EndpointId, EndpointId),
        schedule: CanarySchedule,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let (source, to) = match self.direction {
            LinkDirection::ToIrc => (room, channel),
            LinkDirection::ToLetsChat => (channel, room),
        };
        let body = format!("test of the bridge at {}", ctx.now.strftime("%F %T%.3f UTC"));
        let author = Author { bot: true, ..Author::named(AUTHOR) };
        let message = Message { source, author, kind: MessageKind::Text, body, sent_at: ctx.now };
        let Some(id) = ctx.store.record(&message, None)? else { return Ok(()) };
        let delivery = ingest::enqueue(id, &message, (MessagePart::Whole, to), ctx)?;
        ctx.schedule(to);
        self.due = ctx.now + schedule.interval;
        self.awaited = Some(AwaitedMessage {
            delivery,
            body: message.body,
            sent_at: ctx.now,
            is_acknowledged: false,
            // What was acknowledged on IRC was echoed, if the server has echoes.
            is_heard: self.direction == LinkDirection::ToIrc,
        });
        Ok(())
    }

    fn end_if_arrived(&mut self, now: Timestamp, latency: &mut LatencyStats) {
        let has_arrived =
            |awaited: &mut AwaitedMessage| awaited.is_acknowledged && awaited.is_heard;
        let Some(arrived) = self.awaited.take_if(has_arrived) else { return };
        // A clock that was set back makes it negative.
        let took: Duration = now.duration_since(arrived.sent_at).try_into().unwrap_or_default();
        latency.of(self.direction).observe(took);
        if self.has_failed() {
            tracing::info!(direction = self.direction.name(), "the canary arrives again");
        }
        self.report.last = Some(CanaryOutcome { at: now, result: Ok(took) });
        self.report.last_arrival = Some(now);
    }

    fn fail(&mut self, reason: String, schedule: CanarySchedule, now: Timestamp) {
        if !self.has_failed() {
            tracing::warn!(direction = self.direction.name(), reason, "the canary did not arrive");
        }
        self.awaited = None;
        self.due = now + schedule.interval.min(RETRY_INTERVAL);
        self.report.failures += 1;
        self.report.last = Some(CanaryOutcome { at: now, result: Err(reason) });
    }

    /// An older message has arrived, so another one may, too.
    fn retry_after_failure(&mut self, now: Timestamp) {
        if self.has_failed() {
            self.due = self.due.min(now);
        }
    }

    fn has_failed(&self) -> bool {
        self.report.last.as_ref().is_some_and(|last| last.result.is_err())
    }
}

/// Why no message can be sent in this direction, if so.
fn obstacle(
    (channel, room): (EndpointId, EndpointId),
    direction: LinkDirection,
    ctx: &Ctx<'_>,
) -> Option<&'static str> {
    let is_open = |end| ctx.endpoints.queue(end).is_some_and(DeliveryQueue::is_open);
    if !is_open(channel) {
        return Some("its channel is not joined");
    }
    if !is_open(room) {
        return Some("its room is not joined");
    }
    let waiting = ctx.links.canary().map_or(0, |link| link.counts(direction).waiting());
    (waiting > 0).then_some("an earlier message still waits")
}
