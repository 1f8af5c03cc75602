//! Settings of the archive.

use std::time::Duration;

use jiff::tz::TimeZone;

/// Settings of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// Whether the bridge archives what it hears.
    pub enabled: bool,
    /// How long lines are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// The time zone of days and times on its pages.
    pub time_zone: TimeZone,
}
