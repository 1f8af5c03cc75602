//! Files of an import: readable by their owner only, and complete or not there.

use std::fs;
use std::fs::{DirBuilder, File};
use std::io;
use std::io::{BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::store;

/// How much is written at once.
const BUFFER: usize = 1024 * 1024;

/// A file or a directory cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), advice(error))]
pub struct ImportFileError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub error: io::Error,
}

/// What the system says, and what to do.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "{error}. Make room, or move the directory to a larger disk, and run the same command again: it \
             goes on where it was"
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
            "{error}. Choose a directory that this user can write, or run the command as the user who can"
        ),
        io::ErrorKind::NotADirectory => format!("{error}. Choose another directory"),
        _ => error.to_string(),
    }
}

/// Makes a directory, with those above it. One that is there stays as it is.
pub(super) fn make_directory(path: &Path) -> Result<(), ImportFileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| at(path, error))
}

/// A file that gets its name once it is complete and on disk.
pub(super) struct NewImportFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
}

impl NewImportFile {
    /// Begins a file; what an interrupted run has left is written over.
    pub(super) fn create(path: PathBuf) -> Result<Self, ImportFileError> {
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        let file = store::make_file(&unfinished).map_err(|error| at(&unfinished, error))?;
        Ok(Self { path, unfinished, file: BufWriter::with_capacity(BUFFER, file) })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ImportFileError> {
        self.file.write_all(bytes).map_err(|error| at(&self.path, error))
    }

    /// Brings it to disk, and gives it its name. The directory is the caller's to bring to disk.
    pub(super) fn finish(self) -> Result<(), ImportFileError> {
        let Self { path, unfinished, file } = self;
        let finished = file.into_inner().map_err(io::IntoInnerError::into_error);
        let finished = finished.and_then(|file| file.sync_all());
        finished.and_then(|()| fs::rename(&unfinished, &path)).map_err(|error| at(&path, error))
    }
}

/// Writes a whole file, over one that is there.
pub(super) fn write_file(path: PathBuf, content: &[u8]) -> Result<(), ImportFileError> {
    let mut file = NewImportFile::create(path)?;
    file.write(content)?;
    file.finish()
}

/// Brings the names in a directory to disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), ImportFileError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| at(path, error))
}

/// Names the file of an error.
pub(super) fn at(path: &Path, error: io::Error) -> ImportFileError {
    ImportFileError { path: path.to_owned(), error }
}
