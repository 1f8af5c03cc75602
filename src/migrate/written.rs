//! What one line of a log says, before its time is known for certain.

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
    },
    /// The line has none.
    None,
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
