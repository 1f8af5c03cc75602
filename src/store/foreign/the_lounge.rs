//! The table of The Lounge, as `server/plugins/messageStorage/sqlite.ts` of <https://github.com/thelounge/thelounge> makes
//! it, and the JSON in it. It has the networks' identifiers, and not their names.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use serde::Deserialize;
use serde_json::Value;

use super::cells::{Cells, one_line};
use super::program::{ForeignProgram, RowContext, bounded};
use crate::domain::{DatabaseFormat, LogEvent, LogSpeaker, MessageKind};

pub(super) const THE_LOUNGE: ForeignProgram = ForeignProgram {
    format: DatabaseFormat::TheLounge,
    name: "The Lounge",
    tables: &[("messages", &["id", "network", "channel", "time", "type", "msg"])],
    version: None,
    channels: concat!(
        "SELECT ",
        bounded!("network", 1024),
        ", ",
        bounded!("channel", 1024),
        ", ",
        bounded!("NULL", 1024),
        ", COALESCE(channel, '') NOT GLOB '[#&+!]*', COUNT(*), MIN(id) FROM messages GROUP BY network, channel"
    ),
    times: "SELECT m.id, m.time FROM messages k CROSS JOIN messages m
            ON m.network IS k.network AND m.channel IS k.channel WHERE k.id = ?1",
    time: milliseconds,
    columns: concat!("m.id, ", bounded!("m.type", 1024), ", ", bounded!("m.msg", 1048576)),
    joins: "LEFT JOIN messages m ON m.id = o.id",
    events,
};

fn milliseconds(time: ValueRef<'_>, _: Option<i64>) -> Option<i64> {
    match time {
        ValueRef::Integer(time) => Some(time),
        _ => None,
    }
}

fn events(cells: &Cells<'_>, _: &RowContext<'_>) -> Result<Vec<LogEvent>, String> {
    let (kind, json) = (cells.text(3, "type")?, cells.text(5, "msg")?);
    events_of(&kind, &json)
}

/// What of a message matters. Others write other types into it than The Lounge does, and old versions did, too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoungeMessage {
    from: Value,
    target: Value,
    text: Value,
    hostmask: Value,
    new_nick: Value,
    account: Value,
    #[serde(rename = "statusmsgGroup")]
    status_group: Value,
}

fn events_of(kind: &str, json: &str) -> Result<Vec<LogEvent>, String> {
    let read = serde_json::from_str::<LoungeMessage>(json);
    let message = read.or_else(|_| serde_json::from_str(&with_whole_characters(json)));
    let message = message.map_err(|error| format!("its `msg` is not JSON: {error}"))?;
    let text = string(&message.text);
    let line = || one_line(&text);
    let who = || message.speaker();
    let event = match kind {
        "message" => return Ok(message.said(MessageKind::Text)),
        "notice" => return Ok(message.said(MessageKind::Notice)),
        "action" => return Ok(message.said(MessageKind::Action)),
        "join" => LogEvent::Join(who()),
        "part" => LogEvent::Part { who: who(), reason: line() },
        "quit" => LogEvent::Quit { who: who(), reason: line() },
        "kick" => LogEvent::Kick { nick: nick(&message.target), by: who().nick, reason: line() },
        "nick" => LogEvent::Nick { from: who(), to: one_line(&string(&message.new_nick)) },
        "mode" => LogEvent::Mode { by: who().nick, change: line().trim().to_owned() },
        "topic" if !who().nick.is_empty() => LogEvent::Topic { by: Some(who().nick), text: line() },
        // Somebody is away, has another host; or what stands there when the user comes.
        _ => LogEvent::Client(line()),
    };
    Ok(vec![event])
}

impl LoungeMessage {
    /// A message of several lines (<https://ircv3.net/specs/extensions/multiline>) is as many messages to everybody else.
    fn said(&self, kind: MessageKind) -> Vec<LogEvent> {
        let text = string(&self.text);
        if self.status_group.as_str().is_some_and(|group| !group.is_empty()) {
            return vec![LogEvent::Client(one_line(&text))];
        }
        let whole = text.trim_end_matches(['\r', '\n']);
        let lines = whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let said = |line| LogEvent::Message { by: self.speaker(), kind, text: one_line(line) };
        lines.map(said).collect()
    }

    fn speaker(&self) -> LogSpeaker {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(one_line);
        LogSpeaker {
            nick: nick(&self.from),
            userhost: text(&self.hostmask),
            account: text(&self.account).filter(|account| account != "*"),
        }
    }
}

/// Users are objects with their nick; in the first versions, they were the nick.
fn nick(user: &Value) -> String {
    one_line(user.as_str().or(user["nick"].as_str()).unwrap_or_default())
}

fn string(value: &Value) -> Cow<'_, str> {
    Cow::Borrowed(value.as_str().unwrap_or_default())
}

