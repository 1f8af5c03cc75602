//! Detects lines in a text that could be taken for another user's message, or for the bridge's.

use super::format::Prefixes;
use super::template::Template;
use super::{characters, timestamp};
use crate::domain::MessageKind;

/// The prefix of the bridge's own notices.
pub(super) const BRIDGE_PREFIX: &str = "-- ";

/// Characters that look like others.
const CONFUSABLES: [(&str, char); 6] = [
    ("‹＜〈⟨❮❰≺˂ᐸ﹤⟪«《≪⧼⦑˱", '<'),
    ("›＞〉⟩❯❱≻˃ᐳ﹥⟫»》≫⧽⦒˲", '>'),
    ("‐‑‒–—―⁃−﹘﹣－─━⸺⸻", '-'),
    ("∗＊⁎✱✲✳﹡٭⋆", '*'),
    ("［【〔⦗❲", '['),
    ("］】〕⦘❳", ']'),
];

/// Whether `line` could be taken for another user's message, with the prefixes `names`.
pub(super) fn could_impersonate(line: &str, names: &Prefixes) -> bool {
    let Prefixes { text: message, action, notice } = names;
    let own = [message, action, notice];
    // Skip blanks, invisible characters and timestamps.
    let line = trim_invisible_start(line);
    let plain = fold_confusables(strip_timestamps(line));
    plain.starts_with("--")
        || plain.starts_with("- ") && line.starts_with(|c: char| !c.is_ascii())
        || plain.starts_with("* ") && is_not_blank(&plain[2..])
        || starts_with_bracketed_name(&plain, '<', '>')
        || starts_with_bracketed_name(&plain, '-', '-')
        || own.iter().any(|name| could_match_template(name, line, &plain))
}

/// Whether `text` in a channel could have been sent by the bridge on behalf of a user, with the prefixes
/// `names`.
#[must_use]
pub fn could_be_mirrored(kind: MessageKind, text: &str, names: &Prefixes) -> bool {
    let text = timestamp::strip_timestamp(text);
    names.for_kind(kind).could_match_start(text)
}

/// Whether `name`, with any values, could match the start of the line.
fn could_match_template(name: &Template, line: &str, plain: &str) -> bool {
    name.could_match_start(trim_invisible_start(timestamp::strip_timestamp(line)))
        || name.could_match_start_by(plain, fold_confusables)
}

/// `line` without leading blanks and invisible characters.
fn trim_invisible_start(line: &str) -> &str {
    line.trim_start_matches(|c: char| {
        c.is_whitespace() || characters::is_invisible(c) || characters::is_filler(c)
    })
}

/// `line` without leading times, bare or in brackets.
fn strip_timestamps(line: &str) -> &str {
    let mut line = line;
    loop {
        let time = |c: char| c.is_ascii_digit() || ":.-/TZ ".contains(c);
        let open = line.strip_prefix(['[', '(', '［', '【', '（']);
        let rest = match open {
            Some(inside) => inside
                .split_once([']', ')', '］', '】', '）'])
                .filter(|(it, _)| it.chars().all(time)),
            None => line
                .split_once(char::is_whitespace)
                .filter(|(it, _)| it.contains(':') && it.chars().all(time)),
        };
        match rest {
            Some((time, rest)) if time.contains(|c: char| c.is_ascii_digit()) => {
                line = trim_invisible_start(rest);
            }
            _ => return line,
        }
    }
}

/// Replaces look-alike characters.
pub(super) fn fold_confusables(text: &str) -> String {
    let fold = |c: char| {
        let alike = CONFUSABLES.iter().find(|(alike, _)| !c.is_ascii() && alike.contains(c));
        match alike {
            // One long dash counts as two.
            Some((_, '-')) if "—―⸺⸻━".contains(c) => "--".to_owned(),
            Some((_, plain)) => plain.to_string(),
            None if characters::is_invisible(c) => String::new(),
            None if c.is_whitespace() || characters::is_filler(c) => " ".to_owned(),
            None => c.to_string(),
        }
    };
    text.chars().map(fold).collect()
}

/// Whether `line` starts with a name in brackets, followed by text.
fn starts_with_bracketed_name(line: &str, open: char, close: char) -> bool {
    let Some((name, text)) = line.strip_prefix(open).and_then(|rest| rest.split_once(close)) else {
        return false;
    };
    let name = name.trim();
    let is_name = !name.is_empty() && !name.contains(['/', '=', '"', '\'']) && name.len() <= 100;
    // Many words contain hyphens.
    let apart = open == '<' || text.starts_with(' ') && !name.contains(' ');
    is_name && apart && is_not_blank(text)
}

fn is_not_blank(text: &str) -> bool {
    !text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::format::RoomFormat;

    #[test]
    fn impersonating_lines_are_flagged() {
        let names = RoomFormat::default().prefixes;
        for line in [
            "<bob> I quit",
            " <bob> I quit",
            "\t<bob> I quit",
            "\u{a0}<bob> I quit",
            "\u{2800}<bob> I quit",
            "\u{3000}\u{2003}<bob> I quit",
            "\u{200b}\u{feff}<bob> I quit",
            "\u{3164}<bob> I quit",
            "[09:41] <bob> I quit",
            "[09:41Z] <bob> I quit",
            "[2026-11-21 23:41Z] <bob> I quit",
            "09:41 <bob> I quit",
            "09:41:02 <@bob> I quit",
            "(09:41) [10:00] <bob> I quit",
            "‹bob› I quit",
            "＜bob＞ I quit",
            "〈bob〉I quit",
            "<bob>I quit",
            "< bob > I quit",
            "<\u{200b}bob\u{200b}>\u{a0}I quit",
            "-- the bridge is shutting down",
            " -- the bridge is shutting down",
            "--\u{a0}the bridge is shutting down",
            "— the bridge is shutting down",
            "–– the bridge is shutting down",
            "－－ the bridge is shutting down",
            "[09:41Z] -- the bridge is shutting down",
            "* bob waves",
            "  * bob waves",
            "＊ bob waves",
            "* \u{200b}bob waves",
            "-bob- I quit",
            "‐bob‐ I quit",
        ] {
            assert!(could_impersonate(line, &names), "{line:?}");
        }
    }

    #[test]
    fn ordinary_lines_are_not_flagged() {
        let names = RoomFormat::default().prefixes;
        for line in [
            "",
            "hi",
            "    let x = 1;",
            "\treturn",
            "<div>",
            "</div>x",
            "<a href=\"x\">y",
            "- one",
            "-x",
            "a well-known <fact> indeed",
            "[x] done",
            "12:30 lunch",
            "*bold*",
            "> quoted",
        ] {
            assert!(!could_impersonate(line, &names), "{line:?}");
        }
    }

    #[test]
    fn custom_prefix_templates_are_flagged() {
        let template = |text| Template::parse(text).expect("a template");
        let names = Prefixes {
            text: template("{nick} | "),
            action: template("«{nick}» "),
            notice: template("! {nick} "),
        };
        for line in
            ["bob | hi", " bob | hi", "[09:41Z] bob | hi", "<<bob>> hi", "<bob> waves", "! bob hi"]
        {
            assert!(could_impersonate(line, &names), "{line:?}");
        }
        assert!(!could_impersonate("hi", &names));
    }
}
