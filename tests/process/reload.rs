//! The configuration, read again while the bridge runs.

use std::time::Duration;

use letsbridge_testkit::irc::{self, IrcServer};
use letsbridge_testkit::letschat::NewRoom;

use crate::harness::{BRIDGE, World};
use crate::program::{Program, soon};

/// A second link.
const DEV: &str = "\n[[link]]\nchannel = \"office/#dev\"\nroom = \"dev\"\n";

/// A world with another room, in whose channels ann is.
async fn two_rooms() -> World {
    let world = World::new().await;
    let room = NewRoom { owner: Some("ann".to_owned()), ..NewRoom::new("dev") };
    world.letschat.create_room(room);
    let ann = world.irc.virtual_user("ann");
    ann.join("#tea");
    ann.join("#dev");
    world
}

/// Tells the bridge to read its configuration again, and waits until it has done so.
async fn reload(bridge: &mut Program) -> String {
    bridge.signal("HUP").await;
    bridge.err.says("configuration reloaded").await
}

/// Waits until the bridge is not in the room `dev` any more.
async fn left_dev(world: &World) {
    if world.letschat.is_present("dev", BRIDGE) {
        soon("the bridge leaves dev", world.letschat.wait_for_leave("dev", BRIDGE)).await;
    }
}

/// What is said in a room, once there is so much.
async fn posts(world: &World, room: &str, count: usize) -> Vec<String> {
    let posts = world.letschat.wait_for_posts(room, |posts| posts.len() >= count);
    soon("what is said in the room", posts).await.into_iter().map(|post| post.text).collect()
}

