//! The commands that ask a running bridge over its socket: `status`, `pause`, `resume`, `queue`, `loglevel`, `reload`.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use serde_json::Value;

use crate::harness::World;
use crate::program::{End, soon};

async fn ends(world: &World, arguments: &[&str]) -> End {
    world.letsbridge(arguments).ends().await
}

/// What `letsbridge status --json` prints.
async fn status(world: &World) -> Value {
    let End { out, err, .. } = ends(world, &["status", "--json"]).await;
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

/// Waits until the status is as `wanted` says.
async fn becomes(world: &World, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let status = status(world).await;
            if wanted(&status) {
                break status;
            }
        }
    };
    soon(what, asking).await
}

#[tokio::test]
async fn each_command_says_that_no_bridge_runs() {
    let world = World::new().await;
    let commands: [&[&str]; 6] = [
        &["status"],
        &["reload"],
        &["pause", "#tea"],
        &["resume", "#tea"],
        &["queue", "#tea"],
        &["loglevel"],
    ];
    for command in commands {
        let End { code, out, err } = ends(&world, command).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{command:?}");
        assert!(err.contains("control.sock: no bridge is running: start it with"), "{err}");
        assert!(err.lines().count() == 1, "{err}");
    }
    // One that was killed leaves its socket behind.
    fs::create_dir_all(world.state()).unwrap();
    drop(UnixListener::bind(world.state().join("control.sock")).unwrap());
    let End { code, err, .. } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no bridge is running"), "{err}");
}

#[tokio::test]
async fn status_shows_networks_and_links() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    let status = becomes(&world, "a ready bridge", |it| it["ready"] == true).await;
    assert_eq!(status["networks"][0]["name"], "office");
    assert_eq!(status["networks"][0]["state"], "connected");
    assert_eq!(status["networks"][1]["kind"], "letschat");
    assert_eq!(status["links"][0]["channel"], "#tea");
    assert_eq!(status["links"][0]["state"], "up");
    assert_eq!(status["storage"]["stalled"], false);
    assert!(status["storage"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(status["log_level"], "info");
    let End { code, out, err } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("\neverything works\n"), "{out}");
    assert!(out.contains("\noffice/#tea tea  up "), "{out}");
    assert!(!out.contains('\x1b'), "no colours: {out}");

    world.letschat.kill().await.unwrap();
    becomes(&world, "a lost Let's Chat", |it| it["ready"] == false).await;
    let End { code, out, .. } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(3), "{out}");
    assert!(out.contains("NOT WORKING: "), "{out}");
    assert_eq!(bridge.stop().await.code, Some(0));
    let End { code, err, .. } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no bridge is running"), "{err}");
}

#[tokio::test]
async fn watch_shows_the_status_again_and_again() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    let mut watch = world.letsbridge(&["status", "--watch"]).start();
    for _ in 0..2 {
        watch.out.says("letsbridge ").await;
        watch.out.says("office/#tea tea").await;
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    watch.out.says("no bridge is running").await;
    watch.signal("INT").await;
    watch.ends().await;
}

