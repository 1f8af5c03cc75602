//! What can be found in a channel.

use jiff::Timestamp;

use crate::domain::{DeliveryId, Endpoint};
use crate::service::audit::{Problems, Unread};

/// One channel, and what was found in it.
#[derive(Debug)]
pub struct ChannelAudit {
    /// The channel.
    pub channel: Endpoint,
    /// What was found, or why nothing could be.
    pub result: Result<ChannelFindings, String>,
}

/// What was found in a channel.
#[derive(Debug)]
pub struct ChannelFindings {
    /// From when on the channel and the ledger were compared.
    pub since: Timestamp,
    /// From when on the server keeps what was said, if that is later.
    pub kept_since: Option<Timestamp>,
    /// Messages of others that were heard, and mirrored nowhere.
    pub skipped: u64,
    /// What the lines have shown.
    pub lines: LineFindings,
}

/// What the lines of a channel have shown.
#[derive(Debug, Default)]
pub struct LineFindings {
    /// Deliveries that are in the channel.
    pub delivered: u64,
    /// Lines of others that are in the ledger.
    pub recorded: u64,
    /// Deliveries that the ledger says arrived and that are not in the channel, or not whole.
    pub missing: Problems<MissingLine>,
    /// Lines that the ledger should know and does not.
    pub unrecorded: Problems<UnrecordedLine>,
    /// Lines of ours that say again what another says, and do not say so.
    pub duplicates: Problems<DuplicateLine>,
    /// Deliveries that overtook others.
    pub out_of_order: Problems<OutOfOrderLine>,
    /// Lines of others that were heard in another order than that of the channel.
    pub recorded_out_of_order: Problems<RecordedOutOfOrderLine>,
    /// Lines of ours that say again what another may have said, and say so: nobody could be asked.
    pub marked_duplicates: Problems<DuplicateLine>,
    /// Lines that the bridge has still to hear.
    pub unread: Unread,
    /// Deliveries from before what the server keeps.
    pub no_longer_kept: u64,
}

impl ChannelFindings {
    /// How many messages are missing on either side.
    #[must_use]
    pub fn total_missing(&self) -> u64 {
        self.lines.missing.count + self.lines.unrecorded.count
    }

    /// How many stand in another order on one side than on the other.
    #[must_use]
    pub fn total_out_of_order(&self) -> u64 {
        self.lines.out_of_order.count + self.lines.recorded_out_of_order.count
    }

    /// Whether nothing is missing, repeated or out of order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.total_missing() + self.lines.duplicates.count + self.total_out_of_order() == 0
    }
}

/// What the server knows a line by, if it told.
pub type LineMsgid = Option<String>;

/// A delivery that is not in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLine {
    /// The delivery.
    pub delivery: DeliveryId,
    /// What the server called its last line.
    pub msgid: LineMsgid,
    /// When its arrival was noted.
    pub settled_at: Timestamp,
    /// Some of its lines are there.
    pub is_partial: bool,
}

/// A line that the ledger should know and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedLine {
    /// The line.
    pub msgid: LineMsgid,
    /// When it was said.
    pub sent_at: Timestamp,
    /// Who said it.
    pub author: String,
}

/// A line of ours that says again what another says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateLine {
    /// The line.
    pub msgid: LineMsgid,
    /// When it was said.
    pub sent_at: Timestamp,
    /// The other.
    pub original: LineMsgid,
}

/// A delivery that stands in the channel behind one that was heard after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfOrderLine {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its last line.
    pub msgid: LineMsgid,
    /// When that was said.
    pub sent_at: Timestamp,
    /// The later delivery that stands before it.
    pub preceded_by: DeliveryId,
}

/// A line of somebody that was heard before one that stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutOfOrderLine {
    /// The line.
    pub msgid: LineMsgid,
    /// When it was said.
    pub sent_at: Timestamp,
    /// The line that stands before it and was heard after it.
    pub preceded_by: LineMsgid,
}
