//! What people are told about the phases of links, and the phases themselves.

use letsbridge::domain::{LinkFlow, LinkPhase};
use letsbridge::translate::{AnnouncementFacts, Announcements};

use super::*;

#[test]
fn links_have_a_phase_and_a_direction() {
    let settings = ConfigFixture::new().settings(MINIMAL);
    let link = &settings.links[0];
    assert_eq!((link.phase, link.direction), (LinkPhase::Together, LinkFlow::Both));
    let text = with("", "", "phase = \"irc_read_only\"\ndirection = \"to_irc\"\n");
    let settings = ConfigFixture::new().settings(&text);
    let link = &settings.links[0];
    assert_eq!((link.phase, link.direction), (LinkPhase::IrcReadOnly, LinkFlow::ToIrc));
}

#[test]
fn unknown_phases_and_directions_have_their_lines() {
    let text = with("", "", "phase = \"readonly\"\ndirection = \"irc\"\n");
    ConfigFixture::new().assert_errors(
        &text,
        &[
            "bridge.toml:12: link[0].phase: \"readonly\" is not a valid value; use \"together\" or \
             \"moving\" or \"irc_read_only\" or \"closed\"",
            "bridge.toml:13: link[0].direction: \"irc\" is not a valid value; use \"both\" or \
             \"to_letschat\" or \"to_irc\"",
        ],
    );
}

#[test]
fn announcements_are_in_the_words_of_the_team() {
    let text = "[announcements]\nmoving = \"wir ziehen um nach {url}\"\nwelcome = \"{nick}: hallo\"\nclosed = \"\"\n";
    let announcements = ConfigFixture::new().settings(&with("", text, "")).announcements;
    let facts = AnnouncementFacts {
        url: "https://chat".to_owned(),
        nick: "ann".to_owned(),
        ..AnnouncementFacts::default()
    };
    let moving = announcements.of(LinkPhase::Moving).render(&facts);
    assert_eq!(moving, "wir ziehen um nach https://chat");
    assert_eq!(announcements.welcome.render(&facts), "ann: hallo");
    assert!(announcements.of(LinkPhase::Closed).is_empty());
    let default = Announcements::default();
    assert_eq!(announcements.topic, default.topic);
    assert_eq!(ConfigFixture::new().settings(MINIMAL).announcements, default);
}

#[test]
fn mistakes_in_announcements_have_their_lines() {
    let long = "x".repeat(301);
    let text = format!(
        "[announcements]\nmoving = \"{{nick}}, we move\"\nwelcome = \"{{who}}\"\nclosed = \"a\\nQUIT\"\n\
         topic = \"{{url\"\ntogether = \"{long}\"\nmovin = \"x\"\n"
    );
    let Err(mistakes) = ConfigFixture::new().load(&with("", &text, "")) else { panic!("mistakes") };
    let mistakes = mistakes.to_string();
    for words in [
        "announcements.moving: unknown field {nick}; valid fields: {room}, {url}, {channel}, {network}",
        "announcements.welcome: unknown field {who}; valid fields: {room}, {url}, {channel}, {network}, {nick}",
        "announcements.closed: contains a line break or another control character",
        "announcements.topic: unmatched {",
        "is 301 bytes long, and would not fit into a line of IRC; write at most 300 bytes",
        "announcements.movin: unknown key",
    ] {
        assert!(mistakes.contains(words), "{words}\n{mistakes}");
    }
}

#[test]
fn announcements_fit_into_a_line_with_their_fields() {
    for (text, mistake) in [
        ("moving = \"{url}{url}{url}{url}{url}\"", None),
        (
            "moving = \"{url}{url}{url}{url}{url}{url}\"",
            Some(
                "announcements.moving: \"{url}{url}{url}{url}{url}{url}\" can have 420 bytes with its fields",
            ),
        ),
        (
            "welcome = \"{url} LONG\"",
            Some(
                "announcements.welcome: together with the other text of the welcome, it can have 452 bytes",
            ),
        ),
        (
            "welcome_link = \"LONG\"",
            Some(
                "announcements.welcome_link: together with the other text of the welcome, it can have",
            ),
        ),
        ("welcome = \"{url} LONG\"\nwelcome_link = \"\"", None),
        ("welcome = \"\"\nwelcome_link = \"LONG\"", None),
    ] {
        let text = text.replace("LONG", &"x".repeat(300 - "{url} ".len()));
        let found = ConfigFixture::new().load(&with("", &format!("[announcements]\n{text}\n"), ""));
        let found = found.err().map(|mistakes| mistakes.to_string());
        let is_expected = match (&found, mistake) {
            (Some(found), Some(mistake)) => found.contains(mistake),
            (found, mistake) => found.is_none() == mistake.is_none(),
        };
        assert!(is_expected, "{text}: {found:?}");
    }
}
