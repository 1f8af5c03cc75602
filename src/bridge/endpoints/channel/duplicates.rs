//! Recognises equal lines of a channel, and where the next page of its history may start.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::protocol::irc::IncomingMessage;

/// Counts equal lines: same author, text and second. A line has an ordinal only if there are several.
#[derive(Debug, Default)]
pub struct DuplicateCounter {
    second: i64,
    counts: HashMap<i64, u32>,
}

impl DuplicateCounter {
    /// The ordinal of a line sent at `time` with this fingerprint.
    pub fn next_ordinal(&mut self, time: Timestamp, fingerprint: i64) -> u32 {
        if time.as_second() != self.second {
            self.second = time.as_second();
            self.counts.clear();
        }
        let number = self.counts.entry(fingerprint).or_insert(0);
        *number += 1;
        *number
    }
}

/// Identifies a line sent at `time` if it has no msgid, or not always.
#[must_use]
pub fn fingerprint(message: &IncomingMessage, time: Timestamp) -> i64 {
    let IncomingMessage { author, kind, text, .. } = message;
    let nick = &author.name;
    let digest = Sha256::digest(format!("{} {nick} {kind:?} {text}", time.as_second()));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

/// The times after which the next page may start, the best first, when the newest line of this one is from
/// `newest`. More lines may share that time, and some servers store whole seconds only.
#[must_use]
pub fn next_page_starts(newest: Timestamp) -> [Timestamp; 3] {
    [just_before(floor_to_second(newest)), just_before(newest), newest]
}

/// The moment before `time`: everything after it was sent at `time` or later.
pub(in crate::bridge) fn just_before(time: Timestamp) -> Timestamp {
    time - SignedDuration::from_millis(1)
}

/// `time`, rounded down to the second.
pub(in crate::bridge) fn floor_to_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
