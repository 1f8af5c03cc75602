//! Whatever is written: no panic, no secret shown, every mistake on its line.

use super::*;

const SECRET: &str = "correct-horse-battery";

/// The example with everything in it, and secrets where they belong.
fn full_configuration() -> String {
    let line = |line| match ["#e.g. ", "#"].iter().find_map(|mark| commented_key(line, mark)) {
        Some(("password" | "token" | "key" | "room_password", line)) => {
            format!("{} = \"{SECRET}\"", line.split(' ').next().unwrap())
        }
        Some((_, line)) => line.to_owned(),
        None => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A slip of the hand in one line.
#[derive(Debug, Clone)]
struct Corruption {
    at: Index,
    how: u8,
    with: String,
}

fn corruption() -> impl Strategy<Value = Corruption> {
    (any::<Index>(), 0_u8..6, "[a-z_#\"'\\[\\]{}=.,0-9 é\0-]{0,12}")
        .prop_map(|(at, how, with)| Corruption { at, how, with })
}

impl Corruption {
    fn apply(&self, text: &str) -> String {
        let Self { at, how, with } = self;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = at.index(lines.len());
        let line = lines[at].clone();
        lines[at] = match (how, line.split_once(" = ")) {
            (0, _) => with.clone(),
            (1, Some((_, value))) => format!("wrong_{} = {value}", with.len()),
            (2, Some((key, _))) => format!("{key} = {with}"),
            (3, Some((key, _))) => format!("{key} = {with:?}"),
            (4, Some((key, value))) => format!("{key} = {value}{with}"),
            _ => return [text, &line].join("\n"),
        };
        lines.join("\n")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_loads_without_panic(
        text in "[a-z_\\[\\]\"'=\n.,#{}0-9é -]{0,200}",
        word in "[A-Z_é.\\[\\]0-9]{0,20}",
        value in ".{0,40}",
    ) {
        let desk = ConfigFixture::new()
            .variable("LETSBRIDGE__SHUTDOWN_TIMEOUT", &value)
            .variable(&format!("LETSBRIDGE__{word}"), &value);
        for text in [text.as_str(), MINIMAL] {
            if let Err(mistakes) = desk.load(text) {
                prop_assert!(!mistakes.diagnostics().is_empty());
            }
        }
    }

    #[test]
    fn corrupted_lines_are_reported_without_secrets(
        slips in prop::collection::vec(corruption(), 1..6),
    ) {
        let text = slips.iter().fold(full_configuration(), |text, slip| slip.apply(&text));
        let told = match ConfigFixture::new().load(&text) {
            Ok((_, warnings)) => warnings,
            Err(mistakes) => mistakes.diagnostics().to_vec(),
        };
        for diagnostic in &told {
            let line = diagnostic.to_string();
            prop_assert!(!line.contains(SECRET), "{}\n{}", line, text);
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            let Origin::File { line: number, .. } = diagnostic.origin else { panic!("{line}") };
            let (Some(number), Some(key)) = (number, &diagnostic.key) else { continue };
            // What is missing stands at its section; everything else on its own line.
            let name = key.rsplit('.').next().unwrap();
            let name = name.split('[').next().unwrap().trim_matches('"');
            let written = text.lines().nth(number - 1).unwrap();
            prop_assert!(
                diagnostic.problem == "missing" || written.contains(name) || key.ends_with(']'),
                "{}\n{}", line, written
            );
        }
    }

    #[test]
    fn unknown_key_is_reported(at in 0_usize..3, key in "[a-z_]{1,12}") {
        let (header, section, pattern) = [
            ("[irc.office]", "irc.office", "irc.*"),
            ("[letschat]", "letschat", "letschat"),
            ("[[link]]", "link[0]", "link[]"),
        ][at];
        prop_assume!(!config::known_keys().contains(&format!("{pattern}.{key}")));
        let text = MINIMAL.replace(header, &format!("{header}\n{key} = \"{SECRET}\""));
        let number = 1 + text.lines().position(|line| line.contains(SECRET)).unwrap();
        let desk = ConfigFixture::new();
        let told = desk.lines(desk.load(&text).unwrap_err().diagnostics());
        prop_assert_eq!(told.len(), 1);
        let expected = format!("bridge.toml:{number}: {section}.{key}: unknown key; ");
        prop_assert!(told[0].starts_with(&expected), "{:?}", told);
        prop_assert!(!told[0].contains(SECRET));
    }
}
