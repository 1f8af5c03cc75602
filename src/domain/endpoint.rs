//! Endpoints: the channels and rooms that messages come from and go to.

use std::fmt;
use std::sync::Arc;

/// An IRC network, by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(Arc<str>);

impl Network {
    /// The network called `name` in the configuration.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The account's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A channel or a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A channel on an IRC network, displayed as `office/#dev`.
    Channel {
        /// Its network.
        network: Network,
        /// Its name, as spelled in the configuration.
        name: Arc<str>,
    },
    /// A Let's Chat room, by the slug or id in the configuration, displayed as `letschat/dev`.
    Room(Arc<str>),
}

impl Endpoint {
    /// The channel `name` on `network`.
    #[must_use]
    pub fn channel(network: &Network, name: &str) -> Self {
        Self::Channel { network: network.clone(), name: name.into() }
    }

    /// The room with this slug or id.
    #[must_use]
    pub fn room(name: &str) -> Self {
        Self::Room(name.into())
    }

    /// Reads what is displayed. `None` if it is neither a channel nor a room.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (network, name) = text.split_once('/')?;
        Some(match network {
            "letschat" => Self::room(name),
            network => Self::channel(&Network::new(network), name),
        })
    }

    /// The IRC network of a channel; `None` for a room.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        match self {
            Self::Channel { network, .. } => Some(network),
            Self::Room(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel { network, name } => write!(f, "{network}/{name}"),
            Self::Room(name) => write!(f, "letschat/{name}"),
        }
    }
}

/// Whether Let's Chat accepts this as a room's slug.
#[must_use]
pub fn is_room_slug(text: &str) -> bool {
    let accepted = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    !text.is_empty() && text.chars().all(accepted)
}

/// An endpoint's number in the store, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub i64);

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "endpoint {}", self.0)
    }
}
