//! Requests and reports channel history.

use std::time::Instant;

use jiff::Timestamp;

use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::irc::receive::chathistory::{HistoryRequest, HistorySource};
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::{HistoryReply, IrcEvent};

/// Maximum number of messages held back from channels still being joined.
const MAX_EARLY_MESSAGES: usize = 4_096;
const MAX_EARLY_BYTES: usize = 4 << 20;

/// Channel history.
impl IrcSession {
    pub(in crate::protocol::irc) fn fetch_history(
        &mut self,
        endpoint: EndpointId,
        (since, now): (Timestamp, Timestamp),
        msgid: Option<String>,
        by_msgid: bool,
    ) {
        let Some(channel) = self.channels.name_of(endpoint).map(str::to_owned) else { return };
        self.history_requests.push(HistoryRequest {
            endpoint,
            channel,
            since,
            now,
            msgid,
            by_msgid,
            is_retry: false,
        });
    }

    /// A history request failed with the code of a standard reply.
    pub(in crate::protocol::irc) fn on_history_error(&mut self, code: &str, reason: &str) {
        let source = self.history_source();
        if self.history_requests.retry_other_way(code, source) {
            tracing::info!(
                code,
                reason = reason,
                "history request rejected; retrying in another way"
            );
            return;
        }
        self.on_history_rejected(reason);
    }

    /// The server rejected a history request for good.
    pub(in crate::protocol::irc) fn on_history_rejected(&mut self, reason: &str) {
        let reply = self.history_requests.fail(reason);
        self.report_history(reply);
    }

    /// Whether the server provides history.
    pub(in crate::protocol::irc) fn has_history(&self) -> bool {
        self.history_source() != HistorySource::Unavailable
    }

    /// Whether a live message in `channel` must wait until the join is complete, because earlier ones are
    /// requested then. Ergo may send such messages even before our JOIN.
    pub(in crate::protocol::irc) fn is_before_join(&self, channel: &str) -> bool {
        self.has_history()
            && !self.channels.is_joined(channel)
            && self.early_messages.len() < MAX_EARLY_MESSAGES
            && self.early_bytes() < MAX_EARLY_BYTES
    }

    fn early_bytes(&self) -> usize {
        self.early_messages.iter().map(|(_, message)| message.text.len()).sum()
    }

    /// Sends the next history request, if possible.
    pub(in crate::protocol::irc) fn send_history_requests(&mut self, now: Instant) {
        let source = self.history_source();
        let lines = self.history_requests.start_next(source, now);
        if !lines.is_empty() {
            let follows = self.history_requests.retried_by_msgid();
            self.report_history(follows);
        }
        self.control_queue.extend(lines);
    }

    pub(in crate::protocol::irc) fn report_history(
        &mut self,
        answer: Option<(EndpointId, HistoryReply)>,
    ) {
        let answer = answer.map(|(endpoint, answer)| IrcEvent::History { endpoint, reply: answer });
        self.output.extend(answer.map(Output::Event));
    }

    fn history_source(&self) -> HistorySource {
        let has = |cap| self.registration.has_cap(cap);
        if has("draft/chathistory") && has("batch") {
            return HistorySource::Chathistory {
                limit: self.isupport.chathistory_limit,
                by_time: self.isupport.history_by_time,
                by_msgid: self.isupport.history_by_msgid,
                has_labels: has("labeled-response"),
            };
        }
        if has("znc.in/playback") { HistorySource::ZncPlayback } else { HistorySource::Unavailable }
    }
}
