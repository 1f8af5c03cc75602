//! Finds the logs below folders.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::open::open_file;
use crate::domain::DatabaseFormat;
use crate::migrate::formats;
use crate::migrate::formats::{HEAD, LogFormat, ParserSettings, Recognised, UnknownFormat};
use crate::store::ForeignLog;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLog {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: FoundKind,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A log of lines.
    Text(Recognised),
    /// A database of a program that keeps logs in one.
    Database(DatabaseFormat),
    /// Nothing that can be read as a log.
    Refused(RefusedFile),
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedFile {
    /// There is nothing in it.
    Empty,
    /// Text of no known format.
    Unknown(UnknownFormat),
    /// A database of SQLite that cannot be read as a log.
    Database(String),
    /// Packed by the named program.
    Packed(&'static str),
    /// In UTF-16, with the named order of bytes.
    Utf16(&'static str),
    /// Not text.
    Binary,
    /// A link. What it leads to may be anything; if that is a log, its own path can be named.
    Link,
    /// Neither a file nor a folder.
    Special,
    /// Too many folders within each other.
    Deep,
    /// It cannot be opened or read.
    Unreadable(String),
}

impl fmt::Display for RefusedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Unknown(unknown) => write!(
                f,
                "{unknown}; --format names a format, and --pattern describes the lines of others"
            ),
            Self::Database(error) => f.write_str(error),
            Self::Packed(program) => write!(f, "it is packed: unpack it with {program} first"),
            Self::Utf16(order) => {
                write!(f, "it is in UTF-16: make UTF-8 of it with iconv -f {order} -t UTF-8 first")
            }
            Self::Binary => f.write_str("it is not text"),
            Self::Link => f.write_str("it is a link: name what it leads to, if that is a log"),
            Self::Special => f.write_str("it is neither a file nor a folder"),
            Self::Deep => write!(f, "it lies in more than {MAX_DEPTH} folders: name it itself"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl RefusedFile {
    /// Whether it may be a log all the same, so that somebody should do something about it.
    #[must_use]
    pub fn may_be_log(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::Packed(_)
            | Self::Utf16(_)
            | Self::Deep
            | Self::Unreadable(_) => true,
            Self::Empty | Self::Unknown(_) | Self::Binary | Self::Link | Self::Special => false,
        }
    }
}

/// What the administrator says about all of the logs.
#[derive(Debug, Clone, Default)]
pub struct FindSettings {
    /// The format, where it is not to be recognised.
    pub format: Option<LogFormat>,
    /// How unusual logs are read.
    pub parser: ParserSettings,
}

/// Logs cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A path that was named does not lead to a file.
    #[error("{}: {source}", path.display())]
    Named {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are more files than anybody's logs.
    #[error("there are more than {MAX_FILES} files below {}: name the folders of the logs", .0.display())]
    TooMany(PathBuf),
}

/// How many files are looked at below one path.
const MAX_FILES: usize = 1_000_000;

/// How many folders may lie within each other.
const MAX_DEPTH: usize = 32;

/// Finds all files at and below `paths`, in the order of their names, and recognises each.
///
/// Links below a folder are not followed: they could lead anywhere, and to where they come from. A path that is named
/// may be one.
///
/// # Errors
///
/// A named path does not exist or cannot be read; there are more than a million files.
pub fn find<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<FoundLog>, FindError> {
    find_as(paths, &FindSettings::default())
}

/// As [`find`], with what the administrator says.
///
/// # Errors
///
/// See [`find`].
pub fn find_as<P: AsRef<Path>>(
    paths: &[P],
    settings: &FindSettings,
) -> Result<Vec<FoundLog>, FindError> {
    let mut found: BTreeMap<PathBuf, FoundLog> = BTreeMap::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let named = |source| FindError::Named { path: path.to_owned(), source };
        let meta = fs::metadata(path).map_err(named)?;
        let mut search = Search { settings, root: path, found: &mut found };
        if meta.is_dir() {
            let folder = fs::read_dir(path).map_err(named)?;
            search.walk(folder, 1)?;
        } else if path.is_symlink() {
            // The plan names what it leads to: later, links are not followed.
            search.add(fs::canonicalize(path).map_err(named)?, true)?;
        } else {
            search.add(path.to_owned(), true)?;
        }
    }
    let mut found: Vec<FoundLog> = found.into_values().collect();
    settle_rivals(&mut found);
    Ok(found)
}

struct Search<'s> {
    settings: &'s FindSettings,
    root: &'s Path,
    found: &'s mut BTreeMap<PathBuf, FoundLog>,
}

impl Search<'_> {
    fn walk(&mut self, folder: fs::ReadDir, depth: usize) -> Result<(), FindError> {
        for entry in folder {
            // A folder that changes while it is read: what is left is read all the same.
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.refuse(path, RefusedFile::Link)?,
                Ok(kind) if kind.is_dir() && depth >= MAX_DEPTH => {
                    self.refuse(path, RefusedFile::Deep)?;
                }
                Ok(kind) if kind.is_dir() => match fs::read_dir(&path) {
                    Ok(folder) => self.walk(folder, depth + 1)?,
                    Err(error) => self.refuse(path, RefusedFile::Unreadable(error.to_string()))?,
                },
                Ok(kind) if kind.is_file() => self.add(path, false)?,
                Ok(_) => self.refuse(path, RefusedFile::Special)?,
                Err(error) => self.refuse(path, RefusedFile::Unreadable(error.to_string()))?,
            }
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, is_named: bool) -> Result<(), FindError> {
        let read = read_head(&path, is_named);
        let (size, kind) = match read {
            Ok((size, head)) => (size, classify(&path, &head, self.settings)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                (0, FoundKind::Refused(RefusedFile::Special))
            }
            Err(error) => (0, FoundKind::Refused(RefusedFile::Unreadable(error.to_string()))),
        };
        self.insert(FoundLog { path, size, kind })
    }

    fn refuse(&mut self, path: PathBuf, why: RefusedFile) -> Result<(), FindError> {
        self.insert(FoundLog { path, size: 0, kind: FoundKind::Refused(why) })
    }

    fn insert(&mut self, log: FoundLog) -> Result<(), FindError> {
        if self.found.len() >= MAX_FILES {
            return Err(FindError::TooMany(self.root.to_owned()));
        }
        self.found.insert(log.path.clone(), log);
        Ok(())
    }
}

