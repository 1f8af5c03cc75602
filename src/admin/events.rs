//! `GET /api/v1/events`: the status and the samples as server-sent events, as they change.
//!
//! A listener that reads slowly misses states between; it never makes the bridge keep them. One that does not read at
//! all is disconnected by the listener's pace.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{self, Interval, MissedTickBehavior};

use super::event_hub::as_event;
use super::samples::{LinkTotals, SAMPLE_INTERVAL};
use super::state::{AdminState, SharedState};

/// How often the status is looked at, while somebody listens.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often a listener hears that the bridge is there, if nothing else happens.
const ALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// The route of the events.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route("/api/v1/events", get(listen))
}

/// Looks at the bridge for the listeners, and takes the samples of the charts, until the bridge stops.
pub(super) async fn watch_bridge(state: SharedState) {
    let mut stopping = state.stopping.clone();
    tokio::select! {
        _ = stopping.wait_for(|stops| *stops) => {}
        () = look_again_and_again(&state) => {}
    }
}

async fn look_again_and_again(state: &AdminState) {
    let (mut look, mut sample) = (every(LOOK_INTERVAL), every(SAMPLE_INTERVAL));
    loop {
        tokio::select! {
            _ = sample.tick() => take_samples(state).await,
            _ = look.tick() => {
                if state.events.has_listeners() {
                    state.events.tell(state.status().await);
                }
            }
        }
    }
}

async fn take_samples(state: &AdminState) {
    let known = state.report().await;
    let totals = known.report.links.into_iter().map(|link| {
        let (irc, letschat) = (link.to_irc, link.to_letschat);
        let totals = LinkTotals {
            delivered: irc.delivered + letschat.delivered,
            took: irc.took.saturating_add(letschat.took),
            waiting: irc.waiting + letschat.waiting,
        };
        (link.link, totals)
    });
    state.samples.take(Timestamp::now(), totals);
}

fn every(period: Duration) -> Interval {
    let mut interval = time::interval(period);
    // No burst after a stall.
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn listen(State(state): State<SharedState>) -> Response {
    let Some(seat) = state.events.take_seat() else {
        let error = "too many pages listen already: close one of them";
        let body = serde_json::json!({"error": error}).to_string();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::SERVICE_UNAVAILABLE, kind, body).into_response();
    };
    let listener = Listener::new(state, seat).await;
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // A reverse proxy must not wait for more.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

/// What a listener is told of.
enum News {
    Status,
    Samples,
    Alive,
}

/// Somebody who listens.
struct Listener {
    state: SharedState,
    told: watch::Receiver<u64>,
    rounds: watch::Receiver<u64>,
    /// The last round of samples that was told.
    round: Option<u64>,
    stopping: watch::Receiver<bool>,
    alive: Interval,
    _seat: OwnedSemaphorePermit,
}

impl Listener {
    /// Begins with the status of now, and all samples.
    async fn new(state: SharedState, seat: OwnedSemaphorePermit) -> Self {
        // Before the look, so that no later status is missed.
        let mut told = state.events.subscribe();
        state.events.tell(state.status().await);
        told.mark_changed();
        let mut rounds = state.samples.rounds();
        rounds.mark_changed();
        let mut alive = every(ALIVE_INTERVAL);
        alive.reset();
        let stopping = state.stopping.clone();
        Self { state, told, rounds, round: None, stopping, alive, _seat: seat }
    }

    /// The next event; `None` when the bridge stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stops| *stops) => return None,
                changed = self.told.changed() => changed.ok().map(|()| News::Status),
                changed = self.rounds.changed() => changed.ok().map(|()| News::Samples),
                _ = self.alive.tick() => Some(News::Alive),
            };
            let event = match news? {
                News::Status => self.state.events.last(),
                News::Samples => Some(self.samples()),
                News::Alive => Some(as_event("alive", &())),
            };
            if let Some(event) = event {
                self.alive.reset();
                return Some(event);
            }
        }
    }

    /// The samples that this listener has not seen: those of the last round, or all if it has missed some.
    fn samples(&mut self) -> Bytes {
        let round = *self.rounds.borrow_and_update();
        let follows = self.round.is_some_and(|last| last + 1 == round);
        self.round = Some(round);
        as_event("samples", &self.state.samples.view(!follows))
    }
}
