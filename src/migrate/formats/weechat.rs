//! WeeChat: time, prefix and message, with a tab between them.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::scan::{
    bare_nick, enclosed, is_channel, is_nick, iso_date_time, nick_and_rest, without_channel,
};
use super::stamp::{in_zone, offset, seconds, stamp};
use super::told::{action, client, kick, mode, notice, part, quit, renamed, speaker, text, topic};
use crate::domain::{LogEvent, LogSpeaker};
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime, ZoneName};

/// Reads a line.
pub(super) fn parse(line: &str) -> WrittenLine {
    if line.is_empty() {
        return WrittenLine::Nothing;
    }
    let line = without_colours(line);
    let mut columns = line.splitn(3, '\t');
    let (Some(time), Some(prefix)) = (columns.next(), columns.next()) else {
        return WrittenLine::Unknown;
    };
    // Lines of the core have an empty prefix; those of old versions have no column for it.
    let (prefix, message) = match columns.next() {
        Some(message) => (prefix, message),
        None => ("", prefix),
    };
    let Some(time) = written_time(time) else { return WrittenLine::Unknown };
    match event(prefix.trim(), message) {
        Some(event) => WrittenLine::Entry { time, event },
        None => WrittenLine::Nothing,
    }
}

/// `2026-11-29 13:59:16` in local time; or since 4.8 `2026-11-29 12:59:16.123456Z`; or whatever `logger.file.time_format` says.
fn written_time(column: &str) -> Option<WrittenTime> {
    let column = enclosed(column, "[", "]").unwrap_or(column);
    if let Some((at, "")) = seconds(column) {
        return Some(WrittenTime::Moment(at));
    }
    let (written, rest) = match iso_date_time(column) {
        Some((date, time, rest)) => {
            let date = WrittenDate::Full(date);
            (WrittenTime::Local { date, time, has_seconds: true, zone: None }, rest)
        }
        None => stamp(column)?,
    };
    let offset = match rest.trim_start() {
        "" => return Some(written),
        "Z" => Offset::UTC,
        // Nothing else stands in this column.
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            return Some(in_zone(written, ZoneName::new(name)?));
        }
        rest => offset(rest).filter(|(_, end)| end.is_empty())?.0,
    };
    let WrittenTime::Local { date: WrittenDate::Full(date), time, .. } = written else {
        return None;
    };
    offset.to_timestamp(DateTime::from_parts(date, time)).ok().map(WrittenTime::Moment)
}

/// Removes the colours for terminals, which `logger.file.color_lines` leaves.
fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let Some(code) = part.strip_prefix('[') else {
            plain.push_str(part);
            continue;
        };
        let end = code.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'));
        // A code that was cut off says nothing.
        plain.push_str(end.map_or("", |end| {
            let rest = &code[end..];
            rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest)
        }));
    }
    Cow::Owned(plain)
}

/// Whether nicks consist of it: letters, digits, and the signs that servers allow. Unicode has letters that are symbols, such as ℹ.
fn is_of_nicks(c: char) -> bool {
    "[]\\`_^{|}".contains(c) || c.is_alphanumeric() && !('\u{2100}'..='\u{214f}').contains(&c)
}

/// None for what was said to the writer alone.
fn event(prefix: &str, message: &str) -> Option<LogEvent> {
    match prefix {
        "*" => {
            let (nick, did) = message.split_once(' ').unwrap_or((message, ""));
            return Some(match bare_nick(nick) {
                Some(nick) => action(nick, did),
                None => client(message),
            });
        }
        "-->" => return Some(joined(message).unwrap_or_else(|| client(message))),
        "<--" => return Some(left(message).unwrap_or_else(|| client(message))),
        "--" if is_for_some(message) => return None,
        "--" => return Some(announcement(message).unwrap_or_else(|| client(message))),
        "" | "=!=" => return Some(client(message)),
        _ => {}
    }
    // Its signs can be others, such as `▬▬▶` for `-->`. Where they stand, these words are no message.
    if !prefix.contains(is_of_nicks)
        && let Some(event) =
            joined(message).or_else(|| left(message)).or_else(|| announcement(message))
    {
        return Some(event);
    }
    let name = enclosed(prefix, "<", ">").unwrap_or(prefix);
    Some(match bare_nick(without_channel(name)) {
        Some(nick) => text(nick, message),
        None => client(message),
    })
}

