//! A copy of the archive, beside the programs that write it.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::super::{damage, files};
use super::{ArchiveError, open};

/// Copies the archive in `state_dir` as it is now into `file`, which must not exist. What was taken out of the archive is
/// not in it. Returns the size in bytes.
///
/// # Errors
/// When there is no archive, it cannot be read, or the file cannot be written.
pub fn copy_archive(state_dir: &Path, file: &Path) -> Result<u64, ArchiveError> {
    let (connection, opened) = open::open_to_read(state_dir)?;
    let unusable = |reason: String| ArchiveError::Copy { file: file.to_owned(), reason };
    if file.symlink_metadata().is_ok() {
        return Err(unusable("it exists: choose another name".to_owned()));
    }
    let Some(name) = file.to_str() else {
        return Err(unusable("its name is not UTF-8: choose another one".to_owned()));
    };
    // Nobody else may read it, from its beginning.
    drop(files::make(file).map_err(|error| unusable(error.to_string()))?);
    if let Err(error) = fill(&connection, name) {
        // Half a copy is none.
        let _ = std::fs::remove_file(file);
        return Err(match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                unusable("its disk is full: make room, or choose another place".to_owned())
            }
            _ if damage::is_damage(&error) => ArchiveError::from(error).named(&opened.path),
            _ => unusable(error.to_string()),
        });
    }
    Ok(std::fs::metadata(file).map_err(|error| unusable(error.to_string()))?.len())
}

fn fill(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}
