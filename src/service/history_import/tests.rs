//! The directory of an import, read by the program itself.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bson::Document;
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::domain::{LogEntry, LogEvent, LogPrecision, LogSpeaker, MessageKind, ObjectId};
use crate::migrate::letschat::{HistoryVoice, RoomOrder, Wording, imported_account_id};
use crate::migrate::reading::KeptEvents;
use crate::translate::LinkFormat;

const ROOM: ObjectId = ObjectId([3; 12]);
const BRIDGE: ObjectId = ObjectId([4; 12]);
const START: i64 = 1_393_852_800_000;

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(START + millis).expect("a time")
}

fn said(at: i64, nick: &str, text: &str) -> LogEntry {
    let by = LogSpeaker { nick: nick.to_owned(), ..LogSpeaker::default() };
    let event = LogEvent::Message { by, kind: MessageKind::Text, text: text.to_owned() };
    LogEntry { at: moment(at), precision: LogPrecision::Exact, event }
}

fn channel(name: &str) -> ImportChannel {
    ImportChannel {
        network: "libera".to_owned(),
        name: name.to_owned(),
        wording: Wording::new("libera", name, &LinkFormat::default()),
        told: KeptEvents::ALL,
        mirrored_since: None,
    }
}

/// ann has an account to be written, everybody else speaks by the bridge's.
fn owner(_: &ImportChannel, by: &LogSpeaker, _: Timestamp) -> Option<HistoryOwner> {
    Some(match by.nick.as_str() {
        "ann" => HistoryOwner { account: imported_account_id("ann.irc"), voice: HistoryVoice::Own },
        "troll" => return None,
        _ => HistoryOwner { account: BRIDGE, voice: HistoryVoice::Bridge },
    })
}

fn ann() -> ImportedAccount {
    ImportedAccount {
        id: imported_account_id("ann.irc"),
        username: "ann.irc".to_owned(),
        display_name: "ann".to_owned(),
        email: "ann.irc@irc.invalid".to_owned(),
        uid: None,
    }
}

fn order(
    logs: Vec<Vec<LogEntry>>,
) -> RoomOrder<impl Iterator<Item = Result<LogEntry, Infallible>>, Infallible> {
    RoomOrder::new(logs.into_iter().map(|log| log.into_iter().map(Ok)))
}

fn tea(logs: &str) -> ImportRoom<'_> {
    ImportRoom { number: 1, slug: "tea", id: ROOM, logs }
}

fn open(directory: &Path, plan: &str) -> Result<ImportDirectory, RecordError> {
    ImportDirectory::open(directory, plan, "https://chat.example.org/")
}

fn documents(path: &Path) -> Vec<Document> {
    let bytes = fs::read(path).expect("is there");
    let mut rest = &bytes[..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(Document::from_reader(&mut rest).expect("is BSON"));
    }
    all
}

/// All files below `directory` with their content.
fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("is there") {
        let path = entry.expect("works").path();
        let name = path.file_name().expect("has one").to_string_lossy().into_owned();
        if path.is_dir() {
            let below = content(&path).into_iter();
            found.extend(below.map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            assert_eq!(fs::metadata(&path).expect("works").permissions().mode() & 0o777, 0o600);
            found.insert(name, fs::read(&path).expect("works"));
        }
    }
    found
}

/// Writes a room with two channels, and finishes.
fn write(directory: &Path) -> RoomTally {
    let mut import = open(directory, "plan").expect("opens");
    import.remember_room("tea", true, Some(ROOM)).expect("works");
    let logs = vec![
        vec![
            said(0, "ann", "kettle's on"),
            said(5, "bob", "coming"),
            said(7, "ann", "\u{2}now\u{2}"),
            said(8, "ann", "\u{2}"),
        ],
        vec![said(5, "ann", "here, too"), said(6, "carol", "hi")],
    ];
    let channels = [channel("#tea"), channel("#coffee")];
    let tally = import.write_room(&tea("logs"), order(logs), &channels, &owner, BRIDGE);
    let tally = tally.expect("is written");
    assert_eq!(
        import.finish(&[ann()], &BTreeMap::new(), ObjectId([7; 12]), &[]).expect("works"),
        1
    );
    tally
}

#[test]
fn room_is_written_in_order_with_its_owners_and_ids() {
    let directory = TempDir::new().expect("a directory");
    let tally = write(directory.path());
    assert_eq!((tally.messages, tally.invisible, tally.id_files), (5, 1, 1));
    assert_eq!((tally.first, tally.last), (START, START + 8));
    assert_eq!(tally.owners[&ann().id.to_string()], OwnerTally { messages: 3, first: START });
    let messages = documents(&directory.path().join("001-tea/messages.bson"));
    let field = |name| messages.iter().map(move |it| it.get_str(name).expect("is text").to_owned());
    let texts: Vec<String> = field("text").collect();
    assert_eq!(texts, ["kettle's on", "<bob> coming", "here, too", "<carol> hi", "now"]);
    let posted = messages.iter().map(|it| it.get_datetime("posted").expect("is a date"));
    let posted: Vec<i64> = posted.map(|at| at.timestamp_millis() - START).collect();
    assert_eq!(posted, [0, 5, 6, 7, 8]);
    let ids = fs::read_to_string(directory.path().join("001-tea/ids-0001.txt")).expect("is there");
    let expected: String = messages
        .iter()
        .map(|it| {
            let hex = |name| it.get_object_id(name).expect("is an id").to_hex();
            format!("{} {}\n", hex("_id"), hex("owner"))
        })
        .collect();
    let without_sums = ids.lines().map(|line| line.rsplit_once(' ').expect("has a sum").0);
    assert_eq!(without_sums.map(|line| format!("{line}\n")).collect::<String>(), expected);
    let users = documents(&directory.path().join("users/users.bson"));
    assert_eq!(users.len(), 1);
    let joined = users[0].get_datetime("joined").expect("is a date");
    assert_eq!(joined.timestamp_millis(), START);
}

