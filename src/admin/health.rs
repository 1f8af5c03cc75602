//! `GET /healthz` and `GET /readyz`: whether the bridge lives, and whether it does its work.
//!
//! Both answer 200 or 503. The body says why; strangers on a listener with a token get an empty one.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use jiff::Timestamp;
use tokio::time;

use super::gate::Access;
use super::state::{AdminState, KnownReport, SharedState};
use crate::bridge::{CanaryReport, ConnectionReport, ConnectionState, LinkDirection, LinkState};

/// How long the engine may take to answer and to write to the disk.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// How many reasons are listed.
const MAX_REASONS: usize = 100;

/// The routes of the health checks. They need no token.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// Whether the engine answers and the disk takes writes. A restart may help otherwise. A node that waits is well.
async fn healthz(
    State(state): State<SharedState>,
    Extension(access): Extension<Access>,
) -> Response {
    if state.waits_for().is_some() {
        // A restart would not help.
        return answer(Vec::new(), &access);
    }
    let check = time::timeout(HEALTH_TIMEOUT, state.bridge.control.check_storage()).await;
    let problem = match check {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) if state.bridge.status.borrow().storage_stalled => Some(STALLED.to_owned()),
        Err(_) => Some(NO_ANSWER.to_owned()),
    };
    answer(problem.into_iter().collect(), &access)
}

/// Whether every link works, and each side answers what we ask.
async fn readyz(
    State(state): State<SharedState>,
    Extension(access): Extension<Access>,
) -> Response {
    let known = state.report().await;
    answer(state.not_ready(&known, Timestamp::now()), &access)
}

impl AdminState {
    /// Why the bridge is not ready: one sentence each.
    pub(super) fn not_ready(&self, known: &KnownReport, now: Timestamp) -> Vec<String> {
        if let Some(reason) = self.waits_for() {
            return vec![reason];
        }
        not_ready(known, self.bridge.status.borrow().storage_stalled, now)
    }
}

const STALLED: &str = "the database cannot be written";
const NO_ANSWER: &str = "the engine does not answer";

fn answer(mut problems: Vec<String>, access: &Access) -> Response {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !access.may_see_details() {
        return status.into_response();
    }
    let left_out = problems.len().saturating_sub(MAX_REASONS);
    problems.truncate(MAX_REASONS);
    if left_out > 0 {
        problems.push(format!("and {left_out} more"));
    }
    // Reasons quote what servers say.
    let plain = |problem: String| problem.replace(|c: char| c.is_control() || is_invisible(c), " ");
    let problems: Vec<String> = problems.into_iter().map(plain).collect();
    let text = if problems.is_empty() { "ok".to_owned() } else { problems.join("\n") };
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text + "\n").into_response()
}

/// Whether a character changes how others are shown: marks of direction, and such of no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Why the bridge is not ready: one sentence each. Links that an administrator has paused and links that are leaving do
/// not count.
fn not_ready(known: &KnownReport, is_stalled: bool, now: Timestamp) -> Vec<String> {
    let KnownReport { report, is_current } = known;
    let mut reasons = Vec::new();
    if is_stalled {
        reasons.push(STALLED.to_owned());
    } else if !is_current {
        reasons.push(NO_ANSWER.to_owned());
    }
    reasons.extend(report.connections.iter().filter_map(|it| connection_problem(it, now)));
    for link in &report.links {
        let state = match link.state {
            LinkState::Down => "is down",
            LinkState::Full => "accepts no more messages, because too many wait",
            // That is what an administrator wants.
            LinkState::Paused | LinkState::Leaving | LinkState::Up => continue,
        };
        let problem = link.problem.as_ref().map(|problem| format!(": {problem}"));
        reasons.push(format!("the link {} {state}{}", link.link, problem.unwrap_or_default()));
    }
    reasons.extend(report.canary.iter().flat_map(canary_problems));
    reasons
}

/// The directions in which the last message of the canary did not arrive. None while its link is paused.
fn canary_problems(canary: &CanaryReport) -> impl Iterator<Item = String> {
    canary.directions().into_iter().filter_map(|(direction, report)| {
        let reason = report.last.as_ref()?.result.as_ref().err()?;
        let to = match direction {
            LinkDirection::ToIrc => canary.link.channel.as_ref(),
            LinkDirection::ToLetsChat => canary.link.room.as_ref(),
        };
        Some(format!("the canary did not arrive in {to}: {reason}"))
    })
}

