//! A plan that is there already, and what of it an administrator has edited.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::text::{OURS, mark_in, mark_of};
use super::{Plan, PlanError, PlannedChannel, PlannedNick, PlannedPerson, read};
use crate::migrate::people::{GivenNick, GivenPerson};

/// What is said of what was in the logs once.
pub(super) const GONE: &str =
    "No longer in the logs that were read. Remove this section if it is not needed.";

/// A plan that is there already.
#[derive(Debug)]
pub struct OldPlan {
    /// What it says.
    pub plan: Plan,
    pub(super) document: DocumentMut,
    /// Of each person and channel, whether it was edited.
    pub(super) is_person_edited: Vec<bool>,
    pub(super) is_channel_edited: Vec<bool>,
}

impl OldPlan {
    /// The text of the plan in the file `path`.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn read_file(path: &Path) -> Result<String, PlanError> {
        read::read_file(path)
    }

    /// Reads the plan in `text`, which stands in `file`.
    ///
    /// # Errors
    /// The mistakes in it: nothing of it may be lost.
    pub fn parse(file: &str, text: &str) -> Result<Self, PlanError> {
        let directory = Path::new(file).parent().unwrap_or(Path::new(""));
        let plan = read::parse(file, text, directory)?;
        let document: DocumentMut = text.parse().unwrap_or_default();
        let edited = |name: &str, decisions: Vec<String>| -> Vec<bool> {
            let tables = tables(&document, name);
            tables.iter().zip(decisions).map(|(table, it)| is_edited(table, &it)).collect()
        };
        let people = plan.people.iter().map(PlannedPerson::decisions).collect();
        let channels = plan.channels.iter().map(PlannedChannel::decisions);
        let is_person_edited = edited("person", people);
        let is_channel_edited = edited("channel", channels.collect());
        Ok(Self { plan, document, is_person_edited, is_channel_edited })
    }

    /// The people whom the administrator edited, and the numbers of their sections.
    pub(super) fn edited_people(&self) -> impl Iterator<Item = (usize, &PlannedPerson)> {
        self.plan.people.iter().enumerate().filter(|(at, _)| self.is_person_edited[*at])
    }

    /// Whom the administrator put together.
    #[must_use]
    pub fn given(&self) -> Vec<GivenPerson> {
        let nick = |nick: &PlannedNick| GivenNick {
            network: nick.network.clone(),
            nick: nick.nick.clone(),
            from: nick.from,
            until: nick.until,
        };
        self.edited_people()
            .map(|(_, person)| GivenPerson { nicks: person.nicks.iter().map(nick).collect() })
            .collect()
    }
}

/// The `[[name]]` sections of a document.
pub(super) fn tables<'d>(document: &'d DocumentMut, name: &str) -> Vec<&'d Table> {
    let tables = document.get(name).and_then(Item::as_array_of_tables);
    tables.map(|tables| tables.iter().collect()).unwrap_or_default()
}

fn is_edited(table: &Table, decisions: &str) -> bool {
    let comments = comments_above(table);
    let is_checked = table.get("checked").and_then(Item::as_bool) == Some(true);
    let is_own = |line: &str| line.trim_start().starts_with(OURS) || line.trim().is_empty();
    let body = section(&without_decor(table), "x");
    is_checked
        || body.contains('#')
            && body.lines().any(|line| line.split('"').step_by(2).any(|it| it.contains('#')))
        || !comments.lines().all(is_own)
        || mark_in(&comments) != Some(mark_of(decisions).as_str())
}

/// What stands above a section.
pub(super) fn comments_above(table: &Table) -> String {
    table.decor().prefix().and_then(|it| it.as_str()).unwrap_or_default().to_owned()
}

fn without_decor(table: &Table) -> Table {
    let mut table = table.clone();
    table.decor_mut().clear();
    table
}

/// A section as text, with what stands above it.
fn section(table: &Table, name: &str) -> String {
    let mut tables = ArrayOfTables::new();
    let mut table = table.clone();
    table.set_position(None);
    tables.push(table);
    let mut document = DocumentMut::new();
    document.insert(name, Item::ArrayOfTables(tables));
    document.to_string()
}

/// The lines that the administrator wrote.
pub(super) fn own_comments(comments: &str) -> String {
    let own = comments.lines().filter(|line| !line.trim_start().starts_with(OURS));
    let own: Vec<&str> = own.skip_while(|line| line.trim().is_empty()).collect();
    own.iter().map(|line| format!("{line}\n")).collect::<String>()
}

/// An old section with the program's comments above it made new.
pub(super) fn old_section(table: &Table, name: &str, comments: &str) -> String {
    let mut table = table.clone();
    let own = own_comments(&comments_above(&table));
    table.decor_mut().set_prefix(format!("\n{comments}{own}"));
    section(&table, name)
}

/// Adds a value to a list, on a line of its own.
pub(super) fn push_line(table: &mut Table, key: &str, value: &str) {
    let Ok(mut value) = value.parse::<Value>() else { return };
    let list =
        table.entry(key).or_insert_with(|| Item::Value(Value::Array(toml_edit::Array::new())));
    let Some(list) = list.as_array_mut() else { return };
    value.decor_mut().set_prefix("\n  ");
    // What follows the last value, such as a comment, stays behind it.
    list.push_formatted(value);
    list.set_trailing_comma(true);
    if !list.trailing().as_str().unwrap_or_default().contains('\n') {
        list.set_trailing("\n");
    }
}
