use std::time::Duration;

use crate::protocol::Backoff;
use crate::protocol::{irc, letschat};

/// No wait is longer than this, whatever a server says.
const LONGEST: Duration = Duration::from_secs(3_600);

/// A server that did not turn us away is tried at least this often.
const USUAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A server that lets us in for this long has nothing against us any more.
const LASTING: Duration = Duration::from_secs(600);

/// A try begins no sooner after another that has failed.
const SHORTEST: Duration = Duration::from_secs(1);

/// For what a server has turned us away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DisconnectKind {
    Irc(irc::DisconnectKind),
    LetsChat(letschat::Reason),
}

/// That a server has turned us away, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    reason: DisconnectKind,
    /// The first and the longest wait.
    waits: (Duration, Duration),
    /// What it asks for.
    asked: Option<Duration>,
}

impl Refusal {
    /// Whether the next try need not wait.
    pub(super) fn is_none_at_all(&self) -> bool {
        self.waits.1.is_zero()
    }
}

impl From<&irc::DisconnectReason> for Refusal {
    fn from(away: &irc::DisconnectReason) -> Self {
        Self {
            reason: DisconnectKind::Irc(away.kind),
            waits: away.delays(),
            asked: away.retry_after,
        }
    }
}

impl From<&letschat::TurnedAway> for Refusal {
    fn from(away: &letschat::TurnedAway) -> Self {
        Self {
            reason: DisconnectKind::LetsChat(away.reason),
            waits: away.waits(),
            asked: away.wait,
        }
    }
}

