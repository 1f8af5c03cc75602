//! `letsbridge archive redact`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::ArchiveCommandError;
use crate::cli::table::printable;
use crate::config::Settings;
use crate::store::archive::{Archive, ArchiveLineId, ArchivePerson, RedactionOrder};

/// What everybody reads as the one who took something out, unless it is said.
const USUAL_NAME: &str = "an administrator";

/// Longer words of the administrator are refused.
const MAX_CHARS: usize = 300;

/// What to take out.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RedactTarget {
    /// Addresses of lines, as they stand in the links to them
    #[arg(value_name = "ID")]
    lines: Vec<String>,
    /// All that this person has said until now, and their names: `dave`, or `libera/dave` for a name on one network
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
}

/// The arguments of `archive redact`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bridge can keep running. The texts are erased from the archive, and imports do not bring them \
                  back. In their place everybody reads when they were taken out, by whom and why. The ledger keeps \
                  what was said recently for as long as store.retention says. Copies and exports that were made before \
                  still hold them, and so do Let's Chat and IRC. Exit status: 0 done; 1 something was not found, or \
                  could not be taken out; 2 configuration or argument error."
)]
pub(super) struct RedactArgs {
    #[command(flatten)]
    target: RedactTarget,
    /// Why, as everybody will read it
    #[arg(long)]
    reason: Option<String>,
    /// By whom, as everybody will read it
    #[arg(long, default_value = USUAL_NAME)]
    by: String,
    /// Do not ask before all lines of a person are taken out
    #[arg(long)]
    yes: bool,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

impl RedactArgs {
    pub(super) fn config(&self) -> &Path {
        &self.config
    }
}

/// Takes out what the arguments name.
pub(super) fn redact(
    settings: &Settings,
    arguments: &RedactArgs,
) -> Result<(), ArchiveCommandError> {
    for words in arguments.reason.iter().chain([&arguments.by]) {
        if words.chars().count() > MAX_CHARS {
            let problem = format!("--reason and --by: write at most {MAX_CHARS} characters");
            return Err(ArchiveCommandError::Asked(problem));
        }
    }
    let order = RedactionOrder {
        by: arguments.by.clone(),
        at: Timestamp::now(),
        reason: arguments.reason.clone(),
    };
    let mut archive = Archive::open(&settings.state_dir)?;
    match &arguments.target.person {
        Some(name) => redact_person(&mut archive, name, &order, arguments.yes),
        None => redact_lines(&mut archive, &arguments.target.lines, &order),
    }
}

fn redact_lines(
    archive: &mut Archive,
    lines: &[String],
    order: &RedactionOrder,
) -> Result<(), ArchiveCommandError> {
    let mut missing = Vec::new();
    for text in lines {
        // A whole link is as good as its end.
        let id = text.rsplit(['/', '#']).next().unwrap_or(text);
        let count = match id.parse::<ArchiveLineId>() {
            Ok(id) => archive.redact_line(id, order)?,
            Err(_) => 0,
        };
        match count {
            0 => missing.push(text.clone()),
            1 => println!("{text}: taken out"),
            rooms => println!("{text}: taken out of {rooms} rooms"),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(ArchiveCommandError::Asked(format!(
        "{}: no such line, or it is taken out already; an address has 24 digits, as in the link to the line",
        missing.join(", ")
    )))
}

fn redact_person(
    archive: &mut Archive,
    name: &str,
    order: &RedactionOrder,
    is_sure: bool,
) -> Result<(), ArchiveCommandError> {
    let people = archive.people_named(name)?;
    let person = match people.as_slice() {
        [] => {
            let problem = format!("{name}: nobody of that name has said anything");
            return Err(ArchiveCommandError::Asked(problem));
        }
        [person] => person,
        several => {
            let names: Vec<String> = several.iter().map(names_of).collect();
            return Err(ArchiveCommandError::Asked(format!(
                "{name}: several people have that name; use another of their names, or NETWORK/NAME:\n  {}",
                names.join("\n  ")
            )));
        }
    };
    println!("Names: {}", names_of(person));
    if !is_sure && !confirm("Take out all that they have said? It cannot be undone. [y/N] ")? {
        return Err(ArchiveCommandError::Asked("nothing was taken out".to_owned()));
    }
    let count = archive.redact_person(person.id, order, |_| {})?;
    println!("{count} lines taken out, with the names");
    Ok(())
}

fn names_of(person: &ArchivePerson) -> String {
    printable(&person.names.join(", "))
}

fn confirm(question: &str) -> Result<bool, ArchiveCommandError> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let problem = "nobody can be asked: add --yes".to_owned();
        return Err(ArchiveCommandError::Asked(problem));
    }
    let failed = |error| ArchiveCommandError::File { path: "standard output".to_owned(), error };
    print!("{question}");
    std::io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    stdin.read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
