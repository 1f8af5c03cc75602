//! Sends deliveries to the server and determines whether they have arrived.

mod replies;
mod results;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::outgoing::OutgoingMessage;
use super::pacing::{Pacer, Priority};
use super::receipt::{Receipt, SendOutcome};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::irc::errors::send::SendError;
use crate::protocol::irc::wire::line::Line;

pub(in crate::protocol::irc) use super::outgoing::OutgoingLine;
pub(in crate::protocol::irc) use results::{
    EchoClaim, NextLines, ReplyTarget, SendResult, Timeouts,
};

/// How long to wait for a receipt before sending PING.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for PONG before giving up on the server.
const PONG_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a delivery can be deferred.
const MAX_DEFERRALS: u32 = 5;

/// How many sent lines without an echo are remembered.
const MAX_UNSEEN: usize = 64;

/// Deliveries on their way to the server.
///
/// If the server gives receipts, one line of a delivery is in flight at a time. So at most one is ever in doubt, and
/// nothing is sent after a rejected line. A missing receipt is checked with a PING: a server reads in order, so its
/// PONG shows that the line was read. A batch counts as one line here. Only one batch is in flight at a time, because
/// a server need not say which of two it rejects.
///
/// Without receipts, a few lines are sent in a row, with a PING at the end. The PONG shows that all were read, and any
/// error has arrived before it.
///
/// ```text
///         line            receipt, lines left
///  ready ─────▶ Sent ──────────────────────────────▶ PartiallyDelivered, ready
///                │  └── receipt of the last line ──▶ Delivered
///                │ no receipt in time: PING
///                ▼        PONG
///            PingSent ─────────────────────────────▶ Delivered | PartiallyDelivered | Rejected | Deferred
///                │ PONG of a bouncer
///                ▼        receipt, or none in time
///          BouncerGrace ───────────────────────────▶ Delivered | PartiallyDelivered | Rejected
/// ```
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct SendQueue {
    ready: VecDeque<OutgoingMessage>,
    /// Queries to send after the lines of an endpoint.
    pings: VecDeque<(EndpointId, Line)>,
    awaiting: HashMap<EndpointId, AwaitingReceipt>,
    timers: BTreeSet<(Instant, EndpointId)>,
    /// Deferred endpoints, and until when.
    deferred: BTreeSet<(Instant, EndpointId)>,
    /// Consecutive deferrals of a delivery.
    deferrals: HashMap<EndpointId, (DeliveryId, u32)>,
    /// Recently sent lines without an echo, which may still arrive.
    unseen_echoes: VecDeque<(EndpointId, MessageKind, String)>,
    /// Where an altered echo was accepted for the line in flight.
    altered_at: Option<EndpointId>,
}

/// A delivery that waits for the server.
#[derive(Debug)]
struct AwaitingReceipt {
    message: OutgoingMessage,
    stage: ReceiptStage,
    due_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReceiptStage {
    Sent,
    PingSent,
    BouncerGrace,
}

impl SendQueue {
    pub(in crate::protocol::irc) fn push(
        &mut self,
        delivery: DeliveryId,
        endpoint: EndpointId,
        lines: Vec<OutgoingLine>,
    ) {
        self.ready.push_back(OutgoingMessage::new(delivery, endpoint, lines));
    }

    /// The highest priority with something to send, where `weight` gives that of channels.
    pub(in crate::protocol::irc) fn priority(
        &self,
        weight: impl Fn(EndpointId) -> Priority,
    ) -> Option<Priority> {
        let asks = |urgent| self.pings.iter().any(|(endpoint, _)| weight(*endpoint) == urgent);
        let says =
            |urgent| self.find_sendable(|message| message.priority(&weight) == urgent).is_some();
        [Priority::High, Priority::Low].into_iter().find(|urgent| asks(*urgent) || says(*urgent))
    }

