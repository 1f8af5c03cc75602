//! The logs that a plan names, as they are read.

use encoding_rs::Encoding;
use jiff::tz::TimeZone;

use crate::migrate::formats::{ParserSettings, PatternError};
use crate::migrate::plan::{PlannedChannel, PlannedFile, PlannedFormat, PlannedReading};
use crate::migrate::reading::{
    ChannelSources, KeptEvents, ReadingSettings, SourceFile, SourceFormat,
};

/// What the plan says of how logs are read makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlannedReadingError {
    /// There is no such encoding.
    #[error("charset: there is no encoding {0:?}: use a label such as windows-1252 or koi8-r")]
    Charset(String),
    /// The pattern cannot be used.
    #[error("pattern: {0}")]
    Pattern(#[from] PatternError),
}

/// How the logs of a plan are read: what it leaves out, `zone` says, the zone of this machine.
///
/// # Errors
/// When the plan makes no sense.
pub fn reading_settings(
    reading: &PlannedReading,
    zone: TimeZone,
    kept: KeptEvents,
) -> Result<ReadingSettings, PlannedReadingError> {
    let charset = |label: &String| {
        let found = Encoding::for_label(label.as_bytes());
        found.ok_or_else(|| PlannedReadingError::Charset(label.clone()))
    };
    let pattern = reading.pattern.as_ref().map(|pattern| pattern.parse()).transpose()?;
    Ok(ReadingSettings {
        zone: reading.timezone.clone().unwrap_or(zone),
        charset: reading.charset.as_ref().map(charset).transpose()?,
        parser: ParserSettings { patterns: pattern.into_iter().collect() },
        kept,
        may_be_private: false,
    })
}

/// The logs of a channel of a plan.
#[must_use]
pub fn planned_sources(channel: &PlannedChannel) -> ChannelSources {
    ChannelSources {
        network: channel.network.clone(),
        channel: channel.channel.clone(),
        is_private: channel.is_private,
        files: channel.files.iter().map(source).collect(),
    }
}

fn source(file: &PlannedFile) -> SourceFile {
    let format = match &file.kind {
        PlannedFormat::Text(format) => SourceFormat::Text(*format),
        PlannedFormat::Database { format, network, channel } => SourceFormat::Database {
            format: *format,
            network: network.clone(),
            channel: channel.clone(),
        },
    };
    SourceFile {
        path: file.path.clone(),
        format,
        zone: file.timezone.clone(),
        first_day: None,
        owner: None,
    }
}
