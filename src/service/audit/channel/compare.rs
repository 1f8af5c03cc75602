//! Compares a channel's lines with the ledger: what is missing, duplicated or out of order.
//!
//! A delivery is matched by the id of its last line, if the server gave one, or else by its text. Its earlier
//! lines are matched by their text only.

mod expected;
mod suspects;

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use self::expected::{CopiedLine, ExpectedDelivery};
use self::suspects::{SuspectLine, text_hash};
use super::findings::{
    DuplicateLine, LineFindings, LineMsgid, MissingLine, OutOfOrderLine, RecordedOutOfOrderLine,
};
use super::match_line::{MatchedPart, is_part_of, match_line};
use crate::domain::{DeliveryId, DeliveryState, MessageKind, RenderedMessage};
use crate::protocol::irc;
use crate::service::audit::MAX_CLOCK_SKEW;
use crate::store::SentDelivery;

/// Lines of different users sent within this time may arrive in a different order, because they come through
/// different servers.
const REORDER_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// A line of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuditLine {
    pub(super) msgid: LineMsgid,
    /// By the network's clock.
    pub(super) time: Timestamp,
    pub(super) nick: String,
    pub(super) kind: MessageKind,
    /// Without formatting.
    pub(super) text: String,
    /// Identifies it without an id: a fingerprint, and its count among equal ones.
    pub(super) fingerprint: (i64, u32),
}

/// The author of a line, according to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineOwner {
    /// The bridge: the last line of this delivery, or otherwise sent under its nick.
    Own(Option<DeliveryId>),
    /// Another user, and recorded; with its position in the order of receiving, if it has an id.
    Recorded(Option<i64>),
    /// Another user, and not recorded.
    Unrecorded,
}

/// Compares a channel with the ledger.
#[derive(Debug)]
pub(super) struct ChannelComparison {
    /// Earlier lines need not be in the ledger; by the network's clock.
    since: Timestamp,
    /// How far that clock is ahead of ours.
    clock_offset: SignedDuration,
    /// How far the bridge has received the channel.
    cursor: Timestamp,
    /// Deliveries not found yet, in order.
    expected: VecDeque<ExpectedDelivery>,
    /// The last delivery loaded, and when its message was sent.
    last_expected: Option<(DeliveryId, Timestamp)>,
    /// The delivery with the highest id found so far, and when its line was sent.
    latest_found: Option<(DeliveryId, Timestamp)>,
    /// The lowest id found so far.
    earliest_found: Option<DeliveryId>,
    /// The line latest in the order of receiving so far: its position, time and id.
    last_recorded: Option<(i64, Timestamp, LineMsgid)>,
    /// Our most recent lines, by the hash of their text.
    own_line_hashes: VecDeque<(u64, LineMsgid)>,
    suspects: Vec<SuspectLine>,
    /// Suspects without a duplicate, by the hash of their text.
    unmatched: HashMap<u64, Vec<usize>>,
    findings: LineFindings,
}

impl ChannelComparison {
    /// Starts a comparison. The ledger is complete since `since`, by our clock; the network's is `ahead` of
    /// it. The bridge has received the channel up to `cursor`.
    pub(super) fn new(since: Timestamp, ahead: SignedDuration, cursor: Timestamp) -> Self {
        Self {
            since: since + ahead,
            clock_offset: ahead,
            cursor,
            expected: VecDeque::new(),
            last_expected: None,
            latest_found: None,
            earliest_found: None,
            last_recorded: None,
            own_line_hashes: VecDeque::new(),
            suspects: Vec::new(),
            unmatched: HashMap::new(),
            findings: LineFindings::default(),
        }
    }

    /// Whether more deliveries must be [expected](Self::expect_delivery), if there are any, before a line
    /// sent at `time` is added.
    pub(super) fn needs_more_deliveries(&self, time: Timestamp) -> bool {
        self.last_expected
            .is_none_or(|(_, sent_at)| sent_at <= time - self.clock_offset + MAX_CLOCK_SKEW)
    }

    /// The last delivery that was expected.
    pub(super) fn last_expected(&self) -> DeliveryId {
        self.last_expected.map_or(DeliveryId(0), |(delivery, _)| delivery)
    }

