//! `letsbridge import write`: history as documents for the database of Let's Chat, and the script that restores them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bson::Document;
use jiff::Timestamp;

use crate::harness::{BRIDGE, World};
use crate::program::{End, soon};

/// A log of WeeChat with so many lines of ann and bob, one a minute.
fn log(lines: usize) -> String {
    let start: Timestamp = "2014-03-03T14:00:00Z".parse().unwrap();
    let mut text = String::new();
    for number in 0..lines {
        let at = start + jiff::SignedDuration::from_secs(number as i64 * 60);
        let nick = ["ann", "bob"][number % 2];
        writeln!(text, "{}\t{nick}\tline {number}", at.strftime("%F %T")).unwrap();
    }
    text
}

const CHANNEL: &str = r##"
[[channel]]
network = "office"
channel = "#old"
room = "old-times"
[[files]]
network = "office"
channel = "#old"
list = [{ path = "old.log", format = "weechat" }]
"##;

const PEOPLE: &str = r#"
[[person]]
id = "office/ann"
name = "ann"
nicks = ["office/ann"]
account = "existing"
username = "ann"
[[person]]
id = "office/bob"
name = "bob"
nicks = ["office/bob"]
account = "new"
username = "bob.irc"
"#;

fn plan(sections: &str) -> String {
    format!("version = 1\n[reading]\ntimezone = \"UTC\"\n{sections}")
}

/// A world with a log of so many lines, and a plan for it.
async fn world(lines: usize) -> World {
    let world = World::new().await;
    world.write("old.log", &log(lines));
    world.write("plan.toml", &plan(&format!("{CHANNEL}{PEOPLE}")));
    world
}

async fn write(world: &World, more: &[&str]) -> End {
    let arguments = [&["import", "write", "plan.toml"], more].concat();
    world.letsbridge(&arguments).ends().await
}

/// The documents of a file, in order.
pub(crate) fn documents(path: &Path) -> Vec<Document> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(Document::from_reader(&mut rest).unwrap());
    }
    all
}

/// All files below `directory`, which only their owner can read.
pub(crate) fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
        } else {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Puts what was written into the database.
fn restore(world: &World, out: &str) {
    let out = world.path().join(out);
    let mut names = BTreeMap::new();
    for user in documents(&out.join("users/users.bson")) {
        let username = user.get_str("username").unwrap().to_owned();
        names.insert(user.get_object_id("_id").unwrap().to_hex(), username);
    }
    for message in documents(&out.join("001-old-times/messages.bson")) {
        let owner = message.get_object_id("owner").unwrap().to_hex();
        // The server knows the others: whoever was not written is ann.
        let owner = names.get(&owner).map_or("ann", |_| "bob.irc");
        let posted = message.get_datetime("posted").unwrap().timestamp_millis();
        world.letschat.restore_post(
            "old-times",
            &message.get_object_id("_id").unwrap().to_hex(),
            owner,
            message.get_str("text").unwrap(),
            Timestamp::from_millisecond(posted).unwrap(),
        );
    }
}

#[tokio::test]
async fn history_is_written_by_its_people_with_its_times() {
    let world = world(5).await;
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.out.contains("5 messages, 1 new account\n"), "{}", end.out);
    assert!(end.out.contains("sh history/restore.sh restore"), "{}", end.out);
    let out = world.path().join("history");
    let messages = documents(&out.join("001-old-times/messages.bson"));
    let room = world.letschat.room_id("old-times");
    let users = documents(&out.join("users/users.bson"));
    let bob = users[0].get_object_id("_id").unwrap().to_hex();
    for (number, message) in messages.iter().enumerate() {
        let hex = |name| message.get_object_id(name).unwrap().to_hex();
        let owner = [world.letschat.user_id("ann"), bob.clone()][number % 2].clone();
        assert_eq!(message.get_str("text").unwrap(), format!("line {number}"));
        assert_eq!((hex("room"), hex("owner")), (room.clone(), owner));
        let posted = 1_393_855_200 + 60 * number as i64;
        assert_eq!(message.get_datetime("posted").unwrap().timestamp_millis(), posted * 1_000);
        assert_eq!(hex("_id")[..12], format!("{posted:08x}0000"));
    }
    assert_eq!((users.len(), messages.len()), (1, 5));
    let before = content(&out);
    // Again: nothing changes, and no second room is made.
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(content(&out), before);
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let world = world(5).await;
    let names = || {
        let entries = fs::read_dir(world.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != "notify");
        names.sort();
        names
    };
    let before = names();
    for more in [&["--dry-run"][..], &["--dry-run", "--out", "history"]] {
        let end = write(&world, more).await;
        assert_eq!(end.code, Some(0), "{end:?}");
        assert!(end.out.contains("old-times (new)") && end.out.contains("5 messages"), "{end:?}");
        assert!(end.out.contains("Nothing was written"), "{}", end.out);
    }
    assert_eq!(names(), before);
    let end = write(&world, &["--out", "history"]).await;
    assert!(end.out.contains("old-times (new)"), "was not made before: {}", end.out);
}

