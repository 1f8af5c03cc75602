//! Who sends a message.

use std::fmt;
use std::sync::Arc;

/// Who sends a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Sender {
    /// The bot, with the author's name in the text.
    #[default]
    Bot,
    /// The server on the bot's behalf, under this nick (`RELAYMSG`).
    Relaymsg(Arc<str>),
    /// The puppet connection of this Let's Chat user.
    Puppet(LetsChatUserId),
    /// The author's account on Let's Chat.
    Account(LetsChatUserId),
}

/// A user's stable id on Let's Chat, which survives changes of name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetsChatUserId(pub Arc<str>);

impl fmt::Display for LetsChatUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