#[tokio::test]
async fn link_comes_and_goes_while_the_other_one_works_on_the_same_connections() {
    let world = two_rooms().await;
    let ann = world.irc.virtual_user("ann");
    let mut bridge = world.bridge().await;
    let connections = || (world.irc.connections_accepted(), world.letschat.connections_accepted());
    let before = connections();
    ann.send("#tea", "one");
    posts(&world, "tea", 1).await;

    world.configure(|toml| toml + DEV);
    let line = reload(&mut bridge).await;
    assert!(line.contains("linked office/#dev with letschat/dev"), "{line}");
    soon("the bridge in #dev", world.irc.wait_for_join("#dev", BRIDGE)).await;
    soon("the bridge in dev", world.letschat.wait_for_join("dev", BRIDGE)).await;
    ann.send("#dev", "in dev");
    ann.send("#tea", "two");
    assert_eq!(posts(&world, "dev", 1).await, ["<ann> in dev"]);
    world.letschat.post("dev", "ann", "from dev");
    let heard = ann.wait_for_messages("#dev", |heard| !heard.is_empty());
    assert!(soon("what is said in #dev", heard).await[0].text.ends_with("> from dev"));

    world.configure(|toml| toml);
    let line = reload(&mut bridge).await;
    assert!(line.contains("unlinked office/#dev with letschat/dev"), "{line}");
    let left = ann.wait_for_lines(|lines| lines.iter().any(|line| line.contains("PART #dev")));
    soon("the bridge leaves #dev", left).await;
    left_dev(&world).await;
    ann.send("#dev", "alone");
    ann.send("#tea", "three");
    assert_eq!(posts(&world, "tea", 3).await, ["<ann> one", "<ann> two", "<ann> three"]);
    assert_eq!(posts(&world, "dev", 2).await, ["<ann> in dev", "from dev"]);
    assert_eq!(connections(), before, "the same connections all the time");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn mistakes_are_told_and_the_old_configuration_goes_on() {
    let world = two_rooms().await;
    let mut bridge = world.bridge().await;
    world.configure(|toml| toml.replace("tls = false", "tsl = false") + DEV);
    bridge.signal("HUP").await;
    let line = bridge.err.says("configuration not reloaded").await;
    assert!(line.contains("bridge.toml:6") && line.contains("tsl"), "{line}");
    world.say_on_irc("still here");
    assert_eq!(world.room(1).await, ["<ann> still here"]);
    world.configure(|toml| toml.replace(r#"state_dir = "state""#, r#"state_dir = "other""#));
    bridge.signal("HUP").await;
    let line = bridge.err.says("restart it to use another state").await;
    assert!(line.contains("state_dir"), "{line}");
    assert!(!world.path().join("other").exists());
    world.say_on_irc("and here");
    assert_eq!(world.room(2).await.len(), 2);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn connection_whose_settings_change_is_made_anew_and_nothing_is_lost_or_repeated() {
    let world = two_rooms().await;
    let ann = world.irc.virtual_user("ann");
    let mut bridge = world.bridge().await;
    // Deliveries are in flight when the connections are to be made anew.
    world.letschat.faults().delay_acks(Duration::from_millis(300));
    for at in 0..5 {
        ann.send("#tea", &format!("irc {at}"));
        world.letschat.post("tea", "ann", &format!("letschat {at}"));
    }
    world.configure(|toml| toml.replace(r#"nick = "bridge""#, r#"nick = "ferry""#));
    let before = world.letschat.connections_accepted();
    let line = reload(&mut bridge).await;
    assert!(line.contains("connecting to office anew"), "{line}");
    soon("the bridge as ferry", world.irc.wait_for_join("#tea", "ferry")).await;
    assert_eq!(world.letschat.connections_accepted(), before, "only IRC");
    assert!(!world.irc.members("#tea").contains(&BRIDGE.to_owned()));

    world.write("letschat.token", &world.letschat.new_token(BRIDGE));
    let irc_before = world.irc.connections_accepted();
    let line = reload(&mut bridge).await;
    assert!(line.contains("connecting to Let's Chat anew"), "{line}");
    soon("a new connection", world.letschat.wait_for_connections(|all| all > 0)).await;
    assert_eq!(world.irc.connections_accepted(), irc_before, "only Let's Chat");
    ann.send("#tea", "irc 5");
    world.letschat.post("tea", "ann", "letschat 5");

    let heard = ann.wait_for_messages("#tea", |heard| heard.len() >= 6);
    let heard = soon("all of Let's Chat", heard).await;
    // Without the name, which is changed so that ann is not highlighted.
    let heard: Vec<&str> =
        heard.iter().filter_map(|it| it.text.split_once("> ")).map(|it| it.1).collect();
    let expected: Vec<String> = (0..6).map(|at| format!("letschat {at}")).collect();
    assert_eq!(heard, expected);
    let is_mirrored = |post: &String| post.contains("<ann> irc");
    let all = world
        .letschat
        .wait_for_posts("tea", |posts| posts.iter().any(|post| post.text.contains("irc 5")));
    let mirrored: Vec<String> =
        soon("all of IRC", all).await.into_iter().map(|it| it.text).filter(is_mirrored).collect();
    // Lines that wait together are posted together.
    let lines: Vec<String> =
        mirrored.iter().flat_map(|post| post.lines()).map(str::to_owned).collect();
    let count = |at: usize| lines.iter().filter(|line| line.contains(&format!("irc {at}"))).count();
    assert_eq!((0..6).map(count).collect::<Vec<_>>(), [1; 6], "{lines:?}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn network_comes_and_goes() {
    let world = two_rooms().await;
    let other = IrcServer::start(irc::Setup::default()).await.unwrap();
    let joe = other.virtual_user("joe");
    joe.join("#far");
    let mut bridge = world.bridge().await;
    let far = format!(
        "\n[irc.far]\nservers = [\"{}\"]\ntls = false\nnick = \"{BRIDGE}\"\nflood_control = \"off\"\n",
        other.address()
    );
    let link = "\n[[link]]\nchannel = \"far/#far\"\nroom = \"dev\"\n";
    world.configure(|toml| toml + &far + link);
    let line = reload(&mut bridge).await;
    assert!(line.contains("connecting to the new network far"), "{line}");
    soon("the bridge in #far", other.wait_for_join("#far", BRIDGE)).await;
    joe.send("#far", "from afar");
    assert_eq!(posts(&world, "dev", 1).await, ["<joe> from afar"]);

    world.configure(|toml| toml);
    let line = reload(&mut bridge).await;
    assert!(line.contains("leaving the network far"), "{line}");
    let gone = async {
        while other.client_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the bridge quits", gone).await;
    world.say_on_irc("here");
    assert_eq!(world.room(1).await, ["<ann> here"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn removed_link_delivers_what_is_queued_before_it_goes() {
    let world = two_rooms().await;
    world.configure(|toml| toml + DEV);
    let ann = world.irc.virtual_user("ann");
    let mut bridge = world.bridge().await;
    world.letschat.kill().await.unwrap();
    bridge.err.says("connection lost").await;
    ann.send("#dev", "one");
    ann.send("#dev", "two");
    ann.send("#tea", "tea");
    // An answer shows that all before it was received.
    ann.send(BRIDGE, "!who");
    let answer = ann.wait_for_messages(BRIDGE, |all| !all.is_empty());
    soon("an answer", answer).await;
    world.configure(|toml| toml);
    reload(&mut bridge).await;
    world.letschat.revive().await.unwrap();
    let texts = posts(&world, "dev", 1).await.join("\n");
    assert!(
        texts.contains("one")
            && (texts.contains("two") || posts(&world, "dev", 2).await.len() == 2)
    );
    left_dev(&world).await;
    assert_eq!(world.room(1).await, ["<ann> tea"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn systemd_is_told_of_a_reload() {
    let world = World::new().await;
    let mut bridge = world.bridge().await;
    reload(&mut bridge).await;
    let notice = bridge.stands("RELOADING=1").await;
    assert!(notice.contains("\nMONOTONIC_USEC="), "{notice}");
    bridge.notices("READY=1").await;
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn command_reloads_and_prints_what_changed_or_the_mistakes() {
    let world = two_rooms().await;
    let bridge = world.bridge().await;
    world.configure(|toml| toml + DEV);
    let end = world.letsbridge(&["reload"]).ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.out.contains("linked office/#dev with letschat/dev"), "{}", end.out);
    world.configure(|toml| toml.replace("tls = false", "tls = \"perhaps\""));
    let end = world.letsbridge(&["reload"]).ends().await;
    assert_eq!(end.code, Some(2), "{}", end.out);
    assert!(end.err.contains("bridge.toml:6: irc.office.tls"), "{}", end.err);
    let status = world.letsbridge(&["status", "--json"]).ends().await;
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["config"]["last_reload"]["ok"], false);
    let mistake = &status["config"]["last_reload"]["mistakes"][0];
    assert!(mistake.as_str().unwrap().contains("irc.office.tls"), "{mistake}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn health_is_of_the_program_and_not_of_the_networks() {
    let world = World::new().await;
    let health = || world.letsbridge(&["status", "--health"]).ends();
    assert_eq!(health().await.code, Some(1), "nobody runs");
    let mut bridge = world.bridge().await;
    world.letschat.kill().await.unwrap();
    bridge.err.says("connection lost").await;
    let end = health().await;
    assert_eq!((end.code, end.out.as_str()), (Some(0), "ok\n"));
    assert_eq!(world.letsbridge(&["status"]).ends().await.code, Some(3));
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn room_that_cannot_be_joined_is_named_in_the_status() {
    let world = two_rooms().await;
    let mut bridge = world.bridge().await;
    world.letschat.archive_room("tea");
    bridge.err.says("not joined").await;
    let status = world.letsbridge(&["status", "--json"]).ends().await;
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let problem = status["links"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("room tea") && problem.contains("archived"), "{problem}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn what_has_changed_is_named() {
    let world = two_rooms().await;
    let bridge = world.bridge().await;
    for (change, named) in [
        ("[format]\nshow_joins = \"off\"\n", "formats and rules"),
        ("[format]\nshow_joins = \"off\"\n[log]\nlevel = \"debug\"\n", "log.level"),
        ("[store]\nretention = \"7d\"\n", "[store]"),
        ("[user_map]\nann = \"anna\"\n", "[user_map]"),
    ] {
        world.configure(|toml| toml + "\n" + change);
        let end = world.letsbridge(&["reload"]).ends().await;
        assert!(end.code == Some(0) && end.out.contains(named), "{change}: {}{}", end.out, end.err);
    }
    for (change, named) in [
        ("flood_control = \"ergo\"", "settings of office"),
        ("flood_control = \"off\"\ncatch_up = \"all\"", "settings of office"),
    ] {
        world.configure(|toml| toml.replace("flood_control = \"off\"", change));
        let end = world.letsbridge(&["reload"]).ends().await;
        assert!(end.code == Some(0) && end.out.contains(named), "{change}: {}{}", end.out, end.err);
    }
    for (change, named) in [
        ("phase = \"moving\"", "office/#tea with letschat/tea: phase moving, was together"),
        ("direction = \"to_irc\"", "office/#tea with letschat/tea: direction to_irc, was both"),
        ("phase = \"moving\"\n[announcements]\nmoving = \"\"", "[announcements] changed"),
        ("phase = \"closed\"\nkey = \"x\"", "keys and passwords of links"),
    ] {
        world
            .configure(|toml| toml.replace("room = \"tea\"", &format!("room = \"tea\"\n{change}")));
        let end = world.letsbridge(&["reload"]).ends().await;
        assert!(end.code == Some(0) && end.out.contains(named), "{change}: {}{}", end.out, end.err);
    }
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn configuration_that_is_no_file_does_not_stop_later_reloads() {
    let world = two_rooms().await;
    let mut bridge = world.bridge().await;
    let path = world.path().join("bridge.toml");
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    bridge.signal("HUP").await;
    bridge.err.says("it is not a file").await;
    std::fs::remove_file(&path).unwrap();
    world.configure(|toml| toml);
    reload(&mut bridge).await;
    assert_eq!(bridge.stop().await.code, Some(0));
}
