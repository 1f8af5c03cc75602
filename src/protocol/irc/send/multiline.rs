//! Multi-line messages as batches (<https://ircv3.net/specs/extensions/multiline>).
//!
//! A batch arrives atomically and is acknowledged, reconciled and counted like a single line. It is sent
//! without interruption, since some servers accept nothing else while a batch is open.

use std::collections::HashMap;

use irc::proto::Prefix;

use super::queue::OutgoingLine;
use super::relaymsg;
use super::split;
use super::split::{Room, TextPart};
use crate::domain::{DeliveryId, MessageKind};
use crate::protocol::irc::wire::batch::MessageContext;
use crate::protocol::irc::wire::line::{Line, SafeText};

/// The name of the capability and of the batch type.
pub(in crate::protocol::irc) const CAP_NAME: &str = "draft/multiline";

/// The tag of a line that continues the previous one.
pub(in crate::protocol::irc) const CONCAT_TAG: &str = "draft/multiline-concat";

/// More than any server has open at once.
const MAX_OPEN: usize = 16;

/// A longer message is split into several.
const MAX_LEN: usize = 1 << 17;

/// The server's limits for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) struct MultilineLimits {
    max_bytes: usize,
    max_lines: usize,
}

impl MultilineLimits {
    /// Parses the capability's value; `None` if it states no limits.
    pub(in crate::protocol::irc) fn parse(value: &str) -> Option<Self> {
        let tokens = value.split(',').filter_map(|token| token.split_once('='));
        let mut limits = Self { max_bytes: 0, max_lines: usize::MAX };
        for (key, value) in tokens {
            match key {
                "max-bytes" => limits.max_bytes = value.parse().ok()?,
                "max-lines" => limits.max_lines = value.parse().ok()?,
                _ => {}
            }
        }
        (limits.max_bytes > 0 && limits.max_lines > 0).then_some(limits)
    }
}

/// A text to send, and its destination.
#[derive(Debug, Clone, Copy)]
pub(in crate::protocol::irc) struct OutgoingText<'a> {
    pub(in crate::protocol::irc) delivery: DeliveryId,
    pub(in crate::protocol::irc) kind: MessageKind,
    pub(in crate::protocol::irc) target: &'a str,
    pub(in crate::protocol::irc) prefix: &'a str,
    pub(in crate::protocol::irc) body: &'a str,
    /// Maximum length of the text in a line.
    pub(in crate::protocol::irc) budget: Room,
    /// The nick to send it under with RELAYMSG; valid in a line.
    pub(in crate::protocol::irc) relay_nick: Option<&'a str>,
}

/// A line of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BatchLine {
    text: String,
    /// It continues the previous line.
    concat: bool,
    /// How many bytes of the body are sent up to its end.
    end: usize,
}

