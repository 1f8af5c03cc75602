//! The moments of the lines of one file, in their order.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::day::{DayChange, day_of, day_with_year};
use super::local::{self, NamedMoment};
use super::timed::TimedEntry;
use crate::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind};
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime, ZoneName};

/// How far back a clock may go within a file: over all zones, and a half day for clocks that were wrong.
const MAX_BACK: SignedDuration = SignedDuration::from_hours(36);

/// How far back a time is still called exact: programs write lines out of order by a second or two.
const NEGLIGIBLE: SignedDuration = SignedDuration::from_secs(2);

/// IRC began in August 1988. Earlier times are those of clocks that were not set.
const BEGINNING_OF_IRC: i64 = 586_396_800;

/// What is known of a file before its first line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineStart {
    /// The day of the first line, from the name of the file or from the plan.
    pub day: Option<Date>,
    /// By what the file tells that a new day has begun.
    pub change: DayChange,
}

/// Why a line has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither the lines so far nor the name of the file say which day it is.
    #[error(
        "it is not known of which day this line is: neither the lines before it nor the name of the file say so. Name the \
         day of the first line in the plan, such as first_day = \"2014-03-02\""
    )]
    NoDay,
    /// The file goes back further than a clock does.
    #[error(
        "the time goes back from {from} to {to}. A log is read in the order of its lines: cut the file before this line, so \
         that each part is a file of its own"
    )]
    Backwards {
        /// The line before.
        from: Timestamp,
        /// This line.
        to: Timestamp,
    },
    /// There is no such day, or it is thousands of years away.
    #[error("this line has a date that does not exist")]
    NoSuchDay,
}

/// Gives each line of one file its moment. The moments never fall: where the clock was set back, a line has the moment of
/// the one before. They are not unique yet, and those without seconds stand at the beginning of their minute; that is left
/// to [`super::Rising`].
#[derive(Debug)]
pub struct Timeline {
    zone: TimeZone,
    change: DayChange,
    /// Whether a line of the file has named a day.
    is_told: bool,
    /// What the writer's clock showed at the last line, or the beginning of the day that was told.
    shown: Option<DateTime>,
    /// The moment of the last line.
    last: Option<Timestamp>,
    /// How much later it may have been, in the hour that comes twice.
    later: Option<SignedDuration>,
    /// How exactly that is known.
    precision: LogPrecision,
    /// Who spoke last, and how, for text that goes on.
    speaker: Option<(LogSpeaker, MessageKind)>,
    /// How often a line named another zone than that of the file, and how it called the first one.
    foreign: (u64, Option<ZoneName>),
}

impl Timeline {
    /// A file whose writer's clock was in `zone`, before its first line.
    pub fn new(zone: TimeZone, start: TimelineStart) -> Self {
        let shown = start.day.map(|day| day.to_datetime(Time::midnight()));
        Self {
            zone,
            change: start.change,
            is_told: false,
            shown,
            last: None,
            later: None,
            precision: LogPrecision::Guessed,
            speaker: None,
            foreign: (0, None),
        }
    }

    /// The entry of the next line, if it is one. Text that goes on is a message of its own, as it is for clients that
    /// receive it line by line.
    ///
    /// # Errors
    ///
    /// If the line's moment cannot be known. The timeline stays as it was before the line.
    pub fn resolve(&mut self, line: WrittenLine) -> Result<Option<TimedEntry>, TimeError> {
        match line {
            WrittenLine::Entry { time, event } => {
                let (at, precision) = self.place(time)?;
                self.precision = precision;
                self.remember(&event);
                Ok(Some(TimedEntry { entry: LogEntry { at, precision, event }, later: self.later }))
            }
            WrittenLine::Day { date, time } => {
                self.is_told = true;
                self.shown = Some(date.to_datetime(time.unwrap_or(Time::midnight())));
                Ok(None)
            }
            WrittenLine::Continuation(text) => Ok(self.go_on(text)),
            // Several are resolved one by one.
            WrittenLine::Nothing | WrittenLine::Unknown | WrittenLine::Several { .. } => Ok(None),
        }
    }

