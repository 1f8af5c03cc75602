//! `letsbridge audit` and the rooms, beside a running bridge, between our own two servers.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use letsbridge_testkit::irc::{CloseKind, IrcServer, Setup as IrcSetup};
use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use rusqlite::Connection;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::bridge::Bridge;

const LIMIT: Duration = Duration::from_secs(60);

/// How many messages are said on each side.
const SAID: usize = 20;

/// A channel and a room in which all that was said has crossed.
struct Scene {
    letschat: LetsChat,
    irc: IrcServer,
    bridge: Bridge,
}

impl Scene {
    async fn new() -> Self {
        let rooms = vec![NewRoom::new("dev"), NewRoom::new("tea")];
        let people = vec![NewUser::new("bridge", "IRC"), NewUser::new("alice", "Alice")];
        let letschat =
            LetsChat::start(Setup { users: people, rooms, ..Setup::default() }).await.unwrap();
        let irc = IrcServer::start(IrcSetup::default()).await.unwrap();
        let ann = irc.virtual_user("ann");
        ann.join("#dev");
        // What was said before the bridge came is nobody's loss.
        letschat.post("dev", "alice", "before");
        let bridge = Bridge::start(&config(&irc, &letschat));
        bridge.ready().await;
        for at in 0..SAID {
            ann.send("#dev", &at.to_string());
            letschat.post("dev", "alice", &at.to_string());
        }
        let scene = Self { letschat, irc, bridge };
        let crossed = |told: &Value| {
            assert_eq!(told["clean"], true, "what is on its way is no loss: {told}");
            told["mirrored"] == SAID * 2
        };
        scene.until(crossed).await;
        scene
    }

    /// Changes what the ledger says.
    fn change(&self, sql: &str) {
        let file = self.bridge.directory().join("state/letsbridge.sqlite3");
        let ledger = Connection::open(file).unwrap();
        ledger.busy_timeout(LIMIT).unwrap();
        ledger.pragma_update(None, "foreign_keys", true).unwrap();
        ledger.execute_batch(sql).unwrap();
    }

    async fn audit(&self, arguments: &[&str]) -> (i32, String) {
        audit(&self.bridge.directory().join("bridge.toml"), arguments).await
    }

    /// Audits the room until it is so, and tells what it was.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let audits = async {
            loop {
                let (_, told) = self.audit(&["--link", "dev", "--json"]).await;
                let told: Value = serde_json::from_str(&told).unwrap();
                if is_so(&told) {
                    return told;
                }
            }
        };
        timeout(LIMIT, audits).await.expect("it is so in time")
    }
}

fn config(irc: &IrcServer, letschat: &LetsChat) -> String {
    let (address, url, token) = (irc.address(), letschat.url(), letschat.token("bridge"));
    format!(
        "[irc.office]\nservers = [\"{address}\"]\ntls = false\nflood_control = \"off\"\n\
         [format]\nmerge_lines = \"never\"\nmentions = false\n[letschat]\nurl = \"{url}\"\ntoken = \"{token}\"\n\
         [[link]]\nchannel = \"office/#dev\"\nroom = \"dev\"\n\
         [[link]]\nchannel = \"office/#tea\"\nroom = \"tea\"\n"
    )
}

/// The exit code, and what was said.
async fn audit(config: &Path, arguments: &[&str]) -> (i32, String) {
    let audit = Command::new(env!("CARGO_BIN_EXE_letsbridge"))
        .args(["audit", "--no-channels", "--config"])
        .arg(config)
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let Output { status, stdout, stderr } =
        timeout(LIMIT, audit).await.expect("it ends in time").unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code().unwrap_or_else(|| panic!("{status}: {said}")), said)
}

#[tokio::test]
async fn clean_audit_is_reported() {
    let scene = Scene::new().await;
    let (code, said) = scene.audit(&[]).await;
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let [dev, tea, total] = lines[..] else { panic!("{said}") };
    let well =
        "office/#dev and dev: 40 mirrored, none missing, duplicated or out of order since 20";
    assert!(dev.starts_with(well), "{said}");
    assert!(tea.starts_with("office/#tea and tea: 0 mirrored, none missing"), "{said}");
    assert!(total.starts_with("total: 40 mirrored, 0 missing, 0 duplicated, 0 out"), "{said}");
    for link in ["link[0]", "office/#DEV", "dev"] {
        let (code, said) = scene.audit(&["--link", link, "--since", "24h"]).await;
        assert_eq!((code, said.lines().count()), (0, 2), "{said}");
        assert!(said.starts_with("office/#dev and dev: 40 mirrored"), "{said}");
    }
    assert!(scene.bridge.stop().await.success());
}

