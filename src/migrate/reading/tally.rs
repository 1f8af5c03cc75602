//! How far reading is, and what was odd on the way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ReadError;

/// What was odd in the logs of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingReport {
    /// How many lines are not of their log's format, and were passed over.
    pub unknown_lines: u64,
    /// The first of these: its file, its number from 1, and how it begins.
    pub first_unknown: Option<(PathBuf, u64, String)>,
    /// How many lines were so long that they were cut.
    pub cut_lines: u64,
    /// How many lines were not UTF-8.
    pub recoded_lines: u64,
    /// How many lines could be either an event or an action.
    pub doubtful_lines: u64,
    /// The logs that have been read to their end; a database once for each of its users.
    pub files: Vec<ReadLog>,
    /// How many times name another zone than that in which they are read.
    pub foreign_zones: u64,
    /// The first of these in the first log that has any: its file, and the name.
    pub first_foreign_zone: Option<(PathBuf, String)>,
    /// How many rows of databases could not be read.
    pub bad_rows: u64,
    /// The first of these.
    pub first_bad_row: Option<String>,
}

/// What was in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadLog {
    /// The file.
    pub path: PathBuf,
    /// How many messages are in it.
    pub messages: u64,
    /// When something happened, first and last.
    pub range: Option<(Timestamp, Timestamp)>,
}

/// How many characters of an unknown line are told.
const TOLD: usize = 120;

/// What the readers of one channel share.
#[derive(Debug, Default)]
pub(super) struct ReadingTally {
    bytes: AtomicU64,
    report: Mutex<ReadingReport>,
    failure: Mutex<Option<ReadError>>,
}

impl ReadingTally {
    pub(super) fn shared() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add_unknown(&self, path: &Path, number: u64, line: &str) {
        self.change(|report| {
            report.unknown_lines += 1;
            report.first_unknown.get_or_insert_with(|| {
                (path.to_owned(), number, line.chars().take(TOLD).collect())
            });
        });
    }

    pub(super) fn add_bad_row(&self, error: &ReadError) {
        self.change(|report| {
            report.bad_rows += 1;
            report.first_bad_row.get_or_insert_with(|| error.to_string());
        });
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut ReadingReport)) {
        change(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn report(&self) -> ReadingReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why reading cannot go on; the first reason counts.
    pub(super) fn fail(&self, error: ReadError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn take_failure(&self) -> Option<ReadError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
