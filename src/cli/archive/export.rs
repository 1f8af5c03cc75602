//! `letsbridge archive export`.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ArchiveCommandError;
use super::export_format::{ExportFormat, LineWriter};
use crate::config::Settings;
use crate::store::archive::{ArchiveReader, ArchiveRoom};

/// The arguments of `archive export`.
#[derive(Debug, Args)]
#[command(
    after_help = "Days are those of archive.time_zone. Exit status: 0 done; 1 there is no such room, or something cannot \
                  be read or written; 2 configuration or argument error."
)]
pub(super) struct ExportArgs {
    /// The room: its slug, or its id in Let's Chat
    room: String,
    /// What to write
    #[arg(long, value_enum, default_value_t = ExportFormat::Text)]
    format: ExportFormat,
    /// The first day, such as 2016-02-29
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// The file to write, which must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

impl ExportArgs {
    pub(super) fn config(&self) -> &Path {
        &self.config
    }
}

/// Writes the lines of a room.
pub(super) fn export(
    settings: &Settings,
    arguments: &ExportArgs,
) -> Result<(), ArchiveCommandError> {
    let reader = ArchiveReader::open(&settings.state_dir)?;
    let room = find_room(&reader, &arguments.room)?;
    let zone = &settings.archive.time_zone;
    let from = arguments.from.and_then(|day| begin_of(day, zone));
    let to = arguments.to.and_then(|day| begin_of(day.tomorrow().ok()?, zone));
    let lines = reader.export(room.id, from, to)?;
    let path = arguments.out.as_ref();
    let shown = path.map_or("standard output".to_owned(), |path| path.display().to_string());
    let failed = |error| ArchiveCommandError::File { path: shown.clone(), error };
    let out: Box<dyn Write> = match path {
        // The umask keeps it from others.
        Some(path) => {
            Box::new(OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?)
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let mut writer = LineWriter::new(BufWriter::new(out), arguments.format, zone.clone());
    writer.begin(&room.slug).map_err(failed)?;
    let mut count: u64 = 0;
    for line in lines {
        writer.line(&line?).map_err(failed)?;
        count += 1;
    }
    writer.end().map_err(failed)?;
    if path.is_some() {
        println!("{shown}: {count} lines");
    }
    Ok(())
}

fn find_room(reader: &ArchiveReader, name: &str) -> Result<ArchiveRoom, ArchiveCommandError> {
    let rooms = reader.rooms()?;
    let is_asked =
        |room: &&ArchiveRoom| room.slug == name || room.remote_id.as_deref() == Some(name);
    let found: Vec<&ArchiveRoom> = rooms.iter().filter(is_asked).collect();
    match found.as_slice() {
        [room] => Ok((*room).clone()),
        [] => {
            let known: Vec<&str> = rooms.iter().map(|room| room.slug.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let problem = format!("{name}: the archive has no such room; it has: {known}");
            Err(ArchiveCommandError::Asked(problem))
        }
        several => {
            let ids: Vec<&str> =
                several.iter().filter_map(|room| room.remote_id.as_deref()).collect();
            let problem =
                format!("{name}: several rooms had that slug; use an id: {}", ids.join(", "));
            Err(ArchiveCommandError::Asked(problem))
        }
    }
}

fn begin_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|day| day.timestamp())
}