    /// Adds the next delivery in the ledger.
    pub(super) fn expect_delivery(&mut self, sent: SentDelivery) {
        self.last_expected = Some((sent.id, sent.sent_at));
        let plain = |RenderedMessage { kind, prefix, body }: &RenderedMessage| {
            let (prefix, body) = (irc::strip_formatting(prefix), irc::strip_formatting(body));
            RenderedMessage { kind: *kind, prefix, body }
        };
        let rendered = sent.rendered.as_ref().map(plain);
        self.expected.push_back(ExpectedDelivery {
            sent,
            rendered,
            matched_bytes: 0,
            copies: Vec::new(),
        });
    }

    /// Adds the next line of the channel.
    pub(super) fn add_line(&mut self, line: AuditLine, owner: LineOwner) {
        match owner {
            LineOwner::Own(delivery) => {
                if !self.match_own_line(&line, delivery) && line.time > self.since {
                    self.add_suspect(line, true);
                }
            }
            LineOwner::Recorded(number) => self.on_recorded(line, number),
            LineOwner::Unrecorded if line.time <= self.since => {}
            LineOwner::Unrecorded if line.time > self.cursor => self.findings.unread.add(line.time),
            LineOwner::Unrecorded => self.add_suspect(line, false),
        }
    }

    fn on_recorded(&mut self, line: AuditLine, number: Option<i64>) {
        if line.time <= self.since {
            return;
        }
        self.findings.recorded += 1;
        let Some(number) = number else { return };
        match &self.last_recorded {
            Some((last, sent_at, before)) if *last > number => {
                if line.time.duration_since(*sent_at) > REORDER_TOLERANCE {
                    let (sent_at, before) = (line.time, before.clone());
                    self.findings.recorded_out_of_order.push(RecordedOutOfOrderLine {
                        msgid: line.msgid,
                        sent_at,
                        preceded_by: before,
                    });
                }
            }
            _ => self.last_recorded = Some((number, line.time, line.msgid)),
        }
    }

    /// Handles a line of ours, the last of `delivery` if the ledger knows. Returns whether it could be
    /// matched.
    fn match_own_line(&mut self, line: &AuditLine, delivery: Option<DeliveryId>) -> bool {
        if let Some(id) = delivery {
            let at = self.expected.iter().position(|it| it.sent.id == id);
            if let Some(expected) = at.and_then(|at| self.expected.remove(at)) {
                self.on_delivered(line, expected);
            }
            // Or it is older than what is compared.
            return true;
        }
        let now = line.time - self.clock_offset;
        let found = self.expected.iter_mut().enumerate().find_map(|(at, expected)| {
            if !expected.may_be_sent_at(now) {
                return None;
            }
            let step = match_line(
                expected.rendered.as_ref()?,
                expected.matched_bytes,
                line.kind,
                &line.text,
            )?;
            Some((at, step, expected))
        });
        let Some((at, MatchedPart { end, is_resend }, expected)) = found else {
            return self.match_after_gap(line);
        };
        let whole = expected.rendered.as_ref().is_some_and(|rendered| end == rendered.body.len());
        if !whole {
            expected.matched_bytes = end;
            self.remember_line(line);
        } else if expected.sent.remote_id.is_some() {
            expected.copies.push(CopiedLine {
                msgid: line.msgid.clone(),
                sent_at: line.time,
                is_resend,
            });
            self.remember_line(line);
        } else if let Some(expected) = self.expected.remove(at) {
            self.on_delivered(line, expected);
        }
        true
    }

    /// Matches `line` with a delivery whose earlier lines are missing, and records that. Returns whether it
    /// matched.
    fn match_after_gap(&mut self, line: &AuditLine) -> bool {
        let now = line.time - self.clock_offset;
        let hash = text_hash(&line.text);
        let is_new = !self.own_line_hashes.iter().any(|(known, _)| *known == hash);
        let among = |it: &ExpectedDelivery| {
            let rendered = it.rendered.as_ref();
            it.may_be_sent_at(now) && rendered.is_some_and(|it| is_part_of(it, &line.text, false))
        };
        let found = is_new && self.expected.iter().any(among);
        if found {
            self.remember_line(line);
        }
        found
    }

