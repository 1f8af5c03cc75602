//! Random faults, from a seed.

use std::time::Duration;

/// The longest delay.
const MAX_DELAY: Duration = Duration::from_millis(50);

/// Decides what happens to each message of a client.
#[derive(Debug)]
pub(in crate::irc) struct Chaos {
    dice: fastrand::Rng,
    probability: f64,
}

/// What goes wrong with one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::irc) enum Fault {
    /// The connection dies before the message is delivered.
    DropBefore,
    /// The connection dies after the message is delivered, and before anything was answered.
    DropAfter,
    /// It is answered late.
    Delay(Duration),
}

impl Chaos {
    /// From `seed`, something happens to each message with `probability` (0 to 1).
    pub(super) fn new(seed: u64, probability: f64) -> Self {
        Self { dice: fastrand::Rng::with_seed(seed), probability }
    }

    /// What happens to the next message.
    pub(in crate::irc) fn roll(&mut self) -> Option<Fault> {
        if self.dice.f64() >= self.probability {
            return None;
        }
        Some(match self.dice.u8(..3) {
            0 => Fault::DropBefore,
            1 => Fault::DropAfter,
            _ => Fault::Delay(MAX_DELAY.mul_f64(self.dice.f64())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_fate() {
        let fate = |seed| {
            let mut chaos = Chaos::new(seed, 0.5);
            (0..50).map(|_| chaos.roll()).collect::<Vec<_>>()
        };
        assert_eq!(fate(1), fate(1));
        assert_ne!(fate(1), fate(2));
    }

    #[test]
    fn chance_keeps_to_its_probability() {
        let mut chaos = Chaos::new(1, 0.25);
        let mishaps = (0..4000).filter(|_| chaos.roll().is_some()).count();
        assert!((800..1200).contains(&mishaps), "{mishaps}");
        assert_eq!(Chaos::new(1, 0.0).roll(), None);
        assert!(Chaos::new(1, 1.0).roll().is_some());
    }
}
