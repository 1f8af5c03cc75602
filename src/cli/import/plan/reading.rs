//! Reads the logs, for what they show of people and channels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::arguments::PlanSettings;
use super::survey::{FoundChannel, LogSurvey};
use crate::cli::import::progress::progress_bar;
use crate::cli::table::printable;
use crate::domain::{LogEntry, LogEvent};
use crate::migrate::closed::closes_channel;
use crate::migrate::people::NickSightings;
use crate::migrate::reading::{ChannelReader, ChannelSources, ReadError, ReadingReport};

/// How the bar looks.
const PERCENT_AND_LOG: &str = "{bar:30} {percent:>3} % of {total_bytes}, {eta} left  {wide_msg}";

/// After how many entries Ctrl-C is looked for.
const ENTRIES_BETWEEN_LOOKS: u64 = 1_024;

/// How many nicks of a channel are kept: the participants of its room are proposed by them.
const MAX_SPEAKERS: usize = 4_096;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct ReadOutcome {
    /// By the key of the survey.
    pub(super) channels: BTreeMap<(String, String), ReadChannel>,
    /// What went wrong.
    pub(super) warnings: Vec<String>,
}

/// How many messages a file has, and of when the first and the last are.
pub(super) type FileContent = (u64, Option<(Timestamp, Timestamp)>);

/// What was read of a channel.
#[derive(Debug, Default)]
pub(super) struct ReadChannel {
    /// How many messages there are, each counted once.
    pub(super) messages: u64,
    pub(super) said: Option<(Timestamp, Timestamp)>,
    pub(super) report: ReadingReport,
    /// Where reading ended, if that was not the end.
    pub(super) failures: Vec<String>,
    /// Whether only those who were invited or knew a key could be there at some time.
    pub(super) was_closed: bool,
    /// The nicks of those who spoke, of some thousands at most.
    pub(super) speakers: BTreeSet<String>,
    /// How many entries there are, messages and others.
    entries: u64,
}

/// Reads all channels; `None` if it was interrupted.
pub(super) fn read_channels(
    survey: &LogSurvey,
    settings: &PlanSettings,
    sightings: &mut NickSightings,
    interrupted: &AtomicBool,
) -> Option<ReadOutcome> {
    let bar = progress_bar(survey.bytes(), PERCENT_AND_LOG);
    let mut outcome = ReadOutcome::default();
    let mut before = 0;
    for (key, channel) in &survey.channels {
        bar.set_message(printable(&format!("{}/{}", channel.network, channel.channel)));
        let told = bar.clone();
        let progress = move |bytes: u64| told.set_position(before + bytes);
        let Some(read) = read_channel(channel, settings, sightings, (interrupted, progress)) else {
            bar.finish_and_clear();
            return None;
        };
        outcome.warnings.extend(read.failures.iter().map(|why| {
            let (network, channel) = (&channel.network, &channel.channel);
            format!("{network}/{channel}: not read to the end: {why}. The plan has a note of it")
        }));
        before += channel.files.iter().map(|(_, size)| size).sum::<u64>();
        bar.set_position(before);
        outcome.channels.insert(key.clone(), read);
    }
    bar.finish_and_clear();
    Some(outcome)
}

/// Reads a channel as far as that is possible; `None` if it was interrupted.
fn read_channel(
    channel: &FoundChannel,
    settings: &PlanSettings,
    sightings: &mut NickSightings,
    (interrupted, progress): (&AtomicBool, impl Fn(u64) + Clone + Send + 'static),
) -> Option<ReadChannel> {
    let mut sources = ChannelSources {
        network: channel.network.clone(),
        channel: channel.channel.clone(),
        is_private: channel.is_private,
        files: channel.files.iter().map(|(file, _)| file.clone()).collect(),
    };
    let mut failures = Vec::new();
    loop {
        let told = progress.clone();
        let (mut read, failure) = read_sources(&sources, settings, sightings, (interrupted, told))?;
        let Some(failure) = failure else {
            read.failures = failures;
            return Some(read);
        };
        failures.push(failure.to_string());
        // A log of which nothing can be read must not keep the others from being read.
        let left = sources.files.len();
        if let ReadError::Time { path, .. } | ReadError::Unreadable { path, .. } = &failure
            && read.entries == 0
        {
            sources.files.retain(|file| file.path != *path);
        }
        if sources.files.len() == left || sources.files.is_empty() {
            read.failures = failures;
            return Some(read);
        }
    }
}

/// Reads logs to the end, or to the first error; `None` if it was interrupted.
fn read_sources(
    sources: &ChannelSources,
    settings: &PlanSettings,
    sightings: &mut NickSightings,
    (interrupted, progress): (&AtomicBool, impl Fn(u64) + Send + 'static),
) -> Option<(ReadChannel, Option<ReadError>)> {
    let mut read = ReadChannel::default();
    let reader = match ChannelReader::open(sources, &settings.reading) {
        Ok(reader) => reader,
        Err(error) => return Some((read, Some(error))),
    };
    let mut reader = reader.with_progress(move |now| progress(now.bytes));
    let mut seen = sightings.channel(&sources.network);
    let mut failure = None;
    for entry in reader.by_ref() {
        match entry {
            Ok(entry) => {
                seen.read(&entry);
                read.count(&entry);
            }
            Err(error) => failure = Some(error),
        }
        let is_time_to_look = read.entries.is_multiple_of(ENTRIES_BETWEEN_LOOKS);
        if is_time_to_look && interrupted.load(Ordering::Relaxed) {
            return None;
        }
    }
    seen.finish();
    read.report = reader.report();
    (!interrupted.load(Ordering::Relaxed)).then_some((read, failure))
}

impl ReadChannel {
    fn count(&mut self, entry: &LogEntry) {
        self.entries += 1;
        match &entry.event {
            LogEvent::Message { by, .. } => {
                self.messages += 1;
                self.said = Some((self.said.map_or(entry.at, |it| it.0), entry.at));
                if self.speakers.len() < MAX_SPEAKERS && !self.speakers.contains(&by.nick) {
                    self.speakers.insert(by.nick.clone());
                }
            }
            LogEvent::Mode { change, .. } => self.was_closed |= closes_channel(change),
            _ => {}
        }
    }

    /// How many messages were in more than one log.
    pub(super) fn repeated(&self) -> u64 {
        let written: u64 = self.report.files.iter().map(|log| log.messages).sum();
        written.saturating_sub(self.messages)
    }

    /// What is known of each file.
    pub(super) fn files(&self) -> BTreeMap<&Path, FileContent> {
        let mut files: BTreeMap<&Path, FileContent> = BTreeMap::new();
        for log in &self.report.files {
            let (messages, range) = files.entry(&log.path).or_default();
            *messages += log.messages;
            *range = match (*range, log.range) {
                (Some((first, last)), Some(other)) => Some((first.min(other.0), last.max(other.1))),
                (one, other) => one.or(other),
            };
        }
        files
    }

    /// The first line that is of no known form.
    pub(super) fn first_unknown(&self) -> Option<&(PathBuf, u64, String)> {
        self.report.first_unknown.as_ref()
    }
}
