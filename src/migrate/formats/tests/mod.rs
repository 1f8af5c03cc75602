//! The logs of real clients, what the fixtures lack, and properties of all formats.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use encoding_rs::WINDOWS_1252;

use super::log_script::{all_changes, all_messages, all_people, autumn_messages};
use super::*;
use crate::domain::{LogEvent, MessageKind};
use crate::migrate::files::decode_line;
use crate::migrate::written::WrittenLine;
use crate::protocol::irc::strip_formatting;

mod properties;
mod tables;

const LOGS: &str = "tests/data/irc-logs";

/// The logs of the channel, by folder and file, with their format.
const FIXTURES: &[(LogFormat, &str)] = &[
    (LogFormat::Irssi, "all-events/irssi/#team.log"),
    (LogFormat::WeeChat, "all-events/weechat/irc.test.#team.weechatlog"),
    (LogFormat::Znc, "all-events/znc/#team/2026-11-29.log"),
    (LogFormat::HexChat, "all-events/hexn/test/#team.log"),
    (LogFormat::Eggdrop, "all-events/eggdrop/egg-team.log"),
    (LogFormat::Limnoria, "all-events/limn/test/#team/#team.log"),
    (LogFormat::Ii, "all-events/ii/#team/out"),
    (LogFormat::Irssi, "autumn-dst/irssi/Test/#team.log"),
    (LogFormat::WeeChat, "autumn-dst/weechat/irc.test.#team.weechatlog"),
    (LogFormat::Znc, "autumn-dst/znc/#team/2025-10-26.log"),
    (LogFormat::Limnoria, "autumn-dst/limnoria/ChannelLogger/test/#team/#team.log"),
    (LogFormat::Ii, "autumn-dst/ii/#team/out"),
];

/// The events of a log, and how many lines are doubtful.
fn read(format: LogFormat, file: &str) -> (Vec<LogEvent>, u64) {
    let bytes = fs::read(Path::new(LOGS).join(file)).unwrap();
    let mut parser = LineParser::new(format, &ParserSettings::default());
    let mut events = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        match parser.parse(&decode_line(line, WINDOWS_1252)) {
            WrittenLine::Entry { event, .. } => events.push(event),
            WrittenLine::Unknown => panic!("{file}: {line:?}"),
            _ => {}
        }
    }
    (events, parser.doubtful_lines())
}

fn is_message(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Message { .. })
}

/// What was said, as the client of `format` keeps it.
fn as_kept(format: LogFormat, events: Vec<LogEvent>) -> Vec<LogEvent> {
    let strips = [LogFormat::Irssi, LogFormat::WeeChat, LogFormat::HexChat, LogFormat::Limnoria];
    let destroys = [LogFormat::HexChat, LogFormat::Limnoria];
    let kept = events.into_iter().filter_map(|event| log_writer::kept(format, &event));
    kept.map(|mut event| {
        if let LogEvent::Message { text, .. } = &mut event {
            if strips.contains(&format) {
                *text = strip_formatting(text);
            }
            if destroys.contains(&format) && text.starts_with("latin1") {
                *text = "latin1 caf\u{fffd} na\u{fffd}ve".to_owned();
            }
        }
        if let LogEvent::Mode { by, change } = &mut event
            && format == LogFormat::HexChat
            && by == "ann"
            && change == "-k *"
        {
            *change = "-k".to_owned();
        }
        event
    })
    .collect()
}

#[test]
fn what_people_said_is_read_from_the_logs_of_each_client() {
    for (format, file) in FIXTURES.iter().filter(|(_, file)| file.starts_with("all-events")) {
        let (events, _) = read(*format, file);
        let said: Vec<LogEvent> = events.into_iter().filter(is_message).collect();
        let once = as_kept(*format, all_messages());
        // HexChat came when most of the first play was over; ii has lost who wrote notices.
        let missed = if *format == LogFormat::HexChat { once.len() - 6 } else { 0 };
        let expected = [&once[missed..], &once[..]].concat();
        assert_eq!(said, expected, "{file}");
    }
}

#[test]
fn a_night_of_two_hours_is_read_from_the_logs_of_each_client() {
    for (format, file) in FIXTURES.iter().filter(|(_, file)| file.starts_with("autumn-dst")) {
        let (events, _) = read(*format, file);
        let said: Vec<LogEvent> = events.into_iter().filter(is_message).collect();
        let expected = as_kept(
            *format,
            autumn_messages(said.len().saturating_sub(as_kept(*format, autumn_messages(0)).len())),
        );
        assert!(said.len() > 60, "{file}: {}", said.len());
        assert_eq!(said, expected, "{file}");
    }
}

