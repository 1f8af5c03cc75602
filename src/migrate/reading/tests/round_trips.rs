use std::fs;
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{read, sources};
use crate::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind};
use crate::migrate::formats::LogFormat;
use crate::migrate::formats::log_writer::{LogWriter, WRITTEN};
use crate::migrate::reading::{KeptEvents, ReadingSettings, SourceFile};

/// When histories begin: no clock is changed in these nights, and a year ends in one of them.
const BEGINNINGS: [&str; 3] =
    ["2014-06-01T20:00:00Z", "2025-12-31T20:00:00Z", "2024-02-28T03:00:00Z"];

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"];

/// Somebody's log: its format, the zone and seconds of its clock, and which part of the history it has.
#[derive(Debug, Clone)]
struct Log {
    format: LogFormat,
    zone: &'static str,
    ahead: i64,
    part: (usize, usize),
}

fn logs() -> impl Strategy<Value = Vec<Log>> {
    let formats: Vec<_> = WRITTEN.into_iter().filter(|it| *it != LogFormat::Pattern).collect();
    let log = (
        prop::sample::select(formats),
        prop::sample::select(&ZONES[..]),
        -1..2_i64,
        (0..101_usize, 0..101_usize),
    );
    let log = log.prop_map(|(format, zone, ahead, part)| Log { format, zone, ahead, part });
    prop::collection::vec(log, 1..4)
}

fn history() -> impl Strategy<Value = Vec<LogEntry>> {
    let gap = prop_oneof![4 => 70..600_i64, 1 => 600..9_000_i64];
    let line = (gap, 0..3_usize, 0..3_usize, any::<bool>());
    let begin = prop::sample::select(&BEGINNINGS[..]);
    (begin, prop::collection::vec(line, 1..50)).prop_map(|(begin, lines)| {
        let mut at: Timestamp = begin.parse().unwrap();
        let entry = |(number, (gap, who, word, is_action)): (usize, (i64, usize, usize, bool))| {
            at += SignedDuration::from_secs(gap);
            let nick = ["ann", "bob_", "carl|away"][who].to_owned();
            let text = match word {
                0 => "ok".to_owned(),
                1 => format!("<ann> said *** of the number {number}: naïve?"),
                _ => format!("says that {number} is 日本, http://example.org/?q={number}"),
            };
            let kind = if is_action { MessageKind::Action } else { MessageKind::Text };
            let by = LogSpeaker { nick, ..LogSpeaker::default() };
            let event = LogEvent::Message { by, kind, text };
            LogEntry { at, precision: LogPrecision::Exact, event }
        };
        lines.into_iter().enumerate().map(entry).collect()
    })
}

/// Writes a log as its client does.
fn written(folder: &Path, log: &Log, history: &[LogEntry]) -> Vec<SourceFile> {
    let zone = TimeZone::get(log.zone).unwrap();
    let mut writer = LogWriter::new(log.format, zone.clone(), "net", "#team");
    for entry in history {
        let mut entry = entry.clone();
        entry.at += SignedDuration::from_secs(log.ahead);
        writer.write(&entry);
    }
    // A log of eggdrop that begins between midnight and three has the name of the day before.
    let first_day = history.first().map(|entry| entry.at.to_zoned(zone.clone()).date());
    let write = |(number, (name, text)): (usize, (String, String))| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let mut file = SourceFile::text(path, log.format);
        file.zone = Some(zone.clone());
        file.first_day = first_day.filter(|_| number == 0 && log.format == LogFormat::Eggdrop);
        file
    };
    writer.files().into_iter().enumerate().map(write).collect()
}

fn messages(entries: &[LogEntry]) -> Vec<&LogEvent> {
    entries.iter().map(|entry| &entry.event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any parts of a history, in any formats, give back what they have of it.
    #[test]
    fn any_parts_in_any_formats_give_the_history_back(history in history(), logs in logs()) {
        let part = |(one, other): (usize, usize)| -> Range<usize> {
            let place = |percent: usize| percent * history.len() / 100;
            place(one.min(other))..place(one.max(other))
        };
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (number, log) in logs.iter().enumerate() {
            let folder = folder.path().join(number.to_string());
            files.extend(written(&folder, log, &history[part(log.part)]));
        }
        let settings = ReadingSettings { kept: KeptEvents::MESSAGES, ..ReadingSettings::default() };
        let found = read(&sources(files), &settings).unwrap();
        let is_there = |at: &usize| logs.iter().any(|log| part(log.part).contains(at));
        let there: Vec<_> =
            (0..history.len()).filter(is_there).map(|at| history[at].clone()).collect();
        prop_assert_eq!(messages(&found), messages(&there));
        for (found, there) in found.iter().zip(&there) {
            let off = found.at.duration_since(there.at).as_secs().abs();
            prop_assert!(off <= 62, "{found:?}, {there:?}");
        }
    }
}
