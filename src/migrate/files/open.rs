//! Opens a log.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use encoding_rs::Encoding;

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
    size(path)?;
    Ok(Lines::new(BufReader::with_capacity(BUFFER, File::open(path)?), charset))
}

/// How many bytes a log has.
///
/// # Errors
/// As [`open`].
pub fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        Ok(metadata.len())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"))
    }
}