    /// The next lines. Channels take turns, so that a long text in one does not delay the others. Endpoints
    /// that `pacer` does not allow now are skipped, together with their queries, which cost as much.
    pub(in crate::protocol::irc) fn next_line(
        &mut self,
        receipt: Receipt,
        pacer: &Pacer,
        now: Instant,
    ) -> Option<NextLines> {
        let weight = |endpoint| pacer.priority(endpoint, now);
        let asked =
            self.pings.iter().position(|(endpoint, _)| pacer.can_send(weight(*endpoint), now));
        if let Some((endpoint, ping)) = asked.and_then(|at| self.pings.remove(at)) {
            return Some(NextLines { endpoint: Some(endpoint), ..NextLines::control(ping) });
        }
        let at = self.find_sendable(|message| pacer.can_send(message.priority(weight), now))?;
        let mut message = self.ready.remove(at)?;
        let lines = message.next_lines(receipt)?;
        if let Some((kind, text)) = message.in_flight() {
            if self.unseen_echoes.len() >= MAX_UNSEEN {
                self.unseen_echoes.pop_front();
            }
            self.unseen_echoes.push_back((message.endpoint, kind, text.to_owned()));
        }
        let (endpoint, delivery) = (Some(message.endpoint), Some(message.delivery));
        if !message.uses_ping() {
            self.await_receipt(message, ReceiptStage::Sent, now + RECEIPT_TIMEOUT);
        } else if message.is_ping_due() {
            self.pings.push_back((message.endpoint, ping_line(&message)));
            self.await_receipt(message, ReceiptStage::PingSent, now + PONG_TIMEOUT);
        } else {
            self.ready.push_back(message);
        }
        Some(NextLines { lines, endpoint, delivery })
    }

    /// The server rejects batches: sends single lines from now on. Returns whether a batch was in flight.
    pub(in crate::protocol::irc) fn disable_batches(&mut self) -> bool {
        let mut waiting = self.awaiting.values().map(|waiting| &waiting.message);
        let refused =
            waiting.find(|message| message.is_batch_in_flight()).map(|message| message.endpoint);
        if let Some(AwaitingReceipt { message, .. }) =
            refused.and_then(|endpoint| self.take_awaiting(endpoint))
        {
            self.ready.push_front(message);
        }
        let waiting = self.awaiting.values_mut().map(|waiting| &mut waiting.message);
        self.ready.iter_mut().chain(waiting).for_each(OutgoingMessage::split_batches);
        refused.is_some()
    }

    /// Cancels the unsent rest of the delivery to `endpoint`. `None` if all of it was sent.
    pub(in crate::protocol::irc) fn cancel(
        &mut self,
        endpoint: EndpointId,
        reason: &str,
    ) -> Option<SendResult> {
        let at = self.ready.iter().position(|message| message.endpoint == endpoint)?;
        let message = self.ready.remove(at)?;
        let error =
            SendError { reason: reason.to_owned(), retry_after: None, relaymsg_scope: None };
        let outcome = SendOutcome::from(error);
        Some(SendResult { delivery: message.delivery, endpoint, outcome })
    }

    /// Handles timeouts.
    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) -> Timeouts {
        let mut passed = Timeouts::default();
        while let Some((_, endpoint)) = self.timers.first().copied().filter(|(due, _)| *due <= now)
        {
            let Some(AwaitingReceipt { mut message, stage, .. }) = self.take_awaiting(endpoint)
            else {
                break;
            };
            match stage {
                ReceiptStage::Sent => {
                    self.pings.push_back((message.endpoint, ping_line(&message)));
                    self.await_receipt(message, ReceiptStage::PingSent, now + PONG_TIMEOUT);
                }
                ReceiptStage::BouncerGrace => {
                    self.altered_at =
                        message.accepts_altered_echo().then_some(endpoint).or(self.altered_at);
                    let outcome = message.finish_ping();
                    self.await_receipt(message, stage, now);
                    passed.results.extend(self.resolve(endpoint, outcome, Some(now)));
                }
                ReceiptStage::PingSent => passed.ping_timed_out = true,
            }
        }
        while let Some((until, endpoint)) =
            self.deferred.first().copied().filter(|(at, _)| *at <= now)
        {
            self.deferred.remove(&(until, endpoint));
            passed.retries.push(endpoint);
        }
        passed
    }

