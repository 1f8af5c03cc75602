//! Delays between reconnects.

use std::time::Duration;

use crate::protocol::Backoff;
use crate::protocol::{irc, letschat};

/// Upper limit for delays, whatever a server asks for.
const MAX_DELAY: Duration = Duration::from_secs(3_600);

/// The first and the longest delay without a rejection.
const DEFAULT_DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// After a session this long, earlier rejections are forgotten.
const STABLE_AFTER: Duration = Duration::from_secs(600);

/// Minimum delay after a failed attempt.
const SHORTEST: Duration = Duration::from_secs(1);

/// Kinds of rejections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RejectionKind {
    Irc(irc::DisconnectKind),
    LetsChat(letschat::LetsChatRejectionKind),
}

/// A rejection, and the delays that it requires.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    reason: RejectionKind,
    /// The first and the longest delay.
    delays: (Duration, Duration),
    /// The delay that the server retry_after for.
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Whether the next attempt need not wait.
    pub(super) fn is_none_at_all(&self) -> bool {
        self.delays.1.is_zero()
    }
}

impl From<&irc::DisconnectReason> for Refusal {
    fn from(rejection: &irc::DisconnectReason) -> Self {
        Self {
            reason: RejectionKind::Irc(rejection.kind),
            delays: rejection.delays(),
            retry_after: rejection.retry_after,
        }
    }
}

impl From<&letschat::LetsChatRejection> for Refusal {
    fn from(rejection: &letschat::LetsChatRejection) -> Self {
        Self {
            reason: RejectionKind::LetsChat(rejection.kind),
            delays: rejection.delays(),
            retry_after: rejection.retry_after,
        }
    }
}

/// The outcome of the last attempt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectionOutcome {
    /// Whether the login succeeded.
    pub(super) login_succeeded: bool,
    /// How long it lasted, including the time to connect.
    pub(super) lasted: Duration,
    /// Why it was rejected, if it was.
    pub(super) rejection: Option<Refusal>,
    /// The next attempt goes to another server, which may accept us.
    pub(super) try_other_server: bool,
}

/// Computes the delay before the next attempt.
///
/// A successful login resets the delays. Without a rejection, they grow to half a minute; with one, depending
/// on the reason, to an hour at most.
#[derive(Debug)]
pub(super) struct ReconnectDelay {
    default_backoff: Backoff,
    /// The delays for the last kind of rejection.
    rejection: Option<(RejectionKind, Backoff)>,
    rng: fastrand::Rng,
}

