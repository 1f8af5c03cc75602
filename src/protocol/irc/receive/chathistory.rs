//! Requests channel history, one channel at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;
use crate::protocol::irc::wire::line::{Line, LineError};

/// Time limit for an answer, once requested.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(60);

/// Lines per request, if the server allows as many.
const MAX_PAGE_LINES: usize = 500;

/// Prefix of the PING token that marks the end of automatic playback.
const PING_PREFIX: &str = "past-";

/// Prefix of the label of a page request.
const LABEL_PREFIX: &str = "past.";

/// How a server provides history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum HistorySource {
    /// `CHATHISTORY` (<https://ircv3.net/specs/extensions/chathistory>).
    Chathistory {
        /// Maximum lines per request.
        limit: Option<usize>,
        /// Whether lookup by time is supported, instead of msgid only.
        by_time: bool,
        /// Whether lookup by msgid is supported.
        by_msgid: bool,
        /// Whether labels are supported.
        has_labels: bool,
    },
    /// ZNC's playback module (<https://wiki.znc.in/Playback>).
    ZncPlayback,
    /// None, except for what is played back automatically on joining.
    Unavailable,
}

/// How far the server's clock may be ahead of ours. Later timestamps are not used to request the next page.
const MAX_SERVER_CLOCK_LEAD: SignedDuration = SignedDuration::from_secs(60);

/// A request for history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct HistoryRequest {
    pub(in crate::protocol::irc) endpoint: EndpointId,
    pub(in crate::protocol::irc) channel: String,
    pub(in crate::protocol::irc) since: Timestamp,
    /// The current time, by our clock.
    pub(in crate::protocol::irc) now: Timestamp,
    /// The other kind of lookup was tried before.
    pub(in crate::protocol::irc) is_retry: bool,
    pub(in crate::protocol::irc) msgid: Option<String>,
    pub(in crate::protocol::irc) by_msgid: bool,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryReply {
    /// One page of lines; more may follow.
    Page(HistoryPage),
    /// Nothing yet: lookup by time is not supported, so it is being retried by the last received msgid.
    RetriedByMsgid,
    /// All available lines have been received.
    All,
    /// The server keeps no history. Any automatic playback has been received.
    Unavailable,
    /// The server returned an error.
    Failed(String),
}

/// One page of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPage {
    /// How many lines were requested.
    pub limit: usize,
    /// How many lines arrived, including joins, parts and the like.
    pub lines: usize,
    /// The oldest and newest plausible timestamps among them.
    pub span: Option<(Timestamp, Timestamp)>,
    /// They were requested by msgid instead of time.
    pub by_msgid: bool,
    /// The server supports lookup by msgid.
    pub has_msgid_lookup: bool,
}

impl HistoryPage {
    fn new(limit: usize, by_msgid: bool, finds_lines: bool) -> Self {
        Self { limit, lines: 0, span: None, by_msgid, has_msgid_lookup: finds_lines }
    }

    fn add(&mut self, time: Option<Timestamp>, now: Timestamp) {
        self.lines += 1;
        let Some(time) =
            time.filter(|time| *time <= now.saturating_add(MAX_SERVER_CLOCK_LEAD).unwrap_or(now))
        else {
            return;
        };
        let (oldest, newest) = self.span.unwrap_or((time, time));
        self.span = Some((oldest.min(time), newest.max(time)));
    }
}

/// The requests, of which one is in flight.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct HistoryRequests {
    queue: VecDeque<HistoryRequest>,
    in_flight: Option<PendingHistory>,
    last_id: u64,
}

#[derive(Debug)]
struct PendingHistory {
    endpoint: EndpointId,
    request: HistoryRequest,
    id: u64,
    reply: HistoryReply,
    deadline: Instant,
}

impl HistoryRequests {
    pub(in crate::protocol::irc) fn push(&mut self, request: HistoryRequest) {
        self.queue.push_back(request);
    }

    /// The lines for the next request, if one can be sent.
    pub(in crate::protocol::irc) fn start_next(
        &mut self,
        source: HistorySource,
        now: Instant,
    ) -> Vec<Line> {
        if self.in_flight.is_some() {
            return Vec::new();
        }
        let Some(request) = self.queue.pop_front() else { return Vec::new() };
        self.last_id += 1;
        let (answer, lines) = build_request(&request, source, self.last_id);
        let (endpoint, number, until) = (request.endpoint, self.last_id, now + HISTORY_TIMEOUT);
        let lines = lines.unwrap_or_else(|error| {
            tracing::error!(channel = request.channel, %error, "cannot build the history request");
            Vec::new()
        });
        self.in_flight =
            Some(PendingHistory { endpoint, request, id: number, reply: answer, deadline: until });
        lines
    }

    /// Reports that the request in flight was just retried by msgid.
    pub(in crate::protocol::irc) fn retried_by_msgid(&self) -> Option<(EndpointId, HistoryReply)> {
        let PendingHistory { endpoint, request, reply: HistoryReply::Page(page), .. } =
            self.in_flight.as_ref()?
        else {
            return None;
        };
        (page.by_msgid && (request.is_retry || !request.by_msgid))
            .then_some((*endpoint, HistoryReply::RetriedByMsgid))
    }

