use unicode_segmentation::UnicodeSegmentation;

use crate::domain::Kind;

/// How many bytes of text others receive whole, in a line of `linelen` bytes that the server
/// begins with `:nick!user@host ` (`source` bytes without colon and space).
pub(super) fn budget(source: usize, target: &str, kind: Kind, linelen: usize) -> usize {
    let frame = match kind {
        Kind::Talk => "PRIVMSG  :".len(),
        Kind::Notice => "NOTICE  :".len(),
        Kind::Action => "PRIVMSG  :\x01ACTION \x01".len(),
    };
    linelen.saturating_sub(":".len() + source + " ".len() + frame + target.len() + "\r\n".len())
}

/// `body` in lines of at most `budget` bytes, each beginning with `prefix`. Lines that are blank
/// are left out where others are not.
pub(super) fn lines(prefix: &str, body: &str, budget: usize) -> Vec<String> {
    let room = budget.saturating_sub(prefix.len());
    let normal = body.replace("\r\n", "\n").replace('\r', "\n");
    let full = normal.split('\n').filter(|line| !line.trim().is_empty());
    let lines: Vec<String> =
        full.flat_map(|line| split(line, room)).map(|part| format!("{prefix}{part}")).collect();
    if lines.is_empty() {
        let blank = normal.split('\n').next().unwrap_or_default();
        return vec![format!("{prefix}{}", split(blank, room).first().unwrap_or(&""))];
    }
    lines
}

/// Cuts `text` into parts of at most `budget` bytes: between words where it can, else between
/// graphemes, else between characters. Joined again, the parts are `text` less the one space at
/// each cut between words. A character longer than the budget gets a part of its own, so the
/// cutting always ends.
pub(super) fn split(text: &str, budget: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > budget {
        let (end, next) = cut(rest, budget);
        parts.push(&rest[..end]);
        rest = &rest[next..];
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// Where the first part of `text` ends, and where the next begins.
fn cut(text: &str, budget: usize) -> (usize, usize) {
    // Whether a grapheme ends within the budget shows in the character behind it, so look at that
    // one too, and no further: the cutting of a long text stays linear.
    let window = text.ceil_char_boundary(text.len().min(budget + 1));
    let mut end = 0;
    let mut space = None;
    for (at, grapheme) in text[..window].grapheme_indices(true) {
        // The space at which we cut is not said, unless it is all that is left to say.
        if grapheme == " " && at > 0 && at + 1 < text.len() {
            space = Some(at);
        }
        if at + grapheme.len() > budget {
            break;
        }
        end = at + grapheme.len();
    }
    match space {
        // A part that is mostly empty, before a very long word, helps nobody: cut the word.
        Some(space) if space * 2 >= end => (space, space + 1),
        _ if end > 0 => (end, end),
        _ => {
            let end = text.floor_char_boundary(budget).max(text.ceil_char_boundary(1));
            (end, end)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, budget: usize, parts: &[&str]) {
        assert_eq!(split(text, budget), parts);
    }

    #[test]
    fn short_text_is_left_alone() {
        check("tea", 3, &["tea"]);
        check("", 3, &[]);
        check("   ", 3, &["   "]);
    }

    #[test]
    fn words_stay_whole() {
        check("milk no sugar", 7, &["milk no", "sugar"]);
        check("milk no sugar", 11, &["milk no", "sugar"]);
        check("milk  no", 5, &["milk ", "no"]);
    }

    #[test]
    fn a_long_word_is_cut_rather_than_a_line_left_empty() {
        check("a bbbbbbbbbbbb", 8, &["a bbbbbb", "bbbbbb"]);
    }

    #[test]
    fn a_word_is_cut_between_graphemes() {
        check("ééé", 3, &["é", "é", "é"]);
        check("日本語", 4, &["日", "本", "語"]);
        check("e\u{301}e\u{301}", 4, &["e\u{301}", "e\u{301}"]);
        check("👩‍👩‍👧👍🏽", 20, &["👩‍👩‍👧", "👍🏽"]);
        check("🇩🇪🇫🇷", 12, &["🇩🇪", "🇫🇷"]);
        check("ab \u{301}cd", 4, &["ab", " \u{301}c", "d"]);
    }

    #[test]
    fn what_is_wider_than_the_budget_still_moves_on() {
        check("日本", 1, &["日", "本"]);
        check("👩‍👩‍👧", 8, &["👩‍", "👩‍", "👧"]);
        check("ab", 0, &["a", "b"]);
    }

    #[test]
    fn every_line_has_the_prefix_and_blank_ones_are_left_out() {
        assert_eq!(
            lines("<a> ", "one\r\n\n \ntwo three", 8),
            ["<a> one", "<a> two", "<a> thre", "<a> e"]
        );
        assert_eq!(lines("<a> ", "", 20), ["<a> "]);
        assert_eq!(lines("<a> ", " \n ", 20), ["<a>  "]);
    }

    #[test]
    fn others_receive_the_whole_line() {
        for (kind, line) in [
            (Kind::Talk, ":n!u@h PRIVMSG #c :\r\n"),
            (Kind::Notice, ":n!u@h NOTICE #c :\r\n"),
            (Kind::Action, ":n!u@h PRIVMSG #c :\x01ACTION \x01\r\n"),
        ] {
            assert_eq!(budget("n!u@h".len(), "#c", kind, 512), 512 - line.len());
        }
    }

    #[test]
    fn long_words_are_cut_in_time() {
        let text = "語".repeat(1_000_000);
        assert_eq!(split(&text, 400).concat(), text);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "([a ]|é|語|🫖|👩‍👧|e\u{301}|\\PC){0,40}", budget in 0_usize..24) {
            let parts = split(&text, budget);
            let mut rest = text.as_str();
            for part in &parts {
                rest = rest.strip_prefix(part).or_else(|| rest.strip_prefix(' ')?.strip_prefix(part))
                    .expect("each part follows the one before, with at most a space between");
                prop_assert!(!part.is_empty());
                prop_assert!(part.len() <= budget || part.chars().count() == 1);
            }
            prop_assert_eq!(rest, "");
        }

        #[test]
        fn graphemes_stay_whole(text in "(e\u{301}|👍🏽|🇩🇪|x| ){0,40}", budget in 16_usize..40) {
            let whole: Vec<&str> = text.graphemes(true).filter(|g| *g != " ").collect();
            let parts = split(&text, budget);
            let kept: Vec<&str> =
                parts.iter().flat_map(|part| part.graphemes(true)).filter(|g| *g != " ").collect();
            // Two flags are told apart only by counting from the start of a run of them.
            if !text.contains("🇩🇪🇩🇪") {
                prop_assert_eq!(kept, whole);
            }
        }
    }
}
