#![allow(clippy::unwrap_used)]

mod round_trips;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::domain::{LogEntry, LogEvent, LogPrecision};
use crate::migrate::formats::LogFormat;
use crate::migrate::times::TimeError;

/// Logs of one night, written by real clients in Berlin.
const NIGHT: &str = "tests/data/irc-logs/autumn-dst";

fn night() -> BTreeMap<LogFormat, PathBuf> {
    let files = [
        (LogFormat::Ii, "ii/#team/out"),
        (LogFormat::Irssi, "irssi/Test/#team.log"),
        (LogFormat::Limnoria, "limnoria/ChannelLogger/test/#team/#team.log"),
        (LogFormat::WeeChat, "weechat/irc.test.#team.weechatlog"),
        (LogFormat::Znc, "znc/#team/2025-10-26.log"),
    ];
    files.into_iter().map(|(format, path)| (format, Path::new(NIGHT).join(path))).collect()
}

fn sources(files: Vec<SourceFile>) -> ChannelSources {
    let (network, channel) = ("test".to_owned(), "#team".to_owned());
    ChannelSources { network, channel, is_private: false, files }
}

fn berlin() -> ReadingSettings {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    ReadingSettings { zone, kept: KeptEvents::ALL, ..ReadingSettings::default() }
}

fn read(sources: &ChannelSources, settings: &ReadingSettings) -> Result<Vec<LogEntry>, ReadError> {
    ChannelReader::open(sources, settings)?.collect()
}

/// When each `tick` was said.
fn ticks(entries: &[LogEntry]) -> Vec<(u32, Timestamp)> {
    let tick = |entry: &LogEntry| match &entry.event {
        LogEvent::Message { text, .. } => {
            Some((text.strip_prefix("tick ")?.parse().ok()?, entry.at))
        }
        _ => None,
    };
    entries.iter().filter_map(tick).collect()
}

/// When each `tick` was said, as ii wrote it: in seconds since 1970.
fn true_ticks() -> Vec<(u32, Timestamp)> {
    let text = fs::read(&night()[&LogFormat::Ii]).unwrap();
    let text = String::from_utf8_lossy(&text);
    let tick = |line: &str| {
        let (second, rest) = line.split_once(' ')?;
        let tick = rest.split_once("> tick ")?.1.parse().ok()?;
        Some((tick, Timestamp::from_second(second.parse().ok()?).ok()?))
    };
    text.lines().filter_map(tick).collect()
}

#[test]
fn each_client_tells_the_hour_apart_that_comes_twice() {
    let expected = true_ticks();
    assert_eq!(expected.len(), 56);
    for (format, path) in night() {
        let found = read(&sources(vec![SourceFile::text(path, format)]), &berlin()).unwrap();
        assert!(found.is_sorted_by(|one, next| one.at < next.at), "{format}");
        let is_irssi = format == LogFormat::Irssi;
        let precision = if is_irssi { LogPrecision::Minute } else { LogPrecision::Exact };
        assert!(found.iter().all(|entry| entry.precision == precision), "{format}");
        let found = ticks(&found);
        let count = if is_irssi { 55 } else { 56 };
        assert_eq!(found.len(), count, "{format}: irssi ended before the last");
        for (found, expected) in found.iter().zip(&expected) {
            let off = found.1.duration_since(expected.1).as_secs().abs();
            assert!(
                found.0 == expected.0 && off <= if is_irssi { 60 } else { 5 },
                "{format}: {found:?}, {expected:?}"
            );
        }
    }
}

#[test]
fn the_logs_of_all_clients_become_one() {
    let night = night();
    let all = night.iter().map(|(format, path)| SourceFile::text(path, *format)).collect();
    let found = read(&sources(all), &berlin()).unwrap();
    assert_eq!(ticks(&found).iter().map(|tick| tick.0).collect::<Vec<_>>(), Vec::from_iter(0..56));
    let said = |entry: &LogEntry| matches!(entry.event, LogEvent::Message { .. });
    let messages = |entries: &[LogEntry]| {
        let told = entries.iter().filter(|entry| said(entry)).map(|entry| match &entry.event {
            LogEvent::Message { by, kind, text } => {
                let text =
                    text.replace(|c: char| c < ' ', "").replace(|c: char| !c.is_ascii(), "?");
                format!("{} {kind:?} {}", by.nick, text)
            }
            _ => unreachable!(),
        });
        told.collect::<Vec<_>>()
    };
    // ZNC keeps everything but the first minutes of the night.
    let znc = SourceFile::text(&night[&LogFormat::Znc], LogFormat::Znc);
    let most = read(&sources(vec![znc]), &berlin()).unwrap();
    let missing: Vec<_> =
        messages(&most).into_iter().filter(|it| !messages(&found).contains(it)).collect();
    assert_eq!(missing, Vec::<String>::new());
    // What ZNC has not: that a client was asked for its version, which two write as it came.
    let extra = messages(&found).len() - messages(&most).len();
    assert!(extra <= 1, "{:#?}", messages(&found));
}

