//! What an entry of a log is in the archive: the line, its kind, and who said it.

use crate::domain::{LogEntry, LogEvent};
use crate::migrate::letschat::message_id;
use crate::migrate::plan::{Plan, PlannedAccount, PlannedChannel, PlannedPerson};
use crate::store::archive::{
    ArchiveLineId, ArchiveLineKind, ArchiveRoomId, LineOrigin, NewArchiveLine, NewSpeaker,
    PersonMark, PersonMarks,
};

/// Why an entry is no line of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoArchiveLine {
    /// Its person is left out by the plan.
    LeftOut,
    /// Nobody said it.
    Nobody,
    /// It is from before 1970 or after 2106.
    OutOfTime,
}

/// The line of the archive for an entry of a channel, which goes into this room. It has the id of the message that is
/// written for Let's Chat.
///
/// # Errors
/// Why it is none.
pub fn archive_line(
    plan: &Plan,
    channel: &PlannedChannel,
    entry: &LogEntry,
    room: ArchiveRoomId,
) -> Result<NewArchiveLine, NoArchiveLine> {
    let (nick, kind, text) = told(&entry.event).ok_or(NoArchiveLine::Nobody)?;
    let person = plan.speaker_of(&channel.network, nick, entry.at);
    if person.is_left_out {
        return Err(NoArchiveLine::LeftOut);
    }
    let id = message_id(&channel.network, &channel.channel, entry);
    let known = plan.is_known(person);
    Ok(NewArchiveLine {
        id: ArchiveLineId(id.ok_or(NoArchiveLine::OutOfTime)?),
        twin: None,
        room,
        place: format!("{}/{}", channel.network, channel.channel),
        author: Some(NewSpeaker {
            scope: channel.network.clone(),
            name: nick.to_owned(),
            person_name: if known { person.name.clone() } else { nick.to_owned() },
            marks: if known { person_marks(person) } else { nick_mark(&channel.network, nick) },
        }),
        precision: entry.precision,
        kind,
        text,
        origin: LineOrigin::Imported,
    })
}

/// By what a person of a plan is recognised in the archive.
#[must_use]
pub fn person_marks(person: &PlannedPerson) -> PersonMarks {
    let mut sure = vec![PersonMark::Planned { id: person.id.clone(), name: person.name.clone() }];
    if let PlannedAccount::Existing { id: Some(id), .. }
    | PlannedAccount::Made { id: Some(id), .. } = &person.account
    {
        sure.push(PersonMark::User(id.to_string()));
    }
    let nicks = person.nicks.iter();
    // A nick that was somebody else's at times tells nothing of them.
    let own = nicks.filter(|nick| nick.from.is_none() && nick.until.is_none());
    sure.extend(
        own.map(|nick| PersonMark::Nick { network: nick.network.clone(), nick: nick.nick.clone() }),
    );
    PersonMarks { sure, likely: Vec::new() }
}

fn nick_mark(network: &str, nick: &str) -> PersonMarks {
    let mark = PersonMark::Nick { network: network.to_owned(), nick: nick.to_owned() };
    PersonMarks { sure: Vec::new(), likely: vec![mark] }
}

/// Who did what, in words for an event; `None` if nobody did.
fn told<'e>(event: &'e LogEvent) -> Option<(&'e str, ArchiveLineKind, String)> {
    let happened = |nick: &'e str, text| Some((nick, ArchiveLineKind::Event, text));
    match event {
        LogEvent::Message { by, kind, text } => {
            Some((&by.nick, ArchiveLineKind::Said(*kind), text.clone()))
        }
        LogEvent::Join(who) => happened(&who.nick, "joined".to_owned()),
        LogEvent::Part { who, reason } => happened(&who.nick, format!("left{}", because(reason))),
        LogEvent::Quit { who, reason } => happened(&who.nick, format!("quit{}", because(reason))),
        LogEvent::Kick { nick, by, reason } => {
            happened(by, format!("removed {nick}{}", because(reason)))
        }
        LogEvent::Nick { from, to } => happened(&from.nick, format!("is now called {to}")),
        LogEvent::Mode { by, change } => happened(by, format!("changed modes: {change}")),
        LogEvent::Topic { by: Some(by), text } => Some((by, ArchiveLineKind::Topic, text.clone())),
        LogEvent::Topic { by: None, .. } | LogEvent::Client(_) => None,
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
