//! HexChat and XChat: `Nov 29 13:59:16 <bob>`, a tab, and the text.
//!
//! HexChat writes events and actions with the same star: `*`, tab, `bob has quit (bye)` is letter for letter what bob's
//! `/me has quit (bye)` makes. Such lines are read as events, and counted.

use super::hexchat_words::{ToldByHexChat, told_by_hexchat};
use super::scan::{
    angled, bare_nick, ctime, dashed, enclosed, is_channel, is_nick, is_to_some, nick_and_rest,
    userhost,
};
use super::stamp::{enclosed_zoned_stamp, zoned_stamp};
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::{LogEvent, LogSpeaker};
use crate::migrate::written::{WrittenLine, WrittenTime};

/// Reads a line. Also returns whether an action could have made the event.
pub(super) fn parse(line: &str) -> (WrittenLine, bool) {
    if line.is_empty() {
        return (WrittenLine::Nothing, false);
    }
    if let Some(marker) = line.strip_prefix("**** ") {
        return (session(marker), false);
    }
    let Some((time, said)) = stamp(line) else { return (WrittenLine::Unknown, false) };
    match event(said).filter(|_| !is_to_some(said)) {
        Some((event, is_ambiguous)) => (WrittenLine::Entry { time, event }, is_ambiguous),
        None => (WrittenLine::Nothing, false),
    }
}

/// `BEGIN LOGGING AT Sun Nov 29 13:59:32 2026`, or `ENDING …`. The words are translated, the date is not.
fn session(marker: &str) -> WrittenLine {
    let words: Vec<&str> = marker.split_ascii_whitespace().take(16).collect();
    let found = (0..words.len()).find_map(|at| ctime(&words[at..].join(" ")));
    match found {
        Some((date, time)) => WrittenLine::Day { date, time },
        None => WrittenLine::Unknown,
    }
}

/// `Nov 29 13:59:16 `; the month in the writer's language. People may set another form.
fn stamp(line: &str) -> Option<(WrittenTime, &str)> {
    let enclosed =
        || ["[]", "()"].iter().find_map(|it| enclosed_zoned_stamp(line, &it[..1], &it[1..]));
    let (time, rest) = zoned_stamp(line).or_else(enclosed)?;
    Some((time, rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?))
}

/// None for what was said to the writer alone.
fn event(said: &str) -> Option<(LogEvent, bool)> {
    let Some((column, message)) = said.split_once('\t') else {
        return Some((client(said), false));
    };
    let event = match column {
        "*" => return Some(starred(message)),
        // XChat, and other settings of HexChat, mark events so that no action is like them.
        "-->" | "<--" | "---" | "--" | "->" | "<-" | "-" | ">" | "<" => {
            let told = || match told_by_hexchat(message)? {
                ToldByHexChat::Event(event) => Some(event),
                ToldByHexChat::Chatter => None,
            };
            announcement(message).or_else(told).unwrap_or_else(|| client(message))
        }
        _ => {
            if let Some((nick, "")) = angled(column) {
                text(nick, message)
            } else if let Some((nick, to_channel)) = notice_column(said) {
                if !to_channel {
                    // From a server, or to the writer alone.
                    return None;
                }
                notice(nick, message)
            } else if enclosed(column, "*", "*").is_some() || enclosed(column, ">", "<").is_some() {
                return None;
            } else {
                client(said)
            }
        }
    };
    Some((event, false))
}

/// The nick of `-bob/#team-` or `-bob-`, and whether it is a notice to a channel.
fn notice_column(said: &str) -> Option<(&str, bool)> {
    let (nick, _) = dashed(said)?;
    let column = said.split('\t').next()?;
    Some((nick, column.contains('/')))
}

fn starred(message: &str) -> (LogEvent, bool) {
    if is_chatter(message) {
        return (client(message), false);
    }
    let event = match (announcement(message), told_by_hexchat(message)) {
        (Some(event), _) | (None, Some(ToldByHexChat::Event(event))) => Some(event),
        (None, Some(ToldByHexChat::Chatter)) => return (client(message), false),
        (None, None) => None,
    };
    if let Some(event) = event {
        // Nobody types a user and host into an action.
        let is_certain = match &event {
            LogEvent::Join(who) | LogEvent::Part { who, .. } | LogEvent::Quit { who, .. } => {
                who.userhost.is_some()
            }
            _ => false,
        };
        return (event, !is_certain);
    }
    let (nick, did) = message.split_once(' ').unwrap_or((message, ""));
    match bare_nick(nick) {
        Some(nick) => (action(nick, did), false),
        None => (client(message), false),
    }
}

