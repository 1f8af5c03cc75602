//! `letsbridge backup` and `letsbridge restore`: the whole state in one file, and back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::config::Settings;
use crate::store;
use crate::store::archive::archive_size;
use crate::store::{BackupError, BackupRequest, BackupSummary, RestoreRequest, RestoreSummary};

/// The arguments of `backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bridge can keep running. The file holds the database and the keys beside it: \
                  whoever can read it can post as the people who linked their accounts. Only its \
                  owner can read it. The configuration and its secrets are not part of it, and neither \
                  is the archive: `letsbridge archive copy` copies that. Exit \
                  status: 0 done and checked; 1 it could not be written; 2 configuration or \
                  argument error, or the database is damaged."
)]
pub(super) struct BackupArgs {
    /// The file to write
    file: PathBuf,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Overwrite an earlier backup, once the new one is complete
    #[arg(long)]
    force: bool,
}

/// The arguments of `restore`.
#[derive(Debug, Args)]
#[command(
    after_help = "Stop the bridge first. What was sent between the backup and now is not mirrored \
                  again, unless the history of the other side shows that it is missing there; \
                  people are told how much that is. Exit status: 0 done; 1 the bridge runs, or the \
                  directory cannot be used; 2 configuration or argument error, or the file is not \
                  a backup that this version can use."
)]
pub(super) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Keep a state that is there already: move it into a directory below state_dir
    #[arg(long)]
    replace: bool,
    /// The bridge has not run since the backup, which was made while it was stopped: catch up as after any pause
    #[arg(long)]
    moved: bool,
}

/// Makes a backup.
pub(super) fn backup(arguments: &BackupArgs) -> ExitCode {
    let settings = match load(&arguments.config) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let made = store::back_up(&BackupRequest {
        directory: &settings.state_dir,
        file: &arguments.file,
        overwrite: arguments.force,
        program: env!("CARGO_PKG_VERSION"),
        now: Timestamp::now(),
    });
    match made {
        Ok(summary) => {
            let file = arguments.file.display();
            let running = if summary.running { "running" } else { "stopped" };
            println!("{file}: written and checked, {} bytes, of a {running} bridge", summary.bytes);
            println!("  {}", contents(&summary));
            println!("It gives access to what it holds: keep it as safe as the state directory.");
            let archive = archive_size(&settings.state_dir);
            if archive > 0 {
                println!(
                    "The archive is not in it ({} MB): `letsbridge archive copy FILE` copies it.",
                    archive.div_ceil(1 << 20)
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// Restores a backup.
pub(super) fn restore(arguments: &RestoreArgs) -> ExitCode {
    let settings = match load(&arguments.config) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let directory = &settings.state_dir;
    let restored = store::restore(&RestoreRequest {
        directory,
        file: &arguments.file,
        replace: arguments.replace,
        moved: arguments.moved,
        now: Timestamp::now(),
    });
    let RestoreSummary { backup, aside } = match restored {
        Ok(restored) => restored,
        Err(error) => return failed(&error),
    };
    println!(
        "{}: restored from a backup of {} by letsbridge {}",
        directory.display(),
        in_seconds(backup.made_at),
        backup.program,
    );
    println!("  {}", contents(&backup));
    if let Some(aside) = aside {
        println!("The state that was there before is in {}.", aside.display());
    }
    if !arguments.moved {
        println!(
            "What was sent since {} is compared with both sides at the next start; people are told of \
             messages that may be missing.",
            in_seconds(backup.made_at)
        );
    }
    ExitCode::SUCCESS
}

fn load(config: &std::path::Path) -> Result<Settings, ExitCode> {
    match config::load(config, std::env::vars()) {
        Ok((settings, _)) => Ok(settings),
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Err(EXIT_CONFIG_ERROR.into())
        }
    }
}

fn failed(error: &BackupError) -> ExitCode {
    eprintln!("{error}");
    if error.is_lasting() { EXIT_CONFIG_ERROR.into() } else { EXIT_FAILURE.into() }
}

/// What the backup holds, in words.
fn contents(summary: &BackupSummary) -> String {
    let BackupSummary { messages, waiting, accounts, files, .. } = summary;
    let files =
        if files.is_empty() { "no files beside the database".to_owned() } else { files.join(", ") };
    let messages =
        if *messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
    format!("{messages}, {waiting} waiting, access to {accounts} accounts; {files}")
}

fn in_seconds(time: Timestamp) -> String {
    time.strftime("%F %H:%M:%S UTC").to_string()
}
