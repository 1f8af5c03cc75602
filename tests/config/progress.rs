//! `[progress]`: whom the counting of a move takes for programs, and for people.

use super::*;

fn with_progress(lines: &str) -> String {
    format!("{MINIMAL}\n[progress]\n{lines}\n")
}

#[test]
fn names_are_read_as_they_are_written() {
    let fixture = ConfigFixture::new();
    assert!(fixture.settings(MINIMAL).progress.bots.is_empty());
    let lines = "bots = [\"ci\", \"deploy-*\"]\npeople = [\"jacobot\"]";
    let progress = fixture.settings(&with_progress(lines)).progress;
    assert_eq!(progress.bots, ["ci", "deploy-*"]);
    assert_eq!(progress.people, ["jacobot"]);
}

#[test]
fn mistakes_name_the_item_and_what_would_do() {
    let fixture = ConfigFixture::new();
    for (text, told) in [
        ("bots = [\"\"]", "progress.bots[0]: \"\" is not a name; write names without spaces"),
        ("people = [\"a\", \"b c\"]", "progress.people[1]: \"b c\" is not a name; write names"),
        ("bots = \"ci\"", "progress.bots: "),
        ("bot = []", "progress.bot: unknown key; did you mean \"bots\"?"),
    ] {
        let errors = fixture.load(&with_progress(text)).unwrap_err();
        let mistakes = fixture.lines(errors.diagnostics());
        assert!(mistakes.len() == 1 && mistakes[0].contains(told), "{text}: {mistakes:?}");
    }
}
