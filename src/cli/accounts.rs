//! `letsbridge accounts`: writes accounts for people of IRC as documents, for servers that register nobody.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::people::{read_or_say_why, say_why_not_read};
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::config::Settings;
use crate::migrate::letschat::USERS_METADATA;
use crate::service::account_documents::{
    AccountDocuments, AccountProposals, AccountWish, WriteAccountsError, propose, resolve,
    write_accounts,
};
use crate::store;
use crate::store::StoreError;

/// The collection of the accounts in the database of Let's Chat.
const COLLECTION: &str = "users";

/// The arguments of `accounts`.
#[derive(Debug, Args)]
pub(super) struct AccountsArgs {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
enum AccountsCommand {
    /// Write accounts as documents for mongorestore, where Let's Chat registers nobody
    ///
    /// For servers with registration turned off, or with LDAP or Kerberos. Stop the bridge, write the documents, restore
    /// them into the database of Let's Chat, and start the bridge. Accounts on Let's Chat cannot be removed there.
    Write(WriteArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "A line of FILE is NICK, or NICK USERNAME UID MAIL with - for what the bridge \
                  chooses; NETWORK/NICK if several people have a nick. With a UID, its person \
                  takes the account over with their first login by LDAP or Kerberos. Exit status: \
                  0 done; 1 nothing written; 2 configuration or argument error."
)]
struct WriteArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Directory for the documents
    #[arg(long, required_unless_present = "list", conflicts_with = "list")]
    out: Option<PathBuf>,
    /// Print the list of accounts, as --people reads it, and write nothing
    #[arg(long)]
    list: bool,
    /// Write only the accounts in this list
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Name of the database of Let's Chat
    #[arg(long, value_name = "NAME", default_value = "letschat", value_parser = parse_database)]
    database: String,
}

