//! `letsbridge archive status`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ArchiveCommandError;
use crate::cli::table;
use crate::config::Settings;
use crate::store::archive::{ArchiveReader, ArchiveRoom, archive_size};

/// Shows what the archive holds.
pub(super) fn status(settings: &Settings) -> Result<(), ArchiveCommandError> {
    let reader = ArchiveReader::open(&settings.state_dir)?;
    let rooms = reader.rooms()?;
    let lines: u64 = rooms.iter().map(|room| room.lines).sum();
    let size = archive_size(&settings.state_dir);
    let is_on = if settings.archive.enabled { "on" } else { "off" };
    let keep = match settings.archive.keep {
        Some(keep) => format!("lines are kept for {} days", keep.as_secs() / 86_400),
        None => "lines are kept for ever".to_owned(),
    };
    println!("[archive] is {is_on}; {keep}");
    println!("{lines} lines, {:.1} MB", size as f64 / 1_000_000.0);
    let zone = &settings.archive.time_zone;
    let rows: Vec<[String; 5]> = rooms.iter().map(|room| row(room, zone)).collect();
    if !rows.is_empty() {
        let titles = ["ROOM", "LINES", "FROM", "TO", "CHANNELS"];
        print!("\n{}", table::render(titles, &rows, table::terminal_width()));
    }
    Ok(())
}

fn row(room: &ArchiveRoom, zone: &TimeZone) -> [String; 5] {
    let day = |time: Option<Timestamp>| {
        time.map_or(table::NONE.to_owned(), |time| zone.to_datetime(time).date().to_string())
    };
    let channels =
        if room.channels.is_empty() { table::NONE.to_owned() } else { room.channels.join(", ") };
    [room.slug.clone(), room.lines.to_string(), day(room.first), day(room.last), channels]
}
