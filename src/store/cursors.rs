//! How far each channel was heard.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::ledger::time_from_sql;
use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::EndpointId;

/// How far a channel was heard. Later ones compare greater, as text too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When the last line was said, or when we came in, by the network's clock where it has one.
    pub time: Timestamp,
    /// The last line; `None` where nothing was said since we first came in.
    pub last_line: Option<Msgid>,
}

/// What a line is known by: its msgid, if it has one.
pub type Msgid = Option<String>;

/// What is known of a channel that we have been in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelProgress {
    /// When we first came in: what was said before is not ours to mirror.
    pub first_joined: Timestamp,
    /// The last sign of life from it, by our clock.
    pub last_seen: Timestamp,
    /// How far it was heard.
    pub cursor: Cursor,
}

impl Store {
    /// What is known of the channel at `place`; `None` before we first came in.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn channel_progress(
        &self,
        place: EndpointId,
    ) -> Result<Option<ChannelProgress>, StoreError> {
        let row: Option<(Option<i64>, Option<i64>, Option<String>)> = self
            .connection
            .prepare_cached("SELECT first, alive, cursor FROM place WHERE id = ?1")?
            .query_row([place.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((Some(first), alive, cursor)) = row else { return Ok(None) };
        let first = time_from_sql(first);
        Ok(Some(ChannelProgress {
            first_joined: first,
            last_seen: alive.map_or(first, time_from_sql),
            cursor: cursor
                .and_then(|cursor| cursor.parse().ok())
                .unwrap_or(Cursor { time: first, last_line: None }),
        }))
    }

    /// Notes that we have come into the channel at `place` for the first time, at `first` by the
    /// network's clock and at `now` by ours.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn init_channel(
        &mut self,
        place: EndpointId,
        first: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let cursor = Cursor { time: first, last_line: None }.to_string();
        self.apply(Mutation::InitChannel { endpoint: place, first_joined: first, now, cursor })
    }

    /// Notes that the channel at `place` was heard up to the line of `cursor`, at `now` by our clock. The
    /// cursor's time never goes back.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn advance_channel_cursor(
        &mut self,
        place: EndpointId,
        cursor: &Cursor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::AdvanceChannelCursor {
            endpoint: place,
            cursor: cursor.to_string(),
            now,
        })
    }

    /// Notes whether the channel at `place` is passed over: its cursor stands still meanwhile, even
    /// where something of ours arrives there.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn set_paused(&mut self, place: EndpointId, deaf: bool) -> Result<(), StoreError> {
        self.apply(Mutation::SetPaused { endpoint: place, paused: deaf })
    }

    /// Whether the channel at `place` was passed over when it was last heard of.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn is_paused(&self, place: EndpointId) -> Result<bool, StoreError> {
        let deaf = self
            .connection
            .prepare_cached("SELECT deaf FROM place WHERE id = ?1")?
            .query_row([place.0], |row| row.get(0))
            .optional()?;
        Ok(deaf.unwrap_or(false))
    }

    /// Notes a sign of life from the channel at `place`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn touch_channel(&mut self, place: EndpointId, at: Timestamp) -> Result<(), StoreError> {
        self.apply(Mutation::TouchChannel { endpoint: place, at })
    }
}

impl Cursor {
    /// Whether it stands at the line with this msgid.
    #[must_use]
    pub fn is_at(&self, msgid: Option<&str>) -> bool {
        msgid.is_some() && self.last_line.as_ref().and_then(Option::as_deref) == msgid
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match &self.last_line {
            Some(Some(msgid)) => msgid,
            Some(None) => "+",
            None => "-",
        };
        write!(f, "{:015} {line}", self.time.as_millisecond().max(0))
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, line) = text.split_once(' ').ok_or(())?;
        let line = match line {
            "-" => None,
            "+" => Some(None),
            msgid => Some(Some(msgid.to_owned())),
        };
        Ok(Self { time: time_from_sql(time.parse().map_err(|_| ())?), last_line: line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Endpoint, Network};

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    #[test]
    fn cursor_round_trips_as_text() {
        for line in [None, Some(None), Some(Some("a b".to_owned()))] {
            let cursor = Cursor { time: at(1_500), last_line: line };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn channel_progress_starts_at_the_first_join() {
        let mut store = Store::in_memory().expect("a store in memory");
        let tea =
            store.endpoint_id(&Endpoint::channel(&Network::new("office"), "#tea")).expect("works");
        store.touch_channel(tea, at(1)).expect("works");
        let heard =
            |time, id: &str| Cursor { time: at(time), last_line: Some(Some(id.to_owned())) };
        store.advance_channel_cursor(tea, &heard(1, "early"), at(1)).expect("works");
        assert_eq!(store.channel_progress(tea).expect("works"), None);
        store.init_channel(tea, at(10), at(20)).expect("works");
        store.advance_channel_cursor(tea, &heard(30, "b"), at(40)).expect("works");
        store.advance_channel_cursor(tea, &heard(25, "a"), at(35)).expect("works");
        store.touch_channel(tea, at(38)).expect("works");
        // The line that was heard last, although an earlier time stands at it.
        let sight =
            ChannelProgress { first_joined: at(10), last_seen: at(40), cursor: heard(30, "a") };
        assert_eq!(store.channel_progress(tea).expect("works"), Some(sight));
    }
}
