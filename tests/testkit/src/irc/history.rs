//! What was said in a channel, for those who ask for it later.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::broadcast::Knowledge;

/// A message as it was relayed.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) known: Knowledge,
    pub(super) source: String,
    /// Command and parameters.
    pub(super) words: Vec<u8>,
}

/// The last messages of a channel, oldest first.
#[derive(Debug)]
pub(super) struct History {
    /// The channel, as it was spelled.
    pub(super) name: String,
    most: usize,
    kept: VecDeque<Kept>,
}

/// A place in a history (<https://ircv3.net/specs/extensions/chathistory>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Point {
    Time(Timestamp),
    Msgid(String),
}

impl History {
    /// An empty one of at most `most` messages.
    pub(super) fn new(name: &str, most: usize) -> Self {
        Self { name: name.to_owned(), most, kept: VecDeque::new() }
    }

    /// Keeps a message, and forgets the oldest when there are too many.
    pub(super) fn keep(&mut self, message: Kept) {
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        if self.most > 0 {
            self.kept.push_back(message);
        }
    }

    /// Lets `change` change what is kept.
    pub(super) fn rewrite(&mut self, change: impl FnOnce(&mut Vec<Kept>)) {
        let mut kept: Vec<Kept> = std::mem::take(&mut self.kept).into();
        change(&mut kept);
        self.kept = kept.into();
    }

    /// When the last message came.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.kept.back().map(|message| message.known.time)
    }

    /// The last `limit` messages, of those after `point` where there is one. `None` when a point
    /// is not known; so below.
    pub(super) fn latest(&self, point: Option<&Point>, limit: usize) -> Option<Vec<Kept>> {
        let start = point.map_or(Some(0), |point| self.after_index(point))?;
        Some(self.last_of(start, self.kept.len(), limit))
    }

    /// The last `limit` messages before `point`.
    pub(super) fn before(&self, point: &Point, limit: usize) -> Option<Vec<Kept>> {
        Some(self.last_of(0, self.before_index(point)?, limit))
    }

    /// The first `limit` messages after `point`.
    pub(super) fn after(&self, point: &Point, limit: usize) -> Option<Vec<Kept>> {
        Some(self.first_of(self.after_index(point)?, self.kept.len(), limit))
    }

    /// At most `limit` messages around `point`, itself included.
    pub(super) fn around(&self, point: &Point, limit: usize) -> Option<Vec<Kept>> {
        let middle = self.before_index(point)?;
        let start = middle.saturating_sub(limit / 2);
        Some(self.first_of(start, self.kept.len(), limit))
    }

    /// At most `limit` messages between both, counted from `from`, oldest first.
    pub(super) fn between(&self, from: &Point, to: &Point, limit: usize) -> Option<Vec<Kept>> {
        let (from_after, to_before) = (self.after_index(from)?, self.before_index(to)?);
        if from_after <= to_before {
            return Some(self.first_of(from_after, to_before, limit));
        }
        Some(self.last_of(self.after_index(to)?, self.before_index(from)?, limit))
    }

    /// How many messages come before `point`.
    fn before_index(&self, point: &Point) -> Option<usize> {
        match point {
            Point::Time(time) => Some(self.kept.partition_point(|kept| kept.known.time < *time)),
            Point::Msgid(msgid) => self.position(msgid),
        }
    }

    /// How many messages come before `point` or are at it.
    fn after_index(&self, point: &Point) -> Option<usize> {
        match point {
            Point::Time(time) => Some(self.kept.partition_point(|kept| kept.known.time <= *time)),
            Point::Msgid(msgid) => self.position(msgid).map(|at| at + 1),
        }
    }

    fn position(&self, msgid: &str) -> Option<usize> {
        self.kept.iter().position(|kept| kept.known.msgid.as_deref() == Some(msgid))
    }

    fn first_of(&self, start: usize, end: usize, limit: usize) -> Vec<Kept> {
        let end = end.min(start.saturating_add(limit));
        self.kept.range(start.min(end)..end).cloned().collect()
    }

    fn last_of(&self, start: usize, end: usize, limit: usize) -> Vec<Kept> {
        let start = start.max(end.saturating_sub(limit)).min(end);
        self.kept.range(start..end).cloned().collect()
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
            let known = Knowledge { time, msgid, ..Knowledge::now() };
            history.keep(Kept { known, source: "a!a@h".into(), words: Vec::new() });
        }
        history
    }

    #[track_caller]
    fn check(found: Option<Vec<Kept>>, expected: &[usize]) {
        let ids: Vec<_> =
            found.expect("a known point").into_iter().filter_map(|k| k.known.msgid).collect();
        let expected: Vec<_> = expected.iter().map(|n| format!("m{n}")).collect();
        assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), expected);
    }

    fn at(n: i64) -> Point {
        Point::Time(Timestamp::from_second(n).expect("a time"))
    }

    fn id(n: usize) -> Point {
        Point::Msgid(format!("m{n}"))
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
        assert!(history().after(&Point::Msgid("m-1".into()), 1).is_none());
        assert_eq!(history().last_at(), Timestamp::from_second(9).ok());
    }
}
