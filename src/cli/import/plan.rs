//! `letsbridge import plan`: reads logs, finds out who was who, and writes a plan to be edited.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::EXIT_FAILURE;

/// The arguments of `import plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the plan is written; 1 it is not; 2 configuration or argument error."
)]
pub(super) struct ImportPlanArgs {
    /// Logs: files, or directories with everything below them
    #[arg(required = true, value_name = "LOGS")]
    logs: Vec<PathBuf>,
    /// File for the plan
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub(super) fn plan(arguments: &ImportPlanArgs) -> ExitCode {
    eprintln!("{}: nothing of {:?} was read", arguments.out.display(), arguments.logs);
    EXIT_FAILURE.into()
}
