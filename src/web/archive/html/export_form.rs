//! The form of the export.

use maud::html;

use super::super::query::{DayField, TypedFields};
use super::search::{day_field, room_choice};
use super::{ArchiveFrame, NamedRoom};

/// The formats: their name in addresses, and for people.
pub(in super::super) const FORMATS: [(&str, &str); 4] = [
    ("txt", "Text: one line each, as IRC clients log"),
    ("csv", "CSV, for spreadsheets"),
    ("json", "JSON, for programs"),
    ("html", "HTML: a page of its own, for browsers"),
];

/// The form, with what was typed so far, and why there is no export.
pub(in super::super) fn export_page(
    frame: &ArchiveFrame<'_>,
    rooms: &[NamedRoom],
    typed: &TypedFields,
    problem: Option<&str>,
) -> String {
    let (from, to): (DayField, DayField) = (typed.day("from"), typed.day("to"));
    let main = html! {
        h1 { "Export" }
        @if let Some(problem) = problem { p.alert role="alert" { (problem) } }
        @if rooms.is_empty() { p { "The archive has nothing of a room that you may read on Let's Chat." } }
        form.card method="get" action=(frame.site.page("export/file")) {
            div.fields {
                div.field.wide { label for="room" { "Room" } (room_choice(rooms, typed.room("room"), None)) }
                (day_field("from", "From", &from.text))
                (day_field("to", "To", &to.text))
                div.field.wide {
                    label for="format" { "Format" }
                    select id="format" name="format" {
                        @for (value, label) in FORMATS {
                            option value=(value) selected[typed.text("format") == value] { (label) }
                        }
                    }
                }
                div.field { button { "Download" } }
            }
            p.hint {
                "Without days, all is exported. Days are those in " (frame.zone.name()) ", both included. What was taken out of the archive is listed as \
                 such, without its text."
            }
        }
    };
    frame.document("Export – Archive", &main)
}
