//! What a plan says of how to read logs, as the reader of channels takes it.

use encoding_rs::Encoding;
use jiff::tz::TimeZone;

use super::{PlannedChannel, PlannedFile, PlannedFormat, PlannedReading};
use crate::migrate::formats::ParserSettings;
use crate::migrate::reading::{
    ChannelSources, KeptEvents, ReadingSettings, SourceFile, SourceFormat,
};

impl PlannedReading {
    /// How the logs are read; private ones, too, as far as the plan has any.
    #[must_use]
    pub fn settings(&self, kept: KeptEvents) -> ReadingSettings {
        let charset = self.charset.as_ref();
        ReadingSettings {
            zone: self.timezone.clone().unwrap_or_else(TimeZone::system),
            charset: charset.and_then(|label| Encoding::for_label(label.as_bytes())),
            // Each was checked when the plan was read.
            parser: ParserSettings {
                patterns: self.patterns.iter().filter_map(|it| it.parse().ok()).collect(),
            },
            kept,
            may_be_private: true,
        }
    }
}

impl PlannedChannel {
    /// Its logs.
    #[must_use]
    pub fn sources(&self) -> ChannelSources {
        ChannelSources {
            network: self.network.clone(),
            channel: self.channel.clone(),
            is_private: self.is_private,
            files: self.files.iter().map(PlannedFile::source).collect(),
        }
    }
}

impl PlannedFile {
    /// It as a source of a channel.
    #[must_use]
    pub fn source(&self) -> SourceFile {
        let format = match &self.kind {
            PlannedFormat::Text(format) => SourceFormat::Text(*format),
            PlannedFormat::Database { format, network, channel } => SourceFormat::Database {
                format: *format,
                network: network.clone(),
                channel: channel.clone(),
            },
        };
        SourceFile {
            path: self.path.clone(),
            format,
            zone: self.timezone.clone(),
            first_day: self.first_day,
            owner: self.owner.clone(),
        }
    }
}
