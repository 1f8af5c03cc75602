//! The channels of a plan: their logs, the rooms that they may go to, and what is doubtful about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::known::KnownThings;
use super::read_channel::ReadChannel;
use super::reading::ReadOutcome;
use super::survey::{FoundChannel, LogSurvey, canonical};
use crate::migrate::plan::{
    ChannelDraft, ChannelSpeakers, FileDraft, OldPlan, PersonDraft, ProposedRoom,
    propose_participants, propose_room, said, with_commas,
};
use crate::migrate::reading::{SourceFile, SourceFormat};

/// How many logs of a channel are told one by one.
const MAX_TOLD: usize = 8;

/// Whom the plan names.
#[derive(Clone, Copy)]
pub(super) struct PlanPeople<'a> {
    /// As they are proposed.
    pub(super) people: &'a [PersonDraft],
    /// The plan that is there.
    pub(super) old: Option<&'a OldPlan>,
}

/// The channels that were read.
pub(super) fn drafts(
    survey: &LogSurvey,
    read: &ReadOutcome,
    known: &KnownThings,
    people: PlanPeople<'_>,
    out: &Path,
) -> Vec<ChannelDraft> {
    let folder = folder_of(out);
    let none = ReadChannel::default();
    let draft = |(key, channel): (&(String, String), &FoundChannel)| {
        let read = read.channels.get(key).unwrap_or(&none);
        let mut draft = draft(channel, read, known, &folder);
        if read.was_closed {
            close(&mut draft, read, known, people);
        }
        draft
    };
    let mut drafts: Vec<ChannelDraft> = survey.channels.iter().map(draft).collect();
    note_shared_rooms(&mut drafts, known);
    drafts
}

/// What was said where not everybody could be, not everybody may read.
fn close(
    draft: &mut ChannelDraft,
    read: &ReadChannel,
    known: &KnownThings,
    PlanPeople { people, old }: PlanPeople<'_>,
) {
    let Some(room) = draft.room.clone() else { return };
    let why = "invite-only or had a key at some time (+i, +k)";
    if known.links.iter().any(|link| link.room == room) {
        draft.doubts.push(format!(
            "was {why}: may everybody read it who reads the room {room}? If not, write another room and its participants"
        ));
        return;
    }
    let nicks = &read.speakers;
    let speakers = ChannelSpeakers { network: &draft.network, nicks, said: read.said };
    draft.participants = Some(propose_participants(speakers, people, old));
    draft.doubts.push(format!(
        "was {why}: only the participants will read the room {room}, which are the accounts of those who spoke. Add who is \
         missing; remove the line if everybody may read it"
    ));
}

/// Channels that would go to one room, and no link says so.
fn note_shared_rooms(drafts: &mut [ChannelDraft], known: &KnownThings) {
    let mut of_room: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for draft in drafts.iter() {
        if let Some(room) = &draft.room {
            let name = format!("{}/{}", draft.network, draft.channel);
            of_room.entry(room.clone()).or_default().push(name);
        }
    }
    for draft in drafts {
        let is_linked = |room: &str| known.links.iter().any(|link| link.room == room);
        let Some(room) = draft.room.as_ref().filter(|room| !is_linked(room)) else { continue };
        let own = format!("{}/{}", draft.network, draft.channel);
        let others = of_room.get(room).into_iter().flatten().filter(|other| **other != own);
        let others: Vec<&str> = others.take(MAX_TOLD).map(String::as_str).collect();
        if !others.is_empty() {
            draft.doubts.push(format!(
                "{} would go to the room {room}, too: write another room if they should be apart",
                others.join(" and ")
            ));
        }
    }
}

/// The folder of the plan, to which paths in it are relative.
fn folder_of(out: &Path) -> PathBuf {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    canonical(folder.unwrap_or(Path::new(".")))
}

fn draft(
    channel: &FoundChannel,
    read: &ReadChannel,
    known: &KnownThings,
    folder: &Path,
) -> ChannelDraft {
    let mut facts = vec![logs_text(channel)];
    let mut doubts = channel.doubts.clone();
    let room = (!channel.is_private)
        .then(|| propose_room(&channel.network, &channel.channel, &known.links));
    match &room {
        Some(ProposedRoom { why, room, is_doubtful: true }) => {
            doubts.push(format!("is {room} the right room? It is {why}"));
        }
        Some(ProposedRoom { why, .. }) => facts.push(format!("the room is {why}")),
        None => facts.push("private: it goes into no room".to_owned()),
    }
    if channel.network_names.len() > 1 {
        facts.push(format!("the logs call the network {}", channel.network_names.join(", ")));
    }
    facts.extend(file_facts(channel, read, folder));
    facts.extend(report_facts(read, folder));
    doubts.extend(report_doubts(read, folder));
    ChannelDraft {
        network: channel.network.clone(),
        channel: channel.channel.clone(),
        room: room.map(|it| it.room),
        participants: None,
        is_private: channel.is_private,
        lines: read.messages,
        said: read.said,
        facts,
        doubts,
        files: channel.files.iter().map(|(file, _)| file_draft(file, folder)).collect(),
    }
}

