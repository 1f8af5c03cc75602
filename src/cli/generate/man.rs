//! The man pages of the program and its commands: what `--help` says, and what is in [`super::texts`].

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::parts::{CONFIG_PAGE, MANUAL, literal, references};
use super::texts::{ENVIRONMENT, EXAMPLES, FILES, SEE_ALSO};
use crate::version::VERSION;

/// A man page as a file.
pub(super) struct ManPage {
    /// "letsbridge-run.1"
    pub(super) file_name: String,
    /// In the language of man(7).
    pub(super) text: Vec<u8>,
}

/// The pages of `program` and all its commands, in their order.
pub(super) fn pages(mut program: Command) -> io::Result<Vec<ManPage>> {
    program.build();
    let mut pages = Vec::new();
    add_page(&program, "", &mut pages)?;
    Ok(pages)
}

/// Adds the page of `command` and those of the commands below it. `path` is what one types after the program's name.
fn add_page(command: &Command, path: &str, pages: &mut Vec<ManPage>) -> io::Result<()> {
    let name = page_name(command);
    pages.push(ManPage { file_name: format!("{name}.1"), text: page(command, path)? });
    for below in visible(command) {
        add_page(below, format!("{path} {}", below.get_name()).trim_start(), pages)?;
    }
    Ok(())
}

/// "letsbridge-accounts-write"
fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help")
}

fn page(command: &Command, path: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .title(page_name(command))
        .source(format!("letsbridge {VERSION}"))
        .manual(MANUAL);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    let mut add = |render: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
        let mut section = Vec::new();
        render(&mut section)?;
        text.extend_from_slice(without_preamble(&section));
        io::Result::Ok(())
    };
    add(&|out| man.render_name_section(out))?;
    add(&|out| man.render_synopsis_section(out))?;
    add(&|out| man.render_description_section(out))?;
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (remarks, exit_status) = help.split_once("Exit status: ").unwrap_or((&help, ""));
    add(&|out| paragraphs(remarks).to_writer(out))?;
    if command.get_arguments().any(|it| !it.is_hide_set()) {
        add(&|out| man.render_options_section(out))?;
    }
    if visible(command).next().is_some() {
        add(&|out| man.render_subcommands_section(out))?;
    }
    add(&|out| exit_status_section(exit_status).to_writer(out))?;
    if path.is_empty() {
        add(&|out| list("ENVIRONMENT", ENVIRONMENT).to_writer(out))?;
        add(&|out| list("FILES", FILES).to_writer(out))?;
    }
    add(&|out| examples(path).to_writer(out))?;
    add(&|out| see_also(command, path).to_writer(out))?;
    Ok(text)
}

/// What each part begins with, for apostrophes; once in a page is enough.
fn without_preamble(part: &[u8]) -> &[u8] {
    let mut preamble = Vec::new();
    // A vector takes everything.
    let _ = Roff::new().to_writer(&mut preamble);
    part.strip_prefix(&preamble[..]).unwrap_or(part)
}

fn paragraphs(text: &str) -> Roff {
    let mut page = Roff::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
        page.control("PP", []);
        page.text([roman(paragraph.replace('\n', " "))]);
    }
    page
}

/// `text` is "0 done; 1 something does not work; 2 argument error."
fn exit_status_section(text: &str) -> Roff {
    let mut statuses: Vec<String> = Vec::new();
    for part in text.trim().trim_end_matches('.').split("; ") {
        match statuses.last_mut() {
            // A semicolon within a meaning.
            Some(last) if !part.starts_with(|c: char| c.is_ascii_digit()) => {
                last.push_str("; ");
                last.push_str(part);
            }
            _ if part.is_empty() => {}
            _ => statuses.push(part.to_owned()),
        }
    }
    let statuses: Vec<(&str, &str)> = statuses.iter().filter_map(|it| it.split_once(' ')).collect();
    list("EXIT STATUS", &statuses)
}

/// A section of names with what they mean; nothing if there are none.
fn list(heading: &str, entries: &[(&str, &str)]) -> Roff {
    let mut page = Roff::new();
    if entries.is_empty() {
        return page;
    }
    page.control("SH", [heading]);
    for (name, meaning) in entries {
        page.control("TP", []);
        page.text([bold(*name)]);
        page.text([roman(*meaning)]);
    }
    page
}

/// The examples of the command at `path`.
fn examples(path: &str) -> Roff {
    let mut page = Roff::new();
    let mut heading = Some("EXAMPLES");
    for (_, purpose, commands) in EXAMPLES.iter().filter(|(of, ..)| *of == path) {
        if let Some(heading) = heading.take() {
            page.control("SH", [heading]);
        }
        page.control("PP", []);
        page.text([roman(*purpose)]);
        literal(&mut page, commands.lines());
    }
    page
}

/// The pages above, below and beside.
fn see_also(command: &Command, path: &str) -> Roff {
    let mut names: Vec<String> =
        visible(command).map(|below| format!("{}(1)", page_name(below))).collect();
    let words: Vec<&str> = path.split_whitespace().collect();
    if !words.is_empty() {
        names.insert(0, "letsbridge(1)".to_owned());
    }
    names.push(format!("{CONFIG_PAGE}(5)"));
    names.extend(SEE_ALSO.split(", ").map(str::to_owned));
    let mut page = Roff::new();
    page.control("SH", ["SEE ALSO"]);
    page.text(references(&names));
    page.control("PP", []);
    page.text([
        roman("Installed by a package, the documentation is in "),
        italic("/usr/share/doc/letsbridge/"),
        roman("; troubleshooting.md explains each message."),
    ]);
    page
}

#[cfg(test)]
#[path = "man_tests.rs"]
mod tests;
