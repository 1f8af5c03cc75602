//! `letsbridge init`: what newcomers get wrong, and that no token is lost by it.

use std::fs;
use std::time::{Duration, Instant};

use letsbridge_testkit::irc;
use letsbridge_testkit::letschat::NewRoom;
use tokio::net::TcpListener;

use super::{PASSWORD, fails, files, init, newcomer};
use crate::harness::{BRIDGE, World};
use crate::program::{End, Start};

const STILL_WORKS: &str = "No token was made: the account's earlier token still works\n";

/// `init` on a terminal, with every answer but the links. `change` adds flags.
fn dialogue(world: &World, change: &[&str]) -> Start {
    let (server, url) = (world.irc.address().to_string(), world.letschat.url());
    let irc = ["--irc-server", &server, "--nick", BRIDGE, "--irc-account", ""];
    let letschat = ["--letschat-url", &url, "--letschat-user", "ferry", "--state-dir", "state"];
    let arguments = [&["init"][..], &irc, &letschat, change].concat();
    world.letsbridge(&arguments).env("LETSCHAT_PASSWORD", PASSWORD)
}

#[tokio::test]
async fn a_missing_room_costs_no_token() {
    let world = newcomer(irc::Setup::default()).await;
    for slug in ["r2", "r1", "r0"] {
        world.letschat.create_room(NewRoom::new(slug));
    }
    let token = world.letschat.token("ferry");
    let words = "letschat: there is no room \"general\"; visible rooms: r0, r1, r2, tea. Correct --link, \
                 or add --create-rooms. ";
    fails(&world, &[("--link", "#dev=general")], 1, &[words, STILL_WORKS]).await;
    let id = "0123456789abcdef01234567";
    let words = format!("there is no room \"{id}\"; visible rooms");
    fails(&world, &[("--link", &format!("#dev={id}"))], 1, &[&words, STILL_WORKS]).await;
    assert_eq!(world.letschat.token("ferry"), token);
    // With a token of one's own, there is nothing to say about it.
    world.write("own.token", &token);
    let answers =
        [("--link", "#dev=general"), ("--letschat-user", "<none>"), ("--token-file", "own.token")];
    fails(&world, &answers, 1, &["or add --create-rooms\n"]).await;
    // If the administrator wants so, the file is written nevertheless.
    let answers = [("--link", "#dev=general"), ("--accept-problems", "")];
    let End { code, out, .. } = init(&world, &answers).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("there is no room \"general\""), "{out}");
    assert!(!out.contains("No token was made"), "{out}");
    assert_ne!(world.letschat.token("ferry"), token);
}

#[tokio::test]
async fn a_room_that_the_account_does_not_see_costs_no_token() {
    let setup = letsbridge_testkit::letschat::Setup { private_rooms: true, ..Default::default() };
    let world = super::newcomer_of(irc::Setup::default(), setup).await;
    let room = NewRoom { owner: Some("ann".to_owned()), private: true, ..NewRoom::new("den") };
    world.letschat.create_room(room);
    let token = world.letschat.token("ferry");
    let words = "the account does not see the room \"den\": make the account a participant";
    let answers = [("--link", "#den=den"), ("--create-rooms", "")];
    fails(&world, &answers, 1, &[words, STILL_WORKS]).await;
    assert_eq!(world.letschat.token("ferry"), token);
}

