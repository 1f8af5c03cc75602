//! irssi: `13:59 <@bob> hi`, its default theme.

use jiff::civil::Time;

use super::scan::{
    angled, bare_nick, ctime, dashed, dashed_to_channel, enclosed, is_channel, is_nick, is_to_some,
    nick_and_rest, without_channel,
};
use super::stamp::{enclosed_zoned_stamp, zoned_stamp};
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::{LogEvent, LogSpeaker};
use crate::migrate::written::WrittenLine;

/// Reads a line.
pub(super) fn parse(line: &str) -> WrittenLine {
    if line.is_empty() {
        return WrittenLine::Nothing;
    }
    if let Some(marker) = line.strip_prefix("--- ") {
        return day(marker);
    }
    // `log_timestamp` may be anything: with a date, in brackets.
    let stamp = zoned_stamp(line).or_else(|| enclosed_zoned_stamp(line, "[", "]"));
    let Some((time, rest)) = stamp else {
        return WrittenLine::Unknown;
    };
    // Messages without text end with the sign before it.
    let Some(said) = rest.strip_prefix(' ') else { return WrittenLine::Unknown };
    if let Some(events) = said.strip_prefix("-!- ").and_then(netsplit) {
        return WrittenLine::Several { time, events };
    }
    match event(said).filter(|_| !is_to_some(said)) {
        Some(event) => WrittenLine::Entry { time, event },
        None => WrittenLine::Nothing,
    }
}

/// `Netsplit a.net <-> b.net quits: bob, @carl (+2 more, use /NETSPLIT to show all of them)`, and later `Netsplit over, joins: …`.
fn netsplit(told: &str) -> Option<Vec<LogEvent>> {
    let told = told.strip_prefix("Netsplit ")?;
    let (nicks, servers) = match told.strip_prefix("over, joins: ") {
        Some(nicks) => (nicks, None),
        None => {
            let (servers, nicks) = told.split_once(" quits: ")?;
            (nicks, Some(servers.replace(" <-> ", " ")))
        }
    };
    let nicks = nicks.split_once(" (+").map_or(nicks, |(nicks, _)| nicks.trim_end_matches(','));
    let event = |nick| match &servers {
        // As the server says it.
        Some(servers) => quit(speaker(nick), servers),
        None => LogEvent::Join(speaker(nick)),
    };
    nicks.split(", ").map(|nick| bare_nick(nick.trim_end()).map(event)).collect()
}

/// `Log opened Sat Oct 25 23:57:16 2025`, `Day changed Sun Oct 26 2025`, `Log closed …`. The words may be in another
/// language: what begins a log and what ends it differ in whether a day begins, which does no harm.
fn day(marker: &str) -> WrittenLine {
    if marker.starts_with("Log closed") {
        return WrittenLine::Nothing;
    }
    let words: Vec<&str> = marker.split_ascii_whitespace().take(12).collect();
    let found = (0..words.len()).find_map(|at| ctime(&words[at..].join(" ")));
    match found {
        Some((date, time)) => {
            let time: Option<Time> = time.filter(|_| !marker.starts_with("Day changed"));
            WrittenLine::Day { date, time }
        }
        None => WrittenLine::Unknown,
    }
}

/// None for what was said to the writer alone.
fn event(said: &str) -> Option<LogEvent> {
    match said.as_bytes().first() {
        Some(b'<') => {
            if let Some((nick, rest)) = angled(said) {
                return Some(text(nick, rest.strip_prefix(' ').unwrap_or(rest)));
            }
        }
        Some(b'-') => {
            if let Some(told) = said.strip_prefix("-!- ") {
                return Some(announcement(told).unwrap_or_else(|| client(told)));
            }
            if let Some((nick, rest)) = dashed_to_channel(said) {
                return Some(notice(nick, rest));
            }
            // `-bob(~u@h)- psst`
            if said.contains(")- ") || dashed(said).is_some() {
                return None;
            }
        }
        Some(b' ') => {
            if let Some(did) = said.strip_prefix(" * ") {
                let (nick, did) = did.split_once(' ').unwrap_or((did, ""));
                if let Some(nick) = bare_nick(without_channel(nick)) {
                    return Some(action(nick, did));
                }
            }
        }
        // `[bob(~u@h)] psst`, `[msg(bob)] psst`
        Some(b'[') if said.contains(")] ") => return None,
        _ => {}
    }
    Some(client(said))
}

/// What stands behind `-!- `.
fn announcement(told: &str) -> Option<LogEvent> {
    if told.starts_with("Irssi: ") {
        return None;
    }
    if let Some(change) = told.strip_prefix("mode/").or_else(|| told.strip_prefix("ServerMode/")) {
        let (_channel, change) = change.split_once(" [")?;
        let (change, by) = change.rsplit_once("] by ")?;
        return Some(mode(by, change));
    }
    if let Some(unset) = told.strip_prefix("Topic unset by ") {
        return Some(topic(nick_and_rest(unset)?.0, ""));
    }
    let (nick, did) = nick_and_rest(told)?;
    if let Some(new) = did.strip_prefix("is now known as ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(changed) = did.strip_prefix("changed the topic of ") {
        let (_channel, new) = changed.split_once(" to: ").or_else(|| {
            // Removed by a client that sends an empty topic.
            changed.strip_suffix(" to:").map(|channel| (channel, ""))
        })?;
        return Some(topic(nick, new));
    }
    if let Some(kicked) = did.strip_prefix("was kicked from ") {
        let (_channel, by) = kicked.split_once(" by ")?;
        let (by, reason) = nick_and_rest(by)?;
        return Some(kick(nick, by, bracketed(reason)?));
    }
    came_or_left(nick, did)
}

/// `[~u@h] has joined #team`, where irssi 1.3 and later may also name an account before it.
fn came_or_left(nick: &str, did: &str) -> Option<LogEvent> {
    let (who, did) = describe(nick, did);
    if let Some(channel) = did.strip_prefix("has joined ") {
        return is_channel(channel).then_some(LogEvent::Join(who));
    }
    if let Some(left) = did.strip_prefix("has left ") {
        let (channel, reason) = left.split_once(' ').unwrap_or((left, ""));
        return is_channel(channel).then(|| bracketed(reason).map(|why| part(who, why)))?;
    }
    let reason = did.strip_prefix("has quit")?;
    Some(quit(who, bracketed(reason.strip_prefix(' ').unwrap_or(reason))?))
}

fn describe<'t>(nick: &str, mut did: &'t str) -> (LogSpeaker, &'t str) {
    let mut who = known(nick, None);
    while let Some((word, rest)) = did.split_once(' ')
        && let Some(inner) = enclosed(word, "[", "]").or_else(|| enclosed(word, "(", ")"))
    {
        if inner.contains('@') {
            who.userhost = Some(inner.to_owned());
        } else if !matches!(inner, "" | "*") {
            who.account = Some(inner.to_owned());
        }
        did = rest;
    }
    (who, did)
}

/// A reason in brackets; it may hold brackets.
fn bracketed(reason: &str) -> Option<&str> {
    if reason.is_empty() { Some("") } else { enclosed(reason, "[", "]") }
}