fn read_head(path: &Path, is_named: bool) -> io::Result<(u64, Vec<u8>)> {
    let file = open_file(path, is_named)?;
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok((size, head))
}

/// How files of known programs begin that are not text.
const MAGIC: &[(&[u8], RefusedFile)] = &[
    (b"\x1f\x8b", RefusedFile::Packed("gunzip")),
    (b"BZh", RefusedFile::Packed("bunzip2")),
    (b"\xfd7zXZ\0", RefusedFile::Packed("unxz")),
    (b"\x28\xb5\x2f\xfd", RefusedFile::Packed("unzstd")),
    (b"PK\x03\x04", RefusedFile::Packed("unzip")),
    (b"7z\xbc\xaf\x27\x1c", RefusedFile::Packed("7z x")),
    (b"Rar!\x1a\x07", RefusedFile::Packed("unrar")),
    (b"\xff\xfe", RefusedFile::Utf16("UTF-16LE")),
    (b"\xfe\xff", RefusedFile::Utf16("UTF-16BE")),
];

fn classify(path: &Path, head: &[u8], settings: &FindSettings) -> FoundKind {
    if head.is_empty() {
        return FoundKind::Refused(RefusedFile::Empty);
    }
    if head.starts_with(b"SQLite format 3\0") {
        return match ForeignLog::open(path) {
            Ok(log) => FoundKind::Database(log.format()),
            Err(error) => FoundKind::Refused(RefusedFile::Database(error.about_it())),
        };
    }
    if let Some((_, why)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return FoundKind::Refused(why.clone());
    }
    // An archive of tar begins with the name of its first file.
    if head.get(257..262) == Some(b"ustar") {
        return FoundKind::Refused(RefusedFile::Packed("tar -x"));
    }
    // A crash may leave blocks of NUL bytes in a log; other bytes of control are many in no log.
    let odd =
        head.iter().filter(|byte| matches!(byte, 4..=8 | 14 | 16..=19 | 21 | 23..=25)).count();
    if odd * 25 > head.len() || head.iter().all(|byte| *byte == 0) {
        return FoundKind::Refused(RefusedFile::Binary);
    }
    if let Some(format) = settings.format {
        return FoundKind::Text(formats::recognise_as(format, path, head, &settings.parser));
    }
    match formats::recognise(path, head) {
        Ok(recognised) => FoundKind::Text(recognised),
        Err(unknown) => FoundKind::Refused(RefusedFile::Unknown(unknown)),
    }
}

