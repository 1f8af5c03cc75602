//! Reads secrets, inline in the configuration or from files of their own.

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
use super::parse::{ValueError, quote};
use super::types::as_str;

/// The maximum size of a secret file, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads a secret from the configuration itself.
pub(super) fn inline_secret(
    entry: &Entry<'_>,
    name_file: &str,
    check: impl Fn(&str) -> Result<(), ValueError>,
) -> Option<SecretString> {
    let secret = entry.parse(as_str)?;
    // Variables are often set from files, with the newline at the end.
    let secret = match document::env_variable(entry.value) {
        Some(_) => secret.trim_end_matches(['\r', '\n']),
        None => secret,
    };
    entry.parse(|_| check_secret(secret).and_then(|()| check(secret)))?;
    let file = &entry.loader.base_dirs.config_file;
    let in_environment = document::env_variable(entry.value).is_some();
    if !in_environment && is_world_readable(file) {
        let remedy = format!("chmod o-r {}, or use {name_file}", file.display());
        entry
            .report_warning(ValueError::new("the file with this secret is world-readable", remedy));
    }
    Some(secret.into())
}

/// Reads a secret from a file of its own.
pub(super) fn secret_from_file(
    entry: &Entry<'_>,
    check: impl Fn(&str) -> Result<(), ValueError>,
) -> Option<SecretString> {
    let path = entry.loader.base_dirs.resolve_secret(entry.parse(as_str)?);
    let name = quote(&path.to_string_lossy());
    let text = entry.parse(|_| read_secret_file(&path))?;
    // Editors add a newline to the last line, and some add empty lines.
    let secret = text.trim_end_matches(['\r', '\n']);
    let of_file =
        |error: ValueError| ValueError::new(format!("{name} {}", error.problem), error.help);
    // A password may start or end with spaces. If the check fails because of them, remove them.
    let bare = secret.trim();
    let secret = if check(secret).is_err() && check(bare).is_ok() { bare } else { secret };
    entry.parse(|_| check_secret(secret).and_then(|()| check(secret)).map_err(of_file))?;
    if is_world_readable(&path) {
        let found = format!("{name} is world-readable");
        entry.report_warning(ValueError::new(found, format!("chmod o-r {}", path.display())));
    }
    Some(secret.into())
}

/// Reads a file with one secret per line. Empty lines and lines that start with `#` are ignored.
pub(super) fn secret_lines_from_file(
    entry: &Entry<'_>,
    check: impl Fn(&str) -> Result<(), ValueError>,
) -> Option<Vec<SecretString>> {
    let path = entry.loader.base_dirs.resolve_secret(entry.parse(as_str)?);
    let name = quote(&path.to_string_lossy());
    let text = entry.parse(|_| read_secret_file(&path))?;
    if is_world_readable(&path) {
        let found = format!("{name} is world-readable");
        entry.report_warning(ValueError::new(found, format!("chmod o-r {}", path.display())));
    }
    let lines = text.lines().map(str::trim_end).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let line = |(number, line): (usize, &str)| {
        let of_file = |error: ValueError| {
            ValueError::new(format!("line {} of {name} {}", number + 1, error.problem), error.help)
        };
        entry.parse(|_| check(line).map_err(of_file))?;
        Some(SecretString::from(line))
    };
    // Check all lines before failing, so that each error is reported.
    let lines: Vec<Option<SecretString>> = lines.map(line).collect();
    lines.into_iter().collect()
}

fn read_secret_file(path: &Path) -> Result<String, ValueError> {
    let bytes = read_file(path).map_err(|error| unreadable_file(path, &error))?;
    let name = quote(&path.to_string_lossy());
    decode_utf8(bytes)
        .map_err(|other| ValueError::new(format!("{name} is {}", other.problem()), other.help()))
}

/// Reads a whole file. Symbolic links are followed, as container secrets need that. It does not
/// block on something that is no regular file, like a FIFO.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than a megabyte"));
    }
    Ok(bytes)
}

/// Opens a file for reading. Does not block on something that is no regular file.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() && !found.is_dir() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok(file)
}

/// Why a text is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotUtf8 {
    Utf16,
    /// The text is valid UTF-8 up to this byte.
    Invalid(usize),
}

impl NotUtf8 {
    pub(super) fn problem(self) -> &'static str {
        match self {
            Self::Utf16 => "UTF-16, not UTF-8",
            Self::Invalid(_) => "not UTF-8",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Utf16 => "save it as UTF-8",
            Self::Invalid(_) => "save it as UTF-8",
        }
    }
}

/// Decodes the text of a file, without the byte order mark that some editors add.
pub(super) fn decode_utf8(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    // ASCII text in UTF-16 has a NUL in every pair, and may have no byte order mark.
    let pairs = |at: usize| {
        bytes.len() > 1
            && bytes.len().is_multiple_of(2)
            && bytes.iter().skip(at).step_by(2).all(|byte| *byte == 0)
    };
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || pairs(0) || pairs(1)
    {
        return Err(NotUtf8::Utf16);
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| NotUtf8::Invalid(error.utf8_error().valid_up_to()))?;
    match text.strip_prefix('\u{FEFF}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

/// Reads a PEM file, without the byte order mark that some editors add.
///
/// # Errors
/// If the file is unreadable or UTF-16.
pub fn read_pem(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_file(path)?;
    match decode_utf8(bytes.clone()) {
        Ok(text) => Ok(text.into_bytes()),
        Err(NotUtf8::Utf16) => Err(io::Error::other("it is UTF-16: save it as UTF-8")),
        // Text around the certificates may have any encoding.
        Err(NotUtf8::Invalid(_)) => Ok(bytes),
    }
}

/// The error for an unreadable file that the configuration names.
pub(super) fn unreadable_file(path: &Path, error: &io::Error) -> ValueError {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "create it, or fix the path",
        io::ErrorKind::PermissionDenied => "make it readable by the bridge's user",
        _ => "use a readable file",
    };
    ValueError::new(format!("cannot read {} ({error})", quote(&path.to_string_lossy())), remedy)
}

/// Rejects secrets that no protocol can transmit, without showing them.
fn check_secret(secret: &str) -> Result<(), ValueError> {
    if secret.is_empty() {
        return Err(ValueError::new("is empty", "write the secret there, or remove the key"));
    }
    let lines = secret.split(['\r', '\n']).filter(|line| !line.is_empty()).count();
    if lines > 1 || secret.contains(['\r', '\n']) {
        let found = format!("has {} lines", lines.max(2));
        return Err(ValueError::new(found, "write the secret on a single line"));
    }
    if secret.contains('\0') {
        return Err(ValueError::new("contains a NUL", "write the secret as one line of text"));
    }
    Ok(())
}

/// Whether the file is world-readable: every user can read it and enter each directory on the way
/// to it.
#[cfg(unix)]
fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let open =
        |path: &Path, bit| fs::metadata(path).is_ok_and(|it| it.permissions().mode() & bit != 0);
    let Ok(path) = path.canonicalize() else { return false };
    open(&path, 0o004) && path.ancestors().skip(1).all(|folder| open(folder, 0o001))
}

/// Only Unix has these permissions.
#[cfg(not(unix))]
fn is_world_readable(_: &Path) -> bool {
    false
}
