//! The tables of soju with SQLite, as `database/sqlite_schema.sql` of <https://codeberg.org/emersion/soju> makes them, and
//! the lines of IRC in them.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::types::ValueRef;

use super::cells::{Cells, one_line};
use super::program::{ForeignProgram, RowContext, bounded, is_channel_name};
use crate::domain::{DatabaseFormat, LogEvent, LogSpeaker, MessageKind};

pub(super) const SOJU: ForeignProgram = ForeignProgram {
    format: DatabaseFormat::Soju,
    name: "soju",
    tables: &[
        ("Message", &["id", "target", "raw", "time"]),
        ("MessageTarget", &["id", "network", "target"]),
        ("Network", &["id", "name", "user", "addr"]),
        ("User", &["id", "username"]),
    ],
    version: None,
    // The names of channels begin with one of four signs.
    channels: concat!(
        "SELECT ",
        bounded!("COALESCE(NULLIF(n.name, ''), n.addr, 'network ' || t.network)", 1024),
        ", ",
        bounded!("t.target", 1024),
        ", ",
        bounded!("u.username", 1024),
        ", t.target NOT GLOB '[#&+!]*', (SELECT COUNT(*) FROM Message m WHERE m.target = t.id) AS rows, t.id
         FROM MessageTarget t LEFT JOIN Network n ON n.id = t.network LEFT JOIN User u ON u.id = n.user WHERE rows > 0"
    ),
    times: "SELECT id, time FROM Message WHERE target = ?1",
    time: milliseconds,
    columns: concat!("m.id, ", bounded!("m.raw", 65536)),
    joins: "LEFT JOIN Message m ON m.id = o.id",
    events,
};

fn milliseconds(time: ValueRef<'_>, _: Option<i64>) -> Option<i64> {
    let ValueRef::Text(time) = time else { return None };
    let time: Timestamp = std::str::from_utf8(time).ok()?.parse().ok()?;
    Some(time.as_millisecond())
}

fn events(cells: &Cells<'_>, context: &RowContext<'_>) -> Result<Vec<LogEvent>, String> {
    let raw = cells.beginning(3, "raw")?;
    let line = RawLine::parse(&raw).ok_or_else(|| "its `raw` is no line of IRC".to_owned())?;
    Ok(line.event(context.channel).into_iter().collect())
}

/// A line of IRC with tags (<https://ircv3.net/specs/extensions/message-tags>), as soju writes it.
#[derive(Debug, PartialEq, Eq)]
struct RawLine<'l> {
    account: Option<Cow<'l, str>>,
    source: &'l str,
    command: &'l str,
    parameters: Vec<&'l str>,
}

