//! Reads a channel's history page by page, without repeating lines.

use jiff::Timestamp;

use crate::bridge::next_page_starts;
use crate::protocol::irc::{HistoryPage, IncomingMessage};

/// The reading position in a channel.
#[derive(Debug)]
pub(super) struct ChannelPages {
    since: Timestamp,
    msgid: Option<String>,
    /// More lines share that time than fit on a page.
    by_msgid: bool,
    done: bool,
}

impl ChannelPages {
    /// Everything after `since`; on servers with lookup by msgid only, after `msgid`.
    pub(super) fn new(since: Timestamp, msgid: Option<String>) -> Self {
        Self { since, msgid, by_msgid: false, done: false }
    }

    /// The next page to request: after which time and line, and whether the line must be used.
    pub(super) fn next_request(&self) -> Option<(Timestamp, (Option<String>, bool))> {
        (!self.done).then(|| (self.since, (self.msgid.clone(), self.by_msgid)))
    }

    /// Adds the `lines` of a `page`. Returns those that will not be
    /// repeated, with their times.
    ///
    /// The last page is recognised by making no progress. A short page may not be the last, since servers
    /// count lines that they then filter out.
    pub(super) fn add_page(
        &mut self,
        lines: Vec<IncomingMessage>,
        page: HistoryPage,
    ) -> Vec<(Timestamp, IncomingMessage)> {
        let timed =
            lines.into_iter().filter_map(|message| Some((message.message_ref.time?, message)));
        let mut lines: Vec<(Timestamp, IncomingMessage)> = timed.collect();
        let full = page.lines * 2 >= page.limit;
        let onward = page.span.and_then(|(_, newest)| {
            let steps = next_page_starts(newest);
            let steps = if full { &steps[..] } else { &steps[..1] };
            steps.iter().copied().find(|next| *next > self.since)
        });
        let last = lines.iter().rev().find_map(|(_, message)| message.message_ref.msgid.clone());
        let newest = page.span.map(|(_, newest)| newest);
        self.by_msgid = full
            && onward.is_none_or(|it| Some(it) == newest)
            && last.is_some()
            && last != self.msgid;
        if self.by_msgid {
            // All of it has the same time, and more of it may follow.
            (self.since, self.msgid) = (newest.unwrap_or(self.since), last);
            return lines;
        }
        let Some(onward) = onward else {
            self.done = true;
            return lines;
        };
        lines.retain(|(time, _)| *time <= onward);
        self.since = onward;
        if let Some(msgid) =
            lines.iter().rev().find_map(|(_, message)| message.message_ref.msgid.clone())
        {
            self.msgid = Some(msgid);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Author, MessageKind};
    use crate::protocol::irc::MessageRef;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn line(milliseconds: i64, id: usize) -> IncomingMessage {
        IncomingMessage {
            author: Author::named("ann"),
            kind: MessageKind::Text,
            text: String::new(),
            message_ref: MessageRef { msgid: Some(id.to_string()), time: Some(at(milliseconds)) },
            is_playback: true,
            is_own: false,
            is_own_userhost: false,
            relayed_by: None,
        }
    }

    proptest! {
        /// For any times of lines, page sizes and kinds of lookup.
        #[test]
        fn each_line_is_read_once(
            mut times in prop::collection::vec(prop_oneof![1..20_000_i64, 5_000..5_003_i64], 0..60),
            limit in 1..8_usize,
            by_id: bool,
        ) {
            times.sort_unstable();
            let mut pages = ChannelPages::new(at(0), None);
            let mut read = Vec::new();
            for round in 0.. {
                let Some((since, (msgid, by_line))) = pages.next_request() else { break };
                prop_assert!(round < 400);
                let known = msgid.map(|id| id.parse::<usize>().expect("a number"));
                let after = times.iter().enumerate().filter(|(id, time)| match known {
                    Some(known) if by_id || by_line => *id > known,
                    _ => at(**time) > since,
                });
                let page: Vec<IncomingMessage> = after.take(limit).map(|(id, time)| line(*time, id)).collect();
                let times = || page.iter().filter_map(|message| message.message_ref.time);
                let span = times().min().zip(times().max());
                let told = HistoryPage { limit, lines: page.len(), span, by_msgid: by_line, has_msgid_lookup: true };
                read.extend(pages.add_page(page, told).into_iter().filter_map(|(_, it)| it.message_ref.msgid));
            }
            let expected: Vec<String> = (0..times.len()).map(|id| id.to_string()).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
