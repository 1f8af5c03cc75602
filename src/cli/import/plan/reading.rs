//! Reads the logs, for what they show of people and channels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::arguments::PlanSettings;
use super::survey::{FoundChannel, LogSurvey};
use crate::domain::{LogEntry, LogEvent};
use crate::migrate::people::Sightings;
use crate::migrate::reading::{ChannelReader, ChannelSources, ReadError, ReadingReport};

/// After how many entries Ctrl-C is looked for.
const ENTRIES_BETWEEN_LOOKS: u64 = 1_024;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct ReadOutcome {
    /// By the key of the survey.
    pub(super) channels: BTreeMap<(String, String), ReadChannel>,
    /// What went wrong.
    pub(super) warnings: Vec<String>,
}

/// What was read of a channel.
#[derive(Debug, Default)]
pub(super) struct ReadChannel {
    /// How many messages there are, each counted once.
    pub(super) messages: u64,
    pub(super) said: Option<(Timestamp, Timestamp)>,
    pub(super) report: ReadingReport,
    /// Where reading ended, if that was not the end.
    pub(super) failure: Option<String>,
}

/// Reads all channels; `None` if it was interrupted.
pub(super) fn read_channels(
    survey: &LogSurvey,
    settings: &PlanSettings,
    sightings: &mut Sightings,
    interrupted: &AtomicBool,
) -> Option<ReadOutcome> {
    let bar = progress_bar(survey.bytes());
    let mut outcome = ReadOutcome::default();
    let mut before = 0;
    for (key, channel) in &survey.channels {
        bar.set_message(format!("{}/{}", channel.network, channel.channel));
        let told = bar.clone();
        let progress = move |bytes: u64| told.set_position(before + bytes);
        let read = match read_channel(channel, settings, sightings, (interrupted, progress)) {
            Ok(Some(read)) => read,
            Ok(None) => {
                bar.finish_and_clear();
                return None;
            }
            Err(failure) => {
                let (mut read, error) = *failure;
                let why = error.to_string();
                outcome.warnings.push(format!(
                    "{}/{}: not read to its end: {why}. The plan has a note about it",
                    channel.network, channel.channel
                ));
                read.failure = Some(why);
                read
            }
        };
        before += channel.files.iter().map(|(_, size)| size).sum::<u64>();
        bar.set_position(before);
        outcome.channels.insert(key.clone(), read);
    }
    bar.finish_and_clear();
    Some(outcome)
}

/// A bar on a terminal; nothing elsewhere.
fn progress_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template(
        "{bar:30} {percent:>3} % of {total_bytes}, {eta} left  {wide_msg}",
    );
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What was read, and why no more.
type ChannelFailure = (ReadChannel, ReadError);

/// Reads a channel. `Ok(None)` if it was interrupted; what was read until then, if it cannot be read to its end.
fn read_channel(
    channel: &FoundChannel,
    settings: &PlanSettings,
    sightings: &mut Sightings,
    (interrupted, progress): (&AtomicBool, impl Fn(u64) + Send + 'static),
) -> Result<Option<ReadChannel>, Box<ChannelFailure>> {
    let sources = ChannelSources {
        network: channel.network.clone(),
        channel: channel.channel.clone(),
        is_private: channel.is_private,
        files: channel.files.iter().map(|(file, _)| file.clone()).collect(),
    };
    let mut read = ReadChannel::default();
    let reader = match ChannelReader::open(&sources, &settings.reading) {
        Ok(reader) => reader,
        Err(error) => return Err(Box::new((read, error))),
    };
    let mut reader = reader.with_progress(move |now| progress(now.bytes));
    let mut seen = sightings.channel(&channel.network);
    let mut count = 0_u64;
    let mut failure = None;
    for entry in reader.by_ref() {
        match entry {
            Ok(entry) => {
                seen.read(&entry);
                read.count(&entry);
            }
            Err(error) => failure = Some(error),
        }
        count += 1;
        if count.is_multiple_of(ENTRIES_BETWEEN_LOOKS) && interrupted.load(Ordering::Relaxed) {
            return Ok(None);
        }
    }
    seen.finish();
    read.report = reader.report();
    if interrupted.load(Ordering::Relaxed) {
        return Ok(None);
    }
    match failure {
        Some(error) => Err(Box::new((read, error))),
        None => Ok(Some(read)),
    }
}

impl ReadChannel {
    fn count(&mut self, entry: &LogEntry) {
        if matches!(entry.event, LogEvent::Message { .. }) {
            self.messages += 1;
            self.said = Some((self.said.map_or(entry.at, |it| it.0), entry.at));
        }
    }

    /// How many messages were in more than one log of text.
    pub(super) fn repeated(&self) -> u64 {
        let written: u64 = self.report.files.iter().map(|log| log.messages).sum();
        written.saturating_sub(self.messages)
    }

    /// What is known of a file.
    pub(super) fn files(&self) -> BTreeMap<&Path, (u64, Option<(Timestamp, Timestamp)>)> {
        self.report
            .files
            .iter()
            .map(|log| (log.path.as_path(), (log.messages, log.range)))
            .collect()
    }

    /// The first line that is of no known form.
    pub(super) fn first_unknown(&self) -> Option<&(PathBuf, u64, String)> {
        self.report.first_unknown.as_ref()
    }
}
