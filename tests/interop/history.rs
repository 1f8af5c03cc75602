//! A history that is written, restored by `restore.sh` with the tools of MongoDB, and read through a real Let's Chat:
//!
//! - `LETSCHAT_URL`: its address, plain HTTP
//! - `LETSCHAT_TOKEN`: the token of the bridge's account
//! - `LETSCHAT_TOKEN_ALICE`: the token of another account, whose user name is `alice`
//! - `LCB_DATABASE_URI`: its database; `mongorestore`, and `mongosh` or `mongo`, must be in `PATH`
//!
//! It makes a room under a new name, and leaves it behind, empty but for what alice says.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::letschat_client::Member;

/// More than the page shows at once, and more than two pages of a client.
const LINES: usize = 450;

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; see the top of this file"))
}

/// A folder with a configuration, a log, and a plan by which it goes to the room `slug`.
fn folder(slug: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("letschat.token", &environment("LETSCHAT_TOKEN"));
    write(
        "bridge.toml",
        &format!(
            "state_dir = \"state\"\n[irc.office]\nservers = [\"127.0.0.1:1\"]\ntls = false\n\
             nick = \"bridge\"\n[letschat]\nurl = {:?}\ntoken_file = \"letschat.token\"\n\
             [[link]]\nchannel = \"office/#now\"\nroom = \"now\"\n",
            environment("LETSCHAT_URL")
        ),
    );
    let mut log = String::new();
    for number in 0..LINES {
        let nick = ["ann", "bob", "carol"][number % 3];
        writeln!(log, "{}\t{nick}\t{}", posted(number).strftime("%F %T"), said(number)).unwrap();
    }
    write("old.log", &log);
    write(
        "plan.toml",
        &format!(
            "version = 1\n[reading]\ntimezone = \"UTC\"\n[[channel]]\nnetwork = \"office\"\n\
             channel = \"#old\"\nroom = \"{slug}\"\n[[files]]\nnetwork = \"office\"\n\
             channel = \"#old\"\nlist = [{{ path = \"old.log\", format = \"weechat\" }}]\n\
             [[person]]\nid = \"office/ann\"\nname = \"ann\"\nnicks = [\"office/ann\"]\n\
             account = \"existing\"\nusername = \"alice\"\n\
             [[person]]\nid = \"office/bob\"\nname = \"bob\"\nnicks = [\"office/bob\"]\n\
             account = \"new\"\nusername = \"bob.{slug}\"\n"
        ),
    );
    directory
}

fn posted(number: usize) -> Timestamp {
    let start: Timestamp = "2014-03-30T00:30:00Z".parse().unwrap();
    start + SignedDuration::from_secs(7 * number as i64)
}

fn said(number: usize) -> String {
    format!("line {number}: kettle's on, 茶 <b>&amp;</b>")
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).current_dir(directory).output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn restore(directory: &Path, action: &str) -> (Option<i32>, String) {
    run(directory, "sh", &["history/restore.sh", action])
}

async fn list(member: &mut Member, mut query: Value, room: &str) -> Vec<Value> {
    query["room"] = room.into();
    query["expand"] = "owner".into();
    let found = member.call("messages:list", query).await;
    found.as_array().unwrap_or_else(|| panic!("no list: {found}")).clone()
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|it| it["text"].as_str().unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs a Let's Chat and its MongoDB: LETSCHAT_URL, LETSCHAT_TOKEN, LETSCHAT_TOKEN_ALICE and LCB_DATABASE_URI"]
async fn needs_letschat_and_mongodb_history_is_restored_read_and_taken_back() {
    let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let slug = format!("old{begun}");
    let directory = folder(&slug);
    let directory = directory.path();
    let write = ["import", "write", "plan.toml", "--out", "history"];
    let (code, printed) = run(directory, env!("CARGO_BIN_EXE_letsbridge"), &write);
    assert_eq!(code, Some(0), "{printed}");

    let mut alice =
        Member::connect(&environment("LETSCHAT_URL"), &environment("LETSCHAT_TOKEN_ALICE")).await;
    let record = fs::read_to_string(directory.join("history/record.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let room = record["rooms"][&slug]["id"].as_str().expect("the room was made").to_owned();
    let live = alice.call("messages:create", json!({"room": room, "text": "before"})).await;

    let (code, printed) = restore(directory, "dry-run");
    assert!(code == Some(0) && printed.contains(&format!("0 of {LINES} messages")), "{printed}");
    assert_eq!(list(&mut alice, json!({}), &room).await.len(), 1, "nothing was changed");
    for _ in 0..2 {
        let (code, printed) = restore(directory, "restore");
        assert!(code == Some(0) && printed.contains("Everything is there."), "{printed}");
    }

    let all = list(&mut alice, json!({"take": 5_000, "reverse": false}), &room).await;
    assert_eq!(all.len(), LINES + 1);
    for (number, message) in all[..LINES].iter().enumerate() {
        let (owner, text) = match number % 3 {
            0 => ("alice".to_owned(), said(number)),
            1 => (format!("bob.{slug}"), said(number)),
            _ => (all[2]["owner"]["username"].as_str().unwrap().to_owned(), {
                format!("<carol> {}", said(number))
            }),
        };
        assert_eq!(message["text"], text);
        assert_eq!(message["owner"]["username"], owner, "{text}");
        let at: Timestamp = message["posted"].as_str().unwrap().parse().unwrap();
        assert_eq!(at, posted(number), "{text}");
    }
    let ids: Vec<&str> = all.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "ids rise");

    // What a page asks when its connection comes back, and the bridge.
    let since = json!({"since_id": live["id"], "take": 200});
    assert!(list(&mut alice, since, &room).await.is_empty(), "nothing old is news");
    // What a client does that reads page by page, and the transcript.
    let (mut read, mut from) = (Vec::new(), "2014-03-01T00:00:00.000Z".to_owned());
    loop {
        let query = json!({"from": from, "take": 100, "reverse": false,
                           "to": "2014-03-31T23:59:59.999Z"});
        let page = list(&mut alice, query, &room).await;
        let Some(last) = page.last() else { break };
        from = last["posted"].as_str().unwrap().to_owned();
        read.extend(page);
    }
    assert_eq!(texts(&read), texts(&all[..LINES]));
    let details = alice.call("rooms:get", json!({"id": room})).await;
    let created: Timestamp = details["created"].as_str().unwrap().parse().unwrap();
    assert_eq!(created, posted(0), "the room begins with its history");
    assert_eq!(details["lastActive"], live["posted"], "and alice spoke last");

    let (code, printed) = restore(directory, "undo");
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(&format!("{LINES} messages removed")), "{printed}");
    assert!(printed.contains("1 account removed"), "{printed}");
    assert_eq!(texts(&list(&mut alice, json!({}), &room).await), ["before"]);
    let (code, printed) = restore(directory, "check");
    assert!(code == Some(1) && printed.contains("are missing"), "{printed}");
}