    /// How many times so far name another zone than that of the file, which counts; and how the first of them calls it.
    pub fn foreign_zones(&self) -> Option<(u64, ZoneName)> {
        Some((self.foreign.0, self.foreign.1?))
    }

    fn remember(&mut self, event: &LogEvent) {
        if let LogEvent::Message { by, kind, .. } = event {
            match &mut self.speaker {
                Some((speaker, how)) => {
                    speaker.clone_from(by);
                    *how = *kind;
                }
                None => self.speaker = Some((by.clone(), *kind)),
            }
        }
    }

    fn go_on(&self, text: String) -> Option<TimedEntry> {
        let (by, kind) = self.speaker.clone()?;
        let event = LogEvent::Message { by, kind, text };
        let entry = LogEntry { at: self.last?, precision: self.precision, event };
        Some(TimedEntry { entry, later: self.later })
    }

    fn place(&mut self, time: WrittenTime) -> Result<(Timestamp, LogPrecision), TimeError> {
        match time {
            WrittenTime::Moment(at) => {
                self.later = None;
                self.follow(at, LogPrecision::Exact)
            }
            WrittenTime::None => {
                let begin = || Some(local::moment(&self.zone, self.shown?, None)?.0);
                let at = self.last.or_else(begin).ok_or(TimeError::NoDay)?;
                self.last = Some(at);
                Ok((at, LogPrecision::Guessed))
            }
            WrittenTime::Local { date, time, has_seconds, zone } => {
                let local = self.day(date, time)?.to_datetime(time);
                let named = zone.map(|zone| local::named_moment(&self.zone, local, zone.as_str()));
                let (at, later) = match named {
                    Some(NamedMoment::Sure(at)) => (at, None),
                    _ => local::moment(&self.zone, local, self.last).ok_or(TimeError::NoSuchDay)?,
                };
                if named == Some(NamedMoment::Foreign) {
                    self.foreign = (self.foreign.0 + 1, self.foreign.1.or(zone));
                }
                let precision =
                    if has_seconds { LogPrecision::Exact } else { LogPrecision::Minute };
                let placed = self.follow(at, precision)?;
                (self.shown, self.later) = (Some(local), later);
                Ok(placed)
            }
        }
    }

    /// The day of a line of that date and time.
    fn day(&self, date: WrittenDate, time: Time) -> Result<Date, TimeError> {
        let before = || self.shown.ok_or(TimeError::NoDay);
        match date {
            WrittenDate::Full(day) => Ok(day),
            WrittenDate::WithoutYear { month, day } => {
                day_with_year(month, day, before()?.date()).ok_or(TimeError::NoSuchDay)
            }
            WrittenDate::None => {
                let change = match self.change {
                    DayChange::Told if !self.is_told => DayChange::Falling,
                    change => change,
                };
                day_of(&self.zone, before()?, self.last, time, change).ok_or(TimeError::NoSuchDay)
            }
        }
    }

