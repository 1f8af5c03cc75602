use crate::domain::{Kind, Message};

/// How to say `message` in a Let's Chat room.
#[must_use]
pub fn to_letschat(message: &Message) -> String {
    let Message { author, body, .. } = message;
    match message.kind {
        Kind::Talk => format!("<{author}> {body}"),
        Kind::Action => format!("* {author} {body}"),
        Kind::Notice => format!("-{author}- {body}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::PlaceId;

    #[track_caller]
    fn check(kind: Kind, body: &str, said: &str) {
        let message = Message {
            said_in: PlaceId(1),
            author: "ann".to_owned(),
            kind,
            body: body.to_owned(),
            said_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(to_letschat(&message), said);
    }

    #[test]
    fn each_kind_has_its_look() {
        check(Kind::Talk, "kettle's on", "<ann> kettle's on");
        check(Kind::Action, "puts the kettle on", "* ann puts the kettle on");
        check(Kind::Notice, "kettle's on", "-ann- kettle's on");
    }
}
