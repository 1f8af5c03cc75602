pub(super) mod direct;
pub(super) mod direct_targets;
pub(super) mod multiline;
pub(super) mod notice;
pub(super) mod outgoing;
pub(super) mod pacing;
pub(super) mod queue;
pub(super) mod relaymsg;
pub(super) mod split;

use std::time::Instant;

use super::errors::send::SendError;
use super::send::multiline::{MultilineLimits, OutgoingText};
use super::send::queue::{EchoClaim, Receipt, ReplyTarget, SendOutcome, SendResult};
use super::send::split::Room;
use super::session::{IrcSession, MAX_LEN_USERHOST, last_argument};
use super::wire::batch::MessageContext;
use super::wire::line::Charset;
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::{IncomingMessage, IrcEvent, Scope};

/// How many lines under our nick wait until it is known whose they are.
const MAX_UNCLAIMED: usize = 64;

/// What services call those whose nick they take away: `Guest` and some digits.
const MAX_LEN_GUEST_NICK: usize = 12;

/// What we say, and what the server makes of it.
impl IrcSession {
    pub(in crate::protocol::irc) fn send_message(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        kind: MessageKind,
        (prefix, body): (&str, &str),
        relay: Option<&str>,
    ) {
        let Some(target) = self.channels.name_of(place) else {
            let why = "no such channel in the configuration".to_owned();
            self.output.push_back(Output::Event(IrcEvent::Rejected {
                delivery: ticket,
                endpoint: place,
                reason: why,
            }));
            return;
        };
        let linelen = self.isupport.linelen;
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        let budget = match relay {
            None => self.text_budget(target, kind),
            Some(nick) => {
                if let Err(error) = relaymsg::relaymsg_line(kind, target, nick, "hello") {
                    let (scope, why) = (Scope::Nick, error.to_string());
                    let event = IrcEvent::RelaymsgRejected {
                        delivery: ticket,
                        endpoint: place,
                        scope,
                        reason: why,
                    };
                    return self.output.push_back(Output::Event(event));
                }
                // Whose host the server shows for it, is its own affair.
                let charset = self.charset(target);
                let (nick_width, width) = (charset.width(nick), charset.width(target));
                let source = nick_width + 1 + address.max(MAX_LEN_USERHOST);
                let ours = linelen.saturating_sub(relaymsg::overhead(kind, width, nick_width));
                let bytes = split::text_budget(source, width, kind, linelen).min(ours);
                Room { bytes, charset }
            }
        };
        let script = OutgoingText {
            delivery: ticket,
            kind,
            target,
            prefix,
            body,
            budget,
            relay_nick: relay,
        };
        let lines = match self.multiline_limits() {
            // Of batches, UTF-8 is the only form.
            Some(limits) if budget.charset.is_utf8() => script.batches(limits),
            _ => script.lines(),
        };
        self.send_queue.push(ticket, place, lines);
    }

    /// How much text a line of ours to `target` has room for.
    pub(in crate::protocol::irc) fn text_budget(&self, target: &str, kind: MessageKind) -> Room {
        let address = self.userhost.as_ref().map_or(MAX_LEN_USERHOST, String::len);
        // As long as what we may be called by the time it is said.
        let nick = self.nick.len().max(self.regain.wanted().len()).max(MAX_LEN_GUEST_NICK);
        let (source, charset) = (nick + 1 + address, self.charset(target));
        let bytes = split::text_budget(source, charset.width(target), kind, self.isupport.linelen);
        Room { bytes, charset }
    }

    /// How what is said to `target` is written.
    pub(in crate::protocol::irc) fn charset(&self, target: &str) -> Charset {
        match &self.charsets {
            Some(charsets) if !self.isupport.utf8_only => charsets.to(target),
            _ => Charset::Both(encoding_rs::UTF_8),
        }
    }

    /// How much the server takes as one message of several lines, if it does.
    fn multiline_limits(&self) -> Option<MultilineLimits> {
        let receipts = self.best_receipt() != Receipt::Ping;
        let value = self
            .registration
            .cap_value(multiline::CAP_NAME)
            .filter(|_| receipts && self.batches_accepted);
        value.and_then(MultilineLimits::parse)
    }

    /// The best receipt that the server offers.
    pub(in crate::protocol::irc) fn best_receipt(&self) -> Receipt {
        let has = |cap| self.registration.has_cap(cap);
        match (has("labeled-response") && has("batch"), has("echo-message")) {
            (true, echo) => Receipt::Label { echo },
            (false, true) => Receipt::Echo,
            (false, false) => Receipt::Ping,
        }
    }

    /// A line under our nick: one of ours that came back, or what another client of the same user says.
    pub(in crate::protocol::irc) fn on_echo(
        &mut self,
        place: EndpointId,
        talk: (MessageKind, &str),
        context: &MessageContext,
    ) -> EchoClaim {
        let label = context.batch.label.as_deref();
        let (verdict, claim) =
            self.send_queue.on_echo(place, label, talk, context.message_ref.clone());
        self.report_send_result(verdict);
        // Whose nick the server lends us, is ours to use.
        if context.relayed_by.is_some() { EchoClaim::Own } else { claim }
    }

    /// A line under our nick that may be the one under way in other words: that is known when that one is
    /// confirmed.
    pub(in crate::protocol::irc) fn hold_unclaimed(
        &mut self,
        place: EndpointId,
        talk: IncomingMessage,
    ) {
        if self.unclaimed_lines.len() < MAX_UNCLAIMED {
            self.unclaimed_lines.push((place, talk));
        }
    }

