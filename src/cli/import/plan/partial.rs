//! What was read of each channel, beside the plan until that is written: after Ctrl-C, the same command goes on.
//!
//! The channel is the smallest part that can be read for itself: its logs are merged, so that what one of them adds is only
//! known when all of them are read, and who was there goes on from log to log.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::read_channel::ReadChannel;
use crate::migrate::people::ChannelPeople;
use crate::migrate::reading::{ChannelSources, ReadingSettings};
use crate::version::{COMMIT, VERSION};

/// The first line. Older and newer programs do not take over what was kept in another form.
const HEAD: &str = "letsbridge import plan: what was read so far, form 1\n";

/// How many characters a digest has.
const DIGEST: usize = 64;

/// What was read of a channel.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChannelFacts {
    pub(super) read: ReadChannel,
    pub(super) people: ChannelPeople,
}

/// The logs of a channel as they are, and how they are read: facts of others are not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SourcesKey(String);

impl SourcesKey {
    /// Of logs that are to be read; `None` if one of them cannot be.
    pub(super) fn of(sources: &ChannelSources, settings: &ReadingSettings) -> Option<Self> {
        let mut text = format!("{VERSION} {COMMIT}\n{sources:?}\n{settings:?}\n");
        for file in &sources.files {
            let found = fs::symlink_metadata(&file.path).ok()?;
            // Of a database, what was written last may be in another file.
            let mut beside = file.path.clone().into_os_string();
            beside.push("-wal");
            let beside = fs::symlink_metadata(beside).ok().as_ref().map(state_of);
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{:?} {beside:?}", state_of(&found));
        }
        Some(Self(digest(text.as_bytes())))
    }
}

/// The size of a file, and when it was changed last, in nanoseconds since 1970.
fn state_of(found: &Metadata) -> (u64, u128) {
    let changed = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    (found.len(), changed.map_or(0, |since| since.as_nanos()))
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Where facts are in a file, and how long they are, in bytes.
type FactsPlace = (u64, usize);

/// The facts of an earlier run that was interrupted, and those of this one.
pub(super) struct PartialPlan {
    path: PathBuf,
    /// The file of the earlier run.
    earlier: Option<File>,
    /// The facts in it that can be taken over.
    places: HashMap<SourcesKey, FactsPlace>,
    /// What is to be said of it.
    pub(super) doubts: Vec<String>,
    /// The file of this run, once there is something in it.
    file: Option<File>,
    is_given_up: bool,
}

/// The file beside a plan.
pub(super) fn partial_path(out: &Path) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(".partial");
    PathBuf::from(path)
}

