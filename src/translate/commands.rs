//! What people ask of the bridge itself.

use super::display_names;

/// A question to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotCommand {
    /// Who is on the other side?
    Who,
    /// How is the bridge?
    Status,
    /// What can be asked?
    Help,
}

impl BotCommand {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "who" => Self::Who,
            "status" => Self::Status,
            "help" => Self::Help,
            _ => return None,
        })
    }

    /// The question that somebody asks in a channel: `!who`, and nothing else in the line.
    #[must_use]
    pub fn parse_in_channel(text: &str) -> Option<Self> {
        Self::from_word(text.trim_end().strip_prefix('!')?)
    }

    /// Whether `text`, written to the bridge alone, wants something of it.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim();
        text.starts_with('!') || Self::from_word(text.trim_end_matches('?')).is_some()
    }

    /// The question that somebody asks in a room, where our account is called by one of `names`:
    /// `@bridge who`, and nothing else in the message. Who only calls us, or wants what we do not know,
    /// asks what can be asked.
    #[must_use]
    pub fn parse_in_room<'n>(
        text: &str,
        names: impl IntoIterator<Item = &'n String>,
    ) -> Option<Self> {
        let text = text.replace(|c| display_names::is_invisible(c) && !c.is_whitespace(), "");
        let called = text.trim().strip_prefix('@')?;
        let rest = names.into_iter().find_map(|name| {
            let (first, rest) = called.split_at_checked(name.len())?;
            let apart = rest.is_empty() || rest.starts_with([' ', '\t', ':', ',', '?', '!']);
            (!name.is_empty() && apart && first.to_lowercase() == name.to_lowercase())
                .then_some(rest)
        })?;
        let asked = rest.trim_start_matches([':', ',']).trim();
        let word = asked.trim_start_matches('!').trim_end_matches('?').trim_end();
        match Self::from_word(word) {
            None if asked.is_empty() || asked.starts_with('!') => Some(Self::Help),
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_command_must_be_the_whole_line() {
        for (text, question) in [
            ("!who", Some(BotCommand::Who)),
            ("!Status ", Some(BotCommand::Status)),
            ("!help", Some(BotCommand::Help)),
            ("who", None),
            ("!who is it", None),
            ("!whois", None),
            ("!", None),
            (" !who", None),
        ] {
            assert_eq!(BotCommand::parse_in_channel(text), question, "{text:?}");
        }
    }

    #[test]
    fn room_command_must_address_the_bot() {
        for (text, question) in [
            ("@irc who", Some(BotCommand::Who)),
            ("@IRC: who?", Some(BotCommand::Who)),
            ("@irc !help", Some(BotCommand::Help)),
            ("@irc, status", Some(BotCommand::Status)),
            ("@ircer who", None),
            ("@irc", Some(BotCommand::Help)),
            ("@irc !frobnicate it", Some(BotCommand::Help)),
            ("@letsbridge who", Some(BotCommand::Who)),
            ("@The Bridge: who?", Some(BotCommand::Who)),
            ("@\u{200b}irc who", Some(BotCommand::Who)),
            ("@The Bridges who", None),
            ("@irc hello", None),
            ("@irc who is it", None),
            ("!who", None),
            ("irc who", None),
        ] {
            let names = ["letsbridge", "irc", "The Bridge"].map(str::to_owned);
            assert_eq!(BotCommand::parse_in_room(text, &names), question, "{text:?}");
        }
    }

    #[test]
    fn whoever_wants_something_of_the_bridge_is_known() {
        for text in ["!who", " !frobnicate x", "help", "Who?", "status"] {
            assert!(BotCommand::is_meant(text), "{text:?}");
        }
        for text in ["", "hello", "help me", "\u{1}VERSION\u{1}"] {
            assert!(!BotCommand::is_meant(text), "{text:?}");
        }
    }
}
