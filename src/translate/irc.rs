use std::borrow::Cow;

use jiff::Timestamp;

use super::{Links, late};
use crate::domain::{Kind, Message, Speech};

/// What stands before a text that is said again because nobody can tell whether it arrived. People
/// who see it twice see why, and read on.
pub const AGAIN: &str = "(again) ";

/// How to say `message` on IRC at `told_at`: the author's name before each line, and the time before
/// that where it is late. With `links`, what only leads somewhere for who has an account becomes a link
/// for everyone; they are for what was said in a room, and for nothing else ([`Links`]).
#[must_use]
pub fn to_irc(message: &Message, links: Option<&Links>, told_at: Timestamp) -> Speech {
    let Message { author, kind, body, said_at, .. } = message;
    let time = late::time(*said_at, told_at);
    let name = &author.name;
    let prefix = match kind {
        _ if author.is_bridge() => String::new(),
        Kind::Talk | Kind::Notice => format!("{time}<{name}> "),
        // The server's own way of showing it puts the bridge's name and a star before this.
        Kind::Action => format!("{time}{name} "),
    };
    let body = links.map_or(Cow::Borrowed(body.as_str()), |links| links.in_text(body, told_at));
    Speech { kind: *kind, prefix, body: body.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, PlaceId};

    #[track_caller]
    fn check(author: &str, kind: Kind, told_at: i64, prefix: &str) {
        let message = Message {
            said_in: PlaceId(1),
            author: Author::named(author),
            kind,
            body: "hi".to_owned(),
            said_at: Timestamp::UNIX_EPOCH,
        };
        let told_at = Timestamp::from_second(told_at).expect("a time");
        let speech = Speech { kind, prefix: prefix.to_owned(), body: "hi".to_owned() };
        assert_eq!(to_irc(&message, None, told_at), speech);
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