/// Whether an event is about ann or bob, by whatever nick.
fn is_of_the_script(event: &LogEvent) -> bool {
    let names = ["ann", "bob", "bobby", "bob|away", log_script::ODD];
    match event {
        LogEvent::Join(who) | LogEvent::Part { who, .. } | LogEvent::Quit { who, .. } => {
            names.contains(&who.nick.as_str())
        }
        LogEvent::Nick { .. } | LogEvent::Kick { .. } => true,
        _ => false,
    }
}

#[test]
fn who_came_and_left_is_read_from_the_logs_of_each_client() {
    for (format, file) in FIXTURES.iter().filter(|(_, file)| file.starts_with("all-events")) {
        let (events, _) = read(*format, file);
        let people: Vec<LogEvent> = events.into_iter().filter(is_of_the_script).collect();
        let once = as_kept(*format, all_people());
        let missed = if *format == LogFormat::HexChat { once.len() - 2 } else { 0 };
        let expected = [&once[missed..], &once[..]].concat();
        assert_eq!(people, expected, "{file}");
    }
}

#[test]
fn modes_and_topics_are_read_from_the_logs_of_each_client() {
    for (format, file) in FIXTURES.iter().filter(|(_, file)| file.starts_with("all-events")) {
        let (events, _) = read(*format, file);
        let is_change = |event: &LogEvent| match event {
            LogEvent::Mode { by, .. } => by != "Server",
            LogEvent::Topic { .. } => true,
            _ => false,
        };
        let mut changes: Vec<LogEvent> = events.into_iter().filter(is_change).collect();
        let mut once = as_kept(*format, all_changes());
        match format {
            // It collects changes of modes before it writes them.
            LogFormat::Irssi => {
                let topics_first = |event: &LogEvent| !matches!(event, LogEvent::Topic { .. });
                changes.sort_by_key(topics_first);
                once.sort_by_key(topics_first);
                let (topics, modes) = once.split_at(2);
                once = [topics, topics, modes, modes].concat();
            }
            // It came late to the first play; and tells the changes one by one.
            LogFormat::HexChat => {
                once.pop();
                for change in ["-o ann", "+v ann"] {
                    once.push(LogEvent::Mode { by: "bob".into(), change: change.into() });
                }
            }
            _ => once = [once.clone(), once].concat(),
        }
        assert_eq!(changes, once, "{file}");
    }
}

#[test]
fn what_a_format_cannot_tell_is_counted() {
    let doubts: Vec<(LogFormat, u64)> =
        FIXTURES.iter().map(|(format, file)| (*format, read(*format, file).1)).collect();
    for (format, count) in doubts {
        match format {
            // Quits, kicks, nicks, modes and topics look as actions would.
            LogFormat::HexChat => assert_eq!(count, 27),
            // Notices: two in each play, one in the night.
            LogFormat::Ii => assert!([4, 1].contains(&count), "{count}"),
            _ => assert_eq!(count, 0, "{format}"),
        }
    }
}

#[test]
fn each_log_is_recognised() {
    for (format, file) in FIXTURES {
        let path = Path::new(LOGS).join(file);
        let found = recognise(&path, &fs::read(&path).unwrap()).unwrap();
        assert_eq!(found.format, *format, "{file}");
        assert_eq!(found.channel.as_deref(), Some("#team"), "{file}");
        assert!(!found.is_private && !found.is_server_window, "{file}: {found:?}");
        // Without the path.
        let found = recognise(Path::new("x"), &fs::read(&path).unwrap()).unwrap();
        assert_eq!(found.format, *format, "{file}");
        if *format != LogFormat::Znc {
            assert_eq!(found.channel.as_deref(), Some("#team"), "{file}: {found:?}");
        }
    }
}