impl<'l> RawLine<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        let (tags, line) = match line.strip_prefix('@') {
            Some(rest) => rest.split_once(' ')?,
            None => ("", line),
        };
        let line = line.trim_start_matches(' ');
        let (source, line) = match line.strip_prefix(':') {
            Some(rest) => rest.split_once(' ')?,
            None => ("", line),
        };
        let (mut rest, last) = match line.split_once(" :") {
            Some((rest, last)) => (rest, Some(last)),
            None => (line, None),
        };
        rest = rest.trim_matches(' ');
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        let command = words.next()?;
        let account = tags.split(';').find_map(|tag| tag.strip_prefix("account="));
        Some(Self {
            account: account.filter(|account| !account.is_empty()).map(unescape),
            source,
            command,
            parameters: words.chain(last).collect(),
        })
    }

    /// What it says happened in the channel or query of this name; nothing, if nobody would see it.
    fn event(&self, channel: &str) -> Option<LogEvent> {
        let parameter = |at: usize| self.parameters.get(at).copied().unwrap_or_default();
        let text = |at| one_line(parameter(at));
        let who = || self.speaker();
        Some(match self.command {
            "PRIVMSG" => self.said(MessageKind::Text, channel),
            "NOTICE" => self.said(MessageKind::Notice, channel),
            "JOIN" => LogEvent::Join(self.joined()),
            "PART" => LogEvent::Part { who: who(), reason: text(1) },
            "QUIT" => LogEvent::Quit { who: who(), reason: text(0) },
            "KICK" => LogEvent::Kick { nick: text(1), by: who().nick, reason: text(2) },
            "NICK" => LogEvent::Nick { from: who(), to: text(0) },
            "MODE" => {
                let change = self.parameters.get(1..).unwrap_or_default().join(" ");
                LogEvent::Mode { by: who().nick, change: one_line(&change) }
            }
            "TOPIC" => LogEvent::Topic { by: Some(who().nick), text: text(1) },
            // A reaction, for instance.
            "TAGMSG" => return None,
            command => {
                LogEvent::Client(one_line(&format!("{command} {}", self.parameters.join(" "))))
            }
        })
    }

    fn said(&self, kind: MessageKind, channel: &str) -> LogEvent {
        let text = one_line(self.parameters.get(1).copied().unwrap_or_default());
        let target = self.parameters.first().copied().unwrap_or_default();
        if is_channel_name(channel) && is_for_some(target, channel) {
            return LogEvent::Client(text);
        }
        let Some(ctcp) = text.strip_prefix('\x01') else {
            return LogEvent::Message { by: self.speaker(), kind, text };
        };
        let ctcp = ctcp.strip_suffix('\x01').unwrap_or(ctcp);
        match ctcp.strip_prefix("ACTION") {
            Some(action) if action.is_empty() || action.starts_with(' ') => LogEvent::Message {
                by: self.speaker(),
                kind: MessageKind::Action,
                text: action.trim_start_matches(' ').to_owned(),
            },
            _ => LogEvent::Client(ctcp.to_owned()),
        }
    }

    fn speaker(&self) -> LogSpeaker {
        let (nick, userhost) = self.source.split_once('!').unwrap_or((self.source, ""));
        LogSpeaker {
            nick: nick.to_owned(),
            userhost: (!userhost.is_empty()).then(|| userhost.to_owned()),
            account: self.account.as_deref().map(str::to_owned),
        }
    }

    /// Who came; with their account, if the network tells it as <https://ircv3.net/specs/extensions/extended-join>.
    fn joined(&self) -> LogSpeaker {
        let account = self.parameters.get(1).filter(|account| **account != "*");
        let mut speaker = self.speaker();
        speaker.account = speaker.account.or(account.map(|account| (*account).to_owned()));
        speaker
    }
}

/// Whether `@#tea` is meant, the operators of `#tea`, which soju keeps with what is said to all.
fn is_for_some(target: &str, channel: &str) -> bool {
    let ranks = target.len().saturating_sub(channel.len());
    target.split_at_checked(ranks).is_some_and(|(ranks, rest)| {
        !ranks.is_empty()
            && ranks.chars().all(|rank| "~&@%+".contains(rank))
            && is_channel_name(rest)
    })
}

