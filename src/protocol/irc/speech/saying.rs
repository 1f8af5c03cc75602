use super::{Mark, Outcome, Receipt};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::irc::heard;
use crate::protocol::irc::line::Line;
use crate::protocol::irc::objection::Objection;
use crate::protocol::irc::pacing::Weight;

/// What a PING says that asks whether the lines before it were read.
pub(super) const FENCE: &str = "said-";

/// How many lines are sent before it is asked whether they were read: a long text that is interrupted
/// goes on behind the last that was.
const FENCED: usize = 4;

/// One line of a delivery, or several that arrive as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct Utterance {
    /// What is sent, at once. A label stands before the first.
    pub(in crate::protocol::irc) lines: Vec<Line>,
    /// How it says what.
    pub(in crate::protocol::irc) kind: MessageKind,
    pub(in crate::protocol::irc) text: String,
    /// How many bytes of the delivery's body are said with it.
    pub(in crate::protocol::irc) end: usize,
    /// The same line by line, where it is a batch.
    pub(in crate::protocol::irc) plain: Vec<Utterance>,
}

impl Utterance {
    fn is_batch(&self) -> bool {
        !self.plain.is_empty()
    }
}

/// A delivery on its way to the server.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) ticket: DeliveryId,
    pub(super) place: EndpointId,
    lines: Vec<Utterance>,
    /// How many of `lines` were sent.
    sent: usize,
    /// How many were sent in vain before: a label is not used twice.
    vain: usize,
    /// How their receipts come; settled with the first line.
    receipt: Receipt,
    /// Lines of ours that came back and were not the one waited for.
    strangers: usize,
    objections: Vec<Objection>,
}

impl Saying {
    pub(super) fn new(ticket: DeliveryId, place: EndpointId, lines: Vec<Utterance>) -> Self {
        let (receipt, objections) = (Receipt::Fence, Vec::new());
        Self { ticket, place, lines, sent: 0, vain: 0, receipt, strangers: 0, objections }
    }

    /// How much it weighs, in a channel that weighs so much. What the bridge itself has to say can
    /// wait.
    pub(super) fn weight(&self, weight: impl Fn(EndpointId) -> Weight) -> Weight {
        let notice = self.lines.first().is_some_and(|line| line.kind == MessageKind::Notice);
        if notice { Weight::Heavy } else { weight(self.place) }
    }

    /// The next line, with its label where it has one; or a batch.
    pub(super) fn send(&mut self, receipt: Receipt) -> Option<Vec<Line>> {
        let mut lines = self.lines.get(self.sent)?.lines.clone();
        if self.sent == 0 {
            self.receipt = receipt;
        }
        self.sent += 1;
        self.strangers = 0;
        if let (Receipt::Label { .. }, Some(first)) = (self.receipt, lines.first_mut()) {
            *first = first.with_label(&self.label());
        }
        Some(lines)
    }

    /// Whether a batch is next.
    pub(super) fn begins_batch(&self) -> bool {
        self.lines.get(self.sent).is_some_and(Utterance::is_batch)
    }

    /// Whether a batch is under way.
    pub(super) fn is_in_batch(&self) -> bool {
        self.sent > 0 && self.lines[self.sent - 1].is_batch()
    }

    /// The server takes no batches: what is left, and the one under way, is said line by line.
    pub(super) fn unbatch(&mut self) {
        if self.is_in_batch() {
            self.sent -= 1;
            self.vain += 1;
        }
        let left = self.lines.split_off(self.sent).into_iter();
        let plain = left.flat_map(|it| if it.is_batch() { it.plain } else { vec![it] });
        self.lines.extend(plain);
    }

    /// Whether its lines are sent one behind the other, with one PING behind the last.
    pub(super) fn is_fenced(&self) -> bool {
        self.receipt == Receipt::Fence
    }

    pub(super) fn is_begun(&self) -> bool {
        self.sent > 0
    }

    pub(super) fn is_all_sent(&self) -> bool {
        self.sent == self.lines.len()
    }

