//! `letsbridge import write`: writes the history of a plan as documents for the database of Let's Chat.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::progress::{BYTES_AND_SPEED, log_bytes, progress_bar};
use crate::cli::table::{self, NONE};
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::config;
use crate::migrate::plan::{Plan, PlannedChannel};
use crate::migrate::reading::{ChannelReader, KeptEvents, ReadError, ReadingSettings};
use crate::service::history_import::{
    HistoryImport, ImportReport, ImportRunError, LogOpener, RoomReport, plan_digest,
};

/// The arguments of `import write`.
#[derive(Debug, Args)]
#[command(
    after_help = "Stopped in between, it goes on where it was when you run it again. Nothing is in the database \
                  before you run `sh DIR/restore.sh restore` where mongorestore is. Exit status: 0 done; 1 not \
                  done, or not all; 2 the configuration or the plan is wrong."
)]
pub(super) struct ImportWriteArgs {
    /// The plan that `letsbridge import plan` wrote
    plan: PathBuf,
    /// Directory for the documents
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Say what would be written, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Events that the bridge tells in the rooms [default: none]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<ToldEvents>,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ToldEvents {
    /// Joins, parts, quits and kicks
    Joins,
    /// New nicks
    Nicks,
    /// Changes of modes
    Modes,
    /// Changes of the topic
    Topics,
}

/// Runs the command.
pub(super) fn write(arguments: &ImportWriteArgs) -> ExitCode {
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
    let told = told(&arguments.events);
    // Modes tell which channels were closed to others.
    let kept = KeptEvents { modes: true, ..told };
    // Private logs go nowhere.
    let reading = ReadingSettings { may_be_private: false, ..plan.reading.settings(kept) };
    let plan_digest = match plan_digest(&arguments.plan) {
        Ok(digest) => format!("{digest} {told:?}"),
        Err(error) => {
            eprintln!("{error}");
            return EXIT_FAILURE.into();
        }
    };
    let out = arguments.out.as_deref().filter(|_| !arguments.dry_run);
    let import = HistoryImport { settings: &settings, plan: &plan, plan_digest, out, told };
    let mut logs = PlannedLogs::new(&plan, reading);
    let done = run::build_runtime().block_on(import.run(&mut logs));
    logs.bar.finish_and_clear();
    match done {
        Ok(report) => {
            print_report(&report);
            logs.doubts.iter().for_each(|doubt| eprintln!("{doubt}"));
            print_next(arguments);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            match error {
                ImportRunError::People(_) | ImportRunError::Nothing => EXIT_CONFIG_ERROR.into(),
                _ => EXIT_FAILURE.into(),
            }
        }
    }
}

pub(super) fn told(events: &[ToldEvents]) -> KeptEvents {
    KeptEvents {
        comings: events.contains(&ToldEvents::Joins),
        nicks: events.contains(&ToldEvents::Nicks),
        modes: events.contains(&ToldEvents::Modes),
        topics: events.contains(&ToldEvents::Topics),
    }
}

/// The logs of the plan, and how far reading is.
struct PlannedLogs {
    reading: ReadingSettings,
    bar: ProgressBar,
    doubts: Vec<String>,
}

impl PlannedLogs {
    fn new(plan: &Plan, reading: ReadingSettings) -> Self {
        let read = |it: &&PlannedChannel| !it.is_left_out && !it.is_private && it.room.is_some();
        let total = plan.channels.iter().filter(read).map(log_bytes).sum();
        Self { reading, bar: progress_bar(total, BYTES_AND_SPEED), doubts: Vec::new() }
    }
}

impl LogOpener for PlannedLogs {
    type Entries = ChannelReader;
    type Error = ReadError;

    fn open(&mut self, channel: &PlannedChannel) -> Result<ChannelReader, ReadError> {
        let reader = ChannelReader::open(&channel.sources(), &self.reading)?;
        self.bar.set_message(channel.channel.clone());
        let (bar, mut told) = (self.bar.clone(), 0);
        Ok(reader.with_progress(move |progress| {
            bar.inc(progress.bytes.saturating_sub(told));
            told = progress.bytes;
        }))
    }

    fn pass(&mut self, channels: &[&PlannedChannel]) {
        self.bar.inc(channels.iter().map(|channel| log_bytes(channel)).sum());
    }
}

fn print_report(report: &ImportReport) {
    let rows: Vec<[String; 6]> = report.rooms.iter().map(row).collect();
    let titles = ["ROOM", "MESSAGES", "FROM", "TO", "LEFT OUT", "CHANNELS"];
    print!("{}", table::render(titles, &rows, table::terminal_width()));
    let sum = |count: fn(&RoomReport) -> u64| report.rooms.iter().map(count).sum::<u64>();
    let messages = match sum(|it| it.tally.messages) {
        1 => "1 message".to_owned(),
        messages => format!("{messages} messages"),
    };
    let accounts = if report.accounts == 1 { "account" } else { "accounts" };
    println!("{messages}, {} new {accounts}", report.accounts);
    for (count, what) in [
        (sum(|it| it.tally.mirrored), "that the bridge has mirrored itself"),
        (sum(|it| it.tally.people_left_out), "of people whom the plan leaves out"),
        (sum(|it| it.tally.invisible), "of which nothing can be seen"),
        (sum(|it| it.tally.out_of_time), "from before 1970 or after 2106"),
    ] {
        if count > 0 {
            println!("left out: {count} {what}");
        }
    }
    report.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
}

fn row(room: &RoomReport) -> [String; 6] {
    let tally = &room.tally;
    let day = |millis: i64| match Timestamp::from_millisecond(millis) {
        Ok(at) if tally.messages > 0 => at.strftime("%F").to_string(),
        _ => NONE.to_owned(),
    };
    let left_out = tally.mirrored + tally.people_left_out + tally.invisible + tally.out_of_time;
    let name = match (room.is_new, room.is_closed) {
        (true, true) => format!("{} (new, private)", room.room),
        (true, false) => format!("{} (new)", room.room),
        (false, true) => format!("{} (private)", room.room),
        (false, false) => room.room.clone(),
    };
    [
        name,
        tally.messages.to_string(),
        day(tally.first),
        day(tally.last),
        left_out.to_string(),
        room.channels.join(", "),
    ]
}

fn print_next(arguments: &ImportWriteArgs) {
    match &arguments.out {
        Some(out) if !arguments.dry_run => println!(
            "Next, where mongorestore is (docs/import-letschat.md):\n\
             1. Back up the database of Let's Chat: mongodump\n\
             2. sh {out}/restore.sh dry-run\n\
             3. sh {out}/restore.sh restore\n\
             To take it back: sh {out}/restore.sh undo. Keep the directory as long as you may want that.",
            out = out.display()
        ),
        _ => println!("Nothing was written."),
    }
}
