use std::fmt;
use std::sync::Arc;

/// An IRC network, under the name that the administrator gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(Arc<str>);

impl Network {
    /// The network called `name` in the configuration.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
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

/// Where people speak and are spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A channel on an IRC network. `office/#dev` to people.
    Channel {
        /// The network it is on.
        network: Network,
        /// Its name, as the administrator spelled it.
        name: Arc<str>,
    },
    /// A Let's Chat room, by slug or id, as the administrator wrote it. `letschat/dev` to people.
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

    /// The network it is on; `None` for a room.
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

/// A place's number in the store, the same for as long as the store lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub i64);

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "endpoint {}", self.0)
    }
}
