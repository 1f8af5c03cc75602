//! A line each, as IRC clients log.

use super::super::zone::PageZone;
use super::taken_out;
use crate::domain::{LogPrecision, MessageKind};
use crate::store::archive::{ArchiveLine, ArchiveLineKind};
use crate::translate;

pub(super) fn line(line: &ArchiveLine, zone: &PageZone, out: &mut String) {
    let sign = if line.precision == LogPrecision::Guessed { "~" } else { "" };
    let time = zone.full(line.at);
    let author = one_line(&line.author);
    let text = taken_out(line, zone).unwrap_or_else(|| translate::plain(&line.text).into_owned());
    let intro = match line.kind {
        ArchiveLineKind::Said(MessageKind::Text) => format!("<{author}> "),
        ArchiveLineKind::Said(MessageKind::Action) => format!("* {author} "),
        ArchiveLineKind::Said(MessageKind::Notice) => format!("-{author}- "),
        ArchiveLineKind::Topic => format!("-!- {author} changed the topic: "),
        ArchiveLineKind::Event => format!("-!- {author} "),
    };
    let mut lines = text.lines();
    out.push_str(&format!("{sign}{time} {intro}{}\n", lines.next().unwrap_or_default()));
    // More of the same message cannot look like another.
    lines.for_each(|more| out.push_str(&format!("    {more}\n")));
}

fn one_line(text: &str) -> String {
    translate::plain(text).replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, line, redacted};
    use super::super::{ExportFormat, ExportWriter};
    use super::*;

    #[test]
    fn lines_cannot_be_forged() {
        let _: fn(_, _, _) -> ExportWriter = ExportWriter::new;
        let action = ArchiveLine {
            kind: ArchiveLineKind::Said(MessageKind::Action),
            precision: LogPrecision::Guessed,
            ..line("ann", "waves")
        };
        let text = file(
            ExportFormat::Text,
            &[line("ann\n<bob>", "hi\n2014-07-01T12:11:12.345+02:00 <bob> no"), action, redacted()],
        );
        assert_eq!(
            text,
            "2014-07-01T12:11:12.345+02:00 <ann <bob>> hi\n    2014-07-01T12:11:12.345+02:00 <bob> no\n\
             ~2014-07-01T12:11:12.345+02:00 * ann waves\n\
             2014-07-01T12:11:12.345+02:00 <ann> [taken out by keeper on 2020-01-01 01:00: asked to]\n"
        );
    }
}
