use std::time::Duration;

use crate::protocol::Backoff;
use crate::protocol::irc::{Reason, TurnedAway};

/// A connection that has lasted this long was a good one: the next wait is short again.
const LASTING: Duration = Duration::from_secs(60);

/// How long to wait before the next try: a little, and longer and longer; but whom a server has turned
/// away, as long as fits the reason.
#[derive(Debug)]
pub(super) struct Patience {
    usual: Backoff,
    /// For the reason for which we were turned away last.
    away: Option<(Reason, Backoff)>,
    chance: fastrand::Rng,
}

impl Patience {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(Duration::from_secs(1), Duration::from_secs(300), seed)
    }

    /// The same with other usual waits: the first, and the longest.
    pub(super) fn of(first: Duration, most: Duration, seed: u64) -> Self {
        Self {
            usual: Backoff::new(first, most),
            away: None,
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// How long to wait after a try that has lasted so long, and may have ended by our being turned
    /// `away`. `elsewhere`: the next try leads to another server, which may think otherwise.
    pub(super) fn after(
        &mut self,
        lasted: Duration,
        away: Option<&TurnedAway>,
        elsewhere: bool,
    ) -> Duration {
        if lasted >= LASTING {
            self.usual.reset();
            self.away = None;
        }
        let Some(away) = away.filter(|_| !elsewhere) else {
            return self.usual.next(&mut self.chance);
        };
        if matches!(away.reason, Reason::Insecure { .. }) {
            return Duration::ZERO;
        }
        let (first, last) = away.waits();
        if self.away.as_ref().is_none_or(|(reason, _)| *reason != away.reason) {
            self.away = Some((away.reason, Backoff::new(first, last)));
        }
        let (_, waits) = self.away.as_mut().expect("it was just set");
        let wait = waits.next(&mut self.chance);
        // Chance shortens waits; what was asked of us it does not.
        away.wait.map_or(wait, |asked| wait.max(asked + Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);

    fn away(reason: Reason, wait: Option<u64>) -> TurnedAway {
        TurnedAway { reason, words: String::new(), wait: wait.map(Duration::from_secs) }
    }

    #[test]
    fn a_connection_that_breaks_is_made_again_soon() {
        let mut patience = Patience::new(1);
        assert!(patience.after(SHORT, None, false) <= Duration::from_secs(1));
        let waits: Vec<Duration> = (0..12).map(|_| patience.after(SHORT, None, false)).collect();
        assert!(waits[11] >= Duration::from_secs(150), "{waits:?}");
        assert!(patience.after(LASTING, None, false) <= Duration::from_secs(1));
    }

    #[test]
    fn who_is_banned_stays_away_for_long_and_longer() {
        let mut patience = Patience::new(1);
        let banned = away(Reason::Banned, None);
        let waits: Vec<u64> =
            (0..5).map(|_| patience.after(SHORT, Some(&banned), false).as_secs()).collect();
        assert!(waits[0] >= 450 && waits[4] >= 3_600 && waits[4] <= 7_200, "{waits:?}");
    }

    #[test]
    fn another_server_is_tried_soon() {
        let mut patience = Patience::new(1);
        let full = away(Reason::Full, None);
        assert!(patience.after(SHORT, Some(&full), true) <= Duration::from_secs(1));
        assert!(patience.after(SHORT, Some(&full), false) >= Duration::from_secs(15));
    }

    #[test]
    fn whoever_says_for_how_long_is_obeyed() {
        let mut patience = Patience::new(1);
        let throttled = away(Reason::Throttled, Some(90));
        for _ in 0..5 {
            assert!(patience.after(SHORT, Some(&throttled), false) > Duration::from_secs(90));
        }
    }

    #[test]
    fn a_wish_for_tls_is_granted_at_once() {
        let mut patience = Patience::new(1);
        let insecure = away(Reason::Insecure { port: 6697 }, None);
        assert_eq!(patience.after(SHORT, Some(&insecure), false), Duration::ZERO);
    }
}
