//! Reads a plan, and checks each value and how they fit together.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use toml_edit::{Document, TableLike};

use super::claims::{Claims, key_of};
use super::fields::{PlanTable, PlanText, PlanValue, sections};
use super::mistake::{PlanError, PlanMistake};
use super::participants::{check_rooms, read_participants};
use super::read_people::{nobody, read_people};
use super::{Plan, PlannedChannel, PlannedFile, PlannedFormat, PlannedReading};
use crate::domain::{DatabaseFormat, ObjectId, is_room_slug};
use crate::migrate::formats::{LinePattern, LogFormat};

/// The largest plan that is read, in bytes: some 100,000 people.
const MAX_LEN_PLAN: u64 = 128 * 1024 * 1024;

/// The version of plans that this program writes and reads.
pub(super) const PLAN_VERSION: i64 = 1;

/// The sections of a plan.
const SECTIONS: &[&str] = &["version", "reading", "channel", "person", "files"];

/// The keys of a channel.
const CHANNEL_KEYS: &[&str] =
    &["network", "channel", "room", "participants", "private", "leave_out", "checked"];

/// The text of a plan.
pub(super) fn read_file(path: &Path) -> Result<String, PlanError> {
    let unreadable = |error| PlanError::Unreadable { path: path.to_owned(), error };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_LEN_PLAN + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_LEN_PLAN {
        let error = "it has more than 128 MiB, which no plan has: name the file that \
                     `letsbridge import plan` wrote";
        return Err(unreadable(io::Error::other(error)));
    }
    String::from_utf8(text).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        let mistake = PlanMistake {
            line: Some(line),
            key: String::new(),
            problem: "this is not UTF-8".to_owned(),
            help: "save the file as UTF-8".to_owned(),
        };
        PlanError::Mistakes { file: path.display().to_string(), mistakes: vec![mistake] }
    })
}

/// Reads a plan. Paths in it are relative to `directory`.
pub(super) fn parse(file: &str, text: &str, directory: &Path) -> Result<Plan, PlanError> {
    let failed = |mistakes| PlanError::Mistakes { file: file.to_owned(), mistakes };
    let plan_text = PlanText::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let mistake = PlanMistake {
                line: error.span().map(|span| plan_text.line(span.start)),
                key: String::new(),
                problem: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
                help: "fix this first; nothing else has been read".to_owned(),
            };
            return Err(failed(vec![mistake]));
        }
    };
    let root = PlanTable::new(&plan_text, String::new(), Some(0), document.as_table());
    root.check_keys(SECTIONS);
    check_version(&root);
    let reading = read_reading(&plan_text, document.as_table());
    let mut channels = read_channels(&plan_text, document.as_table());
    read_files(&plan_text, document.as_table(), &mut channels, directory);
    let mut claims = Claims::default();
    let people = read_people(&plan_text, document.as_table(), &mut claims);
    let mistakes = plan_text.into_mistakes();
    if !mistakes.is_empty() {
        return Err(failed(mistakes));
    }
    let channels = channels.into_iter().map(|(channel, _)| channel).collect();
    Ok(Plan { reading, channels, people, claims, nobody: nobody() })
}

fn check_version(root: &PlanTable<'_>) {
    match root.get("version") {
        None => root.missing("version", "write a plan with `letsbridge import plan`"),
        Some(value) if value.quoted() != PLAN_VERSION.to_string() => value.note(
            format!("this program reads version {PLAN_VERSION}, not {}", value.quoted()),
            "make the plan again with `letsbridge import plan`".to_owned(),
        ),
        Some(_) => {}
    }
}

fn read_reading(text: &PlanText, root: &dyn TableLike) -> PlannedReading {
    let Some(item) = root.get("reading") else { return PlannedReading::default() };
    let start = item.span().map(|span| span.start);
    let Some(table) = item.as_table_like() else {
        let line = start.map(|byte| text.line(byte));
        text.note(line, "reading", "is no section".to_owned(), "write [reading]".to_owned());
        return PlannedReading::default();
    };
    let table = PlanTable::new(text, "reading".to_owned(), start, table);
    table.check_keys(&["timezone", "charset", "patterns"]);
    let patterns = table.items("patterns", "a list, like [\"[%H:%M] <{nick}> {text}\"]");
    let charset = table.get("charset");
    let label = charset.as_ref().and_then(PlanValue::string);
    if let (Some(value), Some(label)) = (&charset, &label)
        && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
    {
        value.mistake("the name of a charset, like \"windows-1252\"");
    }
    PlannedReading {
        timezone: table.zone("timezone"),
        charset: label,
        patterns: patterns.iter().filter_map(read_pattern).collect(),
    }
}

fn read_pattern(value: &PlanValue<'_>) -> Option<String> {
    let pattern = value.string()?;
    if let Err(error) = pattern.parse::<LinePattern>() {
        let help = "see docs/import-logs.md for how patterns are written".to_owned();
        value.note(error.to_string(), help);
    }
    Some(pattern)
}

/// The channels, each with its line.
type ReadChannels = Vec<(PlannedChannel, Option<usize>)>;

