//! Dates and times at the begin of lines, in the forms that people set in clients which let them choose.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::scan::{Clock, clock, date, month, number, time};
use crate::migrate::written::{WrittenDate, WrittenTime, ZoneName};

/// A time, perhaps behind a date, and what follows: `13:59`, `1:59:16 pm`, `2026-11-29 13:59`, `29.11.2026, 13:59`,
/// `Nov 29 13:59`, `Sun, 29 Nov 2026 13:59`. Dates such as 03/04/2026 are not among them: nobody knows which is the month.
pub(super) fn stamp(text: &str) -> Option<(WrittenTime, &str)> {
    let (date, rest) = match day(text) {
        Some((date, rest)) => {
            let rest = rest.strip_prefix(',').unwrap_or(rest);
            (date, rest.strip_prefix([' ', 'T', '_', '-'])?)
        }
        None => (WrittenDate::None, text),
    };
    let (Clock { time, has_seconds }, rest) = clock_of_half(rest)?;
    Some((WrittenTime::Local { date, time, has_seconds, zone: None }, rest))
}

/// The same, where a whole date and time may say how far the clock was ahead of UTC: `2026-11-29T13:59:16+0100`, or `Z`;
/// where any time may have the name of its zone behind it; or seconds since 1970 instead of it.
/// Only for formats that cannot be taken for those which always write it.
pub(super) fn zoned_stamp(text: &str) -> Option<(WrittenTime, &str)> {
    if let Some((at, rest)) = seconds(text) {
        return (!rest.starts_with(is_letter)).then_some((WrittenTime::Moment(at), rest));
    }
    let (written, rest) = stamp(text)?;
    if let WrittenTime::Local { date: WrittenDate::Full(date), time, .. } = written
        && let Some((ahead, rest)) = zone(rest)
        && let Ok(at) = ahead.to_timestamp(date.to_datetime(time))
    {
        return Some((WrittenTime::Moment(at), rest));
    }
    let end =
        rest.strip_prefix(' ').map_or(0, |word| 1 + word.bytes().take_while(is_capital).count());
    let (name, behind) = rest.split_at(end);
    let name = name.trim_start();
    // What stands behind the time is the program's: these words are none of its own.
    if ZONES.contains(&name) && !behind.starts_with(is_letter) {
        return Some((in_zone(written, ZoneName::new(name)?), behind));
    }
    Some((written, rest))
}

/// Seconds since 1970, of nine or ten digits: from 1973 on.
pub(super) fn seconds(text: &str) -> Option<(Timestamp, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(count);
    let at = (9..=10).contains(&count).then(|| digits.parse().ok())??;
    Some((Timestamp::from_second(at).ok()?, rest))
}

/// A time in a zone of this name. With a date, Universal Time is a moment.
pub(super) fn in_zone(written: WrittenTime, name: ZoneName) -> WrittenTime {
    match written {
        WrittenTime::Local { date: WrittenDate::Full(date), time, .. } if name.is_utc() => {
            let at = Offset::UTC.to_timestamp(DateTime::from_parts(date, time));
            at.map_or(written, WrittenTime::Moment)
        }
        WrittenTime::Local { date, time, has_seconds, .. } => {
            WrittenTime::Local { date, time, has_seconds, zone: Some(name) }
        }
        other => other,
    }
}

fn is_capital(byte: &u8) -> bool {
    byte.is_ascii_uppercase()
}

/// The names of zones that `%Z` of `strftime` writes, in use since there is IRC. Which zone one is of is not told by it alone.
const ZONES: [&str; 56] = [
    "ACDT", "ACST", "ADT", "AEDT", "AEST", "AKDT", "AKST", "AST", "AWST", "BST", "CAT", "CDT",
    "CEST", "CET", "CST", "EAT", "EDT", "EEST", "EET", "EST", "GMT", "HDT", "HKT", "HST", "IDT",
    "IST", "JST", "KST", "MDT", "MEST", "MET", "MSD", "MSK", "MST", "NDT", "NST", "NZDT", "NZST",
    "PDT", "PKT", "PST", "SAST", "SGT", "SST", "UT", "UTC", "WAST", "WAT", "WEST", "WET", "WIB",
    "WIT", "WITA", "BRT", "BRST", "ART",
];

