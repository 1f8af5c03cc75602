//! Sends messages and handles their acknowledgements.

pub(super) mod direct;
pub(super) mod direct_targets;
pub(super) mod multiline;
pub(super) mod notice;
pub(super) mod outgoing;
pub(super) mod pacing;
pub(super) mod queue;
pub(super) mod receipt;
pub(super) mod relaymsg;
pub(super) mod split;

use std::time::Instant;

use super::errors::send::SendError;
use super::send::multiline::{MultilineLimits, OutgoingText};
use super::send::queue::{EchoClaim, ReplyTarget, SendResult};
use super::send::receipt::{Receipt, SendOutcome};
use super::send::split::Room;
use super::session::{IrcSession, MAX_LEN_USERHOST, last_argument};
use super::wire::batch::MessageContext;
use super::wire::charset::Charset;
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::{IncomingMessage, IrcEvent, Scope};

/// Maximum number of held-back lines under our nick.
const MAX_UNCLAIMED: usize = 64;

/// Length of the nicks that services assign when they enforce a nick: `Guest` and some digits.
const MAX_LEN_GUEST_NICK: usize = 12;

/// Sending messages.
impl IrcSession {
    pub(in crate::protocol::irc) fn send_message(
        &mut self,
        delivery: DeliveryId,
        endpoint: EndpointId,
        kind: MessageKind,
        (prefix, body): (&str, &str),
        relay: Option<&str>,
    ) {
        let Some(target) = self.channels.name_of(endpoint) else {
            let reason = "no such channel in the configuration".to_owned();
            self.output.push_back(Output::Event(IrcEvent::Rejected { delivery, endpoint, reason }));
            return;
        };
        let linelen = self.isupport.linelen;
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        let budget = match relay {
            None => self.text_budget(target, kind),
            Some(nick) => {
                if let Err(error) = relaymsg::relaymsg_line(kind, target, nick, "hello") {
                    let scope = Scope::Nick;
                    let reason = error.to_string();
                    let event = IrcEvent::RelaymsgRejected { delivery, endpoint, scope, reason };
                    return self.output.push_back(Output::Event(event));
                }
                // The server chooses the host for a relayed nick.
                let charset = self.charset(target);
                let (nick_width, width) = (charset.width(nick), charset.width(target));
                let source = nick_width + 1 + address.max(MAX_LEN_USERHOST);
                let relayed = linelen.saturating_sub(relaymsg::overhead(kind, width, nick_width));
                let bytes = split::text_budget(source, width, kind, linelen).min(relayed);
                Room { bytes, charset }
            }
        };
        let script =
            OutgoingText { delivery, kind, target, prefix, body, budget, relay_nick: relay };
        let lines = match self.multiline_limits() {
            // Batches are always UTF-8.
            Some(limits) if budget.charset.is_utf8() => script.batches(limits),
            _ => script.lines(),
        };
        self.send_queue.push(delivery, endpoint, lines);
    }

    /// How much text fits into one of our lines to `target`.
    pub(in crate::protocol::irc) fn text_budget(&self, target: &str, kind: MessageKind) -> Room {
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        // Allow for the longest nick that we may have when it is sent.
        let nick = self.nick.len().max(self.regain.wanted().len()).max(MAX_LEN_GUEST_NICK);
        let source = nick + 1 + address;
        let charset = self.charset(target);
        let bytes = split::text_budget(source, charset.width(target), kind, self.isupport.linelen);
        Room { bytes, charset }
    }

    /// The charset for messages to `target`.
    pub(in crate::protocol::irc) fn charset(&self, target: &str) -> Charset {
        match &self.charsets {
            Some(charsets) if !self.isupport.utf8_only => charsets.to(target),
            _ => Charset::Both(encoding_rs::UTF_8),
        }
    }

    /// The server's limits for multi-line messages, if supported.
    fn multiline_limits(&self) -> Option<MultilineLimits> {
        let receipts = self.best_receipt() != Receipt::Ping;
        let value = self
            .registration
            .cap_value(multiline::CAP_NAME)
            .filter(|_| receipts && self.batches_accepted);
        value.and_then(MultilineLimits::parse)
    }