#[test]
fn a_log_is_recognised_whatever_form_its_times_have() {
    let begin = "**** BEGIN LOGGING AT Wed Dec 31 23:58:00 2014\n\n";
    let hexchat = |stamp: &str| format!("{begin}{stamp} <bob>\thi\n{stamp} *\tbob waves\n");
    for (text, format) in [
        (hexchat("[2014-12-31 23:58:01]"), LogFormat::HexChat),
        (hexchat("[23:58:01]"), LogFormat::HexChat),
        (hexchat("2014/12/31 11:58:01 PM"), LogFormat::HexChat),
        (hexchat("23:58"), LogFormat::HexChat),
        ("[2014-12-31 23:58:01]\tbob\thi\n".to_owned(), LogFormat::WeeChat),
        (
            "[2014-12-31 23:58:01] <bob> hi\n[2014-12-31 23:58:02] * bob action waves\n\
             [2014-12-31 23:58:03] * ann (~a@h) join\n"
                .to_owned(),
            LogFormat::TheLounge,
        ),
        (
            "[2014-12-31 23:58:01] <bob> hi\n[2014-12-31 23:58:02] * bob waves\n".to_owned(),
            LogFormat::EnergyMech,
        ),
        // With only messages in it.
        ("[2014-12-31T23:58:01+0100] <bob> hi\n".to_owned(), LogFormat::Textual),
        ("[2014-12-31T23:58:01.000Z] <bob> hi\n".to_owned(), LogFormat::TheLounge),
        ("2014-12-31T23:58:01  <bob> hi\n".to_owned(), LogFormat::Limnoria),
        ("1480424357 <bob> hi\n".to_owned(), LogFormat::Ii),
        ("2014-12-31T23:58:01+0100 <bob> hi\n".to_owned(), LogFormat::Irssi),
    ] {
        let found = recognise(Path::new("logs/#team.log"), text.as_bytes());
        assert_eq!(found.map(|it| it.format), Ok(format), "{text:?}");
    }
}

#[test]
fn a_file_for_each_day_is_of_the_channel_of_its_folder() {
    for (path, text, format) in [
        (
            "irclogs/Libera/#team/2014-03-02.log",
            "--- Log opened Sun Mar 02 10:00:00 2014\n10:01 <@bob> hi\n10:02  * bob waves\n",
            LogFormat::Irssi,
        ),
        (
            "znc/users/ann/moddata/log/Libera/#team/2014-03-02.log",
            "10:01:00 <bob> hi\n10:02:00 * bob waves\n",
            LogFormat::Znc,
        ),
    ] {
        let found = recognise(Path::new(path), text.as_bytes()).unwrap();
        assert_eq!((found.format, found.channel.as_deref()), (format, Some("#team")), "{path}");
        assert_eq!(found.network.as_deref(), Some("Libera"), "{path}");
        assert!(!found.is_private && !found.is_server_window, "{path}: {found:?}");
    }
}

#[test]
fn seconds_since_1970_are_of_ii_unless_sessions_tell_otherwise() {
    for (path, begin, format) in [
        ("irc/net/#team/out", "", LogFormat::Ii),
        ("irc/net/#team.log", "", LogFormat::Ii),
        ("irclogs/net/#team.log", "--- Log opened Sun Nov 29 13:59:15 2026\n", LogFormat::Irssi),
        ("net/#team.log", "**** BEGIN LOGGING AT Sun Nov 29 13:59:15 2026\n\n", LogFormat::HexChat),
    ] {
        let column = if format == LogFormat::HexChat { '\t' } else { ' ' };
        let text = format!("{begin}{}", format!("1795957155 <@bob>{column}hi\n").repeat(20));
        let found = recognise(Path::new(path), text.as_bytes()).unwrap();
        assert_eq!((found.format, found.channel.as_deref()), (format, Some("#team")), "{path}");
        assert!(found.rivals.is_empty() && !found.is_private, "{path}: {found:?}");
    }
}

#[test]
fn a_path_that_names_the_client_leaves_no_doubt() {
    let text = "[13:59:16] <bob> hi\n";
    for (path, format, has_rivals) in [
        ("users/ann/moddata/log/#team/2026-11-29.log", LogFormat::Znc, false),
        ("eggdrop/logs/team.log.29Nov2026", LogFormat::Eggdrop, false),
        ("mirc/logs/#team.log", LogFormat::Mirc, false),
        ("logs/2026-11-29.log", LogFormat::Znc, true),
        ("logs/#team.log", LogFormat::Eggdrop, true),
    ] {
        let found = recognise(Path::new(path), text.as_bytes()).unwrap();
        assert_eq!(
            (found.format, !found.rivals.is_empty()),
            (format, has_rivals),
            "{path}: {found:?}"
        );
    }
}

