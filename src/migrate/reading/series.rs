//! The files of one writer, one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::error::ReadError;
use super::sources::ReadingSettings;
use super::tally::ReadingTally;
use super::text::{TextEntries, TextLog};
use crate::migrate::formats;
use crate::migrate::formats::LogFormat;
use crate::migrate::times::TimedEntry;

/// What the files of one writer have in common: whose they are, where they are, and their format.
type WriterKey = (Option<String>, PathBuf, LogFormat);

/// Puts files of one writer that follow each other into one series: those with a day in their names by that, others by their
/// first and last lines. Files that overlap are series of their own.
pub(super) fn series_of(
    logs: Vec<(Option<String>, TextLog)>,
    settings: &ReadingSettings,
) -> Result<Vec<Vec<TextLog>>, ReadError> {
    let mut writers: BTreeMap<WriterKey, Vec<TextLog>> = BTreeMap::new();
    for (owner, log) in logs {
        let folder = formats::folder_of_writer(&log.path);
        writers.entry((owner, folder, log.format)).or_default().push(log);
    }
    let mut series = Vec::new();
    for logs in writers.into_values() {
        series.extend(arranged(logs, settings)?);
    }
    Ok(series)
}

/// From when to when a file goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FileSpan {
    Day(Date),
    Times(Timestamp, Timestamp),
}

fn arranged(
    logs: Vec<TextLog>,
    settings: &ReadingSettings,
) -> Result<Vec<Vec<TextLog>>, ReadError> {
    if logs.len() == 1 {
        return Ok(vec![logs]);
    }
    let mut spans = Vec::new();
    for log in logs {
        let span = match log.day_of_name() {
            Some(day) => FileSpan::Day(day),
            None => match log.range(settings)? {
                Some((first, last)) => FileSpan::Times(first, last),
                None => continue,
            },
        };
        spans.push((span, log));
    }
    spans.sort_by(|one, other| (one.0, &one.1.path).cmp(&(other.0, &other.1.path)));
    let mut series: Vec<(FileSpan, Vec<TextLog>)> = Vec::new();
    for (span, log) in spans {
        match series.iter_mut().find(|(before, _)| follows(*before, span)) {
            Some((last, logs)) => {
                *last = span;
                logs.push(log);
            }
            None => series.push((span, vec![log])),
        }
    }
    Ok(series.into_iter().map(|(_, logs)| logs).collect())
}

/// Whether a file can be read behind another of the same writer.
fn follows(before: FileSpan, span: FileSpan) -> bool {
    match (before, span) {
        (FileSpan::Day(before), FileSpan::Day(day)) => day > before,
        (FileSpan::Times(_, last), FileSpan::Times(first, _)) => first > last,
        _ => false,
    }
}

/// The entries of a series. Only one of its files is open at a time. An error is the end.
pub(super) struct SeriesEntries {
    logs: VecDeque<TextLog>,
    current: Option<TextEntries>,
    settings: Arc<ReadingSettings>,
    tally: Arc<ReadingTally>,
}

impl SeriesEntries {
    pub(super) fn new(
        logs: Vec<TextLog>,
        settings: &Arc<ReadingSettings>,
        tally: &Arc<ReadingTally>,
    ) -> Self {
        let (settings, tally) = (Arc::clone(settings), Arc::clone(tally));
        Self { logs: logs.into(), current: None, settings, tally }
    }
}

impl Iterator for SeriesEntries {
    type Item = Result<TimedEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.current.as_mut().and_then(Iterator::next) {
                return Some(entry);
            }
            let log = self.logs.pop_front()?;
            match TextEntries::open(&log, &self.settings, Arc::clone(&self.tally)) {
                Ok(entries) => self.current = Some(entries),
                Err(error) => {
                    self.logs.clear();
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