impl PartialPlan {
    /// Looks for what an earlier run has read of these.
    pub(super) fn open(out: &Path, wanted: &HashSet<SourcesKey>) -> Self {
        let path = partial_path(out);
        let (places, doubts) = (HashMap::new(), Vec::new());
        let mut partial =
            Self { path, earlier: None, places, doubts, file: None, is_given_up: false };
        match partial.find(wanted) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                // Whatever it is, it is somebody else's.
                partial.is_given_up = true;
                partial.doubts.push(format!(
                    "{}: {error}: it is left alone, and an interrupted run begins anew",
                    partial.path.display()
                ));
            }
        }
        partial
    }

    fn find(&mut self, wanted: &HashSet<SourcesKey>) -> io::Result<()> {
        let odd = || io::Error::other("this is no file of `letsbridge import plan`");
        if !fs::symlink_metadata(&self.path)?.is_file() {
            return Err(odd());
        }
        let mut lines = BufReader::new(File::open(&self.path)?);
        let (mut line, mut at, mut damaged, mut others) = (Vec::new(), 0, 0, 0);
        if lines.read_until(b'\n', &mut line)? > 0 && line != HEAD.as_bytes() {
            return Err(odd());
        }
        loop {
            at += line.len() as u64;
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            match parse_line(&line) {
                None => damaged += 1,
                Some((key, _)) if !wanted.contains(&key) => others += 1,
                Some((key, facts)) => {
                    let begin = at + (line.len() - 1 - facts.len()) as u64;
                    self.places.insert(key, (begin, facts.len()));
                }
            }
        }
        let path = self.path.display();
        if damaged > 0 {
            let doubt = format!("{path}: lines that are damaged, and are not used: {damaged}");
            self.doubts.push(doubt);
        }
        if others > 0 && self.places.is_empty() {
            let doubt = format!("{path} is of other logs, or of other options: it is not used");
            self.doubts.push(doubt);
        }
        self.earlier = Some(lines.into_inner());
        Ok(())
    }

    /// Whether an earlier run has read this.
    pub(super) fn has(&self, key: &SourcesKey) -> bool {
        self.places.contains_key(key)
    }

    /// Whether there is something for the next run.
    pub(super) fn is_there(&self) -> bool {
        self.file.is_some() || !self.places.is_empty()
    }

    /// What an earlier run has read; `None` if it has not, or if that cannot be read any more.
    pub(super) fn take(&self, key: &SourcesKey) -> Option<ChannelFacts> {
        serde_json::from_slice(&self.read(*self.places.get(key)?).ok()?).ok()
    }

    fn read(&self, (begin, length): FactsPlace) -> io::Result<Vec<u8>> {
        let mut facts = vec![0; length];
        let earlier = self.earlier.as_ref().ok_or(io::ErrorKind::NotFound)?;
        earlier.read_exact_at(&mut facts, begin)?;
        Ok(facts)
    }

    /// Keeps what was read. An error is told once, and keeps nothing from being read.
    pub(super) fn keep(&mut self, key: &SourcesKey, facts: &ChannelFacts) {
        if self.is_given_up {
            return;
        }
        if let Err(error) = self.write(key, facts) {
            self.is_given_up = true;
            eprintln!(
                "cannot write {}: {error}: what is read from now on is read again if you interrupt this",
                self.path.display()
            );
        }
    }

    fn write(&mut self, key: &SourcesKey, facts: &ChannelFacts) -> io::Result<()> {
        let line = line_of(key, &serde_json::to_vec(facts)?);
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.begin()?,
        };
        // A line that is torn by a crash is known by its digest.
        file.write_all(&line)?;
        self.file = Some(file);
        Ok(())
    }

    /// Begins a file, with what is taken over. What the earlier run has read of other logs is dropped.
    fn begin(&self) -> io::Result<File> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // For its owner only: there are people's addresses in it.
        let mut file = tempfile::Builder::new().prefix(".letsbridge-plan-").tempfile_in(folder)?;
        file.write_all(HEAD.as_bytes())?;
        for (key, place) in &self.places {
            file.write_all(&line_of(key, &self.read(*place)?))?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)
    }

    /// The plan is written: nobody needs it any more.
    pub(super) fn remove(self) {
        if self.earlier.is_some() || self.file.is_some() {
            // Where it stays, the next run finds nothing wrong with it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// `DIGEST KEY FACTS`: the digest is that of what follows.
fn line_of(key: &SourcesKey, facts: &[u8]) -> Vec<u8> {
    let said = [key.0.as_bytes(), b" ", facts].concat();
    [digest(&said).as_bytes(), b" ", &said, b"\n"].concat()
}

/// The key of a line and its facts; `None` if it is damaged.
fn parse_line(line: &[u8]) -> Option<(SourcesKey, &[u8])> {
    let (found, rest) = line.strip_suffix(b"\n")?.split_at_checked(DIGEST)?;
    let rest = rest.strip_prefix(b" ")?;
    if digest(rest).as_bytes() != found {
        return None;
    }
    let (key, facts) = rest.split_at_checked(DIGEST)?;
    Some((SourcesKey(String::from_utf8(key.to_vec()).ok()?), facts.strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::OpenOptions;
    use std::time::{Duration, SystemTime};

    use jiff::tz::TimeZone;

    use super::*;
    use crate::migrate::formats::LogFormat;
    use crate::migrate::reading::SourceFile;

    fn facts(messages: u64) -> ChannelFacts {
        let read = ReadChannel { messages, ..ReadChannel::default() };
        ChannelFacts { read, people: ChannelPeople::default() }
    }

    fn key(name: &str) -> SourcesKey {
        SourcesKey(digest(name.as_bytes()))
    }

    fn open(out: &Path, wanted: &[&str]) -> PartialPlan {
        PartialPlan::open(out, &wanted.iter().map(|name| key(name)).collect())
    }

    fn messages(partial: &PartialPlan, name: &str) -> Option<u64> {
        Some(partial.take(&key(name))?.read.messages)
    }

    #[test]
    fn what_was_kept_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("plan.toml");
        let mut first = open(&out, &["tea", "cake"]);
        assert!(!partial_path(&out).exists(), "nothing was read yet");
        first.keep(&key("tea"), &facts(1));
        first.keep(&key("cake"), &facts(2));
        let mut second = open(&out, &["cake", "milk"]);
        assert_eq!((messages(&second, "tea"), messages(&second, "cake")), (None, Some(2)));
        second.keep(&key("milk"), &facts(3));
        assert_eq!(messages(&second, "cake"), Some(2), "it is read while the new one is written");
        let third = open(&out, &["tea", "cake", "milk"]);
        let found = ["tea", "cake", "milk"].map(|name| messages(&third, name));
        assert_eq!(found, [None, Some(2), Some(3)], "what was not wanted is dropped");
        assert!(third.doubts.is_empty(), "{:?}", third.doubts);
        third.remove();
        assert!(!partial_path(&out).exists());
    }

    #[test]
    fn what_is_damaged_or_of_others_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("plan.toml");
        let path = partial_path(&out);
        let mut partial = open(&out, &[]);
        partial.keep(&key("tea"), &facts(1));
        partial.keep(&key("cake"), &facts(2));
        let whole = fs::read(&path).unwrap();
        let doubts = |bytes: &[u8], wanted: &[&str]| {
            fs::write(&path, bytes).unwrap();
            let partial = open(&out, wanted);
            (partial.places.len(), partial.doubts.join("\n"))
        };
        assert_eq!(doubts(&whole, &["tea"]), (1, String::new()));
        let (found, told) = doubts(&whole, &["milk"]);
        assert!(found == 0 && told.contains("of other logs, or of other options"), "{told}");
        // Torn by a crash at any place: what is whole counts.
        for end in HEAD.len()..whole.len() {
            let lines = whole[..end].iter().filter(|byte| **byte == b'\n').count() - 1;
            let is_torn = whole[end - 1] != b'\n';
            let (found, told) = doubts(&whole[..end], &["tea", "cake"]);
            assert_eq!((found, told.contains("damaged")), (lines, is_torn), "{end}: {told}");
        }
        let mut changed = whole.clone();
        let at = changed.len() - 5;
        changed[at] ^= 1;
        let (found, told) = doubts(&changed, &["tea", "cake"]);
        assert!(found == 1 && told.contains("are damaged, and are not used: 1"), "{told}");
        assert_eq!(doubts(b"", &["tea"]), (0, String::new()), "the power was lost at once");
        // Somebody else's.
        let (found, told) = doubts(b"my notes\n", &["tea"]);
        assert!(found == 0 && told.contains("it is left alone"), "{told}");
        let mut partial = open(&out, &["tea"]);
        partial.keep(&key("tea"), &facts(1));
        partial.remove();
        assert_eq!(fs::read(&path).unwrap(), b"my notes\n");
    }

    #[test]
    fn other_logs_and_other_options_have_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\n").unwrap();
        let sources = ChannelSources {
            network: "net".into(),
            channel: "#tea".into(),
            is_private: false,
            files: vec![SourceFile::text(&path, LogFormat::Irssi)],
        };
        let settings = ReadingSettings::default();
        let first = SourcesKey::of(&sources, &settings).unwrap();
        assert_eq!(SourcesKey::of(&sources, &settings), Some(first.clone()));
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let with = |change: fn(&mut ChannelSources)| {
            let mut sources = sources.clone();
            change(&mut sources);
            SourcesKey::of(&sources, &settings)
        };
        let patterns = vec!["%H:%M <{nick}> {text}".parse().unwrap()];
        let mut zoned = sources.clone();
        zoned.files[0].zone = Some(zone.clone());
        let mut patterned = settings.clone();
        patterned.parser.patterns = patterns;
        for (what, other) in [
            ("network", with(|it| it.network.push('x'))),
            ("format", with(|it| it.files[0].format = SourceFile::text("", LogFormat::Znc).format)),
            ("day", with(|it| it.files[0].first_day = Some(jiff::civil::date(2014, 3, 1)))),
            ("files", with(|it| it.files.push(it.files[0].clone()))),
            ("zone of the file", SourcesKey::of(&zoned, &settings)),
            ("zone", SourcesKey::of(&sources, &ReadingSettings { zone, ..settings.clone() })),
            (
                "charset",
                SourcesKey::of(
                    &sources,
                    &ReadingSettings { charset: Some(encoding_rs::KOI8_R), ..settings.clone() },
                ),
            ),
            ("pattern", SourcesKey::of(&sources, &patterned)),
        ] {
            assert!(other.is_some_and(|other| other != first), "{what}");
        }
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(9)).unwrap();
        let touched = SourcesKey::of(&sources, &settings).unwrap();
        assert_ne!(touched, first);
        fs::write(folder.path().join("log-wal"), "rows").unwrap();
        assert_ne!(SourcesKey::of(&sources, &settings), Some(touched), "beside a database");
        fs::remove_file(&path).unwrap();
        assert_eq!(SourcesKey::of(&sources, &settings), None);
    }
}