#[test]
fn windows_of_servers_are_recognised() {
    for (format, file) in [
        (LogFormat::WeeChat, "all-events/weechat/irc.server.test.weechatlog"),
        (LogFormat::WeeChat, "all-events/weechat/core.weechat.weechatlog"),
        (LogFormat::Znc, "all-events/znc/status/2026-11-29.log"),
        (LogFormat::Znc, "all-events/znc/ng.peers.test/2026-11-29.log"),
        (LogFormat::HexChat, "all-events/hexn/test/server.log"),
        (LogFormat::HexChat, "all-events/hexn/test/test.log"),
        (LogFormat::HexChat, "all-events/hexn/test/.log"),
        (LogFormat::Ii, "all-events/ii/out"),
    ] {
        let path = Path::new(LOGS).join(file);
        let found = recognise(&path, &fs::read(&path).unwrap()).unwrap();
        assert_eq!(found.format, format, "{file}");
        assert!(found.is_server_window && !found.is_private, "{file}: {found:?}");
    }
}

#[test]
fn queries_are_private() {
    for (path, text) in [
        ("irclogs/Libera/bob.log", "--- Log opened Sun Nov 29 13:58:34 2026\n13:59 <bob> psst\n"),
        ("logs/irc.libera.bob.weechatlog", "2026-11-29 13:59:15\tbob\tpsst\n"),
        ("moddata/log/ann/libera/bob/2026-11-29.log", "[13:59:15] <bob> psst\n"),
        ("hexchat/logs/Libera/bob.log", "Nov 29 13:59:15 <bob>\tpsst\n"),
        ("logs/ann/libera-4e5f-8a1b2c3d4e5f/bob.log", "[2026-11-29T13:59:15.000Z] <bob> psst\n"),
        (
            "mIRC/logs/bob.Libera.log",
            "Session Start: Sun Nov 29 13:59:15 2026\nSession Ident: bob\n[13:59] <bob> psst\n",
        ),
        ("Libera (1A2B)/Queries/bob/2026-11-29.txt", "[2026-11-29T13:59:15+0100] <bob> psst\n"),
        ("irc/irc.libera.chat/bob/out", "1795957155 <bob> psst\n"),
        ("somewhere/notes.log", "13:59 <bob> psst\n"),
    ] {
        let found = recognise(Path::new(path), text.as_bytes()).unwrap();
        assert!(found.is_private && !found.is_server_window, "{path}: {found:?}");
        if !path.contains("notes") {
            assert_eq!(found.channel.as_deref(), Some("bob"), "{path}");
        }
    }
}

#[test]
fn an_unknown_log_is_told_with_its_first_odd_line() {
    for (text, expected) in [
        ("", "there is nothing in it"),
        ("\n\n", "there is nothing in it"),
        ("\n(10:11:12 AM) bob: hi\n", "line 2 is of no known format: \"(10:11:12 AM) bob: hi\""),
        (
            "13:59 <@bob> hi\nwhat is this\nand this\n",
            "it looks like irssi, but line 2 does not: \"what is this\"",
        ),
        ("<bob> no times at all\n", "line 1 is of no known format: \"<bob> no times at all\""),
    ] {
        let error = recognise(Path::new("x.log"), text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
}

#[test]
fn a_message_without_text_and_one_of_ctcp_are_read() {
    for (format, line, text) in [
        (LogFormat::Irssi, "13:59 <@bob> ", Some("")),
        (LogFormat::Irssi, "13:59 <@bob>", Some("")),
        (LogFormat::WeeChat, "2026-11-29 13:59:15\tbob\t", Some("")),
        (LogFormat::Ii, "1795957155 <bob> \u{1}ACTION \u{1}", Some("")),
        (LogFormat::Ii, "1795957155 <bob> \u{1}VERSION\u{1}", None),
    ] {
        let mut parser = LineParser::new(format, &ParserSettings::default());
        let WrittenLine::Entry { event, .. } = parser.parse(line) else { panic!("{line:?}") };
        match (event, text) {
            (LogEvent::Message { text, by, kind }, Some(expected)) => {
                assert_eq!((text.as_str(), by.nick.as_str()), (expected, "bob"));
                assert_eq!(kind == MessageKind::Action, format == LogFormat::Ii);
            }
            (LogEvent::Client(_), None) => {}
            (event, _) => panic!("{line:?}: {event:?}"),
        }
    }
}
