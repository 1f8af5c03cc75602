//! The metrics of the archive.

use super::families::{Families, Labels, as_float, as_number};
use crate::service::ArchiveStatus;

/// Adds the metrics of the archive; nothing while it is switched off.
pub(super) fn add(archive: ArchiveStatus, families: &mut Families) {
    let is_on = archive.is_enabled;
    let one = |value: f64| is_on.then(|| (Labels::new(), value));
    families.gauge(
        "letsbridge_archive_writable",
        "Whether the archive can be written, as far as is known. Missing while it is switched off.",
        one(as_number(archive.is_writable)),
    );
    families.gauge(
        "letsbridge_archive_waiting_messages",
        "Messages that wait to be archived.",
        one(as_float(archive.waiting)),
    );
    families.gauge(
        "letsbridge_archive_bytes",
        "Size of the archive on disk.",
        one(as_float(archive.bytes)),
    );
    families.counter(
        "letsbridge_archive_lines_total",
        "Lines archived since the start.",
        is_on.then(|| (Labels::new(), archive.lines)),
    );
}
