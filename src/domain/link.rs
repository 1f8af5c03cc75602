//! The names of links: a channel and a room that mirror each other.

use std::fmt;
use std::sync::Arc;

use super::{Casemapping, Network};

/// A link, by its two ends as the configuration spells them. Displayed as `libera/#tea tea`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId {
    /// The network of its channel.
    pub network: Network,
    /// The name of its channel.
    pub channel: Arc<str>,
    /// The slug or id of its room.
    pub room: Arc<str>,
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.network, self.channel, self.room)
    }
}

impl LinkId {
    /// The names by which an administrator can call the link, the shortest one first: `tea`, `#tea`, `libera/#tea`,
    /// `libera/#tea tea`.
    #[must_use]
    pub fn names(&self) -> [String; 4] {
        let Self { network, channel, room } = self;
        let (short, long) = (channel.to_string(), format!("{network}/{channel}"));
        [room.to_string(), short, long, self.to_string()]
    }
}

/// What an administrator calls a link: its channel with or without the network, its room, or both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkName(String);

impl LinkName {
    /// The name as it was typed; the space around it does not count.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.trim().to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the link is called this. Upper and lower case are the same, as on IRC.
    #[must_use]
    pub fn is_for(&self, link: &LinkId) -> bool {
        let fold = |name: &str| Casemapping::Rfc1459.fold(name);
        let wanted = fold(&self.0);
        link.names().iter().any(|name| fold(name) == wanted)
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_has_several_names() {
        let link =
            LinkId { network: Network::new("libera"), channel: "#Tea".into(), room: "cups".into() };
        for (name, is_for) in [
            ("#tea", true),
            ("Libera/#TEA", true),
            (" cups ", true),
            ("libera/#tea cups", true),
            ("tea", false),
            ("oftc/#tea", false),
            ("libera", false),
            ("libera/#tea other", false),
            ("", false),
        ] {
            assert_eq!(LinkName::new(name).is_for(&link), is_for, "{name}");
        }
    }
}