impl OutgoingText<'_> {
    /// Splits it into single lines.
    pub(in crate::protocol::irc) fn lines(&self) -> Vec<OutgoingLine> {
        let parts = split::lines(self.prefix, self.body, self.budget).into_iter();
        parts.map(|TextPart { text, end }| self.outgoing_line(text, end)).collect()
    }

    /// Splits it into as few batches as `limits` allow; a batch of one becomes a single line.
    pub(in crate::protocol::irc) fn batches(&self, limits: MultilineLimits) -> Vec<OutgoingLine> {
        let lines = self.lines();
        // Actions have no multi-line form, and neither does RELAYMSG.
        if lines.len() < 2 || self.kind == MessageKind::Action || self.relay_nick.is_some() {
            return lines;
        }
        let groups = group_by_limits(self.batch_lines(), limits).into_iter().enumerate();
        groups.map(|(number, group)| self.batch_or_line(number, group)).collect()
    }

    fn batch_or_line(&self, number: usize, mut pieces: Vec<BatchLine>) -> OutgoingLine {
        let end = pieces.last().map_or(self.body.len(), |piece| piece.end);
        pieces.truncate(pieces.iter().rposition(|it| !it.text.is_empty()).map_or(0, |at| at + 1));
        let full = pieces.iter().filter(|piece| !piece.text.is_empty());
        let mut plain: Vec<OutgoingLine> =
            full.map(|piece| self.outgoing_line(piece.text.clone(), piece.end)).collect();
        if let Some(last) = plain.last_mut() {
            last.body_end = end;
        }
        if plain.len() == 1 {
            return plain.remove(0);
        }
        let reference = format!("{}-{number}", self.delivery.0);
        let mut text = String::new();
        let mut lines = vec![batch_command(&[&format!("+{reference}"), CAP_NAME, self.target])];
        for (at, piece) in pieces.into_iter().enumerate() {
            let concat = piece.concat && at > 0;
            let sanitized = SafeText::sanitize(&piece.text);
            lines.push(
                Line::message(self.kind, self.target, &sanitized).in_batch(&reference, concat),
            );
            if at > 0 && !concat {
                text.push('\n');
            }
            text.push_str(&sanitized.0);
        }
        lines.push(batch_command(&[&format!("-{reference}")]));
        OutgoingLine { lines, kind: self.kind, text, body_end: end, single_lines: plain }
    }

    fn outgoing_line(&self, text: String, end: usize) -> OutgoingLine {
        let text = SafeText::sanitize(&text);
        let line = match self.relay_nick {
            Some(nick) => relaymsg::relaymsg_line(self.kind, self.target, nick, &text.0)
                .expect("the nick was valid in the line before"),
            None => Line::message(self.kind, self.target, &text),
        };
        let lines = vec![line];
        let SafeText(text) = text;
        let text = self.budget.charset.legible(text);
        OutgoingLine { lines, kind: self.kind, text, body_end: end, single_lines: Vec::new() }
    }

    /// The lines of a batch. Clients without multiline see them individually, so a required name goes before
    /// each of them.
    fn batch_lines(&self) -> Vec<BatchLine> {
        let Self { prefix, body, budget, .. } = *self;
        if !prefix.is_empty() {
            let parts = split::lines(prefix, body, budget).into_iter();
            return parts
                .map(|TextPart { text, end }| BatchLine { text, concat: false, end })
                .collect();
        }
        // A space at which a line is split stays at its end.
        let room = Room { bytes: budget.bytes.saturating_sub(" ".len()), ..budget };
        let mut starts: Vec<(usize, &str, bool)> = Vec::new();
        for line in split_lines(body) {
            let line = if line.trim().is_empty() { &line[..0] } else { line };
            let start = |part: &str| part.as_ptr() as usize - body.as_ptr() as usize;
            starts.extend(line.is_empty().then(|| (start(line), line, false)));
            let parts = split::split(line, room).enumerate();
            starts.extend(parts.map(|(at, part)| (start(part), part, at > 0)));
        }
        let piece = |(at, (start, part, concat)): (usize, &(usize, &str, bool))| {
            let next = starts.get(at + 1);
            let end = next.map_or(body.len(), |(start, ..)| *start);
            let is_continued = next.is_some_and(|(_, _, concat)| *concat);
            let text = if is_continued { &body[*start..end] } else { part };
            BatchLine { text: text.to_owned(), concat: *concat, end }
        };
        starts.iter().enumerate().map(piece).collect()
    }
}

/// Groups `pieces` by the server's limits; each group starts with a non-blank line.
fn group_by_limits(pieces: Vec<BatchLine>, limits: MultilineLimits) -> Vec<Vec<BatchLine>> {
    let mut groups: Vec<Vec<BatchLine>> = Vec::new();
    let mut bytes = 0;
    for piece in pieces {
        let more = piece.text.len() + usize::from(!piece.concat);
        match groups.last_mut() {
            Some(group) if group.len() < limits.max_lines && bytes + more <= limits.max_bytes => {
                bytes += more;
                group.push(piece);
            }
            Some(group) if piece.text.is_empty() => {
                // A blank line between two batches counts as sent with the first.
                group.last_mut().expect("groups are not empty").end = piece.end;
            }
            None if piece.text.is_empty() => {}
            _ => {
                bytes = piece.text.len();
                groups.push(vec![piece]);
            }
        }
    }
    groups
}

/// The lines of `body`, including blank ones.
fn split_lines(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else { return rest.take() };
        let behind = &text[end..];
        let behind = behind.strip_prefix("\r\n").unwrap_or(&behind[1..]);
        rest = Some(behind);
        Some(&text[..end])
    })
}

fn batch_command(parameters: &[&str]) -> Line {
    let parameters: Vec<String> = parameters.iter().map(|it| SafeText::sanitize(it).0).collect();
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    Line::new("BATCH", &parameters).expect("a number, a type and a channel form a valid line")
}

/// Multi-line messages being received.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct OpenMultilines {
    open: HashMap<String, IncomingMultiline>,
}

/// A multi-line message, as far as received.
#[derive(Debug)]
pub(in crate::protocol::irc) struct IncomingMultiline {
    pub(in crate::protocol::irc) source: Prefix,
    pub(in crate::protocol::irc) target: String,
    pub(in crate::protocol::irc) is_notice: bool,
    pub(in crate::protocol::irc) text: String,
    /// The metadata of the whole message.
    pub(in crate::protocol::irc) context: MessageContext,
    has_lines: bool,
}

