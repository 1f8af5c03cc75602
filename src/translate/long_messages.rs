//! Long messages: merges consecutive lines, and truncates messages of too many lines.

use std::borrow::Cow;

use jiff::SignedDuration;
use unicode_segmentation::UnicodeSegmentation;

use super::{clean, inline_images, urls};
use crate::domain::{Message, MessageKind, overlong};

/// Lines further apart are not merged.
const MERGE_WINDOW: SignedDuration = SignedDuration::from_secs(3);

/// Approximate bytes of text in a line of IRC.
const APPROX_LINE_LEN: usize = 400;

/// Goes after a truncated line.
const ELLIPSIS: &str = " …";

/// Whether `next`, received right after `last`, continues it.
pub(super) fn is_continuation(last: &Message, next: &Message) -> bool {
    let plain = |message: &Message| {
        message.kind == MessageKind::Text
            && !inline_images::is_image_url(&message.body)
            && !message.author.is_bridge()
    };
    plain(last)
        && plain(next)
        && last.author.name == next.author.name
        && last.author.account == next.author.account
        && last.source == next.source
        && next.sent_at.duration_since(last.sent_at).abs() <= MERGE_WINDOW
}

/// Truncates `body` to at most `lines` lines; the last one says how much is missing and `where_all` of it is.
pub(super) fn truncate(
    body: Cow<'_, str>,
    lines: usize,
    where_all: impl FnOnce() -> Option<String>,
) -> String {
    if body.len() <= APPROX_LINE_LEN && !body.contains('\n') {
        return body.into_owned();
    }
    let (shown, left_out) = overlong::split_left_out(&body);
    let all: Vec<&str> = shown.lines().filter(|line| !clean::is_blank(line)).collect();
    let length = all.iter().map(|line| irc_line_count(line)).sum::<usize>();
    if length <= lines && left_out.is_none() {
        return body.into_owned();
    }
    let link = where_all();
    // One line is for the notice.
    let mut room = lines.saturating_sub(1);
    let mut shown = Vec::new();
    for line in &all {
        if irc_line_count(line) > room {
            break;
        }
        room -= irc_line_count(line);
        shown.push((*line).to_owned());
    }
    if shown.is_empty()
        && let Some(first) = all.first().filter(|_| room > 0)
    {
        let beginning = truncate_at_word(first, room * APPROX_LINE_LEN - ELLIPSIS.len());
        shown.extend((!beginning.is_empty()).then(|| format!("{beginning}{ELLIPSIS}")));
    }
    let (characters, more) = left_out.map_or((0, 0), |it| (it.characters, it.lines));
    let rest = match (all.len() + more, shown.len()) {
        (1, _) => {
            let shown = all.first().map_or(0, |line| line.chars().count());
            format!("… {} characters in total", shown + characters)
        }
        (all, 0) => format!("{all} lines"),
        (all, shown) if all - shown == 1 => "… 1 more line".to_owned(),
        (all, shown) => format!("… {} more lines", all - shown),
    };
    shown.push(match link {
        Some(link) => format!("{rest}: {link}"),
        None => rest,
    });
    shown.join("\n")
}

/// The approximate number of IRC lines that a line needs.
fn irc_line_count(line: &str) -> usize {
    line.len().div_ceil(APPROX_LINE_LEN).max(1)
}

