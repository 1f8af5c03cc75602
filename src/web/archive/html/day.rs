//! A day in a room, and a line in its context.

use jiff::civil::Date;
use maud::{Markup, html};

use super::super::zone::words;
use super::lines::{LineStyle, list};
use super::search::other_names;
use super::{ArchiveFrame, NamedRoom, name, short};
use crate::store::archive::{ArchiveLine, ArchiveLineId, ArchivePerson};

/// A day in a room, or a part of it.
pub(in super::super) struct DayPage<'a> {
    pub(in super::super) frame: &'a ArchiveFrame<'a>,
    pub(in super::super) room: &'a NamedRoom,
    pub(in super::super) day: Date,
    pub(in super::super) lines: &'a [ArchiveLine],
    /// Those who speak in these lines.
    pub(in super::super) people: &'a [ArchivePerson],
    /// The first line of this page, if the day has lines before it.
    pub(in super::super) until: Option<ArchiveLineId>,
    /// The first line of the next page of the day.
    pub(in super::super) from: Option<ArchiveLineId>,
    /// The last day before this one on which something was said, and the first after it.
    pub(in super::super) neighbours: (Option<Date>, Option<Date>),
}

/// A line in its context.
pub(in super::super) struct ContextPage<'a> {
    pub(in super::super) frame: &'a ArchiveFrame<'a>,
    pub(in super::super) room: &'a NamedRoom,
    pub(in super::super) line: &'a ArchiveLine,
    pub(in super::super) lines: &'a [ArchiveLine],
    /// Those who speak in these lines.
    pub(in super::super) people: &'a [ArchivePerson],
    /// How many lines around it are shown on the next larger page; `None` for the largest.
    pub(in super::super) more: Option<usize>,
}

impl DayPage<'_> {
    /// The whole page.
    pub(in super::super) fn document(&self) -> String {
        let (frame, room) = (self.frame, &self.room.room);
        let style = LineStyle { has_places: room.channels.len() > 1, ..LineStyle::default() };
        let main = html! {
            h1 { (name(&self.room.name)) ": " (words(self.day)) }
            div.row {
                (self.neighbour(self.neighbours.0, "← "))
                a href=(frame.site.year(room.id, self.day.year())) { "Calendar" }
                (self.neighbour(self.neighbours.1, "→ "))
                (day_jump(frame, self.room, self.day))
            }
            @if let Some(line) = self.until {
                p { a.button.second href=(frame.site.day_until(room.id, self.day, line)) { "Earlier on this day" } }
            }
            @if self.lines.is_empty() { p.note { "Nothing is in the archive of this day." } }
            @else { (list(frame, self.lines, style)) }
            @if let Some(line) = self.from {
                p { a.button.second href=(frame.site.day_from(room.id, self.day, line)) { "Later on this day" } }
            }
            (people(self.people))
            div.row {
                (self.neighbour(self.neighbours.0, "← "))
                (self.neighbour(self.neighbours.1, "→ "))
                a.push href={ (frame.site.page("export")) "?room=" (room.id.0) "&from=" (self.day) "&to=" (self.day) } {
                    "Export this day"
                }
            }
        };
        let title = format!("{}, {} – Archive", short(&self.room.name), self.day);
        frame.document(&title, &main)
    }

    fn neighbour(&self, day: Option<Date>, arrow: &str) -> Markup {
        html! {
            @if let Some(day) = day {
                a href=(self.frame.site.day(self.room.room.id, day)) { (arrow) (day) }
            }
        }
    }
}

impl ContextPage<'_> {
    /// The whole page.
    pub(in super::super) fn document(&self) -> String {
        let (frame, room, line) = (self.frame, &self.room.room, self.line);
        let day = frame.zone.day(line.at);
        let style =
            LineStyle { here: Some(line.id), has_places: room.channels.len() > 1, has_days: true };
        let of_day = self.lines.iter().find(|it| frame.zone.day(it.at) == day);
        let main = html! {
            h1 { (name(&self.room.name)) ": " (words(day)) }
            div.row {
                @if let Some(first) = of_day {
                    a href={ (frame.site.day_from(room.id, day, first.id)) "#l-" (line.id) } { "This day from here on" }
                }
                a href=(frame.site.day(room.id, day)) { "The whole day" }
                @if let Some(more) = self.more {
                    a href={ (frame.site.line(line.id)) "?lines=" (more) "#l-" (line.id) } { "More around it" }
                }
                a.push href=(frame.site.line(line.id)) { "Address of this line" }
            }
            (list(frame, self.lines, style))
            (people(self.people))
        };
        let title = format!("{}, {} – Archive", short(&self.room.name), frame.zone.minute(line.at));
        frame.document(&title, &main)
    }
}

/// The form that leads to another day.
pub(super) fn day_jump(frame: &ArchiveFrame<'_>, room: &NamedRoom, day: Date) -> Markup {
    html! {
        form.push method="get" action=(frame.site.room(room.room.id)) {
            div.field {
                label.off for="date" { "Another day" }
                input id="date" name="date" type="date" value=(day) min="1970-01-01" max="2999-12-31" required
                    autocomplete="off";
            }
            button.second { "Go to this day" }
        }
    }
}

/// Those who speak on the page, with all their names.
fn people(people: &[ArchivePerson]) -> Markup {
    html! {
        @if people.iter().any(|it| it.names.len() > 1) {
            details {
                summary { "People on this page, with all their names" }
                ul.names { @for person in people { li { (name(&person.name)) (other_names(person)) } } }
            }
        }
    }
}
