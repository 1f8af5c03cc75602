//! `letsbridge import plan`: logs of real clients become a plan, which can be edited and made again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use letsbridge::migrate::plan::{Plan, PlannedAccount};

use crate::harness::World;
use crate::program::{End, Program, Start, soon};

/// The logs that real clients wrote of one script.
fn copy_logs(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/irc-logs/all-events");
    copy(&from, &to.join("logs"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// What is in a folder, but for the socket of the test.
fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "notify").collect();
    names.sort();
    names
}

async fn plan(folder: &Path, arguments: &[&str]) -> End {
    let arguments: Vec<&str> =
        ["import", "plan"].into_iter().chain(arguments.iter().copied()).collect();
    Start::new(folder, &arguments).ends().await
}

/// All logs as of one network, so that they are of one channel.
const ONE: [&str; 4] = ["logs/irssi", "logs/znc", "logs/weechat", "logs/limn"];

async fn plan_of_one(folder: &Path, more: &[&str]) -> End {
    let named = ["--network", "test", "--timezone", "UTC", "--out", "plan.toml"];
    let arguments: Vec<&str> = ONE.into_iter().chain(named).chain(more.iter().copied()).collect();
    plan(folder, &arguments).await
}

#[tokio::test]
async fn logs_of_real_clients_become_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    copy_logs(folder.path());
    let End { code, out, err } = plan_of_one(folder.path(), &[]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.starts_with("plan.toml: written\n1 channel in 4 logs: "), "{out}");
    assert!(err.contains("private logs that are not read: "), "{err}");
    let path = folder.path().join("plan.toml");
    let text = fs::read_to_string(&path).unwrap();
    let plan = Plan::read(&path).unwrap();
    assert_eq!((plan.channels.len(), plan.channels[0].channel.as_str()), (1, "#team"));
    assert_eq!(plan.channels[0].room.as_deref(), Some("team"));
    assert_eq!(plan.channels[0].files.len(), 4, "{text}");
    // Bob is bobby, bob|away and [b]{o}`^: nobody else spoke but ann.
    let at = "2026-11-29T14:00:00Z".parse().unwrap();
    let who = |nick: &str| plan.speaker_of("test", nick, at).name.clone();
    for (nick, name) in [
        ("ann", "ann"),
        ("bob", "bob"),
        ("bobby", "bob"),
        ("bob|away", "bob"),
        ("[b]{o}`^", "bob"),
        ("eve", "-"),
        ("carl", "-"),
    ] {
        assert_eq!(who(nick), name, "{nick}: {text}");
    }
    assert_eq!(plan.people.len(), 2, "{text}");
    assert!(
        plan.people.iter().all(|it| matches!(it.account, PlannedAccount::New { .. })),
        "{text}"
    );
    assert_eq!(names_in(folder.path()), ["logs", "plan.toml"], "and nothing else");
}

#[tokio::test]
async fn a_plan_that_was_edited_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    copy_logs(folder.path());
    let path = folder.path().join("plan.toml");
    assert_eq!(plan_of_one(folder.path(), &[]).await.code, Some(0));
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(plan_of_one(folder.path(), &[]).await.code, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), first, "nothing has changed");

    let edited = first
        .replace("room = \"team\"", "room = \"cups\" # as they said")
        .replace("name = \"bob\"", "name = \"Robert\"");
    fs::write(&path, &edited).unwrap();
    let End { code, out, err } = plan_of_one(folder.path(), &[]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("2 sections that you edited stay as they were"), "{out}");
    let again = fs::read_to_string(&path).unwrap();
    assert!(
        again.contains("room = \"cups\" # as they said") && again.contains("name = \"Robert\"")
    );
    // Logs that were read no more are marked.
    let End { code, out, .. } =
        plan(folder.path(), &["logs/ii", "--network", "other", "--out", "plan.toml"]).await;
    assert_eq!(code, Some(0));
    assert!(out.contains("no longer in the logs"), "{out}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("name = \"Robert\"") && text.contains("#: No longer in the logs"),
        "{text}"
    );

    fs::write(&path, edited.replace("room = \"cups\"", "rom = \"cups\"")).unwrap();
    let broken = fs::read(&path).unwrap();
    let End { code, err, .. } = plan_of_one(folder.path(), &[]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("channel[0].rom: unknown key; did you mean room?"), "{err}");
    assert!(err.contains("nothing written: correct plan.toml first"), "{err}");
    assert_eq!(fs::read(&path).unwrap(), broken, "it is as it was");
}