/// The same in brackets of that kind.
pub(super) fn enclosed_zoned_stamp<'t>(
    text: &'t str,
    open: &str,
    close: &str,
) -> Option<(WrittenTime, &'t str)> {
    let (time, rest) = zoned_stamp(text.strip_prefix(open)?)?;
    Some((time, rest.strip_prefix(close)?))
}

/// `Z`, `+0100` or ` +0100`, with nothing but a sign or space behind it.
fn zone(text: &str) -> Option<(Offset, &str)> {
    let word = text.strip_prefix(' ').unwrap_or(text);
    let found = match text.strip_prefix('Z') {
        Some(rest) => (Offset::UTC, rest),
        None => offset(word)?,
    };
    (!found.1.starts_with(is_letter)).then_some(found)
}

/// A time in brackets of that kind.
pub(super) fn enclosed_stamp<'t>(
    text: &'t str,
    open: &str,
    close: &str,
) -> Option<(WrittenTime, &'t str)> {
    let (time, rest) = stamp(text.strip_prefix(open)?)?;
    Some((time, rest.strip_prefix(close)?))
}

/// The time in `[13:59:16] `, which may have a date, and what follows.
pub(super) fn bracketed_stamp(line: &str) -> Option<(WrittenTime, &str)> {
    let (time, rest) = enclosed_stamp(line, "[", "]")?;
    // Some editors take the space from the end of empty messages.
    Some((time, rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?))
}

/// How far a clock is ahead of UTC, `+1200` or `+12:00`, and what follows.
pub(super) fn offset(text: &str) -> Option<(Offset, &str)> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes, rest) = match rest.split_at_checked(2)? {
        (hours, rest) if rest.starts_with(':') => (hours, rest.get(1..3)?, rest.get(3..)?),
        (hours, rest) => (hours, rest.get(..2)?, rest.get(2..)?),
    };
    let (hours, minutes) = (number(hours, 2..=2)?.0, number(minutes, 2..=2)?.0);
    Some((Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?, rest))
}

/// A time of day, which may be of twelve hours, and have a fraction of a second.
fn clock_of_half(text: &str) -> Option<(Clock, &str)> {
    let (clock, rest) = clock(text)?;
    let (nanos, rest) = fraction(rest).filter(|_| clock.has_seconds).unwrap_or((0, rest));
    let word = rest.strip_prefix(' ').unwrap_or(rest);
    let half = word.split_at_checked(2).filter(|(_, behind)| !behind.starts_with(is_letter));
    let (is_afternoon, rest) = match half {
        Some(("am" | "AM", behind)) => (false, behind),
        Some(("pm" | "PM", behind)) => (true, behind),
        _ => {
            let time = clock.time.with().subsec_nanosecond(nanos).build().ok()?;
            return Some((Clock { time, ..clock }, rest));
        }
    };
    let hour = i32::from(clock.time.hour());
    if !(1..=12).contains(&hour) {
        return None;
    }
    let hour = hour % 12 + if is_afternoon { 12 } else { 0 };
    let time = time(hour, i32::from(clock.time.minute()), i32::from(clock.time.second()), nanos)?;
    Some((Clock { time, ..clock }, rest))
}

/// The nanoseconds of `.123` or `,123`.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let digits = text.strip_prefix(['.', ','])?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let nanos = digits.get(..count.min(9))?.parse::<i32>().ok()?;
    let missing = 9_u32.checked_sub(u32::try_from(count.min(9)).ok()?)?;
    Some((nanos * 10_i32.pow(missing), &digits[count..]))
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
}