#[tokio::test]
async fn paused_link_delivers_nothing_until_it_is_resumed() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    let End { code, out, err } = ends(&world, &["pause", "#tea"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("office/#tea tea: paused; "), "{out}");
    let out = ends(&world, &["pause", "tea"]).await.out;
    assert_eq!(out, "office/#tea tea: was paused before\n");
    world.say_on_irc("one");
    world.say_on_irc("two");
    let waiting = |it: &Value| it["links"][0]["to_letschat"]["waiting"] == 2;
    let status = becomes(&world, "two that wait", waiting).await;
    assert_eq!(status["links"][0]["state"], "paused");
    assert_eq!(status["ready"], true, "an administrator wants it so: {status}");

    let End { code, out, .. } = ends(&world, &["queue", "office/#tea"]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("office/#tea tea: 2 waiting\nID "), "{out}");
    assert!(out.contains("  held   ann     one\n"), "{out}");
    let End { out, .. } = ends(&world, &["queue", "tea", "--json", "--limit", "1"]).await;
    let queue: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&queue["waiting"], &queue["deliveries"][0]["text"]), (&2.into(), &"one".into()));
    let id = queue["deliveries"][0]["id"].to_string();
    let End { code, out, .. } = ends(&world, &["queue", "tea", "--drop", &id]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with(&format!("dropped {id}: ann: one\n")), "{out}");
    let End { code, err, .. } = ends(&world, &["queue", "tea", "--drop", &id]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("no delivery {id} waits on office/#tea tea")), "{err}");
    let End { code, out, .. } = ends(&world, &["queue", "tea", "--retry"]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("nothing was deferred\n"), "{out}");

    let out = ends(&world, &["resume", "#TEA"]).await.out;
    assert!(out.starts_with("office/#tea tea: resumed; "), "{out}");
    assert_eq!(world.room(1).await, ["<ann> two"]);
    let out = ends(&world, &["resume", "#tea"]).await.out;
    assert_eq!(out, "office/#tea tea: was not paused\n");
    assert_eq!(ends(&world, &["queue", "tea"]).await.out, "office/#tea tea: nothing waits\n");
    for command in ["pause", "queue"] {
        let End { code, err, .. } = ends(&world, &[command, "#coffee"]).await;
        assert_eq!(code, Some(1));
        assert_eq!(err, "no link is called \"#coffee\": use \"office/#tea tea\"\n");
    }
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn log_level_changes_while_the_bridge_runs() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    assert_eq!(ends(&world, &["loglevel"]).await.out, "info\n");
    let End { code, out, err } = ends(&world, &["loglevel", "letsbridge=debug"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "letsbridge=debug\n"), "{err}");
    assert_eq!(status(&world).await["log_level"], "letsbridge=debug");
    world.say_on_irc("hello");
    bridge.err.says("DEBUG").await;
    for wrong in ["inof", ""] {
        let End { code, err, .. } = ends(&world, &["loglevel", wrong]).await;
        assert_eq!(code, Some(1));
        assert!(err.contains("has an unknown log level; write \"info\", or one of"), "{err}");
    }
    assert_eq!(ends(&world, &["loglevel"]).await.out, "letsbridge=debug\n");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn commands_find_the_bridge_whatever_the_configuration_says_now() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    // Half-edited: not even TOML.
    world.configure(|toml| format!("{toml}\n[irc.libera\nnick = \n"));
    assert_eq!(ends(&world, &["status"]).await.code, Some(0));
    assert_eq!(ends(&world, &["run"]).await.code, Some(2));
    world.configure(|toml| toml.replace("nick", "nikc"));
    assert_eq!(ends(&world, &["status"]).await.code, Some(0));
    world.configure(|toml| toml.replace("state_dir = \"state\"", "state_dir = 7"));
    let End { code, err, .. } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("bridge.toml:1: state_dir: expected text, found a number"), "{err}");
    let socket = world.state().join("control.sock");
    let socket = socket.to_str().unwrap();
    assert_eq!(ends(&world, &["status", "--socket", socket]).await.code, Some(0));
    let by_variable = world.letsbridge(&["status"]).env("LETSBRIDGE_SOCKET", socket);
    assert_eq!(by_variable.ends().await.code, Some(0));
    let by_variable = world.letsbridge(&["status"]).env("LETSBRIDGE__STATE_DIR", "state");
    assert_eq!(by_variable.ends().await.code, Some(0));
    fs::remove_file(world.path().join("bridge.toml")).unwrap();
    let End { code, err, .. } = ends(&world, &["status", "--config", "no.toml"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("no.toml: there is no such file"), "{err}");
    let by_systemd = world.letsbridge(&["status"]).env("STATE_DIRECTORY", world.state());
    assert_eq!(by_systemd.ends().await.code, Some(0));
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn socket_is_private_stale_ones_are_replaced_and_second_bridges_refused() {
    let world = World::new().await;
    fs::create_dir_all(world.state()).unwrap();
    let socket = world.state().join("control.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let bridge = world.bridge().await;
    let found = fs::metadata(&socket).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let End { code, err, .. } = world.run().ends().await;
    assert_eq!(code, Some(1));
    assert!(err.contains("state is in use by another letsbridge"), "{err}");
    assert_eq!(ends(&world, &["status"]).await.code, Some(0), "the first one goes on");
    bridge.signal("KILL").await;
    bridge.ends().await;
    assert!(socket.exists());
    let bridge = world.bridge().await;
    assert_eq!(ends(&world, &["status"]).await.code, Some(0));
    assert_eq!(bridge.stop().await.code, Some(0));
    assert!(!socket.exists());

    // Somebody else's listener, and something that is no socket.
    let other = UnixListener::bind(&socket).unwrap();
    let End { code, err, .. } = world.run().ends().await;
    assert_eq!(code, Some(1));
    assert!(err.contains("another bridge listens at this socket: stop it first"), "{err}");
    drop(other);
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "mine").unwrap();
    let End { code, err, .. } = world.run().ends().await;
    assert_eq!(code, Some(1));
    assert!(err.contains("this is not a socket, and the bridge does not remove it"), "{err}");
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
}

#[tokio::test]
async fn state_dir_may_be_deeper_than_a_socket_allows() {
    let world = World::new().await;
    let deep = format!("{}/{}", "d".repeat(100), "e".repeat(100));
    world.configure(|toml| toml.replace("\"state\"", &format!("\"{deep}\"")));
    let bridge = world.bridge().await;
    let End { code, err, .. } = ends(&world, &["status"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

/// Another user of the machine; only root can become one.
const NOBODY: u32 = 65_534;

#[tokio::test]
async fn another_user_may_not_control_the_bridge() {
    if !rustix::process::getuid().is_root() {
        eprintln!("not tried: only root can become another user");
        return;
    }
    let world = World::new().await;
    let bridge = world.bridge().await;
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = world.path().join("bridge.toml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = async |what: &str| {
        let End { code, err, .. } = world.letsbridge(&["status"]).user(NOBODY).ends().await;
        assert_eq!(code, Some(1), "{what}: {err}");
        let words = "control.sock: this user may not control the bridge: run it as root, or as the \
                     user of the bridge";
        assert!(err.contains(words), "{what}: {err}");
    };
    refused("the directory keeps others out").await;
    fs::set_permissions(world.state(), fs::Permissions::from_mode(0o755)).unwrap();
    refused("and so does the socket").await;
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn reload_tells_changes_and_mistakes() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    let End { code, out, err } = ends(&world, &["reload"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "nothing has changed\n"), "{err}");
    world.configure(|toml| toml.replace("nick", "nikc"));
    let End { code, out, err } = ends(&world, &["reload"]).await;
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("irc.office.nikc: unknown key; did you mean \"nick\"?"), "{err}");
    assert!(err.contains("so the one before stays in use"), "{err}");
    let status = status(&world).await;
    let reload = &status["config"]["last_reload"];
    assert_eq!((&reload["ok"], &status["ready"]), (&false.into(), &true.into()));
    assert!(reload["mistakes"][0].as_str().unwrap().contains("unknown key"), "{reload}");
    let out = ends(&world, &["status"]).await.out;
    assert!(out.contains("found mistakes, so it is not the newest"), "{out}");
    world.configure(|toml| format!("{toml}\n[log]\nlevel = \"debug\"\n"));
    let End { code, out, err } = ends(&world, &["reload"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(ends(&world, &["loglevel"]).await.out, "debug\n");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn socket_that_somebody_removes_is_made_again() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    std::fs::remove_file(world.state().join("control.sock")).unwrap();
    bridge.err.says("the bridge made it again").await;
    assert_eq!(ends(&world, &["status"]).await.code, Some(0));
    assert_eq!(bridge.stop().await.code, Some(0));
    assert!(!world.state().join("control.sock").exists());
}
