//! Tests of the man pages.

use std::collections::BTreeSet;

use super::*;
use crate::cli;

fn page_texts() -> Vec<(String, String)> {
    let pages = pages(cli::command()).expect("a vector takes all");
    pages.into_iter().map(|it| (it.file_name, String::from_utf8(it.text).expect("UTF-8"))).collect()
}

#[test]
fn each_command_has_a_page_with_all_sections() {
    let pages = page_texts();
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["letsbridge.1", "letsbridge-run.1", "letsbridge-accounts-write.1"] {
        assert!(names.contains(name), "{names:?}");
    }
    assert!(!names.contains("letsbridge-demo-bridge.1"), "hidden commands have no page");
    for (name, text) in &pages {
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"] {
            assert!(
                text.contains(&format!(".SH {heading}\n"))
                    || text.contains(&format!(".SH \"{heading}\"\n")),
                "{name}: {heading}\n{text}"
            );
        }
        assert_eq!(text.matches("\n.ie").count() + text.matches(".ie \\n(.g").count(), 1, "{name}");
    }
}

#[test]
fn each_command_says_its_exit_status() {
    let mut program = cli::command();
    program.build();
    for (name, text) in page_texts() {
        // Those with commands below them only run these; the demo ends with Ctrl-C.
        let only_others = [
            "letsbridge.1",
            "letsbridge-accounts.1",
            "letsbridge-archive.1",
            "letsbridge-generate.1",
            "letsbridge-import.1",
            "letsbridge-store.1",
            "letsbridge-demo.1",
        ];
        if !only_others.contains(&name.as_str()) {
            assert!(text.contains(".SH \"EXIT STATUS\""), "{name}:\n{text}");
            assert!(text.contains("\n\\fB0\\fR\n"), "{name}:\n{text}");
        }
    }
}

#[test]
fn exit_statuses_are_split() {
    let text =
        exit_status_section("0 done, or nothing to do; 1 failed; it says why; 130 interrupted.");
    let text = text.to_roff();
    for part in [
        "\\fB0\\fR\ndone, or nothing to do\n",
        "\\fB1\\fR\nfailed; it says why\n",
        "\\fB130\\fR\ninterrupted",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn each_example_is_of_a_command_and_is_accepted() {
    let mut program = cli::command();
    program.build();
    for (path, _, commands) in EXAMPLES {
        let mut command = &program;
        for word in path.split_whitespace() {
            command = command.find_subcommand(word).unwrap_or_else(|| panic!("no command {path}"));
        }
        let commands =
            commands.replace("\\\n", " ").replace("source <(", "").replace("bash)", "bash");
        for line in commands.lines() {
            let words = line.split_whitespace().skip_while(|word| *word != "letsbridge");
            let words: Vec<String> = words.map(|word| word.replace('\'', "")).collect();
            if words.is_empty() || line.contains("systemctl") || line.contains("journalctl") {
                continue;
            }
            if let Err(error) = cli::command().try_get_matches_from(&words) {
                panic!("{line}\n{error}");
            }
        }
    }
}
