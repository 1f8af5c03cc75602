//! Makes events out of what the parsers found.

use crate::domain::{LogEvent, LogSpeaker, MessageKind};

/// Somebody of whom the log tells the nick.
pub(super) fn speaker(nick: &str) -> LogSpeaker {
    LogSpeaker { nick: nick.to_owned(), userhost: None, account: None }
}

/// Somebody of whom the log tells more.
pub(super) fn known(nick: &str, userhost: Option<&str>) -> LogSpeaker {
    LogSpeaker { nick: nick.to_owned(), userhost: userhost.map(str::to_owned), account: None }
}

/// Text that somebody said. What is a CTCP in it, as some clients leave it in logs, is an action or of no interest.
pub(super) fn text(nick: &str, text: &str) -> LogEvent {
    match text.strip_prefix('\u{1}') {
        None => message(nick, MessageKind::Text, text),
        Some(ctcp) => {
            // The end is missing if a server truncated the line.
            let ctcp = ctcp.strip_suffix('\u{1}').unwrap_or(ctcp);
            match ctcp.split_once(' ').unwrap_or((ctcp, "")) {
                ("ACTION", did) => message(nick, MessageKind::Action, did),
                _ => client(ctcp),
            }
        }
    }
}

/// What somebody did, `/me`.
pub(super) fn action(nick: &str, did: &str) -> LogEvent {
    message(nick, MessageKind::Action, did)
}

/// A notice.
pub(super) fn notice(nick: &str, text: &str) -> LogEvent {
    match text.strip_prefix('\u{1}') {
        Some(ctcp) => client(ctcp),
        None => message(nick, MessageKind::Notice, text),
    }
}

fn message(nick: &str, kind: MessageKind, text: &str) -> LogEvent {
    LogEvent::Message { by: speaker(nick), kind, text: text.to_owned() }
}

/// What a client wrote for its user.
pub(super) fn client(text: &str) -> LogEvent {
    LogEvent::Client(text.trim().to_owned())
}

pub(super) fn part(who: LogSpeaker, reason: &str) -> LogEvent {
    LogEvent::Part { who, reason: reason.to_owned() }
}

pub(super) fn quit(who: LogSpeaker, reason: &str) -> LogEvent {
    LogEvent::Quit { who, reason: reason.to_owned() }
}

pub(super) fn kick(nick: &str, by: &str, reason: &str) -> LogEvent {
    LogEvent::Kick { nick: nick.to_owned(), by: by.to_owned(), reason: reason.to_owned() }
}

pub(super) fn renamed(from: &str, to: &str) -> LogEvent {
    LogEvent::Nick { from: speaker(from), to: to.to_owned() }
}

pub(super) fn mode(by: &str, change: &str) -> LogEvent {
    LogEvent::Mode { by: by.to_owned(), change: change.trim_end().to_owned() }
}

pub(super) fn topic(by: &str, text: &str) -> LogEvent {
    LogEvent::Topic { by: Some(by.to_owned()), text: text.to_owned() }
}
