//! Detects damage in SQLite's write-ahead log
//! (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
//!
//! SQLite uses the log up to the first invalid frame and silently ignores the rest. That is right for the
//! last transactions that were not synced, which a power failure may have torn. If more follow, durable data is
//! lost, and going on without a word would deliver some of it twice.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::wal_sync::MAX_UNSYNCED;
use super::{StoreError, damage, files};

const HEADER: usize = 32;
const FRAME: usize = 24;

/// Magic numbers, for checksums in native and in foreign byte order.
const MAGICS: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// So many transactions at the end may be unreadable: those that were not synced, and the one with which they were
/// about to be.
const MAX_TORN: u32 = MAX_UNSYNCED + 1;

/// Checks the log of the database at `path`, if there is one.
///
/// # Errors
/// When more than its last transactions are unreadable.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let log = Path::new(&name);
    if !log.exists() {
        return Ok(());
    }
    let unusable = |error| StoreError::Directory { path: log.to_owned(), error };
    let file = files::open(log).map_err(unusable)?;
    match damage_text(file).map_err(unusable)? {
        None => Ok(()),
        Some(damage_text) => Err(damage::damaged(
            path,
            &format!(
                "{damage_text} of its write-ahead log, {}, cannot be read; to go back to the state \
                 before that log, as with a restored backup, move away that file alone",
                log.display()
            ),
        )),
    }
}

/// What is damaged in the log, if anything.
fn damage_text(file: File) -> std::io::Result<Option<&'static str>> {
    let mut file = BufReader::new(file);
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? {
        // It is empty or was just being created.
        return Ok(None);
    }
    let [magic, page, salts @ ..] = [0, 8, 16, 20].map(|at| number(&header, at));
    let Some(order) = MAGICS.iter().position(|it| *it == magic) else {
        return Ok(Some("the beginning"));
    };
    let mut sum = Sum { big: order == 1, sums: [0; 2] };
    sum.add(&header[..24]);
    let page_is_one = (512..=65_536).contains(&page) && page.is_power_of_two();
    if sum.sums != [24, 28].map(|at| number(&header, at)) || !page_is_one {
        return Ok(Some("the beginning"));
    }
    let mut frame = vec![0; FRAME + page as usize];
    let mut whole = true;
    let mut commits_behind = 0;
    while fill(&mut file, &mut frame)? {
        let is_new = salts == [8, 12].map(|at| number(&frame, at));
        if whole {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME..]);
            whole = is_new && sum.sums == [16, 20].map(|at| number(&frame, at));
        }
        // Frames that were not synced may be written in any order.
        let ends = number(&frame, 4) != 0;
        commits_behind += u32::from(!whole && is_new && ends);
    }
    Ok((commits_behind > MAX_TORN).then_some("a part"))
}

/// The checksum of everything before.
struct Sum {
    big: bool,
    sums: [u32; 2],
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| {
            let word = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        let [mut one, mut other] = self.sums;
        for pair in bytes.chunks_exact(8) {
            one = one.wrapping_add(word(&pair[..4])).wrapping_add(other);
            other = other.wrapping_add(word(&pair[4..])).wrapping_add(one);
        }
        self.sums = [one, other];
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Fills `into`; returns false at the end of the file.
fn fill(file: &mut impl Read, into: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use rusqlite::Connection;

    use super::*;

    /// A database and a log with `transactions` of a few pages each, as a killed process leaves them.
    fn killed(transactions: u32) -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let (at_work, left) = (directory.path().join("work"), directory.path().join("db"));
        let connection = Connection::open(&at_work).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        for number in 0..transactions {
            let sql = format!("INSERT INTO t VALUES (zeroblob(9000)), ({number})");
            connection.execute_batch(&sql).unwrap();
        }
        fs::copy(&at_work, &left).unwrap();
        let log = fs::read(directory.path().join("work-wal")).unwrap();
        (directory, left, log)
    }

    fn says(path: &Path, log: &[u8]) -> Option<String> {
        fs::write(path.with_file_name("db-wal"), log).unwrap();
        check(path).err().map(|error| error.to_string())
    }

    #[test]
    fn log_after_a_kill_or_a_power_loss_is_valid() {
        let (_directory, path, log) = killed(10);
        assert_eq!(check(&path).map_err(|it| it.to_string()), Ok(()), "there is none");
        for length in [0, 1, 31, 32, 33, 5_000, log.len() - 1, log.len()] {
            assert_eq!(says(&path, &log[..length]), None, "{length} of {}", log.len());
        }
    }

    #[test]
    fn transactions_that_were_not_synced_may_be_torn() {
        let (_directory, path, log) = killed(20);
        let frame = FRAME + 4_096;
        let ends = |at: &usize| number(&log[*at..], 4) != 0;
        let commits: Vec<usize> = (HEADER..log.len()).step_by(frame).filter(ends).collect();
        assert_eq!(commits.len(), 20);
        for (back, is_damage) in [(1, false), (MAX_TORN, false), (MAX_TORN + 1, true), (20, true)] {
            let mut torn = log.clone();
            let at = commits[commits.len() - back as usize];
            torn[at + FRAME..at + FRAME + 100].fill(0xAA);
            assert_eq!(says(&path, &torn).is_some(), is_damage, "the last but {back}");
        }
    }

    #[test]
    fn leftovers_of_an_earlier_log_are_not_damage() {
        let (directory, path, _) = killed(10);
        let connection = Connection::open(directory.path().join("work")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        for sql in ["INSERT INTO t VALUES (zeroblob(90000))", "PRAGMA wal_checkpoint(RESTART)"] {
            let _ = connection.execute_batch(sql);
        }
        connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let log = fs::read(directory.path().join("work-wal")).unwrap();
        assert_eq!(says(&path, &log), None);
    }

    #[test]
    fn log_with_unreadable_transactions_is_damaged() {
        let (_directory, path, log) = killed(20);
        for (from, length, what) in [
            (0, 4, "the beginning of its write-ahead log"),
            (0, 4_096, "the beginning of its write-ahead log"),
            (18, 1, "the beginning of its write-ahead log"),
            (HEADER + 8, 1, "a part of its write-ahead log"),
            (HEADER + 200, 1, "a part of its write-ahead log"),
            (log.len() / 2, 9_000, "a part of its write-ahead log"),
        ] {
            let mut damaged = log.clone();
            damaged[from..from + length].iter_mut().for_each(|byte| *byte ^= 0x55);
            let said = says(&path, &damaged).unwrap_or_default();
            assert!(said.contains(what) && said.contains("db-wal"), "{from}: {said:?}");
        }
    }
}