fn day(text: &str) -> Option<(WrittenDate, &str)> {
    let dated = |text| {
        numbers(text).map(|(date, rest)| (WrittenDate::Full(date), rest)).or_else(|| words(text))
    };
    dated(text).or_else(|| dated(behind_weekday(text)?))
}

/// What stands behind the name of a day, in whatever language: `Sun`, `Sun,` or `so.`.
fn behind_weekday(text: &str) -> Option<&str> {
    let (name, rest) = text.split_once(' ')?;
    let name = name.trim_end_matches(['.', ',']);
    (name.len() <= MAX_WEEKDAY && !name.is_empty() && name.chars().all(is_letter)).then_some(rest)
}

/// How long the name of a day may be, in bytes.
const MAX_WEEKDAY: usize = 24;

/// `2026-11-29`, `2026/11/29`, `2026.11.29`, `20261129`, `29.11.2026`.
fn numbers(text: &str) -> Option<(Date, &str)> {
    if let Some((whole, rest)) = number(text, 8..=8) {
        return Some((date(whole / 10_000, whole / 100 % 100, whole % 100)?, rest));
    }
    let is_separator = |c: char| matches!(c, '-' | '/' | '.');
    let (first, rest) = number(text, 1..=4)?;
    let separator = rest.chars().next().filter(|c| is_separator(*c))?;
    let (middle, rest) = number(&rest[1..], 1..=2)?;
    let (last, behind) = number(rest.strip_prefix(separator)?, 1..=4)?;
    let digits = |from: &str, to: &str| from.len() - to.len();
    let first_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let last_digits = digits(&rest[1..], behind);
    match (first_digits, last_digits) {
        (4, 1 | 2) => Some((date(first, middle, last)?, behind)),
        (1 | 2, 4) if separator == '.' => Some((date(last, middle, first)?, behind)),
        _ => None,
    }
}