    /// When [`Self::tick`] should be called next.
    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, EndpointId)>| set.first().map(|(at, _)| *at);
        [first(&self.timers), first(&self.deferred)].into_iter().flatten().min()
    }

    /// The next of the ready messages that `may` accepts.
    fn find_sendable(&self, may: impl Fn(&OutgoingMessage) -> bool) -> Option<usize> {
        let is_batch_in_flight =
            || self.awaiting.values().any(|waiting| waiting.message.is_batch_in_flight());
        self.ready
            .iter()
            .position(|message| may(message) && !(message.is_batch_next() && is_batch_in_flight()))
    }

    fn await_receipt(&mut self, message: OutgoingMessage, stage: ReceiptStage, due: Instant) {
        let endpoint = message.endpoint;
        self.take_awaiting(endpoint);
        self.timers.insert((due, endpoint));
        self.awaiting.insert(endpoint, AwaitingReceipt { message, stage, due_at: due });
    }

    fn take_awaiting(&mut self, endpoint: EndpointId) -> Option<AwaitingReceipt> {
        let waiting = self.awaiting.remove(&endpoint)?;
        self.timers.remove(&(waiting.due_at, endpoint));
        Some(waiting)
    }

    /// Ends the wait at `endpoint` with `outcome`.
    fn resolve(
        &mut self,
        endpoint: EndpointId,
        mut outcome: SendOutcome,
        now: Option<Instant>,
    ) -> Option<SendResult> {
        let AwaitingReceipt { message, .. } = self.take_awaiting(endpoint)?;
        let delivery = message.delivery;
        match &mut outcome {
            SendOutcome::PartiallyDelivered { .. } => self.ready.push_back(message),
            SendOutcome::Deferred { reason, retry_after: after } => {
                let put_off = self.deferrals.entry(endpoint).or_insert((delivery, 0));
                let times = if put_off.0 == delivery { put_off.1 + 1 } else { 1 };
                *put_off = (delivery, times);
                if times > MAX_DEFERRALS {
                    outcome = SendOutcome::Rejected(std::mem::take(reason));
                } else {
                    self.deferred.extend(now.map(|now| (now + *after, endpoint)));
                }
            }
            SendOutcome::Delivered { .. }
            | SendOutcome::Rejected(_)
            | SendOutcome::RelaymsgRejected { .. } => {}
        }
        if !matches!(outcome, SendOutcome::PartiallyDelivered { .. } | SendOutcome::Deferred { .. })
        {
            self.deferrals.remove(&endpoint);
        }
        Some(SendResult { delivery, endpoint, outcome })
    }
}

