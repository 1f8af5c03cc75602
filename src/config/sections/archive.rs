//! Reads `[archive]`: whether and how long the bridge keeps what is said, to be searched.

use jiff::tz::TimeZone;

use super::parse;
use crate::config::ArchiveSettings;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{boolean, text};

/// Reads `[archive]`.
pub(super) fn read(mut section: Section<'_>) -> ArchiveSettings {
    let enabled = section.get("enabled", boolean).unwrap_or(false);
    let keep = section.get("keep", text(parse::duration_or_forever)).unwrap_or(None);
    let time_zone = section.get("time_zone", text(time_zone)).unwrap_or(TimeZone::UTC);
    section.deny_unknown_keys();
    ArchiveSettings { enabled, keep, time_zone }
}

/// The time zone with this name, by the rules of the machine or else by the program's own.
fn time_zone(name: &str) -> Result<TimeZone, ValueError> {
    TimeZone::get(name).map_err(|_| {
        let help = "write the name of a region and a city, such as \"Europe/Berlin\", or \"UTC\"";
        ValueError::quoting(name, "is not a time zone", help)
    })
}
