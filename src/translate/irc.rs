use jiff::Timestamp;

use super::late;
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

/// What stands before a text that is said again because nobody can tell whether it arrived. People
/// who see it twice see why, and read on.
pub const AGAIN: &str = "(again) ";

/// How to say `message` on IRC at `told_at`: the author's name before each line, and the time before
/// that where it is late.
#[must_use]
pub fn to_irc(message: &Message, told_at: Timestamp) -> Speech {
    let Message { author, kind, body, said_at, .. } = message;
    let time = late::time(*said_at, told_at);
    let prefix = match kind {
        _ if author.is_empty() => String::new(),
        Kind::Talk | Kind::Notice => format!("{time}<{author}> "),
        // The server's own way of showing it puts the bridge's name and a star before this.
        Kind::Action => format!("{time}{author} "),
    };
    Speech { kind: *kind, prefix, body: body.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PlaceId;

    #[track_caller]
    fn check(author: &str, kind: Kind, told_at: i64, prefix: &str) {
        let message = Message {
            said_in: PlaceId(1),
            author: author.to_owned(),
            kind,
            body: "hi".to_owned(),
            said_at: Timestamp::UNIX_EPOCH,
        };
        let told_at = Timestamp::from_second(told_at).expect("a time");
        let speech = Speech { kind, prefix: prefix.to_owned(), body: "hi".to_owned() };
        assert_eq!(to_irc(&message, told_at), speech);
    }

    #[test]
    fn each_kind_has_its_look() {
        check("ann", Kind::Talk, 0, "<ann> ");
        check("ann", Kind::Notice, 0, "<ann> ");
        check("ann", Kind::Action, 0, "ann ");
        check("", Kind::Notice, 0, "");
    }

    #[test]
    fn what_is_late_carries_its_time() {
        check("ann", Kind::Talk, 3_600, "[00:00Z] <ann> ");
    }
}
