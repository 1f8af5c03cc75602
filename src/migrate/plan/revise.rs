//! Writes a plan, and writes it again: what was edited stays as it is, with its comments.
//!
//! A section was edited if its values are not those that were proposed, or if there is a comment by somebody else, or
//! `checked = true`. The sections of people and channels that were not edited are proposed anew. The lists of files are
//! only ever added to.

use std::collections::HashSet;

use toml_edit::{DocumentMut, Item, Table};

use super::claims::key_of;
use super::draft::{ChannelDraft, PersonDraft, PlanDraft};
use super::keeping::{FixedClaims, Ids};
use super::old_plan::{GONE, OldPlan, comments_above, old_section, own_comments, tables};
use super::read;
use super::revise_files::revise_files;
use super::text::{
    channel_comments, channel_section, comment, mark_in, mark_of, person_comments, person_section,
    reading_section,
};
use super::{PlannedAccount, PlannedPerson};
use crate::migrate::people::Sureness;

/// A plan as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisedPlan {
    /// The text of the file.
    pub text: String,
    /// How many sections of the old plan stay because they were edited.
    pub kept: usize,
    /// How many sections are about what is no longer in the logs.
    pub vanished: usize,
}

/// Writes the plan. What the old one says and was edited stays.
#[must_use]
pub fn revise(old: Option<&OldPlan>, draft: &PlanDraft) -> RevisedPlan {
    let mut revised = RevisedPlan { text: String::new(), kept: 0, vanished: 0 };
    revised.text = head(old, draft);
    revise_channels(&mut revised, old, &draft.channels);
    revise_people(&mut revised, old, &draft.people);
    revised.text.push_str(&revise_files(old, &draft.channels));
    let rest = old.and_then(|old| old.document.trailing().as_str()).unwrap_or_default();
    revised.text.push_str(&own_comments(rest));
    revised
}

fn head(old: Option<&OldPlan>, draft: &PlanDraft) -> String {
    let mut text: String = draft.summary.iter().map(|line| comment(line)).collect();
    let above = old.and_then(|old| {
        let prefix = old.document.key("version")?.leaf_decor().prefix()?.as_str()?;
        Some(own_comments(prefix))
    });
    text += &above.unwrap_or_default();
    text += &format!("version = {}\n", read::PLAN_VERSION);
    let reading = old.and_then(|old| old.document.get("reading")).and_then(Item::as_table);
    let Some(reading) = reading else {
        let reading = reading_section(&draft.options);
        return if reading.is_empty() { text } else { format!("{text}\n{reading}") };
    };
    let mut reading = reading.clone();
    let options = &draft.options;
    for (key, value) in [("timezone", &options.timezone), ("charset", &options.charset)] {
        let is_there = |value: &str| reading.get(key).and_then(Item::as_str) == Some(value);
        if let Some(value) = value.as_deref().filter(|value| !is_there(value)) {
            reading[key] = toml_edit::value(value);
        }
    }
    if !options.patterns.is_empty() {
        reading["patterns"] =
            toml_edit::value(options.patterns.iter().collect::<toml_edit::Array>());
    }
    reading.set_position(None);
    let mut document = DocumentMut::new();
    document.insert("reading", Item::Table(reading));
    text + &document.to_string()
}

fn revise_channels(revised: &mut RevisedPlan, old: Option<&OldPlan>, channels: &[ChannelDraft]) {
    let mut heading = "The channels, and the rooms that they go to. Remove a room, or write leave_out = true, and \
                       nothing of the channel is brought along."
        .to_owned();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut put = |text: String| {
        let heading = std::mem::take(&mut heading);
        let heading = if heading.is_empty() { heading } else { format!("\n{}", comment(&heading)) };
        revised.text.push_str(&heading);
        revised.text.push_str(&text);
    };
    let mut order: Vec<&ChannelDraft> = channels.iter().collect();
    order.sort_by_key(|channel| (channel.doubts.is_empty(), std::cmp::Reverse(channel.lines)));
    let (mut kept, mut vanished) = (0, 0);
    for channel in order {
        let key = key_of(&channel.network, &channel.channel);
        let before = old.and_then(|old| {
            let is_same =
                |(_, it): &(usize, &super::PlannedChannel)| key_of(&it.network, &it.channel) == key;
            let (at, _) = old.plan.channels.iter().enumerate().find(is_same)?;
            old.is_channel_edited[at].then(|| tables(&old.document, "channel")[at])
        });
        let comments = channel_comments(channel);
        seen.insert(key);
        match before {
            Some(table) => {
                kept += 1;
                put(old_section(table, "channel", &comments));
            }
            None => put(format!("\n{comments}{}", channel_section(channel))),
        }
    }
    if let Some(old) = old {
        for (channel, table) in old.plan.channels.iter().zip(tables(&old.document, "channel")) {
            if !seen.contains(&key_of(&channel.network, &channel.channel)) {
                vanished += 1;
                put(old_section(table, "channel", &comment(GONE)));
            }
        }
    }
    revised.kept += kept;
    revised.vanished += vanished;
}