/// `bob (~u@h) has joined #team`; with `extended-join`, `bob [account] (real name) (~u@h) has joined #team`.
fn joined(message: &str) -> Option<LogEvent> {
    let (who, channel) = message.rsplit_once(" has joined ")?;
    is_channel(channel).then(|| describe(who).map(LogEvent::Join))?
}

fn left(message: &str) -> Option<LogEvent> {
    if let Some((by, kicked)) = message.split_once(" has kicked ")
        && is_nick(by)
    {
        let (nick, reason) = nick_and_rest(kicked)?;
        return Some(kick(nick, by, parenthesized(reason)?));
    }
    if let Some((who, reason)) = message.split_once(" has quit")
        && let Some(who) = describe_leaving(who)
    {
        return Some(quit(who, parenthesized(reason.strip_prefix(' ').unwrap_or(reason))?));
    }
    let (who, left) = message.split_once(" has left ")?;
    let (channel, reason) = left.split_once(' ').unwrap_or((left, ""));
    let who = describe_leaving(who).filter(|_| is_channel(channel))?;
    Some(part(who, parenthesized(reason)?))
}

/// `bob (~u@h)`, or `bob`: who leaves is told without account and real name.
fn describe_leaving(who: &str) -> Option<LogSpeaker> {
    let (_, rest) = nick_and_rest(who)?;
    (!rest.contains(' ') && !rest.starts_with('[')).then(|| describe(who))?
}

fn describe(who: &str) -> Option<LogSpeaker> {
    let (nick, mut rest) = nick_and_rest(who)?;
    let mut who = speaker(nick);
    if let Some((account, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        who.account = Some(account.to_owned()).filter(|account| !account.is_empty());
        rest = behind;
    }
    // The real name may hold parentheses, user and host hold no space.
    let userhost = rest.rsplit(' ').next().and_then(|word| enclosed(word, "(", ")"));
    if rest.is_empty() {
        return Some(who);
    }
    who.userhost = userhost.map(str::to_owned);
    who.userhost.is_some().then_some(who)
}

/// What stands behind `--`.
fn announcement(message: &str) -> Option<LogEvent> {
    if let Some(change) = message.strip_prefix("Mode ") {
        let (channel, change) = change.split_once(" [")?;
        let (change, by) = change.rsplit_once("] by ")?;
        return is_channel(channel).then(|| mode(by, change));
    }
    for (command, is_notice) in [("Notice", true), ("Msg", false)] {
        if let Some((nick, said)) = to_channel(message, command) {
            return Some(if is_notice { notice(nick, said) } else { text(nick, said) });
        }
    }
    let (nick, did) = nick_and_rest(message)?;
    if let Some(new) = did.strip_prefix("is now known as ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(changed) = did.strip_prefix("has changed topic for ") {
        let (_channel, change) = changed.split_once(' ')?;
        let new = match change.strip_prefix("from \"") {
            Some(change) => change.split_once("\" to \"")?.1.strip_suffix('"')?,
            None => enclosed(change, "to \"", "\"")?,
        };
        return Some(topic(nick, new));
    }
    did.strip_prefix("has unset topic for ").map(|_| topic(nick, ""))
}

/// Whether it was said to the writer alone, or to a part of the channel: `PvNotice(bob): …`, `Msg(bob) -> @#team: …`, in old
/// versions `NoticeOp(bob): …`.
fn is_for_some(message: &str) -> bool {
    let target = message.split_once(") -> ").map_or("", |(_, target)| target);
    let commands = ["PvNotice(", "NoticeOp(", "NoticeVoice("];
    commands.iter().any(|command| message.starts_with(command))
        || ["Msg(", "Notice("].iter().any(|command| message.starts_with(command))
            && (target.starts_with(['@', '%', '~', '&', '!']) || target.starts_with("+#"))
}

/// `Notice(bob): hi`; in newer versions `Notice(@bob) -> #team: hi`.
fn to_channel<'m>(message: &'m str, command: &str) -> Option<(&'m str, &'m str)> {
    let rest = message.strip_prefix(command)?;
    let (nick, rest) = rest.strip_prefix('(')?.split_once(')')?;
    let said = match rest.strip_prefix(" -> ") {
        Some(rest) => rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?.1,
        None => rest.strip_prefix(": ").or_else(|| rest.strip_prefix(':'))?,
    };
    Some((bare_nick(nick)?, said))
}

/// A reason in parentheses; it may hold parentheses.
fn parenthesized(reason: &str) -> Option<&str> {
    if reason.is_empty() { Some("") } else { enclosed(reason, "(", ")") }
}