/// JavaScript writes half of a character as `\ud83d`, where it has cut a text in two, and nobody else reads that.
fn with_whole_characters(json: &str) -> String {
    let (mut mended, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (unit(rest), unit(rest.get(6..).unwrap_or_default())) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => rest.ceil_char_boundary(2),
        };
        mended.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    mended + rest
}

/// The number in `\ud83d`, with which the text begins.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> LogSpeaker {
        LogSpeaker { nick: "ann".into(), ..LogSpeaker::default() }
    }

    fn at_host(account: Option<&str>) -> LogSpeaker {
        let account = account.map(str::to_owned);
        LogSpeaker { userhost: Some("a@host".into()), account, ..ann() }
    }

    #[test]
    fn each_type_is_understood() {
        let said = |kind, text: &str| LogEvent::Message { by: ann(), kind, text: text.into() };
        let client = |text: &str| LogEvent::Client(text.into());
        let from = r#""from":{"mode":"@","nick":"ann"}"#;
        let host = r#""hostmask":"a@host""#;
        for (kind, json, event) in [
            ("message", r#""text":"tea?","self":true"#, said(MessageKind::Text, "tea?")),
            ("notice", r#""text":"now""#, said(MessageKind::Notice, "now")),
            ("action", r#""text":"pours""#, said(MessageKind::Action, "pours")),
            ("message", r#""text":"a","statusmsgGroup":"@""#, client("a")),
            ("message", r#""text":7"#, said(MessageKind::Text, "")),
            ("join", &format!(r#"{host},"account":"anna""#), LogEvent::Join(at_host(Some("anna")))),
            ("join", &format!(r#"{host},"account":false"#), LogEvent::Join(at_host(None))),
            (
                "part",
                &format!(r#"{host},"text":"bye""#),
                LogEvent::Part { who: at_host(None), reason: "bye".into() },
            ),
            ("quit", host, LogEvent::Quit { who: at_host(None), reason: String::new() }),
            (
                "kick",
                r#""target":{"mode":"","nick":"bob"},"text":"be nice""#,
                LogEvent::Kick { nick: "bob".into(), by: "ann".into(), reason: "be nice".into() },
            ),
            ("nick", r#""new_nick":"anna""#, LogEvent::Nick { from: ann(), to: "anna".into() }),
            ("mode", r#""text":"+n ""#, LogEvent::Mode { by: "ann".into(), change: "+n".into() }),
            (
                "topic",
                r#""text":"tea""#,
                LogEvent::Topic { by: Some("ann".into()), text: "tea".into() },
            ),
            ("away", r#""text":"at lunch""#, client("at lunch")),
        ] {
            let json = format!("{{{from},{json}}}");
            assert_eq!(events_of(kind, &json), Ok(vec![event]), "{kind} {json}");
        }
        let topic = events_of("topic", r#"{"from":{},"text":"tea"}"#);
        assert_eq!(topic, Ok(vec![client("tea")]), "the topic when one comes");
    }

    #[test]
    fn first_versions_had_the_nick_alone() {
        let events = events_of("message", r#"{"from":"ann","mode":"@","text":"a"}"#);
        assert_eq!(
            events,
            Ok(vec![LogEvent::Message { by: ann(), kind: MessageKind::Text, text: "a".into() }])
        );
    }

    #[test]
    fn several_lines_are_several_messages() {
        let texts = |json: &str| {
            let events = events_of("message", json).expect("makes sense");
            let text = |event| match event {
                LogEvent::Message { text, .. } => text,
                other => panic!("{other:?}"),
            };
            events.into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(texts(r#"{"from":{"nick":"ann"},"text":"a\n\nb\r\nc\n"}"#), ["a", "", "b", "c"]);
    }

    #[test]
    fn half_characters_are_replaced() {
        for (json, expected) in [
            (r"\ud83d", r"\ufffd"),
            (r"\ud83d\ude00", r"\ud83d\ude00"),
            (r"\ude00x\ud83d\ud83d\ude00", r"\ufffdx\ufffd\ud83d\ude00"),
            (r"a\\ud83d\n", r"a\\ud83d\n"),
            (r"\u00e9\ud83", r"\u00e9\ud83"),
            ("\\é\\", "\\é\\"),
            ("é", "é"),
        ] {
            assert_eq!(with_whole_characters(json), expected, "{json}");
        }
        let json = r#"{"from":{"nick":"ann"},"text":"tea \ud83d","replyToText":"\ud83d"}"#;
        let LogEvent::Message { text, .. } = &events_of("message", json).expect("is mended")[0]
        else {
            panic!("is no message");
        };
        assert_eq!(text, "tea \u{fffd}");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for json in ["", "{", "[]", "null", "7", r#"{"text":"#] {
            assert!(events_of("message", json).is_err() || json == "[]", "{json}");
        }
    }
}
