use std::fmt;
use std::sync::Arc;

/// By whom something is said on IRC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Voice {
    /// By the bridge, which names whoever has said it.
    #[default]
    Bridge,
    /// By the server, under this nick, for the bridge (`RELAYMSG`).
    Relayed(Arc<str>),
    /// By the connection that whoever has this account on Let's Chat has of their own.
    Puppet(AccountId),
}

/// What somebody is known by on Let's Chat, however they call themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub Arc<str>);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
