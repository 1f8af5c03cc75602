//! Power losses: what the disk of a machine holds that has forgotten what was not synced.
//!
//! The program runs with `disk.c` loaded into it (`LD_PRELOAD`), which records all that it does to the files of its state:
//! writes, truncations, syncs, new names and names that are gone. The library is compiled by `cc`, which the build of
//! SQLite needs anyway; it needs no rights, and the program is the one that users run. When the program was killed, the
//! record tells what a disk is sure to hold:
//!
//! - of each file what was written before its last sync;
//! - of the directory the names as they were when it was last synced, as POSIX has it. (Common file systems hold more.)
//!
//! What was written later is on the disk by chance. Each power loss takes all of it, or all behind some moment, or any of
//! its sectors of 512 bytes: disks write in any order. The files are then replaced by what is left, and the program
//! starts again.
//!
//! The memory that SQLite shares between processes (`-shm`) is not of the disk: a power loss takes it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use fastrand::Rng;

/// What a disk writes whole.
const SECTOR: usize = 512;

/// What is no file of a disk.
const SHARED_MEMORY: &str = "-shm";

/// The head of a record: kind, inode, offset, and length of what follows.
const HEAD: usize = 32;

/// The files below one directory, as a disk has them.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<DiskFile>,
    /// Which file has this inode now.
    inodes: HashMap<u64, usize>,
    /// The names, as they are and as the disk is sure to have them.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// What was done to names since then.
    later: Vec<Naming>,
    /// The syncs under way, by their number: up to which change of its file each goes.
    begun: HashMap<usize, usize>,
}

#[derive(Debug, Default)]
struct DiskFile {
    synced: Vec<u8>,
    /// How many changes that took.
    changes: usize,
    /// What was done since.
    later: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug)]
enum Naming {
    Add(String, usize),
    Rename(String, String),
    Remove(String),
}

/// Where the program works, and the record of what it does there.
pub(crate) struct Power {
    library: PathBuf,
    state: PathBuf,
    record: PathBuf,
    /// The files as they were when the record began.
    base: Disk,
    losses: usize,
}

impl Power {
    /// Compiles the library into `directory`, where the program's `state` is.
    pub(crate) fn new(directory: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/disk.c");
        let library = directory.join("disk.so");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let done = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(done.expect("there is a C compiler").success());
        let (state, record) = (directory.join("state"), directory.join("record"));
        fs::create_dir_all(&state).unwrap();
        Self { library, state, record, base: Disk::default(), losses: 0 }
    }

    /// What the program needs in its environment. From now on the files are as they are on the disk.
    pub(crate) fn environment(&mut self) -> Vec<(&'static str, PathBuf)> {
        self.base = Disk::of(&self.state);
        fs::write(&self.record, "").unwrap();
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("LETSBRIDGE_DISK", self.state.clone()),
            ("LETSBRIDGE_DISK_RECORD", self.record.clone()),
        ]
    }

    /// The power is lost: the files become what is left of them.
    pub(crate) fn lose(&mut self, dice: &mut Rng) {
        let mut disk = std::mem::take(&mut self.base);
        disk.replay(&fs::read(&self.record).unwrap());
        assert!(disk.files.iter().any(|it| !it.synced.is_empty()), "nothing was recorded");
        let left = disk.lose_power(dice);
        for entry in fs::read_dir(&self.state).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, content) in left {
            let path = self.state.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
        self.losses += 1;
    }

    /// How often the power was lost.
    pub(crate) fn losses(&self) -> usize {
        self.losses
    }
}

