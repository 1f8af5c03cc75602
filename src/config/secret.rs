//! Secrets, written in the configuration or in files of their own.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use secrecy::SecretString;

use super::document;
use super::entry::Entry;
use super::kinds::as_text;
use super::values::{Flaw, shown};

/// How many bytes of such a file are read.
const LONGEST: u64 = 1 << 20;

/// A secret written in the configuration itself.
pub(super) fn written(
    entry: &Entry<'_>,
    name_file: &str,
    check: impl Fn(&str) -> Result<(), Flaw>,
) -> Option<SecretString> {
    let secret = entry.read(as_text)?;
    entry.read(|_| whole(secret).and_then(|()| check(secret)))?;
    let file = &entry.reading.folders.file;
    let in_environment = document::variable(entry.value).is_some();
    if !in_environment && is_public(file) {
        let remedy = format!("chmod o-r {}, or use {name_file}", file.display());
        entry.warning(Flaw::new("everybody on this machine can read it here", remedy));
    }
    Some(secret.into())
}

/// A secret in a file of its own.
pub(super) fn in_file(
    entry: &Entry<'_>,
    check: impl Fn(&str) -> Result<(), Flaw>,
) -> Option<SecretString> {
    let path = entry.reading.folders.resolve_secret(entry.read(as_text)?);
    let name = shown(&path.to_string_lossy());
    let text = entry.read(|_| read(&path))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let of_file = |flaw: Flaw| Flaw::new(format!("{name} {}", flaw.found), flaw.remedy);
    entry.read(|_| whole(secret).and_then(|()| check(secret)).map_err(of_file))?;
    if is_public(&path) {
        let found = format!("everybody on this machine can read {name}");
        entry.warning(Flaw::new(found, format!("chmod o-r {}", path.display())));
    }
    Some(secret.into())
}

/// Lines that hold secrets, in a file of their own. Empty ones, and those after `#`, say nothing.
pub(super) fn lines_in_file(
    entry: &Entry<'_>,
    check: impl Fn(&str) -> Result<(), Flaw>,
) -> Option<Vec<SecretString>> {
    let path = entry.reading.folders.resolve_secret(entry.read(as_text)?);
    let name = shown(&path.to_string_lossy());
    let text = entry.read(|_| read(&path))?;
    if is_public(&path) {
        let found = format!("everybody on this machine can read {name}");
        entry.warning(Flaw::new(found, format!("chmod o-r {}", path.display())));
    }
    let lines = text.lines().map(str::trim_end).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let line = |(number, line): (usize, &str)| {
        let of_file = |flaw: Flaw| {
            Flaw::new(format!("line {} of {name} {}", number + 1, flaw.found), flaw.remedy)
        };
        entry.read(|_| check(line).map_err(of_file))?;
        Some(SecretString::from(line))
    };
    // All are read before any is missed, so that each mistake is told.
    let lines: Vec<Option<SecretString>> = lines.map(line).collect();
    lines.into_iter().collect()
}

fn read(path: &Path) -> Result<String, Flaw> {
    let no_text =
        |_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8");
    let text = read_file(path).and_then(|it| String::from_utf8(it).map_err(no_text));
    text.map_err(|error| unreadable(path, &error))
}

/// What stands in a file. It may be reached by a link, as the secrets of containers are; what is no file,
/// like a FIFO, is not waited for.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() && !found.is_dir() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than a megabyte"));
    }
    Ok(bytes)
}

/// Why a file that the configuration names cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Flaw {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "create it, or name another",
        io::ErrorKind::PermissionDenied => "let the user that the bridge runs as read it",
        _ => "name a file that can be read",
    };
    Flaw::new(format!("cannot read {} ({error})", shown(&path.to_string_lossy())), remedy)
}

/// Refuses what no protocol can carry, without showing it.
fn whole(secret: &str) -> Result<(), Flaw> {
    if secret.is_empty() {
        return Err(Flaw::new("is empty", "write the secret there, or leave the key out"));
    }
    if secret.contains(['\r', '\n', '\0']) {
        let found = "contains a line break or a NUL";
        return Err(Flaw::new(found, "a secret is one line, which may end in one line feed"));
    }
    Ok(())
}

/// Whether everybody on this machine can read the file: it, and every folder on the way to it, are
/// open to others.
#[cfg(unix)]
fn is_public(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let open =
        |path: &Path, bit| fs::metadata(path).is_ok_and(|it| it.permissions().mode() & bit != 0);
    let Ok(path) = path.canonicalize() else { return false };
    open(&path, 0o004) && path.ancestors().skip(1).all(|folder| open(folder, 0o001))
}

/// Elsewhere than on Unix we cannot tell.
#[cfg(not(unix))]
fn is_public(_: &Path) -> bool {
    false
}