    /// The best kind of receipt that the server supports.
    pub(in crate::protocol::irc) fn best_receipt(&self) -> Receipt {
        let has = |cap| self.registration.has_cap(cap);
        match (has("labeled-response") && has("batch"), has("echo-message")) {
            (true, echo) => Receipt::Label { echo },
            (false, true) => Receipt::Echo,
            (false, false) => Receipt::Ping,
        }
    }

    /// A line under our nick: an echo, or a message of another client of the same user.
    pub(in crate::protocol::irc) fn on_echo(
        &mut self,
        endpoint: EndpointId,
        message: (MessageKind, &str),
        context: &MessageContext,
    ) -> EchoClaim {
        let label = context.batch.label.as_deref();
        let (result, claim) =
            self.send_queue.on_echo(endpoint, label, message, context.message_ref.clone());
        self.report_send_result(result);
        // A relayed message is ours, no matter which user has the nick.
        if context.relayed_by.is_some() { EchoClaim::Own } else { claim }
    }

    /// Holds a line under our nick that may be an altered echo. The receipt of the line in flight decides.
    pub(in crate::protocol::irc) fn hold_unclaimed(
        &mut self,
        endpoint: EndpointId,
        message: IncomingMessage,
    ) {
        if self.unclaimed_lines.len() < MAX_UNCLAIMED {
            self.unclaimed_lines.push((endpoint, message));
        }
    }

    /// Reports held lines that were not the echo of the line in flight.
    fn release_unclaimed(&mut self, endpoint: EndpointId) {
        let mut messages: Vec<IncomingMessage> =
            self.unclaimed_lines.extract_if(.., |it| it.0 == endpoint).map(|it| it.1).collect();
        if self.send_queue.take_altered(endpoint) && !messages.is_empty() {
            messages.remove(0);
        }
        let events = messages
            .into_iter()
            .map(|message| Output::Event(IrcEvent::Message { endpoint, message }));
        self.output.extend(events);
    }

    /// A labeled response is complete.
    pub(in crate::protocol::irc) fn on_labeled_response(
        &mut self,
        now: Instant,
        context: &MessageContext,
    ) {
        if let Some(label) = &context.batch.label {
            let result = self.send_queue.on_labeled_response(label, now);
            self.report_send_result(result);
        }
    }

