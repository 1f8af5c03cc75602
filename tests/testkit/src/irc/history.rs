//! The history of a channel, for `CHATHISTORY` and playback.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::broadcast::Metadata;

/// A message as it was relayed.
#[derive(Debug, Clone)]
pub(super) struct StoredMessage {
    pub(super) metadata: Metadata,
    pub(super) source: String,
    /// Command and parameters.
    pub(super) words: Vec<u8>,
}

/// The last messages of a channel, oldest first.
#[derive(Debug)]
pub(super) struct History {
    /// The channel, as it was spelled.
    pub(super) name: String,
    capacity: usize,
    messages: VecDeque<StoredMessage>,
}

/// A message reference (<https://ircv3.net/specs/extensions/chathistory>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MessageRef {
    Time(Timestamp),
    Msgid(String),
}

impl History {
    /// An empty one of at most `capacity` messages.
    pub(super) fn new(name: &str, most: usize) -> Self {
        Self { name: name.to_owned(), capacity: most, messages: VecDeque::new() }
    }

    /// Adds a message, and removes the oldest if there are too many.
    pub(super) fn push(&mut self, message: StoredMessage) {
        if self.messages.len() == self.capacity {
            self.messages.pop_front();
        }
        if self.capacity > 0 {
            self.messages.push_back(message);
        }
    }

    /// Lets `change` edit the messages.
    pub(super) fn rewrite(&mut self, change: impl FnOnce(&mut Vec<StoredMessage>)) {
        let mut kept: Vec<StoredMessage> = std::mem::take(&mut self.messages).into();
        change(&mut kept);
        self.messages = kept.into();
    }

    /// When the last message came.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.messages.back().map(|message| message.metadata.time)
    }

    /// The last `limit` messages, of those after `point` where there is one. `None` when a point
    /// is not known; so below.
    pub(super) fn latest(
        &self,
        point: Option<&MessageRef>,
        limit: usize,
    ) -> Option<Vec<StoredMessage>> {
        let start = point.map_or(Some(0), |point| self.after_index(point))?;
        Some(self.last_of(start, self.messages.len(), limit))
    }

    /// The last `limit` messages before `point`.
    pub(super) fn before(&self, point: &MessageRef, limit: usize) -> Option<Vec<StoredMessage>> {
        Some(self.last_of(0, self.before_index(point)?, limit))
    }

    /// The first `limit` messages after `point`.
    pub(super) fn after(&self, point: &MessageRef, limit: usize) -> Option<Vec<StoredMessage>> {
        Some(self.first_of(self.after_index(point)?, self.messages.len(), limit))
    }

    /// At most `limit` messages around `point`, itself included.
    pub(super) fn around(&self, point: &MessageRef, limit: usize) -> Option<Vec<StoredMessage>> {
        let middle = self.before_index(point)?;
        let start = middle.saturating_sub(limit / 2);
        Some(self.first_of(start, self.messages.len(), limit))
    }

    /// At most `limit` messages between both, counted from `from`, oldest first.
    pub(super) fn between(
        &self,
        from: &MessageRef,
        to: &MessageRef,
        limit: usize,
    ) -> Option<Vec<StoredMessage>> {
        let (from_after, to_before) = (self.after_index(from)?, self.before_index(to)?);
        if from_after <= to_before {
            return Some(self.first_of(from_after, to_before, limit));
        }
        Some(self.last_of(self.after_index(to)?, self.before_index(from)?, limit))
    }

    /// How many messages come before `point`.
    fn before_index(&self, point: &MessageRef) -> Option<usize> {
        match point {
            MessageRef::Time(time) => {
                Some(self.messages.partition_point(|kept| kept.metadata.time < *time))
            }
            MessageRef::Msgid(msgid) => self.position(msgid),
        }
    }

    /// How many messages come before `point` or are at it.
    fn after_index(&self, point: &MessageRef) -> Option<usize> {
        match point {
            MessageRef::Time(time) => {
                Some(self.messages.partition_point(|kept| kept.metadata.time <= *time))
            }
            MessageRef::Msgid(msgid) => self.position(msgid).map(|at| at + 1),
        }
    }

    fn position(&self, msgid: &str) -> Option<usize> {
        self.messages.iter().position(|kept| kept.metadata.msgid.as_deref() == Some(msgid))
    }

    fn first_of(&self, start: usize, end: usize, limit: usize) -> Vec<StoredMessage> {
        let end = end.min(start.saturating_add(limit));
        self.messages.range(start.min(end)..end).cloned().collect()
    }

    fn last_of(&self, start: usize, end: usize, limit: usize) -> Vec<StoredMessage> {
        let start = start.max(end.saturating_sub(limit)).min(end);
        self.messages.range(start..end).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages m0 to m9, one a second.
    fn history() -> History {
        let mut history = History::new("#tea", 10);
        for n in -3..10 {
            let time = Timestamp::from_second(n).expect("a time");
            let msgid = Some(format!("m{n}").into());
            let metadata = Metadata { time, msgid, ..Metadata::now() };
            history.push(StoredMessage { metadata, source: "a!a@h".into(), words: Vec::new() });
        }
        history
    }

    #[track_caller]
    fn check(found: Option<Vec<StoredMessage>>, expected: &[usize]) {
        let ids: Vec<_> =
            found.expect("a known point").into_iter().filter_map(|k| k.metadata.msgid).collect();
        let expected: Vec<_> = expected.iter().map(|n| format!("m{n}")).collect();
        assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), expected);
    }

    fn at(n: i64) -> MessageRef {
        MessageRef::Time(Timestamp::from_second(n).expect("a time"))
    }

    fn id(n: usize) -> MessageRef {
        MessageRef::Msgid(format!("m{n}"))
    }

    #[test]
    fn points_are_excluded_and_counted_from() {
        let history = history();
        check(history.latest(None, 2), &[8, 9]);
        check(history.latest(Some(&id(8)), 5), &[9]);
        check(history.latest(Some(&at(6)), 2), &[8, 9]);
        check(history.before(&id(3), 2), &[1, 2]);
        check(history.before(&at(1), 5), &[0]);
        check(history.after(&at(3), 2), &[4, 5]);
        check(history.after(&id(8), 5), &[9]);
        check(history.after(&id(9), 5), &[]);
        check(history.around(&id(5), 3), &[4, 5, 6]);
        check(history.around(&at(0), 3), &[0, 1, 2]);
    }

    #[test]
    fn between_goes_either_way() {
        let history = history();
        check(history.between(&id(2), &id(6), 2), &[3, 4]);
        check(history.between(&id(6), &id(2), 2), &[4, 5]);
        check(history.between(&at(7), &at(50), 9), &[8, 9]);
        check(history.between(&id(2), &id(3), 9), &[]);
        check(history.between(&id(2), &id(2), 9), &[]);
    }

    #[test]
    fn a_forgotten_message_is_not_known() {
        assert!(history().after(&MessageRef::Msgid("m-1".into()), 1).is_none());
        assert_eq!(history().last_at(), Timestamp::from_second(9).ok());
    }
}
