//! Which day a line belongs to that has only a time of day, and which year one that has only a day.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::local;

/// How far a clock is set back without midnight having passed, where only the time of day tells.
const SET_BACK: SignedDuration = SignedDuration::from_mins(10);

/// How far the time of day falls when midnight has passed although a line for the new day is missing.
const SURELY_MIDNIGHT: SignedDuration = SignedDuration::from_hours(12);

/// How many days a date without a year may lie before the one of the line before it: clocks are set back, too.
const DAYS_BACK: i32 = 2;

/// By what a file tells that a new day has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayChange {
    /// The file holds one day, as with ZNC.
    OneDay,
    /// A line says so, as with irssi. Until the first such line, the time of day does.
    Told,
    /// The time of day falls, as with eggdrop and mIRC. Lines may say so, too.
    Falling,
}

/// The day of a line at `time`, when the line before was at `before` and that was the moment `last`.
pub(super) fn day_of(
    zone: &TimeZone,
    before: DateTime,
    last: Option<Timestamp>,
    time: Time,
    change: DayChange,
) -> Option<Date> {
    let same = before.date();
    let fall = before.time().duration_since(time);
    let limit = match change {
        DayChange::OneDay => return Some(same),
        DayChange::Told => SURELY_MIDNIGHT,
        DayChange::Falling => SET_BACK,
    };
    let comes_twice =
        || last.is_some_and(|last| local::is_second_time(zone, same.to_datetime(time), last));
    if fall <= limit || comes_twice() { Some(same) } else { same.tomorrow().ok() }
}

/// The day that a line names without a year, when the line before was of the day `before`: the first one that does not lie
/// before that by more than some days. Nothing if there is no such day.
pub(super) fn day_with_year(month: i8, day: i8, before: Date) -> Option<Date> {
    let earliest = before.checked_sub(DAYS_BACK.days()).ok()?;
    // A leap day may be eight years away.
    let years = (-1..=8).filter_map(|years| before.year().checked_add(years));
    let mut days = years.filter_map(|year| Date::new(year, month, day).ok());
    days.find(|date| *date >= earliest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_year_is_added() {
        let cases = [
            ("2025-11-29", (11, 29), "2025-11-29"),
            ("2025-11-29", (12, 24), "2025-12-24"),
            ("2025-12-31", (1, 1), "2026-01-01"),
            // The month falls.
            ("2025-11-29", (3, 1), "2026-03-01"),
            // The clock was set back, over the end of a month, and of a year.
            ("2025-11-01", (10, 31), "2025-10-31"),
            ("2026-01-01", (12, 31), "2025-12-31"),
            ("2025-03-01", (2, 29), "2028-02-29"),
            ("1899-01-01", (2, 29), "1904-02-29"),
        ];
        for (before, (month, day), expected) in cases {
            let found = day_with_year(month, day, before.parse().unwrap());
            assert_eq!(found, Some(expected.parse().unwrap()), "{month}/{day} after {before}");
        }
        assert_eq!(day_with_year(13, 1, "2025-11-29".parse().unwrap()), None);
        assert_eq!(day_with_year(2, 30, "2025-11-29".parse().unwrap()), None);
    }

    #[test]
    fn a_day_begins_when_the_time_falls() {
        use DayChange::{Falling, OneDay, Told};
        let cases = [
            (Falling, "2025-06-01T23:58:00", "00:01", "2025-06-02"),
            (Falling, "2025-06-01T14:00:00", "09:00", "2025-06-02"),
            (Falling, "2025-06-01T14:00:00", "13:55", "2025-06-01"),
            (Falling, "2025-06-01T14:00:00", "14:00", "2025-06-01"),
            (Told, "2025-06-01T14:00:00", "09:00", "2025-06-01"),
            (Told, "2025-06-01T23:58:00", "00:01", "2025-06-02"),
            (OneDay, "2025-06-01T23:58:00", "00:01", "2025-06-01"),
            // The hour that comes twice.
            (Falling, "2025-10-26T02:56:00", "02:00", "2025-10-26"),
            (Falling, "2025-10-26T02:56:00", "01:30", "2025-10-27"),
        ];
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for (change, before, time, expected) in cases {
            let before: DateTime = before.parse().unwrap();
            let last = local::moment(&zone, before, None).map(|(at, _)| at);
            let time = format!("{time}:00").parse().unwrap();
            let found = day_of(&zone, before, last, time, change);
            assert_eq!(found, Some(expected.parse().unwrap()), "{change:?} {before} {time}");
        }
    }
}
