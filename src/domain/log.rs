//! What a log of IRC holds, whichever program wrote it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::MessageKind;
use super::unknown_word::{UnknownWord, find};

/// Somebody who speaks or acts in a log, as far as the log identifies them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LogSpeaker {
    /// Their nick then, without signs of rank.
    pub nick: String,
    /// `user@host`, where the log has it.
    pub userhost: Option<String>,
    /// Their account at the network's services, where the log has it.
    pub account: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// Somebody said something. The text has no line breaks, and formatting codes as the log has them.
    Message {
        /// Who.
        by: LogSpeaker,
        /// Text, action or notice.
        kind: MessageKind,
        /// What.
        text: String,
    },
    /// Somebody came.
    Join(LogSpeaker),
    /// Somebody left the channel.
    Part {
        /// Who.
        who: LogSpeaker,
        /// Why; may be empty.
        reason: String,
    },
    /// Somebody left the network.
    Quit {
        /// Who.
        who: LogSpeaker,
        /// Why; may be empty.
        reason: String,
    },
    /// Somebody was removed from the channel.
    Kick {
        /// Who was removed.
        nick: String,
        /// By whom.
        by: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Somebody has another nick from now on.
    Nick {
        /// Before.
        from: LogSpeaker,
        /// After.
        to: String,
    },
    /// Modes were changed, such as `+o ann`.
    Mode {
        /// By whom; a server's name, too.
        by: String,
        /// The change.
        change: String,
    },
    /// The topic was changed.
    Topic {
        /// By whom, if the log says.
        by: Option<String>,
        /// The new one; empty if it was removed.
        text: String,
    },
    /// Something that the client wrote for its user, such as how many people are there. Nobody said it.
    Client(String),
}

/// How exactly the time of a log entry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogPrecision {
    /// The log has it, to the second or better.
    Exact,
    /// The log has the minute; the second was chosen.
    Minute,
    /// It was derived from the lines around it.
    Guessed,
}

/// An entry with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When; in one channel, no two entries have the same time, and they rise.
    pub at: Timestamp,
    /// How exactly that is known.
    pub precision: LogPrecision,
    /// What happened.
    pub event: LogEvent,
}

/// Which program keeps a log in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseFormat {
    /// The core of Quassel (<https://quassel-irc.org>), with SQLite.
    Quassel,
    /// The bouncer soju (<https://soju.im>), with SQLite and `message-store db`.
    Soju,
    /// The Lounge (<https://thelounge.chat>), with `sqlite` among its `messageStorage`.
    TheLounge,
}

impl DatabaseFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quassel, Self::Soju, Self::TheLounge];

    /// Its name in a plan, and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quassel => "quassel",
            Self::Soju => "soju",
            Self::TheLounge => "the-lounge-sqlite",
        }
    }
}

impl fmt::Display for DatabaseFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DatabaseFormat {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        find(&Self::ALL.map(|format| (format.name(), format)), name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_have_names() {
        for format in DatabaseFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "mirc".parse::<DatabaseFormat>().expect_err("is none");
        assert!(DatabaseFormat::ALL.iter().all(|it| error.to_string().contains(it.name())));
    }
}
