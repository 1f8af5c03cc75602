//! Local times into moments, with the hour that comes twice and the one that is missing.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// How far a clock may go back within the hour that comes twice without having entered it for the second time.
/// Programs write lines a second or two out of order; logs without seconds go back by a minute or more.
const OUT_OF_ORDER: SignedDuration = SignedDuration::from_secs(30);

/// The moment at which a clock in `zone` showed `local`, and how much later it did so once more. In the hour that comes
/// twice, it is the first one, unless that lies before `last`, the line before: then it is surely the second. In the hour that
/// is missing, the clock is taken not to have been changed yet. Nothing if the moment is outside of what can be counted.
pub(super) fn moment(
    zone: &TimeZone,
    local: DateTime,
    last: Option<Timestamp>,
) -> Option<(Timestamp, Option<SignedDuration>)> {
    let sure = |offset: Offset| Some((offset.to_timestamp(local).ok()?, None));
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => sure(offset),
        AmbiguousOffset::Gap { before, .. } => sure(before),
        AmbiguousOffset::Fold { before, after } => {
            let first = before.to_timestamp(local).ok()?;
            match last {
                Some(last) if first + OUT_OF_ORDER < last => sure(after),
                _ => {
                    let second = after.to_timestamp(local).ok()?;
                    Some((first, Some(second.duration_since(first))))
                }
            }
        }
    }
}

/// Whether a clock in `zone` that showed `last` at the line before, and shows `local` now, has gone back because the hour
/// came for the second time.
pub(super) fn is_second_time(zone: &TimeZone, local: DateTime, last: Timestamp) -> bool {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Fold { after, .. } => {
            after.to_timestamp(local).is_ok_and(|second| last <= second + OUT_OF_ORDER)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(zone: &str, local: &str, last: Option<&str>) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let last = last.map(|it| it.parse().unwrap());
        let (at, later) = moment(&zone, local.parse().unwrap(), last).unwrap();
        let later = later.map_or(String::new(), |later| format!(" or {}", at + later));
        format!("{at}{later}")
    }

    #[test]
    fn a_local_time_is_a_moment() {
        let cases = [
            ("Europe/Berlin", "2025-07-01T12:00:00", None, "2025-07-01T10:00:00Z"),
            ("Europe/Berlin", "2025-12-01T12:00:00", None, "2025-12-01T11:00:00Z"),
            ("UTC", "2025-10-26T02:30:00", None, "2025-10-26T02:30:00Z"),
            // The hour that comes twice: the first, unless the line before was later.
            (
                "Europe/Berlin",
                "2025-10-26T02:30:00",
                None,
                "2025-10-26T00:30:00Z or 2025-10-26T01:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2025-10-26T02:30:00",
                Some("2025-10-26T00:29:00Z"),
                "2025-10-26T00:30:00Z or 2025-10-26T01:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2025-10-26T02:30:00",
                Some("2025-10-26T00:30:01Z"),
                "2025-10-26T00:30:00Z or 2025-10-26T01:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2025-10-26T02:00:00",
                Some("2025-10-26T00:56:00Z"),
                "2025-10-26T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2025-10-26T02:30:00",
                Some("2025-10-26T01:29:00Z"),
                "2025-10-26T01:30:00Z",
            ),
            // The hour that is missing.
            ("Europe/Berlin", "2025-03-30T02:30:00", None, "2025-03-30T01:30:00Z"),
            // Where the clock goes back at midnight, into the day before.
            (
                "America/Sao_Paulo",
                "2018-02-17T23:30:00",
                Some("2018-02-18T01:59:00Z"),
                "2018-02-18T02:30:00Z",
            ),
            // By half an hour.
            (
                "Australia/Lord_Howe",
                "2025-04-06T01:40:00",
                Some("2025-04-05T14:59:00Z"),
                "2025-04-05T15:10:00Z",
            ),
        ];
        for (zone, local, last, moment) in cases {
            assert_eq!(at(zone, local, last), moment, "{zone} {local} after {last:?}");
        }
    }
}