impl OpenMultilines {
    /// A batch for `target` starts.
    pub(in crate::protocol::irc) fn open(
        &mut self,
        reference: &str,
        source: Option<&Prefix>,
        target: &str,
        context: &MessageContext,
    ) {
        let source = source.cloned().unwrap_or_else(|| Prefix::ServerName(String::new()));
        let (target, context) =
            (target.to_owned(), MessageContext { is_full_response: false, ..context.clone() });
        let multiline = IncomingMultiline {
            source,
            target,
            is_notice: false,
            text: String::new(),
            context,
            has_lines: false,
        };
        if self.open.len() < MAX_OPEN {
            self.open.insert(reference.to_owned(), multiline);
        }
    }

    /// Adds a line of a batch. Returns whether it belongs to one; if not, it is a message of its own.
    pub(in crate::protocol::irc) fn add_line(
        &mut self,
        reference: Option<&str>,
        source: Option<&Prefix>,
        (notice, text, concat): (bool, &str, bool),
    ) -> bool {
        let Some(multiline) = reference.and_then(|reference| self.open.get_mut(reference)) else {
            return false;
        };
        if multiline.has_lines && multiline.text.len() + text.len() > MAX_LEN {
            return false;
        }
        if multiline.has_lines && !concat {
            multiline.text.push('\n');
        }
        multiline.text.push_str(text);
        if !multiline.has_lines {
            multiline.source = source.cloned().unwrap_or_else(|| multiline.source.clone());
            multiline.is_notice = notice;
            multiline.has_lines = true;
        }
        true
    }

