//! The findings of an audit of a channel.

use jiff::Timestamp;

use crate::domain::{DeliveryId, Endpoint};
use crate::service::audit::{Problems, Unread};

/// A channel and its findings.
#[derive(Debug)]
pub struct ChannelAudit {
    /// The channel.
    pub channel: Endpoint,
    /// The findings, or why it could not be audited.
    pub result: Result<ChannelFindings, String>,
}

/// The findings for a channel.
#[derive(Debug)]
pub struct ChannelFindings {
    /// The start of the compared period.
    pub since: Timestamp,
    /// The start of the server's history, if later.
    pub kept_since: Option<Timestamp>,
    /// Messages of others that were received but not mirrored.
    pub skipped: u64,
    /// The findings about lines.
    pub lines: LineFindings,
}

/// The findings about the lines of a channel.
#[derive(Debug, Default)]
pub struct LineFindings {
    /// Deliveries found in the channel.
    pub delivered: u64,
    /// Lines of others found in the ledger.
    pub recorded: u64,
    /// Deliveries recorded as delivered that are missing from the channel, at least in part.
    pub missing: Problems<MissingLine>,
    /// Lines that are missing from the ledger.
    pub unrecorded: Problems<UnrecordedLine>,
    /// Our lines that repeat others without being marked as resent.
    pub duplicates: Problems<DuplicateLine>,
    /// Deliveries that overtook others.
    pub out_of_order: Problems<OutOfOrderLine>,
    /// Lines of others that were received in another order than that of the channel.
    pub recorded_out_of_order: Problems<RecordedOutOfOrderLine>,
    /// Our lines that may repeat others, marked as resent.
    pub marked_duplicates: Problems<DuplicateLine>,
    /// Lines that the bridge has not received yet.
    pub unread: Unread,
    /// Deliveries older than the server's history.
    pub no_longer_kept: u64,
}

impl ChannelFindings {
    /// The number of messages missing on either side.
    #[must_use]
    pub fn total_missing(&self) -> u64 {
        self.lines.missing.count + self.lines.unrecorded.count
    }

    /// The number of messages out of order on either side.
    #[must_use]
    pub fn total_out_of_order(&self) -> u64 {
        self.lines.out_of_order.count + self.lines.recorded_out_of_order.count
    }

    /// Whether nothing is missing, duplicated or out of order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.total_missing() + self.lines.duplicates.count + self.total_out_of_order() == 0
    }
}

/// The server's id of a line, if it has one.
pub type LineMsgid = Option<String>;

/// A delivery that is missing from the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLine {
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The recorded id of its last line.
    pub msgid: LineMsgid,
    /// When it was acknowledged.
    pub settled_at: Timestamp,
    /// Some of its lines are present.
    pub is_partial: bool,
}

/// A line that is missing from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedLine {
    /// Its id.
    pub msgid: LineMsgid,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its author.
    pub author: String,
}

/// A line of ours that repeats another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateLine {
    /// Its id.
    pub msgid: LineMsgid,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The id of the other one.
    pub original: LineMsgid,
}

/// A delivery that follows one with a higher id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfOrderLine {
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The id of its last line.
    pub msgid: LineMsgid,
    /// When that was sent.
    pub sent_at: Timestamp,
    /// The later delivery that precedes it.
    pub preceded_by: DeliveryId,
}

/// A line of another user that was received before one that precedes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutOfOrderLine {
    /// Its id.
    pub msgid: LineMsgid,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The line that precedes it but was received later.
    pub preceded_by: LineMsgid,
}
