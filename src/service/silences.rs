//! What cuts a connection off whenever it is silent, such as a proxy.

use std::time::Duration;

/// A connection that is silent for less is not cut off for that.
const BRIEF: Duration = Duration::from_secs(4);

/// How far the clocks of those who cut connections off go astray.
const ASTRAY: Duration = Duration::from_secs(1);

/// After what silence connections were cut off, and how often to say something because of that.
///
/// A silence is the cause only where no silence that was as long has been survived: what ends a connection
/// at a certain age, whatever is said on it, ends it in silence, too.
#[derive(Debug, Default)]
pub(super) struct Silences {
    last: Option<Duration>,
    ping_every: Option<Duration>,
}

impl Silences {
    /// A connection was cut off by the other side when it had been silent for so long; the longest silence
    /// that it had `survived` before was that. Gives how often to say something from now on, if that is
    /// news: it is, when the one before went the same way.
    pub(super) fn cut_off_after(
        &mut self,
        silence: Duration,
        survived: Duration,
    ) -> Option<Duration> {
        if survived + ASTRAY >= silence {
            self.last = None;
            return None;
        }
        let last = self.last.replace(silence);
        let alike = last.is_some_and(|last| last.abs_diff(silence) <= ASTRAY);
        let every = silence / 2;
        let often = self.ping_every.is_some_and(|known| known <= every);
        if silence < BRIEF || !alike || often {
            return None;
        }
        self.ping_every = Some(every);
        self.ping_every
    }

    /// How often to say something, if somebody cuts off those who do not.
    pub(super) fn ping_every(&self) -> Option<Duration> {
        self.ping_every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often to say something, in tenths of seconds, after each of these silences.
    fn learned(tenths: &[u64]) -> Vec<Option<u64>> {
        let mut silences = Silences::default();
        let cut = |tenth: &u64| {
            let news = silences.cut_off_after(Duration::from_millis(tenth * 100), Duration::ZERO);
            assert!(news.is_none() || news == silences.ping_every());
            silences.ping_every().map(|every| every.as_secs() * 10)
        };
        tenths.iter().map(cut).collect()
    }

    #[test]
    fn who_is_cut_off_twice_after_the_same_silence_says_something_sooner() {
        assert_eq!(learned(&[200, 201]), [None, Some(100)]);
        assert_eq!(learned(&[60, 55]), [None, Some(20)]);
        assert_eq!(learned(&[250, 250, 250]), [None, Some(120), Some(120)]);
    }

    #[test]
    fn if_that_is_not_enough_it_learns_once_more() {
        assert_eq!(learned(&[200, 200, 100, 100]), [None, Some(100), Some(100), Some(50)]);
    }

    #[test]
    fn who_cuts_off_by_age_teaches_nothing() {
        for (age, every) in [(60, 25), (10, 4), (130, 25), (60, 20), (3_600, 25), (60, 59)] {
            let mut silences = Silences::default();
            for _ in 0..20 {
                let survived = Duration::from_secs(if age > every { every } else { 0 });
                let news = silences.cut_off_after(Duration::from_secs(age % every), survived);
                assert_eq!(news, None, "at {age} s, with a ping every {every} s");
            }
        }
    }

    #[test]
    fn who_cuts_off_after_silence_is_found_out_whatever_was_said_before() {
        for timeout in [5, 10, 20, 24] {
            let mut silences = Silences::default();
            let (timeout, brief) = (Duration::from_secs(timeout), Duration::from_secs(2));
            assert_eq!(silences.cut_off_after(timeout, brief), None);
            assert_eq!(silences.cut_off_after(timeout, brief), Some(timeout / 2));
        }
    }

    #[test]
    fn other_ends_teach_nothing() {
        assert_eq!(learned(&[200, 30, 120, 240, 5]), [None; 5]);
        assert_eq!(learned(&[10, 10, 39, 39]), [None; 4], "hardly silent at all");
    }
}
