//! bridge.toml(5): the example configuration as a man page.

use std::io;

use clap_mangen::roff::{Roff, bold, roman};

use super::parts::{CONFIG_PAGE, MANUAL, literal, references};
use crate::version::VERSION;

/// The name of its file.
pub(super) const FILE_NAME: &str = "bridge.toml.5";

/// The configuration with all keys and what they mean. Its form: comments begin with "# ", keys that are set with their
/// name, defaults with "#" and examples with "#e.g. "; an empty line ends what is said of a key.
const EXAMPLE: &str = include_str!("../../../bridge.toml.example");

/// A line of the example.
#[derive(Debug, PartialEq)]
enum ExampleLine<'a> {
    Empty,
    /// Without its "# ".
    Comment(&'a str),
    /// `[log]`
    Section(&'a str),
    /// `name = value`, and what the value is.
    Key(&'a str, ValueKind),
}

/// What the example says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ValueKind {
    /// Something must be there.
    Required,
    /// It holds if the key is not there.
    Default,
    Example,
}

impl ValueKind {
    fn label(self) -> &'static str {
        match self {
            Self::Required => "Required, for example:",
            Self::Default => "Default:",
            Self::Example => "Example:",
        }
    }
}

fn read(line: &str) -> ExampleLine<'_> {
    if line.is_empty() {
        return ExampleLine::Empty;
    }
    if line.starts_with('[') {
        return ExampleLine::Section(line);
    }
    match line.strip_prefix('#') {
        None => ExampleLine::Key(line, ValueKind::Required),
        Some("") => ExampleLine::Comment(""),
        Some(rest) => match (rest.strip_prefix("e.g. "), rest.strip_prefix(' ')) {
            (Some(key), _) => ExampleLine::Key(key, ValueKind::Example),
            (None, Some(comment)) => ExampleLine::Comment(comment),
            (None, None) => ExampleLine::Key(rest, ValueKind::Default),
        },
    }
}

