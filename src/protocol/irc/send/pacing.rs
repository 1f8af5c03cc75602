//! Flood control: how fast lines may be sent to each kind of server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::{EndpointId, FloodControl};

/// The cost of a line, as waiting time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    /// How much can be sent at once.
    burst: Duration,
    /// The cost per line.
    per_line: Duration,
    /// The cost per byte.
    per_byte: Duration,
}

impl FloodControl {
    /// The cost for the server software `version` (RPL_MYINFO).
    pub(in crate::protocol::irc) fn for_version(version: &str) -> Self {
        let version = version.to_ascii_lowercase();
        let kinds: [(&str, Self); 14] = [
            ("solanum", Self::Solanum),
            ("charybdis", Self::Solanum),
            ("ircd-seven", Self::Solanum),
            ("hybrid", Self::Hybrid),
            ("inspircd", Self::Inspircd),
            ("unreal", Self::Unrealircd),
            ("ngircd", Self::Ngircd),
            ("ergo", Self::Ergo),
            ("oragono", Self::Ergo),
            ("u2.", Self::Ircu),
            ("snircd", Self::Ircu),
            ("nefarious", Self::Ircu),
            ("bircd", Self::Ircu),
            ("soju", Self::Soju),
        ];
        let kind = kinds.iter().find(|(name, _)| version.contains(name));
        kind.map_or(Self::Standard, |(_, pace)| *pace)
    }

    fn cost(self) -> Option<Cost> {
        let (burst, line, byte) = match self {
            Self::Off => return None,
            Self::Auto | Self::Standard => (5_000, 1_000, 2_000),
            Self::Solanum | Self::Hybrid => (5_000, 1_000, 1_000),
            Self::Inspircd => (8_000, 1_000, 100),
            Self::Unrealircd => (8_000, 1_000, 11_200),
            Self::Ngircd => (3_000, 400, 500),
            Self::Ergo => (2_500, 500, 100),
            Self::Ircu => (8_000, 2_000, 8_400),
            Self::Soju => (16_000, 2_000, 0),
        };
        Some(Cost {
            burst: Duration::from_millis(burst),
            per_line: Duration::from_millis(line),
            per_byte: Duration::from_micros(byte),
        })
    }
}

/// What a server's reactions have taught us about its limits, kept across connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedPace {
    /// The cost of a line, in percent of the usual.
    cost_percent: u32,
    /// When it last changed.
    updated_at: Instant,
}

/// How long there must be no complaint before we speed up.
const SPEEDUP_INTERVAL: Duration = Duration::from_secs(600);

/// Upper limit of the cost.
const MAX_COST_PERCENT: u32 = 800;

impl LearnedPace {
    /// Starts at the usual cost.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { cost_percent: 100, updated_at: now }
    }

    fn slow_down(&mut self, times: u32, now: Instant) {
        self.cost_percent = (self.cost_percent * times / 100).min(MAX_COST_PERCENT);
        self.updated_at = now;
    }

    /// Lowers the cost for the time that has passed until `now`.
    fn decay(&mut self, now: Instant) {
        while self.cost_percent > 100
            && now.saturating_duration_since(self.updated_at) >= SPEEDUP_INTERVAL
        {
            self.cost_percent = (self.cost_percent * 4 / 5).max(100);
            self.updated_at += SPEEDUP_INTERVAL;
        }
    }
}

/// What was learned about the rate limit of a connection that another process takes over, and what of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::protocol::irc) struct KeptPace {
    cost_percent: u32,
    /// How many seconds ago that changed.
    changed_secs: u64,
    /// In how many milliseconds everything that was sent is paid for.
    full_in_ms: u64,
}

/// More than any burst of ours costs.
const MAX_DEBT: Duration = Duration::from_secs(120);

/// The priority of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum Priority {
    /// Has sent little lately; may use the reserved part of the burst.
    High,
    /// Has sent much, or can wait.
    Low,
}

