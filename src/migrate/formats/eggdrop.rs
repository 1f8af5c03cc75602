//! eggdrop: `[13:59:16] <bob> hi`. Its events have no mark, but its actions do.

use super::scan::{
    angled, ctime, dashed, enclosed, is_channel, is_nick, is_to_some, nick_and_rest, split_mask,
    userhost,
};
use super::stamp::bracketed_stamp;
use super::told::{
    action, client, kick, known, mode, notice, part, quit, renamed, speaker, text, topic,
};
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenLine, WrittenTime};

/// Reads a line.
pub(super) fn parse(line: &str) -> WrittenLine {
    if line.is_empty() {
        return WrittenLine::Nothing;
    }
    let Some((time, said)) = bracketed_stamp(line) else { return WrittenLine::Unknown };
    // At midnight.
    if let Some((date, _)) = said.strip_prefix("--- ").and_then(ctime) {
        let WrittenTime::Local { time, .. } = time else { return WrittenLine::Unknown };
        return WrittenLine::Day { date, time: Some(time) };
    }
    WrittenLine::Entry { time, event: event(said).unwrap_or_else(|| client(said)) }
}

fn event(said: &str) -> Option<LogEvent> {
    if is_to_some(said) {
        return None;
    }
    match said.as_bytes().first()? {
        b'<' => {
            let (nick, rest) = angled(said)?;
            return Some(text(nick, rest.strip_prefix(' ').unwrap_or(rest)));
        }
        // To operators, or to people with voice.
        b'@' | b'+' | b'%' if said[1..].starts_with('<') => return None,
        b'-' => {
            // `-ERROR from server- …` has spaces in it.
            let (nick, rest) = dashed(said)?;
            return Some(notice(nick, rest));
        }
        _ => {}
    }
    // `Action to @#team: …` was for operators.
    if let Some(did) = said.strip_prefix("Action: ") {
        let (nick, did) = did.split_once(' ').unwrap_or((did, ""));
        return is_nick(nick).then(|| action(nick, did));
    }
    if let Some(change) = said.strip_prefix("Nick change: ") {
        let (from, to) = change.split_once(" -> ")?;
        return (is_nick(from) && is_nick(to)).then(|| renamed(from, to));
    }
    if let Some(changed) = said.strip_prefix("Topic changed on ") {
        let (channel, rest) = changed.split_once(" by ")?;
        let (by, new) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        return is_channel(channel).then(|| topic(split_mask(by).0, new));
    }
    if let Some((channel, change)) = said.split_once(": mode change '")
        && is_channel(channel)
    {
        let (change, by) = change.rsplit_once("' by ")?;
        return Some(mode(split_mask(by).0, change));
    }
    came_or_left(said)
}

fn came_or_left(said: &str) -> Option<LogEvent> {
    let (nick, did) = nick_and_rest(said)?;
    if let Some(kicked) = did.strip_prefix("kicked from ") {
        let (channel, rest) = kicked.split_once(" by ")?;
        let (by, reason) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        return is_channel(channel).then(|| kick(nick, split_mask(by).0, reason));
    }
    // The bot itself has no user and host.
    let (who, did) = match userhost(did, "(", ")") {
        Some((userhost, did)) => (known(nick, Some(userhost)), did),
        None => (speaker(nick), did),
    };
    if let Some(channel) = did.strip_prefix("joined ").or_else(|| did.strip_prefix("returned to "))
    {
        return is_channel(channel.strip_suffix('.')?).then_some(LogEvent::Join(who));
    }
    // The others would be what anybody could write into the log of the bot's partyline.
    who.userhost.as_ref()?;
    if let Some(left) = did.strip_prefix("left irc:") {
        return Some(quit(who, left.strip_prefix(' ').unwrap_or(left)));
    }
    if did == "got netsplit." {
        return Some(quit(who, "netsplit"));
    }
    let left = did.strip_prefix("left ")?.strip_suffix('.')?;
    let (channel, reason) = left.split_once(' ').unwrap_or((left, ""));
    let reason = if reason.is_empty() { "" } else { enclosed(reason, "(", ")")? };
    is_channel(channel).then(|| part(who, reason))
}
