//! A message being sent, line by line.

use super::pacing::Priority;
use super::receipt::{MessageRef, Receipt, SendOutcome};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::wire::line::Line;

/// Prefix of the PING token that checks whether lines were processed.
pub(in crate::protocol::irc) const PING_PREFIX: &str = "said-";

/// How many lines are sent before a PING. After an interruption, a long text continues after the last
/// acknowledged line.
const LINES_PER_PING: usize = 4;

/// One line of a delivery, or a batch that arrives as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct OutgoingLine {
    /// Sent together; a label goes on the first.
    pub(in crate::protocol::irc) lines: Vec<Line>,
    /// The kind of message.
    pub(in crate::protocol::irc) kind: MessageKind,
    pub(in crate::protocol::irc) text: String,
    /// How many bytes of the delivery's body are sent up to its end.
    pub(in crate::protocol::irc) body_end: usize,
    /// The same content as single lines, for a batch.
    pub(in crate::protocol::irc) single_lines: Vec<OutgoingLine>,
}

impl OutgoingLine {
    fn is_batch(&self) -> bool {
        !self.single_lines.is_empty()
    }
}

/// A delivery being sent.
#[derive(Debug)]
pub(in crate::protocol::irc) struct OutgoingMessage {
    pub(in crate::protocol::irc) delivery: DeliveryId,
    pub(in crate::protocol::irc) endpoint: EndpointId,
    lines: Vec<OutgoingLine>,
    /// How many of `lines` were sent.
    sent: usize,
    /// How many were cancelled before; labels are not reused.
    cancelled: usize,
    /// The kind of receipt, fixed with the first line.
    receipt: Receipt,
    /// How many echoes did not match the line in flight.
    altered_echoes: usize,
    errors: Vec<SendError>,
}

impl OutgoingMessage {
    pub(in crate::protocol::irc) fn new(
        delivery: DeliveryId,
        endpoint: EndpointId,
        lines: Vec<OutgoingLine>,
    ) -> Self {
        let receipt = Receipt::Ping;
        let objections = Vec::new();
        Self {
            delivery,
            endpoint,
            lines,
            sent: 0,
            cancelled: 0,
            receipt,
            altered_echoes: 0,
            errors: objections,
        }
    }

    /// The priority, given that of the channel. The bridge's own notices can wait.
    pub(in crate::protocol::irc) fn priority(
        &self,
        weight: impl Fn(EndpointId) -> Priority,
    ) -> Priority {
        let notice = self.lines.first().is_some_and(|line| line.kind == MessageKind::Notice);
        if notice { Priority::Low } else { weight(self.endpoint) }
    }

    /// The next line, with a label if used, or the next batch.
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

    /// Whether a batch is in flight.
    pub(in crate::protocol::irc) fn is_batch_in_flight(&self) -> bool {
        self.sent > 0 && self.lines[self.sent - 1].is_batch()
    }

    /// The server rejects batches: splits the rest, and the batch in flight, into single lines.
    pub(in crate::protocol::irc) fn split_batches(&mut self) {
        if self.is_batch_in_flight() {
            self.sent -= 1;
            self.cancelled += 1;
        }
        let left = self.lines.split_off(self.sent).into_iter();
        let plain = left.flat_map(|it| if it.is_batch() { it.single_lines } else { vec![it] });
        self.lines.extend(plain);
    }

    /// Whether lines are sent in a row, with one PING after the last.
    pub(in crate::protocol::irc) fn uses_ping(&self) -> bool {
        self.receipt == Receipt::Ping
    }

    pub(in crate::protocol::irc) fn is_started(&self) -> bool {
        self.sent > 0
    }

    pub(in crate::protocol::irc) fn is_all_sent(&self) -> bool {
        self.sent == self.lines.len()
    }

    /// Whether a PING is due now.
    pub(in crate::protocol::irc) fn is_ping_due(&self) -> bool {
        self.is_all_sent() || self.sent.is_multiple_of(LINES_PER_PING)
    }

    /// The label of the line in flight.
    pub(in crate::protocol::irc) fn label(&self) -> String {
        format!("{}.{}", self.delivery.0, self.sent + self.cancelled)
    }

    /// The token of the PING after it.
    pub(in crate::protocol::irc) fn ping_token(&self) -> String {
        match self.receipt {
            Receipt::Ping => format!("{PING_PREFIX}{}", self.delivery.0),
            // Includes the line, since the PONG for an earlier one may be late.
            _ => format!("{PING_PREFIX}{}", self.label()),
        }
    }

    /// One of our lines was echoed. Returns whether it is the one in flight.
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

    /// Whether the line in flight may be echoed in altered form; not with labels.
    pub(in crate::protocol::irc) fn allows_altered_echo(&self) -> bool {
        self.receipt == Receipt::Echo
    }

    /// Whether an altered echo counts as the line in flight, now that the server has read everything.
    pub(in crate::protocol::irc) fn accepts_altered_echo(&self) -> bool {
        !self.uses_ping() && self.has_altered_echo()
    }

    /// The line in flight: its kind and text.
    pub(in crate::protocol::irc) fn in_flight(&self) -> Option<(MessageKind, &str)> {
        let line = self.lines.get(self.sent.wrapping_sub(1))?;
        Some((line.kind, &line.text))
    }

    /// The line in flight has arrived.
    pub(in crate::protocol::irc) fn accept(&mut self, message_ref: MessageRef) -> SendOutcome {
        let end = self.lines.get(self.sent.wrapping_sub(1)).map_or(0, |line| line.body_end);
        if self.is_all_sent() {
            SendOutcome::Delivered { message_ref }
        } else {
            SendOutcome::PartiallyDelivered { delivered_bytes: end, message_ref }
        }
    }

    pub(in crate::protocol::irc) fn add_error(&mut self, error: SendError) {
        self.errors.push(error);
    }

    /// The labeled response is complete, without an echo.
    pub(in crate::protocol::irc) fn finish_label(&mut self) -> SendOutcome {
        match (self.errors.pop(), self.receipt) {
            (Some(error), _) => self.reject(error),
            (None, Receipt::Label { echo: false }) => self.accept(MessageRef::default()),
            (None, _) => self.reject(SendError::dropped_silently()),
        }
    }

    /// The server has read the PING after the line or lines.
    pub(in crate::protocol::irc) fn finish_ping(&mut self) -> SendOutcome {
        if !self.uses_ping() {
            // The server may have altered a line that it echoed.
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
        let Some(mut error) = objections.into_iter().next() else {
            return self.accept(MessageRef::default());
        };
        // Which of the lines were rejected is not known; resending would duplicate the others.
        if refused < self.lines.len() {
            error.retry_after = None;
            error.relaymsg_scope = None;
            error.reason =
                format!("{refused} of {} lines rejected: {}", self.lines.len(), error.reason);
        }
        SendOutcome::from(error)
    }

    /// The line in flight was rejected or deferred.
    pub(in crate::protocol::irc) fn reject(&self, mut error: SendError) -> SendOutcome {
        if self.lines.len() > 1 && error.retry_after.is_none() && error.relaymsg_scope.is_none() {
            let SendError { reason, .. } = &error;
            error.reason = format!("line {} of {}: {reason}", self.sent, self.lines.len());
        }
        SendOutcome::from(error)
    }

    /// Whether the line in flight was echoed in altered form.
    pub(in crate::protocol::irc) fn has_altered_echo(&self) -> bool {
        self.altered_echoes > 0
    }
}
