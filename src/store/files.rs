//! The files of the state directory: regular files, accessible only to the bridge's user.
//!
//! An attacker who could put a link or a FIFO in place of a file could make the bridge block or write
//! elsewhere. So each file is opened without following links and without blocking, and is rejected unless it
//! is a regular file of our own. Permissions of others are removed.

use std::fs;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::StoreError;

/// Directories are accessible to their owner only; so are files.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Every file that may exist in the state directory.
const FILES: &[&str] = &[
    "lock",
    "letsbridge.sqlite3",
    "letsbridge.sqlite3-wal",
    "letsbridge.sqlite3-shm",
    "letsbridge.sqlite3-journal",
    "letsbridge.sqlite3.new",
    "archive.sqlite3",
    "archive.sqlite3-wal",
    "archive.sqlite3-shm",
    "archive.sqlite3-journal",
    "archive.sqlite3.new",
    "links.key",
    "links.key.new",
    "links.key.before",
    "accounts.key",
    "accounts.key.new",
    "accounts.key.before",
    "sts.json",
    "sts.json.new",
];

/// Whether to correct the permissions of a file that others can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mend {
    /// Remove the permissions of others.
    Yes,
    /// Leave the file alone, for read-only access.
    No,
}

/// Creates the state directory if necessary, and makes it and its files private.
pub(super) fn claim(directory: &Path) -> Result<(), StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    check_ancestors(directory)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(unusable)?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error)),
        _ => {}
    }
    inspect(directory, Mend::Yes)
}

/// To whom the files of a directory belong, if that is not us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner(Option<(u32, u32)>);

impl Owner {
    /// Makes the file theirs.
    pub(super) fn take(self, file: &File) -> io::Result<()> {
        match self.0 {
            Some((user, group)) => std::os::unix::fs::fchown(file, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

/// Like [`claim`]; but root may also use the directory of another user, to whom its files then belong.
pub(super) fn claim_for_owner(directory: &Path) -> Result<Owner, StoreError> {
    let is_root = rustix::process::geteuid().is_root();
    match fs::metadata(directory) {
        Ok(found) if is_root && found.uid() != 0 => {
            inspect(directory, Mend::No)?;
            Ok(Owner(Some((found.uid(), found.gid()))))
        }
        _ => {
            claim(directory)?;
            Ok(Owner(None))
        }
    }
}

/// Checks that the directory would not stand below a file.
pub(super) fn check_ancestors(directory: &Path) -> Result<(), StoreError> {
    let mut ancestors = directory.ancestors().skip(1);
    let nearest = ancestors.find_map(|path| Some((path, fs::metadata(path).ok()?)));
    match nearest {
        Some((path, found)) if !found.is_dir() => {
            Err(StoreError::NotAFile { path: path.to_owned(), what: kind(&found) })
        }
        _ => Ok(()),
    }
}

/// Checks the directory and its files.
pub(super) fn inspect(directory: &Path, mend: Mend) -> Result<(), StoreError> {
    let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
    // Follows a link to the directory itself: systemd's private directories are links.
    let found = fs::metadata(directory).map_err(unusable)?;
    if !found.is_dir() {
        return Err(StoreError::NotAFile { path: directory.to_owned(), what: kind(&found) });
    }
    is_ours(directory, &found, mend)?;
    if mend == Mend::Yes {
        narrow(directory, &found, DIRECTORY_MODE).map_err(unusable)?;
    }
    for name in FILES {
        let path = directory.join(name);
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if !found.is_file() {
            return Err(StoreError::NotAFile { path, what: kind(&found) });
        }
        is_ours(&path, &found, mend)?;
        if mend == Mend::Yes {
            narrow(&path, &found, FILE_MODE).map_err(|error| described(&path, &found, error))?;
        }
    }
    Ok(())
}

/// Opens the file at `path` for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    checked(OpenOptions::new().read(true), path)
}

/// Opens the file at `path` for writing, creating it if necessary.
pub(super) fn open_or_make(path: &Path) -> io::Result<File> {
    checked(OpenOptions::new().read(true).write(true).create(true).truncate(false), path)
}

/// Creates the file at `path`, replacing an existing one.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    checked(OpenOptions::new().write(true).create_new(true), path)
}

fn checked(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = options.mode(FILE_MODE).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|error| match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => no_file(&found),
        _ => error,
    })?;
    let found = file.metadata()?;
    if found.is_file() { Ok(file) } else { Err(no_file(&found)) }
}

fn no_file(found: &Metadata) -> io::Error {
    io::Error::other(format!("it is {}, and not a file: remove it", kind(found)))
}

/// Identifies a file regardless of its path: device and inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity(u64, u64);

/// The identity of the file at `path` now.
pub(super) fn identity(path: &Path) -> Option<FileIdentity> {
    let found = fs::symlink_metadata(path).ok()?;
    Some(FileIdentity(found.dev(), found.ino()))
}

/// Checks that `path` belongs to our user; root may inspect files of others.
fn is_ours(path: &Path, found: &Metadata, mend: Mend) -> Result<(), StoreError> {
    let us = rustix::process::geteuid().as_raw();
    if found.uid() == us || (us == 0 && mend == Mend::No) {
        return Ok(());
    }
    Err(StoreError::NotOurs {
        path: path.to_owned(),
        owner: user(found.uid()),
        mode: mode(found),
        us: user(us),
    })
}

