//! The day on which a file begins that names a day only later.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, ToSpan};

use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime};

/// How far the time of day falls when a day has passed, as for files in which the time of day tells.
const SET_BACK: SignedDuration = SignedDuration::from_mins(10);

/// The day of the first entry of a file, as the first line tells that names a day: what stands before `Day changed`, or
/// before eggdrop's line of midnight, was on the day before; a month and a day lie in the last year that is not later than
/// the line that has one. Nothing if no line tells: a client that was started again does not say how long it was gone.
pub fn first_day(lines: impl IntoIterator<Item = WrittenLine>) -> Option<Date> {
    let mut passed = Passed::default();
    for line in lines {
        match line {
            WrittenLine::Entry { time: WrittenTime::Local { date, time, .. }, .. }
            | WrittenLine::Several { time: WrittenTime::Local { date, time, .. }, .. } => {
                match date {
                    WrittenDate::Full(date) => return passed.first_before(date),
                    WrittenDate::WithoutYear { month, day } => passed.see_day(month, day),
                    WrittenDate::None => passed.see_time(time),
                }
            }
            WrittenLine::Day { date, time } => {
                let is_midnight = time.is_none_or(|time| time.hour() == 0 && time.minute() == 0);
                return passed.first_before_told(date, is_midnight);
            }
            _ => {}
        }
    }
    None
}

/// What has passed since the beginning of the file.
#[derive(Default)]
struct Passed {
    time: Option<Time>,
    days: i32,
    /// Month and day of the first line and of the last one, and how many years have ended between them.
    dates: Option<((i8, i8), (i8, i8))>,
    years: i16,
}

impl Passed {
    fn see_time(&mut self, time: Time) {
        if self.time.is_some_and(|before| before.duration_since(time) > SET_BACK) {
            self.days += 1;
        }
        self.time = Some(time);
    }

    fn see_day(&mut self, month: i8, day: i8) {
        let (first, last) = self.dates.unwrap_or(((month, day), (month, day)));
        if month < last.0 {
            self.years += 1;
        }
        self.dates = Some((first, (month, day)));
    }

    /// The day of the first line, if the last one was of the day `date`.
    fn first_before(&self, date: Date) -> Option<Date> {
        date.checked_sub(self.days.days()).ok()
    }

    fn first_before_told(&self, date: Date, is_midnight: bool) -> Option<Date> {
        if let Some((first, last)) = self.dates {
            let is_later = last > (date.month(), date.day());
            let year = date.year().checked_sub(self.years + i16::from(is_later))?;
            return Date::new(year, first.0, first.1).ok();
        }
        match self.time {
            None => Some(date),
            Some(_) if is_midnight => self.first_before(date.yesterday().ok()?),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::LogEvent;

    /// `12:30` is a line of that time, `11-29` one of that day, `= 2025-11-30` names the day, `= 2025-11-30 08:00` too.
    fn line(text: &str) -> WrittenLine {
        if let Some(told) = text.strip_prefix("= ") {
            let (date, time) = told.split_once(' ').unwrap_or((told, ""));
            let time = (!time.is_empty()).then(|| format!("{time}:00").parse().unwrap());
            return WrittenLine::Day { date: date.parse().unwrap(), time };
        }
        let (date, time) = match text.split_once('-') {
            Some((month, day)) => {
                let (month, day) = (month.parse().unwrap(), day.parse().unwrap());
                (WrittenDate::WithoutYear { month, day }, Time::midnight())
            }
            None => (WrittenDate::None, format!("{text}:00").parse().unwrap()),
        };
        let time = WrittenTime::Local { date, time, has_seconds: true, zone: None };
        WrittenLine::Entry { time, event: LogEvent::Client(String::new()) }
    }

    #[test]
    fn the_first_day_is_derived() {
        let cases: [(&[&str], Option<&str>); 9] = [
            (&["= 2025-11-30 08:00", "08:01"], Some("2025-11-30")),
            // Cut out of a file of irssi; of eggdrop.
            (&["12:30", "23:59", "= 2025-11-30", "00:01"], Some("2025-11-29")),
            (&["12:30", "23:59", "= 2025-11-30 00:00", "00:01"], Some("2025-11-29")),
            (&["12:30", "09:00", "23:59", "= 2025-11-30"], Some("2025-11-28")),
            // When the client was ended, nobody knows.
            (&["12:30", "23:59", "= 2025-11-30 08:00"], None),
            (&["12:30", "23:59"], None),
            // HexChat.
            (&["11-28", "11-29", "= 2025-11-30 08:00"], Some("2025-11-28")),
            (&["12-30", "= 2025-11-30 08:00"], Some("2024-12-30")),
            (&["11-30", "12-31", "01-02", "= 2025-01-02 08:00"], Some("2024-11-30")),
        ];
        for (lines, day) in cases {
            let found = first_day(lines.iter().map(|text| line(text)));
            assert_eq!(found, day.map(|day| day.parse().unwrap()), "{lines:?}");
        }
    }
}