    /// The batch is complete.
    pub(in crate::protocol::irc) fn close(&mut self, reference: &str) -> Option<IncomingMultiline> {
        self.open.remove(reference).filter(|multiline| multiline.has_lines)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::irc::wire::charset::Charset;

    const LIMITS: MultilineLimits = MultilineLimits { max_bytes: 4_096, max_lines: 24 };

    fn outgoing_text<'a>(prefix: &'a str, body: &'a str, budget: usize) -> OutgoingText<'a> {
        let (delivery, kind, target) = (DeliveryId(7), MessageKind::Text, "#tea");
        OutgoingText {
            delivery,
            kind,
            target,
            prefix,
            body,
            budget: budget.into(),
            relay_nick: None,
        }
    }

    #[track_caller]
    fn check(script: OutgoingText<'_>, limits: MultilineLimits, said: &[&str]) {
        let units = script.batches(limits);
        let lines: Vec<&str> = units.iter().flat_map(|it| &it.lines).map(Line::as_str).collect();
        assert_eq!(lines, said);
        assert_eq!(units.last().map(|unit| unit.body_end), Some(script.body.len()));
    }

    #[test]
    fn limits_parse() {
        for (value, limits) in [
            ("max-bytes=4096,max-lines=24", Some(LIMITS)),
            ("max-lines=24,x,y=z,max-bytes=4096", Some(LIMITS)),
            ("max-bytes=9", Some(MultilineLimits { max_bytes: 9, max_lines: usize::MAX })),
            ("max-lines=24", None),
            ("max-bytes=many", None),
            ("max-bytes=9,max-lines=0", None),
            ("", None),
        ] {
            assert_eq!(MultilineLimits::parse(value), limits, "{value:?}");
        }
    }

    #[test]
    fn several_lines_make_one_batch() {
        let batch = [
            "BATCH +7-0 draft/multiline #tea",
            "@batch=7-0 PRIVMSG #tea :one",
            "@batch=7-0 PRIVMSG #tea :",
            "@batch=7-0 PRIVMSG #tea :two",
            "BATCH -7-0",
        ];
        check(outgoing_text("", "\none\r\n \r\ntwo\n\n", 400), LIMITS, &batch);
        check(outgoing_text("", "one\n", 400), LIMITS, &["PRIVMSG #tea :one"]);
    }

    #[test]
    fn long_line_continues_with_concat() {
        let batch = [
            "BATCH +7-0 draft/multiline #tea",
            "@batch=7-0 PRIVMSG #tea :milk no ",
            "@batch=7-0;draft/multiline-concat PRIVMSG #tea :sugar",
            "@batch=7-0 PRIVMSG #tea :tea",
            "BATCH -7-0",
        ];
        check(outgoing_text("", "milk no sugar\ntea", 8), LIMITS, &batch);
    }

    #[test]
    fn prefix_is_on_each_line() {
        let batch = [
            "BATCH +7-0 draft/multiline #tea",
            "@batch=7-0 PRIVMSG #tea :<a> milk no",
            "@batch=7-0 PRIVMSG #tea :<a> sugar",
            "@batch=7-0 PRIVMSG #tea :<a> tea",
            "BATCH -7-0",
        ];
        check(outgoing_text("<a> ", "milk no sugar\n\ntea", 12), LIMITS, &batch);
    }

    #[test]
    fn text_over_the_limits_makes_several_batches() {
        let batches = [
            "BATCH +7-0 draft/multiline #tea",
            "@batch=7-0 PRIVMSG #tea :one",
            "@batch=7-0 PRIVMSG #tea :two",
            "BATCH -7-0",
            "PRIVMSG #tea :three",
        ];
        check(
            outgoing_text("", "one\ntwo\n\nthree", 400),
            MultilineLimits { max_bytes: 99, max_lines: 2 },
            &batches,
        );
        check(
            outgoing_text("", "one\ntwo\nthree", 400),
            MultilineLimits { max_bytes: 8, max_lines: 9 },
            &batches,
        );
    }

    #[test]
    fn action_is_never_batched() {
        let action =
            OutgoingText { kind: MessageKind::Action, ..outgoing_text("", "waves\nbows", 400) };
        let lines = ["waves", "bows"].map(|it| format!("PRIVMSG #tea :\x01ACTION {it}\x01"));
        check(action, LIMITS, &lines.each_ref().map(String::as_str));
    }

    #[test]
    fn echo_is_recognised_despite_a_lossy_charset() {
        let charset = Charset::Both(encoding_rs::ISO_2022_JP);
        let script = OutgoingText {
            budget: Room { bytes: 400, charset },
            ..outgoing_text("<a> ", "お茶😀é", 400)
        };
        let [unit] = script.lines().try_into().expect("one line");
        assert_eq!((unit.text.as_str(), unit.body_end), ("<a> お茶??", "お茶😀é".len()));
    }

    proptest! {
        #[test]
        fn every_line_fits_in_its_charset_and_nothing_is_lost(
            encoding in prop::sample::select(vec![
                encoding_rs::ISO_2022_JP, encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP,
                encoding_rs::EUC_KR, encoding_rs::GB18030, encoding_rs::BIG5,
                encoding_rs::WINDOWS_1251, encoding_rs::KOI8_R, encoding_rs::UTF_8,
            ]),
            body in "([a-z]{1,9}| |[茶ч차¥ßｱ😀é]){1,300}",
            bytes in 30..100_usize,
        ) {
            let charset = Charset::Both(encoding);
            let budget = Room { bytes, charset };
            let lines = OutgoingText { budget, ..outgoing_text("<茶> ", &body, 0) }.lines();
            let most = "PRIVMSG #tea :".len() + bytes;
            let mut said = String::new();
            for unit in &lines {
                let line = unit.lines[0].as_str();
                prop_assert!(charset.encode(line).len() <= most, "{line:?}");
                said.push_str(line.strip_prefix("PRIVMSG #tea :<茶> ").expect("its name"));
            }
            let solid = |text: &str| text.replace(' ', "");
            prop_assert_eq!(solid(&said), solid(&body));
        }

        #[test]
        fn any_text_fits_the_limits_and_is_matched_in_order(
            body in "([a-z]{1,9}| |\n|\r|é|\x01){0,600}",
            prefix in "|<a> ",
            budget in 210..300_usize,
            bytes in 400..2_000_usize,
            lines in 1..9_usize,
        ) {
            let mut at = 0;
            for unit in outgoing_text(&prefix, &body, budget).batches(MultilineLimits { max_bytes: bytes, max_lines: lines }) {
                prop_assert!(unit.single_lines.is_empty() || unit.text.len() <= bytes);
                prop_assert!(unit.lines.len() <= 1 || unit.lines.len() - 2 <= lines);
                let found = split::matched_len(&prefix, &body[at..], &unit.text);
                prop_assert!(found.is_some(), "{:?} in {:?}", unit.text, &body[at..]);
                at += found.unwrap_or_default();
                let between = &body[unit.body_end.min(at)..unit.body_end.max(at)];
                prop_assert!(between.trim().is_empty(), "{between:?}");
                let frame = "PRIVMSG #tea :".len();
                prop_assert!(unit.single_lines.iter().flat_map(|it| &it.lines).all(|it| it.len() - frame <= budget));
            }
            prop_assert_eq!(at, body.len());
        }
    }
}
