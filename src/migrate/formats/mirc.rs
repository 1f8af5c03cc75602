//! mIRC: `[13:59] <bob> hi` between lines of sessions.
//!
//! Since version 6 mIRC writes events and actions with the same star: lines that could be either are read as events,
//! and counted. Older ones write events behind three stars.

use std::borrow::Cow;

use super::scan::{
    angled, bare_nick, ctime, dashed_to_channel, enclosed, is_channel, is_nick, is_to_some,
    nick_and_rest, userhost,
};
use super::stamp::enclosed_stamp;
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenLine, WrittenTime};
use crate::protocol::irc::strip_formatting;

/// Reads a line. Also returns whether an action could have made the event.
pub(super) fn parse(line: &str) -> (WrittenLine, bool) {
    let line = without_leading_codes(line);
    if line.trim().is_empty() {
        return (WrittenLine::Nothing, false);
    }
    if let Some(marker) = line.strip_prefix("Session ") {
        return (session(marker), false);
    }
    let (time, said) = stamp(line).unwrap_or((WrittenTime::None, line));
    let plain = without_colours(said);
    let said = plain.as_ref();
    if is_to_some(said) {
        return (WrittenLine::Nothing, false);
    }
    let found = match event(said) {
        Some(found) => found,
        // Private messages, CTCP, and what servers say.
        None if time != WrittenTime::None && said.starts_with(['-', '[', '*']) => {
            (client(said), false)
        }
        None => return (WrittenLine::Unknown, false),
    };
    (WrittenLine::Entry { time, event: found.0 }, found.1)
}

/// `Start: Fri Dec 03 14:58:01 2004`, `Time: …` at midnight, `Ident: #team`, `Close: …`.
fn session(marker: &str) -> WrittenLine {
    let Some((word, rest)) = marker.split_once(": ") else { return WrittenLine::Unknown };
    match word {
        "Start" | "Time" => match ctime(rest) {
            Some((date, time)) => WrittenLine::Day { date, time },
            None => WrittenLine::Unknown,
        },
        "Ident" | "Close" => WrittenLine::Nothing,
        _ => WrittenLine::Unknown,
    }
}

/// `[13:59] `, `[13:59:16] `, `[1:59 pm] `, with a date or without, in other brackets or none.
fn stamp(line: &str) -> Option<(WrittenTime, &str)> {
    let brackets = [("[", "]"), ("(", ")"), ("<", ">"), ("", "")];
    let found = brackets.iter().find_map(|(open, close)| enclosed_stamp(line, open, close));
    let (time, rest) = found?;
    Some((time, rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?))
}

/// The line without the codes at its begin, such as the colour of its kind, which mIRC writes before the time if it keeps colours.
fn without_leading_codes(mut line: &str) -> &str {
    loop {
        line = match line.strip_prefix('\u{3}') {
            Some(colour) => {
                let digits =
                    |text: &str| text.bytes().take(2).take_while(u8::is_ascii_digit).count();
                let rest = &colour[digits(colour)..];
                let ground = rest.strip_prefix(',').filter(|rest| digits(rest) > 0);
                ground.map_or(rest, |ground| &ground[digits(ground)..])
            }
            None => match line.strip_prefix(['\u{2}', '\u{f}', '\u{16}', '\u{1d}', '\u{1f}']) {
                Some(rest) => rest,
                None => return line,
            },
        }
    }
}

/// What stands behind the time without the colours of nicks and events; those in what people said stay.
fn without_colours(said: &str) -> Cow<'_, str> {
    let plain = without_leading_codes(said);
    match plain.split_once('>').filter(|_| plain.starts_with('<')) {
        Some((nick, text)) if nick.contains(char::is_control) || plain.len() < said.len() => {
            // A code behind the nick ends its colour.
            let text = text.strip_prefix(['\u{3}', '\u{f}']).unwrap_or(text);
            Cow::Owned(format!("{}>{text}", strip_formatting(nick)))
        }
        None if plain.starts_with('*') && plain.len() < said.len() => {
            Cow::Owned(strip_formatting(plain))
        }
        _ => Cow::Borrowed(plain),
    }
}

