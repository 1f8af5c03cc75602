//! A channel's lines beside the ledger's rows: what is missing, twice, or out of order.
//!
//! A delivery is found by the id of its last line, where the server told us one, or else by its words.
//! Those of its lines that come before the last are known by their words alone.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};

use super::findings::{
    DuplicateLine, LineFindings, LineMsgid, MissingLine, OutOfOrderLine, RecordedOutOfOrderLine,
    UnrecordedLine,
};
use super::match_line::{MatchedPart, is_part_of, match_line};
use crate::domain::{DeliveryId, DeliveryState, MessageKind, RenderedMessage};
use crate::protocol::irc;
use crate::service::audit::{MAX_CLOCK_SKEW, MAX_LISTED};
use crate::store::SentDelivery;
use crate::translate::RESENT_PREFIX;

/// How many of our own lines are remembered, to find another that says the same.
const MAX_REMEMBERED: usize = 5_000;

/// Lines of different people that were said within this time may be heard in another order: they
/// come by different servers of the network.
const REORDER_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// A line of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuditLine {
    pub(super) msgid: LineMsgid,
    /// By the network's clock.
    pub(super) time: Timestamp,
    pub(super) nick: String,
    pub(super) kind: MessageKind,
    /// Free of formatting.
    pub(super) text: String,
    /// What it is known by without its id, and the how-many-eth of that kind it is.
    pub(super) fingerprint: (i64, u32),
}

/// Whose a line is, as far as the ledger tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineOwner {
    /// Ours: the last of this delivery, or else said under our nick.
    Own(Option<DeliveryId>),
    /// Somebody's, who was heard; and where it stands in the order of hearing, if it has an id.
    Recorded(Option<i64>),
    /// Somebody's, who was not heard.
    Unrecorded,
}

/// A channel beside the ledger.
#[derive(Debug)]
pub(super) struct ChannelComparison {
    /// What was said before this, by the network's clock, need not be known.
    since: Timestamp,
    /// How far that clock is ahead of ours.
    clock_offset: SignedDuration,
    /// How far the bridge has heard the channel.
    cursor: Timestamp,
    /// Deliveries that were not found yet, in their order.
    expected: VecDeque<ExpectedDelivery>,
    /// The last delivery that was ever expected, and when it was said to us.
    last_expected: Option<(DeliveryId, Timestamp)>,
    /// The delivery of the highest number that was found so far, and when it was said.
    latest_found: Option<(DeliveryId, Timestamp)>,
    /// The lowest number that was found so far.
    earliest_found: Option<DeliveryId>,
    /// The line that was heard last of all so far: its place in that order, and when it was said.
    last_recorded: Option<(i64, Timestamp, LineMsgid)>,
    /// Our last lines, by the hash of what they say.
    own_line_hashes: VecDeque<(u64, LineMsgid)>,
    suspects: Vec<SuspectLine>,
    /// Suspects that no twin was found for, by the hash of what they say.
    unmatched: HashMap<u64, Vec<usize>>,
    findings: LineFindings,
}

/// A delivery that was not found yet.
#[derive(Debug)]
struct ExpectedDelivery {
    sent: SentDelivery,
    /// Without formatting.
    rendered: Option<RenderedMessage>,
    /// How many bytes of the body were found.
    matched_bytes: usize,
    /// Lines that say all of it under another id than its own.
    copies: Vec<CopiedLine>,
}

#[derive(Debug)]
struct CopiedLine {
    msgid: LineMsgid,
    sent_at: Timestamp,
    is_resend: bool,
}

/// A line that the ledger does not know.
#[derive(Debug)]
struct SuspectLine {
    line: AuditLine,
    /// Another line of ours that says the same.
    duplicate_of: Option<LineMsgid>,
}

impl ChannelComparison {
    /// Nothing is compared yet. The ledger knows everything since `since`, by our clock, than which
    /// the network's is `ahead`; the bridge has heard the channel up to `cursor`.
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

    /// Whether more deliveries are to be [expected](Self::expect) before a line said at `time` is taken
    /// in, if there are any.
    pub(super) fn needs_more_deliveries(&self, time: Timestamp) -> bool {
        self.last_expected
            .is_none_or(|(_, said_at)| said_at <= time - self.clock_offset + MAX_CLOCK_SKEW)
    }

    /// The last delivery that was ever expected.
    pub(super) fn last_expected(&self) -> DeliveryId {
        self.last_expected.map_or(DeliveryId(0), |(ticket, _)| ticket)
    }

    /// The next delivery in the ledger.
    pub(super) fn expect_delivery(&mut self, spoken: SentDelivery) {
        self.last_expected = Some((spoken.id, spoken.sent_at));
        let plain = |RenderedMessage { kind, prefix, body }: &RenderedMessage| {
            let (prefix, body) = (irc::strip_formatting(prefix), irc::strip_formatting(body));
            RenderedMessage { kind: *kind, prefix, body }
        };
        let speech = spoken.rendered.as_ref().map(plain);
        self.expected.push_back(ExpectedDelivery {
            sent: spoken,
            rendered: speech,
            matched_bytes: 0,
            copies: Vec::new(),
        });
    }

