//! `letsbridge archive redact`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::ArchiveCommandError;
use crate::cli::run;
use crate::cli::table::printable;
use crate::config::Settings;
use crate::service::cluster::cluster_config;
use crate::store::archive::{Archive, ArchiveLineId, ArchivePerson};
use crate::store::{
    RedactionOrder, SharedRedaction, StoreError, order_redaction, redact_in_cluster,
};

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
                  still hold them, and so do Let's Chat and IRC. Where two nodes share a store in PostgreSQL, the other \
                  one takes them out as well, as soon as it can; if PostgreSQL cannot be reached, nothing is taken out. \
                  Run it on the active node, whose archive is complete. Exit status: 0 done; 1 something was not found, \
                  or could not be taken out; 2 configuration or argument error."
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
        Some(name) => redact_person(settings, &mut archive, (name, arguments.yes), &order),
        None => redact_lines(settings, &mut archive, &arguments.target.lines, &order),
    }
}

/// Gives the order to all nodes, and to archives that are begun anew. Only then anything is taken out here: what is taken
/// out here could not be ordered again.
fn give_order(settings: &Settings, redaction: &SharedRedaction) -> Result<(), ArchiveCommandError> {
    let give = || -> Result<(), StoreError> {
        let directory = &settings.state_dir;
        match cluster_config(settings)? {
            Some(cluster) => {
                run::build_runtime().block_on(redact_in_cluster(&cluster, directory, redaction))
            }
            None => order_redaction(directory, redaction),
        }
    };
    give().map_err(ArchiveCommandError::NotOrdered)
}

/// What to do if something is not here, where another node may have it.
fn advice(settings: &Settings) -> &'static str {
    match &settings.store.cluster {
        Some(_) => ". The archive of the active node may have it: run the command there",
        None => "",
    }
}

fn redact_lines(
    settings: &Settings,
    archive: &mut Archive,
    lines: &[String],
    order: &RedactionOrder,
) -> Result<(), ArchiveCommandError> {
    // A whole link is as good as its end.
    let end = |text: &String| text.rsplit(['/', '#']).next().unwrap_or(text).parse().ok();
    let ids: Vec<Option<ArchiveLineId>> = lines.iter().map(end).collect();
    let known: Vec<ArchiveLineId> = ids.iter().flatten().copied().collect();
    let (redaction, counts) = archive.plan_lines(&known, order)?;
    if !redaction.is_empty() {
        give_order(settings, &redaction)?;
        archive.redact(&redaction)?;
    }
    let mut counts = counts.into_iter();
    let mut missing = Vec::new();
    for (text, id) in lines.iter().zip(ids) {
        match id.and_then(|_| counts.next()) {
            None | Some(0) => missing.push(text.clone()),
            Some(1) => println!("{text}: taken out"),
            Some(rooms) => println!("{text}: taken out of {rooms} rooms"),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(ArchiveCommandError::Asked(format!(
        "{}: no such line, or it is taken out already; an address has 24 digits, as in the link to the line{}",
        missing.join(", "),
        advice(settings)
    )))
}

fn redact_person(
    settings: &Settings,
    archive: &mut Archive,
    (name, is_sure): (&str, bool),
    order: &RedactionOrder,
) -> Result<(), ArchiveCommandError> {
    let people = archive.people_named(name)?;
    let person = match people.as_slice() {
        [] => {
            let problem =
                format!("{name}: nobody of that name has said anything{}", advice(settings));
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
    let (redaction, count) = archive.plan_person(person.id, order)?;
    give_order(settings, &redaction)?;
    archive.redact_person(person.id, &redaction)?;
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
