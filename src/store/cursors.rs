//! How far each channel has been received.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::columns::time_from_sql;
use super::mutation::Mutation;
use super::{Store, StoreError};
use crate::domain::EndpointId;

/// A position in a channel. Later positions compare greater, also as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When the last line was sent, or when the bridge first joined; by the server's clock where it has one.
    pub time: Timestamp,
    /// The last line; `None` if there was none since the first join.
    pub last_line: Option<Msgid>,
}

/// A line's msgid, if it has one.
pub type Msgid = Option<String>;

/// Progress in a channel that the bridge has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelProgress {
    /// When the bridge first joined; earlier messages are not mirrored.
    pub first_joined: Timestamp,
    /// When the channel was last known to be connected, by our clock.
    pub last_seen: Timestamp,
    /// How far it has been received.
    pub cursor: Cursor,
}

impl Store {
    /// Progress in the channel at `endpoint`; `None` before the first join.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn channel_progress(
        &self,
        endpoint: EndpointId,
    ) -> Result<Option<ChannelProgress>, StoreError> {
        let row: Option<(Option<i64>, Option<i64>, Option<String>)> = self
            .connection
            .prepare_cached("SELECT first_joined, last_seen, cursor FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((Some(first), last_seen, cursor)) = row else { return Ok(None) };
        let (cursor, last_seen) = self.known_position(endpoint).unwrap_or((cursor, last_seen));
        let first = time_from_sql(first);
        Ok(Some(ChannelProgress {
            first_joined: first,
            last_seen: last_seen.map_or(first, time_from_sql),
            cursor: cursor
                .and_then(|cursor| cursor.parse().ok())
                .unwrap_or(Cursor { time: first, last_line: None }),
        }))
    }

    /// Records the first join of the channel at `endpoint`, at `first` by the server's clock and `now` by
    /// ours.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn init_channel(
        &mut self,
        endpoint: EndpointId,
        first: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let cursor = Cursor { time: first, last_line: None }.to_string();
        self.forget_position(endpoint);
        self.apply(Mutation::InitChannel { endpoint, first_joined: first, now, cursor })
    }

    /// Moves the channel's cursor to `cursor`, at `now` by our clock. The cursor's time never goes back.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn advance_channel_cursor(
        &mut self,
        endpoint: EndpointId,
        cursor: &Cursor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.move_in_channel(endpoint, &cursor.to_string(), now)
    }

    /// Records whether the channel is paused. Its cursor does not move while it is, not even for our own
    /// messages.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn set_paused(&mut self, endpoint: EndpointId, paused: bool) -> Result<(), StoreError> {
        self.apply(Mutation::SetPaused { endpoint, paused })
    }

    /// Whether the channel was last recorded as paused.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn is_paused(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let paused = self
            .connection
            .prepare_cached("SELECT paused FROM endpoint WHERE id = ?1")?
            .query_row([endpoint.0], |row| row.get(0))
            .optional()?;
        Ok(paused.unwrap_or(false))
    }

    /// Records that the channel was connected at `at`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn touch_channel(&mut self, endpoint: EndpointId, at: Timestamp) -> Result<(), StoreError> {
        self.touch_joined(endpoint, at)
    }
}

impl Cursor {
    /// Whether the cursor is at the line with this msgid.
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
        // The line received last, although its own time is earlier.
        let sight =
            ChannelProgress { first_joined: at(10), last_seen: at(40), cursor: heard(30, "a") };
        assert_eq!(store.channel_progress(tea).expect("works"), Some(sight));
    }
}