/// Removes permissions beyond `most`.
fn narrow(path: &Path, found: &Metadata, most: u32) -> io::Result<()> {
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(most))?;
    let (was, now) = (format!("{mode:04o}"), format!("{most:04o}"));
    tracing::warn!(path = %path.display(), was, now, "file permissions tightened: other users had access");
    Ok(())
}

/// Adds owner and mode of the file at `path` to `error`.
fn described(path: &Path, found: &Metadata, error: io::Error) -> StoreError {
    let owner = user(found.uid());
    let mode = mode(found);
    let error =
        io::Error::new(error.kind(), format!("{error} (it belongs to {owner}, mode {mode})"));
    StoreError::Directory { path: path.to_owned(), error }
}

/// Path, owner and mode of the file at `path`, for messages.
pub(super) fn in_words(path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(found) => {
            format!("{} of user {}, mode {}", path.display(), user(found.uid()), mode(&found))
        }
        Err(_) => path.display().to_string(),
    }
}

fn mode(found: &Metadata) -> String {
    format!("{:04o}", found.permissions().mode() & 0o7777)
}

/// What kind of file it is, if not a regular one.
fn kind(found: &Metadata) -> &'static str {
    let kind = found.file_type();
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device"
    }
}

/// The name of the user `id`, or the number.
fn user(id: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| id.to_string())
}

/// Whether our user can create files in `directory`, or create it.
pub(super) fn can_be_written(directory: &Path) -> io::Result<()> {
    let mut nearest: PathBuf = directory.to_owned();
    while !nearest.exists() {
        if !nearest.pop() {
            nearest = PathBuf::from(".");
        } else if nearest.as_os_str().is_empty() {
            nearest.push(".");
        }
    }
    let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(&nearest, wanted).map_err(|error| {
        io::Error::new(io::Error::from(error).kind(), format!("{error} ({})", in_words(&nearest)))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::store::Store;

    fn modes(directory: &Path) -> Vec<u32> {
        let mut modes = vec![fs::metadata(directory).expect("is there").permissions().mode()];
        for entry in fs::read_dir(directory).expect("is there") {
            modes.push(entry.expect("is there").metadata().expect("is there").permissions().mode());
        }
        modes.into_iter().map(|mode| mode & 0o777).collect()
    }

    #[test]
    fn files_readable_by_others_are_made_private() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("new/state");
        drop(Store::open(&directory).expect("is made"));
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("works");
        for name in ["letsbridge.sqlite3", "lock"] {
            let mode = fs::Permissions::from_mode(0o666);
            fs::set_permissions(directory.join(name), mode).expect("works");
        }
        fs::write(directory.join("sts.json"), "{}").expect("works");
        fs::set_permissions(directory.join("sts.json"), fs::Permissions::from_mode(0o644))
            .expect("works");
        inspect(&directory, Mend::No).expect("works");
        assert_eq!(modes(&directory)[0], 0o777, "who looks changes nothing");
        let _store = Store::open(&directory).expect("opens");
        let modes = modes(&directory);
        assert!(modes[0] == 0o700 && modes[1..].iter().all(|it| *it == 0o600), "{modes:?}");
    }

    #[test]
    fn special_file_is_rejected_by_name() {
        for name in FILES {
            for (make, what) in
                [(0, "a directory"), (1, "a symbolic link"), (2, "a FIFO"), (3, "a symbolic link")]
            {
                let directory = tempfile::tempdir().expect("a directory");
                let path = directory.path().join(name);
                match make {
                    0 => fs::create_dir(&path).expect("works"),
                    1 => symlink("/dev/null", &path).expect("works"),
                    2 => {
                        let mode = rustix::fs::Mode::RUSR;
                        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).expect("works");
                    }
                    _ => symlink("nowhere", &path).expect("works"),
                }
                let error = Store::open(directory.path()).expect_err("is no file").to_string();
                assert!(error.contains(name) && error.contains(what), "{error}");
                let error = open(&path).expect_err("is no file").to_string();
                assert!(error.contains(what), "{error}");
            }
        }
    }

    #[test]
    fn directory_behind_a_link_is_accepted() {
        let parent = tempfile::tempdir().expect("a directory");
        fs::create_dir(parent.path().join("private")).expect("works");
        symlink("private", parent.path().join("state")).expect("works");
        drop(Store::open(&parent.path().join("state")).expect("opens"));
        assert!(parent.path().join("private/letsbridge.sqlite3").exists());
    }

    #[test]
    fn file_of_another_user_is_rejected_with_owner_and_mode() {
        if rustix::process::geteuid().as_raw() != 0 {
            return;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("links.key");
        fs::write(&path, [7; 32]).expect("works");
        std::os::unix::fs::chown(&path, Some(12_345), None).expect("works");
        let error = Store::open(directory.path()).expect_err("another's").to_string();
        for words in ["links.key", "12345", "0644"] {
            assert!(error.contains(words), "{error}");
        }
        inspect(directory.path(), Mend::No).expect("root may look");
    }
}
