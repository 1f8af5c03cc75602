//! Secrets, written in the configuration or in files of their own.

use std::fs;
use std::io;
use std::path::Path;

use secrecy::SecretString;

use super::document;
use super::entry::Entry;
use super::kinds::as_text;
use super::values::{Flaw, shown};

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
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
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