#[tokio::test]
async fn a_missing_room_of_a_flag_is_asked_about() {
    let world = newcomer(irc::Setup::default()).await;
    let start = dialogue(&world, &["--irc-tls", "no", "--link", "#dev=general"]);
    let mut terminal = start.on_terminal();
    terminal.answers("There is no room \"general\". Create it? [Y/n]", "n").await;
    terminal.answers("Channel to link", "#tea").await;
    terminal.answers("Room for #tea", "").await;
    terminal.answers("Another channel", "").await;
    terminal.answers("Go on?", "").await;
    let (code, shown) = terminal.ends().await;
    assert_eq!(code, Some(0), "{shown}");
    let toml = fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    assert!(!toml.contains("general"), "{toml}");
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_said_in_flags_or_asked_again() {
    let world = newcomer(irc::Setup::default()).await;
    fails(&world, &[("--irc-tls", "yes")], 1, &["`tls = false`; here: --irc-tls no\n"]).await;
    let mut terminal = dialogue(&world, &["--link", "#tea=tea"]).on_terminal();
    terminal.answers("with TLS? [Y/n]", "").await;
    terminal.shows("set `tls = false`").await;
    terminal.answers("IRC server", "").await;
    terminal.answers("with TLS? [y/N]", "").await;
    terminal.answers("Nick", "").await;
    terminal.answers("Account on IRC", "").await;
    terminal.answers("Go on?", "").await;
    let (code, shown) = terminal.ends().await;
    assert_eq!(code, Some(0), "{shown}");
}

#[tokio::test]
async fn what_people_paste_is_understood() {
    let world = newcomer(irc::Setup::default()).await;
    let id = world.letschat.room_id("tea");
    let url = format!("{}#!/room/{id}", world.letschat.url());
    let answers = [("--link", "tea=tea"), ("--letschat-url", &url)];
    let End { code, out, err } = init(&world, &answers).ends().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let words = format!("letschat: \"#!/room/{id}\" was left out of the address\n");
    assert!(out.contains(&words), "{out}");
    let toml = fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    assert!(toml.contains("channel = \"local/#tea\""), "{toml}");
    assert!(!toml.contains(&*id), "{toml}");
}

#[tokio::test]
async fn malformed_flags_are_refused_before_anything_is_connected_to() {
    let world = newcomer(irc::Setup::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    for (flag, answer, words) in [
        ("--link", "#dev", "--link: \"#dev\" is not #CHANNEL=ROOM"),
        ("--link", "#dev=", "--link: \"#dev=\" is not #CHANNEL=ROOM"),
        ("--link", "=dev", "--link: \"=dev\" is not #CHANNEL=ROOM"),
        ("--link", "#dev=Dev Room", "--link: \"Dev Room\" is neither"),
        (
            "--letschat-url",
            "chat.example.org",
            "--letschat-url: \"chat.example.org\" does not start",
        ),
        ("--letschat-pin", "abc", "--letschat-pin: "),
        ("--letschat-password-file", "nowhere", "cannot read nowhere"),
        ("--nick", "9lives", "--nick: \"9lives\" starts with a digit"),
    ] {
        fails(&world, &[("--irc-server", &server), (flag, answer)], 2, &[words]).await;
    }
    let visit = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(visit.is_err(), "nobody has connected");
    // The network's name, in a link, is that of a server that is still to be named.
    let arguments = ["init", "--link", "example/#dev=dev"];
    let mut terminal = world.letsbridge(&arguments).on_terminal();
    terminal.shows("IRC server").await;
    terminal.signal_interrupt();
    assert_eq!(terminal.ends().await.0, Some(130));
    assert_eq!(files(&world), [""; 0]);
}

#[tokio::test]
async fn a_server_that_refuses_to_list_its_channels() {
    for numeric in [421, 263, 481] {
        let world = newcomer(irc::Setup::default()).await;
        world.irc.faults().refuse_lists(Some(numeric));
        let began = Instant::now();
        let mut terminal = dialogue(&world, &["--irc-tls", "no"]).on_terminal();
        terminal.shows("The server lists no channels; you can link one").await;
        assert!(began.elapsed() < Duration::from_secs(8), "{numeric} ends the wait");
        terminal.answers("Channel to link: ", "tea").await;
        terminal.answers("Room for #tea", "").await;
        terminal.answers("Another channel", "").await;
        terminal.answers("Go on?", "").await;
        let (code, shown) = terminal.ends().await;
        assert_eq!(code, Some(0), "{numeric}: {shown}");
    }
}
