//! Commands to the bridge in channels and rooms.

use super::characters;

/// A command to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotCommand {
    /// Lists the users on the other side.
    Who,
    /// Shows the bridge's status.
    Status,
    /// Lists the commands.
    Help,
    /// Links the author's own account on Let's Chat; on IRC only.
    Link,
    /// Ends that; on IRC only.
    Unlink,
}

impl BotCommand {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "who" => Self::Who,
            "status" => Self::Status,
            "help" => Self::Help,
            "link" => Self::Link,
            "unlink" => Self::Unlink,
            _ => return None,
        })
    }

    /// Whether the command is about the author's own account.
    #[must_use]
    pub fn is_about_linking(self) -> bool {
        matches!(self, Self::Link | Self::Unlink)
    }

    /// Parses a command in a channel: `!who`, alone in the line.
    #[must_use]
    pub fn parse_in_channel(text: &str) -> Option<Self> {
        Self::from_word(text.trim_end().strip_prefix('!')?)
    }

    /// Whether a direct message to the bridge is a command.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim();
        text.starts_with('!') || Self::from_word(text.trim_end_matches('?')).is_some()
    }

    /// Parses a command in a room where the bot is called one of `names`: `@bridge who`, alone in the
    /// message. A mention alone, or with an unknown command, counts as help.
    #[must_use]
    pub fn parse_in_room<'n>(
        text: &str,
        names: impl IntoIterator<Item = &'n String>,
    ) -> Option<Self> {
        if !text.contains('@') {
            return None;
        }
        let text = text.replace(|c| characters::is_invisible(c) && !c.is_whitespace(), "");
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
    fn commands_to_the_bridge_are_recognised() {
        for text in ["!who", " !frobnicate x", "help", "Who?", "status"] {
            assert!(BotCommand::is_meant(text), "{text:?}");
        }
        for text in ["", "hello", "help me", "\u{1}VERSION\u{1}"] {
            assert!(!BotCommand::is_meant(text), "{text:?}");
        }
    }
}
