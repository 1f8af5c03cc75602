use super::pacing::Priority;
use super::queue::{MessageRef, Receipt, SendOutcome};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::wire::line::Line;

/// What a PING says that asks whether the lines before it were read.
pub(in crate::protocol::irc) const PING_PREFIX: &str = "said-";

/// How many lines are sent before it is asked whether they were read: a long text that is interrupted
/// goes on behind the last that was.
const LINES_PER_PING: usize = 4;

/// One line of a delivery, or several that arrive as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct OutgoingLine {
    /// What is sent, at once. A label stands before the first.
    pub(in crate::protocol::irc) lines: Vec<Line>,
    /// How it says what.
    pub(in crate::protocol::irc) kind: MessageKind,
    pub(in crate::protocol::irc) text: String,
    /// How many bytes of the delivery's body are said with it.
    pub(in crate::protocol::irc) body_end: usize,
    /// The same line by line, where it is a batch.
    pub(in crate::protocol::irc) single_lines: Vec<OutgoingLine>,
}

impl OutgoingLine {
    fn is_batch(&self) -> bool {
        !self.single_lines.is_empty()
    }
}

/// A delivery on its way to the server.
#[derive(Debug)]
pub(in crate::protocol::irc) struct OutgoingMessage {
    pub(in crate::protocol::irc) delivery: DeliveryId,
    pub(in crate::protocol::irc) endpoint: EndpointId,
    lines: Vec<OutgoingLine>,
    /// How many of `lines` were sent.
    sent: usize,
    /// How many were sent in vain before: a label is not used twice.
    cancelled: usize,
    /// How their receipts come; settled with the first line.
    receipt: Receipt,
    /// Lines of ours that came back and were not the one waited for.
    altered_echoes: usize,
    errors: Vec<SendError>,
}

impl OutgoingMessage {
    pub(in crate::protocol::irc) fn new(
        ticket: DeliveryId,
        place: EndpointId,
        lines: Vec<OutgoingLine>,
    ) -> Self {
        let (receipt, objections) = (Receipt::Ping, Vec::new());
        Self {
            delivery: ticket,
            endpoint: place,
            lines,
            sent: 0,
            cancelled: 0,
            receipt,
            altered_echoes: 0,
            errors: objections,
        }
    }

    /// How much it weighs, in a channel that weighs so much. What the bridge itself has to say can
    /// wait.
    pub(in crate::protocol::irc) fn priority(
        &self,
        weight: impl Fn(EndpointId) -> Priority,
    ) -> Priority {
        let notice = self.lines.first().is_some_and(|line| line.kind == MessageKind::Notice);
        if notice { Priority::Low } else { weight(self.endpoint) }
    }

    /// The next line, with its label where it has one; or a batch.
    pub(in crate::protocol::irc) fn next_lines(&mut self, receipt: Receipt) -> Option<Vec<Line>> {
        let mut lines = self.lines.get(self.sent)?.lines.clone();
        if self.sent == 0 {
            self.receipt = receipt;
        }
        self.sent += 1;
        self.altered_echoes = 0;
        if let (Receipt::Label { .. }, Some(first)) = (self.receipt, lines.first_mut()) {
            *first = first.with_label(&self.label());
        }
        Some(lines)
    }

    /// Whether a batch is next.
    pub(in crate::protocol::irc) fn is_batch_next(&self) -> bool {
        self.lines.get(self.sent).is_some_and(OutgoingLine::is_batch)
    }

    /// Whether a batch is under way.
    pub(in crate::protocol::irc) fn is_batch_in_flight(&self) -> bool {
        self.sent > 0 && self.lines[self.sent - 1].is_batch()
    }

    /// The server takes no batches: what is left, and the one under way, is said line by line.
    pub(in crate::protocol::irc) fn split_batches(&mut self) {
        if self.is_batch_in_flight() {
            self.sent -= 1;
            self.cancelled += 1;
        }
        let left = self.lines.split_off(self.sent).into_iter();
        let plain = left.flat_map(|it| if it.is_batch() { it.single_lines } else { vec![it] });
        self.lines.extend(plain);
    }

    /// Whether its lines are sent one behind the other, with one PING behind the last.
    pub(in crate::protocol::irc) fn uses_ping(&self) -> bool {
        self.receipt == Receipt::Ping
    }

    pub(in crate::protocol::irc) fn is_started(&self) -> bool {
        self.sent > 0
    }

    pub(in crate::protocol::irc) fn is_all_sent(&self) -> bool {
        self.sent == self.lines.len()
    }