fn revise_people(revised: &mut RevisedPlan, old: Option<&OldPlan>, people: &[PersonDraft]) {
    let edited: Vec<(usize, &PlannedPerson)> =
        old.map(|old| old.edited_people().collect()).unwrap_or_default();
    let old_people = old.map_or(&[][..], |old| &old.plan.people);
    let old_tables = old.map(|old| tables(&old.document, "person")).unwrap_or_default();
    let claims = FixedClaims::new(&edited);
    let nicks = people.iter().flat_map(|person| &person.nicks);
    let said: HashSet<_> = nicks.map(|nick| key_of(&nick.network, &nick.nick)).collect();
    let staying: Vec<(usize, &PlannedPerson)> =
        old.map(|old| old.staying(&said).collect()).unwrap_or_default();
    let mut ids = Ids::new(old_people, staying.iter().map(|(_, person)| *person));
    // What needs a decision, and what does not.
    let (mut doubtful, mut others) = (String::new(), String::new());
    let mut found = HashSet::new();
    for person in people {
        let before = person.given.and_then(|given| edited.get(given));
        if let Some((at, _)) = before {
            found.insert(*at);
            others.push_str(&edited_section(old_tables[*at], person));
        }
        let Some(person) = beside(person, before.map(|(_, planned)| *planned), &claims) else {
            continue;
        };
        let text = format!(
            "\n{}{}",
            person_comments(&person),
            person_section(&ids.take(&person), &person)
        );
        if person.doubts.is_empty() { others.push_str(&text) } else { doubtful.push_str(&text) }
    }
    for (at, _) in staying.iter().filter(|(at, _)| !found.contains(at)) {
        revised.vanished += 1;
        others.push_str(&old_section(old_tables[*at], "person", &comment(GONE)));
    }
    revised.kept += found.len();
    for (heading, sections) in [(DOUBTFUL, doubtful), (OTHERS, others)] {
        if !sections.is_empty() {
            revised.text.push_str(&format!("\n{}{sections}", comment(heading)));
        }
    }
}

/// About how many people of the plan somebody should decide: those who stand in sections that nobody has edited.
#[must_use]
pub fn undecided_people(old: Option<&OldPlan>, people: &[PersonDraft]) -> usize {
    let edited: Vec<(usize, &PlannedPerson)> =
        old.map(|old| old.edited_people().collect()).unwrap_or_default();
    let claims = FixedClaims::new(&edited);
    let new_section = |person: &PersonDraft| {
        let before = person.given.and_then(|given| edited.get(given));
        beside(person, before.map(|(_, planned)| *planned), &claims)
    };
    people.iter().filter_map(new_section).filter(|person| !person.doubts.is_empty()).count()
}

/// The headings above people.
const DOUBTFUL: &str = "People about whom you should decide. Lines with ? say what is doubtful. Move nicks from one \
                        to another, or write checked = true for what is right.";
const OTHERS: &str = "Everybody else, those who said most first.";

/// A section that was edited, with what is known now above it. The doubts are decided.
fn edited_section(table: &Table, person: &PersonDraft) -> String {
    let decided = PersonDraft { doubts: Vec::new(), ..person.clone() };
    let mark = mark_in(&comments_above(table)).unwrap_or_default().to_owned();
    let comments = person_comments(&decided).replace(&mark_of(&person.decisions()), &mark);
    old_section(table, "person", &comments)
}

/// What of a person stands in a section of its own: all nicks that no edited section has. `None` if there are none.
///
/// Nothing is added to a section that was edited: the administrator may have taken that nick out of it.
fn beside(
    person: &PersonDraft,
    edited: Option<&PlannedPerson>,
    claims: &FixedClaims,
) -> Option<PersonDraft> {
    let nicks = claims.new_nicks(person, edited);
    let main = nicks.first()?;
    let Some(edited) = edited else { return Some(PersonDraft { nicks, ..person.clone() }) };
    Some(PersonDraft {
        name: main.nick.clone(),
        account: PlannedAccount::Bridge,
        sure: Sureness::Doubtful,
        facts: vec![format!("not in the section of {}, which you edited", edited.name)],
        doubts: vec![format!("perhaps the same as {}: move the nicks there if so", edited.name)],
        nicks,
        ..person.clone()
    })
}
