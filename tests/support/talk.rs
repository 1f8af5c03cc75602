//! What is said in the tests of the whole road, and how what arrives is compared with it.

/// How many channels and rooms are joined.
pub(crate) const ROOMS: usize = 10;

/// How many messages are said on each side, in all rooms together.
pub(crate) const MESSAGES: usize = 1_000;

/// All words of all lines, cut where a line was cut: character by character.
pub(crate) fn words(lines: &[String]) -> Vec<String> {
    let all: String = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    all.chars().map(String::from).collect()
}

/// Fails with the first difference, and what stands around it.
#[track_caller]
pub(crate) fn same(heard: &[String], expected: &[String], place: &str) {
    let at = heard.iter().zip(expected).take_while(|(heard, expected)| heard == expected).count();
    if heard.len() != at || expected.len() != at {
        let around = |all: &[String]| all[at.saturating_sub(2)..all.len().min(at + 20)].to_vec();
        panic!("{place} differs at {at}: {:?} is not {:?}", around(heard), around(expected));
    }
}

/// What is said in the rooms: text of every kind.
pub(crate) fn text(at: usize) -> String {
    match at / ROOMS % 10 {
        0 => format!("{at} kettle's on"),
        1 => format!("{at} 日本語の長い文 {}", "漢字".repeat(300)),
        2 => format!("{at} 👩‍👩‍👧‍👦👍🏽🇩🇪 {}", "👩‍👩‍👧‍👦".repeat(60)),
        3 => format!("{at} שלום עולם مرحبا بالعالم"),
        4 => format!("{at} {}", "four thousand characters ".repeat(160)),
        5 => format!("{at} \u{1}ACTION\u{1} \u{2}bold\u{2} \u{3}4red\u{3} \u{0} \u{7f}"),
        6 => format!("{at} @all and @ann and #room1 :smile:"),
        7 => format!("{at} first\nsecond\r\n\r\nQUIT :third"),
        8 => "   ".to_owned(),
        _ => format!("{at} {}", "x".repeat(4_000)),
    }
}

/// What is said on IRC: a line of every kind.
pub(crate) fn line(at: usize) -> String {
    match at / ROOMS % 8 {
        0 => format!("{at} kettle's on"),
        1 => format!("{at} 日本語 {}", "漢字".repeat(50)),
        2 => format!("{at} 👩‍👩‍👧‍👦👍🏽🇩🇪"),
        3 => format!("{at} שלום עולם"),
        4 => format!("{at} \u{2}bold\u{2} \u{3}4red\u{3} \u{1f}under"),
        5 => format!("{at} @all :smile: <b>&amp;"),
        6 => "   ".to_owned(),
        _ => format!("{at} {}", "y".repeat(300)),
    }
}

/// How a channel hears a `text`: without what is a command, a look or nothing there.
pub(crate) fn spoken(text: &str) -> String {
    text.replace("\u{3}4", "").replace(['\u{2}', '\u{3}', '\0', '\u{7f}'], "").replace('\x01', "␁")
}

/// How a room shows a `line` of ann: without what IRC alone knows, and nobody is called by it who did not ask
/// for it. One in which nothing can be seen is not shown.
pub(crate) fn shown(line: &str) -> Option<String> {
    let plain = line.replace("\u{3}4", "").replace(['\u{2}', '\u{3}', '\u{1f}'], "");
    let shown = plain.replace("@all", "@\u{200b}all");
    (!shown.trim().is_empty()).then(|| format!("<ann> {shown}"))
}
