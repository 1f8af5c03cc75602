//! One object with all lines. A file that was cut off is not valid.

use jiff::civil::Date;
use serde::Serialize;

use super::super::zone::PageZone;
use super::{ExportHead, kind, precision};
use crate::store::archive::{ArchiveLine, ArchiveLineState};

#[derive(Serialize)]
struct JsonLine<'a> {
    id: String,
    time: String,
    precision: &'static str,
    place: &'a str,
    author: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<i64>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<JsonRedaction<'a>>,
}

#[derive(Serialize)]
struct JsonRedaction<'a> {
    at: String,
    by: &'a str,
    reason: Option<&'a str>,
}

pub(super) fn begin(head: &ExportHead, zone: &PageZone, out: &mut String) {
    let day = |day: Option<Date>| value(&day.map(|it| it.to_string()));
    out.push_str(&format!(
        "{{\"room\":{},\"from\":{},\"to\":{},\"time_zone\":{},\"lines\":[",
        value(&head.slug),
        day(head.from),
        day(head.to),
        value(zone.name()),
    ));
}

pub(super) fn line(line: &ArchiveLine, zone: &PageZone, is_first: bool, out: &mut String) {
    out.push_str(if is_first { "\n" } else { ",\n" });
    let redacted = match &line.state {
        ArchiveLineState::Shown => None,
        ArchiveLineState::Redacted { at, by, reason } => {
            Some(JsonRedaction { at: zone.full(*at), by, reason: reason.as_deref() })
        }
    };
    out.push_str(&value(&JsonLine {
        id: line.id.to_string(),
        time: zone.full(line.at),
        precision: precision(line),
        place: &line.place,
        author: &line.author,
        person: line.person.map(|it| it.0),
        kind: kind(line),
        text: redacted.is_none().then_some(line.text.as_str()),
        redacted,
    }));
}

pub(super) fn end(written: u64, out: &mut String) {
    out.push_str(&format!("\n],\"count\":{written}}}\n"));
}

fn value<T: Serialize + ?Sized>(value: &T) -> String {
    // Text and numbers can always be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::ExportFormat;
    use super::super::tests::{file, line, redacted};

    #[test]
    fn file_is_one_object() {
        let evil = "\"}]</script>\u{0}\u{2}\u{2028}";
        for lines in [vec![], vec![line(evil, evil)], vec![line("ann", "x"), redacted()]] {
            let json = file(ExportFormat::Json, &lines);
            let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(
                (read["room"].as_str(), read["from"].as_str()),
                (Some("tea"), Some("2014-07-01"))
            );
            assert_eq!(read["to"], serde_json::Value::Null);
            assert_eq!(read["count"], lines.len());
            assert_eq!(read["lines"].as_array().map(Vec::len), Some(lines.len()));
            for (written, line) in read["lines"].as_array().into_iter().flatten().zip(&lines) {
                assert_eq!(written["author"], line.author.as_str());
                assert_eq!(written["time"], "2014-07-01T12:11:12.345+02:00");
                assert_eq!(written["text"].is_null(), line.text.is_empty());
            }
        }
        let json = file(ExportFormat::Json, &[redacted()]);
        assert!(json.contains(r#""by":"keeper","reason":"asked to""#), "{json}");
    }
}
