//! `letsbridge audit` and the channels: what the ledger says crossed, and what the server kept.

use letsbridge_testkit::irc::{self, Cap, Caps};
use letsbridge_testkit::letschat;
use serde_json::{Value, json};

use crate::harness::{BRIDGE, World};
use crate::program::{End, Program};

/// How much is said on each side.
const SAID: usize = 8;

/// What the channels' server can do.
fn irc(caps: Caps) -> irc::Setup {
    irc::Setup { caps, ..irc::Setup::default() }
}

/// A channel and a room in which something was said, and a bridge that runs.
async fn fixture(setup: irc::Setup) -> (World, Program) {
    let world = World::with(setup, letschat::Setup::default()).await;
    // What was said before the bridge came is nobody's loss.
    world.say_on_irc("before");
    let bridge = world.bridge().await;
    for at in 0..SAID {
        world.say_on_irc(&format!("from irc {at}"));
        world.say_in_letschat(&format!("from the room {at}"));
    }
    (world, bridge)
}

/// Audits, and tells how it exits, what it says of the channel, and what it says at the end.
async fn audit(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    let End { code, out, err } = world.letsbridge(&[&["audit"], arguments].concat()).ends().await;
    let of_channel = out.lines().skip_while(|line| !line.starts_with("office/#tea: "));
    let of_channel: Vec<&str> = of_channel.take_while(|line| !line.starts_with("total")).collect();
    let total = out.lines().last().unwrap_or_default();
    (code, of_channel.join("\n") + &err, total.to_owned())
}

/// The same in JSON: what is said of the room, and of the channel.
async fn audit_both(world: &World) -> (Option<i32>, Value, Value) {
    let End { code, out, err } = world.letsbridge(&["audit", "--json"]).ends().await;
    let told: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [room, channel] = &told[..] else { panic!("{out}{err}") };
    assert_eq!((&room["room"], &channel["channel"]), (&json!("tea"), &json!("office/#tea")));
    (code, room.clone(), channel.clone())
}

async fn audit_json(world: &World) -> (Option<i32>, Value) {
    let (code, _, channel) = audit_both(world).await;
    (code, channel)
}

/// Waits until the bridge knows that all has arrived.
async fn wait_until_acked(world: &World) {
    loop {
        let (code, room, channel) = audit_both(world).await;
        assert_eq!(code, Some(0), "what is on its way is no loss: {room} {channel}");
        if room["mirrored"] == SAID * 2 && channel["sent"] == SAID && channel["received"] == SAID {
            return;
        }
    }
}

#[tokio::test]
async fn complete_channel_has_no_problems() {
    for caps in [Caps::all(), Caps::all().without(Cap::EchoMessage)] {
        let (world, bridge) = fixture(irc(caps)).await;
        wait_until_acked(&world).await;
        let (code, channel, total) = audit(&world, &[]).await;
        assert_eq!(code, Some(0), "{channel}");
        let well =
            "office/#tea: 8 sent, 8 received, none missing, duplicated or out of order since 20";
        assert!(channel.starts_with(well) && channel.lines().count() == 1, "{channel}");
        assert_eq!(total, "total: 16 mirrored, 0 missing, 0 duplicated, 0 out of order");
        for arguments in
            [["--link", "office/#tea", "--since", "1h"], ["--link", "tea", "--since", "0s"]]
        {
            assert_eq!(audit(&world, &arguments).await.0, Some(0));
        }
        // It has left as it came, and the bridge is where it was.
        assert_eq!(world.irc.members("#tea"), ["@ann", BRIDGE]);
        assert_eq!(bridge.stop().await.code, Some(0));
        assert_eq!(audit(&world, &[]).await.0, Some(0), "beside no bridge");
    }
}

#[tokio::test]
async fn missing_duplicate_and_reordered_lines_are_found() {
    for caps in [Caps::all(), Caps::all().without(Cap::EchoMessage)] {
        let with_ids = caps.has(Cap::EchoMessage);
        let (world, _bridge) = fixture(irc(caps)).await;
        wait_until_acked(&world).await;
        let faults = world.irc.faults();
        faults.forget("#tea", "from the room 2");
        faults.duplicate("#tea", "from the room 4");
        faults.swap("#tea", "from the room 5", "from the room 7");
        let (code, told) = audit_json(&world).await;
        assert_eq!((code, &told["clean"]), (Some(1), &Value::Bool(false)), "{told}");
        for (trouble, count) in [
            ("missing_in_channel", 1),
            ("missing_in_ledger", 0),
            ("duplicated", 1),
            ("out_of_order", 2),
        ] {
            assert_eq!(told[trouble]["count"], count, "{trouble} in {told}");
        }
        assert_eq!(told["missing_in_channel"]["first"][0]["line"].is_string(), with_ids, "{told}");
        let (code, channel, total) = audit(&world, &[]).await;
        assert_eq!(code, Some(1));
        assert!(channel.contains(", 1 missing, 1 duplicated, 2 out of order\n"), "{channel}");
        for trouble in ["missing in", "duplicate in", "out of order in"] {
            assert!(channel.contains(&format!("\n  {trouble} office/#tea: ")), "{channel}");
        }
        assert_eq!(total, "total: 16 mirrored, 1 missing, 1 duplicated, 2 out of order");
    }
}

