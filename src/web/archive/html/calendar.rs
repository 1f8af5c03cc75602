//! How much was said in a room: a year, by day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

use super::super::zone;
use super::day::day_jump;
use super::{ArchiveFrame, NamedRoom, lines_in_words, name, number, short};

/// A year of a room.
pub(in super::super) struct CalendarPage<'a> {
    pub(in super::super) frame: &'a ArchiveFrame<'a>,
    pub(in super::super) room: &'a NamedRoom,
    pub(in super::super) year: i16,
    /// How many lines each day has; days without lines are left out.
    pub(in super::super) days: &'a BTreeMap<Date, u64>,
}

impl CalendarPage<'_> {
    /// The whole page.
    pub(in super::super) fn document(&self) -> String {
        let (frame, room) = (self.frame, &self.room.room);
        let total = self.days.values().sum();
        let today = room.last.map_or(zone::year(self.year).0, |last| frame.zone.day(last));
        let main = html! {
            h1 { (name(&self.room.name)) ": " (self.year) }
            div.row {
                span { (lines_in_words(total)) " on " (number(self.days.len() as u64)) " days" }
                (day_jump(frame, self.room, today))
            }
            (self.years())
            div.year { @for month in 1..=12 { (self.month(month)) } }
            // Those who cannot see the colours are told the numbers.
            p.legend aria-hidden="true" {
                "Fewer lines " span.d1 {} span.d2 {} span.d3 {} span.d4 {} " more"
            }
        };
        let title = format!("{}, {} – Archive", short(&self.room.name), self.year);
        frame.document(&title, &main)
    }

    /// The years from the first line to the last.
    fn years(&self) -> Markup {
        let (frame, room) = (self.frame, &self.room.room);
        let year_of = |at| frame.zone.day(at).year();
        let (Some(first), Some(last)) = (room.first.map(year_of), room.last.map(year_of)) else {
            return html! {};
        };
        html! {
            nav.years aria-label="Years" {
                @for year in first..=last {
                    @if year == self.year { b aria-current="page" { (year) } }
                    @else { a href=(frame.site.year(room.id, year)) { (year) } }
                }
            }
        }
    }

    fn month(&self, month: i8) -> Markup {
        let (days, before) = zone::month(self.year, month);
        let Some(first) = days.first().copied() else { return html! {} };
        let mut cells: Vec<Option<Date>> = vec![None; usize::try_from(before).unwrap_or(0)];
        cells.extend(days.iter().copied().map(Some));
        let total = days.iter().filter_map(|day| self.days.get(day)).sum();
        html! {
            table.month {
                caption { (first.strftime("%B").to_string()) " " span { (lines_in_words(total)) } }
                thead {
                    tr {
                        @for (short, long) in WEEKDAYS { th scope="col" { abbr title=(long) { (short) } } }
                    }
                }
                tbody { @for week in cells.chunks(7) { tr { @for day in week { (self.cell(*day)) } } } }
            }
        }
    }

    fn cell(&self, day: Option<Date>) -> Markup {
        let Some(day) = day else { return html! { td {} } };
        let Some(count) = self.days.get(&day).copied() else {
            return html! { td { (day.day()) } };
        };
        let busiest = self.days.values().copied().max().unwrap_or(1);
        let said = format!("{}: {}", day.strftime("%-d %B"), lines_in_words(count));
        html! {
            td class=(level(count, busiest)) {
                a href=(self.frame.site.day(self.room.room.id, day)) title=(said) aria-label=(said) { (day.day()) }
            }
        }
    }
}

const WEEKDAYS: [(&str, &str); 7] = [
    ("Mo", "Monday"),
    ("Tu", "Tuesday"),
    ("We", "Wednesday"),
    ("Th", "Thursday"),
    ("Fr", "Friday"),
    ("Sa", "Saturday"),
    ("Su", "Sunday"),
];

/// How dark a day is: by the order of magnitude, compared with the busiest of the year.
fn level(count: u64, busiest: u64) -> &'static str {
    // Counts of lines are far below what `f64` holds exactly.
    let part = ((count + 1) as f64).ln() / ((busiest + 1) as f64).ln();
    match part {
        part if part > 0.85 => "d4",
        part if part > 0.65 => "d3",
        part if part > 0.4 => "d2",
        _ => "d1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busier_days_are_darker() {
        for (count, busiest, class) in [
            (1, 1, "d4"),
            (1, 1_000, "d1"),
            (30, 1_000, "d2"),
            (200, 1_000, "d3"),
            (999, 1_000, "d4"),
        ] {
            assert_eq!(level(count, busiest), class, "{count} of {busiest}");
        }
    }
}
