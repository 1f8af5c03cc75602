//! What was said in `tests/data/irc-logs`: the script as `script.py` there plays it, as far as a channel hears it.
//!
//! Included by path, from the tests beside the code and from those in `tests/`: name it `log_script`.
#![allow(dead_code)] // Each of the test binaries uses a part.

use letsbridge::domain::{LogEvent, LogSpeaker, MessageKind};

/// bob, for a moment, under a nick that holds all that a nick may hold.
pub(crate) const ODD: &str = "[b]{o}`^";

/// What was said in one play of the script, up to where it differs between the plays.
pub(crate) fn messages() -> Vec<LogEvent> {
    use MessageKind::{Action, Notice, Text};
    let xs = "x".repeat(430);
    [
        ("bob", Text, "hello everybody"),
        ("ann", Text, "irl: wcl: zncl: hexl: look"),
        ("bob", Action, "waves at <ann> * and - all"),
        ("bob", Notice, "build is done"),
        (
            "ann",
            Text,
            "\x02bold\x02 \x0304,01red\x03 \x1funder\x1f \x16rev\x16 \x1ditalic\x1d plain",
        ),
        ("bob", Text, "latin1 café naïve"),
        ("ann", Text, "utf8 café 日本 🫖"),
        // The server takes spaces from the end.
        ("ann", Text, "  two leading spaces, tab\there, trailing"),
        ("bob", Text, "*** ann is now known as eve"),
        ("bob", Text, "<ann> I never said that"),
        ("bob", Text, "-!- ann was kicked"),
        ("bob", Text, "[12:34:56] <ann> fake"),
        ("bob", Text, "now voiced"),
        ("bob", Text, "now plain"),
        ("bobby", Text, "I changed my nick"),
        ("bob|away", Text, "odd nick"),
        (ODD, Text, "very odd nick"),
        (ODD, Action, "acts oddly"),
        ("bob", Text, &xs),
        ("bob", Text, "http://example.org/?a=b&c=%20d"),
    ]
    .into_iter()
    .map(|(nick, kind, text)| message(nick, kind, text))
    .collect()
}

/// What was said in a play of `all-events`, in which ann is an operator.
pub(crate) fn all_messages() -> Vec<LogEvent> {
    let mut messages = messages();
    messages.push(message("bob", MessageKind::Text, "I am op"));
    messages.push(message("ann", MessageKind::Text, "I am voiced"));
    messages.push(message("ann", MessageKind::Action, "is voiced"));
    messages.push(message("ann", MessageKind::Notice, "notice by voiced"));
    messages.extend(ticks(3));
    messages
}

/// What was said in the play of `autumn-dst`, up to where the clients were stopped, one after the other.
pub(crate) fn autumn_messages(count_of_ticks: usize) -> Vec<LogEvent> {
    let mut messages = messages();
    messages.extend(ticks(count_of_ticks));
    messages
}

fn ticks(count: usize) -> impl Iterator<Item = LogEvent> {
    (0..count).map(|at| message(["ann", "bob"][at % 2], MessageKind::Text, &format!("tick {at}")))
}

/// Who came, left, was removed or changed their nick in a play of `all-events`; of ann and bob.
pub(crate) fn all_people() -> Vec<LogEvent> {
    let reason = "\"Connection reset (by peer)\"";
    vec![
        LogEvent::Join(bob()),
        renamed("bob", "bobby"),
        renamed("bobby", "bob|away"),
        renamed("bob|away", ODD),
        renamed(ODD, "bob"),
        LogEvent::Part { who: bob(), reason: "lunch".into() },
        LogEvent::Join(bob()),
        LogEvent::Kick { nick: "bob".into(), by: "ann".into(), reason: "out, \"you\"!".into() },
        LogEvent::Join(bob()),
        LogEvent::Part { who: bob(), reason: String::new() },
        LogEvent::Join(bob()),
        LogEvent::Quit { who: bob(), reason: reason.into() },
        LogEvent::Quit { who: person("ann", "~ann@127.0.0.1"), reason: "ann".into() },
    ]
}

/// The changes of modes and topics in a play of `all-events`. The server hides the key that was removed.
pub(crate) fn all_changes() -> Vec<LogEvent> {
    let mode = |by: &str, change: &str| LogEvent::Mode { by: by.into(), change: change.into() };
    vec![
        mode("ann", "+o bob"),
        topic("Release \"1.0\" on Friday"),
        mode("ann", "+v bob"),
        mode("ann", "-o bob"),
        mode("ann", "-v bob"),
        mode("ann", "+k secret"),
        mode("ann", "-k *"),
        mode("ann", "+b *!*@bad.example"),
        topic(""),
        mode("ann", "+o bob"),
        mode("bob", "-o+v ann ann"),
    ]
}

fn message(nick: &str, kind: MessageKind, text: &str) -> LogEvent {
    let by = LogSpeaker { nick: nick.into(), ..LogSpeaker::default() };
    LogEvent::Message { by, kind, text: text.into() }
}

fn bob() -> LogSpeaker {
    person("bob", "~robert@127.0.0.1")
}

fn person(nick: &str, userhost: &str) -> LogSpeaker {
    LogSpeaker { nick: nick.into(), userhost: Some(userhost.into()), account: None }
}

fn renamed(from: &str, to: &str) -> LogEvent {
    let from = LogSpeaker { nick: from.into(), ..LogSpeaker::default() };
    LogEvent::Nick { from, to: to.into() }
}

fn topic(text: &str) -> LogEvent {
    LogEvent::Topic { by: Some("ann".into()), text: text.into() }
}
