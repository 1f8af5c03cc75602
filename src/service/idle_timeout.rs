//! Detects proxies that cut off idle connections.

use std::time::Duration;

/// Shorter silences are not considered a cause.
const MIN_SILENCE: Duration = Duration::from_secs(4);

/// Tolerance for the precision of timeouts.
const TOLERANCE: Duration = Duration::from_secs(1);

/// How long before the connection is established its silence or age may start to count.
const MAKING: Duration = Duration::from_secs(2);

/// How the peer cut off a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// How long it had been silent.
    pub(super) silence: Duration,
    /// The longest silence that it had survived.
    pub(super) survived: Duration,
    /// How long it had existed.
    pub(super) age: Duration,
}

/// What a cut teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Ping this often from now on.
    Ping(Duration),
    /// Connections are cut off at this age, regardless of traffic.
    Age(Duration),
}

/// Learns after what silence connections are cut off, and how often to ping to prevent that.
///
/// A silence is the cause only if no silence as long was survived. A cut at a fixed age also ends a silence.
/// If there was traffic only at the start, the two cannot be distinguished until pings are more frequent.
#[derive(Debug, Default)]
pub(super) struct IdleTimeoutDetector {
    last_silence: Option<Duration>,
    ping_interval: Option<Duration>,
    /// The age of the connection that taught this.
    learnt_at: Option<Duration>,
    /// The age at which connections are cut off.
    by_age: Option<Duration>,
}

impl IdleTimeoutDetector {
    /// A connection was cut off. Returns what that teaches, if new.
    pub(super) fn cut_off(&mut self, cut: Cut) -> Option<Lesson> {
        let Cut { silence, survived, age } = cut;
        let is_alike = |other: Duration| other.abs_diff(age) <= MAKING;
        if self.by_age.is_some_and(|limit| age > limit + MAKING) {
            self.by_age = None;
        }
        if self.by_age.is_some_and(is_alike) {
            return None;
        }
        if survived + TOLERANCE >= silence {
            self.last_silence = None;
            let mistaken = self.learnt_at.take_if(|learnt_at| is_alike(*learnt_at)).is_some();
            if mistaken {
                self.ping_interval = None;
                self.by_age = Some(age);
            }
            return mistaken.then_some(Lesson::Age(age));
        }
        let last = self.last_silence.replace(silence);
        let alike = last.is_some_and(|last| last.abs_diff(silence) <= TOLERANCE);
        let every = silence / 2;
        let often = self.ping_interval.is_some_and(|known| known <= every);
        if silence < MIN_SILENCE || !alike || often {
            return None;
        }
        self.ping_interval = Some(every);
        self.learnt_at = Some(age);
        Some(Lesson::Ping(every))
    }

    /// How often to ping, if idle connections are cut off.
    pub(super) fn ping_interval(&self) -> Option<Duration> {
        self.ping_interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ages so different that they teach nothing.
    fn ages() -> impl Iterator<Item = Duration> {
        (1..).map(|number| Duration::from_secs(number * 1_000))
    }

    /// The ping interval in tenths of seconds after each of these silences.
    fn learned(tenths: &[u64]) -> Vec<Option<u64>> {
        let mut silences = IdleTimeoutDetector::default();
        let cut = |(tenth, age): (&u64, Duration)| {
            let silence = Duration::from_millis(tenth * 100);
            let news = silences.cut_off(Cut { silence, survived: Duration::ZERO, age });
            assert!(news.is_none() || news == silences.ping_interval().map(Lesson::Ping));
            silences.ping_interval().map(|every| every.as_secs() * 10)
        };
        tenths.iter().zip(ages()).map(cut).collect()
    }

    #[test]
    fn two_cutoffs_after_equal_silence_set_the_interval() {
        assert_eq!(learned(&[200, 201]), [None, Some(100)]);
        assert_eq!(learned(&[60, 55]), [None, Some(20)]);
        assert_eq!(learned(&[250, 250, 250]), [None, Some(120), Some(120)]);
    }

    #[test]
    fn interval_shrinks_after_further_cutoffs() {
        assert_eq!(learned(&[200, 200, 100, 100]), [None, Some(100), Some(100), Some(50)]);
    }

    /// What is learned when connections are cut off after `timeout` of silence or at `age`, with traffic
    /// every `usual` seconds or as often as learned.
    fn cut_off(timeout: Option<u64>, age: u64, usual: u64) -> Vec<Lesson> {
        let mut silences = IdleTimeoutDetector::default();
        let mut lessons = Vec::new();
        for _ in 0..30 {
            let every = silences.ping_interval().map_or(usual, |every| every.as_secs().min(usual));
            let (silence, survived, lasted) = match timeout {
                Some(timeout) if timeout < every => (timeout, 0, timeout),
                _ => (age % every, if age > every { every } else { 0 }, age),
            };
            let [silence, survived, age] = [silence, survived, lasted].map(Duration::from_secs);
            lessons.extend(silences.cut_off(Cut { silence, survived, age }));
        }
        lessons
    }

    #[test]
    fn disconnect_by_age_is_distinguished_from_one_after_silence() {
        for (age, every) in [(60, 25), (10, 4), (130, 25), (60, 20), (3_600, 25), (60, 59)] {
            assert_eq!(cut_off(None, age, every), [], "at {age} s, with a ping every {every} s");
        }
        for age in [10, 15, 20, 24] {
            let age_is = Lesson::Age(Duration::from_secs(age));
            let learnt = cut_off(None, age, 25);
            assert_eq!(learnt, [Lesson::Ping(Duration::from_secs(age) / 2), age_is], "at {age} s");
        }
        for timeout in [5, 10, 20, 24] {
            let learnt = cut_off(Some(timeout), 4_000, 25);
            assert_eq!(learnt, [Lesson::Ping(Duration::from_secs(timeout) / 2)]);
        }
    }

    #[test]
    fn one_that_lasts_longer_than_that_shows_that_it_was_not_its_age() {
        let mut silences = IdleTimeoutDetector::default();
        let [zero, ten, twenty] = [0, 10, 20].map(Duration::from_secs);
        let silent = Cut { silence: twenty, survived: zero, age: twenty };
        assert_eq!(
            (silences.cut_off(silent), silences.cut_off(silent)),
            (None, Some(Lesson::Ping(ten)))
        );
        let busy = Cut { silence: zero, survived: ten, age: twenty };
        assert_eq!(silences.cut_off(busy), Some(Lesson::Age(twenty)));
        assert_eq!((silences.cut_off(silent), silences.cut_off(silent)), (None, None));
        let longer = Cut { silence: twenty, survived: zero, age: ten * 5 };
        assert_eq!(
            (silences.cut_off(longer), silences.cut_off(silent)),
            (None, Some(Lesson::Ping(ten)))
        );
    }

    #[test]
    fn unrelated_losses_set_no_interval() {
        assert_eq!(learned(&[200, 30, 120, 240, 5]), [None; 5]);
        assert_eq!(learned(&[10, 10, 39, 39]), [None; 4], "hardly silent at all");
    }
}
