//! Opens a log.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use encoding_rs::Encoding;
use rustix::fs::OFlags;

use super::lines::Lines;

/// The lines of a log, from its first.
pub type LogLines = Lines<BufReader<File>>;

/// How many bytes are read at a time.
const BUFFER: usize = 64 << 10;

/// Opens a log. `charset` is for lines that are not UTF-8.
///
/// # Errors
/// If it cannot be read, or is not a file: a pipe could be waited for for ever.
pub fn open(path: &Path, charset: Option<&'static Encoding>) -> io::Result<LogLines> {
    Ok(Lines::new(BufReader::with_capacity(BUFFER, open_file(path, true)?), charset))
}

/// How many bytes a log has.
///
/// # Errors
/// As [`open`].
pub fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() { Ok(metadata.len()) } else { Err(no_file()) }
}

/// Opens a file, without waiting for anybody who writes into a pipe. A link at the end of its path is followed only if it
/// may be one.
pub(super) fn open_file(path: &Path, may_be_link: bool) -> io::Result<File> {
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if !may_be_link {
        flags |= OFlags::NOFOLLOW;
    }
    let flags = flags.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")
}
