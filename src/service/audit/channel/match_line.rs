//! Recognises the lines of a delivery by their text.

use crate::domain::{MessageKind, RenderedMessage};
use crate::protocol::irc;
use crate::translate::{RESENT_PREFIX, strip_timestamp};

/// Truncated lines are longer than this.
const MIN_TRUNCATED_LEN: usize = 200;

/// A line that matches a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MatchedPart {
    /// How many bytes of the delivery's body are covered by it and the lines before.
    pub(super) end: usize,
    /// It is marked as resent.
    pub(super) is_resend: bool,
}

/// Matches `text` with the rest of `rendered`, of whose body `matched_bytes` were matched before; `None` if it
/// differs. Both are without formatting, since servers may strip it.
pub(super) fn match_line(
    rendered: &RenderedMessage,
    matched_bytes: usize,
    kind: MessageKind,
    text: &str,
) -> Option<MatchedPart> {
    if rendered.kind != kind {
        return None;
    }
    // Lines of a multi-line message need not have the prefix.
    let mut step = MatchedPart { end: matched_bytes, is_resend: false };
    for (number, line) in text.split('\n').enumerate() {
        let rest = rendered.body.get(step.end..)?;
        let first = [rendered.prefix.as_str(), strip_timestamp(&rendered.prefix)];
        let prefixes = first.into_iter().chain((number > 0).then_some(""));
        let (length, is_resend) = prefixes.into_iter().find_map(|prefix| {
            let marked = || irc::matched_len(&format!("{prefix}{RESENT_PREFIX}"), rest, line);
            irc::matched_len(prefix, rest, line)
                .map(|length| (length, false))
                .or_else(|| marked().map(|length| (length, true)))
        })?;
        step = MatchedPart { end: step.end + length, is_resend: step.is_resend | is_resend };
    }
    Some(step)
}

/// Whether `text` can be any line of `rendered`; the last one, if `last`.
pub(super) fn is_part_of(rendered: &RenderedMessage, text: &str, last: bool) -> bool {
    let prefix = [rendered.prefix.as_str(), strip_timestamp(&rendered.prefix)];
    let sent = prefix.into_iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let sent = sent.strip_prefix(RESENT_PREFIX).unwrap_or(sent).trim();
    let body = rendered.body.trim_end();
    let among_others = !sent.is_empty() && body.len() > sent.len();
    let lines = || body.split(['\r', '\n']).map(str::trim);
    // A long line of the body is split.
    let within = lines().any(|line| line == sent)
        || (text.len() >= MIN_TRUNCATED_LEN && body.contains(sent));
    among_others && if last { body.ends_with(sent) } else { within }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(body: &str) -> RenderedMessage {
        RenderedMessage {
            kind: MessageKind::Text,
            prefix: "[09:41Z] <ann> ".to_owned(),
            body: body.to_owned(),
        }
    }

    #[track_caller]
    fn check(body: &str, said: usize, text: &str, expected: Option<(usize, bool)>) {
        let step = match_line(&rendered(body), said, MessageKind::Text, text);
        assert_eq!(step.map(|step| (step.end, step.is_resend)), expected, "{body:?} {text:?}");
    }

    #[test]
    fn line_is_matched_as_a_part_of_its_delivery() {
        check("one", 0, "[09:41Z] <ann> one", Some((3, false)));
        check("one", 0, "<ann> one", Some((3, false)));
        check("one", 0, "<ann> (resent) one", Some((3, true)));
        check("one", 0, "<bob> one", None);
        check("one\ntwo", 0, "<ann> one", Some((4, false)));
        check("one\ntwo", 4, "<ann> two", Some((7, false)));
        check("one\ntwo", 0, "<ann> two", None);
        check("one\ntwo", 0, "<ann> one\n<ann> two", Some((7, false)));
        check("one\ntwo", 0, "<ann> one\ntwo", Some((7, false)));
        assert_eq!(match_line(&rendered("one"), 0, MessageKind::Notice, "<ann> one"), None);
    }

    #[test]
    fn line_is_matched_without_the_earlier_ones() {
        for (body, text, last, part) in [
            ("one\ntwo", "<ann> two", true, true),
            ("one\ntwo", "<ann> (resent) two", true, true),
            ("one\ntwo", "<ann> one", true, false),
            ("one\ntwo", "<ann> one", false, true),
            ("one\ntwo", "<ann> t*o", false, false),
            ("one\ntwo", "<ann> tw", false, false),
            ("two", "<ann> two", true, false),
        ] {
            assert_eq!(is_part_of(&rendered(body), text, last), part, "{body:?} {text:?} {last}");
        }
    }
}