#[tokio::test]
async fn what_was_interrupted_goes_on_and_gives_the_same() {
    let world = world(60_000).await;
    let end = write(&world, &["--out", "whole"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let unfinished = world.path().join("history/001-old-times/messages.bson.new");
    let arguments = ["import", "write", "plan.toml", "--out", "history"];
    let running = world.letsbridge(&arguments).start();
    let begun = async {
        // It writes a megabyte at once.
        while !fs::metadata(&unfinished).is_ok_and(|it| it.len() > 0) {
            tokio::task::yield_now().await;
        }
    };
    soon("the first messages to be on disk", begun).await;
    running.signal("INT").await;
    assert_ne!(running.ends().await.code, Some(0));
    assert!(!world.path().join("history/restore.sh").exists(), "it is not complete");
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let without_directory = |directory: &str| {
        let root = world.path().join(directory);
        let files = content(&root).into_iter();
        let named = |(path, bytes): (PathBuf, Vec<u8>)| {
            (path.strip_prefix(&root).unwrap().to_owned(), bytes)
        };
        let mut files: BTreeMap<_, _> = files.map(named).collect();
        // The second run found the room that the first one had made.
        for file in ["record.json", "import.js"] {
            files.remove(Path::new(file));
        }
        files
    };
    assert!(without_directory("history") == without_directory("whole"));
    let import = fs::read_to_string(world.path().join("history/import.js")).unwrap();
    assert!(import.contains("\"messages\": 60000"), "{import}");
}

#[tokio::test]
async fn directory_of_another_plan_is_refused() {
    let world = world(3).await;
    assert_eq!(write(&world, &["--out", "history"]).await.code, Some(0));
    let before = content(&world.path().join("history"));
    world.write("plan.toml", &plan(CHANNEL));
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.err.contains("documents of another plan"), "{}", end.err);
    assert_eq!(content(&world.path().join("history")), before);
    // Somebody's own files stay.
    world.write("thesis/chapter.tex", "mine");
    let end = write(&world, &["--out", "thesis"]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.err.contains("the directory is not empty"), "{}", end.err);
    assert_eq!(content(&world.path().join("thesis")).len(), 1);
}

#[tokio::test]
async fn plan_that_does_not_fit_the_server_is_explained_before_anything_is_made() {
    let world = world(3).await;
    for (from, to, words) in [
        ("username = \"ann\"", "username = \"zoe\"", "Let's Chat has no account zoe"),
        ("username = \"bob.irc\"", "username = \"bridge\"", "has an account bridge already"),
        ("path = \"old.log\"", "path = \"gone.log\"", "gone.log"),
    ] {
        let text = plan(&format!("{CHANNEL}{PEOPLE}")).replacen(from, to, 1);
        world.write("plan.toml", &text);
        let end = write(&world, &["--out", "history"]).await;
        assert_ne!(end.code, Some(0), "{words}");
        assert!(end.err.contains(words), "{words}: {}", end.err);
        assert!(!world.path().join("history").exists(), "{words}");
    }
    world.write("plan.toml", &plan(PEOPLE));
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.err.contains("no channel of the plan goes to a room"), "{}", end.err);
}

#[tokio::test]
async fn closed_channel_and_private_conversation_are_warned_of() {
    let world = world(3).await;
    let text = log(3) + "2014-03-03 15:00:00\t--\tMode #old [+i] by ann\n";
    world.write("old.log", &text);
    world.write("query.log", &log(3));
    let private = "[[channel]]\nnetwork = \"office\"\nchannel = \"bob\"\nprivate = true\n[[files]]\n\
                   network = \"office\"\nchannel = \"bob\"\n\
                   list = [{ path = \"query.log\", format = \"weechat\" }]\n";
    world.write("plan.toml", &plan(&format!("{CHANNEL}{private}{PEOPLE}")));
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.err.contains("invite-only or had a key"), "{}", end.err);
    assert!(end.err.contains("private conversations are not written"), "{}", end.err);
    assert!(end.out.contains("3 messages"), "{}", end.out);
    let import = fs::read_to_string(world.path().join("history/import.js")).unwrap();
    assert!(import.contains("invite-only"), "restore.sh says it, too: {import}");
}

/// A plan whose channel only some may read.
fn closed(room: &str, participants: &str) -> String {
    let channel = CHANNEL.replace("old-times", room);
    let channel =
        channel.replace("[[files]]", &format!("participants = {participants}\n[[files]]"));
    plan(&format!("{channel}{PEOPLE}"))
}

