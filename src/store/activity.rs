//! How much was said by whom in which week: from the ledger, and from what was counted before it was pruned.
//!
//! Nothing is written for that while messages come. A message is counted where it is: in the ledger, or, in the
//! transaction that prunes it from there, in the table `activity`. So each counts once, wherever the program ends.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use rusqlite::{Connection, Row};

use super::columns::{kind_to_sql, time_from_sql};
use super::mutation::Mutation;
use super::{KnownNick, Person, Store, StoreError, accounts, look, people};
use crate::domain::{MessageKind, SpeakerAccount};

/// More counts are not kept: then the oldest week is forgotten. 30 people in each of 20 channels and rooms need 600 a week.
const MAX_ROWS: i64 = 200_000;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// From the Monday of the week of 1970-01-01 until that day.
const FIRST_DAYS: i64 = 3 * DAY;

/// A week: it begins on Monday, 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(i64);

impl Week {
    /// The week of this time. What is before 1970 belongs to the first one.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self((at.as_millisecond().max(0) + FIRST_DAYS) / (7 * DAY))
    }

    /// The week so many weeks before.
    #[must_use]
    pub fn back(self, weeks: u32) -> Self {
        Self((self.0 - i64::from(weeks)).max(0))
    }

    /// How many weeks it is after `earlier`; 0 if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0 - earlier.0).unwrap_or(0)
    }

    /// When it begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_millisecond(self.0 * 7 * DAY - FIRST_DAYS).unwrap_or_default()
    }

    /// The Monday on which it begins.
    #[must_use]
    pub fn monday(self) -> Date {
        let days = i32::try_from(self.0 * 7).unwrap_or(i32::MAX);
        date(1969, 12, 29).checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
    }
}

/// Whose lines are counted together: those of one name in one place and week.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActivityKey {
    /// The channel or room, as `libera/#tea`, `letschat/tea`.
    pub place: String,
    /// The week.
    pub week: Week,
    /// The name of the author; empty for all those beyond the limit of names.
    pub name: String,
    /// Their account, as the network knows it.
    pub account: Option<String>,
}

/// How much was said, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityCount {
    /// Whether the network marks the author as a bot.
    pub is_bot: bool,
    /// How many lines.
    pub lines: u64,
    /// How many of them are notices of IRC.
    pub notices: u64,
    /// A bit for each minute of the hour in which something was said.
    pub minutes: u64,
    /// In how many hours something was said.
    pub hours: u64,
    /// When the first line was said.
    pub first: Timestamp,
    /// When the last line was said.
    pub last: Timestamp,
}

impl ActivityCount {
    /// Of one line.
    #[must_use]
    pub fn of_line(at: Timestamp, is_notice: bool, is_bot: bool) -> Self {
        let minute = at.as_second().div_euclid(60).rem_euclid(60);
        Self {
            is_bot,
            lines: 1,
            notices: u64::from(is_notice),
            minutes: 1 << minute,
            hours: 1,
            first: at,
            last: at,
        }
    }