#[test]
fn what_is_written_again_is_the_same() {
    let (one, two) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    write(one.path());
    write(two.path());
    assert_eq!(content(one.path()), content(two.path()));
    // In the same directory, too; and nothing unfinished stays.
    fs::write(one.path().join("001-tea/messages.bson.new"), "half").expect("works");
    write(one.path());
    assert_eq!(content(one.path()), content(two.path()));
}

#[test]
fn what_is_complete_is_kept_as_long_as_the_logs_are_the_same() {
    let directory = TempDir::new().expect("a directory");
    let tally = write(directory.path());
    let import = open(directory.path(), "plan").expect("opens");
    assert_eq!(import.room("tea"), Some((true, Some(ROOM.to_string().as_str()))));
    assert_eq!(import.written(&tea("logs")), Some(&tally));
    assert_eq!(import.written(&tea("longer logs")), None);
    assert_eq!(import.written(&ImportRoom { slug: "other", ..tea("logs") }), None);
    // A room with another id is another room.
    let mut import = import;
    import.remember_room("tea", false, Some(BRIDGE)).expect("works");
    assert_eq!(import.written(&tea("logs")), None);
}

#[test]
fn room_that_was_not_completed_is_not_taken_for_complete() {
    let directory = TempDir::new().expect("a directory");
    let mut import = open(directory.path(), "plan").expect("opens");
    import.remember_room("tea", true, Some(ROOM)).expect("works");
    let broken = [Ok(said(0, "ann", "one")), Err("cannot be read")];
    let order = RoomOrder::new([broken.into_iter()]);
    let written = import.write_room(&tea("logs"), order, &[channel("#tea")], &owner, BRIDGE);
    assert_eq!(written.expect_err("fails").to_string(), "cannot be read");
    assert!(!directory.path().join("001-tea/messages.bson").exists());
    let import = open(directory.path(), "plan").expect("opens");
    assert_eq!(import.written(&tea("logs")), None);
    assert!(!directory.path().join("restore.sh").exists());
}

#[test]
fn other_directories_are_refused() {
    let directory = TempDir::new().expect("a directory");
    write(directory.path());
    for (plan, server, why) in [
        ("edited plan", "https://chat.example.org/", "of another plan"),
        ("plan", "https://other.example.org/", "documents for https://chat.example.org/"),
    ] {
        let error = ImportDirectory::open(directory.path(), plan, server).expect_err("is refused");
        assert!(error.to_string().contains(why), "{error}");
    }
    let foreign = TempDir::new().expect("a directory");
    fs::write(foreign.path().join("thesis.tex"), "mine").expect("works");
    let error = open(foreign.path(), "plan").expect_err("is refused").to_string();
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(content_names(foreign.path()), ["thesis.tex"]);
    fs::write(directory.path().join("record.json"), "{}").expect("works");
    let error = open(directory.path(), "plan").expect_err("is refused").to_string();
    assert!(error.contains("record.json") && error.contains("remove the directory"), "{error}");
}

fn content_names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).expect("is there").flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_the_bridge_has_mirrored_and_what_no_id_can_hold_is_left_out() {
    let mut mirrored = channel("#tea");
    mirrored.mirrored_since = Some(moment(10));
    let mut ancient = said(0, "ann", "from before 1970");
    ancient.at = Timestamp::from_second(-5).expect("a time");
    let log =
        vec![ancient, said(8, "troll", "hi"), said(9, "ann", "last"), said(10, "ann", "mirrored")];
    let tally = count_room(order(vec![log]), &[mirrored], &owner, BRIDGE).expect("works");
    assert_eq!((tally.messages, tally.mirrored, tally.out_of_time), (1, 1, 1));
    assert_eq!(tally.people_left_out, 1);
    assert_eq!(tally.bytes, 0);
}

#[test]
fn disk_and_rights_are_explained() {
    let error = files::at(Path::new("/x"), std::io::ErrorKind::StorageFull.into()).to_string();
    assert!(error.contains("/x") && error.contains("goes on where it was"), "{error}");
    let file = TempDir::new().expect("a directory").path().join("file");
    fs::create_dir_all(file.parent().expect("has one")).expect("works");
    fs::write(&file, "").expect("works");
    let error = open(&file.join("below"), "plan").expect_err("is refused").to_string();
    assert!(error.contains("Choose another directory"), "{error}");
}