#[tokio::test]
async fn arguments_that_cannot_be_are_told() {
    let folder = tempfile::tempdir().unwrap();
    copy_logs(folder.path());
    for (arguments, words) in [
        (
            &["logs", "--timezone", "Mars"][..],
            "--timezone: there is no time zone \"Mars\": use a name like",
        ),
        (&["logs", "--timezone", "x=UTC"], "--timezone x=UTC: x: "),
        (
            &["logs", "--charset", "klingon"],
            "--charset: there is no charset \"klingon\": use a name",
        ),
        (&["logs", "--format", "irsi"], "--format: there is no format \"irsi\"; there are irssi, "),
        (&["logs", "--format", "pattern"], "--format pattern: say with --pattern how lines look"),
        (
            &["logs", "--format", "quassel"],
            "--format: databases like those of quassel are always recognised",
        ),
        (&["logs", "--pattern", "{text}"], "--pattern: the pattern \"{text}\" "),
        (&["nowhere"], "nowhere: "),
        (&["logs", "--config", "none.toml"], "none.toml: there is no such file; write one"),
    ] {
        let arguments: Vec<&str> =
            arguments.iter().copied().chain(["--out", "plan.toml"]).collect();
        let End { code, err, .. } = plan(folder.path(), &arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
        assert!(!folder.path().join("plan.toml").exists());
    }
    fs::write(folder.path().join("notes.txt"), "no log\nat all\n").unwrap();
    let End { code, err, .. } = plan(folder.path(), &["notes.txt", "--out", "plan.toml"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("notes.txt: not read: line 1 is of no known format"), "{err}");
    assert!(err.contains("nothing written: no log of a channel was found"), "{err}");
}

#[tokio::test]
async fn private_logs_are_in_a_plan_only_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    copy_logs(folder.path());
    fs::create_dir_all(folder.path().join("q/net")).unwrap();
    let line = "2014-03-01 10:00:00\tbob\tour secret\n";
    fs::write(folder.path().join("q/irc.net.bob.weechatlog"), line).unwrap();
    let path = folder.path().join("plan.toml");
    let arguments = ["q", "logs/weechat", "--out", "plan.toml"];
    assert_eq!(plan(folder.path(), &arguments).await.code, Some(0));
    assert!(!fs::read_to_string(&path).unwrap().contains("irc.net.bob"));
    let arguments = ["q", "logs/weechat", "--private", "--out", "plan.toml"];
    assert_eq!(plan(folder.path(), &arguments).await.code, Some(0));
    let plan = Plan::read(&path).unwrap();
    let private = plan.channels.iter().find(|channel| channel.is_private).unwrap();
    assert_eq!((private.channel.as_str(), &private.room), ("bob", &None));
    assert!(!fs::read_to_string(&path).unwrap().contains("secret"));
}

#[tokio::test]
async fn links_and_accounts_are_proposed() {
    let world = World::new().await;
    copy_logs(world.path());
    world.configure(|toml| toml.replace("office/#tea", "office/#team"));
    let arguments = [
        "logs/irssi",
        "logs/limn",
        "--network",
        "office",
        "--config",
        "bridge.toml",
        "--out",
        "plan.toml",
    ];
    let End { code, out, err } = plan(world.path(), &arguments).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(
        out.contains("accounts of people: 1 in Let's Chat already; 1 new, without login"),
        "{out}{err}"
    );
    let text = fs::read_to_string(world.path().join("plan.toml")).unwrap();
    let plan = Plan::read(&world.path().join("plan.toml")).unwrap();
    let channel = plan.channels.iter().find(|channel| channel.network == "office").unwrap();
    assert_eq!(channel.room.as_deref(), Some("tea"), "{text}");
    let ann = plan.people.iter().find(|person| person.name == "ann").unwrap();
    assert!(
        matches!(&ann.account, PlannedAccount::Existing { username, id: Some(_) } if username == "ann"),
        "{text}"
    );
    assert!(!world.state().exists(), "nothing is written but the plan");
}

#[tokio::test]
async fn a_channel_that_was_closed_gets_participants() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    let mut log = String::new();
    for number in 0..30 {
        let nick = ["ann", "bob"][number % 2];
        log.push_str(&format!("2014-03-01 10:{number:02}:00\t{nick}\tline {number}\n"));
    }
    log.push_str("2014-03-01 11:00:00\tcarl\tonce\n");
    for (channel, mode) in [("#open", "+m"), ("#closed", "+ik key")] {
        let mode = format!("2014-03-01 12:00:00\t--\tMode {channel} [{mode}] by ann\n");
        let path = folder.path().join(format!("logs/irc.net.{channel}.weechatlog"));
        fs::write(path, format!("{log}{mode}")).unwrap();
    }
    let arguments = ["logs", "--timezone", "UTC", "--out", "plan.toml"];
    assert_eq!(plan(folder.path(), &arguments).await.code, Some(0));
    let path = folder.path().join("plan.toml");
    let text = fs::read_to_string(&path).unwrap();
    let found = Plan::read(&path).unwrap();
    let of = |plan: &Plan, name: &str| {
        plan.channels.iter().find(|it| it.channel == name).unwrap().participants.clone()
    };
    assert_eq!(of(&found, "#open"), None, "{text}");
    let both = Some(vec!["ann.irc".to_owned(), "bob.irc".to_owned()]);
    assert_eq!(of(&found, "#closed"), both, "carl has no account: {text}");
    assert!(text.contains("#: ? was invite-only or had a key"), "{text}");
    // The administrator knows the network better than the name of the file.
    let other = ["logs", "--timezone", "UTC", "--network", "oftc", "--out", "other.toml"];
    assert_eq!(plan(folder.path(), &other).await.code, Some(0));
    let named = Plan::read(&folder.path().join("other.toml")).unwrap();
    assert!(named.channels.iter().all(|it| it.network == "oftc"), "{named:?}");
    // Whoever decides that everybody may read it is not asked again.
    let line = text.lines().find(|line| line.starts_with("participants")).unwrap();
    fs::write(&path, text.replace(line, "")).unwrap();
    assert_eq!(plan(folder.path(), &arguments).await.code, Some(0));
    assert_eq!(of(&Plan::read(&path).unwrap(), "#closed"), None);
}