/// Runs the command in `arguments`.
pub(super) fn accounts(arguments: &AccountsArgs) -> ExitCode {
    let AccountsCommand::Write(arguments) = &arguments.command;
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let wishes = match arguments.people.as_deref().map(read_wishes).transpose() {
        Ok(wishes) => wishes,
        Err(mistake) => {
            eprintln!("{mistake}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    match &arguments.out {
        Some(directory) => write(&settings, wishes.as_deref(), directory, &arguments.database),
        None => list(&settings, wishes.as_deref()),
    }
}

/// Prints the accounts that would be written.
fn list(settings: &Settings, wishes: Option<&[AccountWish]>) -> ExitCode {
    let Some(people) = read_or_say_why(&settings.state_dir) else { return EXIT_FAILURE.into() };
    let found = match wishes.map(|wishes| resolve(&people, wishes, settings)) {
        Some(Err(mistake)) => {
            eprintln!("{mistake}");
            return EXIT_FAILURE.into();
        }
        Some(Ok(found)) => found,
        None => propose(&people, settings),
    };
    if !found.proposals.is_empty() {
        println!("# NETWORK/NICK USERNAME UID MAIL");
    }
    found.proposals.iter().for_each(|proposal| println!("{proposal}"));
    report_others(&found);
    ExitCode::SUCCESS
}

/// Writes the documents below `directory`, and says what to do with them.
fn write(
    settings: &Settings,
    wishes: Option<&[AccountWish]>,
    directory: &Path,
    database: &str,
) -> ExitCode {
    let folder = directory.join(database);
    let files = [folder.join(format!("{COLLECTION}.bson")), metadata_path(&folder)];
    if let Some(old) = files.iter().find(|file| file.exists()) {
        eprintln!(
            "{}: is there already: restore it first if you have not, then remove it, or choose \
             another directory",
            old.display()
        );
        return EXIT_FAILURE.into();
    }
    let documents = match write_accounts(settings, wishes, Timestamp::now()) {
        Ok(documents) => documents,
        Err(error) => {
            say_why_not_written(&settings.state_dir, &error);
            return EXIT_FAILURE.into();
        }
    };
    if documents.accounts.proposals.is_empty() {
        println!("nothing written: nobody needs an account");
        report_others(&documents.accounts);
        return EXIT_FAILURE.into();
    }
    if let Err(error) = write_files(&folder, &files, &documents) {
        eprintln!(
            "{}: {error}. Nothing is lost: choose another directory, and run the command again",
            folder.display()
        );
        return EXIT_FAILURE.into();
    }
    report_written(&files, &documents.accounts, directory, database);
    ExitCode::SUCCESS
}

fn metadata_path(folder: &Path) -> PathBuf {
    folder.join(format!("{COLLECTION}.metadata.json"))
}

fn write_files(
    folder: &Path,
    files: &[PathBuf; 2],
    documents: &AccountDocuments,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (path, content) in files.iter().zip([&documents.bson[..], USERS_METADATA.as_bytes()]) {
        // They contain mail addresses.
        let mut file = store::make_file(path)?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

fn report_written(
    files: &[PathBuf; 2],
    accounts: &AccountProposals,
    directory: &Path,
    database: &str,
) {
    println!("{}: {} accounts", files[0].display(), accounts.proposals.len());
    report_others(accounts);
    println!(
        "Next:\n\
         1. Back up the database of Let's Chat: accounts cannot be removed there.\n\
         2. mongorestore --noIndexRestore --nsInclude={database}.{COLLECTION} {}\n   \
            It adds what is not there, and changes nothing that is.\n\
         3. Start the bridge.\n\
         4. Remove {}.",
        directory.display(),
        directory.display()
    );
}

/// Prints who gets no account, and why.
fn report_others(accounts: &AccountProposals) {
    if !accounts.have_one.is_empty() {
        eprintln!("have an account already: {}", accounts.have_one.join(", "));
    }
    if accounts.left_out > 0 {
        eprintln!(
            "{} more people need an account: raise `max` in [letschat.accounts]",
            accounts.left_out
        );
    }
}

fn say_why_not_written(state_dir: &Path, error: &WriteAccountsError) {
    match error {
        WriteAccountsError::Store(StoreError::InUse(_)) => eprintln!(
            "{}: a bridge is running: stop it first. It starts again once the accounts are in the \
             database of Let's Chat",
            state_dir.display()
        ),
        WriteAccountsError::Store(error) => say_why_not_read(state_dir, error),
        error => eprintln!("{error}"),
    }
}

/// Reads the list in `path`.
fn read_wishes(path: &Path) -> Result<Vec<AccountWish>, String> {
    let place = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{place}: {error}"))?;
    parse_wishes(&text).map_err(|(number, error)| format!("{place}, line {number}: {error}"))
}

/// Reads a list; otherwise returns the number of the first wrong line, and what is wrong with it.
fn parse_wishes(text: &str) -> Result<Vec<AccountWish>, (usize, String)> {
    let lines = text.lines().map(str::trim).zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with("# "));
    lines.map(|(line, at)| line.parse().map_err(|error| (at, format!("{error}")))).collect()
}

/// Parses the name of a database, which becomes the name of a folder.
fn parse_database(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    match !name.is_empty() && name.len() <= 63 && name.chars().all(is_plain) {
        true => Ok(name.to_owned()),
        false => Err("use letters, digits, _ and -".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_read_line_by_line() {
        let text = "# NETWORK/NICK USERNAME UID MAIL\n\nann\noffice/bob bob.irc bob -\n  \
                    dave - - d@x.org\n";
        assert_eq!(parse_wishes(text).map(|wishes| wishes.len()), Ok(3));
        for (text, line) in [
            ("ann\nbob a b c@d.e f\n", 2),
            ("ann x", 1),
            ("ann Ann! - -", 1),
            ("ann .ann", 1),
            ("ann - 1234567890123456789012345", 1),
            ("\n\nann - - nomail", 3),
        ] {
            assert_eq!(parse_wishes(text).map_err(|(at, _)| at), Err(line), "{text}");
        }
    }

    #[test]
    fn database_is_no_path() {
        assert_eq!(parse_database("lets_chat-2"), Ok("lets_chat-2".to_owned()));
        for name in ["", "..", "a/b", "a.b", "a b"] {
            assert!(parse_database(name).is_err(), "{name}");
        }
    }
}
