//! The histories of all channels of one room become one: in the order of time, and no two messages at one moment.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use jiff::Timestamp;

use crate::domain::LogEntry;

/// An entry with its place in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedEntry {
    /// Which of the channels it is from, from 0.
    pub channel: usize,
    /// The entry. No two of one channel are in the same millisecond.
    pub entry: LogEntry,
    /// When it is posted in the room, in whole milliseconds: not before its time, and after all entries before it. Let's
    /// Chat pages by this time, and skips what has the time of the last message of a page.
    pub posted: Timestamp,
}

/// Merges the entries of several channels. It ends with the first error of any of them.
#[derive(Debug)]
pub struct RoomOrder<I, E> {
    channels: Vec<OpenChannel<I>>,
    /// The next entry of each channel that has one.
    next: BinaryHeap<Reverse<NextEntry>>,
    last: Option<i64>,
    error: Option<E>,
}

#[derive(Debug)]
struct OpenChannel<I> {
    entries: I,
    last: Option<i64>,
}

#[derive(Debug)]
struct NextEntry {
    entry: LogEntry,
    channel: usize,
}

impl<I: Iterator<Item = Result<LogEntry, E>>, E> RoomOrder<I, E> {
    /// Merges `channels`; the times of each rise.
    pub fn new(channels: impl IntoIterator<Item = I>) -> Self {
        let open = |entries| OpenChannel { entries, last: None };
        let channels: Vec<_> = channels.into_iter().map(open).collect();
        let count = channels.len();
        let mut order = Self { channels, next: BinaryHeap::new(), last: None, error: None };
        (0..count).for_each(|channel| order.fetch(channel));
        order
    }

    fn fetch(&mut self, channel: usize) {
        let from = &mut self.channels[channel];
        match from.entries.next() {
            Some(Ok(mut entry)) => {
                let millis = entry.at.as_millisecond();
                // A log may count microseconds; Let's Chat does not.
                let own = from.last.map_or(millis, |last| millis.max(last + 1));
                from.last = Some(own);
                if own != millis {
                    entry.at = moment(own, entry.at);
                }
                self.next.push(Reverse(NextEntry { entry, channel }));
            }
            Some(Err(error)) => {
                self.error.get_or_insert(error);
            }
            None => {}
        }
    }
}

impl<I: Iterator<Item = Result<LogEntry, E>>, E> Iterator for RoomOrder<I, E> {
    type Item = Result<PlacedEntry, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            self.next.clear();
            return Some(Err(error));
        }
        let Reverse(NextEntry { entry, channel }) = self.next.pop()?;
        self.fetch(channel);
        let millis = entry.at.as_millisecond();
        let millis = self.last.map_or(millis, |last| millis.max(last + 1));
        self.last = Some(millis);
        let posted = moment(millis, entry.at);
        Some(Ok(PlacedEntry { channel, entry, posted }))
    }
}

/// The time in milliseconds; `or` at the end of time.
fn moment(millis: i64, or: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(or)
}

impl NextEntry {
    fn key(&self) -> (Timestamp, usize) {
        (self.entry.at, self.channel)
    }
}

impl PartialEq for NextEntry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for NextEntry {}

impl PartialOrd for NextEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NextEntry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{LogEvent, LogPrecision};
    use crate::migrate::letschat::ids::message_id;

    fn entries(channel: usize, times: &[i64]) -> Vec<Result<LogEntry, String>> {
        let entry = |(number, micros): (usize, &i64)| {
            let at = Timestamp::from_microsecond(*micros).expect("a time");
            let event = LogEvent::Client(format!("{channel} {number}"));
            Ok(LogEntry { at, precision: LogPrecision::Exact, event })
        };
        times.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn order_ends_with_the_first_error() {
        let mut broken = entries(0, &[1_000, 3_000]);
        broken.push(Err("disk".to_owned()));
        broken.extend(entries(0, &[9_000]));
        let order = RoomOrder::new([broken.into_iter(), entries(1, &[2_000, 5_000]).into_iter()]);
        let all: Vec<_> = order.map(|placed| placed.map(|placed| placed.channel)).collect();
        assert_eq!(all, [Ok(0), Ok(1), Ok(0), Err("disk".to_owned())][..].to_vec());
    }

    proptest! {
        #[test]
        fn posts_of_a_room_rise_and_keep_the_order_of_each_channel(
            near in prop::collection::vec(prop::collection::btree_set(0_i64..20_000, 0..40), 1..4),
        ) {
            let channels: Vec<Vec<i64>> =
                near.into_iter().map(|times| times.into_iter().collect()).collect();
            let logs = channels.iter().enumerate().map(|(channel, times)| entries(channel, times).into_iter());
            let placed: Vec<PlacedEntry> = RoomOrder::new(logs).map(|it| it.expect("works")).collect();
            prop_assert_eq!(placed.len(), channels.iter().map(Vec::len).sum::<usize>());
            prop_assert!(placed.is_sorted_by(|a, b| a.posted.as_millisecond() < b.posted.as_millisecond()));
            for (channel, times) in channels.iter().enumerate() {
                let own: Vec<&PlacedEntry> = placed.iter().filter(|it| it.channel == channel).collect();
                let said: Vec<_> = own.iter().map(|it| it.entry.event.clone()).collect();
                let expected: Vec<_> = (0..times.len()).map(|number| LogEvent::Client(format!("{channel} {number}"))).collect();
                prop_assert_eq!(said, expected);
                // Ids rise, and do not depend on the other channels.
                let id = |it: &PlacedEntry| message_id("net", &format!("#{channel}"), &it.entry).expect("fits");
                let ids: Vec<_> = own.iter().map(|it| id(it)).collect();
                prop_assert!(ids.is_sorted_by(|a, b| a < b));
                let alone = RoomOrder::new([entries(channel, times).into_iter()]);
                let alone: Vec<_> = alone.map(|it| id(&it.expect("works"))).collect();
                prop_assert_eq!(ids, alone);
            }
        }
    }
}