/// None for a line that has none of the marks.
fn event(said: &str) -> Option<(LogEvent, bool)> {
    if let Some((nick, rest)) = angled(said) {
        return Some((text(nick, rest.strip_prefix(' ').unwrap_or(rest)), false));
    }
    if let Some(told) = said.strip_prefix("*** ") {
        return Some((announcement(told).unwrap_or_else(|| client(told)), false));
    }
    if let Some(told) = said.strip_prefix("* ") {
        return Some(starred(told));
    }
    let (nick, rest) = dashed_to_channel(said)?;
    Some((notice(nick, rest), false))
}

fn starred(told: &str) -> (LogEvent, bool) {
    if CHATTER.iter().any(|start| told.starts_with(start)) {
        return (client(told), false);
    }
    if let Some(event) = announcement(told) {
        // Nobody types a user and host into an action.
        let is_certain = match &event {
            LogEvent::Join(who) | LogEvent::Part { who, .. } | LogEvent::Quit { who, .. } => {
                who.userhost.is_some()
            }
            _ => false,
        };
        return (event, !is_certain);
    }
    let (nick, did) = told.split_once(' ').unwrap_or((told, ""));
    match bare_nick(nick) {
        Some(nick) => (action(nick, did), false),
        None => (client(told), false),
    }
}

/// How what mIRC writes for its user begins.
const CHATTER: &[&str] = &[
    "Attempting to rejoin ",
    "Can't join ",
    "Channel created on ",
    "Connecting to ",
    "DCC ",
    "Disconnected",
    "Looking up ",
    "No topic is set",
    "Now talking in ",
    "Now talking on ",
    "Rejoined channel ",
    "Retrieving #",
    "Set by ",
    "Topic is '",
    "Unable to resolve ",
    "Users on #",
    "You are now known as ",
    "You have been kicked ",
    "You have left ",
    "You were kicked ",
    "You're not channel operator",
    "Your nick is now ",
];

fn announcement(told: &str) -> Option<LogEvent> {
    if SHORT.iter().any(|word| told.starts_with(word)) {
        return shortly(told);
    }
    let (nick, did) = nick_and_rest(told)?;
    let (who, rest) = match userhost(did, "(", ")") {
        Some((userhost, rest)) => (known(nick, Some(userhost)), rest),
        None => (speaker(nick), did),
    };
    if let Some(channel) = rest.strip_prefix("has joined ") {
        return is_channel(channel).then_some(LogEvent::Join(who));
    }
    if let Some(left) = rest.strip_prefix("has left ") {
        let (channel, reason) = left.split_once(' ').unwrap_or((left, ""));
        return is_channel(channel).then(|| Some(part(who, parenthesized(reason)?)))?;
    }
    for word in ["Quit", "has quit IRC", "has quit"] {
        if let Some(reason) = rest.strip_prefix(word)
            && let Some(reason) = parenthesized(reason.strip_prefix(' ').unwrap_or(reason))
        {
            return Some(quit(who, reason));
        }
    }
    if let Some(new) = did.strip_prefix("is now known as ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(change) = did.strip_prefix("sets mode: ") {
        return Some(mode(nick, change));
    }
    if let Some(new) = did.strip_prefix("changes topic to ") {
        return Some(topic(nick, enclosed(new, "'", "'").or_else(|| enclosed(new, "\"", "\""))?));
    }
    let (by, reason) = nick_and_rest(did.strip_prefix("was kicked by ")?)?;
    Some(kick(nick, by, parenthesized(reason)?))
}

/// The words of short joins, parts and quits.
const SHORT: [&str; 3] = ["Joins: ", "Parts: ", "Quits: "];

/// Joins, parts and quits, as mIRC writes them where they are set to be short.
fn shortly(told: &str) -> Option<LogEvent> {
    let (word, rest) = told.split_once(' ')?;
    let (nick, rest) = nick_and_rest(rest)?;
    let (who, reason) = match userhost(rest, "(", ")") {
        Some((userhost, reason)) => (known(nick, Some(userhost)), reason),
        None => (speaker(nick), rest),
    };
    let reason = parenthesized(reason)?;
    match word {
        "Joins:" => reason.is_empty().then_some(LogEvent::Join(who)),
        "Parts:" => Some(part(who, reason)),
        _ => Some(quit(who, reason)),
    }
}

/// A reason in parentheses; it may hold parentheses.
fn parenthesized(reason: &str) -> Option<&str> {
    if reason.is_empty() { Some("") } else { enclosed(reason, "(", ")") }
}
