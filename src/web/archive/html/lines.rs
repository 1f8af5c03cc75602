//! Lines as they were said.

use std::ops::Range;

use maud::{Markup, html};

use super::super::zone::doubt;
use super::{ArchiveFrame, name};
use crate::domain::MessageKind;
use crate::store::archive::{ArchiveLine, ArchiveLineId, ArchiveLineKind, ArchiveLineState};
use crate::translate;

/// The most that is shown of a line, in bytes.
const MAX_LEN_TEXT: usize = 10_000;

/// The most that is shown of a line that was found, in bytes before and after the first hit.
const AROUND_HIT: usize = 400;

/// How lines are shown on a page.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct LineStyle {
    /// The line that the page is about.
    pub(in super::super) here: Option<ArchiveLineId>,
    /// Whether each says where it was said: the room has several channels.
    pub(in super::super) has_places: bool,
    /// Whether days begin with their date.
    pub(in super::super) has_days: bool,
}

/// A list of lines.
pub(in super::super) fn list(
    frame: &ArchiveFrame<'_>,
    lines: &[ArchiveLine],
    style: LineStyle,
) -> Markup {
    let mut last_day = None;
    html! {
        ol.lines {
            @for line in lines {
                @let day = frame.zone.day(line.at);
                @if style.has_days && last_day.replace(day) != Some(day) {
                    li.day { a href=(frame.site.day(line.room, day)) { (super::super::zone::words(day)) } }
                }
                (item(frame, line, style))
            }
        }
    }
}

fn item(frame: &ArchiveFrame<'_>, line: &ArchiveLine, style: LineStyle) -> Markup {
    let is_here = style.here == Some(line.id);
    let is_event = !matches!(line.kind, ArchiveLineKind::Said(_));
    let is_gone = line.state != ArchiveLineState::Shown;
    html! {
        li id={ "l-" (line.id) } .here[is_here] .event[is_event] .gone[is_gone] aria-current=[is_here.then_some("true")] {
            (time(frame, line))
            span.who { (author(frame, line)) }
            span.text dir="auto" {
                @if style.has_places { span.place { (name(&line.place)) } }
                (text(frame, line, &[]))
            }
        }
    }
}

/// When it was said, which leads to its stable address.
pub(in super::super) fn time(frame: &ArchiveFrame<'_>, line: &ArchiveLine) -> Markup {
    let full = frame.zone.full(line.at);
    let title = match doubt(line.precision) {
        Some(doubt) => format!("{full} – {doubt}"),
        None => full.clone(),
    };
    html! {
        a.at href=(frame.site.line(line.id)) title=(title) {
            time datetime=(full) { (frame.zone.clock(line.at, line.precision)) }
        }
    }
}

/// Who said it, which leads to all their names.
pub(in super::super) fn author(frame: &ArchiveFrame<'_>, line: &ArchiveLine) -> Markup {
    let star = match line.kind {
        ArchiveLineKind::Said(MessageKind::Action) => "* ",
        _ => "",
    };
    html! {
        (star)
        @match line.person {
            Some(person) if !line.author.is_empty() => a href=(frame.site.person(person)) { (name(&line.author)) },
            _ => (name(&line.author)),
        }
    }
}

/// What was said, or that it was taken out.
pub(in super::super) fn text(
    frame: &ArchiveFrame<'_>,
    line: &ArchiveLine,
    marks: &[Range<usize>],
) -> Markup {
    if let ArchiveLineState::Redacted { at, by, reason } = &line.state {
        return html! {
            "[taken out by " (name(by)) " on " (frame.zone.minute(*at))
            @if let Some(reason) = reason { ": " (name(reason)) }
            "]"
        };
    }
    let label = match line.kind {
        ArchiveLineKind::Said(MessageKind::Notice) => "Notice: ",
        ArchiveLineKind::Topic => "Topic: ",
        _ => "",
    };
    html! { (label) (marked(&line.text, shown_part(&line.text, marks), marks)) }
}

