//! The formats that mark events with three stars: ZNC and soju, energymech, Limnoria, The Lounge.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::scan::{
    angled, bare_nick, dashed, enclosed, is_channel, is_nick, is_to_some, iso_date_time,
    nick_and_rest, userhost,
};
use super::stamp::{bracketed_stamp, stamp};
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime};

/// Reads a line of ZNC or soju: `[13:59:16] <bob> hi`. The user of ZNC may leave out the brackets.
pub(super) fn parse_znc(line: &str) -> WrittenLine {
    let bare = || {
        let (time, rest) = stamp(line)?;
        Some((time, rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?))
    };
    clocked(line, bracketed_stamp(line).or_else(bare), znc_event)
}

/// Reads a line of energymech: as ZNC's, but for some events.
pub(super) fn parse_energymech(line: &str) -> WrittenLine {
    clocked(line, bracketed_stamp(line), energymech_event)
}

fn clocked(
    line: &str,
    stamped: Option<(WrittenTime, &str)>,
    told: fn(&str) -> Option<LogEvent>,
) -> WrittenLine {
    match stamped {
        _ if line.is_empty() => WrittenLine::Nothing,
        Some((time, said)) => WrittenLine::Entry { time, event: event(said, told) },
        None => WrittenLine::Unknown,
    }
}

/// Reads a line of Limnoria: `2026-11-29T13:59:16  <bob> hi`.
pub(super) fn parse_limnoria(line: &str) -> WrittenLine {
    if line.is_empty() {
        return WrittenLine::Nothing;
    }
    let Some((date, time, rest)) = iso_date_time(line) else { return WrittenLine::Unknown };
    let Some(said) = rest.strip_prefix("  ") else { return WrittenLine::Unknown };
    if said.starts_with("-= THIS MESSAGE NOT LOGGED =-") {
        return WrittenLine::Nothing;
    }
    let time =
        WrittenTime::Local { date: WrittenDate::Full(date), time, has_seconds: true, zone: None };
    WrittenLine::Entry { time, event: event(said, limnoria_event) }
}

/// Reads a line of The Lounge: `[2014-03-02T10:11:12.000Z] <@bob> hi`; before version 3, `[2014-03-02 10:11:12] <bob> hi`.
pub(super) fn parse_lounge(line: &str) -> WrittenLine {
    if line.is_empty() {
        return WrittenLine::Nothing;
    }
    let stamp = line.strip_prefix('[').and_then(iso_date_time);
    let Some((date, time, rest)) = stamp else { return WrittenLine::Unknown };
    let has_space = line.as_bytes().get("[2014-03-02".len()) == Some(&b' ');
    let (new, old) = (rest.strip_prefix("Z] "), rest.strip_prefix("] ").filter(|_| has_space));
    if let Some(more) = new.and_then(|said| said.strip_prefix("| ")) {
        return WrittenLine::Continuation(more.to_owned());
    }
    let event = match (new, old) {
        (Some(said), _) => event(said, lounge_event),
        (None, Some(said)) => match said.strip_prefix("* ") {
            Some(told) => old_lounge_event(told).unwrap_or_else(|| client(told)),
            None => event(said, |_| None),
        },
        (None, None) => return WrittenLine::Unknown,
    };
    // Old versions wrote UTC, too, unless they were told otherwise.
    match TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time)) {
        Ok(at) => WrittenLine::Entry { time: WrittenTime::Moment(at), event },
        Err(_) => WrittenLine::Unknown,
    }
}

/// What follows the time: a message, an action, a notice, or what `told` makes of the text behind the stars.
fn event(said: &str, told: fn(&str) -> Option<LogEvent>) -> LogEvent {
    if is_to_some(said) {
        return client(said);
    }
    match said.as_bytes().first() {
        Some(b'<') => {
            if let Some((nick, rest)) = angled(said) {
                return text(nick, rest.strip_prefix(' ').unwrap_or(rest));
            }
        }
        Some(b'*') => {
            if let Some(event) = said.strip_prefix("*** ") {
                return told(event).unwrap_or_else(|| client(event));
            }
            if let Some(did) = said.strip_prefix("* ") {
                let (nick, did) = did.split_once(' ').unwrap_or((did, ""));
                if let Some(nick) = bare_nick(nick) {
                    return action(nick, did);
                }
            }
        }
        Some(b'-') => {
            if let Some((nick, rest)) = dashed(said) {
                return notice(nick, rest);
            }
        }
        _ => {}
    }
    client(said)
}

fn znc_event(told: &str) -> Option<LogEvent> {
    let (word, rest) = told.split_once(' ')?;
    match word {
        "Joins:" => {
            // Newer versions write the account, too.
            let (nick, rest) = nick_and_rest(rest)?;
            let (userhost, account) = userhost(rest, "(", ")")?;
            let mut who = known(nick, Some(userhost));
            who.account = Some(account.to_owned()).filter(|it| !matches!(it.as_str(), "" | "*"));
            Some(LogEvent::Join(who))
        }
        "Parts:" | "Quits:" => {
            let (nick, rest) = nick_and_rest(rest)?;
            let (userhost, reason) = userhost(rest, "(", ")")?;
            let who = known(nick, Some(userhost));
            let reason = parenthesized(reason)?;
            Some(if word == "Parts:" { part(who, reason) } else { quit(who, reason) })
        }
        _ => shared_event(told, "'"),
    }
}

