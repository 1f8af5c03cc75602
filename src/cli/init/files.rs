//! The files that `init` writes: all of them or none, and none over another.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file to write.
pub(super) struct NewFile {
    pub(super) path: PathBuf,
    pub(super) content: String,
    pub(super) mode: u32,
}

/// The mode of a file with a secret.
pub(super) const SECRET_MODE: u32 = 0o600;
/// The mode of the configuration. It contains no secrets, and the service must be able to read it.
pub(super) const CONFIG_MODE: u32 = 0o644;

/// The directory of the file `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether something is at `path`, be it a dangling link.
pub(super) fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Tries to write to the directory of the file `path`, and leaves nothing there.
pub(super) fn check_folder(path: &Path) -> Result<(), String> {
    let folder = folder_of(path);
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound => "create the directory first",
            io::ErrorKind::PermissionDenied => {
                "run this with sudo, or choose another place with --config"
            }
            _ => "choose another place with --config",
        };
        let reason = plain_error(&error);
        format!("cannot write to the directory {} ({reason}): {help}", folder.display())
    })
}

/// Writes `files` under temporary names, then renames them in their order.
pub(super) fn write_all(files: &[NewFile]) -> Result<(), String> {
    let failed =
        |path: &Path, error: &io::Error| format!("cannot write {} ({error})", path.display());
    let mut written = Vec::new();
    for file in files {
        let temporary = write_temporary(file).map_err(|error| failed(&file.path, &error))?;
        written.push((temporary, &file.path));
    }
    let mut renamed: Vec<&Path> = Vec::new();
    for (temporary, path) in written {
        if let Err(error) = temporary.persist_noclobber(path) {
            for path in renamed {
                // What cannot be removed stays.
                let _ = fs::remove_file(path);
            }
            return Err(failed(path, &error.error));
        }
        renamed.push(path);
    }
    Ok(())
}

fn write_temporary(file: &NewFile) -> io::Result<NamedTempFile> {
    let mut temporary =
        tempfile::Builder::new().prefix(".letsbridge-init-").tempfile_in(folder_of(&file.path))?;
    temporary.write_all(file.content.as_bytes())?;
    temporary.as_file().set_permissions(Permissions::from_mode(file.mode))?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// The system's error, without the path that tempfile adds.
fn plain_error(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(std::error::Error::source);
    inner.map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_files_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| NewFile {
            path: folder.path().join(name),
            content: "x".to_owned(),
            mode,
        };
        let files = [file("token", SECRET_MODE), file("bridge.toml", CONFIG_MODE)];
        fs::write(&files[1].path, "mine").unwrap();
        assert!(write_all(&files).unwrap_err().contains("bridge.toml"));
        assert!(!is_taken(&files[0].path));
        assert_eq!(fs::read_to_string(&files[1].path).unwrap(), "mine");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");

        fs::remove_file(&files[1].path).unwrap();
        write_all(&files).unwrap();
        for file in files {
            let mode = fs::metadata(&file.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, file.mode);
        }
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = check_folder(Path::new("/nowhere/at/all/bridge.toml")).unwrap_err();
        assert!(error.contains("directory /nowhere/at/all ("), "{error}");
        assert!(error.ends_with("create the directory first"), "{error}");
    }
}