impl Disk {
    /// The files in `directory`, all of them on the disk.
    fn of(directory: &Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.ends_with(SHARED_MEMORY) {
                continue;
            }
            let synced = fs::read(entry.path()).unwrap();
            disk.inodes.insert(entry.metadata().unwrap().ino(), disk.files.len());
            disk.names.insert(name, disk.files.len());
            disk.files.push(DiskFile { synced, ..DiskFile::default() });
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    /// Does what was recorded. The last record may be cut short.
    fn replay(&mut self, mut record: &[u8]) {
        while let Some((head, rest)) = record.split_at_checked(HEAD) {
            let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
            let offset = usize::try_from(number(16)).unwrap();
            let Some((data, rest)) = rest.split_at_checked(usize::try_from(number(24)).unwrap())
            else {
                return;
            };
            self.apply(
                char::from(head[usize::from(cfg!(target_endian = "big")) * 7]),
                number(8),
                offset,
                data,
            );
            record = rest;
        }
    }

    fn apply(&mut self, kind: char, inode: u64, offset: usize, data: &[u8]) {
        let name = |data: &[u8]| String::from_utf8(data.to_vec()).unwrap();
        match kind {
            'O' => self.open(inode, name(data)),
            'W' => self.change(inode, Change::Write(offset, data.to_vec())),
            'T' => self.change(inode, Change::Truncate(offset)),
            'B' => {
                if let Some(file) = self.inodes.get(&inode) {
                    self.begun.insert(offset, self.files[*file].all_changes());
                }
            }
            'S' => {
                let up_to = self.begun.remove(&offset);
                if let Some(file) = self.inodes.get(&inode) {
                    let file = &mut self.files[*file];
                    file.sync(up_to.unwrap_or(file.all_changes()));
                }
            }
            'D' => {
                self.synced_names = self.names.clone();
                self.later.clear();
            }
            'R' => {
                let (from, to) = data.split_at(offset);
                let (from, to) = (name(from), name(to));
                if let Some(file) = self.names.remove(&from) {
                    self.names.insert(to.clone(), file);
                }
                self.later.push(Naming::Rename(from, to));
            }
            'U' => {
                let gone = name(data);
                if let Some(file) = self.names.remove(&gone) {
                    // Another file may get the same inode.
                    self.inodes.retain(|_, it| *it != file);
                }
                self.later.push(Naming::Remove(gone));
            }
            other => panic!("there is no record of the kind {other:?}"),
        }
    }

    fn open(&mut self, inode: u64, name: String) {
        if name.ends_with(SHARED_MEMORY) || self.inodes.contains_key(&inode) {
            return;
        }
        let file = self.files.len();
        self.files.push(DiskFile::default());
        self.inodes.insert(inode, file);
        self.names.insert(name.clone(), file);
        self.later.push(Naming::Add(name, file));
    }

    fn change(&mut self, inode: u64, change: Change) {
        if let Some(file) = self.inodes.get(&inode) {
            self.files[*file].later.push(change);
        }
    }

    /// The files that are left, with what is in them.
    fn lose_power(self, dice: &mut Rng) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.synced_names;
        let kept = dice.usize(..=self.later.len());
        for naming in self.later.into_iter().take(kept) {
            match naming {
                Naming::Add(name, file) => drop(names.insert(name, file)),
                Naming::Rename(from, to) => {
                    if let Some(file) = names.remove(&from) {
                        names.insert(to, file);
                    }
                }
                Naming::Remove(name) => drop(names.remove(&name)),
            }
        }
        let mut files: Vec<Option<DiskFile>> = self.files.into_iter().map(Some).collect();
        let left = names.into_iter().filter_map(|(name, file)| Some((name, files[file].take()?)));
        left.map(|(name, file)| (name, file.lose_power(dice))).collect()
    }
}

impl DiskFile {
    /// How many changes there were.
    fn all_changes(&self) -> usize {
        self.changes + self.later.len()
    }

    /// The first so many changes are on the disk.
    fn sync(&mut self, up_to: usize) {
        let count = up_to.saturating_sub(self.changes).min(self.later.len());
        for change in self.later.drain(..count) {
            change.apply(&mut self.synced);
        }
        self.changes += count;
    }