/// A token bucket, stored as the time when it will be full.
///
/// Two fifths of it are reserved for channels that have sent little, so that one busy channel does not delay
/// the others.
#[derive(Debug)]
pub(in crate::protocol::irc) struct Pacer {
    flood_control: FloodControl,
    /// The rate of the server's software, once known.
    software_pace: Option<FloodControl>,
    learned: LearnedPace,
    full_at: Instant,
    /// Lines and bytes sent before the server's software was known.
    sent_before_version: (u32, u32),
    /// What each channel has used beyond its fair share.
    spent: HashMap<EndpointId, Duration>,
    /// Up to when shares have been deducted.
    shared_until: Instant,
}

impl Pacer {
    pub(in crate::protocol::irc) fn new(
        flood_control: FloodControl,
        learned: LearnedPace,
        now: Instant,
    ) -> Self {
        let spent = HashMap::new();
        Self {
            flood_control,
            software_pace: None,
            learned,
            full_at: now,
            sent_before_version: (0, 0),
            spent,
            shared_until: now,
        }
    }

    /// What the next process is to know.
    pub(in crate::protocol::irc) fn keep(&self, now: Instant) -> KeptPace {
        let changed = now.saturating_duration_since(self.learned.updated_at);
        let debt = self.full_at.saturating_duration_since(now);
        KeptPace {
            cost_percent: self.learned.cost_percent,
            changed_secs: changed.as_secs(),
            full_in_ms: u64::try_from(debt.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Continues with what another process knew.
    pub(in crate::protocol::irc) fn restore(&mut self, kept: &KeptPace, now: Instant) {
        let changed = Duration::from_secs(kept.changed_secs);
        self.learned = LearnedPace {
            cost_percent: kept.cost_percent.clamp(100, MAX_COST_PERCENT),
            updated_at: now.checked_sub(changed).unwrap_or(now),
        };
        self.full_at = now + Duration::from_millis(kept.full_in_ms).min(MAX_DEBT);
    }

    /// The server's software is `version`; lines sent before are charged at its rate.
    pub(in crate::protocol::irc) fn set_version(&mut self, version: &str) {
        let software_pace = FloodControl::for_version(version);
        self.software_pace = Some(software_pace);
        if self.flood_control != FloodControl::Auto {
            return;
        }
        let thought = self.cost_before_version();
        self.flood_control = software_pace;
        let due = self.full_at + self.cost_before_version();
        self.full_at = due.checked_sub(thought).unwrap_or(due);
        tracing::debug!(version, pace = ?self.flood_control, "flood control chosen by server software");
    }

    /// Sends at another rate from now on. What was sent before stays charged at the old one.
    pub(in crate::protocol::irc) fn set_flood_control(&mut self, flood_control: FloodControl) {
        self.flood_control = match flood_control {
            FloodControl::Auto => self.software_pace.unwrap_or(FloodControl::Auto),
            configured => configured,
        };
    }

    /// The cost of what was sent before the software was known.
    fn cost_before_version(&self) -> Duration {
        let Some(Cost { per_line: line, per_byte: byte, .. }) = self.flood_control.cost() else {
            return Duration::ZERO;
        };
        let (lines, bytes) = self.sent_before_version;
        (line * lines + byte * bytes) * self.learned.cost_percent / 100
    }

    /// The server reports that we are too fast.
    pub(in crate::protocol::irc) fn on_flood_warning(&mut self, now: Instant) {
        self.learned.slow_down(125, now);
    }

    /// The server disconnected us for flooding.
    pub(in crate::protocol::irc) fn on_flood_disconnect(&mut self, now: Instant) {
        self.learned.slow_down(200, now);
        tracing::warn!(
            percent = self.learned.cost_percent,
            "disconnected for flooding; sending more slowly from now on"
        );
    }

    pub(in crate::protocol::irc) fn learned(&self) -> LearnedPace {
        self.learned
    }

    /// The current priority of `endpoint`.
    pub(in crate::protocol::irc) fn priority(
        &self,
        endpoint: EndpointId,
        now: Instant,
    ) -> Priority {
        let Some(Cost { burst, .. }) = self.flood_control.cost() else { return Priority::High };
        let spent = self.spent.get(&endpoint).copied().unwrap_or_default();
        let spent = spent.saturating_sub(self.fair_share(now));
        if spent * 2 < burst { Priority::High } else { Priority::Low }
    }

    /// Each channel's share of the capacity freed since the last deduction.
    fn fair_share(&self, now: Instant) -> Duration {
        let channels = u32::try_from(self.spent.len()).unwrap_or(u32::MAX);
        now.saturating_duration_since(self.shared_until) / channels.max(1)
    }

    /// Deducts the shares; forgets channels that have used no more than theirs.
    fn deduct_shares(&mut self, now: Instant) {
        let share = self.fair_share(now);
        self.shared_until = self.shared_until.max(now);
        self.spent.retain(|_, spent| {
            *spent = spent.saturating_sub(share);
            !spent.is_zero()
        });
    }

    /// Whether a line can be sent now.
    pub(in crate::protocol::irc) fn can_send(&self, weight: Priority, now: Instant) -> bool {
        self.ready_at(weight).is_none_or(|free| free <= now)
    }

    /// When the next line can be sent; `None` if always.
    pub(in crate::protocol::irc) fn ready_at(&self, weight: Priority) -> Option<Instant> {
        let Cost { burst, .. } = self.flood_control.cost()?;
        let credit = match weight {
            Priority::High => burst,
            Priority::Low => burst * 3 / 5,
        };
        // A time before the program's start means that the bucket is full.
        Some(self.full_at.checked_sub(credit).unwrap_or(self.full_at))
    }

    /// Whether the whole burst is available.
    pub(in crate::protocol::irc) fn is_full(&self, now: Instant) -> bool {
        self.full_at().is_none_or(|at| at <= now)
    }

    /// When the whole burst will be available.
    pub(in crate::protocol::irc) fn full_at(&self) -> Option<Instant> {
        (self.flood_control != FloodControl::Off).then_some(self.full_at)
    }

    /// Charges a line of `bytes` bytes, to `endpoint` if it goes there.
    pub(in crate::protocol::irc) fn spend(
        &mut self,
        bytes: usize,
        endpoint: Option<EndpointId>,
        now: Instant,
    ) {
        let Some(Cost { per_line: line, per_byte: byte, .. }) = self.flood_control.cost() else {
            return;
        };
        self.learned.decay(now);
        let bytes = u32::try_from(bytes.min(65_536)).unwrap_or(u32::MAX);
        if self.flood_control == FloodControl::Auto {
            let (lines, all) = self.sent_before_version;
            self.sent_before_version = (lines.saturating_add(1), all.saturating_add(bytes));
        }
        let cost = (line + byte * bytes) * self.learned.cost_percent / 100;
        self.full_at = self.full_at.max(now) + cost;
        self.deduct_shares(now);
        if let Some(endpoint) = endpoint {
            *self.spent.entry(endpoint).or_default() += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);

    fn pacer(pace: FloodControl, now: Instant) -> Pacer {
        Pacer::new(pace, LearnedPace::new(now), now)
    }

    /// When each of this many lines of 400 bytes in one channel is sent, in seconds.
    fn sent(pacer: &mut Pacer, lines: usize, start: Instant) -> Vec<u64> {
        let mut now = start;
        let say = |_| {
            let weight = pacer.priority(TEA, now);
            now = pacer.ready_at(weight).map_or(now, |free| free.max(now));
            pacer.spend(400, Some(TEA), now);
            (now - start).as_secs()
        };
        (0..lines).map(say).collect()
    }

    #[test]
    fn burst_is_followed_by_a_steady_rate() {
        let now = Instant::now();
        assert_eq!(sent(&mut pacer(FloodControl::Standard, now), 6, now), [0, 0, 0, 2, 4, 6]);
        assert_eq!(sent(&mut pacer(FloodControl::Off, now), 6, now), [0; 6]);
    }

    #[test]
    fn no_pace_exceeds_its_server() {
        let now = Instant::now();
        // Seconds for sixty lines of 400 bytes sent at once, and how many lines may be queued before it
        // disconnects. Measured for ngIRCd 26.1 and InspIRCd 3, from documentation for the others.
        for (pace, seconds, waiting) in [
            (FloodControl::Solanum, 30_u64, 20_u64),
            (FloodControl::Hybrid, 60, 5),
            (FloodControl::Inspircd, 50, 10),
            (FloodControl::Unrealircd, 300, 18),
            (FloodControl::Ngircd, 20, 20),
            (FloodControl::Ergo, 30, 20),
            (FloodControl::Ircu, 310, 5),
            (FloodControl::Soju, 100, 10),
        ] {
            let last = sent(&mut pacer(pace, now), 60, now)[59];
            let ahead = seconds.saturating_sub(last) * 60 / seconds;
            assert!(ahead <= waiting, "{pace:?}: {last} seconds, {ahead} lines ahead");
            assert!(last <= seconds * 3, "{pace:?} is needlessly slow: {last} seconds");
        }
    }

    #[test]
    fn lines_before_the_version_are_recharged() {
        let now = Instant::now();
        for (version, wait) in [("ngircd-26.1", 0), ("ergo-2.19.1", 1), ("u2.10.12", 8)] {
            let mut pacer = pacer(FloodControl::Auto, now);
            for _ in 0..7 {
                pacer.spend(40, None, now);
            }
            pacer.set_version(version);
            let free = pacer.ready_at(Priority::High).expect("it has a pace");
            assert_eq!(free.saturating_duration_since(now).as_secs(), wait, "{version}");
        }
    }

    #[test]
    fn quiet_channel_does_not_wait_for_a_busy_one() {
        let now = Instant::now();
        let mut pacer = pacer(FloodControl::Standard, now);
        sent(&mut pacer, 3, now);
        let then = now + Duration::from_secs(1);
        assert_eq!(pacer.priority(TEA, then), Priority::Low);
        assert!(!pacer.can_send(Priority::Low, then));
        assert_eq!(pacer.priority(DEV, then), Priority::High);
        assert!(pacer.can_send(Priority::High, then));
        let later = now + Duration::from_secs(60);
        assert_eq!(pacer.priority(TEA, later), Priority::High);
    }

    #[test]
    fn learned_pace_decays_over_time() {
        let now = Instant::now();
        let mut first = pacer(FloodControl::Standard, now);
        first.on_flood_disconnect(now);
        first.on_flood_warning(now);
        let mut second = Pacer::new(FloodControl::Standard, first.learned(), now);
        assert_eq!(sent(&mut second, 4, now), [0, 1, 6, 10]);
        let later = now + SPEEDUP_INTERVAL * 5;
        let mut third = Pacer::new(FloodControl::Standard, second.learned(), later);
        assert_eq!(sent(&mut third, 6, later), [0, 0, 0, 2, 4, 6]);
        (0..20).for_each(|_| third.on_flood_disconnect(later));
        assert_eq!(third.learned().cost_percent, MAX_COST_PERCENT);
    }

    #[test]
    fn version_selects_the_pace() {
        for (version, pace) in [
            ("solanum-1.0-dev", FloodControl::Solanum),
            ("hybrid-7.2.2+oftc1.7.3", FloodControl::Hybrid),
            ("InspIRCd-3", FloodControl::Inspircd),
            ("UnrealIRCd-6.1.4", FloodControl::Unrealircd),
            ("ngircd-26.1", FloodControl::Ngircd),
            ("ergo-v2.14.0", FloodControl::Ergo),
            ("u2.10.12.19", FloodControl::Ircu),
            ("u2.10.12.10+snircd(1.3.4a)", FloodControl::Ircu),
            ("soju", FloodControl::Soju),
            ("", FloodControl::Standard),
        ] {
            assert_eq!(FloodControl::for_version(version), pace, "{version}");
        }
        let now = Instant::now();
        let mut decided = pacer(FloodControl::Standard, now);
        decided.set_version("ergo-v2.14.0");
        assert_eq!(decided.flood_control, FloodControl::Standard, "the administrator knows better");
    }
}