/// The value of a tag as it was before it was escaped.
fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let (mut plain, mut rest) = (String::new(), value.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next().map(|c| match c {
                ':' => ';',
                's' | 'r' | 'n' => ' ',
                c => c,
            })),
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Option<LogEvent> {
        RawLine::parse(line).expect("is a line").event("#tea")
    }

    fn ann(account: Option<&str>) -> LogSpeaker {
        let account = account.map(str::to_owned);
        LogSpeaker { nick: "ann".into(), userhost: Some("a@host".into()), account }
    }

    #[test]
    fn each_command_is_understood() {
        let said = |kind, text: &str| LogEvent::Message { by: ann(None), kind, text: text.into() };
        for (line, expected) in [
            ("PRIVMSG #tea :tea: now?", said(MessageKind::Text, "tea: now?")),
            ("PRIVMSG #tea tea", said(MessageKind::Text, "tea")),
            ("NOTICE #tea :now :or never", said(MessageKind::Notice, "now :or never")),
            ("PRIVMSG #tea :\x01ACTION pours\x01", said(MessageKind::Action, "pours")),
            ("PRIVMSG #tea :\x01ACTION pours", said(MessageKind::Action, "pours")),
            ("PRIVMSG #tea :\x01ACTION\x01", said(MessageKind::Action, "")),
            ("PRIVMSG #tea :\x01VERSION\x01", LogEvent::Client("VERSION".into())),
            ("PRIVMSG @#tea :for operators", LogEvent::Client("for operators".into())),
            ("NOTICE +#tea :for some", LogEvent::Client("for some".into())),
            ("JOIN #tea", LogEvent::Join(ann(None))),
            ("JOIN #tea * :Ann", LogEvent::Join(ann(None))),
            ("JOIN #tea anna :Ann", LogEvent::Join(ann(Some("anna")))),
            ("PART #tea", LogEvent::Part { who: ann(None), reason: String::new() }),
            ("PART #tea :bye all", LogEvent::Part { who: ann(None), reason: "bye all".into() }),
            ("QUIT :bye", LogEvent::Quit { who: ann(None), reason: "bye".into() }),
            ("NICK anna", LogEvent::Nick { from: ann(None), to: "anna".into() }),
            (
                "MODE #tea +ov bob :eve",
                LogEvent::Mode { by: "ann".into(), change: "+ov bob eve".into() },
            ),
            ("TOPIC #tea :", LogEvent::Topic { by: Some("ann".into()), text: String::new() }),
            (
                "TOPIC #tea :good tea",
                LogEvent::Topic { by: Some("ann".into()), text: "good tea".into() },
            ),
            (
                "KICK #tea bob :be nice",
                LogEvent::Kick { nick: "bob".into(), by: "ann".into(), reason: "be nice".into() },
            ),
            ("INVITE bob #tea", LogEvent::Client("INVITE bob #tea".into())),
        ] {
            assert_eq!(event(&format!(":ann!a@host {line}")), Some(expected), "{line}");
        }
        assert_eq!(event("@+draft/react=x :ann!a@host TAGMSG #tea"), None);
    }

    #[test]
    fn names_of_channels_that_begin_like_ranks_are_no_ranks() {
        for (target, channel, expected) in [
            ("@#tea", "#tea", true),
            ("@%#tea", "#tea", true),
            ("#tea", "#tea", false),
            ("&tea", "&tea", false),
            ("@&tea", "&tea", true),
            ("+tea", "+tea", false),
            ("ann", "#tea", false),
            ("+#tea", "+#tea", false),
        ] {
            assert_eq!(is_for_some(target, channel), expected, "{target}");
        }
    }

    #[test]
    fn account_is_in_the_tags() {
        for (tags, account) in [
            ("account=anna;time=2021-03-04T05:06:07.000Z", Some("anna")),
            ("time=2021-03-04T05:06:07.000Z;account=an\\sna\\:\\\\", Some("an na;\\")),
            ("account=", None),
            ("account", None),
            ("+account=x", None),
        ] {
            let line = format!("@{tags} :ann!a@host PRIVMSG #tea :x");
            let LogEvent::Message { by, .. } = event(&line).expect("is said") else {
                panic!("{line}");
            };
            assert_eq!(by, ann(account), "{tags}");
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in ["", " ", "@a=b", ":ann", "@a=b :ann", ":ann ", "@ "] {
            assert_eq!(RawLine::parse(line), None, "{line:?}");
        }
        for line in ["PRIVMSG", "@;;= X", "::: :", "KICK", "MODE", "NICK"] {
            let _ = RawLine::parse(line).map(|line| line.event("#tea"));
        }
    }

    #[test]
    fn times_are_those_of_soju() {
        for (time, expected) in [
            (ValueRef::Text(b"2021-03-04T05:06:07.089Z"), Some(1_614_834_367_089)),
            (ValueRef::Text(b"2021-03-04T05:06:07Z"), Some(1_614_834_367_000)),
            (ValueRef::Text(b"2021-03-04"), None),
            (ValueRef::Text(b"\xff"), None),
            (ValueRef::Integer(1_614_834_367), None),
            (ValueRef::Null, None),
        ] {
            assert_eq!(milliseconds(time, None), expected, "{time:?}");
        }
    }
}