#[test]
fn reading_again_gives_the_same_and_goes_on_where_it_was() {
    let all = || night().iter().map(|(format, path)| SourceFile::text(path, *format)).collect();
    let first = read(&sources(all()), &berlin()).unwrap();
    let mut other = sources(all());
    other.files.reverse();
    assert_eq!(read(&other, &berlin()).unwrap(), first);
    // Whatever is kept, the times are the same.
    let messages = ReadingSettings { kept: KeptEvents::MESSAGES, ..berlin() };
    let said = |entry: &&LogEntry| matches!(entry.event, LogEvent::Message { .. });
    let expected: Vec<_> = first.iter().filter(said).cloned().collect();
    assert_eq!(read(&sources(all()), &messages).unwrap(), expected);
    for done in [0, 1, 17, first.len() - 1] {
        let reader = ChannelReader::open(&sources(all()), &berlin()).unwrap();
        let rest: Vec<_> = reader.after(first[done].at).map(Result::unwrap).collect();
        assert_eq!(rest, first[done + 1..]);
    }
}

#[test]
fn progress_is_told_to_the_end() {
    let path = night().remove(&LogFormat::Znc).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let sources = sources(vec![SourceFile::text(path, LogFormat::Znc)]);
    let reader = ChannelReader::open(&sources, &berlin()).unwrap();
    let reader = reader.with_progress(move |it| sink.lock().unwrap().push(it));
    assert_eq!(reader.filter(Result::is_ok).count(), 92);
    assert_eq!(told.lock().unwrap().last(), Some(&ReadingProgress { bytes: size, total: size }));
}

/// Writes files of these names, and names them as logs of `format`.
fn written(folder: &Path, format: LogFormat, files: &[(&str, &str)]) -> Vec<SourceFile> {
    let write = |(name, text): &(&str, &str)| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        SourceFile::text(path, format)
    };
    files.iter().map(write).collect()
}

/// What was said, and when, in short.
fn told(entries: &[LogEntry]) -> Vec<String> {
    let tell = |entry: &LogEntry| match &entry.event {
        LogEvent::Message { text, .. } => format!("{} {text}", entry.at),
        event => format!("{} {event:?}", entry.at),
    };
    entries.iter().map(tell).collect()
}

#[test]
fn files_of_one_writer_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let days = written(
        folder.path(),
        LogFormat::Znc,
        &[
            ("znc/#team/2025-12-01.log", "[08:00:00] <ann> three\n"),
            ("znc/#team/2025-11-29.log", "[08:00:00] <ann> one\n[09:00:00] <ann> hi\n"),
            ("znc/#team/2025-11-30.log", "[08:00:00] <ann> hi\n[23:00:00] <ann> two\n"),
        ],
    );
    let found = told(&read(&sources(days), &berlin()).unwrap());
    let expected = [
        "2025-11-29T07:00:00Z one",
        "2025-11-29T08:00:00Z hi",
        "2025-11-30T07:00:00Z hi",
        "2025-11-30T22:00:00Z two",
        "2025-12-01T07:00:00Z three",
    ];
    assert_eq!(found, expected);
    // Without days in the names: by what they hold. The last one overlaps.
    let parts = written(
        folder.path(),
        LogFormat::WeeChat,
        &[
            ("w/c.weechatlog", "2025-11-30 08:00:00\tann\tthe third one of all\n"),
            (
                "w/a.weechatlog",
                "2025-11-28 08:00:00\tann\tthe first one of all\n2025-11-29 08:00:00\tann\tok\n",
            ),
            (
                "w/b.weechatlog",
                "2025-11-29 08:00:00\tann\tok\n2025-11-29 09:00:00\tann\tthe second one of all\n",
            ),
        ],
    );
    let found = told(&read(&sources(parts), &berlin()).unwrap());
    let expected = [
        "2025-11-28T07:00:00Z the first one of all",
        "2025-11-29T07:00:00Z ok",
        "2025-11-29T08:00:00Z the second one of all",
        "2025-11-30T07:00:00Z the third one of all",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_file_of_unknown_day_is_refused_unless_the_day_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), LogFormat::Irssi, &[("#team.log", "\n12:30 < ann> hi\n")]);
    let error = read(&sources(file.clone()), &berlin()).unwrap_err();
    let ReadError::Time { path, line: 2, error: TimeError::NoDay } = &error else {
        panic!("{error}");
    };
    assert_eq!(*path, file[0].path);
    let day = Some("2025-11-29".parse().unwrap());
    let file = vec![SourceFile { first_day: day, ..file[0].clone() }];
    let found = told(&read(&sources(file), &berlin()).unwrap());
    assert_eq!(found, ["2025-11-29T11:30:00Z hi"]);
    // A later line tells it.
    let lines = "12:30 < ann> hi\n--- Day changed Sun Nov 30 2025\n00:01 < ann> ho\n";
    let file = written(folder.path(), LogFormat::Irssi, &[("cut.log", lines)]);
    let found = told(&read(&sources(file), &berlin()).unwrap());
    assert_eq!(found, ["2025-11-29T11:30:00Z hi", "2025-11-29T23:01:00Z ho"]);
}

