//! The metrics of the canary.

use super::families::{Families, Labels, as_number, seconds};
use crate::bridge::{CanaryReport, LinkDirection};

/// Adds the metrics of the canary.
pub(super) fn add(canary: &CanaryReport, families: &mut Families) {
    let directions = canary.directions();
    families.gauge(
        "letsbridge_canary_success",
        "Whether the last message of the canary arrived. Missing before the first one, and while \
         its link is paused.",
        directions.iter().filter_map(|(direction, it)| {
            Some((labels(*direction), as_number(it.last.as_ref()?.result.is_ok())))
        }),
    );
    families.gauge(
        "letsbridge_canary_last_arrival_timestamp_seconds",
        "When a message of the canary last arrived, in seconds since 1970. Missing before the first \
         one.",
        directions
            .iter()
            .filter_map(|(direction, it)| Some((labels(*direction), seconds(it.last_arrival?)))),
    );
    families.counter(
        "letsbridge_canary_failures_total",
        "Messages of the canary that did not arrive in time, or could not be sent.",
        directions.iter().map(|(direction, it)| (labels(*direction), it.failures)),
    );
    let latency = &canary.latency;
    families.histogram(
        "letsbridge_canary_duration_seconds",
        "Time from queueing a message of the canary to its arrival.",
        [
            (labels(LinkDirection::ToIrc), &latency.to_irc),
            (labels(LinkDirection::ToLetsChat), &latency.to_letschat),
        ],
    );
}

fn labels(direction: LinkDirection) -> Labels {
    vec![("direction", direction.name().to_owned())]
}
