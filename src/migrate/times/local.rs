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

/// What the name of a zone behind a time says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedMoment {
    /// This is the moment.
    Sure(Timestamp),
    /// No more than the time itself.
    Nothing,
    /// It is not the name that `zone` has then.
    Foreign,
}

/// The moment at which a clock in `zone` showed `local` while the zone was called `name`: this tells which hour it was that comes
/// twice. Other zones may have that name, too: which zone it is, somebody else must say.
pub(super) fn named_moment(zone: &TimeZone, local: DateTime, name: &str) -> NamedMoment {
    let is_called =
        |at: &Timestamp| zone.to_offset_info(*at).abbreviation().eq_ignore_ascii_case(name);
    let at = |offset: Offset| offset.to_timestamp(local).ok();
    let offsets = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
        AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
        // Neither of the two fits: a clock that is called so shows no such time.
        AmbiguousOffset::Gap { .. } => return NamedMoment::Nothing,
    };
    let mut found = offsets.into_iter().flatten().filter_map(at).filter(is_called);
    match (found.next(), found.next()) {
        (Some(at), None) => NamedMoment::Sure(at),
        (Some(_), Some(_)) => NamedMoment::Nothing,
        (None, _) => NamedMoment::Foreign,
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
    fn the_name_of_a_zone_tells_which_hour_it_was() {
        use NamedMoment::{Foreign, Nothing};
        let sure = |at: &str| NamedMoment::Sure(at.parse().unwrap());
        for (zone, local, name, expected) in [
            ("Europe/Berlin", "2025-10-26T02:30:00", "CEST", sure("2025-10-26T00:30:00Z")),
            ("Europe/Berlin", "2025-10-26T02:30:00", "CET", sure("2025-10-26T01:30:00Z")),
            ("Europe/Berlin", "2025-10-26T02:30:00", "EST", Foreign),
            ("Europe/Berlin", "2025-12-01T12:00:00", "CET", sure("2025-12-01T11:00:00Z")),
            ("Europe/Berlin", "2025-12-01T12:00:00", "CEST", Foreign),
            ("Europe/Berlin", "2025-12-01T12:00:00", "UTC", Foreign),
            ("UTC", "2025-12-01T12:00:00", "UTC", sure("2025-12-01T12:00:00Z")),
            ("Europe/London", "2025-12-01T12:00:00", "GMT", sure("2025-12-01T12:00:00Z")),
            // The same name, in three zones.
            ("America/Chicago", "2025-11-02T01:30:00", "CST", sure("2025-11-02T07:30:00Z")),
            ("Asia/Shanghai", "2025-11-02T01:30:00", "CST", sure("2025-11-01T17:30:00Z")),
            ("Asia/Kolkata", "2025-11-02T01:30:00", "IST", sure("2025-11-01T20:00:00Z")),
            ("America/Sao_Paulo", "2025-11-02T01:30:00", "-03", sure("2025-11-02T04:30:00Z")),
            ("Europe/Berlin", "2025-03-30T02:30:00", "CET", Nothing),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let found = named_moment(&zone, local.parse().unwrap(), name);
            assert_eq!(found, expected, "{local} {name}");
        }
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
