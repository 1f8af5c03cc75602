//! In which directions a link mirrors, for who wants only one.

use std::fmt;
use std::str::FromStr;

use super::unknown_word::{UnknownWord, find};

/// In which directions a link mirrors, whatever its phase. In the configuration: `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LinkFlow {
    /// In both.
    #[default]
    Both,
    /// Only the channel to the room.
    ToLetsChat,
    /// Only the room to the channel.
    ToIrc,
}

/// The flows with their names in the configuration.
const FLOWS: [(&str, LinkFlow); 3] =
    [("both", LinkFlow::Both), ("to_letschat", LinkFlow::ToLetsChat), ("to_irc", LinkFlow::ToIrc)];

impl LinkFlow {
    /// Its name, as in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::ToLetsChat => "to_letschat",
            Self::ToIrc => "to_irc",
        }
    }

    /// Whether the channel is mirrored to the room.
    #[must_use]
    pub fn is_mirrored_to_letschat(self) -> bool {
        self != Self::ToIrc
    }

    /// Whether the room is mirrored to the channel.
    #[must_use]
    pub fn is_mirrored_to_irc(self) -> bool {
        self != Self::ToLetsChat
    }
}

impl FromStr for LinkFlow {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        find(&FLOWS, text)
    }
}

impl fmt::Display for LinkFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_is_found_by_its_name() {
        for (name, flow) in FLOWS {
            assert_eq!((flow.name(), flow.to_string().parse()), (name, Ok(flow)));
        }
    }

    #[test]
    fn one_way_excludes_the_other() {
        let ways = FLOWS.map(|(_, it)| (it.is_mirrored_to_irc(), it.is_mirrored_to_letschat()));
        assert_eq!(ways, [(true, true), (false, true), (true, false)]);
    }
}
