//! The entries of a channel in another program's database.

use std::path::Path;
use std::sync::Arc;

use super::error::ReadError;
use super::sources::ReadingSettings;
use super::tally::{ReadLog, ReadingTally};
use crate::domain::{LogEntry, LogEvent, LogPrecision};
use crate::migrate::times::TimedEntry;
use crate::store::{ForeignChannel, ForeignEntries, ForeignLog};

/// What happened in one channel, as one user of the program has it. An error is the end.
pub(super) struct DatabaseEntries {
    entries: ForeignEntries,
    tally: Arc<ReadingTally>,
    /// How many bytes of the file an entry stands for.
    bytes: u64,
    log: ReadLog,
    is_ended: bool,
}

impl DatabaseEntries {
    /// Opens the logs of a channel: one for each user of the program.
    pub(super) fn open(
        path: &Path,
        (network, channel): (&str, &str),
        settings: &ReadingSettings,
        (tally, bytes): (&Arc<ReadingTally>, u64),
    ) -> Result<Vec<Self>, ReadError> {
        let log = ForeignLog::open(path)?;
        let log = match settings.charset {
            Some(charset) => log.with_encoding(charset),
            None => log,
        };
        let channels = log.channels()?;
        let is_asked = |it: &&ForeignChannel| it.network == network && it.name == channel;
        let asked: Vec<_> = channels.iter().filter(is_asked).collect();
        if asked.is_empty() {
            return Err(ReadError::NoSuchChannel {
                path: path.to_owned(),
                network: network.to_owned(),
                channel: channel.to_owned(),
            });
        }
        if asked.iter().any(|it| it.is_private) && !settings.may_be_private {
            let (network, channel) = (network.to_owned(), channel.to_owned());
            return Err(ReadError::Private { network, channel });
        }
        let rows: u64 = asked.iter().map(|it| it.count).sum();
        let open = |channel: &ForeignChannel| {
            Ok(Self {
                entries: log.entries(channel, None)?,
                tally: Arc::clone(tally),
                bytes: bytes / rows.max(1),
                log: ReadLog { path: path.to_owned(), messages: 0, range: None },
                is_ended: false,
            })
        };
        asked.into_iter().map(open).collect()
    }

    fn read(&mut self) -> Result<Option<TimedEntry>, ReadError> {
        loop {
            match self.entries.next() {
                None => return Ok(None),
                Some(Ok((_, _, LogEvent::Client(_)))) => {}
                Some(Ok((_, at, event))) => {
                    self.tally.add_bytes(self.bytes);
                    self.log.messages += u64::from(matches!(event, LogEvent::Message { .. }));
                    self.log.range = Some((self.log.range.map_or(at, |(first, _)| first), at));
                    let precision = LogPrecision::Exact;
                    return Ok(Some(LogEntry { at, precision, event }.into()));
                }
                Some(Err(error)) if error.is_of_one_row() => {
                    self.tally.add_bad_row(&ReadError::from(error));
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}

impl Iterator for DatabaseEntries {
    type Item = Result<TimedEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_ended {
            return None;
        }
        let entry = self.read().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.is_ended = true;
            self.tally.change(|report| report.files.push(self.log.clone()));
        }
        entry
    }
}