impl ReconnectDelay {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_first_delay(DEFAULT_DELAYS.0, seed)
    }

    /// With a longer first delay.
    pub(super) fn with_first_delay(first: Duration, seed: u64) -> Self {
        Self {
            default_backoff: Backoff::new(first, DEFAULT_DELAYS.1),
            rejection: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The delay after an attempt with this outcome.
    pub(super) fn next_delay(&mut self, outcome: ConnectionOutcome) -> Duration {
        let ConnectionOutcome { login_succeeded, lasted, rejection, try_other_server } = outcome;
        if login_succeeded {
            self.default_backoff.reset();
        }
        // After a successful login, an operator may still have killed us.
        if login_succeeded && (rejection.is_none() || lasted >= STABLE_AFTER) {
            self.rejection = None;
        }
        let Some(refusal) = rejection.filter(|_| !try_other_server) else {
            let wait = self.default_backoff.next_delay(&mut self.rng);
            // The interval between attempts counts, so time spent connecting is part of it.
            let time_lost = if login_succeeded { Duration::ZERO } else { lasted };
            return wait.saturating_sub(time_lost).max(wait.min(SHORTEST));
        };
        if refusal.is_none_at_all() {
            return Duration::ZERO;
        }
        let Refusal { reason, delays: (first, last), retry_after } = refusal;
        if self.rejection.as_ref().is_none_or(|(before, _)| *before != reason) {
            self.rejection = Some((reason, Backoff::new(first, last)));
        }
        let (_, delays) = self.rejection.as_mut().expect("it was just set");
        let wait = delays.next_delay(&mut self.rng);
        // Jitter must not shorten the delay that the server retry_after for.
        let retry_after =
            retry_after.map(|retry_after| retry_after.saturating_add(Duration::from_secs(1)));
        retry_after.map_or(wait, |retry_after| wait.max(retry_after)).min(MAX_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::irc::{DisconnectKind, DisconnectReason};

    const LOST: ConnectionOutcome = ConnectionOutcome {
        login_succeeded: false,
        lasted: Duration::ZERO,
        rejection: None,
        try_other_server: false,
    };
    const LOGGED_IN: ConnectionOutcome = ConnectionOutcome { login_succeeded: true, ..LOST };

    fn rejection(reason: DisconnectKind, wait: Option<u64>) -> DisconnectReason {
        DisconnectReason {
            kind: reason,
            text: String::new(),
            retry_after: wait.map(Duration::from_secs),
        }
    }

    fn rejected(away: &DisconnectReason) -> ConnectionOutcome {
        ConnectionOutcome { rejection: Some(away.into()), ..LOST }
    }

    #[test]
    fn unreachable_server_is_tried_every_half_minute() {
        let mut patience = ReconnectDelay::new(1);
        assert!(patience.next_delay(LOST) <= Duration::from_secs(1));
        let delays: Vec<Duration> = (0..100).map(|_| patience.next_delay(LOST)).collect();
        assert!(delays[11] >= Duration::from_secs(15), "{delays:?}");
        assert!(delays.iter().all(|wait| *wait <= Duration::from_secs(30)), "{delays:?}");
    }

    #[test]
    fn successful_login_resets_the_delays() {
        let mut patience = ReconnectDelay::new(1);
        for _ in 0..5 {
            patience.next_delay(LOST);
        }
        for _ in 0..20 {
            assert!(patience.next_delay(LOGGED_IN) <= Duration::from_secs(1));
        }
        let throttled = rejection(DisconnectKind::Throttled, None);
        for _ in 0..4 {
            patience.next_delay(rejected(&throttled));
        }
        patience.next_delay(LOGGED_IN);
        assert!(patience.next_delay(rejected(&throttled)) <= Duration::from_secs(30));
    }

    #[test]
    fn kill_after_each_login_grows_the_delay() {
        let mut patience = ReconnectDelay::new(1);
        let killed = rejection(DisconnectKind::Killed, None);
        let outcome = ConnectionOutcome { login_succeeded: true, ..rejected(&killed) };
        let delays: Vec<u64> = (0..6).map(|_| patience.next_delay(outcome).as_secs()).collect();
        assert!(delays[0] <= 60 && delays[5] >= 900, "{delays:?}");
        let lasted = ConnectionOutcome { lasted: STABLE_AFTER, ..outcome };
        assert!(patience.next_delay(lasted) <= Duration::from_secs(60));
    }

    #[test]
    fn ban_delays_grow() {
        let mut patience = ReconnectDelay::new(1);
        let banned = rejection(DisconnectKind::Banned, None);
        let delays: Vec<u64> =
            (0..5).map(|_| patience.next_delay(rejected(&banned)).as_secs()).collect();
        assert!(delays[0] >= 450 && delays[4] >= 1_800 && delays[4] <= 3_600, "{delays:?}");
    }

    #[test]
    fn another_server_is_tried_soon_after_a_rejection() {
        let mut patience = ReconnectDelay::new(1);
        let full = rejection(DisconnectKind::ServerFull, None);
        let elsewhere = ConnectionOutcome { try_other_server: true, ..rejected(&full) };
        assert!(patience.next_delay(elsewhere) <= Duration::from_secs(1));
        assert!(patience.next_delay(rejected(&full)) >= Duration::from_secs(15));
    }

    #[test]
    fn stated_retry_delay_is_respected() {
        let mut patience = ReconnectDelay::new(1);
        let throttled = rejection(DisconnectKind::Throttled, Some(90));
        for _ in 0..5 {
            assert!(patience.next_delay(rejected(&throttled)) > Duration::from_secs(90));
        }
    }

    #[test]
    fn duration_of_an_attempt_counts_towards_the_delay() {
        for hung in [0, 1, 10, 20, 29, 30, 50, 300] {
            let mut patience = ReconnectDelay::new(1);
            let lost = ConnectionOutcome { lasted: Duration::from_secs(hung), ..LOST };
            for _ in 0..50 {
                let wait = patience.next_delay(lost);
                let between = wait + lost.lasted;
                assert!(between <= Duration::from_secs(30.max(hung + 1)), "{hung}: {wait:?}");
                assert!(wait >= Duration::from_millis(500), "{hung}: {wait:?}");
            }
        }
    }

    #[test]
    fn rejected_token_is_retried_with_growing_delays() {
        let away = letschat::LetsChatRejection::new(
            letschat::LetsChatRejectionKind::Account,
            String::new(),
        );
        let refused = ConnectionOutcome { rejection: Some((&away).into()), ..LOST };
        let mut patience = ReconnectDelay::new(1);
        let delays: Vec<u64> = (0..12).map(|_| patience.next_delay(refused).as_secs()).collect();
        assert!(delays[0] <= 30 && delays[11] >= 1_800 && delays[11] <= 3_600, "{delays:?}");
        assert!(patience.next_delay(LOGGED_IN) <= Duration::from_secs(1));
        assert!(patience.next_delay(refused) <= Duration::from_secs(30), "begun anew");
    }

    #[test]
    fn tls_upgrade_is_immediate() {
        let mut patience = ReconnectDelay::new(1);
        let insecure = rejection(DisconnectKind::StsUpgrade { port: 6697 }, None);
        assert_eq!(patience.next_delay(rejected(&insecure)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn delays_are_bounded(
            tries in proptest::collection::vec(
                (any::<bool>(), any::<Option<u64>>(), any::<bool>(), any::<u64>()), 1..40),
        ) {
            let mut patience = ReconnectDelay::new(1);
            for (let_in, wait, is_rejected, lasted) in tries {
                let away = rejection(DisconnectKind::Throttled, wait);
                let outcome = ConnectionOutcome {
                    login_succeeded: let_in,
                    lasted: Duration::from_secs(lasted),
                    rejection: is_rejected.then(|| (&away).into()),
                    try_other_server: false,
                };
                let most = if is_rejected { 3_600 } else { 30 };
                prop_assert!(patience.next_delay(outcome) <= Duration::from_secs(most));
            }
        }
    }
}