#[tokio::test]
async fn delivery_missing_from_the_room_is_found() {
    let scene = Scene::new().await;
    let post = scene.letschat.posts("dev").into_iter().find(|post| post.text == "<ann> 7").unwrap();
    // An id of the same second that nobody has.
    let other = format!("{}{}", &post.id[..8], "f".repeat(16));
    scene.change(&format!(
        "UPDATE delivery SET remote_id = '{other}' WHERE remote_id = '{}'",
        post.id
    ));
    let (code, said) = scene.audit(&[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("office/#dev and dev: 39 mirrored since 20"), "{said}");
    assert!(said.contains("2 missing, 0 duplicated, 0 out of order\n"), "{said}");
    assert!(said.contains(&format!(" as {other}\n")), "{said}");
    let strange = format!("missing in the ledger: post {} in dev by bridge", post.id);
    assert!(said.contains(&strange), "{said}");
    assert_eq!(scene.audit(&["--link", "tea"]).await.0, 0);
}

#[tokio::test]
async fn post_missing_from_the_ledger_is_found() {
    let scene = Scene::new().await;
    scene.change("DELETE FROM message WHERE author = 'alice' AND body = '7'");
    let (code, told) = scene.audit(&["--link", "dev", "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &told["clean"]), (1, &Value::Bool(false)), "{told}");
    assert_eq!(told["missing_in_ledger"]["count"], 1, "{told}");
    assert_eq!(told["missing_in_ledger"]["first"][0]["author"], "alice", "{told}");
    assert_eq!(told["missing_in_room"]["count"], 0, "{told}");
}

#[tokio::test]
async fn duplicate_post_is_found() {
    let scene = Scene::new().await;
    let twin = scene.letschat.post("dev", "bridge", "<ann> 7");
    let told = scene.until(|told| told["not_received_yet"]["count"] == 0).await;
    assert_eq!(told["duplicated"]["count"], 1, "{told}");
    assert_eq!(told["duplicated"]["first"][0]["post"], twin.as_str(), "{told}");
    let (code, said) = scene.audit(&[]).await;
    assert!(code == 1 && said.contains(&format!("duplicate in dev: post {twin}, ")), "{said}");
}

#[tokio::test]
async fn deliveries_that_overtook_others_are_found() {
    let scene = Scene::new().await;
    // Two that were not posted in the same millisecond.
    let posts =
        scene.letschat.posts("dev").into_iter().filter(|post| post.text.starts_with("<ann>"));
    let posts: Vec<_> = posts.collect();
    let (one, two) = (&posts[0], posts.last().unwrap());
    assert!(one.posted < two.posted);
    scene.change(&format!(
        "UPDATE delivery SET remote_id = 'x' WHERE remote_id = '{0}';
         UPDATE delivery SET remote_id = '{0}' WHERE remote_id = '{1}';
         UPDATE delivery SET remote_id = '{1}' WHERE remote_id = 'x';",
        one.id, two.id
    ));
    let (code, said) = scene.audit(&[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("out of order in dev: delivery "), "{said}");
    assert!(said.contains("0 missing, 0 duplicated, 1"), "{said}");
}

#[tokio::test]
async fn queued_message_is_reported_but_is_no_loss() {
    let scene = Scene::new().await;
    scene.irc.faults().kill(CloseKind::Silent).await;
    scene.letschat.post("dev", "alice", "is anybody there?");
    let told = scene.until(|told| !told["to_channels"]["office/#dev"]["oldest"].is_null()).await;
    assert_eq!(told["clean"], true, "{told}");
    let (code, said) = scene.audit(&[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("  queued for office/#dev: "), "{said}");
}

#[tokio::test]
async fn failed_audit_is_distinguished_from_a_loss() {
    let scene = Scene::new().await;
    let (code, said) = scene.audit(&["--link", "office/#deb"]).await;
    assert!(code == 2 && said.contains("\"office/#dev\", \"office/#tea\""), "{code} {said}");
    assert_eq!(scene.audit(&["--since", "yesterday"]).await.0, 2);
    scene.letschat.refuse().await.unwrap();
    let (code, said) = scene.audit(&[]).await;
    assert!(code == 3 && said.contains("office/#dev and dev: not audited: "), "{code} {said}");
    let nothing = tempfile::tempdir().unwrap();
    let text = format!(
        "state_dir = {:?}\n{}",
        nothing.path().join("state").display().to_string(),
        config(&scene.irc, &scene.letschat)
    );
    std::fs::write(nothing.path().join("bridge.toml"), text).unwrap();
    let (code, said) = audit(&nothing.path().join("bridge.toml"), &[]).await;
    assert!(code == 3 && said.contains("no database"), "{code} {said}");
}
