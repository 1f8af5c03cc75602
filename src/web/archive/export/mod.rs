//! A range of a room as a file, written while it is sent.

mod csv;
mod json;
mod page;
mod text;

use jiff::civil::Date;

use super::zone::PageZone;
use crate::domain::{LogPrecision, MessageKind};
use crate::store::archive::{ArchiveLine, ArchiveLineKind, ArchiveLineState};

/// The formats of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A line each, as IRC clients log.
    Text,
    /// RFC 4180.
    Csv,
    /// One object with all lines.
    Json,
    /// A page of its own.
    Html,
}

/// What a file is about.
#[derive(Debug, Clone)]
pub struct ExportHead {
    /// The name of the room.
    pub room: String,
    /// The slug of the room, for the name of the file.
    pub slug: String,
    /// The first day; `None` for the beginning.
    pub from: Option<Date>,
    /// The last day; `None` for all.
    pub to: Option<Date>,
}

/// Writes the parts of a file.
#[derive(Debug)]
pub struct ExportWriter {
    format: ExportFormat,
    head: ExportHead,
    zone: PageZone,
    written: u64,
    day: Option<Date>,
}

impl ExportFormat {
    /// The format with this name in an address.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "txt" => Some(Self::Text),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "html" => Some(Self::Html),
            _ => None,
        }
    }

    /// Its media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

impl ExportHead {
    /// The name of the file: letters, digits, `-` and `_` alone.
    pub(super) fn file_name(&self, format: ExportFormat) -> String {
        let is_plain = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
        let slug: String = self.slug.chars().filter(is_plain).take(60).collect();
        let mut name = if slug.is_empty() { "archive".to_owned() } else { slug };
        for day in self.from.iter().chain(&self.to) {
            name.push_str(&format!("_{day}"));
        }
        format!("{name}.{}", format.extension())
    }

    /// The days in words.
    fn days(&self) -> String {
        match (self.from, self.to) {
            (None, None) => "all days".to_owned(),
            (Some(from), None) => format!("since {from}"),
            (None, Some(to)) => format!("until {to}"),
            (Some(from), Some(to)) if from == to => from.to_string(),
            (Some(from), Some(to)) => format!("{from} to {to}"),
        }
    }
}

impl ExportWriter {
    /// A writer of one file, with times in `zone`.
    #[must_use]
    pub fn new(format: ExportFormat, head: ExportHead, zone: PageZone) -> Self {
        Self { format, head, zone, written: 0, day: None }
    }

    /// What comes before the lines.
    pub fn begin(&self, out: &mut String) {
        match self.format {
            ExportFormat::Text => {}
            ExportFormat::Csv => csv::begin(out),
            ExportFormat::Json => json::begin(&self.head, &self.zone, out),
            ExportFormat::Html => page::begin(&self.head, &self.zone, out),
        }
    }

    /// A line.
    pub fn line(&mut self, line: &ArchiveLine, out: &mut String) {
        let is_first = self.written == 0;
        self.written += 1;
        match self.format {
            ExportFormat::Text => text::line(line, &self.zone, out),
            ExportFormat::Csv => csv::line(line, &self.zone, out),
            ExportFormat::Json => json::line(line, &self.zone, is_first, out),
            ExportFormat::Html => {
                let day = self.zone.day(line.at);
                let is_new = self.day.replace(day) != Some(day);
                page::line(line, &self.zone, is_new, out);
            }
        }
    }

    /// What comes after the lines.
    pub fn end(&self, out: &mut String) {
        match self.format {
            ExportFormat::Text | ExportFormat::Csv => {}
            ExportFormat::Json => json::end(self.written, out),
            ExportFormat::Html => page::end(self.written, out),
        }
    }
}

/// The kind of a line in one word.
fn kind(line: &ArchiveLine) -> &'static str {
    match line.kind {
        ArchiveLineKind::Said(MessageKind::Text) => "message",
        ArchiveLineKind::Said(MessageKind::Action) => "action",
        ArchiveLineKind::Said(MessageKind::Notice) => "notice",
        ArchiveLineKind::Topic => "topic",
        ArchiveLineKind::Event => "event",
    }
}

/// How exact a time is, in one word.
fn precision(line: &ArchiveLine) -> &'static str {
    match line.precision {
        LogPrecision::Exact => "exact",
        LogPrecision::Minute => "minute",
        LogPrecision::Guessed => "guessed",
    }
}

/// That a line was taken out, in words.
fn taken_out(line: &ArchiveLine, zone: &PageZone) -> Option<String> {
    let ArchiveLineState::Redacted { at, by, reason } = &line.state else { return None };
    let reason = reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
    Some(format!("[taken out by {by} on {}{reason}]", zone.minute(*at)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::archive::{ArchiveLineId, ArchiveRoomId};

    pub(super) fn line(author: &str, text: &str) -> ArchiveLine {
        let at = "2014-07-01T10:11:12.345Z".parse().expect("a time");
        ArchiveLine {
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
        }
    }

    pub(super) fn redacted() -> ArchiveLine {
        let (at, by) = ("2020-01-01T00:00:00Z".parse().expect("a time"), "keeper".to_owned());
        let state = ArchiveLineState::Redacted { at, by, reason: Some("asked to".to_owned()) };
        ArchiveLine { state, ..line("ann", "") }
    }

    pub(super) fn zone() -> PageZone {
        PageZone::new(jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"))
    }

    pub(super) fn file(format: ExportFormat, lines: &[ArchiveLine]) -> String {
        let head = ExportHead {
            room: "Tea <b>".to_owned(),
            slug: "tea".to_owned(),
            from: "2014-07-01".parse().ok(),
            to: None,
        };
        let mut writer = ExportWriter::new(format, head, zone());
        let mut out = String::new();
        writer.begin(&mut out);
        lines.iter().for_each(|line| writer.line(line, &mut out));
        writer.end(&mut out);
        out
    }

    #[test]
    fn name_of_the_file_is_harmless() {
        let day = |text: &str| text.parse().ok();
        for (slug, from, to, name) in [
            ("tea", None, None, "tea.csv"),
            ("tea_2", day("2014-01-02"), day("2014-02-03"), "tea_2_2014-01-02_2014-02-03.csv"),
            ("../\"\r\nX", None, None, "X.csv"),
            ("茶", None, None, "archive.csv"),
        ] {
            let head = ExportHead { room: String::new(), slug: slug.to_owned(), from, to };
            assert_eq!(head.file_name(ExportFormat::Csv), name);
        }
    }
}
