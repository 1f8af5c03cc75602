//! The metrics of links.

use jiff::Timestamp;

use super::families::{Families, Labels, as_float, as_number};
use crate::bridge::{DirectionReport, LinkReport, LinkState};

/// More links than this are left out: each is a dozen series.
const MAX_LINKS: usize = 10_000;

/// A direction of a link with its labels.
type LabelledDirection<'l> = (Labels, &'l DirectionReport);

/// Adds the metrics of these links.
pub(super) fn add(links: &[LinkReport], now: Timestamp, families: &mut Families) {
    let links = &links[..links.len().min(MAX_LINKS)];
    add_states(links, families);
    // The figures are of people's messages.
    let of_people = links.iter().filter(|link| !link.is_canary);
    let directions: Vec<LabelledDirection<'_>> = of_people.flat_map(directions).collect();
    families.counter(
        "letsbridge_messages_total",
        "Messages by link, direction and what became of them. Outcomes other than delivered and \
         rejected appear once they occur.",
        directions.iter().flat_map(outcomes),
    );
    families.counter(
        "letsbridge_retries_total",
        "Messages that were sent once more: unconfirmed, because they may have arrived before \
         (sent with a mark), or deferred, because the other side asked for it. Appears once it \
         occurs.",
        directions.iter().flat_map(retries),
    );
    families.gauge(
        "letsbridge_waiting_messages",
        "Messages that wait for delivery, with those in flight and those held by a pause.",
        directions.iter().map(|(labels, it)| (labels.clone(), as_float(it.waiting))),
    );
    families.gauge(
        "letsbridge_oldest_waiting_seconds",
        "Age of the oldest message that waits for delivery over the link, 0 if none does.",
        directions.iter().map(|(labels, it)| (labels.clone(), age(it.oldest, now))),
    );
}

fn add_states(links: &[LinkReport], families: &mut Families) {
    let gauge = |is_so: fn(&LinkReport) -> bool| {
        links.iter().map(move |link| (labels(link), as_number(is_so(link))))
    };
    families.gauge(
        "letsbridge_link_up",
        "Whether the channel and the room of the link are joined and read, and no administrator \
         has paused it.",
        gauge(|link| link.state == LinkState::Up),
    );
    let modes = links.iter().filter(|link| !link.is_canary).map(|link| {
        let mode = with(&labels(link), "phase", link.phase.name());
        (with(&mode, "direction", link.direction.name()), 1.0)
    });
    families.gauge(
        "letsbridge_link_phase",
        "The phase of the link, and in which directions it mirrors as far as its phase does: both \
         are labels, the value is always 1.",
        modes,
    );
    families.gauge(
        "letsbridge_link_paused",
        "Whether an administrator has paused the link.",
        gauge(|link| link.state == LinkState::Paused),
    );
}

fn labels(link: &LinkReport) -> Labels {
    let id = &link.link;
    vec![
        ("network", id.network.to_string()),
        ("channel", id.channel.to_string()),
        ("room", id.room.to_string()),
    ]
}

fn directions(link: &LinkReport) -> [LabelledDirection<'_>; 2] {
    [("to_irc", &link.to_irc), ("to_letschat", &link.to_letschat)].map(|(direction, report)| {
        let mut labels = labels(link);
        labels.push(("direction", direction.to_owned()));
        (labels, report)
    })
}

fn outcomes((labels, it): &LabelledDirection<'_>) -> impl Iterator<Item = (Labels, u64)> {
    let always = [("delivered", it.delivered), ("rejected", it.rejected)];
    let later = [
        ("dropped", it.dropped),
        ("ignored", it.ignored),
        ("skipped", it.skipped),
        ("unreadable", it.unreadable),
        ("unheard", it.unheard),
    ];
    let counts = always.into_iter().chain(later.into_iter().filter(|(_, count)| *count > 0));
    counts.map(|(outcome, count)| (with(labels, "outcome", outcome), count))
}

fn retries((labels, it): &LabelledDirection<'_>) -> impl Iterator<Item = (Labels, u64)> {
    let counts = [("unconfirmed", it.resent), ("deferred", it.deferred)];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(reason, count)| (with(labels, "reason", reason), count))
}

fn with(labels: &Labels, name: &'static str, value: &str) -> Labels {
    labels.iter().cloned().chain([(name, value.to_owned())]).collect()
}

/// The age of the oldest message that waits on any link, in seconds; 0 if none does. What an administrator holds back
/// by a pause does not count, nor does the canary.
pub(super) fn oldest(links: &[LinkReport], now: Timestamp) -> f64 {
    let links = links.iter().filter(|link| link.state != LinkState::Paused && !link.is_canary);
    let ages =
        links.flat_map(|link| [age(link.to_irc.oldest, now), age(link.to_letschat.oldest, now)]);
    ages.fold(0.0, f64::max)
}

/// The age in seconds. The clock of a network may be ahead of ours.
fn age(sent_at: Option<Timestamp>, now: Timestamp) -> f64 {
    sent_at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
}
