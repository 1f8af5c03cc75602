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
        let rows: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::{
        Author, Endpoint, LetsChatUserId, Message, MessagePart, Network, RenderedMessage, Sender,
        UserRef,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn week(text: &str) -> Week {
        Week::of(at(text))
    }

    #[test]
    fn weeks_begin_on_mondays_also_when_the_year_ends() {
        for (time, monday) in [
            ("1969-12-31T00:00:00Z", "1969-12-29"),
            ("1970-01-01T00:00:00Z", "1969-12-29"),
            ("1970-01-05T00:00:00Z", "1970-01-05"),
            ("2026-11-29T23:59:59.999Z", "2026-11-23"),
            ("2026-11-30T00:00:00Z", "2026-11-30"),
            ("2026-11-30T00:59:59+01:00", "2026-11-23"),
            ("2026-12-31T23:59:59Z", "2026-12-28"),
            ("2027-01-01T00:00:00Z", "2026-12-28"),
            ("2027-01-03T23:59:59.999Z", "2026-12-28"),
            ("2027-01-04T00:00:00Z", "2027-01-04"),
            ("2024-02-29T12:00:00Z", "2024-02-26"),
        ] {
            assert_eq!(week(time).monday().to_string(), monday, "{time}");
        }
        let now = week("2027-01-04T00:00:00Z");
        assert_eq!(now.start(), at("2027-01-04T00:00:00Z"));
        assert_eq!(now.back(1).monday().to_string(), "2026-12-28");
        assert_eq!((now.since(now.back(5)), now.back(5).since(now)), (5, 0));
        assert_eq!(now.back(u32::MAX).monday().to_string(), "1969-12-29");
    }

    struct Fixture {
        directory: TempDir,
        store: Store,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let store = Store::open(directory.path()).expect("opens");
            Self { directory, store }
        }

        /// As if the program had been killed.
        fn kill(self) -> Self {
            let Self { directory, store } = self;
            drop(store);
            let store = Store::open(directory.path()).expect("opens");
            Self { directory, store }
        }

        fn hear(&mut self, place: &str, author: Author, kind: MessageKind, sent_at: Timestamp) {
            let endpoint = Endpoint::parse(place).expect("an endpoint");
            let source = self.store.endpoint_id(&endpoint).expect("works");
            let message = Message { source, author, kind, body: "x".to_owned(), sent_at };
            self.store.record(&message, None).expect("works").expect("is new");
        }

        fn say(&mut self, place: &str, name: &str, sent_at: &str) {
            self.hear(place, Author::named(name), MessageKind::Text, at(sent_at));
            self.store.commit().expect("works");
        }

        fn prune(&mut self, before: &str) {
            self.store.prune(at(before), 10_000).expect("works");
            self.store.commit().expect("works");
        }

        fn read(&self, since: &str, now: &str) -> LedgerActivity {
            read_activity_in_same_program(self.directory.path(), week(since), at(now))
                .expect("reads")
        }

        /// Lines by place, Monday and name.
        fn lines(&self) -> BTreeMap<(String, String, String), u64> {
            let read = self.read("1970-01-01T00:00:00Z", "2030-01-01T00:00:00Z").counts;
            let lines = read.into_iter().map(|(key, count)| {
                ((key.place, key.week.monday().to_string(), key.name), count.lines)
            });
            lines.collect()
        }

        fn rows(&self) -> i64 {
            let sql = "SELECT COUNT(*) FROM activity";
            self.store.connection.query_row(sql, [], |row| row.get(0)).expect("reads")
        }
    }

    #[test]
    fn pruning_changes_no_figure() {
        let mut world = Fixture::new();
        let start = at("2026-11-27T21:00:00Z");
        for number in 0..400_i64 {
            let place = ["office/#tea", "office/#dev", "letschat/tea"][number as usize % 3];
            let account = (number % 5 == 0).then(|| "id".to_owned());
            let name = ["ann", "bob", "carl", "Ann"][(number / 7) as usize % 4];
            let author = Author { account, bot: number % 11 == 0, ..Author::named(name) };
            let kind = if number % 13 == 0 { MessageKind::Notice } else { MessageKind::Text };
            world.hear(place, author, kind, start + SignedDuration::from_mins(number * 17));
        }
        world.store.commit().expect("works");
        let whole = world.read("2026-11-23T00:00:00Z", "2026-12-31T00:00:00Z").counts;
        assert_eq!(whole.values().map(|count| count.lines).sum::<u64>(), 400);
        for hour in 0..60 {
            let before = start + SignedDuration::from_hours(hour * 2);
            world.store.prune(before, 37).expect("works");
            // Not committed: it is as if it had not happened.
            if hour % 3 == 0 {
                world = world.kill();
            } else {
                world.store.commit().expect("works");
            }
            let now = world.read("2026-11-23T00:00:00Z", "2026-12-31T00:00:00Z").counts;
            assert_eq!(now, whole, "{hour}");
        }
        assert!(world.rows() > 20, "{} rows", world.rows());
        let left = "SELECT COUNT(*) FROM message";
        let left: i64 =
            world.store.connection.query_row(left, [], |row| row.get(0)).expect("reads");
        assert!(left < 100, "{left} messages are left");
    }

    #[test]
    fn message_with_an_open_delivery_counts_where_it_stays() {
        let mut world = Fixture::new();
        let source = world.store.endpoint_id(&Endpoint::room("tea")).expect("works");
        let network = Network::new("office");
        let to = world.store.endpoint_id(&Endpoint::channel(&network, "#tea")).expect("works");
        let sent_at = at("2026-11-02T10:00:00Z");
        let message = Message {
            source,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: "x".to_owned(),
            sent_at,
        };
        let id = world.store.record(&message, None).expect("works").expect("is new");
        let delivery = world.store.enqueue_part(id, MessagePart::Whole, to).expect("works");
        world.prune("2026-11-20T00:00:00Z");
        assert_eq!(world.rows(), 0);
        let one = world.lines();
        assert_eq!(one.values().sum::<u64>(), 1);
        let rendered = RenderedMessage {
            kind: MessageKind::Text,
            prefix: String::new(),
            body: "x".to_owned(),
        };
        let queued = crate::domain::Delivery::queued(delivery, to, message, MessagePart::Whole);
        world.store.start_delivery(&queued, (&Sender::Bot, &rendered), sent_at).expect("works");
        world.store.ack_delivery(delivery, None, sent_at).expect("works");
        world.prune("2026-11-20T00:00:00Z");
        assert_eq!((world.rows(), world.lines()), (1, one));
    }

    #[test]
    fn private_messages_and_the_bridge_count_nowhere() {
        let mut world = Fixture::new();
        let ann = UserRef::LetsChat(LetsChatUserId("u1".into()));
        let source = world.store.user_endpoint_id(&ann).expect("works");
        let message = Message {
            source,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: "psst".to_owned(),
            sent_at: at("2026-11-02T10:00:00Z"),
        };
        world.store.record(&message, None).expect("works");
        world.hear("letschat/tea", Author::bridge(), MessageKind::Text, message.sent_at);
        world.store.commit().expect("works");
        assert_eq!(world.lines(), BTreeMap::new());
        world.prune("2026-11-20T00:00:00Z");
        assert_eq!((world.rows(), world.lines()), (0, BTreeMap::new()));
    }

    #[test]
    fn room_that_gets_another_name_keeps_its_figures() {
        let mut world = Fixture::new();
        world.say("letschat/tea", "ann", "2026-11-02T10:00:00Z");
        world.prune("2026-11-20T00:00:00Z");
        let before = world.store.endpoint_id(&Endpoint::room("tea")).expect("works");
        world.store.set_room_id(before, "5f").expect("works");
        world.say("letschat/cups", "ann", "2026-11-03T10:00:00Z");
        world.say("letschat/cups", "bob", "2026-11-03T10:00:00Z");
        world.prune("2026-11-20T00:00:00Z");
        let after = world.store.endpoint_id(&Endpoint::room("cups")).expect("works");
        world.store.set_room_id(after, "5f").expect("works");
        world.store.commit().expect("works");
        let key =
            |name: &str| ("letschat/cups".to_owned(), "2026-11-02".to_owned(), name.to_owned());
        assert_eq!(world.lines(), BTreeMap::from([(key("ann"), 2), (key("bob"), 1)]));
    }

    #[test]
    fn names_beyond_the_limit_are_counted_together() {
        let mut world = Fixture::new();
        for number in 0..1_010 {
            let author = Author::named(&format!("flood{number}"));
            world.hear("office/#tea", author, MessageKind::Text, at("2026-11-02T10:00:00Z"));
        }
        world.hear(
            "office/#tea",
            Author::named("flood3"),
            MessageKind::Text,
            at("2026-11-02T11:00:00Z"),
        );
        world.store.commit().expect("works");
        world.prune("2026-11-20T00:00:00Z");
        assert_eq!(world.rows(), 1_001);
        let lines = world.lines();
        let of = |name: &str| {
            lines[&("office/#tea".to_owned(), "2026-11-02".to_owned(), name.to_owned())]
        };
        assert_eq!((of("flood3"), of("")), (2, 10));
    }

    #[test]
    fn oldest_week_is_forgotten_and_the_only_one_is_not() {
        let mut world = Fixture::new();
        world.say("office/#tea", "ann", "2026-10-12T10:00:00Z");
        world.say("office/#tea", "ann", "2026-11-02T10:00:00Z");
        world.prune("2026-11-20T00:00:00Z");
        for weeks in [1, 1] {
            world.store.apply(Mutation::ForgetOldestActivity).expect("works");
            world.store.commit().expect("works");
            assert_eq!(world.rows(), weeks);
        }
        world.store.bound_activity().expect("works");
        assert_eq!(world.rows(), 1);
        assert_eq!(world.lines().into_keys().next().expect("is there").1, "2026-11-02");
    }

    #[test]
    fn what_is_older_than_asked_for_is_known_to_be_there() {
        let mut world = Fixture::new();
        world.say("office/#tea", "ann", "2026-10-12T10:00:00Z");
        world.say("office/#dev", "ann", "2026-10-13T10:00:00Z");
        world.prune("2026-10-13T00:00:00Z");
        world.say("letschat/tea", "ann", "2026-11-02T10:00:00Z");
        let read = world.read("2026-10-19T00:00:00Z", "2026-11-03T00:00:00Z");
        let mut older = read.older;
        older.sort();
        assert_eq!((read.counts.len(), older.join(" ").as_str()), (1, "office/#dev office/#tea"));
        assert!(world.read("2026-10-12T00:00:00Z", "2026-11-03T00:00:00Z").older.is_empty());
    }

    #[test]
    fn what_seems_to_come_counts_now() {
        let mut world = Fixture::new();
        world.say("office/#tea", "ann", "2026-12-24T10:00:00Z");
        world.say("office/#tea", "ann", "2026-12-01T10:00:00Z");
        let now = "2026-12-02T00:00:00Z";
        for _ in 0..2 {
            let read = world.read("2026-11-02T00:00:00Z", now).counts;
            assert_eq!(read.len(), 1);
            let (key, count) = read.into_iter().next().expect("is there");
            assert_eq!((key.week, count.lines), (week(now), 2));
            world.prune("2026-12-31T00:00:00Z");
            assert_eq!(world.rows(), 2);
        }
    }
}