    /// Adds what was counted elsewhere. If that is one line, and lines are added in the order of their times, hours
    /// are exact; otherwise an hour may count twice.
    pub fn add(&mut self, other: &Self) {
        let hour = |at: Timestamp| at.as_second().div_euclid(3600);
        let is_same_hour = other.hours == 1 && hour(other.last) == hour(self.last);
        self.is_bot |= other.is_bot;
        self.lines += other.lines;
        self.notices += other.notices;
        self.minutes |= other.minutes;
        self.hours += if is_same_hour { 0 } else { other.hours };
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// What the database knows of who spoke when, at one moment.
#[derive(Debug, Default)]
pub struct LedgerActivity {
    /// How much was said since the week asked for.
    pub counts: HashMap<ActivityKey, ActivityCount>,
    /// The channels and rooms of which the database knows something older than that.
    pub older: Vec<String>,
    /// The remote ids of rooms, by their place.
    pub room_ids: HashMap<String, String>,
    /// The people of IRC, with their accounts on Let's Chat.
    pub people: Vec<(Person, Vec<SpeakerAccount>)>,
    /// Whose nick it is.
    pub nicks: Vec<KnownNick>,
}

impl Store {
    /// Forgets the oldest week of what was counted, if there is too much of it.
    pub(super) fn bound_activity(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT COUNT(*) FROM activity";
        let rows: i64 =
            self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        if rows > MAX_ROWS { self.apply(Mutation::ForgetOldestActivity) } else { Ok(()) }
    }
}

/// What was said since the beginning of the week `since`, in the store in `directory`, which a bridge may be writing. Lines
/// that seem to be of a later week than that of `now`, by a wrong clock, count in that of `now`.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub fn read_activity(
    directory: &Path,
    since: Week,
    now: Timestamp,
) -> Result<LedgerActivity, StoreError> {
    activity_in(look::open_to_read(directory)?, since, now)
}

/// The same in the program that has the store open.
///
/// # Errors
/// When it cannot be read.
pub fn read_activity_in_same_program(
    directory: &Path,
    since: Week,
    now: Timestamp,
) -> Result<LedgerActivity, StoreError> {
    activity_in(look::open_in_same_program(directory)?, since, now)
}

fn activity_in(
    mut connection: Connection,
    since: Week,
    now: Timestamp,
) -> Result<LedgerActivity, StoreError> {
    // One state of all tables, also while the bridge writes.
    let view = connection.transaction()?;
    let mut found = LedgerActivity {
        people: accounts::people_in_view(&view)?,
        nicks: people::nicks_in(&view)?,
        ..LedgerActivity::default()
    };
    let mut places = HashMap::new();
    let mut statement =
        view.prepare("SELECT id, name, remote_id FROM endpoint WHERE name NOT GLOB '*/@*'")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
        if let Some(remote_id) = row.get(2)? {
            found.room_ids.insert(name.clone(), remote_id);
        }
        if is_older(&view, id, since)? {
            found.older.push(name.clone());
        }
        places.insert(id, name);
    }
    let mut add = |(endpoint, week, name, account): (i64, Week, String, String), count| {
        let Some(place) = places.get(&endpoint) else { return };
        let account = Some(account).filter(|account| !account.is_empty());
        let week = week.min(Week::of(now));
        let key = ActivityKey { place: place.clone(), week, name, account };
        match found.counts.get_mut(&key) {
            Some(known) => known.add(&count),
            None => drop(found.counts.insert(key, count)),
        }
    };
    let mut statement = view.prepare(
        "SELECT endpoint, week, name, account, bot, lines, notices, minutes, hours, first, last
         FROM activity WHERE week >= ?1",
    )?;
    let mut rows = statement.query([since.0])?;
    while let Some(row) = rows.next()? {
        add((row.get(0)?, Week(row.get(1)?), row.get(2)?, row.get(3)?), count_from_row(row)?);
    }
    let mut statement = view.prepare(
        "SELECT endpoint, author, COALESCE(account, ''), bot, kind, sent_at FROM message
         WHERE sent_at >= ?1 AND author <> '' ORDER BY sent_at, id",
    )?;
    let mut rows = statement.query([since_millisecond(since)])?;
    while let Some(row) = rows.next()? {
        let at = time_from_sql(row.get(5)?);
        let is_notice = row.get::<_, i64>(4)? == kind_to_sql(MessageKind::Notice);
        let count = ActivityCount::of_line(at, is_notice, row.get(3)?);
        add((row.get(0)?, Week::of(at), row.get(1)?, row.get(2)?), count);
    }
    Ok(found)
}

/// The first millisecond of the week; for the first week, that of all times.
fn since_millisecond(since: Week) -> i64 {
    if since.0 == 0 { i64::MIN } else { since.start().as_millisecond() }
}

/// Whether anything is known of the endpoint from before this week.
fn is_older(view: &Connection, endpoint: i64, since: Week) -> rusqlite::Result<bool> {
    view.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM activity WHERE week < ?2 AND endpoint = ?1)
             OR EXISTS (SELECT 1 FROM message WHERE sent_at < ?3 AND endpoint = ?1 AND author <> '')",
    )?
    .query_row([endpoint, since.0, since_millisecond(since)], |row| row.get(0))
}

fn count_from_row(row: &Row<'_>) -> rusqlite::Result<ActivityCount> {
    let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    Ok(ActivityCount {
        is_bot: row.get(4)?,
        lines: number(5)?,
        notices: number(6)?,
        minutes: number(7)?,
        hours: number(8)?,
        first: time_from_sql(row.get(9)?),
        last: time_from_sql(row.get(10)?),
    })
}
