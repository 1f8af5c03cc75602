//! `letsbridge import archive`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::EXIT_FAILURE;

/// The arguments of `import archive`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 1 nothing done.")]
pub(super) struct ImportArchiveArgs {
    /// The plan that `letsbridge import plan` wrote
    plan: PathBuf,
}

/// Runs the command.
pub(super) fn archive(arguments: &ImportArchiveArgs) -> ExitCode {
    eprintln!("{}: this version cannot do that yet", arguments.plan.display());
    EXIT_FAILURE.into()
}
