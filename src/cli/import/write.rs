//! `letsbridge import write`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::EXIT_FAILURE;

/// The arguments of `import write`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 1 nothing done.")]
pub(super) struct ImportWriteArgs {
    /// The plan that `letsbridge import plan` wrote
    plan: PathBuf,
}

/// Runs the command.
pub(super) fn write(arguments: &ImportWriteArgs) -> ExitCode {
    eprintln!("{}: this version cannot do that yet", arguments.plan.display());
    EXIT_FAILURE.into()
}
