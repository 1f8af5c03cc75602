//! Writes a plan, and writes it again: what was edited stays as it is, with its comments.
//!
//! A section was edited if its values are not those that were proposed, or if there is a comment by somebody else, or
//! `checked = true`. The sections of people and channels that were not edited are proposed anew. The lists of files are
//! only ever added to.

use std::collections::HashSet;

use toml_edit::{DocumentMut, Item};

use super::claims::key_of;
use super::draft::{ChannelDraft, PersonDraft, PlanDraft};
use super::keeping::{FixedClaims, Ids};
use super::old_plan::{
    GONE, OldPlan, comments_above, old_section, own_comments, push_line, tables,
};
use super::read;
use super::revise_files::revise_files;
use super::text::{
    channel_comments, channel_section, comment, mark_in, mark_of, nick_value, person_comments,
    person_section, reading_section,
};
use super::{PlannedNick, PlannedPerson};

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
    for (key, value) in [
        ("timezone", &options.timezone),
        ("charset", &options.charset),
        ("pattern", &options.pattern),
    ] {
        if let Some(value) = value {
            reading[key] = toml_edit::value(value.as_str());
        }
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
    let claims = FixedClaims::new(&edited);
    let mut ids = Ids::new(old.map_or(&[], |old| &old.plan.people), &edited);
    // What needs a decision, and what does not.
    let (mut doubtful, mut others) = (String::new(), String::new());
    let mut found: HashSet<usize> = HashSet::new();
    let mut said: HashSet<(String, String)> = HashSet::new();
    for person in people {
        said.extend(person.nicks.iter().map(|nick| key_of(&nick.network, &nick.nick)));
        let comments = person_comments(person);
        let before = person.given.and_then(|given| edited.get(given));
        let text = if let (Some((at, planned)), Some(old)) = (before, old) {
            found.insert(*at);
            let mut table = tables(&old.document, "person")[*at].clone();
            for nick in claims.new_nicks(person, Some(planned)) {
                push_line(&mut table, "nicks", &nick_value(&nick));
            }
            let mark = mark_in(&comments_above(&table)).unwrap_or_default().to_owned();
            let comments = comments.replace(&mark_of(&person.decisions()), &mark);
            others.push_str(&old_section(&table, "person", &comments));
            continue;
        } else {
            let nicks = claims.new_nicks(person, None);
            if nicks.is_empty() {
                continue;
            }
            let person = PersonDraft { nicks, ..person.clone() };
            let comments = person_comments(&person);
            format!("\n{comments}{}", person_section(&ids.take(&person), &person))
        };
        if person.doubts.is_empty() { others.push_str(&text) } else { doubtful.push_str(&text) }
    }
    if let Some(old) = old {
        for (at, (person, table)) in
            old.plan.people.iter().zip(tables(&old.document, "person")).enumerate()
        {
            let is_said = |nick: &PlannedNick| said.contains(&key_of(&nick.network, &nick.nick));
            let is_edited = old.is_person_edited[at];
            if !found.contains(&at) && (is_edited || !person.nicks.iter().any(is_said)) {
                revised.vanished += 1;
                others.push_str(&old_section(table, "person", &comment(GONE)));
            }
        }
    }
    revised.kept += found.len();
    if !doubtful.is_empty() {
        let heading = "People about whom you should decide. Lines with ? say what is doubtful. Move nicks from one to \
                       another, or write checked = true for what is right.";
        revised.text.push_str(&format!("\n{}{doubtful}", comment(heading)));
    }
    if !others.is_empty() {
        let heading = "Everybody else, those who said most first.";
        revised.text.push_str(&format!("\n{}{others}", comment(heading)));
    }
}
