//! Histories of a channel, as long as needed, and the logs that several people have of them: for tests and benches of what
//! reads, merges and writes logs. The same seed gives the same history.
//!
//! Included by path, beside `log_writer`: name it `history`.
#![allow(dead_code)] // Each of the test binaries uses a part.

use std::fs;
use std::ops::Range;
use std::path::Path;

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use letsbridge::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind};
use letsbridge::migrate::formats::LogFormat;
use letsbridge::migrate::reading::SourceFile;
use letsbridge::translate::{Formatting, convert_formatting};

use super::log_writer::LogWriter;

/// What is said a lot.
const SHORT: [&str; 12] = [
    "ok",
    "+1",
    "yes",
    "no",
    "lol",
    "hm",
    "thanks",
    "good morning",
    "brb",
    "ja",
    "\u{1f44d}",
    "hi",
];

/// Of what everything else is made.
const WORDS: [&str; 48] = [
    "the",
    "build",
    "is",
    "green",
    "again",
    "who",
    "broke",
    "release",
    "on",
    "Friday",
    "please",
    "look",
    "at",
    "ticket",
    "server",
    "needs",
    "more",
    "memory",
    "than",
    "yesterday",
    "lunch",
    "today",
    "where",
    "was",
    "it",
    "merged",
    "into",
    "main",
    "branch",
    "café",
    "naïve",
    "日本",
    "müde",
    "and",
    "then",
    "restart",
    "database",
    "before",
    "tests",
    "run",
    "slowly",
    "because",
    "of",
    "that",
    "http://example.org/?a=b&c=%20d",
    "\x02bold\x02",
    "\x0304red\x03",
    "still",
];

/// What kind of history it is.
#[derive(Debug, Clone)]
pub(crate) struct HistoryPlan {
    /// What chance begins with.
    pub(crate) seed: u64,
    /// How many people there are.
    pub(crate) people: usize,
    /// How many messages they write; what else happens comes in addition.
    pub(crate) messages: usize,
    /// When it begins.
    pub(crate) begin: Timestamp,
    /// How many days it takes.
    pub(crate) days: u32,
}

/// A history, entry by entry.
#[derive(Debug)]
pub(crate) struct History {
    rng: Rng,
    /// Everybody's nick now, and their number.
    nicks: Vec<String>,
    left: usize,
    at: Timestamp,
    /// The mean time between two entries, in milliseconds.
    pace: i64,
    said: usize,
}

impl History {
    pub(crate) fn new(plan: &HistoryPlan) -> Self {
        let length = i64::from(plan.days) * 86_400_000;
        Self {
            rng: Rng::with_seed(plan.seed),
            nicks: (0..plan.people.max(1)).map(|number| format!("person{number}")).collect(),
            left: plan.messages,
            at: plan.begin,
            pace: length / i64::try_from(plan.messages.max(1)).unwrap(),
            said: 0,
        }
    }

    /// Lets time pass: mostly little, sometimes much, and never nothing, since the order of what several logs have in one
    /// moment is chance.
    fn pass(&mut self) {
        let much = self.rng.u32(..20) == 0;
        let mean = if much { self.pace * 10 } else { self.pace / 2 };
        let passed = 1_000 + self.rng.i64(0..=mean.max(1) * 2);
        self.at += SignedDuration::from_millis(passed);
    }

    fn speaker(&self, who: usize) -> LogSpeaker {
        LogSpeaker {
            nick: self.nicks[who].clone(),
            userhost: Some(format!("~user{who}@host{who}.example.org")),
            account: None,
        }
    }

    fn text(&mut self) -> String {
        self.said += 1;
        if self.rng.u32(..5) == 0 {
            return SHORT[self.rng.usize(..SHORT.len())].to_owned();
        }
        let count = self.rng.usize(3..16);
        let mut words: Vec<_> =
            (0..count).map(|_| WORDS[self.rng.usize(..WORDS.len())].to_owned()).collect();
        if self.rng.u32(..3) > 0 {
            words.push(self.said.to_string());
        }
        words.join(" ")
    }