/// The part of a text that is shown: the beginning, or what is around the first hit.
fn shown_part(text: &str, marks: &[Range<usize>]) -> Range<usize> {
    let (start, end) = match marks.first() {
        Some(mark) if text.len() > 3 * AROUND_HIT => {
            (mark.start.saturating_sub(AROUND_HIT), mark.end.saturating_add(AROUND_HIT))
        }
        Some(_) => (0, text.len()),
        None => (0, MAX_LEN_TEXT),
    };
    text.ceil_char_boundary(start)..text.floor_char_boundary(end)
}

/// This part of a text, with the hits in it marked.
fn marked(text: &str, part: Range<usize>, marks: &[Range<usize>]) -> Markup {
    let mut pieces = Vec::new();
    let mut done = part.start;
    for mark in marks {
        let mark = mark.start.max(done)..mark.end.min(part.end);
        let (Some(before), Some(hit)) = (text.get(done..mark.start), text.get(mark.clone())) else {
            continue;
        };
        if !hit.is_empty() {
            pieces.push((before, hit));
            done = mark.end;
        }
    }
    html! {
        @if part.start > 0 { "… " }
        @for (before, hit) in pieces { (linked(before)) mark { (translate::plain(hit)) } }
        (linked(text.get(done..part.end).unwrap_or_default()))
        @if part.end < text.len() { " … " span.place { "(shortened: the export has the rest)" } }
    }
}

/// A text without formatting, with web addresses as links, which send no referrer.
fn linked(text: &str) -> Markup {
    let text = &*translate::plain(text);
    let mut done = 0;
    let mut pieces = Vec::new();
    for (address, leads_to) in translate::web_pages(text) {
        pieces.push((&text[done..address.start], &text[address.clone()], leads_to));
        done = address.end;
    }
    html! {
        @for (before, address, leads_to) in pieces {
            (before)
            a href=(leads_to) rel="noopener nofollow noreferrer" { (address) }
        }
        (text[done..])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "a list of one range")]
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, marks: &[Range<usize>]) -> String {
        marked(text, shown_part(text, marks), marks).into_string()
    }

    #[test]
    fn hits_are_marked_and_nothing_is_markup() {
        for (text, marks, html) in [
            ("a tea b", vec![2..5], "a <mark>tea</mark> b"),
            ("<b>tea</b>", vec![3..6], "&lt;b&gt;<mark>tea</mark>&lt;/b&gt;"),
            ("tea tea", vec![0..3, 4..7], "<mark>tea</mark> <mark>tea</mark>"),
            ("<i>", vec![0..3], "<mark>&lt;i&gt;</mark>"),
            // What cannot be is passed over.
            ("é", vec![1..2], "é"),
            ("tea", vec![Range { start: 2, end: 1 }, 5..9], "tea"),
        ] {
            assert_eq!(shown(text, &marks), html, "{text}");
        }
    }

    #[test]
    fn addresses_are_links_without_referrer() {
        let html = shown("see http://a.example/?x=\"><script> javascript:alert(1)", &[]);
        assert!(html.contains("href=\"http://a.example/"), "{html}");
        assert!(html.contains("rel=\"noopener nofollow noreferrer\""), "{html}");
        assert!(!html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
    }

    #[test]
    fn long_text_is_shortened_around_the_hit() {
        let text = format!("{}needle{}", "é".repeat(5_000), "é".repeat(50_000));
        let html = shown(&text, &[10_000..10_006]);
        assert!(html.starts_with("… é") && html.contains("<mark>needle</mark>é"), "{html}");
        assert!(html.len() < 1_000 && html.contains("shortened"));
        assert!(shown(&text, &[]).len() < 11_000);
    }

    proptest! {
        #[test]
        fn only_our_own_tags_are_on_the_page(
            text in "[<>&\"'a-zé/ \u{2}]{0,60}",
            marks in proptest::collection::vec(0_usize..60, 0..6),
        ) {
            let mut marks = marks;
            marks.sort_unstable();
            let marks: Vec<Range<usize>> = marks.chunks_exact(2).map(|it| it[0]..it[1]).collect();
            let html = shown(&text, &marks);
            let own = html.matches("<mark>").count() + html.matches("</mark>").count();
            prop_assert_eq!(html.matches('<').count(), own);
        }
    }
}