    /// Whether it is asked now whether the lines so far were read.
    pub(super) fn is_at_fence(&self) -> bool {
        self.is_all_sent() || self.sent.is_multiple_of(FENCED)
    }

    /// What the line under way is known by.
    pub(super) fn label(&self) -> String {
        format!("{}.{}", self.ticket.0, self.sent + self.vain)
    }

    /// What the PING behind it says.
    pub(super) fn fence(&self) -> String {
        match self.receipt {
            Receipt::Fence => format!("{FENCE}{}", self.ticket.0),
            // Which line it is behind: that of an earlier one may be answered late.
            _ => format!("{FENCE}{}", self.label()),
        }
    }

    /// A line of ours came back. Says whether it is the one under way.
    pub(super) fn echoed(&mut self, label: Option<&str>, kind: MessageKind, text: &str) -> bool {
        let Some(line) = self.lines.get(self.sent.wrapping_sub(1)) else { return false };
        if self.is_fenced() {
            return false;
        }
        let same = match label {
            Some(label) => label == self.label(),
            None => line.kind == kind && heard::same_text(&line.text, text),
        };
        self.strangers += usize::from(!same && label.is_none() && self.may_be_changed());
        same
    }

    /// Whether a line in other words may be the one under way: where the server gives labels, it is not.
    pub(super) fn may_be_changed(&self) -> bool {
        self.receipt == Receipt::Echo
    }

    /// Whether such a one is taken for it, now that the server has read all.
    pub(super) fn takes_stranger(&self) -> bool {
        !self.is_fenced() && self.has_strangers()
    }

    /// What is under way, and how it is said.
    pub(super) fn under_way(&self) -> Option<(MessageKind, &str)> {
        let line = self.lines.get(self.sent.wrapping_sub(1))?;
        Some((line.kind, &line.text))
    }

    /// The line under way has arrived.
    pub(super) fn accept(&mut self, mark: Mark) -> Outcome {
        let end = self.lines.get(self.sent.wrapping_sub(1)).map_or(0, |line| line.end);
        if self.is_all_sent() { Outcome::Said { mark } } else { Outcome::Partly { end, mark } }
    }

    pub(super) fn object(&mut self, objection: Objection) {
        self.objections.push(objection);
    }

    /// The answer to a line's label is complete, and the line did not come back with it.
    pub(super) fn answered(&mut self) -> Outcome {
        match (self.objections.pop(), self.receipt) {
            (Some(objection), _) => self.refuse(objection),
            (None, Receipt::Label { echo: false }) => self.accept(Mark::default()),
            (None, _) => self.refuse(Objection::silent()),
        }
    }

    /// The server has read the PING behind the line, or behind all lines.
    pub(super) fn fenced(&mut self) -> Outcome {
        if !self.is_fenced() {
            // The server may have changed the words of a line that it sent back.
            let arrived = self.strangers > 0;
            let silent = || Objection::silent();
            return if arrived { self.accept(Mark::default()) } else { self.refuse(silent()) };
        }
        let refused = self.objections.len();
        let objections = std::mem::take(&mut self.objections);
        let Some(mut objection) = objections.into_iter().next() else {
            return self.accept(Mark::default());
        };
        // Which lines it was is not known: said again, those that arrived would be there twice.
        if refused < self.lines.len() {
            (objection.later, objection.voiceless) = (None, None);
            objection.why = format!("{refused} of {} lines: {}", self.lines.len(), objection.why);
        }
        Outcome::from(objection)
    }

    /// The line under way will not arrive, or not now.
    pub(super) fn refuse(&self, mut objection: Objection) -> Outcome {
        if self.lines.len() > 1 && objection.later.is_none() && objection.voiceless.is_none() {
            let Objection { why, .. } = &objection;
            objection.why = format!("line {} of {}: {why}", self.sent, self.lines.len());
        }
        Outcome::from(objection)
    }

    /// Whether the line under way came back in other words.
    pub(super) fn has_strangers(&self) -> bool {
        self.strangers > 0
    }
}
