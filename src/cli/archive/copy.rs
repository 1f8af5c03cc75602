//! `letsbridge archive copy`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::ArchiveCommandError;
use crate::config::Settings;
use crate::store::archive::copy_archive;

/// The arguments of `archive copy`.
#[derive(Debug, Args)]
#[command(
    after_help = "`letsbridge backup` leaves the archive out, because it can be large. To use a copy, stop the bridge and \
                  put it in the place of archive.sqlite3 in state_dir, without files of that name that end with -wal \
                  or -shm. Only its owner can read the copy. Exit status: 0 done; 1 there is no archive, or the file \
                  cannot be written; 2 configuration or argument error."
)]
pub(super) struct CopyArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
}

impl CopyArgs {
    pub(super) fn config(&self) -> &Path {
        &self.config
    }
}

/// Copies the archive.
pub(super) fn copy(settings: &Settings, arguments: &CopyArgs) -> Result<(), ArchiveCommandError> {
    let bytes = copy_archive(&settings.state_dir, &arguments.file)?;
    println!("{}: written, {:.1} MB", arguments.file.display(), bytes as f64 / 1_000_000.0);
    Ok(())
}
