//! From the command line to readiness, and what keeps the program from it.

use letsbridge_testkit::irc::CloseKind;

use crate::harness::World;
use crate::program::soon;

#[tokio::test]
async fn help_lists_the_commands() {
    let world = World::new().await;
    let help = world.letsbridge(&["--help"]).ends().await;
    assert_eq!(help.code, Some(0));
    let demo = cfg!(feature = "demo").then_some("demo");
    for command in ["run", "check", "audit"].into_iter().chain(demo) {
        assert!(help.out.contains(&format!("\n  {command} ")), "{}", help.out);
        let help = world.letsbridge(&[command, "--help"]).ends().await;
        assert_eq!(help.code, Some(0));
        assert!(help.out.contains(&format!("Usage: letsbridge {command}")), "{}", help.out);
    }
    let wrong = world.letsbridge(&["brew"]).ends().await;
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("'brew'"), "{}", wrong.err);
}

#[tokio::test]
async fn configuration_errors_prevent_the_start() {
    let world = World::new().await;
    world.configure(|toml| {
        toml.replace("shutdown_timeout = \"10s\"", "shutdown_timeout = \"soon\"")
            .replace("nick =", "nik =")
            .replace("office/#tea", "office/tea")
    });
    for command in ["run", "check"] {
        let end = world.letsbridge(&[command]).ends().await;
        assert_eq!((end.code, end.out.as_str()), (Some(2), ""), "{}", end.err);
        let lines: Vec<&str> = end.err.lines().collect();
        let beginnings =
            ["bridge.toml:2: shutdown_timeout: ", "bridge.toml:7: ", "bridge.toml:15: "];
        assert_eq!(lines.len(), beginnings.len(), "{}", end.err);
        for (line, beginning) in lines.iter().zip(beginnings) {
            assert!(line.starts_with(beginning), "{line}");
        }
        assert!(lines[1].contains("did you mean") && lines[1].contains("nick"), "{}", lines[1]);
    }
    assert_eq!((world.irc.connections_accepted(), world.letschat.connections_accepted()), (0, 0));
    assert!(!world.state().exists());
}

#[tokio::test]
async fn missing_configuration_is_reported() {
    let world = World::new().await;
    for command in ["run", "check"] {
        let end = world.letsbridge(&[command, "--config", "no/such.toml"]).ends().await;
        assert_eq!(end.code, Some(2));
        assert!(
            end.err.starts_with("no/such.toml: ") && end.err.lines().count() == 1,
            "{}",
            end.err
        );
    }
}

#[tokio::test]
async fn systemd_ready_is_sent_when_all_links_are_up() {
    let world = World::new().await;
    world.irc.faults().kill(CloseKind::Silent).await;
    let bridge = world.run().start();
    bridge.stands("STATUS=0 of 2 channels and rooms joined").await;
    bridge.stands("STATUS=1 of 2 channels and rooms joined; irc office: cannot connect to").await;
    world.irc.faults().revive().await.unwrap();
    bridge.notices("STATUS=2 of 2 channels and rooms joined").await;
    assert_eq!(bridge.notice().await, "READY=1");
    // A network that goes away later makes it no less ready, but is told.
    world.irc.faults().kill(CloseKind::Silent).await;
    bridge.stands("STATUS=1 of 2 channels and rooms joined").await;
    world.irc.faults().revive().await.unwrap();
    bridge.notices("STATUS=2 of 2 channels and rooms joined").await;
    bridge.signal("TERM").await;
    assert_eq!(bridge.notice().await, "STOPPING=1");
    assert_eq!(bridge.ends().await.code, Some(0));
}

