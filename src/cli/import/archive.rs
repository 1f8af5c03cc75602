//! `letsbridge import archive`: puts the history of a plan into the bridge's archive.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};

use super::archive_rooms::{FoundRooms, RoomDoubt};
use super::progress::{BYTES_AND_SPEED, catch_interrupts, log_bytes, progress_bar};
use super::write::ToldEvents;
use crate::cli::table;
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;
use crate::config::Settings;
use crate::domain::LogEntry;
use crate::migrate::archive_lines::{NoArchiveLine, archive_line, person_marks};
use crate::migrate::plan::{Plan, PlannedChannel};
use crate::migrate::reading::{ChannelReader, ReadError, ReadingSettings};
use crate::store::archive::{Archive, ArchiveError, ImportKey, LineOutcome, NewArchiveLine};

/// Few enough that a bridge that runs beside it does not wait long to write.
const ENTRIES_PER_BATCH: usize = 5_000;

/// Read ahead, while others are written.
const BATCHES_AHEAD: usize = 2;

/// After how many transactions others get the chance to write, and how long.
const TRANSACTIONS_IN_A_ROW: usize = 5;
const PAUSE: Duration = Duration::from_millis(3);

/// The arguments of `import archive`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bridge can keep running. What is in the archive already is not added again; interrupted, it goes \
                  on where it was when you run it again. Private logs are never archived. Exit status: 0 done; 1 not \
                  done, or not all; 2 the configuration or the plan is wrong; 130 interrupted."
)]
pub(super) struct ImportArchiveArgs {
    /// The plan that `letsbridge import plan` wrote
    plan: PathBuf,
    /// Events to archive, too [default: none]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<ToldEvents>,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
enum ImportFailure {
    /// The archive cannot be written.
    #[error("{0}. What was archived until then stays: run it again to go on")]
    Archive(#[from] ArchiveError),
    /// A log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Some channels were not archived, or not to their end; each was named.
    #[error("not archived, or not to the end: {}. The others are archived", .0.join(", "))]
    NotAll(Vec<String>),
    /// No channel goes to a room.
    #[error("no channel of the plan goes to a room: write `room = …` into one")]
    Nothing,
    /// It cannot be interrupted.
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
    /// Ctrl-C.
    #[error("interrupted: run it again to go on")]
    Interrupted,
}

/// What became of the entries of a channel.
#[derive(Debug, Clone, Copy, Default)]
struct ChannelTally {
    added: u64,
    known: u64,
    heard: u64,
    refused: u64,
    left_out: u64,
    too_old: u64,
}

/// An import on its way.
struct ArchiveImport<'a> {
    plan: &'a Plan,
    reading: ReadingSettings,
    archive: Archive,
    /// What was said before is older than the archive keeps.
    oldest: Option<Timestamp>,
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
    /// The ids in Let's Chat of the rooms of the plan, as far as they are known. Who may read a room is asked by its id.
    room_ids: HashMap<String, String>,
}

/// Runs the command.
pub(super) fn archive(arguments: &ImportArchiveArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let plan = match Plan::read(&arguments.plan) {
        Ok(plan) => plan,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    match import(&settings, &plan, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            match error {
                ImportFailure::Interrupted => 130.into(),
                ImportFailure::Nothing => EXIT_CONFIG_ERROR.into(),
                _ => EXIT_FAILURE.into(),
            }
        }
    }
}

fn import(
    settings: &Settings,
    plan: &Plan,
    arguments: &ImportArchiveArgs,
) -> Result<(), ImportFailure> {
    let wanted = |it: &&PlannedChannel| !it.is_left_out && !it.is_private && it.room.is_some();
    let channels: Vec<&PlannedChannel> = plan.channels.iter().filter(wanted).collect();
    if channels.is_empty() {
        return Err(ImportFailure::Nothing);
    }
    let interrupted = catch_interrupts().map_err(ImportFailure::Signals)?;
    let rooms = run::build_runtime().block_on(FoundRooms::find(settings, &channels));
    rooms.doubts.iter().for_each(|doubt| eprintln!("warning: {doubt}"));
    let (channels, refused): (Vec<&PlannedChannel>, Vec<&PlannedChannel>) =
        channels.into_iter().partition(|channel| rooms.may_have(channel));
    let mut missing = Vec::new();
    for channel in &refused {
        let room = channel.room.clone().unwrap_or_default();
        let channel = name_of(channel);
        missing.push(channel.clone());
        eprintln!("warning: {}", RoomDoubt::Open { room, channel });
    }
    let keep = settings.archive.keep.and_then(|keep| SignedDuration::try_from(keep).ok());
    let mut import = ArchiveImport {
        plan,
        reading: plan.reading.settings(super::write::told(&arguments.events)),
        archive: Archive::open_or_make(&settings.state_dir)?,
        oldest: keep.and_then(|keep| Timestamp::now().checked_sub(keep).ok()),
        bar: progress_bar(channels.iter().map(|it| log_bytes(it)).sum(), BYTES_AND_SPEED),
        interrupted,
        room_ids: rooms.ids,
    };
    import.archive.batch(|batch| {
        // A room that an earlier import made may have come into being in Let's Chat since.
        for (room, id) in &import.room_ids {
            batch.room(room, Some(id))?;
        }
        let people = plan.people.iter().filter(|person| !person.is_left_out);
        people.into_iter().try_for_each(|person| batch.know(&person_marks(person), &person.name))
    })?;
    let mut rows = Vec::new();
    let outcome = import.channels(&channels, &mut rows, &mut missing);
    import.bar.finish_and_clear();
    let titles = ["CHANNEL", "ROOM", "ADDED", "THERE", "HEARD", "TAKEN OUT", "TOO OLD", "LEFT OUT"];
    print!("{}", table::render(titles, &rows, table::terminal_width()));
    if !settings.archive.enabled {
        println!(
            "The bridge archives nothing of what it hears: set `enabled = true` in [archive]."
        );
    }
    outcome.and_then(
        |()| if missing.is_empty() { Ok(()) } else { Err(ImportFailure::NotAll(missing)) },
    )
}

impl ArchiveImport<'_> {
    /// Archives all channels: a row for each, and the names of those that are not there to their end.
    fn channels(
        &mut self,
        channels: &[&PlannedChannel],
        rows: &mut Vec<[String; 8]>,
        missing: &mut Vec<String>,
    ) -> Result<(), ImportFailure> {
        for channel in channels {
            let mut tally = ChannelTally::default();
            let outcome = self.channel(channel, &mut tally);
            rows.push(row(channel, tally));
            match outcome {
                // A log that cannot be read concerns its channel only.
                Err(ImportFailure::Read(error)) => {
                    self.bar.suspend(|| eprintln!("{}: {error}", name_of(channel)));
                    missing.push(name_of(channel));
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn channel(
        &mut self,
        channel: &PlannedChannel,
        tally: &mut ChannelTally,
    ) -> Result<(), ImportFailure> {
        self.bar.set_message(name_of(channel));
        let sources = channel.sources();
        let left_out = self.plan.people.iter().filter(|person| person.is_left_out);
        let left_out: Vec<&str> = left_out.map(|person| person.id.as_str()).collect();
        let key = format!("{sources:?} {:?} {:?} {left_out:?}", self.reading, channel.room);
        let key = ImportKey::of(&key);
        let mut reader = ChannelReader::open(&sources, &self.reading)?;
        if let Some(last) = self.archive.imported_up_to(key)? {
            reader = reader.after(last);
        }
        let (bar, mut told) = (self.bar.clone(), 0);
        let reader = reader.with_progress(move |progress| {
            bar.inc(progress.bytes.saturating_sub(told));
            told = progress.bytes;
        });
        let Some(room) = &channel.room else { return Ok(()) };
        let id = self.room_ids.get(room).map(String::as_str);
        let room = self.archive.batch(|batch| batch.room(room, id))?;
        let (plan, oldest) = (self.plan, self.oldest);
        let to_line = move |entry: &LogEntry| {
            if oldest.is_some_and(|oldest| entry.at < oldest) {
                return Err(NoArchiveLine::OutOfTime);
            }
            archive_line(plan, channel, entry, room)
        };
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        thread::scope(|scope| {
            let reading = scope.spawn(move || read_batches(reader, to_line, &sender));
            for (number, batch) in batches.into_iter().enumerate() {
                self.write(key, batch, tally)?;
                if self.interrupted.load(Ordering::Relaxed) {
                    return Err(ImportFailure::Interrupted);
                }
                if number % TRANSACTIONS_IN_A_ROW == TRANSACTIONS_IN_A_ROW - 1 {
                    thread::sleep(PAUSE);
                }
            }
            match reading.join() {
                Ok(read) => Ok(read?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Writes lines, and how far the import is, in one transaction.
    fn write(
        &mut self,
        key: ImportKey,
        batch: ImportBatch,
        tally: &mut ChannelTally,
    ) -> Result<(), ArchiveError> {
        let mut now = *tally;
        self.archive.batch(|archive| {
            for line in batch.lines {
                match line {
                    Ok(line) => match archive.add(&line)? {
                        LineOutcome::Added => now.added += 1,
                        LineOutcome::Known => now.known += 1,
                        LineOutcome::Elsewhere => now.heard += 1,
                        LineOutcome::Refused => now.refused += 1,
                    },
                    Err(NoArchiveLine::LeftOut) => now.left_out += 1,
                    Err(NoArchiveLine::OutOfTime) => now.too_old += 1,
                    Err(NoArchiveLine::Nobody) => {}
                }
            }
            archive.set_imported_up_to(key, batch.last)
        })?;
        *tally = now;
        Ok(())
    }
}

/// Entries of a channel as lines, on their way from the thread that reads to the one that writes.
struct ImportBatch {
    lines: Vec<Result<NewArchiveLine, NoArchiveLine>>,
    /// The time of the last entry.
    last: Timestamp,
}

/// Reads to the end, or until nobody writes any more. What was read before an error is written all the same.
fn read_batches(
    mut reader: ChannelReader,
    to_line: impl Fn(&LogEntry) -> Result<NewArchiveLine, NoArchiveLine>,
    writer: &SyncSender<ImportBatch>,
) -> Result<(), ReadError> {
    loop {
        let mut lines = Vec::with_capacity(ENTRIES_PER_BATCH);
        let (mut last, mut outcome) = (None, Ok(()));
        for entry in reader.by_ref().take(ENTRIES_PER_BATCH) {
            match entry {
                Ok(entry) => {
                    lines.push(to_line(&entry));
                    last = Some(entry.at);
                }
                Err(error) => outcome = Err(error),
            }
        }
        let is_over = lines.len() < ENTRIES_PER_BATCH;
        let is_taken = last.is_none_or(|last| writer.send(ImportBatch { lines, last }).is_ok());
        if is_over || !is_taken || outcome.is_err() {
            return outcome;
        }
    }
}

fn name_of(channel: &PlannedChannel) -> String {
    format!("{}/{}", channel.network, channel.channel)
}

fn row(channel: &PlannedChannel, tally: ChannelTally) -> [String; 8] {
    [
        name_of(channel),
        channel.room.clone().unwrap_or_default(),
        tally.added.to_string(),
        tally.known.to_string(),
        tally.heard.to_string(),
        tally.refused.to_string(),
        tally.too_old.to_string(),
        tally.left_out.to_string(),
    ]
}