/// A log that several formats fit is of the format of its neighbours, if that is one of them.
fn settle_rivals(found: &mut [FoundLog]) {
    let mut sure: BTreeMap<PathBuf, BTreeMap<LogFormat, usize>> = BTreeMap::new();
    for log in found.iter() {
        if let (FoundKind::Text(text), Some(folder)) = (&log.kind, log.path.parent())
            && text.rivals.is_empty()
        {
            *sure.entry(folder.to_owned()).or_default().entry(text.format).or_default() += 1;
        }
    }
    for log in found.iter_mut() {
        let Some(formats) = log.path.parent().and_then(|folder| sure.get(folder)) else { continue };
        let FoundKind::Text(text) = &mut log.kind else { continue };
        let most = formats.iter().max_by_key(|(_, count)| **count).map(|(format, _)| *format);
        if let Some(format) = most.filter(|format| text.rivals.contains(format)) {
            let rivals = std::mem::take(&mut text.rivals);
            *text = text.clone().read_as(format, &log.path);
            text.rivals = rivals;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;
    use crate::store::make_quassel_database;

    const IRSSI: &str = "--- Log opened Sun Nov 29 13:58:34 2026\n13:59 <@bob> hi\n";

    fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What was found, by the path below the folder.
    fn told(folder: &Path) -> Vec<(String, String)> {
        let found = find(&[folder]).unwrap();
        let tell = |log: FoundLog| {
            let path = log.path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let what = match log.kind {
                FoundKind::Text(text) => format!(
                    "{} {} {}",
                    text.format,
                    text.network.unwrap_or_default(),
                    text.channel.unwrap_or_default()
                ),
                FoundKind::Database(format) => format!("database {format}"),
                FoundKind::Refused(why) => why.to_string(),
            };
            (path, what)
        };
        found.into_iter().map(tell).collect()
    }

    fn check(folder: &Path, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(path, what)| ((*path).into(), (*what).into())).collect();
        assert_eq!(told(folder), expected);
    }

    #[test]
    fn quassels_copied_query_is_private() {
        for (buffer, is_private) in [("#tea\t2", false), ("ann\t4", true), ("#tea\t4", true)] {
            let line =
                format!("1614834367089,1,0,ann,Libera,{},bob,x\n", buffer.replace('\t', ","));
            let read = formats::recognise(Path::new("x.csv"), line.as_bytes()).unwrap();
            assert_eq!((read.format, read.is_private), (LogFormat::QuasselCopy, is_private));
        }
    }

    #[test]
    fn each_file_below_a_folder_is_found_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "irclogs/Libera/#team.log", IRSSI);
        write(folder, "empty.log", "");
        write(folder, "notes.txt", "Buy tea.\nAnd milk.\n");
        write(folder, "old.log.gz", b"\x1f\x8b\x08\0tea");
        write(folder, "utf16.log", b"\xff\xfe[\x001\x003\0");
        write(folder, "hole.log", vec![0; 4096]);
        write(folder, "holes.log", [&[0; 100][..], IRSSI.as_bytes()].concat());
        write(folder, "noise.bin", (0..=255).cycle().take(4096).collect::<Vec<u8>>());
        let copied = "1614834367089\t1\t0\tann\tLibera\t#tea\t2\tbob!b@host\ttea?\n";
        write(folder, "quassel-7.copy", copied);
        make_quassel_database(&folder.join("quassel-storage.sqlite"));
        let whole = fs::read(folder.join("quassel-storage.sqlite")).unwrap();
        write(folder, "other.sqlite", &whole[..whole.len() - 1]);
        check(
            folder,
            &[
                ("empty.log", "it is empty"),
                ("hole.log", "it is not text"),
                ("holes.log", "irssi  holes"),
                ("irclogs/Libera/#team.log", "irssi Libera #team"),
                ("noise.bin", "it is not text"),
                (
                    "notes.txt",
                    "line 1 is of no known format: \"Buy tea.\"; --format names a format, and --pattern \
                     describes the lines of others",
                ),
                ("old.log.gz", "it is packed: unpack it with gunzip first"),
                (
                    "other.sqlite",
                    "it cannot be read as a database (it is truncated): copy it again, whole; if its program \
                     encrypts it, decrypt it first",
                ),
                ("quassel-7.copy", "quassel-copy Libera #tea"),
                ("quassel-storage.sqlite", "database quassel"),
                (
                    "utf16.log",
                    "it is in UTF-16: make UTF-8 of it with iconv -f UTF-16LE -t UTF-8 first",
                ),
            ],
        );
    }

    #[test]
    fn links_below_a_folder_lead_nowhere() {
        let outside = tempfile::tempdir().unwrap();
        write(outside.path(), "#secret.log", IRSSI);
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "#team.log", IRSSI);
        symlink(outside.path(), folder.path().join("out")).unwrap();
        symlink(outside.path().join("#secret.log"), folder.path().join("secret.log")).unwrap();
        symlink(folder.path(), folder.path().join("loop")).unwrap();
        symlink("/dev/zero", folder.path().join("zero.log")).unwrap();
        let link = "it is a link: name what it leads to, if that is a log";
        check(
            folder.path(),
            &[
                ("#team.log", "irssi  #team"),
                ("loop", link),
                ("out", link),
                ("secret.log", link),
                ("zero.log", link),
            ],
        );
    }

    #[test]
    fn a_named_link_is_followed() {
        let outside = tempfile::tempdir().unwrap();
        write(outside.path(), "#team.log", IRSSI);
        let folder = tempfile::tempdir().unwrap();
        let (to_folder, to_file) = (folder.path().join("logs"), folder.path().join("#team.log"));
        symlink(outside.path(), &to_folder).unwrap();
        symlink(outside.path().join("#team.log"), &to_file).unwrap();
        let found = find(&[to_folder, to_file]).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|log| matches!(log.kind, FoundKind::Text(_))), "{found:?}");
    }

    #[test]
    fn pipes_and_deep_folders_do_not_stop_the_search() {
        let folder = tempfile::tempdir().unwrap();
        let deep: PathBuf = std::iter::repeat_n("d", MAX_DEPTH + 3).collect();
        write(folder.path(), deep.join("#deep.log").to_str().unwrap(), IRSSI);
        let pipe = folder.path().join("pipe.log");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let found = told(folder.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].1.starts_with("it lies in more than 32 folders"), "{found:?}");
        assert_eq!(found[1].1, "it is neither a file nor a folder");
        let named = find(&[pipe]).unwrap();
        assert_eq!(named[0].kind, FoundKind::Refused(RefusedFile::Special));
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error() {
        let error = find(&["nowhere/#team.log"]).unwrap_err().to_string();
        assert!(error.starts_with("nowhere/#team.log: No such file"), "{error}");
    }

    #[test]
    fn a_day_on_which_people_only_talked_is_of_the_format_of_the_other_days() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "team.log.28Nov2026", "[13:59:15] <bob> hi\n[14:00:00] Action: bob waves\n");
        write(folder, "team.log.29Nov2026", "[13:59:15] <bob> hi\n");
        write(folder, "2026-11-29.log", "[13:59:15] <bob> hi\n");
        let found = find(&[folder]).unwrap();
        for log in found {
            let FoundKind::Text(text) = log.kind else { panic!("{log:?}") };
            assert_eq!(text.format, LogFormat::Eggdrop, "{:?}", log.path);
            assert!(text.date.is_some(), "{:?}", log.path);
        }
    }
}
