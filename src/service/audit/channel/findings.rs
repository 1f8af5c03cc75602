//! What can be found in a channel.

use jiff::Timestamp;

use crate::domain::{DeliveryId, Endpoint};
use crate::service::audit::{Troubles, Unread};

/// One channel, and what was found in it.
#[derive(Debug)]
pub struct ChannelAudit {
    /// The channel.
    pub channel: Endpoint,
    /// What was found, or why nothing could be.
    pub found: Result<Findings, String>,
}

/// What was found in a channel.
#[derive(Debug)]
pub struct Findings {
    /// From when on the channel and the ledger were compared.
    pub since: Timestamp,
    /// From when on the server keeps what was said, if that is later.
    pub kept_since: Option<Timestamp>,
    /// Messages of others that were heard, and mirrored nowhere.
    pub left_out: u64,
    /// What the lines have shown.
    pub lines: Lines,
}

/// What the lines of a channel have shown.
#[derive(Debug, Default)]
pub struct Lines {
    /// Deliveries that are in the channel.
    pub said: u64,
    /// Lines of others that are in the ledger.
    pub heard: u64,
    /// Deliveries that the ledger says arrived and that are not in the channel, or not whole.
    pub lost: Troubles<Lost>,
    /// Lines that the ledger should know and does not.
    pub unheard: Troubles<Unheard>,
    /// Lines of ours that say again what another says, and do not say so.
    pub repeated: Troubles<Twin>,
    /// Deliveries that overtook others.
    pub misplaced: Troubles<Misplaced>,
    /// Lines of others that were heard in another order than that of the channel.
    pub misheard: Troubles<Misheard>,
    /// Lines of ours that say again what another may have said, and say so: nobody could be asked.
    pub again: Troubles<Twin>,
    /// Lines that the bridge has still to hear.
    pub unread: Unread,
    /// Deliveries from before what the server keeps.
    pub no_longer_kept: u64,
}

impl Findings {
    /// How many messages are missing on either side.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.lines.lost.count + self.lines.unheard.count
    }

    /// How many stand in another order on one side than on the other.
    #[must_use]
    pub fn out_of_order(&self) -> u64 {
        self.lines.misplaced.count + self.lines.misheard.count
    }

    /// Whether nothing is missing, repeated or out of order.
    #[must_use]
    pub fn well(&self) -> bool {
        self.missing() + self.lines.repeated.count + self.out_of_order() == 0
    }
}

/// What the server knows a line by, if it told.
pub type LineId = Option<String>;

/// A delivery that is not in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The delivery.
    pub ticket: DeliveryId,
    /// What the server called its last line.
    pub line: LineId,
    /// When its arrival was noted.
    pub settled: Timestamp,
    /// Some of its lines are there.
    pub partly: bool,
}

/// A line that the ledger should know and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// The line.
    pub line: LineId,
    /// When it was said.
    pub said: Timestamp,
    /// Who said it.
    pub author: String,
}

/// A line of ours that says again what another says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The line.
    pub line: LineId,
    /// When it was said.
    pub said: Timestamp,
    /// The other.
    pub of: LineId,
}

/// A delivery that stands in the channel behind one that was heard after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The delivery.
    pub ticket: DeliveryId,
    /// Its last line.
    pub line: LineId,
    /// When that was said.
    pub said: Timestamp,
    /// The later delivery that stands before it.
    pub behind: DeliveryId,
}

/// A line of somebody that was heard before one that stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misheard {
    /// The line.
    pub line: LineId,
    /// When it was said.
    pub said: Timestamp,
    /// The line that stands before it and was heard after it.
    pub before: LineId,
}
