use crate::domain::{Kind, Message};

/// How to say a message on IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// By PRIVMSG, NOTICE or CTCP ACTION.
    pub kind: Kind,
    /// What stands at the beginning of each line.
    pub prefix: String,
    /// What follows it, line by line.
    pub body: String,
}

/// How to say `message` on IRC: the author's name before each line.
#[must_use]
pub fn to_irc(message: &Message) -> Speech {
    let prefix = match message.kind {
        Kind::Talk | Kind::Notice => format!("<{}> ", message.author),
        // The server's own way of showing it puts the bridge's name and a star before this.
        Kind::Action => format!("{} ", message.author),
    };
    Speech { kind: message.kind, prefix, body: message.body.clone() }
}