#[tokio::test]
async fn unrecorded_lines_are_found() {
    let (world, bridge) = fixture(irc(Caps::all())).await;
    wait_until_acked(&world).await;
    assert_eq!(bridge.stop().await.code, Some(0));
    let ledger = rusqlite::Connection::open(world.state().join("letsbridge.sqlite3")).unwrap();
    ledger.pragma_update(None, "foreign_keys", true).unwrap();
    ledger.execute("DELETE FROM message WHERE body = 'from irc 3'", []).unwrap();
    drop(ledger);
    // What was said since is not heard yet, and no loss.
    world.say_on_irc("is anybody there?");
    let (code, told) = audit_json(&world).await;
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told["missing_in_ledger"]["count"], 1, "{told}");
    assert_eq!(told["missing_in_ledger"]["first"][0]["author"], "ann", "{told}");
    assert_eq!(told["not_received_yet"]["count"], 1, "{told}");
    assert_eq!(told["missing_in_channel"]["count"], 0, "{told}");
}

#[tokio::test]
async fn lines_beyond_the_servers_history_are_not_missing() {
    let (world, _bridge) = fixture(irc(Caps::all())).await;
    wait_until_acked(&world).await;
    world.irc.faults().forget_before("#tea", "from the room 3");
    let (code, channel, _) = audit(&world, &[]).await;
    assert_eq!(code, Some(0), "{channel}");
    assert!(
        channel.contains("\n  no longer in the server's history of office/#tea: 3"),
        "{channel}"
    );
}

#[tokio::test]
async fn multiline_message_counts_once() {
    let setup = irc(Caps::all());
    let world = World::with(setup, letschat::Setup::default()).await;
    world.irc.virtual_user("ann").join("#tea");
    let bridge = world.bridge().await;
    let long = "all day long ".repeat(60);
    world.say_in_letschat(&format!("one\ntwo\nthree {long}"));
    let crossed = async {
        loop {
            let (code, told) = audit_json(&world).await;
            assert_eq!(code, Some(0), "{told}");
            if told["sent"] == 1 {
                return;
            }
        }
    };
    crossed.await;
    world.irc.faults().forget("#tea", "two");
    let (code, channel, _) = audit(&world, &[]).await;
    assert_eq!(code, Some(1));
    assert!(channel.contains("missing in office/#tea: some lines of delivery 1"), "{channel}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn keyed_channel_is_audited_without_showing_the_key() {
    let world = World::with(irc(Caps::all()), letschat::Setup::default()).await;
    world.irc.virtual_user("ann").join("#tea");
    world.irc.faults().mode("#tea", "+k", "kettle-key");
    world.configure(|toml| toml + "key = \"kettle-key\"\n");
    let bridge = world.bridge().await;
    world.say_on_irc("hello");
    world.room(1).await;
    assert_eq!(audit(&world, &[]).await.0, Some(0));
    world.configure(|toml| toml + "key = \"tea-pot-key\"\n");
    for arguments in [&["audit"][..], &["audit", "--json"]] {
        let End { code, out, err } = world.letsbridge(arguments).ends().await;
        assert_eq!(code, Some(3), "{out}");
        assert!(out.contains("Cannot join channel (+k)"), "{out}");
        assert!(!(out + &err).contains("-key"), "no secret is told");
    }
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn server_without_chathistory_is_not_audited() {
    let (world, bridge) = fixture(irc::Setup::default()).await;
    let (code, channel, total) = audit(&world, &[]).await;
    assert_eq!(code, Some(3), "{channel}");
    let not_offered =
        "office/#tea: not audited: the server has no channel history (draft/chathistory)";
    assert_eq!(channel, not_offered);
    assert!(total.contains(", 1 not audited; numbers for unaudited channels are"), "{total}");
    let (code, channel, total) = audit(&world, &["--no-channels"]).await;
    assert_eq!((code, channel.as_str()), (Some(0), ""), "{total}");
    assert_eq!(bridge.stop().await.code, Some(0));
    world.irc.faults().kill(irc::CloseKind::Silent).await;
    let (code, channel, _) = audit(&world, &[]).await;
    assert_eq!(code, Some(3), "{channel}");
    assert!(channel.starts_with("office/#tea: not audited: "), "{channel}");
}
