//! Lines as text, CSV, JSON or HTML.

use std::io::{self, Write};

use clap::ValueEnum;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::table::printable;
use crate::domain::{LogPrecision, MessageKind};
use crate::store::archive::{ArchiveLine, ArchiveLineKind, ArchiveLineState};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// A line for each, to be read
    Text,
    /// A table with a header (RFC 4180)
    Csv,
    /// An object for each line (JSON lines)
    Json,
    /// A page
    Html,
}

/// A line as JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    id: String,
    at: String,
    precision: &'static str,
    place: &'a str,
    author: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<String>,
}

/// Writes lines.
pub(super) struct LineWriter<W> {
    out: W,
    format: ExportFormat,
    zone: TimeZone,
}

impl<W: Write> LineWriter<W> {
    pub(super) fn new(out: W, format: ExportFormat, zone: TimeZone) -> Self {
        Self { out, format, zone }
    }

    /// What stands before the lines.
    pub(super) fn begin(&mut self, room: &str) -> io::Result<()> {
        match self.format {
            ExportFormat::Text | ExportFormat::Json => Ok(()),
            ExportFormat::Csv => {
                self.out.write_all(b"id,at,precision,place,author,kind,text,redacted\r\n")
            }
            ExportFormat::Html => {
                let page = maud::html! {
                    (maud::DOCTYPE)
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (room) }
                    style { "body{font:1em sans-serif;max-width:60em;margin:auto;padding:1em}p{margin:.2em 0;white-space:pre-wrap;overflow-wrap:anywhere}time{opacity:.7;margin-right:.6em}" }
                    h1 { (room) }
                };
                writeln!(self.out, "{}", page.into_string())
            }
        }
    }

    /// One line.
    pub(super) fn line(&mut self, line: &ArchiveLine) -> io::Result<()> {
        let text = line.plain_text();
        let at = self.zone.to_datetime(line.at).strftime("%F %T").to_string();
        match self.format {
            ExportFormat::Text => {
                let said = said(line, &text);
                let mut rows = said.lines();
                writeln!(self.out, "{at} {}", printable(rows.next().unwrap_or_default()))?;
                rows.try_for_each(|row| writeln!(self.out, "    {}", printable(row)))
            }
            ExportFormat::Csv => {
                let redacted = redacted(line).unwrap_or_default();
                let cells = [
                    line.id.to_string(),
                    line.at.to_string(),
                    precision(line.precision).to_owned(),
                    line.place.clone(),
                    line.author.clone(),
                    kind(line.kind).to_owned(),
                    text,
                    redacted,
                ];
                let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
                write!(self.out, "{}\r\n", cells.join(","))
            }
            ExportFormat::Json => {
                let redacted = redacted(line);
                let json = JsonLine {
                    id: line.id.to_string(),
                    at: line.at.to_string(),
                    precision: precision(line.precision),
                    place: &line.place,
                    author: &line.author,
                    kind: kind(line.kind),
                    text: redacted.is_none().then_some(line.text.as_str()),
                    redacted,
                };
                serde_json::to_writer(&mut self.out, &json)?;
                self.out.write_all(b"\n")
            }
            ExportFormat::Html => {
                let row = maud::html! {
                    p id=(line.id) { time datetime=(line.at) { (at) } (said(line, &text)) }
                };
                writeln!(self.out, "{}", row.into_string())
            }
        }
    }

    /// What stands behind the lines.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A line in words.
fn said(line: &ArchiveLine, text: &str) -> String {
    let author = &line.author;
    if let Some(redacted) = redacted(line) {
        return format!("<{author}> [{redacted}]");
    }
    match line.kind {
        ArchiveLineKind::Said(MessageKind::Text) => format!("<{author}> {text}"),
        ArchiveLineKind::Said(MessageKind::Action) => format!("* {author} {text}"),
        ArchiveLineKind::Said(MessageKind::Notice) => format!("-{author}- {text}"),
        ArchiveLineKind::Topic => format!("-- {author} changed the topic: {text}"),
        ArchiveLineKind::Event => format!("-- {author} {text}"),
    }
}

/// That a line was taken out, in words.
fn redacted(line: &ArchiveLine) -> Option<String> {
    let ArchiveLineState::Redacted { at, by, reason } = &line.state else { return None };
    let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("taken out by {by} on {}{why}", at.strftime("%F")))
}

fn precision(precision: LogPrecision) -> &'static str {
    match precision {
        LogPrecision::Exact => "exact",
        LogPrecision::Minute => "minute",
        LogPrecision::Guessed => "guessed",
    }
}

fn kind(kind: ArchiveLineKind) -> &'static str {
    match kind {
        ArchiveLineKind::Said(MessageKind::Text) => "text",
        ArchiveLineKind::Said(MessageKind::Action) => "action",
        ArchiveLineKind::Said(MessageKind::Notice) => "notice",
        ArchiveLineKind::Topic => "topic",
        ArchiveLineKind::Event => "event",
    }
}

/// A cell of CSV. What a spreadsheet would take for a formula gets an apostrophe in front, so that it stays text.
fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::archive::{ArchiveLineId, ArchiveRoomId};

    fn written(format: ExportFormat, author: &str, text: &str) -> String {
        let at = "2016-02-29T23:59:58Z".parse().expect("a time");
        let line = ArchiveLine {
            id: ArchiveLineId::new(at, 1),
            room: ArchiveRoomId(1),
            at,
            precision: LogPrecision::Exact,
            place: "libera/#tea".to_owned(),
            author: author.to_owned(),
            person: None,
            kind: ArchiveLineKind::Said(MessageKind::Text),
            text: text.to_owned(),
            state: ArchiveLineState::Shown,
        };
        let mut out = Vec::new();
        let mut writer = LineWriter::new(&mut out, format, TimeZone::UTC);
        writer.line(&line).expect("is written");
        writer.end().expect("is written");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn lines_are_written_in_each_format() {
        for (format, author, text, expected) in [
            (
                ExportFormat::Text,
                "ann",
                "\u{2}hi\u{2}\nthere",
                "2016-02-29 23:59:58 <ann> hi\n    there\n",
            ),
            (ExportFormat::Text, "ann", "\u{1b}[2J", "2016-02-29 23:59:58 <ann> ?[2J\n"),
            (
                ExportFormat::Csv,
                "=cmd()",
                "a \"b\", c",
                "56d4db6e0000000000000001,2016-02-29T23:59:58Z,exact,libera/#tea,'=cmd(),text,\"a \"\"b\"\", c\",\r\n",
            ),
            (
                ExportFormat::Json,
                "ann",
                "a \"b\"",
                "{\"id\":\"56d4db6e0000000000000001\",\"at\":\"2016-02-29T23:59:58Z\",\"precision\":\"exact\",\
                 \"place\":\"libera/#tea\",\"author\":\"ann\",\"kind\":\"text\",\"text\":\"a \\\"b\\\"\"}\n",
            ),
            (
                ExportFormat::Html,
                "<b>",
                "<script>alert(1)</script>",
                "<p id=\"56d4db6e0000000000000001\"><time datetime=\"2016-02-29T23:59:58Z\">2016-02-29 23:59:58</time>\
                 &lt;&lt;b&gt;&gt; &lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
            ),
        ] {
            assert_eq!(written(format, author, text), expected);
        }
    }
}
