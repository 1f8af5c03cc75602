//! What `letsbridge progress` must say, counted from the record by the rules that `docs/progress.md` tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::record::{Fate, Record, Side};

/// Whose lines are whose, beside the names themselves.
pub(super) struct Directory {
    /// Every nick and user, with the person.
    pub(super) persons: BTreeMap<String, String>,
    /// Those with an account of their own.
    pub(super) linked: BTreeSet<String>,
    /// The programs.
    pub(super) bots: BTreeSet<String>,
}

/// The figures of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Figures {
    /// The lines of each person, on IRC and in the room.
    pub(super) people: BTreeMap<String, (u64, u64)>,
    pub(super) bots: BTreeMap<String, (u64, u64)>,
    pub(super) linked: BTreeSet<String>,
    /// All lines of people, on IRC and in the room, and of bots, as the weeks have them.
    pub(super) weeks: (u64, u64, u64, u64),
    /// How many are only on IRC, only in the room, on both sides, and have moved.
    pub(super) states: (u64, u64, u64, u64),
    pub(super) arrived: u64,
    pub(super) phase: String,
    pub(super) suggested: String,
}

impl Directory {
    /// The figures of a link in this phase, from what was said.
    pub(super) fn expected(&self, record: &Record, link: usize, phase: &str) -> Figures {
        let mut figures = Figures { phase: phase.to_owned(), ..Figures::default() };
        for line in record.0.iter().filter(|line| line.link == link) {
            if matches!(line.fate, Fate::Lost | Fate::Perhaps { .. }) {
                continue;
            }
            let person = self.persons.get(&line.who).unwrap_or(&line.who).clone();
            let is_bot = self.bots.contains(&person);
            let all = if is_bot { &mut figures.bots } else { &mut figures.people };
            let (irc, room) = all.entry(person).or_default();
            let (weeks_irc, weeks_room, bots_irc, bots_room) = &mut figures.weeks;
            match (line.side, is_bot) {
                (Side::Irc, false) => (*irc += 1, *weeks_irc += 1),
                (Side::Room, false) => (*room += 1, *weeks_room += 1),
                (Side::Irc, true) => (*irc += 1, *bots_irc += 1),
                (Side::Room, true) => (*room += 1, *bots_room += 1),
            };
        }
        figures.linked =
            figures.people.keys().filter(|it| self.linked.contains(*it)).cloned().collect();
        for (name, lines) in &figures.people {
            let (only_irc, only_room, both, moved) = &mut figures.states;
            *match (lines.0 > 0, lines.1 > 0) {
                (true, false) => only_irc,
                (true, true) => both,
                (false, _) if self.linked.contains(name) => moved,
                (false, _) => only_room,
            } += 1;
        }
        let has_arrived =
            |(name, it): &(&String, &(u64, u64))| it.1 > 0 || self.linked.contains(*name);
        figures.arrived = figures.people.iter().filter(has_arrived).count() as u64;
        figures.suggested = suggested(&figures).to_owned();
        figures
    }

    /// The figures of a link from a report.
    pub(super) fn counted(&self, report: &Value, link: usize) -> Figures {
        let link = &report["links"][link];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
        let mut figures = Figures {
            phase: text(&link["phase"]),
            suggested: text(&link["suggestion"]["phase"]),
            arrived: number(&link["recent"]["arrived"]),
            ..Figures::default()
        };
        let list = |name: &str| link[name].as_array().cloned().unwrap_or_default();
        for it in list("people") {
            let names = it["names"].as_array().into_iter().flatten().map(text);
            let persons: BTreeSet<String> =
                names.map(|name| self.persons.get(&name).cloned().unwrap_or(name)).collect();
            // Two persons in one are a mistake that shows.
            let person = persons.into_iter().collect::<Vec<_>>().join("+");
            let lines = |side: &str| number(&it[side]["lines"]);
            let known = figures.people.entry(person.clone()).or_default();
            *known = (known.0 + lines("irc"), known.1 + lines("letschat"));
            if it["linked"] == "user_map" {
                figures.linked.insert(person);
            }
        }
        for it in list("bots") {
            let lines = |side: &str| number(&it[side]["lines"]);
            figures.bots.insert(text(&it["name"]), (lines("irc"), lines("letschat")));
        }
        for week in list("weeks") {
            let (irc, room, bots_irc, bots_room) = &mut figures.weeks;
            *irc += number(&week["irc"]["lines"]);
            *room += number(&week["letschat"]["lines"]);
            *bots_irc += number(&week["irc_bot_lines"]);
            *bots_room += number(&week["letschat_bot_lines"]);
        }
        let recent = |name: &str| number(&link["recent"][name]);
        figures.states =
            (recent("only_irc"), recent("only_letschat"), recent("both"), recent("moved"));
        figures
    }
}

/// The phase that the documented thresholds lead to.
fn suggested(figures: &Figures) -> &'static str {
    let percent = |part: u64, all: u64| (part * 100).checked_div(all).unwrap_or(0);
    let (irc, room, ..) = figures.weeks;
    let people = figures.people.len() as u64;
    let by_people = percent(figures.arrived, people);
    let by_lines = percent(room, irc + room);
    let is_enough = irc + room >= 20;
    let on_irc = figures.people.values().filter(|it| it.0 > 0).count();
    let is_back = on_irc >= 2 && is_enough && percent(irc, irc + room) >= 25;
    match figures.phase.as_str() {
        "together" if is_enough && (by_people >= 33 || by_lines >= 25) => "moving",
        "together" => "together",
        "moving" if is_enough && by_people >= 90 && by_lines >= 90 => "irc_read_only",
        "irc_read_only" if is_back => "moving",
        "irc_read_only" if by_lines >= 98 && figures.states.0 == 0 => "closed",
        "closed" if is_back => "irc_read_only",
        "moving" => "moving",
        "irc_read_only" => "irc_read_only",
        _ => "closed",
    }
}