    fn lose_power(mut self, dice: &mut Rng) -> Vec<u8> {
        let later = std::mem::take(&mut self.later);
        match dice.u8(..3) {
            0 => {}
            1 => {
                let kept = dice.usize(..=later.len());
                later.into_iter().take(kept).for_each(|change| change.apply(&mut self.synced));
            }
            _ => {
                let sectors = later.into_iter().flat_map(Change::into_sectors);
                sectors.filter(|_| dice.bool()).for_each(|change| change.apply(&mut self.synced));
            }
        }
        self.synced
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let end = offset + data.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(data);
            }
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }

    /// What a disk may do of it without the rest.
    fn into_sectors(self) -> Vec<Self> {
        let Self::Write(offset, data) = self else { return vec![self] };
        let mut sectors = Vec::new();
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let at = offset + data.len() - rest.len();
            let (sector, behind) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
            sectors.push(Self::Write(at, sector.to_vec()));
            rest = behind;
        }
        sectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of these actions: kind, inode, offset, data.
    fn record(actions: &[(char, u64, u64, &str)]) -> Vec<u8> {
        let one = |(kind, inode, offset, data): &(char, u64, u64, &str)| {
            let head = [u64::from(u32::from(*kind)), *inode, *offset, data.len() as u64];
            let head = head.into_iter().flat_map(u64::to_ne_bytes);
            head.chain(data.bytes()).collect::<Vec<u8>>()
        };
        actions.iter().flat_map(one).collect()
    }

    /// What may be left after these actions, as text.
    fn left(actions: &[(char, u64, u64, &str)]) -> Vec<String> {
        let text = |files: BTreeMap<String, Vec<u8>>| {
            let text = |(name, content)| format!("{name}={}", String::from_utf8(content).unwrap());
            files.into_iter().map(text).collect::<Vec<_>>().join(" ")
        };
        let once = |seed| {
            let mut disk = Disk::default();
            disk.replay(&record(actions));
            text(disk.lose_power(&mut Rng::with_seed(seed)))
        };
        let mut all: Vec<String> = (0..200).map(once).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn what_was_synced_is_left_and_the_rest_by_chance() {
        let made = [('O', 7, 0, "a"), ('D', 1, 0, ""), ('W', 7, 0, "one"), ('S', 7, 0, "")];
        assert_eq!(left(&made), ["a=one"]);
        let then = |more: &[(char, u64, u64, &'static str)]| left(&[&made[..], more].concat());
        assert_eq!(then(&[('W', 7, 3, "two")]), ["a=one", "a=onetwo"]);
        assert_eq!(
            then(&[('W', 7, 1, "x"), ('W', 7, 2, "y")]),
            ["a=one", "a=ony", "a=oxe", "a=oxy"]
        );
        assert_eq!(then(&[('T', 7, 0, ""), ('S', 7, 0, ""), ('W', 7, 0, "x")]), ["a=", "a=x"]);
        assert_eq!(then(&[('S', 8, 0, ""), ('W', 7, 3, "two"), ('S', 7, 0, "")]), ["a=onetwo"]);
        let meanwhile = [('B', 7, 1, ""), ('W', 7, 3, "two"), ('S', 7, 1, "")];
        assert_eq!(
            then(&meanwhile),
            ["a=one", "a=onetwo"],
            "what is written while it syncs may be lost"
        );
    }

    #[test]
    fn sectors_are_left_whole() {
        let data = ["x".repeat(12), "y".repeat(SECTOR)].concat();
        let sectors = Change::Write(SECTOR - 12, data.into_bytes()).into_sectors();
        let ends: Vec<_> = sectors
            .iter()
            .map(|it| match it {
                Change::Write(at, data) => (*at, data.len()),
                Change::Truncate(_) => unreachable!("it was a write"),
            })
            .collect();
        assert_eq!(ends, [(SECTOR - 12, 12), (SECTOR, SECTOR)]);
    }

    #[test]
    fn names_need_a_sync_of_their_own() {
        let made = [('O', 7, 0, "a"), ('W', 7, 0, "x"), ('S', 7, 0, "")];
        assert_eq!(left(&made), ["", "a=x"]);
        let synced = [&made[..], &[('D', 1, 0, "")]].concat();
        assert_eq!(left(&synced), ["a=x"]);
        let renamed = [&synced[..], &[('R', 0, 1, "ab")]].concat();
        assert_eq!(left(&renamed), ["a=x", "b=x"]);
        let reused = [&synced[..], &[('U', 0, 0, "a"), ('O', 7, 0, "c"), ('D', 1, 0, "")]].concat();
        assert_eq!(left(&reused), ["c="]);
    }
}