    /// Whether it is asked now whether the lines so far were read.
    pub(in crate::protocol::irc) fn is_ping_due(&self) -> bool {
        self.is_all_sent() || self.sent.is_multiple_of(LINES_PER_PING)
    }

    /// What the line under way is known by.
    pub(in crate::protocol::irc) fn label(&self) -> String {
        format!("{}.{}", self.delivery.0, self.sent + self.cancelled)
    }

    /// What the PING behind it says.
    pub(in crate::protocol::irc) fn ping_token(&self) -> String {
        match self.receipt {
            Receipt::Ping => format!("{PING_PREFIX}{}", self.delivery.0),
            // Which line it is behind: that of an earlier one may be answered late.
            _ => format!("{PING_PREFIX}{}", self.label()),
        }
    }

    /// A line of ours came back. Says whether it is the one under way.
    pub(in crate::protocol::irc) fn check_echo(
        &mut self,
        label: Option<&str>,
        kind: MessageKind,
        text: &str,
    ) -> bool {
        let Some(line) = self.lines.get(self.sent.wrapping_sub(1)) else { return false };
        if self.uses_ping() {
            return false;
        }
        let same = match label {
            Some(label) => label == self.label(),
            None => line.kind == kind && text::same_text(&line.text, text),
        };
        self.altered_echoes += usize::from(!same && label.is_none() && self.allows_altered_echo());
        same
    }

    /// Whether a line in other words may be the one under way: where the server gives labels, it is not.
    pub(in crate::protocol::irc) fn allows_altered_echo(&self) -> bool {
        self.receipt == Receipt::Echo
    }

    /// Whether such a one is taken for it, now that the server has read all.
    pub(in crate::protocol::irc) fn accepts_altered_echo(&self) -> bool {
        !self.uses_ping() && self.has_altered_echo()
    }

    /// What is under way, and how it is said.
    pub(in crate::protocol::irc) fn in_flight(&self) -> Option<(MessageKind, &str)> {
        let line = self.lines.get(self.sent.wrapping_sub(1))?;
        Some((line.kind, &line.text))
    }

    /// The line under way has arrived.
    pub(in crate::protocol::irc) fn accept(&mut self, mark: MessageRef) -> SendOutcome {
        let end = self.lines.get(self.sent.wrapping_sub(1)).map_or(0, |line| line.body_end);
        if self.is_all_sent() {
            SendOutcome::Delivered { message_ref: mark }
        } else {
            SendOutcome::PartiallyDelivered { delivered_bytes: end, message_ref: mark }
        }
    }

    pub(in crate::protocol::irc) fn add_error(&mut self, objection: SendError) {
        self.errors.push(objection);
    }

    /// The answer to a line's label is complete, and the line did not come back with it.
    pub(in crate::protocol::irc) fn finish_label(&mut self) -> SendOutcome {
        match (self.errors.pop(), self.receipt) {
            (Some(objection), _) => self.reject(objection),
            (None, Receipt::Label { echo: false }) => self.accept(MessageRef::default()),
            (None, _) => self.reject(SendError::dropped_silently()),
        }
    }

    /// The server has read the PING behind the line, or behind all lines.
    pub(in crate::protocol::irc) fn finish_ping(&mut self) -> SendOutcome {
        if !self.uses_ping() {
            // The server may have changed the words of a line that it sent back.
            let arrived = self.altered_echoes > 0;
            let silent = || SendError::dropped_silently();
            return if arrived {
                self.accept(MessageRef::default())
            } else {
                self.reject(silent())
            };
        }
        let refused = self.errors.len();
        let objections = std::mem::take(&mut self.errors);
        let Some(mut objection) = objections.into_iter().next() else {
            return self.accept(MessageRef::default());
        };
        // Which lines it was is not known: said again, those that arrived would be there twice.
        if refused < self.lines.len() {
            (objection.retry_after, objection.relaymsg_scope) = (None, None);
            objection.reason =
                format!("{refused} of {} lines rejected: {}", self.lines.len(), objection.reason);
        }
        SendOutcome::from(objection)
    }

    /// The line under way will not arrive, or not now.
    pub(in crate::protocol::irc) fn reject(&self, mut objection: SendError) -> SendOutcome {
        if self.lines.len() > 1
            && objection.retry_after.is_none()
            && objection.relaymsg_scope.is_none()
        {
            let SendError { reason: why, .. } = &objection;
            objection.reason = format!("line {} of {}: {why}", self.sent, self.lines.len());
        }
        SendOutcome::from(objection)
    }

    /// Whether the line under way came back in other words.
    pub(in crate::protocol::irc) fn has_altered_echo(&self) -> bool {
        self.altered_echoes > 0
    }
}
