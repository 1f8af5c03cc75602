//! Each command line in the documentation is one that the program accepts.

use clap::error::ErrorKind;

use crate::pages::{Page, pages};

#[test]
fn commands_are_accepted() {
    let mut count = 0;
    for page in pages() {
        for line in commands(&page) {
            count += 1;
            if let Err(error) = letsbridge::cli::command().try_get_matches_from(words(&line)) {
                let is_fine =
                    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                assert!(is_fine, "{}: {line}\n{error}", page.path.display());
            }
        }
    }
    assert!(count > 15, "only {count} commands were found");
}

/// The lines that run the program.
fn commands(page: &Page) -> Vec<String> {
    let mut lines = page.code_spans();
    for block in &page.blocks {
        // A backslash continues a line.
        let text = block.lines.join("\n").replace("\\\n", " ");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.iter().filter_map(|line| command(line)).collect()
}

/// The part of a line that runs the program, if it does.
fn command(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches("$ ");
    let line = line.split(" # ").next().unwrap_or_default();
    let line = line.split("   ").next().unwrap_or_default();
    let mut rest = line;
    loop {
        let (first, after) = rest.split_once(' ')?;
        match first {
            "sudo" => rest = after,
            // A variable.
            _ if first.contains('=') && !first.starts_with('-') => rest = after,
            "letsbridge" | "target/release/letsbridge" => {
                return Some(format!("letsbridge {after}"));
            }
            "cargo" => {
                let (_, arguments) = after.strip_prefix("run ")?.split_once("-- ")?;
                return Some(format!("letsbridge {arguments}"));
            }
            _ => return None,
        }
    }
}

/// Splits a line as a shell does.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            (c, Some(end)) if c == end => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("never empty").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