/// The page, in the language of man(7).
pub(super) fn text() -> io::Result<Vec<u8>> {
    let source = format!("letsbridge {VERSION}");
    let mut page = Roff::new();
    page.control("TH", [CONFIG_PAGE, "5", "", &source, MANUAL]);
    page.control("SH", ["NAME"]);
    page.text([roman("bridge.toml - configuration of letsbridge")]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("/etc/letsbridge/bridge.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    let mut has_keys = false;
    for block in EXAMPLE.split("\n\n") {
        let lines: Vec<ExampleLine> = block.lines().map(read).collect();
        let section = lines.iter().position(|line| matches!(line, ExampleLine::Section(_)));
        if !has_keys && section.is_none() && lines.iter().any(is_key) {
            page.control("SH", ["KEYS ABOVE ALL SECTIONS"]);
            has_keys = true;
        }
        match section {
            Some(at) => {
                add_section(&mut page, &lines[at], &lines[..at]);
                add_keys(&mut page, &lines[at + 1..]);
            }
            None => add_keys(&mut page, &lines),
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text(references(&["letsbridge-init", "letsbridge-check", "letsbridge"].map(in_section_1)));
    let mut text = Vec::new();
    page.to_writer(&mut text)?;
    Ok(text)
}

fn in_section_1(name: &str) -> String {
    format!("{name}(1)")
}

fn is_key(line: &ExampleLine) -> bool {
    matches!(line, ExampleLine::Key(..))
}

/// Adds the heading of a section, and the comment above it.
fn add_section(page: &mut Roff, name: &ExampleLine, comment: &[ExampleLine]) {
    if let ExampleLine::Section(name) = name {
        page.control("SH", [&*format!("SECTION {name}")]);
    }
    add_text(page, comment);
}

/// Adds keys that stand together, with the comment above them; or that comment alone.
fn add_keys(page: &mut Roff, lines: &[ExampleLine]) {
    let keys: Vec<(&str, &str, ValueKind)> = lines
        .iter()
        .filter_map(|line| match line {
            ExampleLine::Key(key, kind) => {
                key.split_once(" = ").map(|(key, value)| (key, value, *kind))
            }
            _ => None,
        })
        .collect();
    for (number, (key, ..)) in keys.iter().enumerate() {
        page.control(if number == 0 { "TP" } else { "TQ" }, []);
        page.text([bold(*key)]);
    }
    // A further paragraph would leave the indentation that a tag gives.
    if !keys.is_empty() {
        page.control("RS", []);
        // No empty line between the tag and its text.
        page.control("PD", ["0"]);
    }
    add_text(page, lines);
    if !keys.is_empty() {
        page.control("PD", []);
    }
    for (key, value, kind) in &keys {
        let key = if keys.len() > 1 { format!("{key} = ") } else { String::new() };
        page.control("PP", []);
        // A value is not broken into lines.
        page.control("nf", []);
        page.text([roman(kind.label()), roman(" "), bold(format!("{key}{value}"))]);
        page.control("fi", []);
    }
    if !keys.is_empty() {
        page.control("RE", []);
    }
}

/// Adds the comments among `lines`: indented lines, and those around them that are part of the list, stay as they are.
fn add_text(page: &mut Roff, lines: &[ExampleLine]) {
    let comments = lines.iter().filter_map(|line| match line {
        ExampleLine::Comment(text) => Some(*text),
        _ => None,
    });
    let mut flowing = Vec::new();
    let mut fixed = Vec::new();
    for line in comments {
        let is_fixed = line.starts_with(' ');
        if is_fixed || line.is_empty() {
            flush(page, &mut flowing);
        }
        if !is_fixed {
            flush_fixed(page, &mut fixed);
        }
        if is_fixed {
            fixed.push(line);
        } else if !line.is_empty() {
            flowing.push(line);
        }
    }
    flush(page, &mut flowing);
    flush_fixed(page, &mut fixed);
}

/// Adds a paragraph of `lines`, and forgets them.
fn flush(page: &mut Roff, lines: &mut Vec<&str>) {
    if !lines.is_empty() {
        page.control("PP", []);
        page.text([roman(lines.join(" "))]);
        lines.clear();
    }
}

/// Adds `lines` as they are, without what all are indented by, and forgets them.
fn flush_fixed(page: &mut Roff, lines: &mut Vec<&str>) {
    if !lines.is_empty() {
        let indent = |line: &&str| line.len() - line.trim_start().len();
        let common = lines.iter().map(indent).min().unwrap_or(0);
        literal(page, lines.iter().map(|line| &line[common..]));
        lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_read() {
        for (line, expected) in [
            ("", ExampleLine::Empty),
            ("#", ExampleLine::Comment("")),
            ("# The nick.", ExampleLine::Comment("The nick.")),
            ("#   indented", ExampleLine::Comment("  indented")),
            ("[irc.office]", ExampleLine::Section("[irc.office]")),
            ("[[link]]", ExampleLine::Section("[[link]]")),
            ("room = \"dev\"", ExampleLine::Key("room = \"dev\"", ValueKind::Required)),
            ("#tls = true", ExampleLine::Key("tls = true", ValueKind::Default)),
            ("#e.g. key = \"x\"", ExampleLine::Key("key = \"x\"", ValueKind::Example)),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn each_key_and_each_section_of_the_example_is_in_the_page() {
        let page = String::from_utf8(text().expect("a vector takes all")).expect("UTF-8");
        let mut count = 0;
        for line in EXAMPLE.lines().map(read) {
            match line {
                ExampleLine::Key(key, _) => {
                    let (name, _) = key.split_once(" = ").expect("a key has a value");
                    assert!(page.contains(&format!("\n\\fB{name}\\fR\n")), "{name}");
                    count += 1;
                }
                ExampleLine::Section(name) => {
                    assert!(page.contains(&format!("SECTION {name}")), "{name}");
                }
                _ => {}
            }
        }
        assert!(count > 80, "only {count} keys were found");
    }
}