#[tokio::test]
async fn environment_overrides_the_file() {
    let world = World::new().await;
    world.configure(|toml| toml.replace(&world.letschat.url(), "http://127.0.0.1:1"));
    std::fs::rename(world.path().join("bridge.toml"), world.path().join("other.toml")).unwrap();
    let bridge = world
        .run()
        .env("LETSBRIDGE_CONFIG", "other.toml")
        .env("LETSBRIDGE__LETSCHAT__URL", world.letschat.url())
        .env("LETSBRIDGE__IRC__OFFICE__NICK", "kettle")
        .start();
    bridge.ready().await;
    soon("its nick", world.irc.wait_for_registration("kettle")).await;
    assert_eq!(bridge.stop().await.code, Some(0));

    let end = world
        .run()
        .env("LETSBRIDGE_CONFIG", "other.toml")
        .env("LETSBRIDGE__SHUTDOWN_TIMEOUT", "soon");
    let end = end.ends().await;
    assert_eq!(end.code, Some(2));
    assert!(end.err.starts_with("LETSBRIDGE__SHUTDOWN_TIMEOUT: shutdown_timeout: "), "{}", end.err);
}

#[tokio::test]
async fn systemd_directories_are_used() {
    let world = World::new().await;
    let (from, to) = (world.path().join("letschat.token"), world.path().join("credentials"));
    std::fs::create_dir(&to).unwrap();
    std::fs::rename(from, to.join("letschat.token")).unwrap();
    world.configure(|toml| toml.replace("state_dir = \"state\"\n", ""));
    let state = world.path().join("systemd");
    let start = || world.run().env("STATE_DIRECTORY", &state);
    let bridge = start().env("CREDENTIALS_DIRECTORY", &to).start();
    bridge.ready().await;
    assert_eq!(bridge.stop().await.code, Some(0));
    assert!(state.join("letsbridge.sqlite3").exists());

    let end = start().ends().await;
    assert_eq!(end.code, Some(2));
    assert!(end.err.contains("letschat.token_file: cannot read "), "{}", end.err);
}

#[tokio::test]
async fn second_bridge_on_one_state_dir_fails() {
    let world = World::new().await;
    let first = world.bridge().await;
    let second = world.run().ends().await;
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("is in use by another letsbridge"), "{}", second.err);
    assert_eq!((world.irc.connections_accepted(), world.letschat.connections_accepted()), (1, 1));
    world.say_on_irc("still there?");
    assert_eq!(world.room(1).await, ["<ann> still there?"]);
    assert_eq!(first.stop().await.code, Some(0));
}

#[tokio::test]
async fn state_dir_below_a_file_is_reported() {
    let world = World::new().await;
    world.configure(|toml| toml.replace("\"state\"", "\"letschat.token/state\""));
    for (command, code) in [("run", 2), ("check", 1)] {
        let end = world.letsbridge(&[command]).ends().await;
        assert_eq!(end.code, Some(code), "{}{}", end.out, end.err);
        let output = end.out + &end.err;
        assert!(output.contains("letschat.token is a file, but must be a"), "{output}");
        assert!(output.contains("set another `state_dir`"), "{output}");
    }
}

#[tokio::test]
async fn unusable_state_dir_is_reported() {
    let world = World::new().await;
    // Not even root can make a directory there.
    world.configure(|toml| toml.replace("\"state\"", "\"/proc/state\""));
    let end = world.letsbridge(&["run"]).ends().await;
    assert_eq!(end.code, Some(1), "{}{}", end.out, end.err);
    assert!(end.err.contains("cannot use the state directory"), "{}", end.err);
    assert!(end.err.contains("must be writable by the user that runs letsbridge"), "{}", end.err);
}

#[tokio::test]
async fn version_contains_what_a_bug_report_needs() {
    let world = World::new().await;
    let number = concat!("letsbridge ", env!("CARGO_PKG_VERSION"));
    let short = world.letsbridge(&["-V"]).ends().await;
    assert_eq!((short.code, short.out.trim_end()), (Some(0), number));
    let long = world.letsbridge(&["--version"]).ends().await;
    assert_eq!((long.code, long.out.lines().next()), (Some(0), Some(number)));
    for words in ["\ncommit: ", "Let's Chat 0.4.8", "ngIRCd 26", "InspIRCd 3", "ircd-hybrid 8"] {
        assert!(long.out.contains(words), "{}", long.out);
    }
}