#[test]
fn private_logs_are_read_only_if_they_are_asked_for() {
    let path = night().remove(&LogFormat::Znc).unwrap();
    let logs = vec![SourceFile::text(path, LogFormat::Znc)];
    let private = ChannelSources { is_private: true, channel: "bob".into(), ..sources(logs) };
    assert!(matches!(read(&private, &berlin()), Err(ReadError::Private { .. })));
    let asked = ReadingSettings { may_be_private: true, ..berlin() };
    assert!(read(&private, &asked).is_ok());
}

#[test]
fn what_is_odd_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "[08:00:00] <ann> one\nwhat is this?\n[08:00:01] <ann> two\nand this?\n";
    let files = written(folder.path(), LogFormat::Znc, &[("znc/#team/2025-11-29.log", lines)]);
    let path = files[0].path.clone();
    let mut reader = ChannelReader::open(&sources(files), &berlin()).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    let report = reader.report();
    assert_eq!(report.unknown_lines, 2);
    assert_eq!(report.first_unknown, Some((path, 2, "what is this?".into())));

    let missing = vec![SourceFile::text(folder.path().join("missing"), LogFormat::Znc)];
    assert!(matches!(read(&sources(missing), &berlin()), Err(ReadError::Unreadable { .. })));
    let directory = vec![SourceFile::text(folder.path(), LogFormat::Znc)];
    assert!(matches!(read(&sources(directory), &berlin()), Err(ReadError::Unreadable { .. })));
}

#[test]
fn an_error_in_one_log_ends_the_channel() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "2025-11-29 08:00:00\tann\tone\n2025-11-20 08:00:00\tann\tlong before\n";
    let files = written(folder.path(), LogFormat::WeeChat, &[("back.weechatlog", lines)]);
    let mut all = files.clone();
    all.push(SourceFile::text(&night()[&LogFormat::Znc], LogFormat::Znc));
    for logs in [files, all] {
        let mut reader = ChannelReader::open(&sources(logs), &berlin()).unwrap();
        let error = reader.find_map(Result::err).expect("it goes back");
        let ReadError::Time { line: 2, error: TimeError::Backwards { .. }, .. } = error else {
            panic!("{error}");
        };
        assert!(reader.next().is_none());
    }
}

#[test]
fn the_messages_of_a_database_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quassel.sqlite");
    crate::store::make_quassel_database(&path);
    let channels = crate::store::ForeignLog::open(&path).unwrap().channels().unwrap();
    let (network, channel) = (channels[0].network.clone(), channels[0].name.clone());
    let format = crate::domain::DatabaseFormat::Quassel;
    let format = SourceFormat::Database { format, network, channel };
    let file = SourceFile { format, ..SourceFile::text(&path, LogFormat::Irssi) };
    let mut reader = ChannelReader::open(&sources(vec![file]), &berlin()).unwrap();
    let found: Vec<LogEntry> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    let at = found[0].at;
    assert_eq!(reader.report().files, [ReadLog { path, messages: 1, range: Some((at, at)) }]);
}