fn energymech_event(told: &str) -> Option<LogEvent> {
    let (word, rest) = told.split_once(' ')?;
    match word {
        "Joins:" | "Parts:" => {
            let (nick, rest) = nick_and_rest(rest)?;
            let (userhost, "") = userhost(rest, "(", ")")? else { return None };
            let who = known(nick, Some(userhost));
            Some(if word == "Joins:" { LogEvent::Join(who) } else { part(who, "") })
        }
        "Quits:" => {
            let (nick, reason) = nick_and_rest(rest)?;
            Some(quit(speaker(nick), parenthesized(reason)?))
        }
        _ => shared_event(told, "\""),
    }
}

/// `bob <bob!~u@h> has joined #team`; versions of supybot before 0.83 have no mask.
fn limnoria_event(told: &str) -> Option<LogEvent> {
    let (nick, rest) = nick_and_rest(told)?;
    let mask = rest.split_once(' ').and_then(|(mask, did)| Some((enclosed(mask, "<", ">")?, did)));
    let (who, did) = match mask {
        Some((mask, did)) => (known(nick, Some(mask.split_once('!')?.1)), did),
        None => (speaker(nick), rest),
    };
    if let Some(channel) = did.strip_prefix("has joined ") {
        return is_channel(channel).then_some(LogEvent::Join(who));
    }
    if let Some(left) = did.strip_prefix("has left ") {
        let (channel, reason) = left.split_once(' ').unwrap_or((left, ""));
        return is_channel(channel).then(|| Some(part(who, parenthesized(reason)?)))?;
    }
    if let Some(reason) = did.strip_prefix("has quit IRC") {
        let reason = reason.strip_prefix(' ').unwrap_or(reason);
        return Some(quit(who, parenthesized(reason)?));
    }
    shared_event(told, "\"")
}

fn lounge_event(told: &str) -> Option<LogEvent> {
    let (nick, rest) = nick_and_rest(told)?;
    if let Some(new) = rest.strip_prefix("changed nick to ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(change) = rest.strip_prefix("set mode ") {
        return Some(mode(nick, change));
    }
    if let Some(new) = rest.strip_prefix("changed topic to ") {
        return Some(topic(nick, enclosed(new, "'", "'")?));
    }
    if rest.starts_with("was kicked by ") {
        return shared_event(told, "'");
    }
    let (userhost, did) = userhost(rest, "(", ")")?;
    let who = known(nick, Some(userhost));
    match did.split_once(' ').unwrap_or((did, "")) {
        ("joined", "") => Some(LogEvent::Join(who)),
        ("left", reason) => Some(part(who, unless_undefined(parenthesized(reason)?))),
        ("quit", reason) => Some(quit(who, unless_undefined(parenthesized(reason)?))),
        _ => None,
    }
}

/// `bob (~u@h) join`, `bob nick rob`, `rob action waves`: before version 3, the kind of event stands behind the nick. Who was
/// kicked is not said.
fn old_lounge_event(told: &str) -> Option<LogEvent> {
    let (nick, rest) = nick_and_rest(told)?;
    let (who, did) = match userhost(rest, "(", ")") {
        Some((userhost, did)) => (known(nick, Some(userhost)), did),
        None => (speaker(nick), rest),
    };
    let (kind, what) = did.split_once(' ').unwrap_or((did, ""));
    match kind {
        "action" => Some(action(nick, what)),
        "notice" => Some(notice(nick, what)),
        "join" => what.is_empty().then_some(LogEvent::Join(who)),
        "part" => Some(part(who, what)),
        "quit" => Some(quit(who, what)),
        "nick" => is_nick(what).then(|| renamed(nick, what)),
        "mode" => Some(mode(nick, what)),
        "topic" => Some(topic(nick, what)),
        _ => None,
    }
}

/// The Lounge writes the JavaScript word for what is not there.
fn unless_undefined(reason: &str) -> &str {
    if reason == "undefined" { "" } else { reason }
}

/// The events that several write in the same words; `quote` is what stands around topics.
fn shared_event(told: &str, quote: &str) -> Option<LogEvent> {
    let (nick, did) = nick_and_rest(told)?;
    if let Some(new) = did.strip_prefix("is now known as ") {
        return is_nick(new).then(|| renamed(nick, new));
    }
    if let Some(change) = did.strip_prefix("sets mode: ") {
        return Some(mode(nick, change));
    }
    if let Some(new) = did.strip_prefix("changes topic to ") {
        return Some(topic(nick, enclosed(new, quote, quote)?));
    }
    let (by, reason) = nick_and_rest(did.strip_prefix("was kicked by ")?)?;
    Some(kick(nick, by, parenthesized(reason)?))
}

/// A reason in parentheses; it may hold parentheses.
fn parenthesized(reason: &str) -> Option<&str> {
    if reason.is_empty() { Some("") } else { enclosed(reason, "(", ")") }
}