    /// The moment of a line whose own time is `at`: no earlier than the line before.
    fn follow(
        &mut self,
        at: Timestamp,
        precision: LogPrecision,
    ) -> Result<(Timestamp, LogPrecision), TimeError> {
        let placed = match self.last {
            Some(last) if at < last => {
                let back = last.duration_since(at);
                if back > MAX_BACK && at.as_second() >= BEGINNING_OF_IRC {
                    return Err(TimeError::Backwards { from: last, to: at });
                }
                (last, if back > NEGLIGIBLE { LogPrecision::Guessed } else { precision })
            }
            _ => (at, precision),
        };
        self.last = Some(placed.0);
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Reads a line of a test: a time as a client writes it, or `=` and the day that the line names.
    fn line(text: &str) -> WrittenLine {
        if let Some(told) = text.strip_prefix("= ") {
            let (date, time) = told.split_once(' ').unwrap_or((told, ""));
            let time = (!time.is_empty()).then(|| time.parse().unwrap());
            return WrittenLine::Day { date: date.parse().unwrap(), time };
        }
        if text == "+" {
            return WrittenLine::Continuation("more".into());
        }
        let event = LogEvent::Message {
            by: LogSpeaker { nick: "ann".into(), ..LogSpeaker::default() },
            kind: MessageKind::Action,
            text: text.into(),
        };
        // `2025-10-26 02:56 CET`
        let is_zone = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase());
        let (text, zone) = match text.rsplit_once(' ') {
            Some((before, name)) if is_zone(name) => (before, ZoneName::new(name)),
            _ => (text, None),
        };
        let (date, time) = text.split_once(' ').unwrap_or(("", text));
        let time = match time {
            "-" => WrittenTime::None,
            moment if moment.ends_with('Z') => WrittenTime::Moment(moment.parse().unwrap()),
            _ => WrittenTime::Local {
                date: match date.len() {
                    0 => WrittenDate::None,
                    5 => WrittenDate::WithoutYear {
                        month: date[..2].parse().unwrap(),
                        day: date[3..].parse().unwrap(),
                    },
                    _ => WrittenDate::Full(date.parse().unwrap()),
                },
                zone,
                has_seconds: time.len() > 5,
                time: if time.len() > 5 { time.into() } else { format!("{time}:00") }
                    .parse()
                    .unwrap(),
            },
        };
        WrittenLine::Entry { time, event }
    }

    fn read(change: DayChange, day: Option<&str>, lines: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let start = TimelineStart { day: day.map(|day| day.parse().unwrap()), change };
        let mut timeline = Timeline::new(zone, start);
        let mut found = Vec::new();
        for text in lines.split(',').map(str::trim) {
            match timeline.resolve(line(text)) {
                Ok(Some(TimedEntry { entry: LogEntry { at, precision, .. }, later })) => {
                    let how = if precision == LogPrecision::Exact {
                        String::new()
                    } else {
                        format!(" {precision:?}")
                    };
                    let later = later.map_or("", |_| " or later");
                    found.push(format!("{at}{how}{later}"));
                }
                Ok(None) => {}
                Err(TimeError::NoDay) => found.push("no day".into()),
                Err(TimeError::NoSuchDay) => found.push("no such day".into()),
                Err(TimeError::Backwards { .. }) => found.push("backwards".into()),
            }
        }
        found.join(", ").replace("2025-", "")
    }

    #[test]
    fn days_change_by_lines_by_the_time_and_not_at_all() {
        use DayChange::{Falling, OneDay, Told};
        let winter = |days: &str| days.replace('_', "T").replace("Z", ":00Z");
        let cases = [
            // irssi.
            (
                Told,
                None,
                "= 2025-11-29 13:00:00, 13:01:00, = 2025-11-30, 13:01:00",
                "11-29_12:01Z, 11-30_12:01Z",
            ),
            // ZNC: the name of the file has the day.
            (OneDay, Some("2025-11-29"), "13:01:00, 14:01:00", "11-29_12:01Z, 11-29_13:01Z"),
            // eggdrop: from three to three.
            (
                Falling,
                Some("2025-11-29"),
                "03:01:00, 23:59:00, 00:01:00, 02:59:00",
                "11-29_02:01Z, 11-29_22:59Z, 11-29_23:01Z, 11-30_01:59Z",
            ),
            (
                Falling,
                Some("2025-11-29"),
                "23:59:00, = 2025-11-30 00:00:00, 00:01:00",
                "11-29_22:59Z, 11-29_23:01Z",
            ),
            // HexChat.
            (
                Falling,
                None,
                "= 2024-12-31 23:00:00, 12-31 23:01:00, 01-01 00:01:00, 11-29 13:00:00",
                "2024-12-31_22:01Z, 2024-12-31_23:01Z, 11-29_12:00Z",
            ),
            (Told, None, "13:01:00", "no day"),
            (Falling, None, "11-29 13:01:00", "no day"),
            (Falling, Some("2025-01-01"), "02-30 13:01:00", "no such day"),
        ];
        for (change, day, lines, expected) in cases {
            assert_eq!(read(change, day, lines), winter(expected), "{change:?} {day:?} {lines}");
        }
    }

