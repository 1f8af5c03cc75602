//! Which program to start: the one by which this process was started, of which a newer version may be there now.

use std::path::{Path, PathBuf};

/// The file by which this process was started.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ProgramFile(Option<PathBuf>);

impl ProgramFile {
    /// Must be asked for before the file is replaced: the system does not know its path after that.
    pub(in crate::cli) fn of_this_process() -> Self {
        let named = std::env::args_os().next().map(PathBuf::from);
        // A name with a slash is a path, which may lead over a link that will point to the new version.
        let path = named.filter(|path| path.as_os_str().as_encoded_bytes().contains(&b'/'));
        let path = path.and_then(|path| std::path::absolute(path).ok());
        Self(path.or_else(|| std::env::current_exe().ok()))
    }

    /// Its path, if the system has told it.
    pub(in crate::cli) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}
