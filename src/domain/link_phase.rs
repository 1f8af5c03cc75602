//! The phases of a team's move from IRC to Let's Chat, as each link has one.

use std::fmt;
use std::str::FromStr;

use super::unknown_word::{UnknownWord, find};

/// The phase of a link: how far its people have moved. Any phase may follow any other one.
///
/// ```text
/// together ◀─▶ moving ◀─▶ irc_read_only ◀─▶ closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum LinkPhase {
    /// Both sides are equal: messages are mirrored both ways.
    #[default]
    Together,
    /// Messages are mirrored both ways, and people on IRC are told where the room is.
    Moving,
    /// The room is mirrored to the channel, and who speaks in the channel is told that it goes nowhere.
    IrcReadOnly,
    /// Nothing is mirrored, and who comes to the channel is told where the room is.
    Closed,
}

/// The phases with their names in the configuration.
const PHASES: [(&str, LinkPhase); 4] = [
    ("together", LinkPhase::Together),
    ("moving", LinkPhase::Moving),
    ("irc_read_only", LinkPhase::IrcReadOnly),
    ("closed", LinkPhase::Closed),
];

impl LinkPhase {
    /// All phases, in the order of a move.
    pub const ALL: [Self; 4] = [Self::Together, Self::Moving, Self::IrcReadOnly, Self::Closed];

    /// Its name, as in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Together => "together",
            Self::Moving => "moving",
            Self::IrcReadOnly => "irc_read_only",
            Self::Closed => "closed",
        }
    }

    /// Whether the channel is mirrored to the room.
    #[must_use]
    pub fn is_mirrored_to_letschat(self) -> bool {
        matches!(self, Self::Together | Self::Moving)
    }

    /// Whether the room is mirrored to the channel.
    #[must_use]
    pub fn is_mirrored_to_irc(self) -> bool {
        self != Self::Closed
    }
}

impl FromStr for LinkPhase {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        find(&PHASES, text)
    }
}

impl fmt::Display for LinkPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_is_found_by_its_name() {
        for (phase, known) in LinkPhase::ALL.into_iter().zip(PHASES) {
            assert_eq!((phase.name(), phase), known);
            assert_eq!(phase.to_string().parse(), Ok(phase));
        }
        let error = "irc-read-only".parse::<LinkPhase>().expect_err("is no phase").to_string();
        let words = "use \"together\" or \"moving\" or \"irc_read_only\" or \"closed\"";
        assert_eq!(error, words);
    }

    #[test]
    fn each_phase_mirrors_less() {
        let ways = LinkPhase::ALL.map(|it| (it.is_mirrored_to_irc(), it.is_mirrored_to_letschat()));
        assert_eq!(ways, [(true, true), (true, true), (true, false), (false, false)]);
    }
}
