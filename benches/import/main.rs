//! What it costs to read and merge logs.
//!
//! `cargo bench --bench import` writes a history of 1,000,000 messages as three people logged it, by three clients, in three
//! zones, and prints what it takes to make one sequence of it and to write that, beside the goals; `-- --quick` does so with
//! few messages, to show that it works; `-- logs DIRECTORY` leaves the logs there, for the whole way by hand. It fails where something is lost, repeated or out of order, and never on time.
#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/history.rs"]
mod history;
#[path = "../../tests/support/log_writer.rs"]
mod log_writer;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use history::{History, HistoryPlan, is_message, three_witnesses, told, write_logs};
use jiff::tz::TimeZone;
use letsbridge::migrate::formats::LogFormat;
use letsbridge::migrate::reading::{
    ChannelReader, ChannelSources, KeptEvents, ReadingSettings, SourceFile,
};

fn main() {
    // Cargo adds an argument of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let is_quick = arguments.contains(&"--quick");
    if let ["merge", folder] = arguments[..] {
        return merge(Path::new(folder));
    }
    let team = HistoryPlan {
        seed: 15,
        people: 50,
        messages: if is_quick { 20_000 } else { 1_000_000 },
        begin: "2022-01-01T00:00:00Z".parse().unwrap(),
        days: 1_400,
    };
    if let ["logs", folder] = arguments[..] {
        write_logs(Path::new(folder), &team, &three_witnesses());
        return;
    }
    measure(&team);
}

/// Writes the logs of `plan`, has them merged, and compares what comes of it with what was said.
fn measure(plan: &HistoryPlan) {
    let folder = tempfile::tempdir().unwrap();
    let logs = write_logs(folder.path(), plan, &three_witnesses());
    write_list(folder.path(), &logs);
    let size: u64 = logs.iter().map(|log| fs::metadata(&log.path).unwrap().len()).sum();
    println!(
        "{} messages, in {} files of {:.0} MB.\n",
        plan.messages,
        logs.len(),
        size as f64 / 1e6
    );
    // In a process of its own, whose memory is only that of reading.
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg("merge").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    let found = fs::read_to_string(folder.path().join("found")).unwrap();
    let expected = History::new(plan).filter(is_message).filter_map(|entry| told(&entry));
    let mut found = found.lines();
    for (number, expected) in expected.enumerate() {
        assert_eq!(found.next(), Some(expected.as_str()), "message {number}");
    }
    assert_eq!(found.next(), None);
    println!("\nEach message is there once, in order.");
}

/// Reads and merges the logs, writes what was said to the file `found`, and prints what it took.
fn merge(folder: &Path) {
    let settings = ReadingSettings { kept: KeptEvents::MESSAGES, ..ReadingSettings::default() };
    let sources = ChannelSources {
        network: "net".into(),
        channel: "#tea".into(),
        is_private: false,
        files: read_list(folder),
    };
    let began = Instant::now();
    let mut output = BufWriter::new(File::create(folder.join("found")).unwrap());
    for entry in ChannelReader::open(&sources, &settings).unwrap() {
        if let Some(told) = told(&entry.unwrap()) {
            writeln!(output, "{told}").unwrap();
        }
    }
    output.flush().unwrap();
    let time = began.elapsed();
    println!("{:<44} {:>12}   < 20 s", "time", format!("{:.1} s", time.as_secs_f64()));
    println!("{:<44} {:>12}   < 20 s", "processor time", processor_time());
    println!("{:<44} {:>12}   < 100 MB", "resident memory, at most", peak_memory());
}

/// How long this process has been on a processor: what it takes on a machine that does nothing else.
fn processor_time() -> String {
    let times = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = times.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.map_or("unknown".into(), |time| format!("{:.1} s", time / 1e9))
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.map_or("unknown".into(), |kilobytes| format!("{:.1} MB", kilobytes / 1024.0))
}

/// Leaves to the other process what the logs are.
fn write_list(folder: &Path, logs: &[SourceFile]) {
    let mut list = File::create(folder.join("list")).unwrap();
    for (log, format) in logs.iter().map(|log| (log, format_of(log))) {
        let zone = log.zone.as_ref().and_then(TimeZone::iana_name).unwrap();
        writeln!(list, "{format} {zone} {}", log.path.display()).unwrap();
    }
}

fn format_of(log: &SourceFile) -> LogFormat {
    match log.format {
        letsbridge::migrate::reading::SourceFormat::Text(format) => format,
        letsbridge::migrate::reading::SourceFormat::Database { .. } => unreachable!(),
    }
}

fn read_list(folder: &Path) -> Vec<SourceFile> {
    let list = fs::read_to_string(folder.join("list")).unwrap();
    let read = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let format: LogFormat = parts.next().unwrap().parse().unwrap();
        let zone = TimeZone::get(parts.next().unwrap()).unwrap();
        let mut log = SourceFile::text(PathBuf::from(parts.next().unwrap()), format);
        log.zone = Some(zone);
        log
    };
    list.lines().map(read).collect()
}