    #[test]
    fn a_clock_that_goes_back() {
        let cases = [
            // The hour that comes twice, in a log without seconds and in one that names the date.
            (
                "= 2025-10-26, 02:55, 02:00, 02:04, 03:00",
                "10-26T00:55:00Z Minute or later, 10-26T01:00:00Z Minute, 10-26T01:04:00Z Minute, 10-26T02:00:00Z Minute",
            ),
            (
                "2025-10-26 02:56:03, 2025-10-26 02:00:04, 2025-10-26 02:59:00, 2025-10-26 03:00:00",
                "10-26T00:56:03Z or later, 10-26T01:00:04Z, 10-26T01:59:00Z, 10-26T02:00:00Z",
            ),
            // It is named which one it is, even where the clock does not go back.
            (
                "2025-10-26 02:10:03 CEST, 2025-10-26 02:20:00 CET, 2025-10-26 02:25:00, 2025-10-26 03:00:00 CET",
                "10-26T00:10:03Z, 10-26T01:20:00Z, 10-26T01:25:00Z, 10-26T02:00:00Z",
            ),
            (
                "= 2025-10-26, 02:10 CET, 02:20 CET",
                "10-26T01:10:00Z Minute, 10-26T01:20:00Z Minute",
            ),
            // Another zone is not taken for it.
            (
                "2025-10-26 02:10:03 EST, 2025-11-29 13:05:00 IST",
                "10-26T00:10:03Z or later, 11-29T12:05:00Z",
            ),
            // Text that goes on, and lines without a time, belong to the line before.
            (
                "2025-10-26 02:56:03, +, -, 2025-10-26 03:00:00, +",
                "10-26T00:56:03Z or later, 10-26T00:56:03Z or later, 10-26T00:56:03Z Guessed or later, \
                 10-26T02:00:00Z, 10-26T02:00:00Z",
            ),
            // Lines out of order.
            (
                "2025-10-26 02:56:03, 2025-10-26 02:56:02, 2025-10-26 02:56:04",
                "10-26T00:56:03Z or later, 10-26T00:56:03Z or later, 10-26T00:56:04Z or later",
            ),
            // Set back.
            (
                "2025-11-29 13:05:00, 2025-11-29 13:00:00, 2025-11-29 13:06:00",
                "11-29T12:05:00Z, 11-29T12:05:00Z Guessed, 11-29T12:06:00Z",
            ),
            // Not set.
            (
                "2025-11-29 13:05:00, 1970-01-01 00:00:09, 2025-11-29 13:06:00",
                "11-29T12:05:00Z, 11-29T12:05:00Z Guessed, 11-29T12:06:00Z",
            ),
            ("2025-11-29 13:05:00, 2025-11-27 13:00:00", "11-29T12:05:00Z, backwards"),
        ];
        for (lines, expected) in cases {
            assert_eq!(read(DayChange::Told, None, lines), expected, "{lines}");
        }
    }

    #[test]
    fn names_of_other_zones_are_counted() {
        let start = TimelineStart { day: None, change: DayChange::Told };
        let mut timeline = Timeline::new(TimeZone::get("Europe/Berlin").unwrap(), start);
        for text in ["2025-11-29 13:05:00 CET", "2025-11-29 13:05:00"] {
            timeline.resolve(line(text)).unwrap();
        }
        assert_eq!(timeline.foreign_zones(), None);
        for text in ["2025-11-29 13:06:00 EST", "2025-11-29 13:07:00 UTC"] {
            timeline.resolve(line(text)).unwrap();
        }
        assert_eq!(timeline.foreign_zones(), Some((2, ZoneName::new("EST").unwrap())));
    }

    #[test]
    fn moments_lines_without_a_time_and_text_that_goes_on() {
        let found = read(DayChange::Told, None, "+, 2025-11-29T12:05:00.123456Z, +, -, +");
        let at = "11-29T12:05:00.123456Z";
        assert_eq!(found, format!("{at}, {at}, {at} Guessed, {at} Guessed"));
        assert_eq!(read(DayChange::Told, None, "-"), "no day");
    }
}
