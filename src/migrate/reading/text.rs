//! The entries of a log that is text, with their times.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::error::ReadError;
use super::sources::ReadingSettings;
use super::tally::{ReadLog, ReadingTally};
use crate::domain::LogEvent;
use crate::migrate::files::{self, LogLines};
use crate::migrate::formats::{LineParser, LogFormat, ParserSettings, recognise_as};
use crate::migrate::times::{DayChange, TimedEntry, Timeline, TimelineStart, first_day};
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime};

/// A log of text that is to be read.
#[derive(Debug, Clone)]
pub(super) struct TextLog {
    pub(super) path: PathBuf,
    pub(super) format: LogFormat,
    pub(super) zone: TimeZone,
    /// The day of its first line, if that was told.
    pub(super) first_day: Option<Date>,
}

impl TextLog {
    /// The day that its name tells.
    pub(super) fn day_of_name(&self) -> Option<Date> {
        recognise_as(self.format, &self.path, &[], &ParserSettings::default()).date
    }

    /// From when to when it goes; nothing if there is no entry. Reads all of it.
    pub(super) fn range(
        &self,
        settings: &ReadingSettings,
    ) -> Result<Option<(Timestamp, Timestamp)>, ReadError> {
        let mut range: Option<(Timestamp, Timestamp)> = None;
        for entry in TextEntries::open(self, settings, ReadingTally::shared())? {
            let at = entry?.entry.at;
            range = Some(range.map_or((at, at), |(first, _)| (first, at)));
        }
        Ok(range)
    }

    fn day_change(&self) -> DayChange {
        match self.format {
            LogFormat::Znc if self.day_of_name().is_some() => DayChange::OneDay,
            LogFormat::Irssi => DayChange::Told,
            _ => DayChange::Falling,
        }
    }

    /// The day on which the log begins, if it can be known before its first line is read.
    fn start(&self, settings: &ReadingSettings) -> Result<TimelineStart, ReadError> {
        let day = self.first_day.or_else(|| self.day_of_name());
        let day = if day.is_none() && self.needs_day(settings)? {
            first_day(self.written(settings)?)
        } else {
            day
        };
        Ok(TimelineStart { day, change: self.day_change() })
    }

    /// Whether an entry of which the day is not known stands before the first line that names one.
    fn needs_day(&self, settings: &ReadingSettings) -> Result<bool, ReadError> {
        let telling = |line| match line {
            WrittenLine::Entry { time: WrittenTime::Local { date, .. }, .. }
            | WrittenLine::Several { time: WrittenTime::Local { date, .. }, .. } => {
                Some(!matches!(date, WrittenDate::Full(_)))
            }
            WrittenLine::Entry { .. } | WrittenLine::Several { .. } | WrittenLine::Day { .. } => {
                Some(false)
            }
            _ => None,
        };
        Ok(self.written(settings)?.find_map(telling).unwrap_or(false))
    }

    /// Its lines as they are written, to its end or to where it cannot be read.
    fn written(
        &self,
        settings: &ReadingSettings,
    ) -> Result<impl Iterator<Item = WrittenLine>, ReadError> {
        let mut lines = open(&self.path, settings)?;
        let mut parser = LineParser::new(self.format, &settings.parser);
        Ok(std::iter::from_fn(move || {
            let (_, line) = lines.next_line().ok()??;
            Some(parser.parse(&line))
        }))
    }
}

fn open(path: &Path, settings: &ReadingSettings) -> Result<LogLines, ReadError> {
    files::open_lines(path, settings.charset)
        .map_err(|error| ReadError::Unreadable { path: path.to_owned(), error })
}

/// The entries of one file, in the order of its lines; their times do not fall. What the client told its user is left out.
/// An error is the end.
pub(super) struct TextEntries {
    path: PathBuf,
    lines: LogLines,
    parser: LineParser,
    timeline: Timeline,
    /// What else the last line tells, and its number.
    waiting: VecDeque<(u64, WrittenLine)>,
    tally: Arc<ReadingTally>,
    /// How many of the lines' bytes the tally has.
    tallied: u64,
    messages: u64,
    range: Option<(Timestamp, Timestamp)>,
    is_ended: bool,
}

/// After how many bytes the tally is told.
const TALLY_STEP: u64 = 64 << 10;

impl TextEntries {
    pub(super) fn open(
        log: &TextLog,
        settings: &ReadingSettings,
        tally: Arc<ReadingTally>,
    ) -> Result<Self, ReadError> {
        Ok(Self {
            path: log.path.clone(),
            lines: open(&log.path, settings)?,
            parser: LineParser::new(log.format, &settings.parser),
            timeline: Timeline::new(log.zone.clone(), log.start(settings)?),
            waiting: VecDeque::new(),
            tally,
            tallied: 0,
            messages: 0,
            range: None,
            is_ended: false,
        })
    }

    /// The next entry; nothing at the end.
    fn read(&mut self) -> Result<Option<TimedEntry>, ReadError> {
        loop {
            let (number, written) = match self.waiting.pop_front() {
                Some(waiting) => waiting,
                None => match self.next_written()? {
                    None => return Ok(None),
                    Some((number, WrittenLine::Several { time, events })) => {
                        let entry = |event| (number, WrittenLine::Entry { time, event });
                        self.waiting.extend(events.into_iter().map(entry));
                        continue;
                    }
                    Some(next) => next,
                },
            };
            let entry = self.timeline.resolve(written).map_err(|error| ReadError::Time {
                path: self.path.clone(),
                line: number,
                error,
            })?;
            if let Some(timed) = entry {
                let entry = &timed.entry;
                self.messages += u64::from(matches!(entry.event, LogEvent::Message { .. }));
                let first = self.range.map_or(entry.at, |(first, _)| first);
                self.range = Some((first, entry.at));
                return Ok(Some(timed));
            }
        }
    }

    /// The next line and its number, but for what the client told its user; nothing at the end.
    fn next_written(&mut self) -> Result<Option<(u64, WrittenLine)>, ReadError> {
        loop {
            let unreadable = |error| ReadError::Unreadable { path: self.path.clone(), error };
            let Some((number, line)) = self.lines.next_line().map_err(unreadable)? else {
                return Ok(None);
            };
            let written = self.parser.parse(&line);
            match &written {
                WrittenLine::Unknown => self.tally.add_unknown(&self.path, number, &line),
                WrittenLine::Entry { event: LogEvent::Client(_), .. } => continue,
                _ => {}
            }
            let bytes = self.lines.bytes_read();
            if bytes - self.tallied >= TALLY_STEP {
                self.tally.add_bytes(bytes - self.tallied);
                self.tallied = bytes;
            }
            return Ok(Some((number, written)));
        }
    }

    fn end(&mut self) {
        self.is_ended = true;
        self.tally.add_bytes(self.lines.bytes_read() - self.tallied);
        let path = self.path.clone();
        let log = ReadLog { path, messages: self.messages, range: self.range };
        self.tally.change(|report| {
            report.files.push(log);
            report.cut_lines += self.lines.cut_lines();
            report.recoded_lines += self.lines.recoded_lines();
            report.doubtful_lines += self.parser.doubtful_lines();
            if let Some((count, name)) = self.timeline.foreign_zones() {
                report.foreign_zones += count;
                let first = || (self.path.clone(), name.as_str().to_owned());
                report.first_foreign_zone.get_or_insert_with(first);
            }
        });
    }
}

impl Iterator for TextEntries {
    type Item = Result<TimedEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_ended {
            return None;
        }
        let entry = self.read().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.end();
        }
        entry
    }
}
