//! What the archive holds: lines, rooms and people, and what is asked of it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::Timestamp;

use super::words::visible;
use crate::domain::{LogPrecision, MessageKind, ObjectId, ObjectIdError};

/// The stable address of a line: its second, its millisecond, and a digest of where it comes from. Addresses rise with
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveLineId(pub ObjectId);

impl ArchiveLineId {
    /// The address of a line of this time with this digest; of the digest, the low 48 bits count.
    #[must_use]
    pub fn new(at: Timestamp, digest: u64) -> Self {
        let milliseconds = at.as_millisecond().max(0);
        let second = u32::try_from(milliseconds / 1000).unwrap_or(u32::MAX);
        let millisecond = u16::try_from(milliseconds % 1000).unwrap_or(0);
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        bytes[4..6].copy_from_slice(&millisecond.to_be_bytes());
        bytes[6..].copy_from_slice(&digest.to_be_bytes()[2..]);
        Self(ObjectId(bytes))
    }

    /// The time in it, in milliseconds since 1970.
    #[must_use]
    pub fn millisecond(self) -> i64 {
        let bytes = self.0.0;
        let second = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let millisecond = u16::from_be_bytes([bytes[4], bytes[5]]);
        i64::from(second) * 1000 + i64::from(millisecond.min(999))
    }

    /// The digest in it: 48 bits.
    #[must_use]
    pub fn digest(self) -> u64 {
        self.0.0[6..].iter().fold(0, |digest, byte| digest << 8 | u64::from(*byte))
    }
}

impl fmt::Display for ArchiveLineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ArchiveLineId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, ObjectIdError> {
        text.parse().map(Self)
    }
}

/// The number of a room in the archive, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveRoomId(pub i64);

/// The number of a person in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchivePersonId(pub i64);

/// A room with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRoom {
    /// Its number here.
    pub id: ArchiveRoomId,
    /// Its slug, as last known.
    pub slug: String,
    /// Its id in Let's Chat; `None` until the bridge has joined it.
    pub remote_id: Option<String>,
    /// The channels of which it holds lines, such as `libera/#tea`.
    pub channels: Vec<String>,
    /// When its first line was said; `None` if it has none.
    pub first: Option<Timestamp>,
    /// When its last line was said.
    pub last: Option<Timestamp>,
    /// How many lines it holds.
    pub lines: u64,
}

/// Somebody, with all names by which they speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePerson {
    /// Their number here.
    pub id: ArchivePersonId,
    /// The name by which they are shown.
    pub name: String,
    /// All names by which they speak, each once, in the order of the alphabet.
    pub names: Vec<String>,
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveLineKind {
    /// Somebody said something.
    Said(MessageKind),
    /// The topic was changed; the text is the new one.
    Topic,
    /// Something happened, such as a join; the text says what.
    Event,
}

/// Whether a line can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveLineState {
    /// It can.
    Shown,
    /// It was taken out; its text is gone.
    Redacted {
        /// When.
        at: Timestamp,
        /// By whom.
        by: String,
        /// Why, if that was said.
        reason: Option<String>,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveLine {
    /// Its stable address.
    pub id: ArchiveLineId,
    /// The room whose history it belongs to.
    pub room: ArchiveRoomId,
    /// When it was said, in milliseconds.
    pub at: Timestamp,
    /// How exactly that is known.
    pub precision: LogPrecision,
    /// Where it was said: `libera/#tea`, `letschat/tea`.
    pub place: String,
    /// Who said it, by the name used then; may be empty for an event.
    pub author: String,
    /// Who that is.
    pub person: Option<ArchivePersonId>,
    /// What kind of line it is.
    pub kind: ArchiveLineKind,
    /// What was said, with formatting codes of IRC; may have several lines. Empty if it was taken out.
    pub text: String,
    /// Whether it can be read.
    pub state: ArchiveLineState,
}

impl ArchiveLine {
    /// What was said, without formatting codes of IRC.
    #[must_use]
    pub fn plain_text(&self) -> String {
        visible(&self.text).map(|(_, letter)| letter).collect()
    }
}

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveQuery {
    /// The rooms to search. Nothing is found if it is empty.
    pub rooms: Vec<ArchiveRoomId>,
    /// Words as typed: all must occur; `"several words"` one after another; `begin*` is the beginning of a word. All else
    /// has no meaning. May be empty.
    pub words: String,
    /// Only what this person said.
    pub person: Option<ArchivePersonId>,
    /// Only lines since then.
    pub from: Option<Timestamp>,
    /// Only lines before then.
    pub to: Option<Timestamp>,
    /// Only lines before this one: the last of the page before.
    pub before: Option<ArchiveLineId>,
    /// At most this many lines; more than 1000 count as 1000.
    pub limit: usize,
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveHit {
    /// The line.
    pub line: ArchiveLine,
    /// The bytes of its text that were searched for, rising, without overlaps, at boundaries of characters.
    pub marks: Vec<Range<usize>>,
}

/// What was found, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveResults {
    /// The lines.
    pub lines: Vec<ArchiveHit>,
    /// Whether there are more before the last of them.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_line_tells_its_time_and_digest() {
        let at: Timestamp = "2016-02-03T04:05:06.789Z".parse().expect("a time");
        let id = ArchiveLineId::new(at, 0xffff_1234_5678_9abc);
        assert_eq!(id.millisecond(), at.as_millisecond());
        assert_eq!(id.digest(), 0x1234_5678_9abc);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id < ArchiveLineId::new(at + jiff::SignedDuration::from_millis(1), 0));
    }
}
