//! `letsbridge archive`: what the archive holds, taking lines out of it, and copies of it.

mod copy;
mod export;
mod redact;
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::config::Settings;
use crate::store::StoreError;
use crate::store::archive::ArchiveError;

/// The arguments of `archive`.
#[derive(Debug, Args)]
pub(super) struct ArchiveArgs {
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Debug, Subcommand)]
enum ArchiveCommand {
    /// Show what the archive holds: its size, its rooms, from when to when
    Status(ArchiveConfig),
    /// Take out a line, or all that a person has said, for everybody and for good
    Redact(redact::RedactArgs),
    /// Write the lines of a room as text, CSV, JSON or HTML
    Export(export::ExportArgs),
    /// Copy the archive into a file, also while the bridge runs
    Copy(copy::CopyArgs),
}

/// Where the configuration is.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 done; 1 there is no archive, or it cannot be read; 2 configuration error."
)]
pub(super) struct ArchiveConfig {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

/// Runs the command in `arguments`.
pub(super) fn archive(arguments: &ArchiveArgs) -> ExitCode {
    let config = match &arguments.command {
        ArchiveCommand::Status(config) => &config.config,
        ArchiveCommand::Redact(arguments) => arguments.config(),
        ArchiveCommand::Export(arguments) => arguments.config(),
        ArchiveCommand::Copy(arguments) => arguments.config(),
    };
    let settings = match load(config) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let outcome = match &arguments.command {
        ArchiveCommand::Status(_) => status::status(&settings),
        ArchiveCommand::Redact(arguments) => redact::redact(&settings, arguments),
        ArchiveCommand::Export(arguments) => export::export(&settings, arguments),
        ArchiveCommand::Copy(arguments) => copy::copy(&settings, arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            match error {
                ArchiveCommandError::Argument(_) => EXIT_CONFIG_ERROR.into(),
                _ => EXIT_FAILURE.into(),
            }
        }
    }
}

fn load(config: &Path) -> Result<Settings, ExitCode> {
    match config::load(config, std::env::vars()) {
        Ok((settings, _)) => Ok(settings),
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Err(EXIT_CONFIG_ERROR.into())
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum ArchiveCommandError {
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file cannot be written.
    #[error("cannot write {path}: {error}")]
    File {
        /// Its path, or `standard output`.
        path: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// The other nodes cannot be told.
    #[error(
        "the order to take it out cannot be stored: {0}. Nothing was taken out: run the command again"
    )]
    NotOrdered(StoreError),
    /// What was asked for is not there, or not clear.
    #[error("{0}")]
    Asked(String),
    /// Nothing can be like what was asked for.
    #[error("{0}")]
    Argument(String),
}
