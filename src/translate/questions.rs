//! What people ask of the bridge itself.

/// A question to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Who is on the other side?
    Who,
    /// How is the bridge?
    Status,
    /// What can be asked?
    Help,
}

impl Question {
    fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "who" => Self::Who,
            "status" => Self::Status,
            "help" => Self::Help,
            _ => return None,
        })
    }

    /// The question that somebody asks in a channel: `!who`, and nothing else in the line.
    #[must_use]
    pub fn in_channel(text: &str) -> Option<Self> {
        Self::named(text.trim_end().strip_prefix('!')?)
    }

    /// The question that somebody asks in a room, where our account is called `bridge`: `@bridge who`,
    /// and nothing else in the message.
    #[must_use]
    pub fn in_room(text: &str, bridge: &str) -> Option<Self> {
        let (name, rest) = text.trim().strip_prefix('@')?.split_once([' ', '\t'])?;
        let name = name.trim_end_matches([':', ',']);
        if !name.eq_ignore_ascii_case(bridge) {
            return None;
        }
        Self::named(rest.trim().trim_start_matches('!').trim_end_matches('?'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_stands_alone_in_its_line() {
        for (text, question) in [
            ("!who", Some(Question::Who)),
            ("!Status ", Some(Question::Status)),
            ("!help", Some(Question::Help)),
            ("who", None),
            ("!who is it", None),
            ("!whois", None),
            ("!", None),
            (" !who", None),
        ] {
            assert_eq!(Question::in_channel(text), question, "{text:?}");
        }
    }

    #[test]
    fn in_a_room_the_bridge_is_named() {
        for (text, question) in [
            ("@irc who", Some(Question::Who)),
            ("@IRC: who?", Some(Question::Who)),
            ("@irc !help", Some(Question::Help)),
            ("@irc, status", Some(Question::Status)),
            ("@ircer who", None),
            ("@irc", None),
            ("@irc who is it", None),
            ("!who", None),
            ("irc who", None),
        ] {
            assert_eq!(Question::in_room(text, "irc"), question, "{text:?}");
        }
    }
}
