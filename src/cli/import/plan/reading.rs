//! Reads the logs, for what they show of people and channels.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::arguments::PlanSettings;
use super::partial::{ChannelFacts, PartialPlan, SourcesKey};
use super::read_channel::ReadChannel;
use super::survey::{FoundChannel, LogSurvey};
use crate::cli::import::progress::progress_bar;
use crate::cli::table::printable;
use crate::migrate::people::{ChannelPeople, ChannelSightings, NickSightings};
use crate::migrate::reading::{ChannelReader, ChannelSources, ReadError};

/// How the bar looks.
const PERCENT_AND_LOG: &str = "{bar:30} {percent:>3} % of {total_bytes}, {eta} left  {wide_msg}";

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

/// A channel that is to be read.
type WantedChannel = (ChannelSources, Option<SourcesKey>);

/// Reads all channels.
pub(super) struct PlanReading<'s> {
    survey: &'s LogSurvey,
    settings: &'s PlanSettings,
    /// In the order of the survey.
    wanted: Vec<WantedChannel>,
    partial: PartialPlan,
    /// How many logs were read to their end so far, now or by an earlier run.
    done: usize,
}

impl<'s> PlanReading<'s> {
    /// Looks for what an earlier run has read, and says it.
    pub(super) fn begin(survey: &'s LogSurvey, settings: &'s PlanSettings, out: &Path) -> Self {
        // How the logs are now: what is written into them from now on is read the next time.
        let wanted = survey.channels.values().map(|channel| {
            let sources = sources_of(channel);
            let key = SourcesKey::of(&sources, &settings.reading);
            (sources, key)
        });
        let wanted: Vec<WantedChannel> = wanted.collect();
        let keys: HashSet<SourcesKey> = wanted.iter().filter_map(|it| it.1.clone()).collect();
        let partial = PartialPlan::open(out, &keys);
        partial.doubts.iter().for_each(|doubt| eprintln!("{doubt}"));
        let is_read = |it: &&WantedChannel| it.1.as_ref().is_some_and(|key| partial.has(key));
        let before: usize = wanted.iter().filter(is_read).map(|it| it.0.files.len()).sum();
        if before > 0 {
            eprintln!("{before} of {} logs were read before, and are taken over", survey.logs());
        }
        Self { survey, settings, wanted, partial, done: 0 }
    }

    /// Reads what was not read before; `None` if it was interrupted.
    pub(super) fn read(
        &mut self,
        sightings: &mut NickSightings,
        interrupted: &AtomicBool,
    ) -> Option<ReadOutcome> {
        let bar = progress_bar(self.survey.bytes(), PERCENT_AND_LOG);
        let mut outcome = ReadOutcome::default();
        let mut before = 0;
        let channels = self.survey.channels.iter().zip(std::mem::take(&mut self.wanted));
        for ((key, channel), (sources, sources_key)) in channels {
            bar.set_message(printable(&format!("{}/{}", channel.network, channel.channel)));
            let told = bar.clone();
            let progress = move |bytes: u64| told.set_position(before + bytes);
            before += channel.files.iter().map(|(_, size)| size).sum::<u64>();
            let taken = sources_key.as_ref().and_then(|key| self.partial.take(key));
            let facts = if let Some(taken) = taken {
                bar.set_position(before);
                // It says nothing of how fast reading is.
                bar.reset_eta();
                taken
            } else if let Some(facts) =
                read_channel(sources, self.settings, (interrupted, progress))
            {
                let whole = sources_key.filter(|_| facts.read.failures.is_empty());
                if let Some(key) = whole {
                    bar.suspend(|| self.partial.keep(&key, &facts));
                }
                facts
            } else {
                bar.finish_and_clear();
                return None;
            };
            let ChannelFacts { read, people } = facts;
            sightings.add(&channel.network, people);
            outcome.warnings.extend(read.failures.iter().map(|why| {
                let (network, channel) = (&channel.network, &channel.channel);
                format!(
                    "{network}/{channel}: not read to the end: {why}. The plan has a note of it"
                )
            }));
            self.done += channel.files.len();
            bar.set_position(before);
            outcome.channels.insert(key.clone(), read);
        }
        bar.finish_and_clear();
        Some(outcome)
    }

    /// How far it is for the next run, if there is something to go on with.
    pub(super) fn progress_text(&self) -> Option<String> {
        let is_kept = self.partial.is_there() && self.done > 0;
        is_kept.then(|| {
            let (done, all) = (self.done, self.survey.logs());
            format!("{done} of {all} logs are read: run the same command again to go on")
        })
    }

    /// The plan is written.
    pub(super) fn finish(self) {
        self.partial.remove();
    }
}

fn sources_of(channel: &FoundChannel) -> ChannelSources {
    ChannelSources {
        network: channel.network.clone(),
        channel: channel.channel.clone(),
        is_private: channel.is_private,
        files: channel.files.iter().map(|(file, _)| file.clone()).collect(),
    }
}

/// Reads a channel as far as that is possible; `None` if it was interrupted.
fn read_channel(
    mut sources: ChannelSources,
    settings: &PlanSettings,
    (interrupted, progress): (&AtomicBool, impl Fn(u64) + Clone + Send + 'static),
) -> Option<ChannelFacts> {
    let mut failures = Vec::new();
    loop {
        let told = progress.clone();
        let (mut facts, failure) = read_sources(&sources, settings, (interrupted, told))?;
        let Some(failure) = failure else {
            facts.read.failures = failures;
            return Some(facts);
        };
        failures.push(failure.to_string());
        // A log of which nothing can be read must not keep the others from being read.
        let left = sources.files.len();
        if let ReadError::Time { path, .. } | ReadError::Unreadable { path, .. } = &failure
            && facts.read.entries == 0
        {
            sources.files.retain(|file| file.path != *path);
        }
        if sources.files.len() == left || sources.files.is_empty() {
            facts.read.failures = failures;
            return Some(facts);
        }
    }
}

/// Reads logs to the end, or to the first error; `None` if it was interrupted.
fn read_sources(
    sources: &ChannelSources,
    settings: &PlanSettings,
    (interrupted, progress): (&AtomicBool, impl Fn(u64) + Send + 'static),
) -> Option<(ChannelFacts, Option<ReadError>)> {
    let mut read = ReadChannel::default();
    let reader = match ChannelReader::open(sources, &settings.reading) {
        Ok(reader) => reader,
        Err(error) => {
            return Some((ChannelFacts { read, people: ChannelPeople::default() }, Some(error)));
        }
    };
    let mut reader = reader.with_progress(move |now| progress(now.bytes));
    let mut seen = ChannelSightings::new();
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
    read.report = reader.report();
    let facts = ChannelFacts { read, people: seen.finish() };
    (!interrupted.load(Ordering::Relaxed)).then_some((facts, failure))
}
