//! Speaking under nicks that the server lends: `RELAYMSG`.
//!
//! There is no specification yet but a proposal
//! (<https://github.com/ircv3/ircv3-specifications/pull/417>), which Ergo and modules of InspIRCd and
//! UnrealIRCd follow. Such a line is an ordinary PRIVMSG from the nick, with a tag that tells who had
//! it said; that one hears it too.

use crate::domain::MessageKind;
use crate::protocol::irc::Scope;
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::wire::line::{Line, LineError, SafeText};

/// The capability, and the tag that tells who had a line said; by its names, the newer first.
pub(in crate::protocol::irc) const CAP_NAMES: [&str; 2] =
    ["draft/relaymsg", "overdrivenetworks.com/relaymsg"];

/// `text`, said to `target` under `nick`.
pub(in crate::protocol::irc) fn relaymsg_line(
    kind: MessageKind,
    target: &str,
    nick: &str,
    text: &str,
) -> Result<Line, LineError> {
    let SafeText(text) = SafeText::sanitize(text);
    let text = match kind {
        MessageKind::Action => format!("\x01ACTION {text}\x01"),
        MessageKind::Text | MessageKind::Notice => text,
    };
    let line = Line::new("RELAYMSG", &[target, nick, &text])?;
    if nick.contains(['!', '@', ',', '*', '?']) {
        return Err(LineError::NotLast(nick.to_owned()));
    }
    Ok(line)
}

/// How many bytes of a line to `target` under `nick` are not text, as we send it.
pub(in crate::protocol::irc) fn overhead(kind: MessageKind, target: usize, nick: usize) -> usize {
    let action = if kind == MessageKind::Action { "\x01ACTION \x01".len() } else { 0 };
    "RELAYMSG   :\r\n".len() + target + nick + action
}

/// What the server has against a line, by the code of its reply. Whoever is banned is refused: where
/// an operator has muted one, the bridge does not speak for them.
pub(in crate::protocol::irc) fn parse_error(code: &str, why: &str) -> SendError {
    let voiceless = match code {
        "BANNED" | "BLANK_MSG" => None,
        // ERR_BADRELAYNICK of InspIRCd's module.
        "INVALID_NICK" | "573" => Some(Scope::Nick),
        // ERR_UNKNOWNCOMMAND.
        "NOT_ENABLED" | "421" => Some(Scope::Network),
        _ => Some(Scope::Channel),
    };
    SendError { relaymsg_scope: voiceless, ..SendError::parse(code, why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nick_cannot_inject_a_line_or_target() {
        let said =
            relaymsg_line(MessageKind::Action, "#tea", "bob/lc", "waves\r\nQUIT").expect("a line");
        assert_eq!(said.as_str(), "RELAYMSG #tea bob/lc :\x01ACTION waves QUIT\x01");
        for nick in ["", "b b/lc", ":b/lc", "b\n/lc", "b!x@y/lc", "b,c/lc"] {
            assert!(relaymsg_line(MessageKind::Text, "#tea", nick, "hi").is_err(), "{nick:?}");
        }
    }

    #[test]
    fn overhead_counts_all_but_the_text() {
        for kind in [MessageKind::Text, MessageKind::Action] {
            let whole =
                relaymsg_line(kind, "#tea", "bob/lc", "a b").expect("a line").len() + "\r\n".len();
            assert_eq!(whole - "a b".len(), overhead(kind, "#tea".len(), "bob/lc".len()));
        }
    }
}
