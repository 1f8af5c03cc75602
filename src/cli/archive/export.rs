//! `letsbridge archive export`.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ArchiveCommandError;
use crate::config::Settings;
use crate::store::archive::{ArchiveReader, ArchiveRoom};
use crate::web::archive::{ExportFormat, ExportHead, ExportWriter, PageZone};

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
    #[arg(long, value_enum, default_value_t = ExportedAs::Text)]
    format: ExportedAs,
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

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportedAs {
    /// A line for each, to be read
    Text,
    /// A table with a header (RFC 4180)
    Csv,
    /// One object with all lines
    Json,
    /// A page
    Html,
}

impl From<ExportedAs> for ExportFormat {
    fn from(format: ExportedAs) -> Self {
        match format {
            ExportedAs::Text => Self::Text,
            ExportedAs::Csv => Self::Csv,
            ExportedAs::Json => Self::Json,
            ExportedAs::Html => Self::Html,
        }
    }
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
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && to < from
    {
        let problem = "the first day is after the last one, so nothing can be found: exchange them";
        return Err(ArchiveCommandError::Argument(problem.to_owned()));
    }
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
    let mut out = BufWriter::new(out);
    let head = ExportHead {
        room: room.slug.clone(),
        slug: room.slug,
        from: arguments.from,
        to: arguments.to,
    };
    let zone = PageZone::new(zone.clone());
    let mut writer = ExportWriter::new(arguments.format.into(), head, zone);
    let mut text = String::new();
    writer.begin(&mut text);
    let mut count: u64 = 0;
    for line in lines {
        writer.line(&line?, &mut text);
        count += 1;
        out.write_all(defused(&text).as_bytes()).map_err(failed)?;
        text.clear();
    }
    writer.end(&mut text);
    out.write_all(defused(&text).as_bytes()).and_then(|()| out.flush()).map_err(failed)?;
    if path.is_some() {
        println!("{shown}: {count} lines");
    }
    Ok(())
}

/// `text` without characters that could command a terminal.
fn defused(text: &str) -> String {
    let is_command = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    text.replace(is_command, "?")
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
