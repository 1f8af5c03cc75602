//! Textual: `[2008-07-09T16:13:30+1200] <@nick> text`. Its events have no mark, but its actions do.

use jiff::civil::DateTime;

use super::scan::{
    angled, bare_nick, dashed, enclosed, is_nick, iso_date_time, nick_and_rest, userhost,
};
use super::stamp::offset;
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenLine, WrittenTime};

/// Reads a line.
pub(super) fn parse(line: &str) -> WrittenLine {
    let is_session = ["Begin Session", "End Session"].iter().any(|words| line.contains(words));
    if line.trim().is_empty() || is_session && !line.starts_with('[') {
        return WrittenLine::Nothing;
    }
    let stamp = line.strip_prefix('[').and_then(iso_date_time);
    let Some((date, time, rest)) = stamp else { return WrittenLine::Unknown };
    let Some((offset, rest)) = offset(rest) else { return WrittenLine::Unknown };
    let Some(said) = rest.strip_prefix("] ") else { return WrittenLine::Unknown };
    match offset.to_timestamp(DateTime::from_parts(date, time)) {
        Ok(at) => WrittenLine::Entry {
            time: WrittenTime::Moment(at),
            event: event(said).unwrap_or_else(|| client(said)),
        },
        Err(_) => WrittenLine::Unknown,
    }
}

fn event(said: &str) -> Option<LogEvent> {
    if said.starts_with('<') {
        let (nick, rest) = angled(said)?;
        return Some(text(nick, rest.strip_prefix(' ').unwrap_or(rest)));
    }
    if let Some(did) = said.strip_prefix("• ") {
        let (nick, did) = did.split_once(": ").or_else(|| Some((did.strip_suffix(':')?, "")))?;
        return Some(action(bare_nick(nick)?, did));
    }
    if said.starts_with('-') {
        let (nick, rest) = dashed(said)?;
        return Some(notice(nick, rest));
    }
    let (nick, did) = nick_and_rest(said)?;
    let (who, did) = match userhost(did, "(", ")") {
        Some((userhost, did)) => (known(nick, Some(userhost)), did),
        None => (speaker(nick), did),
    };
    if without_stop(did) == "joined the channel" {
        return Some(LogEvent::Join(who));
    }
    if let Some(reason) = did.strip_prefix("left the channel") {
        return Some(part(who, closing(reason)?));
    }
    if let Some(reason) = did.strip_prefix("left IRC") {
        return Some(quit(who, closing(reason)?));
    }
    if let Some(new) = did.strip_prefix("is now known as ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(change) = did.strip_prefix("sets mode") {
        return Some(mode(nick, change.strip_prefix(':').unwrap_or(change).strip_prefix(' ')?));
    }
    if let Some(new) = did.strip_prefix("changed the topic to") {
        return Some(topic(nick, new.strip_prefix(':').unwrap_or(new).strip_prefix(' ')?));
    }
    let (kicked, reason) = did.strip_prefix("kicked ")?.split_once(" from the channel")?;
    is_nick(kicked).then(|| Some(kick(kicked, nick, closing(reason)?)))?
}

/// The reason in what ends an event: ` (reason)`, `. (reason)`, `.` or nothing.
fn closing(end: &str) -> Option<&str> {
    let end = end.strip_prefix('.').unwrap_or(end);
    if end.is_empty() { Some("") } else { enclosed(end, " (", ")") }
}

fn without_stop(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}