    /// A played-back line with this timestamp was received.
    pub(in crate::protocol::irc) fn on_playback_line(&mut self, time: Option<Timestamp>) {
        if let Some(PendingHistory { reply: HistoryReply::Page(page), request, .. }) =
            &mut self.in_flight
        {
            page.add(time, request.now);
        }
    }

    /// A history batch for `endpoint`, or with this label, is complete.
    pub(in crate::protocol::irc) fn on_batch_end(
        &mut self,
        endpoint: Option<EndpointId>,
        label: Option<&str>,
    ) -> Option<(EndpointId, HistoryReply)> {
        let asked = self.in_flight.as_ref()?;
        let is_ours = match label {
            Some(label) => asked.matches(LABEL_PREFIX, label),
            None => endpoint == Some(asked.endpoint),
        };
        (is_ours && matches!(asked.reply, HistoryReply::Page(_))).then(|| self.take_reply())?
    }

    /// The server has answered our PING `token`.
    pub(in crate::protocol::irc) fn on_pong(
        &mut self,
        token: &str,
    ) -> Option<(EndpointId, HistoryReply)> {
        self.in_flight.as_ref()?.matches(PING_PREFIX, token).then(|| self.take_reply())?
    }

    /// The server rejected the kind of lookup, or does not know the line, as `code` says. Retries once in the
    /// other way, if supported. Returns whether it does.
    pub(in crate::protocol::irc) fn retry_other_way(
        &mut self,
        code: &str,
        source: HistorySource,
    ) -> bool {
        let HistorySource::Chathistory { by_time, by_msgid, .. } = source else {
            return false;
        };
        let Some(PendingHistory { request, reply: HistoryReply::Page(page), .. }) = &self.in_flight
        else {
            return false;
        };
        // If msgid lookup was requested because the time did not help, do not fall back to it.
        let by_time = page.by_msgid && by_time && !request.by_msgid;
        let untaken = ["INVALID_MSGREFTYPE", "INVALID_PARAMS"].contains(&code);
        let by_msgid = untaken && !page.by_msgid && by_msgid && request.msgid.is_some();
        if request.is_retry || !(by_time || by_msgid) {
            return false;
        }
        let retry = HistoryRequest { is_retry: true, by_msgid, ..request.clone() };
        self.in_flight = None;
        self.queue.push_front(retry);
        true
    }

    /// The server will not answer.
    pub(in crate::protocol::irc) fn fail(
        &mut self,
        reason: &str,
    ) -> Option<(EndpointId, HistoryReply)> {
        self.in_flight.as_mut()?.reply = HistoryReply::Failed(reason.to_owned());
        self.take_reply()
    }

    /// Handles timeouts.
    pub(in crate::protocol::irc) fn tick(
        &mut self,
        now: Instant,
    ) -> Option<(EndpointId, HistoryReply)> {
        let overdue = self.in_flight.as_ref()?.deadline <= now;
        overdue.then(|| self.fail("the server did not answer"))?
    }

    /// Whether a request is in flight or waits.
    pub(in crate::protocol::irc) fn is_any_open(&self) -> bool {
        self.in_flight.is_some() || !self.queue.is_empty()
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        Some(self.in_flight.as_ref()?.deadline)
    }

    fn take_reply(&mut self) -> Option<(EndpointId, HistoryReply)> {
        self.in_flight.take().map(|asked| (asked.endpoint, asked.reply))
    }
}

impl PendingHistory {
    fn matches(&self, name: &str, token: &str) -> bool {
        token.strip_prefix(name).is_some_and(|number| number == self.id.to_string())
    }
}