/// The start of `line` that fits into `length` bytes, in whole words, or in characters if it is a single
/// word.
fn truncate_at_word(line: &str, length: usize) -> &str {
    let cut = line.floor_char_boundary(length.min(line.len()));
    let words = line[..cut].rfind(' ').filter(|space| space * 2 > cut);
    let end = words.unwrap_or_else(|| {
        let ends = line.grapheme_indices(true).map(|(at, cluster)| at + cluster.len());
        ends.take_while(|end| *end <= cut).last().unwrap_or(0)
    });
    &line[..urls::around(line, end).unwrap_or(end)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Author, EndpointId};
    use jiff::Timestamp;

    fn message(author: &str, body: &str, at: i64) -> Message {
        Message {
            source: EndpointId(1),
            author: Author::named(author),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::from_millisecond(at).expect("a time"),
        }
    }

    #[test]
    fn lines_of_one_author_within_the_window_continue() {
        let one = message("ann", "one", 0);
        assert!(is_continuation(&one, &message("ann", "two", 0)));
        assert!(is_continuation(&one, &message("ann", "two", 3_000)));
        assert!(!is_continuation(&one, &message("ann", "two", 3_001)));
        assert!(!is_continuation(&one, &message("bob", "two", 0)));
        assert!(!is_continuation(
            &one,
            &Message { kind: MessageKind::Action, ..message("ann", "waves", 0) }
        ));
        assert!(!is_continuation(&one, &message("ann", "http://a.example/x.png", 0)));
        assert!(!is_continuation(&message("", "one", 0), &message("", "two", 0)));
    }

    #[track_caller]
    fn check(body: &str, lines: usize, link: Option<&str>, shown: &str) {
        let link = || link.map(str::to_owned);
        assert_eq!(truncate(body.into(), lines, link), shown);
    }

    #[test]
    fn long_message_is_truncated_with_count_and_link() {
        let link = Some("https://b.example/p/x");
        check("1\n2\n3\n4", 4, link, "1\n2\n3\n4");
        check("1\n\n2\n \n3\n4\n", 4, link, "1\n\n2\n \n3\n4\n");
        check("1\n2\n3\n4\n5", 4, link, "1\n2\n3\n… 2 more lines: https://b.example/p/x");
        check("1\n2", 1, link, "2 lines: https://b.example/p/x");
        check("1\n2", 0, link, "2 lines: https://b.example/p/x");
        let long = format!("{}\n2\n3", "é".repeat(800));
        check(
            &long,
            5,
            link,
            &format!("{}\n… 2 more lines: https://b.example/p/x", "é".repeat(800)),
        );
        let words = "word ".repeat(400);
        let whole = "word ".repeat(79);
        let shown =
            format!("{} …\n… 2000 characters in total: https://b.example/p/x", whole.trim_end());
        check(&words, 2, link, &shown);
    }

    #[test]
    fn truncation_states_what_is_missing() {
        check("1\n2\n3\n4\n5", 4, None, "1\n2\n3\n… 2 more lines");
        let there = Some("https://chat.example/#!/room/x");
        let whole = (1..=200).map(|it| it.to_string()).collect::<Vec<_>>().join("\n");
        check(&whole, 4, there, "1\n2\n3\n… 197 more lines: https://chat.example/#!/room/x");
    }

    #[test]
    fn lines_left_out_earlier_are_counted_too() {
        let link = Some("https://b.example/p/x");
        let lines = overlong::kept(&"a long line\n".repeat(1_000_000)).into_owned();
        let three = "a long line\n".repeat(3);
        check(&lines, 4, link, &format!("{three}… 999997 more lines: https://b.example/p/x"));
        let line = overlong::kept(&"x".repeat(12_000_000)).into_owned();
        let shown = format!(
            "{} …\n… 12000000 characters in total",
            "x".repeat(APPROX_LINE_LEN - ELLIPSIS.len())
        );
        check(&line, 2, None, &shown);
        let blank = overlong::kept(&format!("{}x", "\n".repeat(500_000))).into_owned();
        assert!(truncate(blank.into(), 4, || None).ends_with(" lines"));
        let whole = truncate(line.into(), 10_000, || None);
        assert!(whole.len() > overlong::KEPT / 2);
        assert!(whole.ends_with("xx\n… 12000000 characters in total"));
    }

    proptest! {
        #[test]
        fn truncated_text_never_exceeds_max_lines(body in "([a-zé ]{0,30}\n){0,12}[a-zé ]{0,2000}", lines in 1_usize..6) {
            let shown = truncate(body.into(), lines, || Some("https://b.example/p/x".to_owned()));
            let length: usize = shown.lines().filter(|line| !line.trim().is_empty()).map(irc_line_count).sum();
            prop_assert!(length <= lines, "{length} lines: {shown:?}");
        }
    }
}
