//! What is read of a channel, and how.

use std::path::PathBuf;

use encoding_rs::Encoding;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::{DatabaseFormat, LogEvent};
use crate::migrate::formats::{LogFormat, ParserSettings};

/// All logs of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSources {
    /// The network, as the plan names it.
    pub network: String,
    /// The channel; for private logs, whom they are with.
    pub channel: String,
    /// Whether they are private: of a query.
    pub is_private: bool,
    /// The logs, in any order.
    pub files: Vec<SourceFile>,
}

/// A log.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub format: SourceFormat,
    /// The zone of its writer's clock, if it is not the usual one.
    pub zone: Option<TimeZone>,
    /// The day of its first line, if neither the name of the file nor its lines tell.
    pub first_day: Option<Date>,
    /// Whose it is, if that is known.
    pub owner: Option<String>,
}

/// What kind of log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceFormat {
    /// Lines of text.
    Text(LogFormat),
    /// A channel of a database, under the names that it has there.
    Database {
        /// Whose database it is.
        format: DatabaseFormat,
        /// The network.
        network: String,
        /// The channel.
        channel: String,
    },
}

impl SourceFile {
    /// A log of text of which nothing else is known.
    #[must_use]
    pub fn text(path: impl Into<PathBuf>, format: LogFormat) -> Self {
        let format = SourceFormat::Text(format);
        Self { path: path.into(), format, zone: None, first_day: None, owner: None }
    }
}

/// How logs are read.
#[derive(Debug, Clone)]
pub struct ReadingSettings {
    /// The zone of clocks of which nothing else is known.
    pub zone: TimeZone,
    /// The encoding of lines that are not UTF-8; Windows-1252 if none is named.
    pub charset: Option<&'static Encoding>,
    /// The patterns of lines of [`LogFormat::Pattern`].
    pub parser: ParserSettings,
    /// What is kept.
    pub kept: KeptEvents,
    /// Whether private logs may be read.
    pub may_be_private: bool,
}

impl Default for ReadingSettings {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            charset: None,
            parser: ParserSettings::default(),
            kept: KeptEvents::MESSAGES,
            may_be_private: false,
        }
    }
}

/// What is kept beside messages. What is left out changes no times: they are the same whatever is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptEvents {
    /// Who came and went: joins, parts, quits and kicks.
    pub comings: bool,
    /// New nicks.
    pub nicks: bool,
    /// Changes of modes.
    pub modes: bool,
    /// Changes of the topic.
    pub topics: bool,
}

impl KeptEvents {
    /// Messages only.
    pub const MESSAGES: Self = Self { comings: false, nicks: false, modes: false, topics: false };

    /// Everything.
    pub const ALL: Self = Self { comings: true, nicks: true, modes: true, topics: true };

    /// Whether this event is kept.
    #[must_use]
    pub fn has(self, event: &LogEvent) -> bool {
        match event {
            LogEvent::Message { .. } => true,
            LogEvent::Join(_)
            | LogEvent::Part { .. }
            | LogEvent::Quit { .. }
            | LogEvent::Kick { .. } => self.comings,
            LogEvent::Nick { .. } => self.nicks,
            LogEvent::Mode { .. } => self.modes,
            LogEvent::Topic { .. } => self.topics,
            LogEvent::Client(_) => false,
        }
    }
}
