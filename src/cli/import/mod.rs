//! `letsbridge import`: brings logs of IRC clients into Let's Chat, and into the bridge's archive.

mod archive;
mod archive_rooms;
mod plan;
mod progress;
mod write;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// The arguments of `import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Read logs, find out who was who, and write a plan to be edited
    Plan(Box<plan::ImportPlanArgs>),
    /// Write the messages and people of a plan as documents for the database of Let's Chat
    Write(write::ImportWriteArgs),
    /// Put the messages of a plan into the bridge's archive
    Archive(archive::ImportArchiveArgs),
}

/// Runs the command in `arguments`.
pub(super) fn import(arguments: &ImportArgs) -> ExitCode {
    match &arguments.command {
        ImportCommand::Plan(arguments) => plan::plan(arguments),
        ImportCommand::Write(arguments) => write::write(arguments),
        ImportCommand::Archive(arguments) => archive::archive(arguments),
    }
}
