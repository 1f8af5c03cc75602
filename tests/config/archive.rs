//! `[archive]`: whether and how long the bridge keeps what is said.

use super::*;

/// The minimal configuration with `[archive]` and these lines.
fn with_archive(lines: &str) -> String {
    format!("{MINIMAL}\n[archive]\n{lines}\n")
}

#[test]
fn archive_is_off_by_default() {
    let fixture = ConfigFixture::new();
    for text in [MINIMAL.to_owned(), with_archive(""), with_archive("keep = \"30d\"")] {
        assert!(!fixture.settings(&text).archive.enabled, "{text}");
    }
}

#[test]
fn archive_is_kept_for_ever_or_as_long_as_said() {
    let fixture = ConfigFixture::new();
    for (keep, expected) in [
        ("", None),
        ("keep = \"forever\"", None),
        ("keep = \"3650d\"", Some(Duration::from_secs(3_650 * 24 * 60 * 60))),
    ] {
        let settings = fixture.settings(&with_archive(&format!("enabled = true\n{keep}")));
        assert!(settings.archive.enabled);
        assert_eq!(settings.archive.keep, expected, "{keep}");
        assert_eq!(settings.archive.time_zone.iana_name(), Some("UTC"));
    }
}

#[test]
fn mistakes_name_the_line_and_what_would_do() {
    let line = MINIMAL.lines().count() + 3;
    let fixture = ConfigFixture::new();
    for (text, told) in [
        (
            "time_zone = \"Mars\"",
            "archive.time_zone: \"Mars\" is not a time zone; write the name of a region and a city",
        ),
        ("keep = \"a while\"", "archive.keep: "),
        ("enabled = \"perhaps\"", "archive.enabled: "),
        ("keeps = \"30d\"", "archive.keeps: unknown key; did you mean \"keep\"?"),
    ] {
        let errors = fixture.load(&with_archive(text)).unwrap_err();
        let mistakes = fixture.lines(errors.diagnostics());
        let expected = format!("bridge.toml:{line}: {told}");
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(&expected), "{mistakes:?}");
    }
}
