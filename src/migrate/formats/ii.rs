//! ii: `1795957155 <bob> hi`. Actions are raw CTCP, notices have lost their author.

use jiff::Timestamp;

use super::scan::{angled, enclosed, is_channel, is_nick, nick_and_rest};
use super::told::{client, kick, known, mode, part, quit, renamed, text, topic};
use crate::domain::{LogEvent, LogSpeaker};
use crate::migrate::written::{WrittenLine, WrittenTime};

/// Reads a line. Also returns whether it is a notice, of which nobody knows whose.
pub(super) fn parse(line: &str) -> (WrittenLine, bool) {
    if line.is_empty() {
        return (WrittenLine::Nothing, false);
    }
    let Some((seconds, said)) = line.split_once(' ') else { return (WrittenLine::Unknown, false) };
    let is_number =
        (6..=11).contains(&seconds.len()) && seconds.bytes().all(|it| it.is_ascii_digit());
    let at = if is_number { seconds.parse().ok() } else { None };
    let Some(at) = at.and_then(|at| Timestamp::from_second(at).ok()) else {
        return (WrittenLine::Unknown, false);
    };
    let (event, is_authorless) = event(said);
    (WrittenLine::Entry { time: WrittenTime::Moment(at), event }, is_authorless)
}

fn event(said: &str) -> (LogEvent, bool) {
    if let Some((nick, rest)) = angled(said) {
        return (text(nick, rest.strip_prefix(' ').unwrap_or(rest)), false);
    }
    let Some(told) = said.strip_prefix("-!- ") else { return (client(said), false) };
    match announcement(told) {
        Some(event) => (event, false),
        None => (client(told), enclosed(told, "\"", "\")").is_some()),
    }
}

fn announcement(told: &str) -> Option<LogEvent> {
    let (first, did) = told.split_once(' ')?;
    if let Some(who) = with_userhost(first) {
        if let Some(channel) = did.strip_prefix("has joined ") {
            return is_channel(channel).then_some(LogEvent::Join(who));
        }
        if let Some(channel) = did.strip_prefix("has left ") {
            return is_channel(channel).then(|| part(who, ""));
        }
        return Some(quit(who, enclosed(did, "has quit \"", "\"")?));
    }
    let nick = Some(first).filter(|nick| is_nick(nick))?;
    if let Some(new) = did.strip_prefix("changed nick to ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(new) = did.strip_prefix("changed topic to ") {
        return Some(topic(nick, enclosed(new, "\"", "\"")?));
    }
    if let Some(change) = did.strip_prefix("changed mode/") {
        return Some(mode(nick, change.split_once(" -> ")?.1));
    }
    let (kicked, reason) = nick_and_rest(did.strip_prefix("kicked ")?)?;
    // Version 1.8 writes an empty name of the channel between them.
    Some(kick(kicked, nick, enclosed(reason.trim_start(), "(\"", "\")")?))
}

/// `bob(~u@h)`.
fn with_userhost(word: &str) -> Option<LogSpeaker> {
    let (nick, userhost) = word.strip_suffix(')')?.split_once('(')?;
    (is_nick(nick) && userhost.contains('@')).then(|| known(nick, Some(userhost)))
}
