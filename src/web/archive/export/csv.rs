//! RFC 4180, with cells that no spreadsheet takes for a formula.

use std::borrow::Cow;

use super::super::zone::PageZone;
use super::{kind, precision, taken_out};
use crate::store::archive::ArchiveLine;
use crate::translate;

/// What a cell may not begin with; the wide forms, too, which some spreadsheets take for the narrow ones.
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

pub(super) fn begin(out: &mut String) {
    row(
        ["time", "precision", "place", "author", "kind", "text", "address"].map(Cow::Borrowed),
        out,
    );
}

pub(super) fn line(line: &ArchiveLine, zone: &PageZone, out: &mut String) {
    let text = match taken_out(line, zone) {
        Some(text) => Cow::Owned(text),
        None => translate::plain(&line.text),
    };
    row(
        [
            zone.full(line.at).into(),
            precision(line).into(),
            translate::plain(&line.place),
            translate::plain(&line.author),
            kind(line).into(),
            text,
            line.id.to_string().into(),
        ],
        out,
    );
}

fn row<const N: usize>(cells: [Cow<'_, str>; N], out: &mut String) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        quote(cell, out);
    }
    out.push_str("\r\n");
}

/// A cell in quotes. One that a spreadsheet would take for a formula begins with an apostrophe.
fn quote(cell: &str, out: &mut String) {
    out.push('"');
    if cell.starts_with(FORMULAS) {
        out.push('\'');
    }
    for character in cell.chars() {
        if character == '"' {
            out.push('"');
        }
        out.push(character);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::ExportFormat;
    use super::super::tests::{file, line, redacted};
    use super::*;

    #[test]
    fn formulas_are_harmless_and_quotes_doubled() {
        for (cell, quoted) in [
            ("", "\"\""),
            ("tea, please", "\"tea, please\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("＝1", "\"'＝1\""),
            ("a=1", "\"a=1\""),
        ] {
            let mut out = String::new();
            quote(cell, &mut out);
            assert_eq!(out, quoted, "{cell}");
        }
    }

    #[test]
    fn rows_have_the_same_cells() {
        let csv = file(ExportFormat::Csv, &[line("=ann", "@a,\"b\"\u{2}c"), redacted()]);
        let id = line("", "").id;
        assert_eq!(
            csv,
            format!(
                "\"time\",\"precision\",\"place\",\"author\",\"kind\",\"text\",\"address\"\r\n\
                 \"2014-07-01T12:11:12.345+02:00\",\"exact\",\"libera/#tea\",\"'=ann\",\"message\",\"'@a,\"\"b\"\"c\",\"{id}\"\r\n\
                 \"2014-07-01T12:11:12.345+02:00\",\"exact\",\"libera/#tea\",\"ann\",\"message\",\
                 \"[taken out by keeper on 2020-01-01 01:00: asked to]\",\"{id}\"\r\n"
            )
        );
    }
}