/// A log of irssi: so much that reading it takes a while.
fn long_log() -> String {
    let mut log = String::from("--- Log opened Sat Mar 01 10:00:00 2014\n");
    for n in 0..400_000_u32 {
        let (hour, minute) = (10 + n / 60_000, n / 1_000 % 60);
        log.push_str(&format!("{hour:02}:{minute:02} < nick{}> line number {n}\n", n % 7_000));
    }
    log
}

/// Waits until the program has the log of `#tea` open.
async fn is_reading_tea(program: &Program) {
    let fds = program.root().parent().unwrap().join("fd");
    let is_reading = async {
        loop {
            let mut open = fs::read_dir(&fds).unwrap().flatten().map(|fd| fs::read_link(fd.path()));
            if open.any(|to| to.is_ok_and(|to| to.ends_with("net/#tea.log"))) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("the log is open", is_reading).await;
}

#[tokio::test]
async fn ctrl_c_leaves_the_old_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    fs::create_dir_all(folder.path().join("logs/net")).unwrap();
    fs::write(folder.path().join("logs/net/#tea.log"), long_log()).unwrap();
    fs::write(&path, "version = 1\n").unwrap();
    let program =
        Start::new(folder.path(), &["import", "plan", "logs", "--out", "plan.toml"]).start();
    is_reading_tea(&program).await;
    program.signal("INT").await;
    let end = program.ends().await;
    assert_eq!(end.code, Some(130), "{}{}", end.out, end.err);
    assert!(end.err.contains("interrupted: plan.toml is as it was"), "{}", end.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), "version = 1\n");
    assert_eq!(names_in(folder.path()), ["logs", "plan.toml"], "no half of a plan is left");
}

/// Changes what a log says, in its middle, so that nobody sees from outside that it has changed.
fn change_secretly(log: &Path) {
    let changed = fs::metadata(log).unwrap().modified().unwrap();
    let text = fs::read_to_string(log).unwrap();
    let (from, to) = ("< nick3>", "< other>");
    assert!(text.contains(from) && from.len() == to.len());
    fs::write(log, text.replace(from, to)).unwrap();
    fs::File::options().write(true).open(log).unwrap().set_modified(changed).unwrap();
}