    /// What was said under our nick while a line of ours was under way, and was not that line.
    fn release_unclaimed(&mut self, place: EndpointId) {
        let mut said: Vec<IncomingMessage> =
            self.unclaimed_lines.extract_if(.., |it| it.0 == place).map(|it| it.1).collect();
        if self.send_queue.take_altered(place) && !said.is_empty() {
            said.remove(0);
        }
        let heard = said
            .into_iter()
            .map(|talk| Output::Event(IrcEvent::Message { endpoint: place, message: talk }));
        self.output.extend(heard);
    }

    /// The answer to what we said with a label is complete.
    pub(in crate::protocol::irc) fn on_labeled_response(
        &mut self,
        now: Instant,
        context: &MessageContext,
    ) {
        if let Some(label) = &context.batch.label {
            let verdict = self.send_queue.on_labeled_response(label, now);
            self.report_send_result(verdict);
        }
    }

    /// The server has something against a line, by the numeric `code`.
    pub(in crate::protocol::irc) fn on_send_error(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let place = arguments.get(1).and_then(|target| self.endpoint_of(target));
        let meant = match (label, place) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(place)) => ReplyTarget::Endpoint(place),
            // Those that name no target; of others, it is no line of ours.
            (None, None) if ["263", "407", "412", "417"].contains(&code) => ReplyTarget::Oldest,
            (None, None) => return,
        };
        if let (true, Some(name)) = (code == "404", place.and_then(|it| self.channels.name_of(it)))
        {
            tracing::warn!(
                channel = name,
                reason = last_argument(arguments),
                "cannot send to the channel: if it is moderated (+m), or bans or mutes the \
                 bridge, give the bridge voice: MODE {name} +v {}",
                self.nick
            );
        }
        let objection = self.parse_send_error(code, last_argument(arguments), now);
        let verdict = self.send_queue.on_error(meant, objection, now);
        self.report_send_result(verdict);
    }

    /// What the server has against a line of ours; where that is its pace, the next are slower.
    fn parse_send_error(&mut self, code: &str, text: &str, now: Instant) -> SendError {
        if SendError::is_flood(code, text) {
            self.pacer.on_flood_warning(now);
        }
        SendError::parse(code, text)
    }

    /// A standard reply that says no: its command, its code, what it is about, and words.
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
            // Of one batch it may complain line by line.
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
        let place = about.iter().find_map(|word| self.endpoint_of(word));
        let meant = match (context.batch.label.as_deref(), place) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(place)) => ReplyTarget::Endpoint(place),
            (None, None) => ReplyTarget::Oldest,
        };
        let objection = match relayed {
            true => relaymsg::parse_error(code, last_argument(arguments)),
            false => self.parse_send_error(code, last_argument(arguments), now),
        };
        let verdict = self.send_queue.on_error(meant, objection, now);
        self.report_send_result(verdict);
    }

    /// The server knows no `RELAYMSG`, or not of us: by the numeric `code`.
    pub(in crate::protocol::irc) fn on_relaymsg_error(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let place = arguments.iter().skip(1).find_map(|word| self.channels.endpoint_of(word));
        let meant = match (label, place) {
            (Some(label), _) => ReplyTarget::Label(label),
            (None, Some(place)) => ReplyTarget::Endpoint(place),
            (None, None) => ReplyTarget::Oldest,
        };
        let objection = relaymsg::parse_error(code, last_argument(arguments));
        let verdict = self.send_queue.on_error(meant, objection, now);
        self.report_send_result(verdict);
    }

    /// Tells, once, that the server lends nicks.
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
        let verdict = self.send_queue.on_pong(token, self.registration.is_bouncer(), now);
        self.report_send_result(verdict);
        let answer = self.history_requests.on_pong(token);
        self.report_history(answer);
    }

    /// What time has brought to what we said.
    pub(in crate::protocol::irc) fn tick_send_queue(&mut self, now: Instant) {
        let passed = self.send_queue.tick(now);
        for verdict in passed.results {
            self.report_send_result(Some(verdict));
        }
        self.output.extend(passed.retries.into_iter().map(|it| Output::Event(IrcEvent::Retry(it))));
        if passed.ping_timed_out {
            self.close("ping timeout during sending".to_owned());
        }
    }

    pub(in crate::protocol::irc) fn report_send_result(&mut self, verdict: Option<SendResult>) {
        let Some(SendResult { delivery: ticket, endpoint: place, outcome }) = verdict else {
            return;
        };
        if !matches!(outcome, SendOutcome::PartiallyDelivered { .. }) {
            self.direct_targets.remove(place);
        }
        self.output.push_back(Output::Event(match outcome {
            SendOutcome::PartiallyDelivered { delivered_bytes: end, message_ref: mark } => {
                IrcEvent::PartiallyDelivered {
                    delivery: ticket,
                    endpoint: place,
                    delivered_bytes: end,
                    message_ref: mark,
                }
            }
            SendOutcome::Delivered { message_ref: mark } => {
                IrcEvent::Delivered { delivery: ticket, endpoint: place, message_ref: mark }
            }
            SendOutcome::Rejected(why) => {
                IrcEvent::Rejected { delivery: ticket, endpoint: place, reason: why }
            }
            SendOutcome::RelaymsgRejected { reason: why, scope } => {
                IrcEvent::RelaymsgRejected { delivery: ticket, endpoint: place, scope, reason: why }
            }
            SendOutcome::Deferred { reason: why, retry_after: _ } => {
                IrcEvent::Deferred { delivery: ticket, endpoint: place, reason: why }
            }
        }));
        if !self.unclaimed_lines.is_empty() {
            self.release_unclaimed(place);
        }
    }
}

/// How long a nick may be where the server does not say.
const DEFAULT_NICK_LEN: usize = 30;
