//! What public links point at: files and long messages, and their ids.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Message, ObjectId, ObjectIdError};

/// The target of a public link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkTarget {
    /// A file on Let's Chat.
    File(FileId),
    /// A message too long for the channel, stored in the ledger.
    Paste(PasteId),
}

/// The id of a file on Let's Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub ObjectId);

impl FromStr for FileId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, ObjectIdError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a message in the ledger by its time and content. It is stable across restarts and unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasteId {
    /// When it was sent, in milliseconds since 1970; locates it in the ledger.
    pub sent_at_ms: i64,
    /// A digest of the message, to tell it from others of the same time.
    pub digest: [u8; 8],
}

impl PasteId {
    /// The id of `message`.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let sent_at = message.sent_at.as_millisecond();
        let mut digest = Sha256::new();
        digest.update(sent_at.to_be_bytes());
        digest.update(&message.body);
        let mut first = [0; 8];
        first.copy_from_slice(&digest.finalize()[..8]);
        Self { sent_at_ms: sent_at, digest: first }
    }

    /// When it was sent.
    #[must_use]
    pub fn sent_at(self) -> Timestamp {
        Timestamp::from_millisecond(self.sent_at_ms).unwrap_or_default()
    }
}
