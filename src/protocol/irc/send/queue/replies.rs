//! Matches what the server returns with the lines that were sent: echoes, labels, errors, PONG.

use std::time::{Duration, Instant};

use super::{AwaitingReceipt, EchoClaim, ReceiptStage, ReplyTarget, SendQueue, SendResult};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::send::outgoing::PING_PREFIX;
use crate::protocol::irc::send::receipt::MessageRef;

/// How long to wait for an echo behind a bouncer, which answers PING before its server does.
const BOUNCER_ECHO_TIMEOUT: Duration = Duration::from_secs(30);

/// Replies of the server.
impl SendQueue {
    /// A line under our nick was received from `endpoint`.
    pub(in crate::protocol::irc) fn on_echo(
        &mut self,
        endpoint: EndpointId,
        label: Option<&str>,
        (kind, text): (MessageKind, &str),
        message_ref: MessageRef,
    ) -> (Option<SendResult>, EchoClaim) {
        let seen = self.unseen_echoes.iter().position(|(source, as_kind, sent)| {
            (*source, *as_kind) == (endpoint, kind) && text::same_text(sent, text)
        });
        if let Some(at) = seen {
            self.unseen_echoes.remove(at);
        }
        let Some(AwaitingReceipt { message, .. }) = self.awaiting.get_mut(&endpoint) else {
            // A late echo, or that of a server that echoes without announcing it.
            let is_own = seen.is_some() || label.is_some();
            return (None, if is_own { EchoClaim::Own } else { EchoClaim::OtherClient });
        };
        if message.check_echo(label, kind, text) {
            let outcome = message.accept(message_ref);
            return (self.resolve(endpoint, outcome, None), EchoClaim::Own);
        }
        let claim = match (seen.is_some() || label.is_some(), message.allows_altered_echo()) {
            (true, _) => EchoClaim::Own,
            (false, true) => EchoClaim::Maybe,
            (false, false) => EchoClaim::OtherClient,
        };
        (None, claim)
    }

    /// Whether an altered echo was accepted for the line in flight to `endpoint`.
    pub(in crate::protocol::irc) fn take_altered(&mut self, endpoint: EndpointId) -> bool {
        self.altered_at.take_if(|taken| *taken == endpoint).is_some()
    }

    /// The response to `label` is complete, without the line itself.
    pub(in crate::protocol::irc) fn on_labeled_response(
        &mut self,
        label: &str,
        now: Instant,
    ) -> Option<SendResult> {
        let endpoint = self.find_labeled(label)?;
        let outcome = self.awaiting.get_mut(&endpoint)?.message.finish_label();
        self.resolve(endpoint, outcome, Some(now))
    }

    /// The server returned an error.
    pub(in crate::protocol::irc) fn on_error(
        &mut self,
        meant: ReplyTarget<'_>,
        error: SendError,
        now: Instant,
    ) -> Option<SendResult> {
        let endpoint = match meant {
            ReplyTarget::Label(label) => self.find_labeled(label)?,
            ReplyTarget::Endpoint(endpoint) => endpoint,
            // A server reads in order, so it is about the oldest line.
            ReplyTarget::Oldest => self.oldest()?,
        };
        let Some(waiting) = self.awaiting.get_mut(&endpoint) else {
            let mut started = self.ready.iter_mut().filter(|it| it.is_started() && it.uses_ping());
            started.find(|message| message.endpoint == endpoint)?.add_error(error);
            return None;
        };
        if waiting.message.uses_ping() {
            waiting.message.add_error(error);
            return None;
        }
        let outcome = waiting.message.reject(error);
        self.resolve(endpoint, outcome, Some(now))
    }

    /// The server has answered our PING `token`.
    pub(in crate::protocol::irc) fn on_pong(
        &mut self,
        token: &str,
        bouncer: bool,
        now: Instant,
    ) -> Option<SendResult> {
        let endpoint = self.find_awaiting(token.strip_prefix(PING_PREFIX)?, |waiting| {
            waiting.stage == ReceiptStage::PingSent && waiting.message.ping_token() == token
        })?;
        let waiting = self.awaiting.get_mut(&endpoint)?;
        if bouncer && !waiting.message.uses_ping() && !waiting.message.has_altered_echo() {
            let AwaitingReceipt { message, .. } = self.take_awaiting(endpoint)?;
            self.await_receipt(message, ReceiptStage::BouncerGrace, now + BOUNCER_ECHO_TIMEOUT);
            return None;
        }
        self.altered_at = waiting.message.accepts_altered_echo().then_some(endpoint);
        let outcome = waiting.message.finish_ping();
        self.resolve(endpoint, outcome, Some(now))
    }

    fn find_labeled(&self, label: &str) -> Option<EndpointId> {
        self.find_awaiting(label, |waiting| {
            !waiting.message.uses_ping() && waiting.message.label() == label
        })
    }

    /// The endpoint of the delivery with the number at the beginning of `label`, if `is_meant` agrees. A server answers
    /// in the order in which it was sent to, so the first ones are looked at first.
    fn find_awaiting(
        &self,
        label: &str,
        is_meant: impl Fn(&AwaitingReceipt) -> bool,
    ) -> Option<EndpointId> {
        let delivery = label.split('.').next()?.parse().ok().map(DeliveryId)?;
        let mut waiting =
            self.timers.iter().filter_map(|(_, endpoint)| self.awaiting.get(endpoint));
        let found = waiting.find(|waiting| waiting.message.delivery == delivery)?;
        is_meant(found).then_some(found.message.endpoint)
    }

    fn oldest(&self) -> Option<EndpointId> {
        let started = self.ready.iter().find(|message| message.is_started() && message.uses_ping());
        // Waiting messages were sent before those with lines left; timers are in order.
        self.timers
            .first()
            .map(|(_, endpoint)| *endpoint)
            .or_else(|| started.map(|message| message.endpoint))
    }
}