    /// `line` is the last of the `expected` delivery.
    fn on_delivered(&mut self, line: &AuditLine, expected: ExpectedDelivery) {
        let ExpectedDelivery { sent, rendered, matched_bytes, copies } = expected;
        let of_line =
            rendered.as_ref().and_then(|it| match_line(it, matched_bytes, line.kind, &line.text));
        let whole = match (&rendered, of_line) {
            (Some(rendered), Some(MatchedPart { end, .. })) => end == rendered.body.len(),
            // The server may have altered a single line.
            (Some(rendered), None) => matched_bytes == 0 && !is_part_of(rendered, &line.text, true),
            (None, _) => true,
        };
        if whole {
            self.findings.delivered += u64::from(sent.state == DeliveryState::Delivered);
        } else if self.is_required(&sent) {
            self.add_missing(&sent, true);
        }
        let is_resend = of_line.is_some_and(|step| step.is_resend);
        for copy in copies {
            self.add_duplicate(copy, is_resend, line.msgid.clone());
        }
        self.check_order(sent.id, line.msgid.clone(), line.time);
        self.remember_line(line);
    }

    fn check_order(&mut self, delivery: DeliveryId, line: LineMsgid, sent_at: Timestamp) {
        self.earliest_found =
            Some(self.earliest_found.map_or(delivery, |earliest| earliest.min(delivery)));
        match self.latest_found {
            // Lines of the same millisecond have no defined order.
            Some((behind, before)) if behind > delivery => {
                if sent_at > before {
                    self.findings.out_of_order.push(OutOfOrderLine {
                        delivery,
                        msgid: line,
                        sent_at,
                        preceded_by: behind,
                    });
                }
            }
            _ => self.latest_found = Some((delivery, sent_at)),
        }
    }

    /// Records that `copy` repeats `of`; `is_resend` tells whether it is marked as resent.
    fn add_duplicate(
        &mut self,
        CopiedLine { msgid: line, sent_at, is_resend: marked }: CopiedLine,
        is_resend: bool,
        of: LineMsgid,
    ) {
        let duplicates = if marked || is_resend {
            &mut self.findings.marked_duplicates
        } else {
            &mut self.findings.duplicates
        };
        duplicates.push(DuplicateLine { msgid: line, sent_at, original: of });
    }

    fn add_missing(&mut self, sent: &SentDelivery, partly: bool) {
        let (delivery, line) = (sent.id, sent.remote_id.clone());
        let settled = sent.settled_at.unwrap_or(sent.started_at);
        self.findings.missing.push(MissingLine {
            delivery,
            msgid: line,
            settled_at: settled,
            is_partial: partly,
        });
    }

    /// Whether the channel must contain it.
    fn is_required(&self, sent: &SentDelivery) -> bool {
        sent.state == DeliveryState::Delivered && sent.started_at >= self.since - self.clock_offset
    }

    /// The channel has been read to its end. The server's history starts at `kept`, if that is later than
    /// what is compared.
    pub(super) fn finish_lines(&mut self, kept: Option<Timestamp>) {
        for mut expected in std::mem::take(&mut self.expected) {
            let before =
                |kept| expected.sent.started_at + self.clock_offset < kept + MAX_CLOCK_SKEW;
            let first = self.earliest_found.is_none_or(|earliest| expected.sent.id < earliest);
            if !expected.copies.is_empty() {
                // The server has changed its id.
                let CopiedLine { msgid: line, sent_at, .. } = expected.copies.remove(0);
                self.findings.delivered +=
                    u64::from(expected.sent.state == DeliveryState::Delivered);
                self.check_order(expected.sent.id, line.clone(), sent_at);
                for copy in expected.copies {
                    self.add_duplicate(copy, false, line.clone());
                }
            } else if !self.is_required(&expected.sent) {
                self.expected.push_back(expected);
            } else if first && kept.is_some_and(before) {
                self.findings.no_longer_kept += 1;
            } else {
                self.add_missing(&expected.sent, expected.matched_bytes > 0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
