//! `letsbridge upgrade`: the program is replaced, and nobody on IRC sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use letsbridge_testkit::irc::{self, Caps};
use letsbridge_testkit::letschat;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::harness::World;
use crate::program::{End, Program, soon};

/// The commands by which others would see somebody go and come.
const VISIBLE: [&str; 6] = ["QUIT", "JOIN", "PART", "NICK", "USER", "CAP"];

/// The program itself.
const PROGRAM: &str = env!("CARGO_BIN_EXE_letsbridge");

/// A bridge that writes each line as it is.
async fn world(irc: irc::Setup) -> World {
    let bob = letschat::NewUser::new("bob", "Bob");
    let letschat = letschat::Setup { users: vec![bob], ..letschat::Setup::default() };
    let world = World::with(irc, letschat).await;
    world.configure(plain);
    world
}

fn plain(toml: String) -> String {
    format!("{toml}\n[format]\nmerge_lines = \"never\"\nanti_ping = false\n")
}

async fn start(world: &World) -> Program {
    let mut bridge = world.run().start();
    bridge.err.says("all links up").await;
    bridge
}

async fn upgrade(world: &World, more: &[&str]) -> End {
    world.letsbridge(&[&["upgrade"], more].concat()).ends().await
}

/// The lines that others would see, after the first `skipped` lines that the server has received.
fn seen(world: &World, skipped: usize) -> Vec<String> {
    let said = world.irc.transcript();
    let said = said.iter().skip(skipped).map(|it| it.text().into_owned());
    said.filter(|line| VISIBLE.iter().any(|word| line.starts_with(word))).collect()
}

#[track_caller]
fn assert_kept(end: &End, count: usize) {
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    assert!(
        end.out.contains(&format!("{count} of {count} connections to IRC kept")),
        "{}",
        end.out
    );
}