    /// The next line of the channel.
    pub(super) fn add_line(&mut self, line: AuditLine, whose: LineOwner) {
        match whose {
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
            Some((last, said, before)) if *last > number => {
                if line.time.duration_since(*said) > REORDER_TOLERANCE {
                    let (said, before) = (line.time, before.clone());
                    self.findings.recorded_out_of_order.push(RecordedOutOfOrderLine {
                        msgid: line.msgid,
                        sent_at: said,
                        preceded_by: before,
                    });
                }
            }
            _ => self.last_recorded = Some((number, line.time, line.msgid)),
        }
    }

    /// A line of ours; the last of `delivery`, if the ledger says so. Says whether we know what it
    /// belongs to.
    fn match_own_line(&mut self, line: &AuditLine, delivery: Option<DeliveryId>) -> bool {
        if let Some(ticket) = delivery {
            let at = self.expected.iter().position(|it| it.sent.id == ticket);
            if let Some(expected) = at.and_then(|at| self.expected.remove(at)) {
                self.on_delivered(line, expected);
            }
            // Or it is from before what is compared.
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
        let Some((at, MatchedPart { end, is_resend: again }, expected)) = found else {
            return self.match_after_gap(line);
        };
        let whole = expected.rendered.as_ref().is_some_and(|speech| end == speech.body.len());
        if !whole {
            expected.matched_bytes = end;
            self.remember_line(line);
        } else if expected.sent.remote_id.is_some() {
            expected.copies.push(CopiedLine {
                msgid: line.msgid.clone(),
                sent_at: line.time,
                is_resend: again,
            });
            self.remember_line(line);
        } else if let Some(expected) = self.expected.remove(at) {
            self.on_delivered(line, expected);
        }
        true
    }

    /// Whether `line` is one of a delivery of which those before it are missing; it is noted then.
    fn match_after_gap(&mut self, line: &AuditLine) -> bool {
        let now = line.time - self.clock_offset;
        let words = text_hash(&line.text);
        let is_new = !self.own_line_hashes.iter().any(|(said, _)| *said == words);
        let among = |it: &ExpectedDelivery| {
            let speech = it.rendered.as_ref();
            it.may_be_sent_at(now) && speech.is_some_and(|it| is_part_of(it, &line.text, false))
        };
        let found = is_new && self.expected.iter().any(among);
        if found {
            self.remember_line(line);
        }
        found
    }

    /// `line` is the last of what was `expected`.
    fn on_delivered(&mut self, line: &AuditLine, expected: ExpectedDelivery) {
        let ExpectedDelivery { sent: spoken, rendered: speech, matched_bytes: said, copies } =
            expected;
        let of_line = speech.as_ref().and_then(|it| match_line(it, said, line.kind, &line.text));
        let whole = match (&speech, of_line) {
            (Some(speech), Some(MatchedPart { end, .. })) => end == speech.body.len(),
            // The server may have changed the words of a single line.
            (Some(speech), None) => said == 0 && !is_part_of(speech, &line.text, true),
            (None, _) => true,
        };
        if whole {
            self.findings.delivered += u64::from(spoken.state == DeliveryState::Delivered);
        } else if self.is_required(&spoken) {
            self.add_missing(&spoken, true);
        }
        let again = of_line.is_some_and(|step| step.is_resend);
        for copy in copies {
            self.add_duplicate(copy, again, line.msgid.clone());
        }
        self.check_order(spoken.id, line.msgid.clone(), line.time);
        self.remember_line(line);
    }

    fn check_order(&mut self, ticket: DeliveryId, line: LineMsgid, said: Timestamp) {
        self.earliest_found =
            Some(self.earliest_found.map_or(ticket, |earliest| earliest.min(ticket)));
        match self.latest_found {
            // What was said in the same millisecond stands in no order.
            Some((behind, before)) if behind > ticket => {
                if said > before {
                    self.findings.out_of_order.push(OutOfOrderLine {
                        delivery: ticket,
                        msgid: line,
                        sent_at: said,
                        preceded_by: behind,
                    });
                }
            }
            _ => self.latest_found = Some((ticket, said)),
        }
    }

    /// `copy` says what `of` says, which says itself that it may say it `again`, or not.
    fn add_duplicate(
        &mut self,
        CopiedLine { msgid: line, sent_at: said, is_resend: marked }: CopiedLine,
        again: bool,
        of: LineMsgid,
    ) {
        let told = if marked || again {
            &mut self.findings.marked_duplicates
        } else {
            &mut self.findings.duplicates
        };
        told.push(DuplicateLine { msgid: line, sent_at: said, original: of });
    }

    fn add_missing(&mut self, spoken: &SentDelivery, partly: bool) {
        let (ticket, line) = (spoken.id, spoken.remote_id.clone());
        let settled = spoken.settled_at.unwrap_or(spoken.started_at);
        self.findings.missing.push(MissingLine {
            delivery: ticket,
            msgid: line,
            settled_at: settled,
            is_partial: partly,
        });
    }

    /// Whether the channel must hold it.
    fn is_required(&self, spoken: &SentDelivery) -> bool {
        spoken.state == DeliveryState::Delivered
            && spoken.started_at >= self.since - self.clock_offset
    }

    /// Remembers what a line of ours says.
    fn remember_line(&mut self, line: &AuditLine) {
        let words = text_hash(&line.text);
        for suspect in self.unmatched.remove(&words).unwrap_or_default() {
            self.suspects[suspect].duplicate_of = Some(line.msgid.clone());
        }
        if self.own_line_hashes.len() >= MAX_REMEMBERED {
            self.own_line_hashes.pop_front();
        }
        self.own_line_hashes.push_back((words, line.msgid.clone()));
    }

    fn add_suspect(&mut self, line: AuditLine, ours: bool) {
        let words = text_hash(&line.text);
        let twin = ours
            .then(|| self.own_line_hashes.iter().rev().find(|(said, _)| *said == words))
            .flatten();
        let suspect = SuspectLine { duplicate_of: twin.map(|(_, line)| line.clone()), line };
        if self.suspects.len() >= MAX_LISTED {
            // So many are no matter of a moment.
            return self.report_suspect(suspect);
        }
        if ours && suspect.duplicate_of.is_none() {
            self.unmatched.entry(words).or_default().push(self.suspects.len());
        }
        self.suspects.push(suspect);
    }

    /// The ledger does not know a line, and never will.
    fn report_suspect(&mut self, SuspectLine { line, duplicate_of: twin }: SuspectLine) {
        let AuditLine { msgid: id, time: said, nick: author, text, .. } = line;
        match twin {
            Some(of) => self.add_duplicate(
                CopiedLine { msgid: id, sent_at: said, is_resend: has_resent_prefix(&text) },
                false,
                of,
            ),
            None => {
                self.findings.unrecorded.push(UnrecordedLine { msgid: id, sent_at: said, author });
            }
        }
    }

    /// The channel is read to its end. What the server keeps of it begins at `kept`, if that is after
    /// what is compared.
    pub(super) fn finish_lines(&mut self, kept: Option<Timestamp>) {
        for mut expected in std::mem::take(&mut self.expected) {
            let before =
                |kept| expected.sent.started_at + self.clock_offset < kept + MAX_CLOCK_SKEW;
            let first = self.earliest_found.is_none_or(|earliest| expected.sent.id < earliest);
            if !expected.copies.is_empty() {
                // The server calls it otherwise now.
                let CopiedLine { msgid: line, sent_at: said, .. } = expected.copies.remove(0);
                self.findings.delivered +=
                    u64::from(expected.sent.state == DeliveryState::Delivered);
                self.check_order(expected.sent.id, line.clone(), said);
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

    /// Whether anything was found that the ledger must be asked about again.
    pub(super) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Says what was found, once the ledger was asked again: `whose` tells whose it says that a line
    /// is now, and `cursor` how far the channel is heard now.
    pub(super) fn finish(
        mut self,
        cursor: Timestamp,
        mut whose: impl FnMut(&AuditLine) -> LineOwner,
    ) -> LineFindings {
        self.cursor = self.cursor.max(cursor);
        self.unmatched.clear();
        for suspect in std::mem::take(&mut self.suspects) {
            match whose(&suspect.line) {
                LineOwner::Recorded(number) => self.on_recorded(suspect.line, number),
                LineOwner::Own(delivery) if self.match_own_line(&suspect.line, delivery) => {}
                LineOwner::Own(_) | LineOwner::Unrecorded => {
                    if suspect.duplicate_of.is_none() && suspect.line.time > self.cursor {
                        self.findings.unread.add(suspect.line.time);
                    } else {
                        self.report_suspect(suspect);
                    }
                }
            }
        }
        self.findings
    }
}

impl ExpectedDelivery {
    /// Whether a line said at `time`, by our clock, may be one of its own.
    fn may_be_sent_at(&self, time: Timestamp) -> bool {
        let SentDelivery { sent_at: said_at, started_at: begun, settled_at: settled, .. } =
            &self.sent;
        let from = (*said_at).min(*begun) - MAX_CLOCK_SKEW;
        time >= from && settled.is_none_or(|settled| time <= settled + MAX_CLOCK_SKEW)
    }
}

/// A hash of what a text says, whether it says that it may say it again or not.
fn text_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.replacen(RESENT_PREFIX, "", 1).hash(&mut hasher);
    hasher.finish()
}

fn has_resent_prefix(text: &str) -> bool {
    text.contains(RESENT_PREFIX)
}

#[cfg(test)]
mod tests;
