//! What was read of a channel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{LogEntry, LogEvent};
use crate::migrate::closed::closes_channel;
use crate::migrate::reading::ReadingReport;

/// How many nicks of a channel are kept: the participants of its room are proposed by them.
const MAX_SPEAKERS: usize = 4_096;

/// How many messages a file has, and of when the first and the last are.
pub(super) type FileContent = (u64, Option<(Timestamp, Timestamp)>);

/// What was read of a channel.
#[derive(Debug, Default, Serialize, Deserialize)]
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
    pub(super) entries: u64,
}

impl ReadChannel {
    pub(super) fn count(&mut self, entry: &LogEntry) {
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
