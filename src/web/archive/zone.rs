//! Days and times as the pages show them, in the zone that they name.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::domain::LogPrecision;

/// The first year that pages know.
pub(super) const FIRST_YEAR: i16 = 1970;

/// The first and the last day that pages know.
const FIRST_DAY: Date = Date::constant(FIRST_YEAR, 1, 1);
const LAST_DAY: Date = Date::constant(2999, 12, 31);

/// The time zone of the pages.
#[derive(Debug, Clone)]
pub struct PageZone {
    zone: TimeZone,
}

impl PageZone {
    /// The zone `zone`.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Its name for people.
    pub(super) fn name(&self) -> &str {
        match self.zone.iana_name() {
            Some("Etc/UTC") | None => "UTC",
            Some(name) => name,
        }
    }

    /// The day on which something was said.
    pub(super) fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// When a day begins.
    pub(super) fn start(&self, day: Date) -> Timestamp {
        day.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |it| it.timestamp())
    }

    /// When a day is over.
    pub(super) fn end(&self, day: Date) -> Timestamp {
        day.tomorrow().map_or(Timestamp::MAX, |next| self.start(next))
    }

    /// The time of day, as exactly as it is known.
    pub(super) fn clock(&self, at: Timestamp, precision: LogPrecision) -> String {
        let form = match precision {
            LogPrecision::Exact => "%H:%M:%S",
            LogPrecision::Minute => "%H:%M",
            LogPrecision::Guessed => "~%H:%M",
        };
        at.to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// Day and time to the minute.
    pub(super) fn minute(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%F %H:%M").to_string()
    }

    /// Day and time with the offset to UTC, as RFC 3339 has it.
    pub(super) fn full(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%FT%H:%M:%S.%3f%:z").to_string()
    }
}

/// What is said about a time that is not exact.
pub(super) fn doubt(precision: LogPrecision) -> Option<&'static str> {
    match precision {
        LogPrecision::Exact => None,
        LogPrecision::Minute => Some("The log has no seconds."),
        LogPrecision::Guessed => Some("The log does not say when: this is about the time."),
    }
}

/// A day that somebody typed or that is in an address: `2014-02-03`, between 1970 and 2999.
pub(super) fn read_day(text: &str) -> Option<Date> {
    let text = text.trim();
    let is_plain = text.len() == 10 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
    let day: Date = text.parse().ok().filter(|_| is_plain)?;
    (FIRST_DAY..=LAST_DAY).contains(&day).then_some(day)
}

/// A year in an address.
pub(super) fn read_year(text: &str) -> Option<i16> {
    let year: i16 = text.parse().ok()?;
    (FIRST_DAY.year()..=LAST_DAY.year()).contains(&year).then_some(year)
}

/// A day in words: `Monday, 3 February 2014`.
pub(super) fn words(day: Date) -> String {
    day.strftime("%A, %-d %B %Y").to_string()
}

/// The first and the last day of a year.
pub(super) fn year(year: i16) -> (Date, Date) {
    let first = Date::new(year, 1, 1).unwrap_or(FIRST_DAY);
    let last = Date::new(year, 12, 31).unwrap_or(LAST_DAY);
    (first, last)
}

/// The days of a month, and on which weekday it begins: 0 is Monday.
pub(super) fn month(year: i16, month: i8) -> (Vec<Date>, i8) {
    let Ok(first) = Date::new(year, month, 1) else { return (Vec::new(), 0) };
    let days = (0..first.days_in_month()).map(|n| first.saturating_add(Span::new().days(n)));
    (days.collect(), first.weekday().to_monday_zero_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> PageZone {
        PageZone::new(TimeZone::get("Europe/Berlin").expect("a zone"))
    }

    #[test]
    fn only_days_between_1970_and_2999_are_days() {
        for (text, is_day) in [
            ("2014-02-03", true),
            (" 2016-02-29 ", true),
            ("2014-02-29", false),
            ("2014-2-3", false),
            ("1969-12-31", false),
            ("9999-12-31", false),
            ("-002014-02-03", false),
            ("20140203", false),
            ("2014-02-03T10:00", false),
            ("", false),
            ("today", false),
        ] {
            assert_eq!(read_day(text).is_some(), is_day, "{text}");
        }
        for (text, year) in [("2014", Some(2014)), ("1969", None), ("99999", None), ("x", None)] {
            assert_eq!(read_year(text), year, "{text}");
        }
    }

    #[test]
    fn day_has_23_24_or_25_hours() {
        let zone = berlin();
        for (day, hours) in [("2014-03-30", 23), ("2014-03-31", 24), ("2014-10-26", 25)] {
            let day = read_day(day).expect("a day");
            let length = zone.end(day).duration_since(zone.start(day));
            assert_eq!(length.as_hours(), hours, "{day}");
        }
        assert_eq!(zone.end(Date::MAX), Timestamp::MAX);
    }

    #[test]
    fn time_is_as_exact_as_it_is_known() {
        let at: Timestamp = "2014-07-01T10:11:12.345Z".parse().expect("a time");
        let zone = berlin();
        for (precision, clock, is_doubtful) in [
            (LogPrecision::Exact, "12:11:12", false),
            (LogPrecision::Minute, "12:11", true),
            (LogPrecision::Guessed, "~12:11", true),
        ] {
            assert_eq!(zone.clock(at, precision), clock);
            assert_eq!(doubt(precision).is_some(), is_doubtful);
        }
        assert_eq!(zone.minute(at), "2014-07-01 12:11");
        assert_eq!(zone.full(at), "2014-07-01T12:11:12.345+02:00");
        assert_eq!(words(zone.day(at)), "Tuesday, 1 July 2014");
        assert_eq!(zone.name(), "Europe/Berlin");
        assert_eq!(PageZone::new(TimeZone::UTC).name(), "UTC");
    }

    #[test]
    fn month_has_its_days() {
        let (days, first) = month(2016, 2);
        assert_eq!((days.len(), first), (29, 0));
        assert_eq!(days[28].to_string(), "2016-02-29");
        assert_eq!(year(2016).1.to_string(), "2016-12-31");
    }
}
