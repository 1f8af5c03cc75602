//! What one line of a log says, before its time is known for certain.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use crate::domain::LogEvent;

/// The time as a line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenTime {
    /// A moment: the line has a zone, or counts seconds.
    Moment(Timestamp),
    /// The writer's local time.
    Local {
        /// The date, if the line has one.
        date: WrittenDate,
        /// The time of day; its second is 0 if the line has none.
        time: Time,
        /// Whether the line has seconds.
        has_seconds: bool,
        /// How the line calls the zone, if it does.
        zone: Option<ZoneName>,
    },
    /// The line has none.
    None,
}

/// How a line calls the zone of its time: `CET`. Many zones have such a name in common, such as `IST`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ZoneName([u8; Self::MAX]);

impl ZoneName {
    /// How many characters a name may have.
    const MAX: usize = 6;

    /// A name of letters, digits and signs; `None` if it is too long to be one, or of other characters.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        (!name.is_empty() && name.bytes().all(is_of_names)).then_some(Self(bytes))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// Whether it is a name of Universal Time, wherever it stands.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        matches!(self.as_str(), "UTC" | "GMT" | "UT" | "Z")
    }
}

impl fmt::Debug for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The date as a line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenDate {
    /// The line has it.
    Full(Date),
    /// The line has no year.
    WithoutYear {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// The line has none: the lines before it, or the name of the file, tell.
    None,
}

/// What a line of a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenLine {
    /// Something happened.
    Entry {
        /// When.
        time: WrittenTime,
        /// What.
        event: LogEvent,
    },
    /// Several things happened at once, such as a netsplit.
    Several {
        /// When.
        time: WrittenTime,
        /// What, in this order.
        events: Vec<LogEvent>,
    },
    /// From here on, it is this day; with the time if the line has it, such as `--- Log opened …`.
    Day {
        /// The day.
        date: Date,
        /// The time of day.
        time: Option<Time>,
    },
    /// The text goes on, of the message before.
    Continuation(String),
    /// Nothing that matters: an empty line, the end of a session.
    Nothing,
    /// Not a line of this format.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_zones_are_short() {
        for name in ["CET", "AEST", "+0530", "-03", "ChST", "Z"] {
            assert_eq!(ZoneName::new(name).as_ref().map(ZoneName::as_str), Some(name));
        }
        for name in ["", "toolong", "a b", "\u{fc}", "C<T"] {
            assert_eq!(ZoneName::new(name), None, "{name:?}");
        }
    }
}
