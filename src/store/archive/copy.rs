//! A copy of the archive, beside the programs that write it.

use std::path::Path;

use rusqlite::Connection;

use super::super::{StoreError, files};
use super::{ArchiveError, open};

/// Copies the archive in `state_dir` as it is now into `file`, which must not exist. What was taken out of the archive is
/// not in it. Returns the size in bytes.
///
/// # Errors
/// When there is no archive, it cannot be read, or the file cannot be written.
pub fn copy_archive(state_dir: &Path, file: &Path) -> Result<u64, ArchiveError> {
    let (connection, opened) = open::open_to_read(state_dir)?;
    let unusable = |error| StoreError::Directory { path: file.to_owned(), error };
    if file.symlink_metadata().is_ok() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(unusable(there).into());
    }
    // Nobody else may read it, from its beginning.
    drop(files::make(file).map_err(unusable)?);
    let copied = fill(&connection, file).map_err(|error| error.named(&opened.path));
    if copied.is_err() {
        // Half a copy is none.
        let _ = std::fs::remove_file(file);
    }
    copied?;
    Ok(std::fs::metadata(file).map_err(unusable)?.len())
}

fn fill(connection: &Connection, file: &Path) -> Result<(), ArchiveError> {
    let name = file.to_str().ok_or_else(|| {
        let error = std::io::Error::other("its name is not UTF-8: use another one");
        StoreError::Directory { path: file.to_owned(), error }
    })?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}