/// A program that does this before it does what the real one does; `$REAL` is that one.
fn program(world: &World, script: &str) -> String {
    let path = world.path().join("other");
    let text = format!("#!/bin/sh\nREAL={PROGRAM}\n{script}\nexec $REAL \"$@\"\n");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What was said in the room from IRC, and in the channel from the room.
async fn said(world: &World, count: usize) -> [Vec<String>; 2] {
    let channel = world.channel(count).await;
    let last = format!("<ann> irc {}", count - 1);
    let room = world.letschat.wait_for_posts("tea", |posts| posts.iter().any(|it| it.text == last));
    let room = soon("what is said in the room", room).await.into_iter().map(|it| it.text);
    [room.filter(|it| it.contains("irc ")).collect(), channel]
}

fn expected(count: usize) -> [Vec<String>; 2] {
    ["irc", "lc"].map(|side| (0..count).map(|it| format!("<ann> {side} {it}")).collect())
}

/// Says something on both sides.
fn talk(world: &World, number: usize) {
    world.say_on_irc(&format!("irc {number}"));
    world.say_in_letschat(&format!("lc {number}"));
}

/// Upgrades while people talk; returns how much was said in all.
async fn upgrade_under_load(world: &World, mut number: usize) -> (End, usize) {
    let upgrade = tokio::spawn(world.letsbridge(&["upgrade"]).ends());
    while !upgrade.is_finished() {
        talk(world, number);
        number += 1;
        // People do not wait for the bridge.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (upgrade.await.unwrap(), number)
}

fn tls() -> (Arc<ServerConfig>, String) {
    let server = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(server.signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let certificate = vec![server.cert.der().clone()];
    (Arc::new(tls.with_single_cert(certificate, key.into()).unwrap()), server.cert.pem())
}

#[tokio::test]
async fn three_upgrades_under_load_are_not_seen_on_irc() {
    let (tls, ca) = tls();
    for (caps, tls) in [(Caps::none(), None), (Caps::all(), None), (Caps::all(), Some(tls))] {
        let is_tls = tls.is_some();
        let world = world(irc::Setup { caps, tls, ..irc::Setup::default() }).await;
        if is_tls {
            world.write("ca.pem", &ca);
            world.configure(|toml| plain(toml.replace("tls = false", "ca_file = \"ca.pem\"")));
        }
        let mut bridge = start(&world).await;
        let before = world.irc.transcript().len();
        let mut number = 0;
        for _ in 0..3 {
            let (end, said) = upgrade_under_load(&world, number).await;
            number = said;
            assert_kept(&end, 1);
            bridge.err.says("all links up").await;
        }
        assert_eq!(said(&world, number).await, expected(number));
        assert_eq!(world.irc.connections_accepted(), 1);
        assert_eq!(seen(&world, before), [""; 0]);
        assert_eq!(bridge.stop().await.code, Some(0));
        assert_eq!(seen(&world, before), ["QUIT :the bridge is shutting down"]);
    }
}

#[tokio::test]
async fn puppets_are_kept_and_their_lines_are_not_taken_for_others() {
    for caps in [Caps::none(), Caps::all()] {
        let world = world(irc::Setup { caps, ..irc::Setup::default() }).await;
        world.configure(|toml| {
            plain(toml.replace("[letschat]", "sender_mode = \"puppets\"\n\n[letschat]"))
        });
        let mut bridge = start(&world).await;
        let mut posts = 0;
        let mut post = |text: &str| {
            world.letschat.post("tea", "bob", text);
            posts += 1;
            posts
        };
        world.irc.virtual_user("ann").join("#tea");
        post("hello");
        world.irc.wait_for_join("#tea", "bob|lc").await;
        // Until the bridge knows that the puppet is in, the bot speaks.
        while world.channel(post("again")).await.last().unwrap().starts_with("<bob> ") {}
        let before = world.irc.transcript().len();
        for round in 0..3 {
            for number in 0..5 {
                post(&format!("{round} {number}"));
            }
            assert_kept(&upgrade(&world, &[]).await, 2);
            bridge.err.says("all links up").await;
            let heard = world.channel(post("after")).await;
            assert!(heard.iter().rev().take(6).all(|text| !text.starts_with("<bob>")), "{heard:?}");
        }
        world.say_on_irc("the end");
        let is_last = |post: &letschat::Post| post.text.contains("the end");
        let room = world.letschat.wait_for_posts("tea", |posts| posts.iter().any(is_last));
        let room = soon("the end", room).await;
        let mirrored: Vec<_> = room.iter().filter(|it| it.owner == "bridge").collect();
        assert_eq!(mirrored.len(), 1, "{mirrored:?}");
        assert_eq!(world.irc.connections_accepted(), 2);
        assert_eq!(seen(&world, before), [""; 0]);
        assert_eq!(bridge.stop().await.code, Some(0));
    }
}

#[tokio::test]
async fn program_that_cannot_take_over_is_refused_and_nothing_changes() {
    let world = world(irc::Setup::default()).await;
    let bridge = start(&world).await;
    let before = world.irc.transcript().len();
    let other_format =
        "set -- \"$@\" ; [ \"$4\" = --check-hand-over ] && exec $REAL run --config $3 $4 99";
    let silent_about_it =
        "echo \"error: unexpected argument '--check-hand-over' found\" >&2; exit 2";
    let script = |text: &str| program(&world, text);
    for (program, code, words) in [
        ("/nowhere/letsbridge".to_owned(), 1, "there is no such program"),
        (script(other_format), 1, "cannot take over the open connections of the running version"),
        (script(silent_about_it), 1, "it says: error: unexpected argument"),
        ("/bin/true".to_owned(), 1, "check that this is letsbridge"),
        (world.path().join("bridge.toml").to_str().unwrap().to_owned(), 1, "cannot be started"),
    ] {
        // The scripts share a file.
        if program.ends_with("/other") {
            script(if words.contains("says") { silent_about_it } else { other_format });
        }
        let end = upgrade(&world, &["--program", &program]).await;
        assert_eq!(end.code, Some(code), "{}{}", end.out, end.err);
        assert!(end.err.contains(words), "{words}: {}", end.err);
    }
    world.configure(|toml| toml.replace("nick =", "nik ="));
    let end = upgrade(&world, &["--socket", "state/control.sock"]).await;
    assert_eq!(end.code, Some(2), "{}{}", end.out, end.err);
    assert!(end.err.contains("nik"), "{}", end.err);
    world.configure(|toml| plain(toml).replace("\"state\"", "\"elsewhere\""));
    fs::create_dir(world.path().join("elsewhere")).unwrap();
    let end = upgrade(&world, &["--socket", "state/control.sock"]).await;
    assert_eq!(end.code, Some(1), "{}{}", end.out, end.err);
    world.configure(plain);
    talk(&world, 0);
    assert_eq!(said(&world, 1).await, expected(1));
    assert_eq!(world.irc.connections_accepted(), 1);
    assert_eq!(seen(&world, before), [""; 0]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn without_a_bridge_there_is_nothing_to_upgrade() {
    let world = world(irc::Setup::default()).await;
    let end = upgrade(&world, &[]).await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("no bridge is running"), "{}", end.err);
}

#[tokio::test]
async fn program_that_vanishes_at_the_last_moment_leaves_the_old_one_at_work() {
    let world = world(irc::Setup::default()).await;
    let mut bridge = start(&world).await;
    let before = world.irc.transcript().len();
    let other = program(&world, "$REAL \"$@\"; rm \"$0\"; exit");
    let end = upgrade(&world, &["--program", &other]).await;
    assert_eq!(end.code, Some(1), "{}{}", end.out, end.err);
    assert!(end.err.contains("goes on with its connections"), "{}", end.err);
    bridge.err.says("all links up").await;
    talk(&world, 0);
    assert_eq!(said(&world, 1).await, expected(1));
    // And it can be upgraded after all.
    assert_kept(&upgrade(&world, &[]).await, 1);
    bridge.err.says("all links up").await;
    assert_eq!(world.irc.connections_accepted(), 1);
    assert_eq!(seen(&world, before), [""; 0]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn program_without_the_connections_connects_anew() {
    let world = world(irc::Setup::default()).await;
    let mut bridge = start(&world).await;
    let other =
        program(&world, "case \"$*\" in *--take-over*) exec $REAL \"$@\" < /dev/null;; esac");
    let end = upgrade(&world, &["--program", &other]).await;
    assert_eq!(end.code, Some(3), "{}{}", end.out, end.err);
    assert!(end.err.contains("has connected anew"), "{}", end.err);
    bridge.err.says("cannot take over the open connections").await;
    bridge.err.says("all links up").await;
    talk(&world, 0);
    assert_eq!(said(&world, 1).await, expected(1));
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn changed_configuration_counts_from_the_upgrade_on() {
    let world = world(irc::Setup::default()).await;
    world.letschat.create_room(letschat::NewRoom::new("coffee"));
    let two = |toml: String| {
        plain(toml) + "\n[[link]]\nchannel = \"office/#coffee\"\nroom = \"coffee\"\n"
    };
    let mut bridge = start(&world).await;
    let before = world.irc.transcript().len();
    world.configure(two);
    assert_kept(&upgrade(&world, &[]).await, 1);
    bridge.err.says("all links up").await;
    assert_eq!(seen(&world, before), ["JOIN #coffee"]);
    world.configure(plain);
    assert_kept(&upgrade(&world, &[]).await, 1);
    bridge.err.says("all links up").await;
    world.irc.wait_for_part("#coffee", "bridge").await;
    world.configure(|toml| plain(toml).replace("nick = \"bridge\"", "nick = \"ferry\""));
    let end = upgrade(&world, &[]).await;
    assert_eq!(end.code, Some(3), "{}{}", end.out, end.err);
    assert!(end.out.contains("0 of 1 connections to IRC kept"), "{}", end.out);
    assert!(end.out.contains("made anew: office: the configuration has changed"), "{}", end.out);
    bridge.err.says("all links up").await;
    assert_eq!(seen(&world, before)[2], "QUIT :the configuration has changed");
    assert_eq!(bridge.stop().await.code, Some(0));
}

/// The new program is killed at this step of its start.
async fn killed_at(step: &str) {
    let world = world(irc::Setup::default()).await;
    let mut bridge = start(&world).await;
    let upgrade = tokio::spawn(world.letsbridge(&["upgrade"]).ends());
    talk(&world, 0);
    if step.is_empty() {
        bridge.err.says("replacing the program").await;
    } else {
        bridge.err.says("replacing the program").await;
        bridge.err.says(step).await;
    }
    bridge.signal("KILL").await;
    talk(&world, 1);
    assert_eq!(bridge.ends().await.code, None);
    // What the service manager does.
    let bridge = start(&world).await;
    let end = upgrade.await.unwrap();
    assert!(matches!(end.code, Some(0 | 3)), "{}{}", end.out, end.err);
    talk(&world, 2);
    let [room, channel] = said(&world, 3).await;
    let [all_room, all_channel] = expected(3);
    assert_eq!(channel, all_channel, "{step}");
    // What was said while nobody was connected is in no history of this server.
    assert!(
        room == all_room || room == [&all_room[..1], &all_room[2..]].concat(),
        "{step}: {room:?}"
    );
    bridge.signal("TERM").await;
    assert_eq!(bridge.ends().await.code, Some(0));
}

#[tokio::test]
async fn killed_program_is_restarted_without_loss() {
    for step in ["", "starts", "connection taken over", "joined"] {
        killed_at(step).await;
    }
}

#[tokio::test]
async fn stop_during_an_upgrade_says_goodbye() {
    let world = world(irc::Setup::default()).await;
    let mut bridge = start(&world).await;
    world.letschat.faults().stall();
    world.say_on_irc("is anybody there?");
    world.irc.wait_for_lines(|lines| !lines.is_empty()).await;
    let upgrade = tokio::spawn(world.letsbridge(&["upgrade"]).ends());
    bridge.err.says("letting go of the connections").await;
    bridge.signal("TERM").await;
    world.letschat.faults().resume();
    let end = bridge.ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert_eq!(seen(&world, 0).last().unwrap(), "QUIT :the bridge is shutting down");
    assert_eq!(upgrade.await.unwrap().code, Some(1));
}

#[tokio::test]
async fn upgrade_asked_for_twice_is_refused() {
    let world = world(irc::Setup::default()).await;
    let mut bridge = start(&world).await;
    let slow = program(
        &world,
        "case \"$*\" in *--check*) touch asked; while [ ! -e go ]; do sleep 0.05; done;; esac",
    );
    let first = tokio::spawn(world.letsbridge(&["upgrade", "--program", &slow]).ends());
    let asked: PathBuf = world.path().join("asked");
    while !asked.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = upgrade(&world, &[]).await;
    assert_eq!(second.code, Some(1), "{}{}", second.out, second.err);
    assert!(second.err.contains("an upgrade is under way"), "{}", second.err);
    fs::write(world.path().join("go"), "").unwrap();
    assert_kept(&first.await.unwrap(), 1);
    bridge.err.says("all links up").await;
    assert_eq!(bridge.stop().await.code, Some(0));
}
