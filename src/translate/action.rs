//! Actions (`/me`) from Let's Chat, which has no such kind of message; users type them as on IRC.

use std::borrow::Cow;

use super::clean;
use super::rules::Side;
use crate::domain::{Message, MessageKind};

/// Turns a message from `side` that starts with `/me` into an action.
pub(super) fn detect_action(message: Cow<'_, Message>, side: Side) -> Cow<'_, Message> {
    if side == Side::Irc || message.kind != MessageKind::Text || message.author.is_bridge() {
        return message;
    }
    match parse_me_command(&message.body).map(str::to_owned) {
        Some(body) => {
            Cow::Owned(Message { kind: MessageKind::Action, body, ..message.into_owned() })
        }
        None => message,
    }
}

/// The text after `/me`. `/me` alone is ordinary text, and so is `//me`, which serves as an escape.
fn parse_me_command(text: &str) -> Option<&str> {
    let (command, rest) = text.split_at_checked("/me".len())?;
    let action = rest.trim_start_matches([' ', '\t', '\u{a0}', '\u{3000}']);
    let apart = action.len() < rest.len() && !action.starts_with(['\n', '\r']);
    (command.eq_ignore_ascii_case("/me") && apart && !clean::is_blank(action)).then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn me_command_is_parsed_as_action() {
        for (text, does) in [
            ("/me waves", Some("waves")),
            ("/ME  waves ", Some("waves ")),
            ("/me\twaves\nand smiles", Some("waves\nand smiles")),
            ("/me\u{a0}waves", Some("waves")),
            ("/me", None),
            ("/me ", None),
            ("/me \u{200b}", None),
            ("/me\nwaves", None),
            ("/mean", None),
            ("/me's tea", None),
            (" /me waves", None),
            ("//me waves", None),
            ("say /me waves", None),
            ("/m", None),
            ("é", None),
        ] {
            assert_eq!(parse_me_command(text), does, "{text:?}");
        }
    }
}
