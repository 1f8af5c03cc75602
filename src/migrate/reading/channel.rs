//! Reads a channel.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use super::database::DatabaseEntries;
use super::error::ReadError;
use super::series::{SeriesEntries, series_of};
use super::sources::{ChannelSources, KeptEvents, ReadingSettings, SourceFormat};
use super::tally::{ReadingReport, ReadingTally};
use super::text::TextLog;
use crate::domain::LogEntry;
use crate::migrate::files;
use crate::migrate::formats::LogFormat;
use crate::migrate::merge::merge;
use crate::migrate::times::{Rising, TimedEntry};

/// How many series of files are merged at most. Each has a file open, and windows of its own.
const MAX_SERIES: usize = 64;

/// How far reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingProgress {
    /// How many bytes have been read.
    pub bytes: u64,
    /// How many there are. Files that grow have more in the end.
    pub total: u64,
}

/// After how many bytes progress is told.
const PROGRESS_STEP: u64 = 256 << 10;

/// The entries of one series; one after an error is not given.
type SourceEntries = Box<dyn Iterator<Item = TimedEntry> + Send>;

/// All entries of one channel, in order, with times that rise. After an error there is nothing more.
pub struct ChannelReader {
    entries: Rising<Box<dyn Iterator<Item = LogEntry> + Send>>,
    kept: KeptEvents,
    tally: Arc<ReadingTally>,
    total: u64,
    after: Option<Timestamp>,
    told: u64,
    progress: Option<Box<dyn FnMut(ReadingProgress) + Send>>,
    is_ended: bool,
}

impl ChannelReader {
    /// Opens the logs of a channel. Several files of one writer are looked through first if their names have no days.
    ///
    /// # Errors
    /// If they are private and were not asked for, if a file is missing or unreadable, or if there are too many of them.
    pub fn open(sources: &ChannelSources, settings: &ReadingSettings) -> Result<Self, ReadError> {
        if sources.is_private && !settings.may_be_private {
            return Err(ReadError::Private {
                network: sources.network.clone(),
                channel: sources.channel.clone(),
            });
        }
        let tally = ReadingTally::shared();
        let shared = Arc::new(settings.clone());
        let (mut series, mut texts, mut total) = (Vec::new(), Vec::new(), 0);
        for file in &sources.files {
            let path = &file.path;
            let size = files::log_size(path)
                .map_err(|error| ReadError::Unreadable { path: path.clone(), error })?;
            total += size;
            match &file.format {
                SourceFormat::Text(format) => {
                    let zone = file.zone.as_ref().unwrap_or(&settings.zone).clone();
                    let (path, format, first_day) = (path.clone(), *format, file.first_day);
                    texts.push((file.owner.clone(), TextLog { path, format, zone, first_day }));
                }
                SourceFormat::Database { network, channel, .. } => {
                    let name = (network.as_str(), channel.as_str());
                    let found = DatabaseEntries::open(path, name, settings, (&tally, size))?;
                    for entries in found {
                        series.push((0, Reverse(size), until_failure(entries, &tally)));
                    }
                }
            }
        }
        for logs in series_of(texts, settings)? {
            let Some(first) = logs.first() else { continue };
            let size = logs.iter().filter_map(|log| files::log_size(&log.path).ok()).sum();
            let rank = rank(first.format);
            let entries = until_failure(SeriesEntries::new(logs, &shared, &tally), &tally);
            series.push((rank, Reverse(size), entries));
        }
        if series.len() > MAX_SERIES {
            return Err(ReadError::TooMany {
                network: sources.network.clone(),
                channel: sources.channel.clone(),
                count: series.len(),
                limit: MAX_SERIES,
            });
        }
        series.sort_by_key(|(rank, size, _)| (*rank, *size));
        let series = series.into_iter().map(|(_, _, entries)| entries).collect();
        Ok(Self {
            entries: Rising::new(merge::<SourceEntries>(series)),
            kept: settings.kept,
            tally,
            total,
            after: None,
            told: 0,
            progress: None,
            is_ended: false,
        })
    }

    /// Passes over the entries up to `last`, which have been done before.
    #[must_use]
    pub fn after(self, last: Timestamp) -> Self {
        Self { after: Some(last), ..self }
    }

    /// Calls `progress` again and again while reading, and at the end.
    #[must_use]
    pub fn with_progress(self, progress: impl FnMut(ReadingProgress) + Send + 'static) -> Self {
        Self { progress: Some(Box::new(progress)), ..self }
    }

    /// How far reading is.
    #[must_use]
    pub fn progress(&self) -> ReadingProgress {
        let bytes = self.tally.bytes();
        ReadingProgress { bytes, total: self.total.max(bytes) }
    }

    /// What was odd so far.
    #[must_use]
    pub fn report(&self) -> ReadingReport {
        self.tally.report()
    }

    fn tell_progress(&mut self) {
        let now = self.progress();
        if let Some(progress) = &mut self.progress
            && (self.is_ended || now.bytes >= self.told + PROGRESS_STEP)
        {
            self.told = now.bytes;
            progress(now);
        }
    }

    /// The next entry that is kept and has not been done before.
    fn read(&mut self) -> Result<Option<LogEntry>, ReadError> {
        loop {
            let entry = self.entries.next();
            // What was merged since a log failed may lack what that log has.
            if let Some(error) = self.tally.take_failure() {
                return Err(error);
            }
            self.tell_progress();
            let Some(entry) = entry else { return Ok(None) };
            if self.after.is_none_or(|last| entry.at > last) && self.kept.has(&entry.event) {
                return Ok(Some(entry));
            }
        }
    }
}

impl Iterator for ChannelReader {
    type Item = Result<LogEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_ended {
            return None;
        }
        let entry = self.read().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.is_ended = true;
            self.tell_progress();
        }
        entry
    }
}

/// How sure the clock of a format is, and its zone: the lowest is the surest.
fn rank(format: LogFormat) -> u8 {
    match format {
        LogFormat::TheLounge | LogFormat::Ii | LogFormat::Textual | LogFormat::QuasselCopy => 0,
        LogFormat::WeeChat
        | LogFormat::Znc
        | LogFormat::HexChat
        | LogFormat::Eggdrop
        | LogFormat::Limnoria
        | LogFormat::EnergyMech => 1,
        LogFormat::Irssi | LogFormat::Mirc | LogFormat::Pattern => 2,
    }
}

/// The entries until the first error, which is noted.
fn until_failure(
    entries: impl Iterator<Item = Result<TimedEntry, ReadError>> + Send + 'static,
    tally: &Arc<ReadingTally>,
) -> SourceEntries {
    let tally = Arc::clone(tally);
    Box::new(entries.map_while(move |entry| match entry {
        Ok(entry) => Some(entry),
        Err(error) => {
            tally.fail(error);
            None
        }
    }))
}
