//! The backlog of a Quassel core with PostgreSQL, as psql's `\copy` writes it with the command of `docs/import-logs.md`.
//!
//! A row is a line with nine columns: the time in milliseconds, type, flags, the user of the core, network, channel, the
//! type of the buffer, sender, message. Of a line's two forms (<https://www.postgresql.org/docs/current/sql-copy.html>), the
//! text form has tabs between its columns and backslashes, the other is CSV.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::domain::LogEvent;
use crate::migrate::written::{WrittenLine, WrittenTime};
use crate::store::QuasselMessage;

/// Of Quassel's types of buffers, the one of channels.
const CHANNEL: &str = "2";

/// And those of queries and groups of them.
const QUERIES: [&str; 2] = ["4", "8"];

/// The names of the last columns, which `HEADER` writes; that of the first depends on the version.
const HEADER: [&str; 8] =
    ["type", "flags", "username", "networkname", "buffername", "buffertype", "sender", "message"];

/// Where a line is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyPlace {
    /// The user of the core.
    pub(super) owner: String,
    pub(super) network: String,
    pub(super) channel: String,
    /// It is a query.
    pub(super) is_private: bool,
}

/// Reads the lines of one file, which is of one channel: a line of another one, which may be somebody's query, is unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct QuasselCopyParser {
    place: Option<CopyPlace>,
}

impl QuasselCopyParser {
    pub(super) fn parse(&mut self, line: &str) -> WrittenLine {
        let Some(columns) = columns(line) else {
            // `\.` is the end, where `\copy` wrote to the screen.
            return if matches!(line, "" | "\\.") {
                WrittenLine::Nothing
            } else {
                WrittenLine::Unknown
            };
        };
        if is_header(&columns) {
            return WrittenLine::Nothing;
        }
        let Some(place) = place_of(&columns) else { return WrittenLine::Unknown };
        if self.place.get_or_insert_with(|| place.clone()) != &place {
            return WrittenLine::Unknown;
        }
        entry(&columns).unwrap_or(WrittenLine::Unknown)
    }
}

/// Where this line is from; `None` if it is no line of such a file, or only its header.
pub(super) fn place(line: &str) -> Option<CopyPlace> {
    let columns = columns(line)?;
    entry(&columns)?;
    place_of(&columns)
}