    fn event(&mut self) -> LogEvent {
        // A few people say most.
        let who = self.rng.usize(..self.nicks.len()).min(self.rng.usize(..self.nicks.len()));
        let by = self.speaker(who);
        match self.rng.u32(..200) {
            0..=3 => LogEvent::Join(by),
            4 => LogEvent::Part { who: by, reason: "lunch".into() },
            5..=7 => LogEvent::Quit { who: by, reason: "Ping timeout: 240 seconds".into() },
            8..=10 => {
                let base = format!("person{who}");
                let others = [format!("{base}_"), format!("{base}|away"), base.clone()];
                let to = others[self.rng.usize(..others.len())].clone();
                if to == by.nick {
                    return LogEvent::Join(by);
                }
                self.nicks[who].clone_from(&to);
                LogEvent::Nick { from: by, to }
            }
            11 => LogEvent::Topic { by: Some(by.nick), text: self.text() },
            12 => LogEvent::Mode { change: format!("+o {}", by.nick), by: by.nick },
            roll => {
                self.left -= 1;
                let kind = match roll {
                    13..=18 => MessageKind::Action,
                    _ => MessageKind::Text,
                };
                LogEvent::Message { by, kind, text: self.text() }
            }
        }
    }
}

impl Iterator for History {
    type Item = LogEntry;

    fn next(&mut self) -> Option<LogEntry> {
        if self.left == 0 {
            return None;
        }
        self.pass();
        let event = self.event();
        Some(LogEntry { at: self.at, precision: LogPrecision::Exact, event })
    }
}

/// Somebody who has a log of it.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    /// What their client writes.
    pub(crate) format: LogFormat,
    /// Where their clock is.
    pub(crate) zone: &'static str,
    /// By how many seconds it is ahead.
    pub(crate) ahead: i64,
    /// When they were there: parts of the history, in thousandths.
    pub(crate) there: Vec<Range<usize>>,
}

/// Three people of different formats, zones and clocks. Somebody was always there.
pub(crate) fn three_witnesses() -> Vec<Witness> {
    vec![
        Witness {
            format: LogFormat::WeeChat,
            zone: "Europe/Berlin",
            ahead: 0,
            there: vec![0..333, 340..600, 601..702, 710..1_000],
        },
        Witness {
            format: LogFormat::Irssi,
            zone: "America/New_York",
            ahead: -95,
            there: vec![100..200, 203..590, 610..800],
        },
        Witness {
            format: LogFormat::Znc,
            zone: "Asia/Kolkata",
            ahead: 2,
            there: vec![300..500, 505..1_000],
        },
    ]
}

/// Writes what each of the witnesses has of a history, each in a folder of their own. Returns their logs, for reading.
pub(crate) fn write_logs(
    folder: &Path,
    plan: &HistoryPlan,
    witnesses: &[Witness],
) -> Vec<SourceFile> {
    let mut logs = Vec::new();
    for (number, witness) in witnesses.iter().enumerate() {
        let zone = TimeZone::get(witness.zone).unwrap();
        let mut writer = LogWriter::new(witness.format, zone.clone(), "net", "#tea");
        let mut messages = 0;
        for mut entry in History::new(plan) {
            let share = messages * 1_000 / plan.messages.max(1);
            messages += usize::from(is_message(&entry));
            if witness.there.iter().any(|there| there.contains(&share)) {
                entry.at += SignedDuration::from_secs(witness.ahead);
                strip(witness.format, &mut entry);
                writer.write(&entry);
            }
        }
        for (name, text) in writer.files() {
            let path = folder.join(number.to_string()).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let mut log = SourceFile::text(path, witness.format);
            log.zone = Some(zone.clone());
            logs.push(log);
        }
    }
    logs
}

/// Removes what such a client does not keep.
fn strip(format: LogFormat, entry: &mut LogEntry) {
    let has_codes = !matches!(format, LogFormat::Irssi | LogFormat::WeeChat | LogFormat::Limnoria);
    if let LogEvent::Message { text, .. } | LogEvent::Topic { text, .. } = &mut entry.event
        && !has_codes
    {
        *text = convert_formatting(text, Formatting::Strip).into_owned();
    }
}

pub(crate) fn is_message(entry: &LogEntry) -> bool {
    matches!(entry.event, LogEvent::Message { .. })
}

/// Who said what, as every client has it; nothing for what nobody said.
pub(crate) fn told(entry: &LogEntry) -> Option<String> {
    match &entry.event {
        LogEvent::Message { by, kind, text } => {
            let text = convert_formatting(text, Formatting::Strip);
            Some(format!("{} {kind:?} {}", by.nick, text.trim_end()))
        }
        _ => None,
    }
}