/// How what HexChat writes for its user begins, in English.
const CHATTER: &[&str] = &[
    "Already offering ",
    "Cannot join ",
    "Capabilities ",
    "Channel #",
    "Connected.",
    "Connecting to ",
    "Connection failed",
    "DCC ",
    "Disconnected (",
    "Found your IP: ",
    "Looking up ",
    "MOTD Skipped",
    "Nickname already in use",
    "Nickname is erroneous ",
    "No ping reply for ",
    "No such DCC",
    "Notify: ",
    "Now talking on ",
    "Offering ",
    "Ping reply from ",
    "Received a CTCP ",
    "Received a DCC ",
    "Received a malformed DCC ",
    "SASL ",
    "Stopped previous connection",
    "The file ",
    "Topic for ",
    "Unknown host",
    "Users on #",
    "You are now known as ",
    "You are now talking on ",
    "You have been ",
    "You have left channel ",
    "You're inviting ",
    "You've invited ",
];

/// What stands behind `[nick] ` in the answers to WHOIS.
const WHOIS: &[&str] = &["(", "#", "@#", "+#", "is logged in", "real user"];

fn is_chatter(message: &str) -> bool {
    // All of them begin with a capital, but for WHOIS; most nicks do not.
    match message.as_bytes().first() {
        Some(b'A'..=b'Z') => CHATTER.iter().any(|start| message.starts_with(start)),
        Some(b'[') => message
            .split_once("] ")
            .is_some_and(|(_, told)| WHOIS.iter().any(|start| told.starts_with(start))),
        _ => false,
    }
}

fn announcement(message: &str) -> Option<LogEvent> {
    let (nick, did) = nick_and_rest(message)?;
    let (who, did) = match userhost(did, "(", ")") {
        Some((userhost, did)) => (known(nick, Some(userhost)), did),
        None => (speaker(nick), did),
    };
    let (verb, rest) = did.split_once(' ').unwrap_or((did, ""));
    match verb {
        "has" => changed(who, rest),
        "is" => {
            let new = rest.strip_prefix("now known as ")?;
            is_nick(new).then(|| renamed(nick, new))
        }
        "sets" => moded(nick, rest.strip_prefix("mode ")?),
        _ => None,
    }
}

/// What stands behind `has `.
fn changed(who: LogSpeaker, did: &str) -> Option<LogEvent> {
    let (verb, rest) = did.split_once(' ').unwrap_or((did, ""));
    match verb {
        // Old versions also write the channel.
        "joined" if who.userhost.is_some() => {
            (rest.is_empty() || is_channel(rest)).then_some(LogEvent::Join(who))
        }
        "left" if who.userhost.is_some() => {
            let (channel, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            let reason = if is_channel(channel) { behind } else { rest };
            Some(part(who, parenthesized(reason)?))
        }
        "quit" => {
            // Without a reason, HexChat writes empty parentheses.
            let reason = enclosed(rest, "(", ")")?;
            Some(quit(who, reason))
        }
        "kicked" => {
            let (nick, rest) = nick_and_rest(rest)?;
            let (channel, reason) = rest.strip_prefix("from ")?.split_once(' ')?;
            is_channel(channel).then(|| Some(kick(nick, &who.nick, parenthesized(reason)?)))?
        }
        "changed" => {
            let new = rest.strip_prefix("the topic to:")?;
            Some(topic(&who.nick, new.strip_prefix(' ').unwrap_or(new)))
        }
        _ => None,
    }
}

/// `sets mode +n #team`, as old versions write it; the others are in the table.
fn moded(by: &str, change: &str) -> Option<LogEvent> {
    let (modes, target) = change.split_once(' ').unwrap_or((change, ""));
    let (channel, rest) = target.split_once(' ').unwrap_or((target, ""));
    let target = if is_channel(channel) { rest } else { target };
    modes.starts_with(['+', '-']).then(|| mode(by, &format!("{modes} {target}")))
}

/// A reason in parentheses; it may hold parentheses.
fn parenthesized(reason: &str) -> Option<&str> {
    if reason.is_empty() { Some("") } else { enclosed(reason, "(", ")") }
}
