//! Opens a database that nobody writes, without a trace.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

/// What an address of SQLite must not contain as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// Opens the database at `path` for reading: without locks, without its write-ahead log, and without a file beside it.
pub(super) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let address = percent_encode(path.as_os_str().as_bytes(), ESCAPED);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{address}?immutable=1&mode=ro"), flags)
}
