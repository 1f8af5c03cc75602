//! What is true of all formats, whatever people say.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::log_writer::{LogWriter, PATTERN, WRITTEN, kept, kept_time};
use super::super::*;
use crate::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind};
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime};

fn settings() -> ParserSettings {
    ParserSettings { patterns: vec![PATTERN.parse().unwrap()] }
}

fn nick() -> impl Strategy<Value = String> {
    "[a-zA-Z_\\[\\]{}\\\\|^`][a-zA-Z0-9_\\[\\]{}\\\\|^`-]{0,11}"
}

fn speaker() -> impl Strategy<Value = LogSpeaker> {
    let userhost = "~?[a-z0-9]{1,8}@[a-z0-9.:/-]{1,20}[a-z0-9]";
    (nick(), userhost).prop_map(|(nick, userhost)| LogSpeaker {
        nick,
        userhost: Some(userhost),
        account: None,
    })
}

/// What people say, with all that the formats have marks of.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z0-9 ,.!?'\"-]{0,12}",
        "\\PC{0,6}",
        "[<>@+*#&:\\[\\]()/\t\x02\x03\x0f\x16\x1d\x1f-]{0,6}",
        prop::sample::select(vec![
            " has quit (bye)",
            "*** ann is now known as eve",
            "<ann> I never said that",
            "-!- ann was kicked",
            "[12:34:56] <ann> fake",
            "13:59 <@ann> fake",
            "2026-11-29 13:59:16\tann\tfake",
            "] by ann",
            "\" to \"",
            "(a@b) has left #team (c)",
            "(a@b) has quit (c)",
            " -> #team: ",
            ": mode change '",
            "--- Day changed Sun Oct 26 2025",
            "Session Start: Fri Dec 03 14:58:01 2004",
            "Begin Session",
            "\u{fffd}",
            "日本 🫖 café",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn change() -> impl Strategy<Value = String> {
    prop_oneof![
        ("[+-][ov]", nick()).prop_map(|(mode, nick)| format!("{mode} {nick}")),
        "[+-]b [a-z*]{1,5}![a-z*]{1,5}@[a-z.*]{1,9}",
        "[+-][imnst]{1,3}",
    ]
}

fn event() -> impl Strategy<Value = LogEvent> {
    let kind =
        prop_oneof![Just(MessageKind::Text), Just(MessageKind::Action), Just(MessageKind::Notice)];
    prop_oneof![
        6 => (speaker(), kind, text()).prop_map(|(by, kind, text)| {
            // Otherwise it is CTCP, or looks as if HexChat or mIRC told an event.
            let text = if kind == MessageKind::Action { format!("waves {text}") } else { text };
            LogEvent::Message { by, kind, text }
        }),
        1 => speaker().prop_map(LogEvent::Join),
        1 => (speaker(), text()).prop_map(|(who, reason)| LogEvent::Part { who, reason }),
        1 => (speaker(), text()).prop_map(|(who, reason)| LogEvent::Quit { who, reason }),
        1 => (nick(), nick(), text()).prop_map(|(nick, by, reason)| LogEvent::Kick { nick, by, reason }),
        1 => (speaker(), nick()).prop_map(|(from, to)| LogEvent::Nick { from, to }),
        1 => (nick(), change()).prop_map(|(by, change)| LogEvent::Mode { by, change }),
        1 => (nick(), text()).prop_map(|(by, text)| LogEvent::Topic { by: Some(by), text }),
    ]
}

/// The time that a line tells, where the days are known.
fn moment(time: WrittenTime, zone: &TimeZone, day: Timestamp) -> Timestamp {
    let (date, time) = match time {
        WrittenTime::Moment(at) => return at,
        WrittenTime::Local { date, time, .. } => (date, time),
        WrittenTime::None => panic!("all of these have times"),
    };
    let day = day.to_zoned(zone.clone()).date();
    let date = match date {
        WrittenDate::Full(date) => date,
        WrittenDate::WithoutYear { month, day: of_month } => {
            assert_eq!((month, of_month), (day.month(), day.day()));
            day
        }
        WrittenDate::None => day,
    };
    zone.to_timestamp(DateTime::from_parts(date, time)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        event in event(),
        format in prop::sample::select(WRITTEN.to_vec()),
        // Within the summer of 2023, so that each local time is one moment.
        at in 1_685_000_000_000_i64..1_697_000_000_000,
        in_utc: bool,
    ) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::from_millisecond(at).unwrap();
        let mut writer = LogWriter::new(format, zone.clone(), "test", "#team");
        if in_utc {
            writer = writer.in_utc();
        }
        let entry = LogEntry { at, precision: LogPrecision::Exact, event: event.clone() };
        writer.write(&entry);
        let text = writer.text();
        let mut parser = LineParser::new(format, &settings());
        let mut found = Vec::new();
        for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
            match parser.parse(line) {
                WrittenLine::Entry { time, event } => found.push((time, event)),
                WrittenLine::Day { .. } | WrittenLine::Nothing => {}
                other => panic!("{format}: {line:?}: {other:?}"),
            }
        }
        match kept(format, &event) {
            Some(event) => {
                prop_assert_eq!(found.len(), 1, "{}: {:?}", format, text);
                let (time, read) = found.remove(0);
                prop_assert_eq!(read, event, "{}: {:?}", format, text);
                let expected = if in_utc && format == LogFormat::WeeChat { at } else { kept_time(format, at) };
                prop_assert_eq!(moment(time, &zone, at), expected, "{}: {:?}", format, text);
            }
            None => prop_assert!(
                found.iter().all(|(_, event)| matches!(event, LogEvent::Client(_))),
                "{}: {:?}", format, text
            ),
        }
    }

    #[test]
    fn no_line_ends_a_parser(
        start in prop::sample::select(vec![
            "", "13:59 ", "13:59 -!- ", "[13:59:16] ", "[13:59:16] *** ", "[13:59] * ", "1795957155 ", "1795957155 -!- ", "13:59 CET ",
            "2026-11-29 13:59:16\t", "2026-11-29 13:59:16\t--\t", "2026-11-29 13:59:16\t<--\t", "2026-11-29T13:59:16  *** ",
            "Nov 29 13:59:16 ", "Nov 29 13:59:16 *\t", "--- ", "**** ", "Session ", "[2026-11-29T13:59:16.000Z] *** ",
            "[2026-11-29T13:59:16+0100] ", "2023-06-01 10:00:00 <",
        ]),
        text in text(),
        any in any::<String>(),
    ) {
        for format in LogFormat::ALL {
            let mut parser = LineParser::new(format, &settings());
            for line in [&format!("{start}{text}"), &format!("{start}{any}"), &any, &text] {
                let line: String = line.replace(['\n', '\r'], " ");
                // As it is, and cut anywhere.
                for end in (0..=line.len()).filter(|end| line.is_char_boundary(*end)).take(80) {
                    parser.parse(&line[..end]);
                }
                parser.parse(&line);
            }
        }
    }

    #[test]
    fn no_file_ends_the_recognition(bytes in prop::collection::vec(any::<u8>(), 0..400), path in any::<String>()) {
        let path = std::path::Path::new(&path);
        let _ = recognise(path, &bytes);
        for format in LogFormat::ALL {
            let _ = recognise_as(format, path, &bytes, &settings());
        }
    }
}