/// The source of the answer, and the lines that request it.
fn build_request(
    request: &HistoryRequest,
    source: HistorySource,
    number: u64,
) -> (HistoryReply, Result<Vec<Line>, LineError>) {
    let fence = || Line::new("PING", &[&format!("{PING_PREFIX}{number}")]);
    let HistoryRequest { channel, since, msgid, .. } = request;
    match source {
        HistorySource::Chathistory { limit, by_time, by_msgid, has_labels: labels } => {
            let limit = limit.map_or(MAX_PAGE_LINES, |limit| limit.min(MAX_PAGE_LINES));
            let found = !by_time || (by_msgid && request.by_msgid);
            let msgid = msgid.as_ref().filter(|_| found);
            let from = match msgid {
                Some(msgid) => format!("msgid={msgid}"),
                None => format!("timestamp={}", since.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")),
            };
            let line = Line::new("CHATHISTORY", &["AFTER", channel, &from, &limit.to_string()]);
            let label = |line: Line| line.with_label(&format!("{LABEL_PREFIX}{number}"));
            let line = if labels { line.map(label) } else { line };
            let page = HistoryPage::new(limit, msgid.is_some(), by_msgid);
            (HistoryReply::Page(page), line.map(|line| vec![line]))
        }
        HistorySource::ZncPlayback => {
            let seconds = format!("{}.{:03}", since.as_second(), since.subsec_millisecond());
            let play = Line::new("PRIVMSG", &["*playback", &format!("PLAY {channel} {seconds}")]);
            (HistoryReply::All, play.and_then(|play| Ok(vec![play, fence()?])))
        }
        HistorySource::Unavailable => (HistoryReply::Unavailable, fence().map(|fence| vec![fence])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);
    const NOW: Timestamp = Timestamp::constant(1_795_348_800, 0);
    const CHATHISTORY: HistorySource = HistorySource::Chathistory {
        limit: Some(100),
        by_time: true,
        by_msgid: true,
        has_labels: false,
    };

    fn past() -> HistoryRequests {
        let mut past = HistoryRequests::default();
        for (endpoint, channel) in [(TEA, "#tea"), (EndpointId(2), "#dev")] {
            let since = "2026-11-22T12:00:00.5Z".parse().expect("a time");
            let msgid = Some("m".to_owned());
            let channel = channel.to_owned();
            past.push(HistoryRequest {
                endpoint,
                channel,
                since,
                now: NOW,
                msgid,
                by_msgid: false,
                is_retry: false,
            });
        }
        past
    }

    #[track_caller]
    fn check(means: HistorySource, lines: &[&str]) {
        let asked = past().start_next(means, Instant::now());
        assert_eq!(asked.iter().map(Line::as_str).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn each_history_source_has_its_request() {
        check(CHATHISTORY, &["CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.500Z 100"]);
        check(
            HistorySource::Chathistory {
                limit: None,
                by_time: false,
                by_msgid: true,
                has_labels: true,
            },
            &["@label=past.1 CHATHISTORY AFTER #tea msgid=m 500"],
        );
        check(
            HistorySource::ZncPlayback,
            &["PRIVMSG *playback :PLAY #tea 1795348800.500", "PING past-1"],
        );
        check(HistorySource::Unavailable, &["PING past-1"]);
    }

    #[test]
    fn request_uses_the_msgid_where_the_time_is_ambiguous() {
        for (by_line, from) in [(true, "msgid=m"), (false, "timestamp=1970-01-01T00:00:00.000Z")] {
            let means = HistorySource::Chathistory {
                limit: Some(9),
                by_time: true,
                by_msgid: by_line,
                has_labels: false,
            };
            let (channel, msgid) = ("#tea".to_owned(), Some("m".to_owned()));
            let since = Timestamp::UNIX_EPOCH;
            let mut past = HistoryRequests::default();
            let (endpoint, now, tried) = (TEA, NOW, false);
            past.push(HistoryRequest {
                endpoint,
                channel,
                since,
                now,
                msgid,
                by_msgid: true,
                is_retry: tried,
            });
            let lines = past.start_next(means, Instant::now());
            assert_eq!(lines[0].as_str(), format!("CHATHISTORY AFTER #tea {from} 9"));
            let page = HistoryPage {
                limit: 9,
                lines: 0,
                span: None,
                by_msgid: by_line,
                has_msgid_lookup: by_line,
            };
            assert_eq!(past.on_batch_end(Some(TEA), None), Some((TEA, HistoryReply::Page(page))));
        }
    }

    #[test]
    fn one_request_is_in_flight_at_a_time() {
        let (mut past, now) = (past(), Instant::now());
        past.start_next(CHATHISTORY, now);
        assert!(past.start_next(CHATHISTORY, now).is_empty());
        assert_eq!(past.on_batch_end(Some(EndpointId(2)), None), None, "played back by itself");
        let [one, two] = [1, 2].map(|second| Timestamp::from_second(second).expect("a time"));
        let ahead = Some(NOW + MAX_SERVER_CLOCK_LEAD * 2);
        [Some(two), None, ahead, Some(one)]
            .into_iter()
            .for_each(|time| past.on_playback_line(time));
        let span = Some((one, two));
        let page =
            HistoryPage { limit: 100, lines: 4, span, by_msgid: false, has_msgid_lookup: true };
        assert_eq!(past.on_batch_end(Some(TEA), None), Some((TEA, HistoryReply::Page(page))));
        assert_eq!(past.start_next(CHATHISTORY, now).len(), 1);
        assert_eq!(past.fail("no"), Some((EndpointId(2), HistoryReply::Failed("no".to_owned()))));
        assert_eq!(past.fail("no"), None);
    }

    #[test]
    fn unanswered_request_times_out() {
        let (mut past, now) = (past(), Instant::now());
        past.start_next(HistorySource::Unavailable, now);
        assert_eq!(past.tick(now), None);
        assert_eq!(past.on_pong("past-2"), None);
        assert!(matches!(past.tick(now + HISTORY_TIMEOUT), Some((TEA, HistoryReply::Failed(_)))));
        assert_eq!(past.on_pong("past-1"), None, "too late");
    }
}