#[tokio::test]
async fn room_of_a_closed_channel_is_made_for_its_participants() {
    let world = world(3).await;
    world.write("plan.toml", &closed("secret", "[\"ann\", \"Bob.irc\"]"));
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.out.contains("secret (new, private)"), "{}", end.out);
    let rooms = reqwest::Client::new().get(format!("{}/rooms", world.letschat.url()));
    let rooms = rooms.bearer_auth(world.letschat.token("ann")).send().await.unwrap();
    let rooms = rooms.text().await.unwrap();
    assert!(rooms.contains("\"tea\""), "{rooms}");
    assert!(!rooms.contains("\"secret\""), "nobody is let in before it is restored: {rooms}");
    let import = fs::read_to_string(world.path().join("history/import.js")).unwrap();
    let bob = documents(&world.path().join("history/users/users.bson"))[0].clone();
    let bob = bob.get_object_id("_id").unwrap().to_hex();
    let (ann, bridge) = (world.letschat.user_id("ann"), world.letschat.user_id(BRIDGE));
    let list: String =
        import.split_once("\"participants\": [").unwrap().1.split(']').next().unwrap().into();
    let list: Vec<&str> = list.split('"').filter(|word| word.len() == 24).collect();
    assert_eq!(list, [ann, bob, bridge], "{import}");
    // Only the shell lets people in; without it everything would be shown to nobody, or to all.
    let (code, said) = script(&world, &[("mongorestore", MONGORESTORE)], &["restore"]);
    assert!(code == Some(1) && said.contains("participants"), "{said}");
    assert!(!world.path().join("calls").exists(), "nothing is restored");
}

#[tokio::test]
async fn history_for_participants_goes_into_no_room_that_others_read() {
    let world = world(3).await;
    // A room in which somebody has spoken, and a name that nobody has.
    world.letschat.post("tea", "ann", "hello");
    for (room, participants, why) in [
        ("tea", "[\"ann\"]", "everybody can read the room tea, and it has messages already"),
        (
            "secret",
            "[\"nobody\"]",
            "participants of the room secret: Let's Chat has no account nobody",
        ),
    ] {
        world.write("plan.toml", &closed(room, participants));
        let end = write(&world, &["--out", "history"]).await;
        assert!(end.code != Some(0) && end.err.contains(why), "{end:?}");
        assert!(!world.path().join("history/restore.sh").exists());
    }
}

#[tokio::test]
async fn disk_that_takes_nothing_more_is_explained() {
    let world = world(60_000).await;
    // A limit on the size of files is a disk that takes nothing more, on every machine.
    let limited = "trap '' XFSZ; ulimit -f 300; exec \"$@\" import write plan.toml --out history";
    let script = format!("{limited} 2>&1");
    let program = env!("CARGO_BIN_EXE_letsbridge");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, "sh", program]).current_dir(world.path());
    let end = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&end.stdout).into_owned();
    assert_eq!(end.status.code(), Some(1), "{said}");
    assert!(said.contains("messages.bson"), "{said}");
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "goes on: {end:?}");
}

