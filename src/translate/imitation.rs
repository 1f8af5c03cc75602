//! Lines of a text that look as if somebody else, or the bridge itself, had said them.

use super::format::Prefixes;
use super::template::Template;
use super::{display_names, timestamp};
use crate::domain::MessageKind;

/// What stands before what the bridge itself has to say.
pub(super) const BRIDGE_PREFIX: &str = "-- ";

/// Characters that are taken for another at a glance.
const CONFUSABLES: [(&str, char); 6] = [
    ("‹＜〈⟨❮❰≺˂ᐸ﹤⟪«《≪⧼⦑˱", '<'),
    ("›＞〉⟩❯❱≻˃ᐳ﹥⟫»》≫⧽⦒˲", '>'),
    ("‐‑‒–—―⁃−﹘﹣－─━⸺⸻", '-'),
    ("∗＊⁎✱✲✳﹡٭⋆", '*'),
    ("［【〔⦗❲", '['),
    ("］】〕⦘❳", ']'),
];

/// Whether `line` could be taken for what somebody else has said, where the words before a text are
/// those of `names`.
pub(super) fn could_impersonate(line: &str, names: &Prefixes) -> bool {
    let Prefixes { text: talk, action, notice } = names;
    let own = [talk, action, notice];
    // A blank, or what cannot be seen, hides nothing of what follows; nor does a time.
    let line = trim_invisible_start(line);
    let plain = fold_confusables(strip_timestamps(line));
    plain.starts_with("--")
        || plain.starts_with("- ") && line.starts_with(|c: char| !c.is_ascii())
        || plain.starts_with("* ") && is_not_blank(&plain[2..])
        || starts_with_bracketed_name(&plain, '<', '>')
        || starts_with_bracketed_name(&plain, '-', '-')
        || own.iter().any(|name| could_match_template(name, line, &plain))
}

/// Whether the bridge could have said `text` in a channel, for somebody else, where the words before a text
/// are those of `names`.
#[must_use]
pub fn could_be_mirrored(kind: MessageKind, text: &str, names: &Prefixes) -> bool {
    let text = timestamp::strip_timestamp(text);
    names.for_kind(kind).could_match_start(text)
}

/// Whether `name`, filled in with whatever, could be the beginning of the line.
fn could_match_template(name: &Template, line: &str, plain: &str) -> bool {
    name.could_match_start(trim_invisible_start(timestamp::strip_timestamp(line)))
        || name.could_match_start_by(plain, fold_confusables)
}

/// `line` without blanks at its beginning, and without what cannot be seen there.
fn trim_invisible_start(line: &str) -> &str {
    line.trim_start_matches(|c: char| {
        c.is_whitespace() || display_names::is_invisible(c) || display_names::is_filler(c)
    })
}

/// `line` without times at its beginning, bare or in brackets.
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

/// `text` with what looks like another character as that.
fn fold_confusables(text: &str) -> String {
    let fold = |c: char| {
        let alike = CONFUSABLES.iter().find(|(alike, _)| !c.is_ascii() && alike.contains(c));
        match alike {
            // One long dash is as good as two.
            Some((_, '-')) if "—―⸺⸻━".contains(c) => "--".to_owned(),
            Some((_, plain)) => plain.to_string(),
            None if display_names::is_invisible(c) => String::new(),
            None if c.is_whitespace() || display_names::is_filler(c) => " ".to_owned(),
            None => c.to_string(),
        }
    };
    text.chars().map(fold).collect()
}

/// Whether `line` begins with a name in brackets, with something said behind it.
fn starts_with_bracketed_name(line: &str, open: char, close: char) -> bool {
    let Some((name, said)) = line.strip_prefix(open).and_then(|rest| rest.split_once(close)) else {
        return false;
    };
    let name = name.trim();
    let is_name = !name.is_empty() && !name.contains(['/', '=', '"', '\'']) && name.len() <= 100;
    // Between hyphens stands many a word.
    let apart = open == '<' || said.starts_with(' ') && !name.contains(' ');
    is_name && apart && is_not_blank(said)
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
