//! A page of its own, which loads nothing.

use maud::{DOCTYPE, PreEscaped, html};

use super::super::zone::{self, PageZone};
use super::{ExportHead, kind, taken_out};
use crate::domain::MessageKind;
use crate::store::archive::{ArchiveLine, ArchiveLineKind};
use crate::translate;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\
h2{font-size:1.1rem;margin:1.2rem 0 .2rem}\
p{margin:.1rem 0;white-space:pre-wrap}\
time{opacity:.75;font-variant-numeric:tabular-nums}\
.event,.topic{font-style:italic}\
@media print{body{font-size:10pt;padding:0;max-width:none}p{break-inside:avoid}}";

pub(super) fn begin(head: &ExportHead, zone: &PageZone, out: &mut String) {
    let title = format!("{}, {}", head.room, head.days());
    let intro = html! {
        (DOCTYPE)
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { (title) }
        style { (PreEscaped(STYLE)) }
        h1 { (title) }
        p { "Times are in " (zone.name()) ". Times without seconds, or with ~, are not exact." }
    };
    out.push_str(&intro.into_string());
    out.push('\n');
}

pub(super) fn line(line: &ArchiveLine, zone: &PageZone, is_new_day: bool, out: &mut String) {
    let is_action = line.kind == ArchiveLineKind::Said(MessageKind::Action);
    let text = taken_out(line, zone).unwrap_or_else(|| translate::plain(&line.text).into_owned());
    let line = html! {
        @if is_new_day { h2 { (zone::words(zone.day(line.at))) } }
        p id={ "l-" (line.id) } class=(kind(line)) {
            time datetime=(zone.full(line.at)) { (zone.clock(line.at, line.precision)) }
            " "
            @if is_action { "* " }
            b { bdi { (translate::plain(&line.author)) } }
            " "
            @if line.kind == ArchiveLineKind::Topic { "Topic: " }
            bdi { (text) }
        }
    };
    out.push_str(&line.into_string());
    out.push('\n');
}

pub(super) fn end(written: u64, out: &mut String) {
    out.push_str(&html! { p { (written) " lines." } }.into_string());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::ExportFormat;
    use super::super::tests::{file, line, redacted};

    #[test]
    fn nothing_that_was_said_is_markup() {
        let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'";
        let page = file(ExportFormat::Html, &[line(evil, evil), redacted()]);
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("<b><b>"),
            "{page}"
        );
        assert!(page.contains("<h1>Tea &lt;b&gt;, since 2014-07-01</h1>"), "{page}");
        assert!(page.contains("[taken out by keeper on 2020-01-01 01:00: asked to]"), "{page}");
        assert_eq!(page.matches("<h2>Tuesday, 1 July 2014</h2>").count(), 1);
    }
}
