use std::fmt;
use std::sync::Arc;

/// By whom something is said on IRC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Sender {
    /// By the bridge, which names whoever has said it.
    #[default]
    Bot,
    /// By the server, under this nick, for the bridge (`RELAYMSG`).
    Relaymsg(Arc<str>),
    /// By the connection that whoever has this account on Let's Chat has of their own.
    Puppet(LetsChatUserId),
}

/// What somebody is known by on Let's Chat, however they call themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetsChatUserId(pub Arc<str>);

impl fmt::Display for LetsChatUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