/// `Nov 29`, `29 Nov`, both perhaps with a year behind them.
fn words(text: &str) -> Option<(WrittenDate, &str)> {
    let (first, rest) = text.split_once(' ')?;
    let (month, day, rest) = match month(first) {
        Some(month) => {
            let (day, rest) = number(rest.trim_start(), 1..=2)?;
            (month, day, rest)
        }
        None => {
            let (day, "" | ".") = number(first, 1..=2)? else { return None };
            let (name, _) = rest.split_once([' ', ','])?;
            (month(name)?, day, &rest[name.len()..])
        }
    };
    let with_year = rest.trim_start_matches(',').strip_prefix(' ');
    if let Some((year, rest)) = with_year.and_then(|rest| number(rest, 4..=4)) {
        return Some((WrittenDate::Full(date(year, i32::from(month), day)?), rest));
    }
    // Whether there is such a day depends on the year; a leap year has all.
    date(2000, i32::from(month), day)?;
    let day = i8::try_from(day).ok()?;
    Some((WrittenDate::WithoutYear { month, day }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_in_many_forms() {
        for (text, expected) in [
            ("13:59 x", "13:59:00 | x"),
            ("13:59:16 x", "13:59:16 with seconds| x"),
            ("1:59 pm x", "13:59:00 | x"),
            ("12:59:16am]", "00:59:16 with seconds|]"),
            ("1:59 pma", "01:59:00 | pma"),
            ("13:59 pm x", "none"),
            ("2026-11-29 13:59 x", "2026-11-29 13:59:00 | x"),
            ("2026-11-29T13:59:16 x", "2026-11-29 13:59:16 with seconds| x"),
            ("2026/11/29 13:59 x", "2026-11-29 13:59:00 | x"),
            ("20261129 13:59 x", "2026-11-29 13:59:00 | x"),
            ("29.11.2026 13:59 x", "2026-11-29 13:59:00 | x"),
            ("9.1.2026, 13:59 x", "2026-01-09 13:59:00 | x"),
            ("Nov 29 13:59 x", "11/29 13:59:00 | x"),
            ("Feb 29 13:59 x", "2/29 13:59:00 | x"),
            ("Nov  9 2026 13:59 x", "2026-11-09 13:59:00 | x"),
            ("29 Nov 13:59 x", "11/29 13:59:00 | x"),
            ("29. November 2026, 13:59 x", "2026-11-29 13:59:00 | x"),
            ("09 août 2026 13:59 x", "2026-08-09 13:59:00 | x"),
            ("Sun, 29 Nov 2026 13:59 x", "2026-11-29 13:59:00 | x"),
            ("so. 2026-11-29 13:59 x", "2026-11-29 13:59:00 | x"),
            ("воскресенье 29 Nov 13:59 x", "11/29 13:59:00 | x"),
            ("Sun 13:59 x", "none"),
            ("13:59:16.5 x", "13:59:16.5 with seconds| x"),
            ("1:59:16,123 pm x", "13:59:16.123 with seconds| x"),
            ("13:59:16. x", "13:59:16 with seconds|. x"),
            ("13:59.5 x", "13:59:00 |.5 x"),
            ("2026-11-29T13:59:16+0100 x", "2026-11-29T12:59:16Z | x"),
            ("2026-11-29 13:59:16.25 -05:30] x", "2026-11-29T19:29:16.25Z |] x"),
            ("2026-11-29T13:59Z x", "2026-11-29T13:59:00Z | x"),
            ("2026-11-29 13:59 Zoe", "2026-11-29 13:59:00 | Zoe"),
            ("13:59:16+0100 x", "13:59:16 with seconds|+0100 x"),
            // The name of a zone; what is none stays.
            ("13:59 CET <x", "13:59:00 CET| <x"),
            ("2026-11-29 13:59:16 EST] x", "2026-11-29 13:59:16 with seconds EST|] x"),
            ("2026-11-29 13:59:16 UTC x", "2026-11-29T13:59:16Z | x"),
            ("2026-11-29 13:59 GMT x", "2026-11-29T13:59:00Z | x"),
            ("13:59 UTC x", "13:59:00 UTC| x"),
            ("13:59 CETX x", "13:59:00 | CETX x"),
            ("13:59 CET5 x", "13:59:00 | CET5 x"),
            ("13:59 ERR x", "13:59:00 | ERR x"),
            ("13:59  CET x", "13:59:00 |  CET x"),
            ("13:59 CET", "13:59:00 CET|"),
            // Seconds since 1970.
            ("1795957156 x", "2026-11-29T12:59:16Z | x"),
            ("999999999 x", "2001-09-09T01:46:39Z | x"),
            ("4102444800 x", "2100-01-01T00:00:00Z | x"),
            ("1795957156x", "none"),
            ("17959571560 x", "none"),
            // Which is the month?
            ("03/04/2026 13:59 x", "none"),
            ("2026-02-30 13:59 x", "none"),
            ("Nov 31 13:59 x", "none"),
            ("29 Nov", "none"),
            ("", "none"),
        ] {
            let found = match zoned_stamp(text) {
                Some((WrittenTime::Local { date, time, has_seconds, zone }, rest)) => {
                    let date = match date {
                        WrittenDate::Full(date) => format!("{date} "),
                        WrittenDate::WithoutYear { month, day } => format!("{month}/{day} "),
                        WrittenDate::None => String::new(),
                    };
                    let zone = zone.map_or(String::new(), |zone| format!(" {zone:?}"));
                    let zone = if has_seconds { &zone } else { zone.trim_start() };
                    let seconds = if has_seconds { "with seconds" } else { "" };
                    format!("{date}{time} {seconds}{zone}|{rest}")
                }
                Some((WrittenTime::Moment(at), rest)) => format!("{at} |{rest}"),
                _ => "none".to_owned(),
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
