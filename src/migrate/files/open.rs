//! The lines of a log that the plan names.

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

/// Opens a log that a plan names. `charset` is for lines that are not UTF-8.
///
/// # Errors
/// If it cannot be read, is a link, or is not a file. Links are not followed: whoever owns the log could have put one in its
/// place since the plan was made.
pub fn open_lines(path: &Path, charset: Option<&'static Encoding>) -> io::Result<LogLines> {
    log_size(path)?;
    Ok(Lines::new(BufReader::with_capacity(BUFFER, open_file(path, false)?), charset))
}

/// How many bytes a log has that a plan names.
///
/// # Errors
/// As [`open_lines`].
pub fn log_size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        let why = "it is a link; name what it leads to";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "one\ntwo\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut lines = open_lines(&file, None).unwrap();
        assert_eq!(lines.next_line().unwrap().unwrap().1, "one");
        assert_eq!(log_size(&file).unwrap(), 8);
        for (path, why) in [
            (link.as_path(), "it is a link; name what it leads to"),
            (folder.path(), "it is not a file"),
        ] {
            assert_eq!(open_lines(path, None).err().unwrap().to_string(), why);
        }
    }
}