fn entry(columns: &[Cow<'_, str>; 9]) -> Option<WrittenLine> {
    let [time, kind, flags, _, _, _, _, sender, text] = columns;
    let at = Timestamp::from_millisecond(time.parse().ok()?).ok()?;
    let (kind, flags) = (kind.parse().ok()?, flags.parse().ok()?);
    let events = QuasselMessage { kind, flags, sender, text }.events().ok()?;
    let event = match <[LogEvent; 1]>::try_from(events) {
        Ok([event]) => event,
        // The people of a netsplit, who leave or come together.
        Err(_) => LogEvent::Client(text.replace("#:#", " ")),
    };
    Some(WrittenLine::Entry { time: WrittenTime::Moment(at), event })
}

fn place_of(columns: &[Cow<'_, str>; 9]) -> Option<CopyPlace> {
    let [_, _, _, owner, network, channel, buffer, _, _] = columns;
    let is_private = QUERIES.contains(&&**buffer);
    (is_private || buffer == CHANNEL).then(|| CopyPlace {
        owner: owner.clone().into_owned(),
        network: network.clone().into_owned(),
        channel: channel.clone().into_owned(),
        is_private,
    })
}

fn is_header(columns: &[Cow<'_, str>; 9]) -> bool {
    columns.iter().skip(1).zip(HEADER).all(|(column, name)| column == name)
}

/// The columns of a line of either form.
fn columns(line: &str) -> Option<[Cow<'_, str>; 9]> {
    let first = line.find(['\t', ','])?;
    let columns = match line[first..].starts_with('\t') {
        true => line.split('\t').take(10).map(unescape).collect(),
        false => unquote(line)?,
    };
    <[Cow<'_, str>; 9]>::try_from(columns).ok()
}

/// A column of the text form as it was; nothing for `NULL`.
fn unescape(column: &str) -> Cow<'_, str> {
    if column == "\\N" {
        return Cow::Borrowed("");
    }
    if !column.contains('\\') {
        return Cow::Borrowed(column);
    }
    let (mut plain, mut rest) = (String::with_capacity(column.len()), column.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next().map(|c| match c {
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                c => c,
            })),
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// The columns of a line of CSV; `None` if its quotes do not end in it, or there are too many.
fn unquote(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let (mut columns, mut rest) = (Vec::with_capacity(9), line);
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (column, behind) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            columns.push(Cow::Borrowed(column));
            match behind.strip_prefix(',') {
                Some(behind) if columns.len() < 10 => rest = behind,
                Some(_) => return None,
                None => return Some(columns),
            }
            continue;
        };
        let (mut column, mut behind) = (String::new(), quoted);
        loop {
            let (part, after) = behind.split_once('"')?;
            column.push_str(part);
            match after.strip_prefix('"') {
                Some(after) => {
                    column.push('"');
                    behind = after;
                }
                None => {
                    behind = after;
                    break;
                }
            }
        }
        columns.push(Cow::Owned(column));
        match behind.strip_prefix(',') {
            Some(behind) if columns.len() < 10 => rest = behind,
            None if behind.is_empty() => return Some(columns),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LogSpeaker, MessageKind};

    /// As PostgreSQL 15 wrote them of the same rows.
    const TEXT: &[&str] = &[
        "1614834367089\t1\t0\tann\tLibera\t#tea\t2\tbob!b@host\ttab\\there back\\\\slash \"quoted\", comma",
        "1614834368000\t1\t1\tann\tLibera\t#tea\t2\tann\t\x034red\x02\\b\\f\\v é",
        "1614834369000\t32\t0\tann\tLibera\t#tea\t2\tbob!b@host\t#tea",
        "1614834370000\t64\t0\tann\tLibera\t#tea\t2\tbob!b@host\t\\N",
        "1614834371000\t4\t0\tann\tLibera\t#tea\t2\tbob!b@host\t\\\\.",
        "1614834372000\t1\t0\tann\tLibera\t#tea\t2\tbob!b@host\t\\\\N",
        "1614834372000\t1\t0\tann\tLibera\t#tea\t2\tbob!b@host\t",
        "1614834373000\t65536\t0\tann\tLibera\t#tea\t2\t\ta!a@h#:#b!b@h#:#x.net y.net",
    ];
    const CSV: &[&str] = &[
        "1614834367089,1,0,ann,Libera,#tea,2,bob!b@host,\"tab\there back\\slash \"\"quoted\"\", comma\"",
        "1614834368000,1,1,ann,Libera,#tea,2,ann,\x034red\x02\x08\x0c\x0b é",
        "1614834369000,32,0,ann,Libera,#tea,2,bob!b@host,#tea",
        "1614834370000,64,0,ann,Libera,#tea,2,bob!b@host,",
        "1614834371000,4,0,ann,Libera,#tea,2,bob!b@host,\\.",
        "1614834372000,1,0,ann,Libera,#tea,2,bob!b@host,\\N",
        "1614834372000,1,0,ann,Libera,#tea,2,bob!b@host,\"\"",
        "1614834373000,65536,0,ann,Libera,#tea,2,\"\",a!a@h#:#b!b@h#:#x.net y.net",
    ];

    fn read(lines: &[&str]) -> Vec<WrittenLine> {
        let mut parser = QuasselCopyParser::default();
        lines.iter().map(|line| parser.parse(line)).collect()
    }

    #[test]
    fn both_forms_say_the_same() {
        let bob =
            || LogSpeaker { nick: "bob".into(), userhost: Some("b@host".into()), account: None };
        let said = |kind, text: &str| LogEvent::Message { by: bob(), kind, text: text.into() };
        let by = LogSpeaker { nick: "ann".into(), ..LogSpeaker::default() };
        let text = "\x034red\x02\x08\x0c\x0b é".to_owned();
        let events = [
            said(MessageKind::Text, "tab\there back\\slash \"quoted\", comma"),
            LogEvent::Message { by, kind: MessageKind::Text, text },
            LogEvent::Join(bob()),
            LogEvent::Part { who: bob(), reason: String::new() },
            said(MessageKind::Action, "\\."),
            said(MessageKind::Text, "\\N"),
            said(MessageKind::Text, ""),
            LogEvent::Client("a!a@h b!b@h x.net y.net".into()),
        ];
        for lines in [TEXT, CSV] {
            for (line, event) in read(lines).into_iter().zip(events.clone()) {
                let WrittenLine::Entry { time: WrittenTime::Moment(_), event: read } = line else {
                    panic!("{event:?}: {line:?}");
                };
                assert_eq!(read, event);
            }
        }
        assert_eq!(read(TEXT), read(CSV));
        let WrittenLine::Entry { time, .. } = &read(TEXT)[0] else { panic!("is an entry") };
        let at: Timestamp = "2021-03-04T05:06:07.089Z".parse().expect("a time");
        assert_eq!(time, &WrittenTime::Moment(at));
    }

    #[test]
    fn line_tells_where_it_is_from() {
        for lines in [TEXT, CSV] {
            let found = place(lines[0]).expect("is known");
            assert_eq!(
                (&*found.owner, &*found.network, &*found.channel, found.is_private),
                ("ann", "Libera", "#tea", false)
            );
        }
        let query = place(&TEXT[0].replace("#tea\t2", "bob\t4")).expect("is known");
        assert!(query.is_private);
    }

    #[test]
    fn lines_of_other_channels_are_not_mixed_in() {
        for other in ["#tea\t2", "#cake\t2", "bob\t4", "\t1"] {
            let lines = [TEXT[0], &TEXT[0].replace("#tea\t2", other)];
            let is_same = other == "#tea\t2";
            assert_eq!(read(&lines)[1] == WrittenLine::Unknown, !is_same, "{other}");
        }
        let lines = [TEXT[0], &TEXT[0].replace("\tann\t", "\tbob\t")];
        assert_eq!(read(&lines)[1], WrittenLine::Unknown, "another's log of the channel");
    }

    #[test]
    fn what_is_no_row_is_unknown() {
        for line in [
            "<ann> tea, now?",
            "1614834367089",
            "1614834367089\t1\t0",
            "\t\t\t\t\t\t\t\t",
            ",,,,,,,,",
            "noon\t1\t0\tann\tLibera\t#tea\t2\tbob\tx",
            "1614834367089\t3\t0\tann\tLibera\t#tea\t2\tbob\tx",
            "99999999999999999\t1\t0\tann\tLibera\t#tea\t2\tbob\tx",
            "1614834367089\t1\t0\tann\tLibera\t#tea\t2\tbob\tx\ty",
            "1,1,0,ann,Libera,#tea,2,bob,\"x",
            "1,1,0,ann,Libera,#tea,2,bob,\"x\"y",
            "1,1,0,ann,Libera,#tea,2,bob,x,y",
        ] {
            assert_eq!(read(&[line]), [WrittenLine::Unknown], "{line}");
            assert_eq!(place(line), None, "{line}");
        }
        let header = "int8,type,flags,username,networkname,buffername,buffertype,sender,message";
        for line in ["", "\\.", header, &header.replace(',', "\t")] {
            assert_eq!(read(&[line]), [WrittenLine::Nothing], "{line}");
        }
    }
}