/// How the last try has gone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// Whether the login worked.
    pub(super) let_in: bool,
    /// How long the connection has lasted, with the time that it took to come about.
    pub(super) lasted: Duration,
    /// Why we were turned away, if that is how it ended.
    pub(super) away: Option<Refusal>,
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
    away: Option<(DisconnectKind, Backoff)>,
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
    pub(super) fn after(&mut self, outcome: Outcome) -> Duration {
        let Outcome { let_in, lasted, away, elsewhere } = outcome;
        if let_in {
            self.usual.reset();
        }
        // An operator who puts us out does so after a login that worked.
        if let_in && (away.is_none() || lasted >= LASTING) {
            self.away = None;
        }
        let Some(refusal) = away.filter(|_| !elsewhere) else {
            let wait = self.usual.next_delay(&mut self.chance);
            // The time from one try to the next is what counts: one that hangs is a wait, too.
            let hung = if let_in { Duration::ZERO } else { lasted };
            return wait.saturating_sub(hung).max(wait.min(SHORTEST));
        };
        if refusal.is_none_at_all() {
            return Duration::ZERO;
        }
        let Refusal { reason, waits: (first, last), asked } = refusal;
        if self.away.as_ref().is_none_or(|(before, _)| *before != reason) {
            self.away = Some((reason, Backoff::new(first, last)));
        }
        let (_, waits) = self.away.as_mut().expect("it was just set");
        let wait = waits.next_delay(&mut self.chance);
        // Chance shortens waits; what was asked of us it does not.
        let asked = asked.map(|asked| asked.saturating_add(Duration::from_secs(1)));
        asked.map_or(wait, |asked| wait.max(asked)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::irc::{DisconnectKind, DisconnectReason};

    const LOST: Outcome =
        Outcome { let_in: false, lasted: Duration::ZERO, away: None, elsewhere: false };
    const WORKED: Outcome = Outcome { let_in: true, ..LOST };

    fn away(reason: DisconnectKind, wait: Option<u64>) -> DisconnectReason {
        DisconnectReason {
            kind: reason,
            text: String::new(),
            retry_after: wait.map(Duration::from_secs),
        }
    }

    fn refused(away: &DisconnectReason) -> Outcome {
        Outcome { away: Some(away.into()), ..LOST }
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
        let throttled = away(DisconnectKind::Throttled, None);
        for _ in 0..4 {
            patience.after(refused(&throttled));
        }
        patience.after(WORKED);
        assert!(patience.after(refused(&throttled)) <= Duration::from_secs(30));
    }

    #[test]
    fn one_who_is_put_out_by_an_operator_after_each_login_waits_longer_each_time() {
        let mut patience = Patience::new(1);
        let killed = away(DisconnectKind::Killed, None);
        let outcome = Outcome { let_in: true, ..refused(&killed) };
        let waits: Vec<u64> = (0..6).map(|_| patience.after(outcome).as_secs()).collect();
        assert!(waits[0] <= 60 && waits[5] >= 900, "{waits:?}");
        let lasted = Outcome { lasted: LASTING, ..outcome };
        assert!(patience.after(lasted) <= Duration::from_secs(60));
    }

    #[test]
    fn who_is_banned_stays_away_for_long_and_longer() {
        let mut patience = Patience::new(1);
        let banned = away(DisconnectKind::Banned, None);
        let waits: Vec<u64> = (0..5).map(|_| patience.after(refused(&banned)).as_secs()).collect();
        assert!(waits[0] >= 450 && waits[4] >= 1_800 && waits[4] <= 3_600, "{waits:?}");
    }

    #[test]
    fn another_server_is_tried_soon() {
        let mut patience = Patience::new(1);
        let full = away(DisconnectKind::ServerFull, None);
        let elsewhere = Outcome { elsewhere: true, ..refused(&full) };
        assert!(patience.after(elsewhere) <= Duration::from_secs(1));
        assert!(patience.after(refused(&full)) >= Duration::from_secs(15));
    }

    #[test]
    fn whoever_says_for_how_long_is_obeyed() {
        let mut patience = Patience::new(1);
        let throttled = away(DisconnectKind::Throttled, Some(90));
        for _ in 0..5 {
            assert!(patience.after(refused(&throttled)) > Duration::from_secs(90));
        }
    }

    #[test]
    fn the_time_that_a_try_hangs_is_a_part_of_the_wait_for_the_next() {
        for hung in [0, 1, 10, 20, 29, 30, 50, 300] {
            let mut patience = Patience::new(1);
            let lost = Outcome { lasted: Duration::from_secs(hung), ..LOST };
            for _ in 0..50 {
                let wait = patience.after(lost);
                let between = wait + lost.lasted;
                assert!(between <= Duration::from_secs(30.max(hung + 1)), "{hung}: {wait:?}");
                assert!(wait >= Duration::from_millis(500), "{hung}: {wait:?}");
            }
        }
    }

    #[test]
    fn a_token_that_is_not_accepted_is_tried_ever_less_often() {
        let away = letschat::TurnedAway::new(letschat::Reason::Account, String::new());
        let refused = Outcome { away: Some((&away).into()), ..LOST };
        let mut patience = Patience::new(1);
        let waits: Vec<u64> = (0..12).map(|_| patience.after(refused).as_secs()).collect();
        assert!(waits[0] <= 30 && waits[11] >= 1_800 && waits[11] <= 3_600, "{waits:?}");
        assert!(patience.after(WORKED) <= Duration::from_secs(1));
        assert!(patience.after(refused) <= Duration::from_secs(30), "begun anew");
    }

    #[test]
    fn a_wish_for_tls_is_granted_at_once() {
        let mut patience = Patience::new(1);
        let insecure = away(DisconnectKind::StsUpgrade { port: 6697 }, None);
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
                let away = away(DisconnectKind::Throttled, wait);
                let outcome = Outcome {
                    let_in,
                    lasted: Duration::from_secs(lasted),
                    away: turned_away.then(|| (&away).into()),
                    elsewhere: false,
                };
                let most = if turned_away { 3_600 } else { 30 };
                prop_assert!(patience.after(outcome) <= Duration::from_secs(most));
            }
        }
    }
}
