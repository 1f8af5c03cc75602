//! Sends messages under other nicks with `RELAYMSG`.
//!
//! It is a proposed specification
//! (<https://github.com/ircv3/ircv3-specifications/pull/417>), implemented by Ergo and by modules for
//! InspIRCd and UnrealIRCd. The result is an ordinary PRIVMSG from that nick, with a tag that names the
//! actual sender. The sender receives it as well.

use crate::domain::MessageKind;
use crate::protocol::irc::Scope;
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::wire::line::{Line, LineError, SafeText};

/// Names of the capability, which is also the tag's; the newer first.
pub(in crate::protocol::irc) const CAP_NAMES: [&str; 2] =
    ["draft/relaymsg", "overdrivenetworks.com/relaymsg"];

/// A RELAYMSG with `text` to `target` under `nick`.
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

/// The bytes of such a line that are not text.
pub(in crate::protocol::irc) fn overhead(kind: MessageKind, target: usize, nick: usize) -> usize {
    let action = if kind == MessageKind::Action { "\x01ACTION \x01".len() } else { 0 };
    "RELAYMSG   :\r\n".len() + target + nick + action
}

/// Interprets the code of an error reply. A ban or mute of the nick is a rejection: the bridge must not
/// circumvent it by speaking as the bot.
pub(in crate::protocol::irc) fn parse_error(code: &str, reason: &str) -> SendError {
    let voiceless = match code {
        "BANNED" | "BLANK_MSG" => None,
        // ERR_BADRELAYNICK of InspIRCd's module.
        "INVALID_NICK" | "573" => Some(Scope::Nick),
        // ERR_UNKNOWNCOMMAND.
        "NOT_ENABLED" | "421" => Some(Scope::Network),
        _ => Some(Scope::Channel),
    };
    SendError { relaymsg_scope: voiceless, ..SendError::parse(code, reason) }
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
