//! The last minutes of each link, for the charts of the status page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use crate::domain::LinkId;

/// The time between two samples.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);

/// How many samples of a link are kept: ten minutes. A sample has 12 bytes, so a link has 0.7 kB, with its name 1 kB.
const KEPT: usize = 60;

/// The last minutes of all links of the configuration.
#[derive(Debug)]
pub(super) struct SampleLog {
    rings: Mutex<Rings>,
    round: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Rings {
    links: BTreeMap<LinkId, Ring>,
    at: Timestamp,
}

/// The samples of one link, the oldest first.
#[derive(Debug, Default)]
struct Ring {
    samples: VecDeque<Sample>,
    last: LinkTotals,
}

/// What a link has done since the bridge started, and what waits on it now; both directions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LinkTotals {
    /// How many deliveries arrived.
    pub(super) delivered: u64,
    /// How long those took, added up.
    pub(super) took: Duration,
    /// How many wait now.
    pub(super) waiting: u64,
}

/// What a link did between two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    messages: u32,
    /// The mean, in milliseconds; [`u32::MAX`] if nothing was delivered.
    latency: u32,
    waiting: u32,
}

/// Samples as the page gets them.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SamplesView {
    /// Seconds between two samples.
    every: u64,
    /// When the newest was taken.
    at: Timestamp,
    /// Whether these are all. Otherwise they follow those before.
    whole: bool,
    links: Vec<LinkSamplesView>,
}

#[derive(Debug, PartialEq, Serialize)]
struct LinkSamplesView {
    network: String,
    channel: String,
    room: String,
    messages: Vec<u32>,
    /// In milliseconds; none for a time without deliveries.
    latency: Vec<Option<u32>>,
    waiting: Vec<u32>,
}

impl Default for SampleLog {
    fn default() -> Self {
        Self { rings: Mutex::default(), round: watch::Sender::new(0) }
    }
}

impl SampleLog {
    /// Takes a sample of each link. Links that are no longer named are forgotten.
    pub(super) fn take(
        &self,
        at: Timestamp,
        totals: impl IntoIterator<Item = (LinkId, LinkTotals)>,
    ) {
        let mut rings = self.rings();
        let mut before = std::mem::take(&mut rings.links);
        for (link, totals) in totals {
            let mut ring = before.remove(&link).unwrap_or_default();
            ring.take(totals);
            rings.links.insert(link, ring);
        }
        rings.at = at;
        drop(rings);
        self.round.send_modify(|round| *round += 1);
    }

    /// The number of the newest round of samples, with changes. None was taken yet at 0.
    pub(super) fn rounds(&self) -> watch::Receiver<u64> {
        self.round.subscribe()
    }

    /// The newest samples: all, or only those of the last round.
    pub(super) fn view(&self, whole: bool) -> SamplesView {
        let rings = self.rings();
        let count = if whole { KEPT } else { 1 };
        let links = rings.links.iter().map(|(link, ring)| ring.view(link, count)).collect();
        SamplesView { every: SAMPLE_INTERVAL.as_secs(), at: rings.at, whole, links }
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn take(&mut self, totals: LinkTotals) {
        // A link that was removed and has come back may count from zero again.
        let messages = totals.delivered.saturating_sub(self.last.delivered);
        let took = totals.took.saturating_sub(self.last.took);
        let mean = took.as_millis().checked_div(u128::from(messages));
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            latency: mean.map_or(u32::MAX, |mean| u32::try_from(mean).unwrap_or(u32::MAX - 1)),
            waiting: u32::try_from(totals.waiting).unwrap_or(u32::MAX),
        });
        self.last = totals;
    }

    fn view(&self, link: &LinkId, count: usize) -> LinkSamplesView {
        let newest = || self.samples.iter().skip(self.samples.len().saturating_sub(count));
        let known = |latency: u32| (latency != u32::MAX).then_some(latency);
        LinkSamplesView {
            network: link.network.to_string(),
            channel: link.channel.to_string(),
            room: link.room.to_string(),
            messages: newest().map(|it| it.messages).collect(),
            latency: newest().map(|it| known(it.latency)).collect(),
            waiting: newest().map(|it| it.waiting).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    fn link(channel: &str) -> LinkId {
        LinkId { network: Network::new("libera"), channel: channel.into(), room: "tea".into() }
    }

    fn totals(delivered: u64, took_ms: u64, waiting: u64) -> LinkTotals {
        LinkTotals { delivered, took: Duration::from_millis(took_ms), waiting }
    }

    fn view(log: &SampleLog, whole: bool) -> String {
        serde_json::to_value(log.view(whole)).expect("JSON")["links"].to_string()
    }

    #[test]
    fn samples_are_what_happened_between() {
        let log = SampleLog::default();
        for totals in [totals(2, 100, 1), totals(2, 100, 0), totals(5, 400, 7)] {
            log.take(Timestamp::UNIX_EPOCH, [(link("#tea"), totals)]);
        }
        let expected = concat!(
            r##"[{"channel":"#tea","latency":[50,null,100],"messages":[2,0,3],"##,
            r#""network":"libera","room":"tea","waiting":[1,0,7]}]"#
        );
        assert_eq!(view(&log, true), expected);
        assert!(view(&log, false).contains(r#""messages":[3]"#));
        assert_eq!(*log.rounds().borrow(), 3);
    }

    #[test]
    fn old_samples_and_removed_links_are_forgotten() {
        let log = SampleLog::default();
        for round in 0..1_000 {
            let links = [("#tea", true), ("#pot", round < 500)];
            let there = links.into_iter().filter(|(_, is_there)| *is_there);
            let taken = there.map(|(channel, _)| (link(channel), totals(round, round, 0)));
            log.take(Timestamp::UNIX_EPOCH, taken);
        }
        let all = log.view(true);
        assert_eq!(all.links.len(), 1);
        assert_eq!(all.links[0].messages, [1; KEPT]);
        assert_eq!(size_of::<Sample>(), 12);
    }

    #[test]
    fn counters_that_begin_anew_are_no_message() {
        let log = SampleLog::default();
        for totals in [totals(9, 90, 0), totals(1, 5, 0), totals(u64::MAX, u64::MAX, u64::MAX)] {
            log.take(Timestamp::UNIX_EPOCH, [(link("#tea"), totals)]);
        }
        assert_eq!(log.view(true).links[0].messages, [9, 0, u32::MAX]);
    }
}
