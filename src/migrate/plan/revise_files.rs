//! Writes the lists of logs of a plan again: what is there stays, and new logs are added.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Item, Table, Value};

use super::claims::key_of;
use super::draft::{ChannelDraft, FileDraft};
use super::old_plan::{GONE, OldPlan, old_section, push_line, tables};
use super::text::{comment, file_value, files_section};

/// The lists of logs, the old ones with what is new.
pub(super) fn revise_files(old: Option<&OldPlan>, channels: &[ChannelDraft]) -> String {
    let heading =
        "The logs of each channel. A timezone here is that of the clock of whoever wrote that log.";
    let mut text = format!("\n{}", comment(heading));
    let mut old_lists: BTreeMap<(String, String), Vec<Table>> = BTreeMap::new();
    if let Some(old) = old {
        for table in tables(&old.document, "files") {
            let word = |key: &str| table.get(key).and_then(Item::as_str).unwrap_or_default();
            let key = key_of(word("network"), word("channel"));
            old_lists.entry(key).or_default().push(table.clone());
        }
    }
    for channel in channels {
        let key = key_of(&channel.network, &channel.channel);
        let Some(mut tables) = old_lists.remove(&key) else {
            text.push_str(&format!("\n{}", files_section(channel)));
            continue;
        };
        let listed: BTreeSet<String> = tables.iter().flat_map(listed_files).collect();
        let found: BTreeSet<String> = channel.files.iter().map(file_key).collect();
        if let Some(last) = tables.last_mut() {
            let new = channel.files.iter().filter(|file| !listed.contains(&file_key(file)));
            new.for_each(|file| push_line(last, "list", &file_value(file)));
        }
        for table in &tables {
            let gone = listed_files(table).into_iter().filter(|file| !found.contains(file)).count();
            let comments = match gone {
                0 => String::new(),
                gone => comment(&format!("{gone} of these logs were not read this time.")),
            };
            text.push_str(&old_section(table, "files", &comments));
        }
    }
    for table in old_lists.into_values().flatten() {
        text.push_str(&old_section(&table, "files", &comment(GONE)));
    }
    text
}

/// What tells logs apart: the path, and the channel in a database.
fn file_key(file: &FileDraft) -> String {
    let (network, channel) = file.in_database.clone().unwrap_or_default();
    format!("{}\n{network}\n{channel}", file.path.to_string_lossy())
}

fn listed_files(table: &Table) -> Vec<String> {
    let files = table.get("list").and_then(Item::as_array);
    let word = |file: &Value, key: &str| {
        let value = file.as_inline_table().and_then(|file| file.get(key));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let key = |file: &Value| {
        format!("{}\n{}\n{}", word(file, "path"), word(file, "network"), word(file, "channel"))
    };
    files.map(|files| files.iter().map(key).collect()).unwrap_or_default()
}
