//! Logs of IRC clients: any bytes, into lines, into what happened, whichever client is said to have written them.
#![no_main]

use std::sync::LazyLock;

use letsbridge::domain::LogEvent;
use letsbridge::migrate::files::Lines;
use letsbridge::migrate::formats::{LineParser, LogFormat, ParserSettings};
use letsbridge::migrate::written::WrittenLine;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static SETTINGS: LazyLock<ParserSettings> = LazyLock::new(|| ParserSettings {
        patterns: PATTERNS.iter().map(|pattern| pattern.parse().expect("is a pattern")).collect(),
    });
    let mut parsers = LogFormat::ALL.map(|format| LineParser::new(format, &SETTINGS));
    let mut lines = Lines::new(bytes, Some(encoding_rs::WINDOWS_1252));
    while let Some((_, line)) = lines.next_line().expect("memory can be read") {
        assert!(!line.contains(['\n', '\r']), "a line is one line: {line:?}");
        for parser in &mut parsers {
            check(&parser.parse(&line), &line);
        }
    }
    assert_eq!(lines.bytes_read(), bytes.len() as u64, "nothing is passed over unseen");
});

/// Forms that an administrator may describe.
const PATTERNS: &[&str] = &[
    "[%Y-%m-%d %H:%M] <{nick}> {text}",
    "%H:%M:%S {nick}: {action}",
    r"^(?<time>\S+) (?<nick>\S+) (?<notice>.*)$",
];

/// What a line says is of one line, and no longer than the line.
fn check(read: &WrittenLine, line: &str) {
    let events = match read {
        WrittenLine::Entry { event, .. } => std::slice::from_ref(event),
        WrittenLine::Several { events, .. } => events,
        _ => return,
    };
    events.iter().for_each(|event| check_event(event, line));
}

fn check_event(event: &LogEvent, line: &str) {
    let text = match event {
        LogEvent::Message { text, .. } | LogEvent::Topic { text, .. } => text,
        LogEvent::Part { reason, .. }
        | LogEvent::Quit { reason, .. }
        | LogEvent::Kick { reason, .. } => reason,
        LogEvent::Nick { to, .. } => to,
        LogEvent::Mode { change, .. } => change,
        LogEvent::Join(who) => &who.nick,
        LogEvent::Client(_) => return,
    };
    assert!(text.len() <= line.len() && !text.contains(['\n', '\r']), "{text:?} of {line:?}");
}