fn connection_problem(connection: &ConnectionReport, now: Timestamp) -> Option<String> {
    let name = connection.peer.label();
    let state = match connection.state {
        ConnectionState::Connected => {
            let silent = connection.sign_of_life.filter(|sign| sign.is_overdue(now))?;
            let since = now.duration_since(silent.at).as_secs();
            return Some(format!("{name} has not answered for {since} seconds"));
        }
        ConnectionState::Connecting => "is connecting",
        ConnectionState::Down => "is down",
    };
    let problem = connection.problem.as_ref().map(|problem| format!(": {problem}"));
    Some(format!("{name} {state}{}", problem.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::{
        BridgeReport, CanaryDirectionReport, CanaryOutcome, DirectionReport, LatencyStats,
        LinkReport, Peer, SignOfLife,
    };
    use crate::domain::{LinkId, Network};

    fn link(state: LinkState, problem: Option<&str>) -> LinkReport {
        LinkReport {
            link: LinkId {
                network: Network::new("office"),
                channel: "#tea".into(),
                room: "tea".into(),
            },
            is_canary: false,
            phase: crate::domain::LinkPhase::default(),
            direction: crate::domain::LinkFlow::default(),
            state,
            since: None,
            problem: problem.map(str::to_owned),
            to_irc: DirectionReport::default(),
            to_letschat: DirectionReport::default(),
            last_error: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn each_reason_is_a_sentence() {
        let sign_of_life = Some(SignOfLife { at: at(100), next_within: Duration::from_secs(45) });
        let office = ConnectionReport {
            state: ConnectionState::Connected,
            sign_of_life,
            ..ConnectionReport::new(Peer::Irc(Network::new("office")))
        };
        let mut known = KnownReport {
            report: BridgeReport {
                connections: vec![office],
                links: [LinkState::Up, LinkState::Paused, LinkState::Leaving]
                    .map(|state| link(state, None))
                    .into(),
                ..BridgeReport::default()
            },
            is_current: true,
        };
        assert_eq!(not_ready(&known, false, at(145)), [""; 0]);
        assert_eq!(not_ready(&known, false, at(146)), ["office has not answered for 46 seconds"]);
        known.is_current = false;
        assert_eq!(not_ready(&known, false, at(100)), ["the engine does not answer"]);
        known.report.connections[0].state = ConnectionState::Down;
        known.report.connections[0].problem = Some("connection refused".to_owned());
        known.report.links.push(link(LinkState::Down, Some("banned")));
        known.report.links.push(link(LinkState::Full, None));
        assert_eq!(
            not_ready(&known, true, at(100)),
            [
                "the database cannot be written",
                "office is down: connection refused",
                "the link office/#tea tea is down: banned",
                "the link office/#tea tea accepts no more messages, because too many wait",
            ]
        );
    }

    #[test]
    fn canary_that_did_not_arrive_is_a_reason() {
        let mut canary = CanaryReport {
            link: link(LinkState::Up, None).link,
            is_paused: false,
            to_irc: CanaryDirectionReport::default(),
            to_letschat: CanaryDirectionReport::default(),
            latency: LatencyStats::default(),
        };
        let seen = |canary: &CanaryReport| {
            let report = BridgeReport { canary: Some(canary.clone()), ..BridgeReport::default() };
            not_ready(&KnownReport { report, is_current: true }, false, at(100))
        };
        assert_eq!(seen(&canary), [""; 0], "no round has ended yet");
        let outcome = |result| Some(CanaryOutcome { at: at(90), result });
        canary.to_irc.last = outcome(Ok(Duration::from_millis(20)));
        canary.to_letschat.last = outcome(Err("not acknowledged within 30 seconds".to_owned()));
        assert_eq!(
            seen(&canary),
            ["the canary did not arrive in tea: not acknowledged within 30 seconds"]
        );
    }

    #[test]
    fn strangers_learn_only_the_status() {
        for (problems, status) in [(vec![], 200), (vec!["no".to_owned()], 503)] {
            let seen = answer(problems.clone(), &Access::Public);
            assert_eq!(seen.status(), status);
            assert!(seen.headers().get(header::CONTENT_TYPE).is_none());
            assert!(answer(problems, &Access::Token).headers().contains_key(header::CONTENT_TYPE));
        }
    }
}
