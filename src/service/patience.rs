use std::time::Duration;

use crate::protocol::Backoff;
use crate::protocol::irc::{Reason, TurnedAway};

/// No wait is longer than this, whatever a server says.
const LONGEST: Duration = Duration::from_secs(3_600);

/// A server that did not turn us away is tried at least this often.
const USUAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A server that lets us in for this long has nothing against us any more.
const LASTING: Duration = Duration::from_secs(600);

/// How the last try has gone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome<'a> {
    /// Whether the login worked.
    pub(super) let_in: bool,
    /// How long the connection has lasted.
    pub(super) lasted: Duration,
    /// Why we were turned away, if that is how it ended.
    pub(super) away: Option<&'a TurnedAway>,
    /// The next try leads to another server, which may think otherwise.
    pub(super) elsewhere: bool,
}

/// How long to wait before the next try.
///
/// A login that worked begins the waits anew. Where nobody turns us away, they grow to half a minute;
/// where somebody does, as fits the reason, to an hour at most.
#[derive(Debug)]
pub(super) struct Patience {
    usual: Backoff,
    /// For the reason for which we were turned away last.
    away: Option<(Reason, Backoff)>,
    chance: fastrand::Rng,
}

impl Patience {
    pub(super) fn new(seed: u64) -> Self {
        Self::from(USUAL.0, seed)
    }

    /// The same, where the first wait is longer.
    pub(super) fn from(first: Duration, seed: u64) -> Self {
        Self {
            usual: Backoff::new(first, USUAL.1),
            away: None,
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// How long to wait after a try that has gone so.
    pub(super) fn after(&mut self, outcome: Outcome<'_>) -> Duration {
        let Outcome { let_in, lasted, away, elsewhere } = outcome;
        if let_in {
            self.usual.reset();
        }
        // An operator who puts us out does so after a login that worked.
        if let_in && (away.is_none() || lasted >= LASTING) {
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
        let asked = away.wait.map(|asked| asked.saturating_add(Duration::from_secs(1)));
        asked.map_or(wait, |asked| wait.max(asked)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOST: Outcome<'static> =
        Outcome { let_in: false, lasted: Duration::from_secs(1), away: None, elsewhere: false };
    const WORKED: Outcome<'static> = Outcome { let_in: true, ..LOST };

    fn away(reason: Reason, wait: Option<u64>) -> TurnedAway {
        TurnedAway { reason, words: String::new(), wait: wait.map(Duration::from_secs) }
    }

    fn refused(away: &TurnedAway) -> Outcome<'_> {
        Outcome { away: Some(away), ..LOST }
    }

    #[test]
    fn a_server_that_is_away_is_tried_every_half_minute() {
        let mut patience = Patience::new(1);
        assert!(patience.after(LOST) <= Duration::from_secs(1));
        let waits: Vec<Duration> = (0..100).map(|_| patience.after(LOST)).collect();
        assert!(waits[11] >= Duration::from_secs(15), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(30)), "{waits:?}");
    }

    #[test]
    fn a_login_that_worked_begins_the_waits_anew_however_soon_it_is_lost() {
        let mut patience = Patience::new(1);
        for _ in 0..5 {
            patience.after(LOST);
        }
        for _ in 0..20 {
            assert!(patience.after(WORKED) <= Duration::from_secs(1));
        }
        let throttled = away(Reason::Throttled, None);
        for _ in 0..4 {
            patience.after(refused(&throttled));
        }
        patience.after(WORKED);
        assert!(patience.after(refused(&throttled)) <= Duration::from_secs(30));
    }

    #[test]
    fn one_who_is_put_out_by_an_operator_after_each_login_waits_longer_each_time() {
        let mut patience = Patience::new(1);
        let killed = away(Reason::Killed, None);
        let outcome = Outcome { let_in: true, ..refused(&killed) };
        let waits: Vec<u64> = (0..6).map(|_| patience.after(outcome).as_secs()).collect();
        assert!(waits[0] <= 60 && waits[5] >= 900, "{waits:?}");
        let lasted = Outcome { lasted: LASTING, ..outcome };
        assert!(patience.after(lasted) <= Duration::from_secs(60));
    }

    #[test]
    fn who_is_banned_stays_away_for_long_and_longer() {
        let mut patience = Patience::new(1);
        let banned = away(Reason::Banned, None);
        let waits: Vec<u64> = (0..5).map(|_| patience.after(refused(&banned)).as_secs()).collect();
        assert!(waits[0] >= 450 && waits[4] >= 1_800 && waits[4] <= 3_600, "{waits:?}");
    }

    #[test]
    fn another_server_is_tried_soon() {
        let mut patience = Patience::new(1);
        let full = away(Reason::Full, None);
        let elsewhere = Outcome { elsewhere: true, ..refused(&full) };
        assert!(patience.after(elsewhere) <= Duration::from_secs(1));
        assert!(patience.after(refused(&full)) >= Duration::from_secs(15));
    }

    #[test]
    fn whoever_says_for_how_long_is_obeyed() {
        let mut patience = Patience::new(1);
        let throttled = away(Reason::Throttled, Some(90));
        for _ in 0..5 {
            assert!(patience.after(refused(&throttled)) > Duration::from_secs(90));
        }
    }

    #[test]
    fn a_wish_for_tls_is_granted_at_once() {
        let mut patience = Patience::new(1);
        let insecure = away(Reason::Insecure { port: 6697 }, None);
        assert_eq!(patience.after(refused(&insecure)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_an_hour_and_without_a_refusal_than_half_a_minute(
            tries in proptest::collection::vec(
                (any::<bool>(), any::<Option<u64>>(), any::<bool>(), any::<u64>()), 1..40),
        ) {
            let mut patience = Patience::new(1);
            for (let_in, wait, turned_away, lasted) in tries {
                let away = away(Reason::Throttled, wait);
                let outcome = Outcome {
                    let_in,
                    lasted: Duration::from_secs(lasted),
                    away: turned_away.then_some(&away),
                    elsewhere: false,
                };
                let most = if turned_away { 3_600 } else { 30 };
                prop_assert!(patience.after(outcome) <= Duration::from_secs(most));
            }
        }
    }
}