#[tokio::test]
async fn running_bridge_mirrors_nothing_of_a_restored_history() {
    let world = world(40).await;
    let end = write(&world, &["--out", "history"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    world.letschat.add_user(letsbridge_testkit::letschat::NewUser::new("bob.irc", "bob"));
    world.configure(|toml| {
        toml.replace("#tea", "#old").replace("room = \"tea\"", "room = \"old-times\"")
    });
    let carol = world.irc.virtual_user("carol");
    carol.join("#old");
    let heard = async |bridge: crate::program::Program, words: &[&str]| {
        let last = *words.last().unwrap();
        world.letschat.post("old-times", "ann", last);
        let told = carol.wait_for_messages("#old", |heard| heard.len() >= words.len());
        let told = soon("what is said in the channel", told).await;
        let told: Vec<String> = told.into_iter().map(|it| it.text).collect();
        assert_eq!(told, words.iter().map(|it| format!("<ann> {it}")).collect::<Vec<_>>());
        bridge
    };
    let bridge = heard(world.bridge().await, &["before"]).await;
    restore(&world, "history");
    let bridge = heard(bridge, &["before", "meanwhile"]).await;
    assert_eq!(world.letschat.post_count("old-times"), 42);
    // One that starts reads what was said meanwhile.
    assert_eq!(bridge.stop().await.code, Some(0));
    let bridge = heard(world.bridge().await, &["before", "meanwhile", "afterwards"]).await;
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn what_the_bridge_has_mirrored_itself_is_not_written() {
    let world = world(4).await;
    let bridge = world.bridge().await;
    world.say_on_irc("mirrored");
    world.room(1).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    // The log of somebody who was there all the time.
    let now = Timestamp::now() + jiff::SignedDuration::from_secs(2);
    let now = now.strftime("%F %T").to_string();
    world.write("old.log", &(log(4) + &format!("{now}\tann\tmirrored\n")));
    let text = plan(&format!("{CHANNEL}{PEOPLE}"));
    let text = text.replace("#old", "#tea").replace("old-times", "tea");
    world.write("plan.toml", &text);
    let end = write(&world, &["--dry-run"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.out.contains("4 messages"), "{}", end.out);
    assert!(end.out.contains("left out: 1 that the bridge has mirrored itself"), "{}", end.out);
}

/// Runs restore.sh where `tools` are, and nothing else of its kind.
fn script(world: &World, tools: &[(&str, &str)], action: &[&str]) -> (Option<i32>, String) {
    let bin = world.path().join("bin");
    let _ = fs::remove_dir_all(&bin);
    fs::create_dir(&bin).unwrap();
    for (name, text) in tools {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let end = Command::new("sh")
        .arg(world.path().join("history/restore.sh"))
        .args(action)
        .env_clear()
        .env("PATH", path)
        .env("OUT", world.path())
        .env("LCB_DATABASE_URI", "mongodb://lc:s3cr3t@db.example.org/letschat")
        .output()
        .unwrap();
    let said = [end.stdout, end.stderr].concat();
    (end.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Notes how it was called, and what is in the file of `--config`.
const MONGORESTORE: &str = r#"
case "$*" in *--help*) echo "--config=<filename>"; exit;; esac
echo "mongorestore $*" >>"$OUT/calls"
for word in "$@"; do case $word in --config=*) cat "${word#--config=}" >>"$OUT/secret";; esac; done
echo "continuing through error: E11000 duplicate key"
echo "2 document(s) restored successfully"
"#;

/// Notes how it was called, and says that everything is to be restored.
const MONGOSH: &str = r#"
echo "mongosh $*" >>"$OUT/calls"
for word in "$@"; do case $word in *settings.js) cat "$word" >>"$OUT/secret";; esac; done
echo "MongoDB 4.4"
grep -q '"before"' "$3" && echo "RESTORE users users" && echo "RESTORE 001-old-times messages"
exit 0
"#;

#[tokio::test]
async fn script_restores_with_the_tools_that_are_there() {
    let world = world(3).await;
    assert_eq!(write(&world, &["--out", "history"]).await.code, Some(0));
    let (code, said) = script(&world, &[], &["restore"]);
    assert!(code == Some(1) && said.contains("mongorestore is not here"), "{said}");
    let (code, said) = script(&world, &[("mongorestore", MONGORESTORE)], &["undo"]);
    assert!(code == Some(1) && said.contains("neither mongosh nor mongo"), "{said}");
    for wrong in [&[][..], &["destroy"], &["restore", "now"]] {
        let (code, said) = script(&world, &[], wrong);
        assert!(code == Some(2) && said.starts_with("Usage:"), "{said}");
    }

    let tools = [("mongorestore", MONGORESTORE), ("mongosh", MONGOSH)];
    let (code, said) = script(&world, &tools, &["restore"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 document(s)") && !said.contains("E11000"), "{said}");
    assert!(!said.contains("RESTORE "), "{said}");
    let calls = fs::read_to_string(world.path().join("calls")).unwrap();
    let restored: Vec<&str> =
        calls.lines().filter(|line| line.starts_with("mongorestore")).collect();
    assert_eq!(restored.len(), 2, "{calls}");
    for (line, file) in restored.iter().zip(["users/users.bson", "001-old-times/messages.bson"]) {
        assert!(line.contains("--noIndexRestore") && line.ends_with(file), "{line}");
    }
    assert!(!calls.contains("s3cr3t"), "others would see it: {calls}");
    let secret = fs::read_to_string(world.path().join("secret")).unwrap();
    let address = "mongodb://lc:s3cr3t@db.example.org/letschat";
    assert!(secret.contains(&format!("uri: '{address}'")), "{secret}");
    assert!(secret.contains(&format!("uri: \"{address}\"")), "{secret}");

    // Without a shell, the index comes from the metadata.
    fs::remove_file(world.path().join("calls")).unwrap();
    let (code, said) = script(&world, &[("mongorestore", MONGORESTORE)], &["restore"]);
    assert!(code == Some(0) && said.contains("nothing is checked"), "{said}");
    let calls = fs::read_to_string(world.path().join("calls")).unwrap();
    let messages = calls.lines().find(|line| line.ends_with("messages.bson")).unwrap();
    assert!(!messages.contains("--noIndexRestore"), "{calls}");

    let failing = [("mongorestore", "exit 7"), ("mongosh", MONGOSH)];
    let (code, said) = script(&world, &failing, &["restore"]);
    assert!(code == Some(1) && said.contains("mongorestore failed with status 7"), "{said}");
}
