//! A delivery that the channel should contain.

use jiff::Timestamp;

use crate::domain::RenderedMessage;
use crate::service::audit::MAX_CLOCK_SKEW;
use crate::service::audit::channel::findings::LineMsgid;
use crate::store::SentDelivery;

/// A delivery not found yet.
#[derive(Debug)]
pub(super) struct ExpectedDelivery {
    pub(super) sent: SentDelivery,
    /// Without formatting.
    pub(super) rendered: Option<RenderedMessage>,
    /// How many bytes of the body were found.
    pub(super) matched_bytes: usize,
    /// Lines with its whole text but another id.
    pub(super) copies: Vec<CopiedLine>,
}

#[derive(Debug)]
pub(super) struct CopiedLine {
    pub(super) msgid: LineMsgid,
    pub(super) sent_at: Timestamp,
    pub(super) is_resend: bool,
}

impl ExpectedDelivery {
    /// Whether a line sent at `time`, by our clock, may be one of its own.
    pub(super) fn may_be_sent_at(&self, time: Timestamp) -> bool {
        let SentDelivery { sent_at, started_at, settled_at, .. } = &self.sent;
        let from = (*sent_at).min(*started_at) - MAX_CLOCK_SKEW;
        time >= from && settled_at.is_none_or(|settled_at| time <= settled_at + MAX_CLOCK_SKEW)
    }
}