fn ping_line(message: &OutgoingMessage) -> Line {
    Line::new("PING", &[&message.ping_token()]).expect("letters, digits and dots form a valid line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::FloodControl;
    use crate::protocol::irc::send::pacing::LearnedPace;
    use crate::protocol::irc::send::receipt::MessageRef;
    use crate::protocol::irc::wire::line::SafeText;

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);
    const LABEL: Receipt = Receipt::Label { echo: true };

    fn outgoing_lines(texts: &[&str]) -> Vec<OutgoingLine> {
        let mut end = 0;
        let utterance = |text: &&str| {
            end += text.len();
            let line = Line::message(MessageKind::Text, "#tea", &SafeText::sanitize(text));
            let (lines, text) = (vec![line], (*text).to_owned());
            OutgoingLine {
                lines,
                kind: MessageKind::Text,
                text,
                body_end: end,
                single_lines: Vec::new(),
            }
        };
        texts.iter().map(utterance).collect()
    }

    /// A queue with these lines as delivery 1, acknowledged by `receipt`.
    struct SendQueueFixture {
        queue: SendQueue,
        receipt: Receipt,
        pacer: Pacer,
        now: Instant,
    }

    impl SendQueueFixture {
        fn new(receipt: Receipt, texts: &[&str]) -> Self {
            let mut queue = SendQueue::default();
            if !texts.is_empty() {
                queue.push(DeliveryId(1), TEA, outgoing_lines(texts));
            }
            let now = Instant::now();
            let pacer = Pacer::new(FloodControl::Off, LearnedPace::new(now), now);
            Self { queue, receipt, pacer, now }
        }

        fn sent(&mut self) -> Vec<String> {
            let next = || Some(self.queue.next_line(self.receipt, &self.pacer, self.now)?.lines);
            std::iter::from_fn(next).flatten().map(|line| line.to_string()).collect()
        }

        fn wait(&mut self, seconds: u64) -> Timeouts {
            self.now += Duration::from_secs(seconds);
            self.queue.tick(self.now)
        }

        fn echo(&mut self, label: Option<&str>, text: &str) -> Option<SendOutcome> {
            let message_ref = MessageRef::default();
            Some(self.queue.on_echo(TEA, label, (MessageKind::Text, text), message_ref).0?.outcome)
        }

        fn object(
            &mut self,
            meant: ReplyTarget<'_>,
            code: &str,
            reason: &str,
        ) -> Option<SendOutcome> {
            Some(self.queue.on_error(meant, SendError::parse(code, reason), self.now)?.outcome)
        }

        fn pong(&mut self, token: &str) -> Option<SendOutcome> {
            Some(self.queue.on_pong(token, false, self.now)?.outcome)
        }
    }

    fn delivered() -> Option<SendOutcome> {
        Some(SendOutcome::Delivered { message_ref: MessageRef::default() })
    }

    fn partially_delivered(end: usize) -> Option<SendOutcome> {
        Some(SendOutcome::PartiallyDelivered {
            delivered_bytes: end,
            message_ref: MessageRef::default(),
        })
    }

    fn rejected(reason: &str) -> Option<SendOutcome> {
        Some(SendOutcome::Rejected(reason.to_owned()))
    }

    #[test]
    fn channels_take_turns() {
        let mut scene = SendQueueFixture::new(Receipt::Ping, &["a1", "a2", "a3"]);
        scene.queue.push(DeliveryId(2), DEV, outgoing_lines(&["b1"]));
        let said = scene.sent();
        let said: Vec<&str> =
            said.iter().map(|l| l.rsplit([':', ' ']).next().expect("a word")).collect();
        assert_eq!(said, ["a1", "b1", "said-2", "a2", "a3", "said-1"]);
    }

    #[test]
    fn channel_below_its_share_does_not_wait_for_a_backlog() {
        let mut scene = SendQueueFixture::new(Receipt::Ping, &[]);
        let now = scene.now;
        scene.pacer = Pacer::new(FloodControl::Standard, LearnedPace::new(now), now);
        let is_free = |queue: &SendQueue, endpoint: EndpointId| {
            let ready = queue.ready.iter().any(|message| message.endpoint == endpoint);
            !ready && !queue.awaiting.contains_key(&endpoint)
        };
        let mut said = [0, 0];
        for tenth in 0..1_200 {
            scene.now = now + Duration::from_millis(100) * tenth;
            if is_free(&scene.queue, TEA) {
                scene.queue.push(DeliveryId(1), TEA, outgoing_lines(&["one of thousands"]));
            }
            if tenth % 60 == 50 {
                assert!(is_free(&scene.queue, DEV), "after {tenth} tenths of a second");
                scene.queue.push(DeliveryId(2), DEV, outgoing_lines(&["now and then"]));
            }
            while scene.pacer.can_send(Priority::High, scene.now)
                && let Some(next) = scene.queue.next_line(scene.receipt, &scene.pacer, scene.now)
            {
                scene.pacer.spend(next.lines[0].len(), next.endpoint, scene.now);
                let line = next.lines[0].to_string();
                line.strip_prefix("PING ").map(|token| scene.pong(token));
                said[usize::from(next.endpoint == Some(DEV))] += 1;
            }
            let waits = scene.queue.ready.iter().any(|message| message.endpoint == DEV);
            assert!(!waits, "after {tenth} tenths of a second");
        }
        assert_eq!(said[1], 40);
        assert!(said[0] >= 75, "what is left is for the backlog: {said:?}");
    }

    /// Two lines in one batch.
    fn batch() -> Vec<OutgoingLine> {
        let plain = outgoing_lines(&["a", "b"]);
        let (lines, text) = (plain[0].lines.clone(), "a\nb".to_owned());
        vec![OutgoingLine {
            lines,
            kind: MessageKind::Text,
            text,
            body_end: 2,
            single_lines: plain,
        }]
    }

    #[test]
    fn one_batch_is_in_flight_at_a_time() {
        let mut scene = SendQueueFixture::new(LABEL, &[]);
        for (delivery, endpoint) in [(2, TEA), (3, DEV)] {
            scene.queue.push(DeliveryId(delivery), endpoint, batch());
        }
        scene.queue.push(DeliveryId(4), EndpointId(3), outgoing_lines(&["c"]));
        let sent = scene.sent();
        assert_eq!(sent, ["@label=2.1 PRIVMSG #tea :a", "@label=4.1 PRIVMSG #tea :c"]);
        assert_eq!(scene.queue.priority(|_| Priority::High), None);
        assert_eq!(scene.echo(Some("2.1"), "a\nb"), delivered());
        assert_eq!(scene.sent(), ["@label=3.1 PRIVMSG #tea :a"]);
    }

    #[test]
    fn rejected_batch_is_resent_line_by_line_with_new_labels() {
        let mut scene = SendQueueFixture::new(LABEL, &[]);
        scene.queue.push(DeliveryId(2), TEA, batch());
        scene.queue.push(DeliveryId(3), DEV, batch());
        scene.sent();
        assert!(scene.queue.disable_batches());
        assert!(!scene.queue.disable_batches(), "of one batch there may be several complaints");
        assert_eq!(scene.sent(), ["@label=2.2 PRIVMSG #tea :a", "@label=3.1 PRIVMSG #tea :a"]);
        assert_eq!(scene.echo(Some("2.2"), "a"), partially_delivered(1));
        assert_eq!(scene.sent(), ["@label=2.3 PRIVMSG #tea :b"]);
    }

    #[test]
    fn error_before_the_pong_rejects_the_message() {
        let mut scene = SendQueueFixture::new(Receipt::Ping, &["a"]);
        scene.sent();
        assert_eq!(scene.object(ReplyTarget::Endpoint(DEV), "404", "elsewhere"), None);
        assert_eq!(scene.object(ReplyTarget::Endpoint(TEA), "404", "Cannot send to channel"), None);
        assert_eq!(scene.pong("other"), None);
        assert_eq!(scene.pong("said-1"), rejected("Cannot send to channel"));
        assert_eq!(scene.pong("said-1"), None, "told once");
    }

    #[test]
    fn error_before_the_pong_does_not_name_the_line() {
        let mut scene = SendQueueFixture::new(Receipt::Ping, &["a", "b"]);
        scene.sent();
        scene.object(ReplyTarget::Endpoint(TEA), "439", "Too fast, wait 5 seconds");
        assert_eq!(
            scene.pong("said-1"),
            rejected("1 of 2 lines rejected: Too fast, wait 5 seconds")
        );
        let mut scene = SendQueueFixture::new(Receipt::Ping, &["a"]);
        scene.sent();
        scene.object(ReplyTarget::Oldest, "439", "Too fast, wait 5 seconds");
        assert!(
            matches!(scene.pong("said-1"), Some(SendOutcome::Deferred { .. })),
            "none has arrived"
        );
    }

    #[test]
    fn labeled_line_needs_no_ping() {
        let mut scene = SendQueueFixture::new(LABEL, &["a", "b"]);
        assert_eq!(scene.sent(), ["@label=1.1 PRIVMSG #tea :a"]);
        assert_eq!(scene.echo(Some("9.9"), "a"), None);
        assert_eq!(
            scene.echo(Some("1.1"), "A, as the server would have it"),
            partially_delivered(1)
        );
        assert_eq!(scene.sent(), ["@label=1.2 PRIVMSG #tea :b"]);
        assert_eq!(scene.queue.on_labeled_response("1.1", scene.now), None, "of an earlier line");
        assert_eq!(scene.echo(Some("1.2"), "b"), delivered());
        assert_eq!(scene.queue.deadline(), None);
    }

    #[test]
    fn labeled_response_without_an_echo_is_a_rejection() {
        let mut scene = SendQueueFixture::new(LABEL, &["a"]);
        scene.sent();
        let result = scene.queue.on_labeled_response("1.1", scene.now);
        let silent = "the server dropped it without an error";
        assert_eq!(result.map(|result| result.outcome), rejected(silent));
        let mut scene = SendQueueFixture::new(Receipt::Label { echo: false }, &["a"]);
        scene.sent();
        let result = scene.queue.on_labeled_response("1.1", scene.now);
        assert_eq!(result.map(|result| result.outcome), delivered());
    }

    #[test]
    fn nothing_is_sent_after_a_rejected_line() {
        let mut scene = SendQueueFixture::new(LABEL, &["a", "b"]);
        scene.sent();
        scene.echo(Some("1.1"), "a");
        scene.sent();
        assert_eq!(
            scene.object(ReplyTarget::Label("1.2"), "404", "no"),
            rejected("line 2 of 2: no")
        );
        assert_eq!(scene.sent(), [""; 0]);
    }

    #[test]
    fn missing_echo_triggers_a_ping() {
        let mut scene = SendQueueFixture::new(Receipt::Echo, &["a"]);
        assert_eq!(scene.sent(), ["PRIVMSG #tea :a"]);
        scene.wait(5);
        assert_eq!(scene.sent(), ["PING said-1.1"]);
        assert_eq!(scene.pong("said-1.1"), rejected("the server dropped it without an error"));
    }

    #[test]
    fn altered_echo_counts_as_delivered() {
        let mut scene = SendQueueFixture::new(Receipt::Echo, &["a damn", "b"]);
        scene.sent();
        assert_eq!(scene.echo(None, "a ****"), None);
        scene.wait(5);
        scene.sent();
        assert_eq!(scene.pong("said-1.1"), partially_delivered(6));
        scene.sent();
        scene.wait(5);
        scene.sent();
        assert_eq!(scene.pong("said-1.1"), None, "of an earlier line");
        assert!(
            matches!(scene.pong("said-1.2"), Some(SendOutcome::Rejected(_))),
            "that was the other"
        );
    }

    #[test]
    fn bouncer_pong_waits_for_the_echo() {
        let mut scene = SendQueueFixture::new(Receipt::Echo, &["a"]);
        scene.sent();
        scene.wait(5);
        scene.sent();
        assert_eq!(scene.queue.on_pong("said-1.1", true, scene.now), None);
        assert!(scene.wait(29).results.is_empty());
        assert_eq!(scene.echo(None, "a"), delivered());

        let mut scene = SendQueueFixture::new(Receipt::Echo, &["a"]);
        scene.sent();
        scene.wait(5);
        scene.sent();
        scene.queue.on_pong("said-1.1", true, scene.now);
        assert_eq!(scene.wait(30).results.len(), 1, "not for ever");
    }

    #[test]
    fn unanswered_ping_is_a_timeout() {
        for (receipt, before) in [(Receipt::Ping, 0), (Receipt::Echo, 5), (LABEL, 5)] {
            let mut scene = SendQueueFixture::new(receipt, &["a"]);
            scene.sent();
            scene.wait(before);
            scene.sent();
            assert!(!scene.wait(119).ping_timed_out);
            assert!(scene.wait(1).ping_timed_out, "{receipt:?}");
        }
    }

    #[test]
    fn deferred_message_is_retried_a_bounded_number_of_times() {
        let mut scene = SendQueueFixture::new(LABEL, &["a"]);
        for _ in 0..MAX_DEFERRALS {
            scene.sent();
            let outcome = scene.object(ReplyTarget::Label("1.1"), "439", "wait 20 seconds");
            let after = Duration::from_secs(20);
            assert_eq!(
                outcome,
                Some(SendOutcome::Deferred {
                    reason: "wait 20 seconds".to_owned(),
                    retry_after: after
                })
            );
            assert!(scene.wait(19).retries.is_empty());
            assert_eq!(scene.wait(1).retries, [TEA]);
            scene.queue.push(DeliveryId(1), TEA, outgoing_lines(&["a"]));
        }
        scene.sent();
        assert_eq!(
            scene.object(ReplyTarget::Label("1.1"), "439", "wait 20 seconds"),
            rejected("wait 20 seconds")
        );
    }

    /// What a server does with a line.
    #[derive(Debug, Clone, Copy)]
    enum ServerBehaviour {
        Echo,
        AlterEcho,
        Drop,
        Reject,
        RateLimit,
        /// It accepts the line, but its answer is lost.
        Silent,
    }

    fn server_behaviours() -> impl Strategy<Value = ServerBehaviour> {
        prop_oneof![
            4 => Just(ServerBehaviour::Echo),
            1 => Just(ServerBehaviour::AlterEcho),
            1 => Just(ServerBehaviour::Drop),
            1 => Just(ServerBehaviour::Reject),
            1 => Just(ServerBehaviour::RateLimit),
            1 => Just(ServerBehaviour::Silent),
        ]
    }

    /// What became of a delivery.
    #[derive(Debug, Default)]
    struct ServerLog {
        accepted: Vec<String>,
        delivered: bool,
        ended: u32,
        deferred: u32,
    }

    impl ServerLog {
        fn receive(&mut self, result: Option<SendResult>) {
            match result.map(|result| result.outcome) {
                Some(SendOutcome::Delivered { .. }) => {
                    (self.delivered, self.ended) = (true, self.ended + 1);
                }
                Some(SendOutcome::Rejected(_) | SendOutcome::RelaymsgRejected { .. }) => {
                    self.ended += 1;
                }
                Some(SendOutcome::Deferred { .. }) => {
                    (self.ended, self.deferred) = (self.ended + 1, 1);
                }
                Some(SendOutcome::PartiallyDelivered { .. }) | None => {}
            }
        }
    }

    /// Sends a delivery of `count` lines to a server that behaves like this.
    fn play(receipt: Receipt, count: usize, fates: &[ServerBehaviour]) -> ServerLog {
        let texts: Vec<String> = (0..count).map(|number| format!("line {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut scene = SendQueueFixture::new(receipt, &texts);
        let mut told = ServerLog::default();
        let mut fates = fates.iter().copied().cycle();
        for _ in 0..10 * count + 10 {
            while let Some(next) = scene.queue.next_line(receipt, &scene.pacer, scene.now) {
                let line = next.lines[0].to_string();
                if let Some(token) = line.strip_prefix("PING ") {
                    told.receive(scene.queue.on_pong(token, false, scene.now));
                    continue;
                }
                let (label, text) = line.split_once(" :").expect("a line of talk");
                let label = label.strip_prefix("@label=").and_then(|rest| rest.split(' ').next());
                let meant = label.map_or(ReplyTarget::Endpoint(TEA), ReplyTarget::Label);
                let fate = fates.next().expect("a cycle");
                if matches!(
                    fate,
                    ServerBehaviour::Echo | ServerBehaviour::AlterEcho | ServerBehaviour::Silent
                ) {
                    told.accepted.push(text.to_owned());
                }
                let echoes = receipt != Receipt::Ping;
                let shown = if matches!(fate, ServerBehaviour::AlterEcho) { "****" } else { text };
                let result = match fate {
                    ServerBehaviour::Echo | ServerBehaviour::AlterEcho if echoes => {
                        scene
                            .queue
                            .on_echo(TEA, label, (MessageKind::Text, shown), MessageRef::default())
                            .0
                    }
                    ServerBehaviour::Drop => {
                        label.and_then(|label| scene.queue.on_labeled_response(label, scene.now))
                    }
                    ServerBehaviour::Reject => {
                        scene.queue.on_error(meant, SendError::parse("404", "no"), scene.now)
                    }
                    ServerBehaviour::RateLimit => {
                        scene.queue.on_error(meant, SendError::parse("439", ""), scene.now)
                    }
                    ServerBehaviour::Echo
                    | ServerBehaviour::AlterEcho
                    | ServerBehaviour::Silent => None,
                };
                told.receive(result);
            }
            for result in scene.wait(5).results {
                told.receive(Some(result));
            }
        }
        told
    }

    proptest! {
        #[test]
        fn any_server_behaviour_ends_each_delivery_once(
            receipt in prop_oneof![Just(LABEL), Just(Receipt::Echo), Just(Receipt::Ping)],
            count in 1..5_usize,
            fates in prop::collection::vec(server_behaviours(), 1..8),
        ) {
            // Without receipts, a silently dropped line counts as delivered: no server reports it.
            let honest = receipt != Receipt::Ping || !fates.iter().any(|it| matches!(it, ServerBehaviour::Drop));
            let told = play(receipt, count, &fates);
            prop_assert_eq!(told.ended, 1, "{:?}", told);
            prop_assert!(!told.delivered || !honest || told.accepted.len() == count, "{:?}", told);
            let mut once = told.accepted.clone();
            once.dedup();
            prop_assert_eq!(once.len(), told.accepted.len(), "nothing is said twice");
        }
    }
}
