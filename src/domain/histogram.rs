//! How often something took how long.

use std::time::Duration;

/// How often something took how long: counts between fixed bounds, in constant memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// The upper bounds, ascending.
    bounds: &'static [Duration],
    /// How many durations were at most each bound and longer than the one before; the last one has no bound.
    counts: Box<[u64]>,
    sum: Duration,
}

impl Histogram {
    /// An empty one with these upper bounds, ascending.
    #[must_use]
    pub fn new(bounds: &'static [Duration]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: Duration::ZERO }
    }

    /// Counts a duration.
    pub fn observe(&mut self, duration: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < duration);
        self.counts[at] += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Each bound, with how many durations were at most that.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.bounds.iter().zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((*bound, *below))
        })
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_what_is_below() {
        const BOUNDS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(10)];
        let mut histogram = Histogram::new(&BOUNDS);
        for millis in [0, 5, 6, 10, 11, 4_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let below: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!((below, histogram.count()), (vec![2, 4], 6));
        assert_eq!(histogram.sum(), Duration::from_millis(4_032));
    }
}