#[tokio::test]
async fn an_interrupted_plan_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs/net");
    fs::create_dir_all(&logs).unwrap();
    let long = long_log();
    let short: String = long.lines().take(5_000).flat_map(|line| [line, "\n"]).collect();
    for (channel, log) in [("#cake", &short), ("#milk", &short), ("#tea", &long)] {
        fs::write(logs.join(format!("{channel}.log")), log).unwrap();
    }
    let run = |out: &'static str, zone: &'static str| {
        let arguments = ["import", "plan", "logs", "--timezone", zone, "--out", out];
        Start::new(folder.path(), &arguments)
    };
    let whole = run("whole.toml", "UTC").ends().await;
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    assert_eq!(names_in(folder.path()), ["logs", "whole.toml"], "nothing is left beside it");

    let program = run("plan.toml", "UTC").start();
    let kept = folder.path().join("plan.toml.partial");
    // Two channels, below a line that says what it is.
    let is_kept = || fs::read(&kept).is_ok_and(|it| it.split(|byte| *byte == b'\n').count() == 4);
    soon("two channels are read", async {
        while !is_kept() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    program.signal("INT").await;
    let end = program.ends().await;
    assert_eq!(end.code, Some(130), "{}{}", end.out, end.err);
    let told = "interrupted: plan.toml was not written\n2 of 3 logs are read: run the same command again to go on\n";
    assert!(end.err.ends_with(told), "{}", end.err);
    assert_eq!(names_in(folder.path()), ["logs", "plan.toml.partial", "whole.toml"]);
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it has the addresses of people");
    let partial = fs::read(&kept).unwrap();

    // With other options, all is read anew. Interrupted at once, it has lost nothing of what was read.
    let mut program = run("plan.toml", "Asia/Tokyo").start();
    program.err.says("plan.toml.partial is of other logs, or of other options").await;
    program.signal("KILL").await;
    drop(program.ends().await);

    // What has changed is read anew. What has not is not read again: the second run does not see what it says now.
    fs::write(&kept, &partial).unwrap();
    let changed = fs::metadata(logs.join("#milk.log")).unwrap().modified().unwrap();
    fs::write(logs.join("#milk.log"), &short).unwrap();
    assert_ne!(fs::metadata(logs.join("#milk.log")).unwrap().modified().unwrap(), changed);
    change_secretly(&logs.join("#cake.log"));
    let end = run("plan.toml", "UTC").ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.err.contains("1 of 3 logs were read before, and are taken over\n"), "{}", end.err);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("plan.toml") == read("whole.toml"), "as if it was made at once");
    assert_eq!(names_in(folder.path()), ["logs", "plan.toml", "whole.toml"]);
    // The other way around: a run that reads all of it sees it.
    assert_eq!(run("other.toml", "UTC").ends().await.code, Some(0));
    assert!(read("other.toml") != read("whole.toml"));
}

#[tokio::test]
async fn logs_as_administrators_have_them() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs/net");
    fs::create_dir_all(&logs).unwrap();
    let log = |day: &str| {
        let lines = (0..12).map(|n| format!("10:{n:02} <@ann> line {n} of {day}\n"));
        format!("--- Log opened {day} 10:00:00 2014\n{}", lines.collect::<String>())
    };
    let today = log("Tue Mar 04");
    // By logrotate, with numbers and with days: the day of the name is not that of the lines.
    for (name, text) in [
        ("#tea.log", &today),
        ("#tea.log.1", &log("Mon Mar 03")),
        ("#tea.log.2", &log("Sun Mar 02")),
        ("#tea.log-20140302", &log("Sat Mar 01")),
        ("##c++.log", &today),
        ("#con.log", &today),
        ("#Mixed.log", &today),
        ("#mixed.log", &today),
        ("#a%2Fb.log", &today),
        ("#crlf.log", &today.replace('\n', "\r\n")),
        ("#bom.log", &format!("\u{feff}{today}")),
        ("#nul.log", &today.replace("line 5", &format!("line 5{}", "\0".repeat(5_000)))),
        ("#torn.log", &today[..today.len() - 5].to_owned()),
    ] {
        fs::write(logs.join(name), text).unwrap();
    }
    fs::write(logs.join("#empty.log"), "").unwrap();
    fs::write(logs.join("#tea.log.3.gz"), b"\x1f\x8b\x08").unwrap();
    std::os::unix::fs::symlink("..", logs.join("loop")).unwrap();
    // Among so many that are none, those that may be logs are named.
    for number in 0..20 {
        fs::write(folder.path().join(format!("logs/{number}.jpg")), b"\xff\xd8\0\0").unwrap();
    }
    let arguments = ["logs", "--timezone", "UTC", "--out", "plan.toml"];
    let End { code, out, err } = plan(folder.path(), &arguments).await;
    assert_eq!(code, Some(0), "{err}");
    let first = err.lines().next().unwrap_or_default();
    assert!(
        first.ends_with("/#tea.log.3.gz: not read: it is packed: unpack it with gunzip first"),
        "{err}"
    );
    assert!(out.contains("not read, but perhaps logs: 1 file. The command names them"), "{out}");
    assert!(out.contains("not read because it is not a log: 22 files"), "{out}");
    let text = fs::read_to_string(folder.path().join("plan.toml")).unwrap();
    let found = Plan::read(&folder.path().join("plan.toml")).unwrap();
    let found: Vec<(&str, usize)> =
        found.channels.iter().map(|it| (it.channel.as_str(), it.files.len())).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    let expected = [
        ("##c++", 1),
        ("#Mixed", 2),
        ("#a%2Fb", 1),
        ("#bom", 1),
        ("#con", 1),
        ("#crlf", 1),
        ("#nul", 1),
        ("#tea", 4),
        ("#torn", 1),
    ];
    assert_eq!(sorted, expected, "{text}");
    assert!(text.contains("#: 48 lines, 2014-03-01 to 2014-03-04"), "{text}");
    assert!(!text.contains("of no known form"), "{text}");
}