fn read_channels(text: &PlanText, root: &dyn TableLike) -> ReadChannels {
    let mut channels: ReadChannels = Vec::new();
    let mut seen: HashMap<(String, String), Option<usize>> = HashMap::new();
    for table in sections(text, root, "channel") {
        table.check_keys(CHANNEL_KEYS);
        let network = table.needed("network", "write the network's name");
        let name = table.needed("channel", "write the channel's name");
        let (Some(network), Some(channel)) = (network, name) else { continue };
        if let Some(other) = seen.insert(key_of(&network, &channel), table.line) {
            let first = other.map_or_else(String::new, |line| format!(" (line {line})"));
            let help = "put both into one section, and their files into one list".to_owned();
            let problem = format!("{network}/{channel} is there already{first}");
            text.note(table.line, &table.key("channel"), problem, help);
            continue;
        }
        let is_private = table.flag("private");
        let room = read_room(&table, &channel, is_private);
        let participants = read_participants(&table, is_private);
        table.flag("checked");
        let is_left_out = table.flag("leave_out");
        let files = Vec::new();
        let channel =
            PlannedChannel { network, channel, room, participants, is_private, is_left_out, files };
        channels.push((channel, table.line));
    }
    check_rooms(text, &channels);
    channels
}

fn read_room(table: &PlanTable<'_>, channel: &str, is_private: bool) -> Option<String> {
    let value = table.get("room")?;
    // Let's Chat writes slugs and ids in lower case.
    let room = value.string()?.to_lowercase();
    if is_private {
        value.note(
            "this log is private, and nothing of it may go where others read it".to_owned(),
            "remove the room".to_owned(),
        );
    } else if !channel.starts_with(['#', '&', '+', '!']) {
        value.note(
            format!("{channel:?} is the name of no channel: nothing of a private log may go where others read it"),
            "remove the room, or write the channel's whole name, such as \"#tea\"".to_owned(),
        );
    } else if !is_room_slug(&room) && room.parse::<ObjectId>().is_err() {
        value.mistake("the slug of a room (a-z, 0-9, - and _), or remove the line for no room");
    }
    Some(room)
}

fn read_files(
    text: &PlanText,
    root: &dyn TableLike,
    channels: &mut ReadChannels,
    directory: &Path,
) {
    let mut index: HashMap<(String, String), usize> = HashMap::new();
    for (at, (channel, _)) in channels.iter().enumerate() {
        index.insert(key_of(&channel.network, &channel.channel), at);
    }
    let mut seen: HashMap<String, Option<usize>> = HashMap::new();
    for table in sections(text, root, "files") {
        table.check_keys(&["network", "channel", "list"]);
        let network = table.needed("network", "write the network of a [[channel]]");
        let name = table.needed("channel", "write the name of a [[channel]]");
        let files =
            table.items("list", "a list, like [{ path = \"tea.log\", format = \"irssi\" }]");
        let (Some(network), Some(name)) = (network, name) else { continue };
        let Some(at) = index.get(&key_of(&network, &name)) else {
            let problem = format!("there is no [[channel]] for {network}/{name}");
            let help = "write its network and channel as in its section".to_owned();
            text.note(table.line, &table.key("channel"), problem, help);
            continue;
        };
        for value in files {
            let Some(file) = read_planned_file(&value, directory) else { continue };
            // One database holds many channels, and one of each is enough.
            let name = format!("{:?} {:?}", file.path, file.kind);
            if let Some(other) = seen.insert(name, value.line) {
                let first = other.map_or_else(String::new, |line| format!(" (line {line})"));
                let problem = format!("this log is there already{first}");
                value.note(problem, "remove one of the two".to_owned());
            }
            channels[*at].0.files.push(file);
        }
    }
}

fn read_planned_file(value: &PlanValue<'_>, directory: &Path) -> Option<PlannedFile> {
    let Some(table) = value.table() else {
        value.mistake("{ path = \"…\", format = \"…\" }");
        return None;
    };
    table.check_keys(&["path", "format", "timezone", "first_day", "owner", "network", "channel"]);
    let path = table.needed("path", "write where the log is")?;
    let format = table.needed("format", "write the format of the log")?;
    let (network, channel) = (table.string("network"), table.string("channel"));
    let (timezone, first_day) = (table.zone("timezone"), table.day("first_day"));
    let owner = table.string("owner");
    let kind = if let Ok(format) = format.parse::<DatabaseFormat>() {
        let (Some(network), Some(channel)) = (network, channel) else {
            table.missing("channel", "write network and channel as the database calls them");
            return None;
        };
        PlannedFormat::Database { format, network, channel }
    } else if let Ok(format) = format.parse::<LogFormat>() {
        PlannedFormat::Text(format)
    } else {
        let names = LogFormat::ALL.iter().map(|it| it.name());
        let names: Vec<&str> =
            names.chain(DatabaseFormat::ALL.iter().map(|it| it.name())).collect();
        if let Some(value) = table.get("format") {
            value.mistake(&format!("one of {}", names.join(", ")));
        }
        return None;
    };
    Some(PlannedFile { path: directory.join(path), kind, timezone, first_day, owner })
}
