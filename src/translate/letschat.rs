use jiff::Timestamp;

use super::late;
use crate::domain::{Kind, Message, Speech};

/// How to say `message` in a Let's Chat room at `told_at`; with its time where it is late.
#[must_use]
pub fn to_letschat(message: &Message, told_at: Timestamp) -> Speech {
    let Message { author, kind, body, said_at, .. } = message;
    let time = late::time(*said_at, told_at);
    let name = &author.name;
    let prefix = match kind {
        _ if author.is_bridge() => "-- ".to_owned(),
        Kind::Talk => format!("{time}<{name}> "),
        Kind::Action => format!("{time}* {name} "),
        Kind::Notice => format!("{time}-{name}- "),
    };
    // A room knows one way of saying something.
    Speech { kind: Kind::Talk, prefix, body: body.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, PlaceId};

    #[track_caller]
    fn check(author: &str, kind: Kind, told_at: i64, said: &str) {
        let message = Message {
            said_in: PlaceId(1),
            author: Author::named(author),
            kind,
            body: "pours".to_owned(),
            said_at: Timestamp::UNIX_EPOCH,
        };
        let told_at = Timestamp::from_second(told_at).expect("a time");
        assert_eq!(to_letschat(&message, told_at).whole(), said);
    }

    #[test]
    fn each_kind_has_its_look() {
        check("ann", Kind::Talk, 0, "<ann> pours");
        check("ann", Kind::Action, 0, "* ann pours");
        check("ann", Kind::Notice, 0, "-ann- pours");
        check("", Kind::Notice, 0, "-- pours");
    }

    #[test]
    fn what_is_late_carries_its_time() {
        check("ann", Kind::Talk, 3_600, "[00:00Z] <ann> pours");
        check("ann", Kind::Action, 3_600, "[00:00Z] * ann pours");
    }
}