/// `3 logs: 2 irssi, 1 weechat`.
fn logs_text(channel: &FoundChannel) -> String {
    let mut formats: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, _) in &channel.files {
        *formats.entry(format_name(&file.format)).or_default() += 1;
    }
    let count = channel.files.len();
    let formats: Vec<String> =
        formats.iter().map(|(format, count)| format!("{count} {format}")).collect();
    format!("{count} {}: {}", if count == 1 { "log" } else { "logs" }, formats.join(", "))
}

fn format_name(format: &SourceFormat) -> &'static str {
    match format {
        SourceFormat::Text(format) => format.name(),
        SourceFormat::Database { format, .. } => format.name(),
    }
}

/// What is in each log, if they are few; and how much is in several.
fn file_facts(channel: &FoundChannel, read: &ReadChannel, folder: &Path) -> Vec<String> {
    let files = read.files();
    let mut facts = Vec::new();
    if channel.files.len() > 1 && channel.files.len() <= MAX_TOLD {
        for (path, (messages, range)) in &files {
            let name = relative(path, folder);
            facts.push(format!("{}: {}", name.display(), said(*messages, *range)));
        }
    }
    facts.extend(told(read.repeated(), "is in several logs", "are in several logs"));
    facts
}

/// `1 line is …`, `12 lines are …`; nothing if there are none.
fn told(lines: u64, one: &str, several: &str) -> Option<String> {
    match lines {
        0 => None,
        1 => Some(format!("1 line {one}")),
        lines => Some(format!("{} lines {several}", with_commas(lines))),
    }
}

fn report_facts(read: &ReadChannel, folder: &Path) -> Vec<String> {
    let report = &read.report;
    let unknown = read.first_unknown().filter(|_| !has_many_unknown(read));
    let unknown = unknown.and_then(|(path, line, text)| {
        let is_odd = told(report.unknown_lines, "is of no known form", "are of no known form")?;
        Some(format!("{is_odd}, first {}:{line}: {text}", relative(path, folder).display()))
    });
    [
        told(report.recoded_lines, "is not UTF-8", "are not UTF-8"),
        told(report.cut_lines, "is too long, and was cut", "are too long, and were cut"),
        told(
            report.doubtful_lines,
            "could be either an event or an action",
            "could be either an event or an action",
        ),
        unknown,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether so many lines are unknown that the format may be wrong: one in a hundred.
fn has_many_unknown(read: &ReadChannel) -> bool {
    read.report.unknown_lines > 10 && read.report.unknown_lines * 100 > read.messages
}

fn report_doubts(read: &ReadChannel, folder: &Path) -> Vec<String> {
    let mut doubts = Vec::new();
    doubts.extend(read.failures.iter().map(|why| format!("not read to the end: {why}")));
    if let Some((path, line, text)) = read.first_unknown().filter(|_| has_many_unknown(read)) {
        let name = relative(path, folder);
        doubts.push(format!(
            "{} lines are of no known form: is the format right? The first is {}:{line}: {text}",
            with_commas(read.report.unknown_lines),
            name.display()
        ));
    }
    if let Some((path, name)) = &read.report.first_foreign_zone {
        let count = with_commas(read.report.foreign_zones);
        doubts.push(format!(
            "{count} times name another zone, first {name} in {}: they are read in the zone that the plan has for the log. \
             Name the right one with --timezone, or as timezone of the log",
            relative(path, folder).display()
        ));
    }
    if let Some(first) = &read.report.first_bad_row {
        let count = with_commas(read.report.bad_rows);
        doubts.push(format!("{count} rows of a database could not be read, first: {first}"));
    }
    doubts
}

/// A path as the plan says it: relative to the plan, if it is below.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_owned()
}

fn file_draft(file: &SourceFile, folder: &Path) -> FileDraft {
    FileDraft {
        path: relative(&file.path, folder),
        format: format_name(&file.format).to_owned(),
        timezone: file.zone.as_ref().and_then(|zone| zone.iana_name().map(str::to_owned)),
        owner: file.owner.clone(),
        in_database: match &file.format {
            SourceFormat::Database { network, channel, .. } => {
                Some((network.clone(), channel.clone()))
            }
            SourceFormat::Text(_) => None,
        },
    }
}