    /// A message was answered with the error numeric `code`.
    pub(in crate::protocol::irc) fn on_send_error(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let endpoint = arguments.get(1).and_then(|target| self.endpoint_of(target));
        let meant = match (label, endpoint) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(endpoint)) => ReplyTarget::Endpoint(endpoint),
            // Numerics that name no target; for other targets, it is not about our line.
            (None, None) if ["263", "407", "412", "417"].contains(&code) => ReplyTarget::Oldest,
            (None, None) => return,
        };
        if let (true, Some(name)) =
            (code == "404", endpoint.and_then(|it| self.channels.name_of(it)))
        {
            tracing::warn!(
                channel = name,
                reason = last_argument(arguments),
                "cannot send to the channel: if it is moderated (+m), or bans or mutes the \
                 bridge, give the bridge voice: MODE {name} +v {}",
                self.nick
            );
        }
        let error = self.parse_send_error(code, last_argument(arguments), now);
        let result = self.send_queue.on_error(meant, error, now);
        self.report_send_result(result);
    }

    /// Interprets an error; slows down if it is about flooding.
    fn parse_send_error(&mut self, code: &str, text: &str, now: Instant) -> SendError {
        if SendError::is_flood(code, text) {
            self.pacer.on_flood_warning(now);
        }
        SendError::parse(code, text)
    }

    /// A FAIL standard reply: its command, code, context and text.
    pub(in crate::protocol::irc) fn on_fail(
        &mut self,
        now: Instant,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let [command, code, about @ ..] = arguments else { return };
        if command == "CHATHISTORY" {
            return self.on_history_error(code, last_argument(arguments));
        }
        if command == "BATCH" {
            // It may report one batch line by line.
            if self.send_queue.disable_batches() {
                tracing::info!(
                    code,
                    reason = last_argument(arguments),
                    "multiline rejected; sending line by line"
                );
                self.batches_accepted = false;
            }
            return;
        }
        let relayed = command == "RELAYMSG";
        if !relayed && !["PRIVMSG", "NOTICE", "*"].contains(&command.as_str()) {
            return;
        }
        let endpoint = about.iter().find_map(|word| self.endpoint_of(word));
        let meant = match (context.batch.label.as_deref(), endpoint) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(endpoint)) => ReplyTarget::Endpoint(endpoint),
            (None, None) => ReplyTarget::Oldest,
        };
        let error = match relayed {
            true => relaymsg::parse_error(code, last_argument(arguments)),
            false => self.parse_send_error(code, last_argument(arguments), now),
        };
        let result = self.send_queue.on_error(meant, error, now);
        self.report_send_result(result);
    }

    /// RELAYMSG is unknown or not permitted, by the numeric `code`.
    pub(in crate::protocol::irc) fn on_relaymsg_error(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let endpoint = arguments.iter().skip(1).find_map(|word| self.channels.endpoint_of(word));
        let meant = match (label, endpoint) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(endpoint)) => ReplyTarget::Endpoint(endpoint),
            (None, None) => ReplyTarget::Oldest,
        };
        let error = relaymsg::parse_error(code, last_argument(arguments));
        let result = self.send_queue.on_error(meant, error, now);
        self.report_send_result(result);
    }

    /// Reports support for RELAYMSG, once.
    pub(in crate::protocol::irc) fn report_relaymsg(&mut self) {
        let mut values =
            relaymsg::CAP_NAMES.iter().filter_map(|name| self.registration.cap_value(name));
        let Some(separators) = values.next().filter(|_| !self.relaymsg_reported) else { return };
        let separators = if separators.is_empty() { "/" } else { separators }.to_owned();
        let limit = self.isupport.nicklen.unwrap_or(DEFAULT_NICK_LEN);
        self.relaymsg_reported = true;
        self.output.push_back(Output::Event(IrcEvent::RelaymsgAvailable {
            separators,
            max_nick_len: limit,
        }));
    }

    pub(in crate::protocol::irc) fn on_pong(&mut self, now: Instant, token: &str) {
        self.report_answer(now);
        let result = self.send_queue.on_pong(token, self.registration.is_bouncer(), now);
        self.report_send_result(result);
        let answer = self.history_requests.on_pong(token);
        self.report_history(answer);
    }

    /// Handles timeouts of messages.
    pub(in crate::protocol::irc) fn tick_send_queue(&mut self, now: Instant) {
        let passed = self.send_queue.tick(now);
        for result in passed.results {
            self.report_send_result(Some(result));
        }
        self.output.extend(passed.retries.into_iter().map(|it| Output::Event(IrcEvent::Retry(it))));
        if passed.ping_timed_out {
            self.close("ping timeout during sending".to_owned());
        }
    }

    pub(in crate::protocol::irc) fn report_send_result(&mut self, result: Option<SendResult>) {
        let Some(SendResult { delivery, endpoint, outcome }) = result else {
            return;
        };
        if !matches!(outcome, SendOutcome::PartiallyDelivered { .. }) {
            self.direct_targets.remove(endpoint);
        }
        self.output.push_back(Output::Event(match outcome {
            SendOutcome::PartiallyDelivered { delivered_bytes: end, message_ref } => {
                IrcEvent::PartiallyDelivered {
                    delivery,
                    endpoint,
                    delivered_bytes: end,
                    message_ref,
                }
            }
            SendOutcome::Delivered { message_ref } => {
                IrcEvent::Delivered { delivery, endpoint, message_ref }
            }
            SendOutcome::Rejected(reason) => IrcEvent::Rejected { delivery, endpoint, reason },
            SendOutcome::RelaymsgRejected { reason, scope } => {
                IrcEvent::RelaymsgRejected { delivery, endpoint, scope, reason }
            }
            SendOutcome::Deferred { reason, retry_after: _ } => {
                IrcEvent::Deferred { delivery, endpoint, reason }
            }
        }));
        if !self.unclaimed_lines.is_empty() {
            self.release_unclaimed(endpoint);
        }
    }
}

/// The assumed nick length, if the server does not announce one.
const DEFAULT_NICK_LEN: usize = 30;
