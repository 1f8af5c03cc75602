//! How it ends, and what the next start makes of it.

use std::time::Duration;

use letsbridge::domain::{Delivery, DeliveryId, DeliveryState, Endpoint};
use letsbridge::store::Store;
use letsbridge_testkit::irc::CloseKind;
use tokio::time::Instant;

use crate::harness::World;
use crate::program::soon;

#[tokio::test]
async fn stop_disconnects_politely_on_both_sides() {
    for signal in ["TERM", "INT"] {
        let world = World::new().await;
        let bridge = world.bridge().await;
        bridge.signal(signal).await;
        let end = bridge.ends().await;
        assert_eq!(end.code, Some(0), "{}", end.err);
        assert_eq!(goodbyes(&world), ["QUIT :the bridge is shutting down"]);
        soon("the websocket's end", world.letschat.wait_for_connections(|count| count == 0)).await;
        assert_eq!(world.irc.client_count(), 0);
    }
}

#[tokio::test]
async fn stop_waits_for_deliveries_in_flight() {
    let world = World::new().await;
    // Each line is a post of its own.
    world.configure(|toml| format!("{toml}\n[format]\nmerge_lines = \"never\"\n"));
    let mut bridge = world.talkative_bridge().await;
    world.letschat.faults().stall();
    for text in ["one moment", "and after that"] {
        world.say_on_irc(text);
        bridge.err.says("message received").await;
    }
    bridge.signal("TERM").await;
    bridge.err.says("shutting down").await;
    world.letschat.faults().resume();
    let end = bridge.ends().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    // The second may have been begun or not before the signal was noticed; it is not in between.
    let open = open(&world);
    assert!(
        open.iter().all(|it| it.state == DeliveryState::Queued && it.message.body != "one moment")
    );
    assert_eq!(world.letschat.posts("tea").len() + open.len(), 2);

    let bridge = world.bridge().await;
    assert_eq!(world.room(2).await, ["<ann> one moment", "<ann> and after that"]);
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(waiting(&world), [""; 0]);
}

#[tokio::test]
async fn stop_waits_at_most_for_the_shutdown_timeout() {
    let world = World::new().await;
    world.configure(|toml| toml.replace("\"10s\"", "\"1s\""));
    let mut bridge = world.talkative_bridge().await;
    world.letschat.faults().stall();
    world.say_on_irc("is anybody there?");
    bridge.err.says("message received").await;
    let began = Instant::now();
    let end = bridge.stop().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(began.elapsed() >= Duration::from_secs(1), "it did not wait: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(goodbyes(&world), ["QUIT :the bridge is shutting down"]);
    assert_eq!(waiting(&world), ["is anybody there?"]);

    // The next run looks whether it has arrived, rather than saying it again.
    world.letschat.faults().resume();
    world.room(1).await;
    let bridge = world.bridge().await;
    world.say_on_irc("there you are");
    assert_eq!(world.room(2).await, ["<ann> is anybody there?", "<ann> there you are"]);
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(waiting(&world), [""; 0]);
}

#[tokio::test]
async fn servers_that_stand_still_do_not_keep_it() {
    let world = World::new().await;
    let bridge = world.bridge().await;
    world.letschat.faults().stall();
    world.irc.faults().stall();
    let began = Instant::now();
    assert_eq!(bridge.stop().await.code, Some(0));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    // Nor do servers that never let it in.
    let mut bridge = world.run().start();
    bridge.err.says("connected").await;
    let began = Instant::now();
    assert_eq!(bridge.stop().await.code, Some(0));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn second_signal_ends_it_at_once() {
    let world = World::new().await;
    world.configure(|toml| toml.replace("\"10s\"", "\"10m\""));
    let mut bridge = world.talkative_bridge().await;
    world.letschat.faults().stall();
    world.say_on_irc("is anybody there?");
    bridge.err.says("message received").await;
    bridge.signal("TERM").await;
    bridge.err.says("a second signal exits immediately").await;
    bridge.signal("INT").await;
    assert_eq!(bridge.ends().await.code, Some(130));
}

#[tokio::test]
async fn undelivered_message_is_delivered_after_the_next_start() {
    let world = World::new().await;
    // Each line is a post of its own, and names are as they are.
    world.configure(|toml| {
        format!("{toml}\n[format]\nmerge_lines = \"never\"\nanti_ping = false\n")
    });
    let mut bridge = world.talkative_bridge().await;
    world.letschat.kill().await.unwrap();
    for text in ["one", "two", "three"] {
        world.say_on_irc(text);
        bridge.err.says("message received").await;
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    assert_eq!(waiting(&world), ["one", "two", "three"]);
    world.letschat.revive().await.unwrap();

    let mut bridge = world.talkative_bridge().await;
    assert_eq!(world.room(3).await, ["<ann> one", "<ann> two", "<ann> three"]);
    world.irc.faults().kill(CloseKind::Silent).await;
    for text in ["four", "five"] {
        world.say_in_letschat(text);
        bridge.err.says("message received").await;
    }
    assert_eq!(bridge.stop().await.code, Some(0));
    world.irc.faults().revive().await.unwrap();

    let bridge = world.bridge().await;
    assert_eq!(world.channel(2).await, ["<ann> four", "<ann> five"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

/// The QUITs that the IRC server was sent.
fn goodbyes(world: &World) -> Vec<String> {
    let said = world.irc.transcript();
    said.iter().map(|it| it.text().into_owned()).filter(|it| it.starts_with("QUIT")).collect()
}

/// What a bridge that has ended has still to say in the room.
fn open(world: &World) -> Vec<Delivery> {
    let mut store = Store::open(&world.state()).unwrap();
    let room = store.endpoint_id(&Endpoint::room("tea")).unwrap();
    store.open_deliveries(room, DeliveryId(0), 100).unwrap()
}

fn waiting(world: &World) -> Vec<String> {
    open(world).into_iter().map(|delivery| delivery.message.body).collect()
}
