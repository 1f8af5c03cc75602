//! What two logs tell of one event, together.

use crate::domain::{LogEvent, LogSpeaker};
use crate::translate::{Formatting, convert_formatting};

/// Adds to `event` what `other`, the same event as another client wrote it, has in addition.
pub(super) fn enrich(event: &mut LogEvent, other: LogEvent) {
    match (&mut *event, other) {
        (LogEvent::Message { by, text, .. }, LogEvent::Message { by: also, text: other, .. }) => {
            identify(by, also);
            choose_text(text, other);
        }
        (LogEvent::Join(who), LogEvent::Join(also)) => identify(who, also),
        (LogEvent::Part { who, reason }, LogEvent::Part { who: also, reason: other })
        | (LogEvent::Quit { who, reason }, LogEvent::Quit { who: also, reason: other }) => {
            identify(who, also);
            choose_text(reason, other);
        }
        (LogEvent::Kick { by, reason, .. }, LogEvent::Kick { by: also, reason: other, .. }) => {
            if by.is_empty() {
                *by = also;
            }
            choose_text(reason, other);
        }
        (LogEvent::Nick { from, .. }, LogEvent::Nick { from: also, .. }) => identify(from, also),
        (LogEvent::Mode { by, .. }, LogEvent::Mode { by: also, .. }) if by.is_empty() => *by = also,
        (LogEvent::Topic { by, text }, LogEvent::Topic { by: also, text: other }) => {
            if by.is_none() {
                *by = also;
            }
            choose_text(text, other);
        }
        // A client that tells actions and events apart is right against one that does not.
        (event, other @ LogEvent::Message { .. }) => *event = other,
        _ => {}
    }
}

fn identify(who: &mut LogSpeaker, also: LogSpeaker) {
    if who.userhost.is_none() {
        who.userhost = also.userhost;
    }
    if who.account.is_none() {
        who.account = also.account;
    }
}

/// Takes the other text if it is more whole: nothing destroyed, formatted, not cut off.
fn choose_text(text: &mut String, other: String) {
    if *text == other {
        return;
    }
    let worth = |text: &str| {
        let plain = convert_formatting(text, Formatting::Strip);
        let is_whole = !text.contains(char::REPLACEMENT_CHARACTER);
        (is_whole, plain.trim_end().len(), text.len())
    };
    if worth(&other) > worth(text) {
        *text = other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MessageKind;

    #[test]
    fn the_text_that_is_more_whole_wins() {
        let cases = [
            ("caf\u{fffd}", "café", "café"),
            ("bold", "\x02bold\x02", "\x02bold\x02"),
            ("\x02bold\x02", "bold", "\x02bold\x02"),
            ("what the se", "what the server lets pass", "what the server lets pass"),
            ("\x02caf\u{fffd}\x02", "café", "café"),
            ("", "bye", "bye"),
        ];
        for (one, other, best) in cases {
            let mut text = one.to_owned();
            choose_text(&mut text, other.to_owned());
            assert_eq!(text, best, "{one:?} {other:?}");
        }
    }

    #[test]
    fn who_it_was_is_completed() {
        let speaker = |userhost: Option<&str>, account: Option<&str>| LogSpeaker {
            nick: "bob".into(),
            userhost: userhost.map(Into::into),
            account: account.map(Into::into),
        };
        let mut event = LogEvent::Join(speaker(Some("~b@host"), None));
        enrich(&mut event, LogEvent::Join(speaker(Some("x@y"), Some("robert"))));
        assert_eq!(event, LogEvent::Join(speaker(Some("~b@host"), Some("robert"))));

        let action = LogEvent::Message {
            by: speaker(None, None),
            kind: MessageKind::Action,
            text: "has quit (bye)".into(),
        };
        let quit = LogEvent::Quit { who: speaker(None, None), reason: "bye".into() };
        let mut event = quit.clone();
        enrich(&mut event, action.clone());
        assert_eq!(event, action);
        enrich(&mut event, quit);
        assert_eq!(event, action);
    }
}
