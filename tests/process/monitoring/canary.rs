//! The canary in the running program.

use letsbridge_testkit::letschat::NewRoom;
use letsbridge_testkit::{irc, letschat};

use super::Monitored;
use crate::harness::World;

const CANARY: &str = r##"
[canary]
channel = "office/#canary"
room = "canary"
interval = "10s"
timeout = "5s"
"##;

#[tokio::test]
async fn canary_fails_readyz_while_letschat_stands_still() {
    let world = World::with(irc::Setup::default(), letschat::Setup::default()).await;
    world.letschat.create_room(NewRoom::new("canary"));
    let monitored = Monitored::in_world(world, |toml| toml + CANARY).await;
    let world = &monitored.world;
    let arrived = ["to_irc", "to_letschat"]
        .map(|direction| format!("letsbridge_canary_success{{direction=\"{direction}\"}} 1"));
    let arrived: Vec<&str> = arrived.iter().map(String::as_str).collect();
    let page = monitored.page_with(&arrived).await;
    assert!(
        page.contains("letsbridge_canary_last_arrival_timestamp_seconds{direction=\"to_irc\"}")
    );
    assert!(page.contains("letsbridge_canary_duration_seconds_count{direction=\"to_irc\"} 1"));
    // Nobody has spoken: the figures of people's messages say so.
    assert!(page.contains("letsbridge_delivery_duration_seconds_count{direction=\"to_irc\"} 0"));
    monitored.becomes("/readyz", |status, body| (status, body) == (200, "ok\n")).await;
    let status = monitored.get("/api/v1/status").await.1;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["canary"]["channel"], "#canary");
    assert_eq!(status["canary"]["to_letschat"]["ok"], true);
    assert!(status["canary"]["to_irc"]["latency_seconds"].as_f64().unwrap() < 5.0);
    assert_eq!(
        (&status["links"][0]["canary"], &status["links"][1]["canary"]),
        (&false.into(), &true.into())
    );

    world.letschat.faults().stall();
    let reason = "the canary did not arrive in canary: not acknowledged within 5 seconds";
    monitored.becomes("/readyz", |status, body| status == 503 && body.contains(reason)).await;
    let failed = "letsbridge_canary_failures_total{direction=\"to_letschat\"} 1";
    monitored.page_with(&["letsbridge_canary_success{direction=\"to_letschat\"} 0", failed]).await;
    world.letschat.faults().resume();
    monitored.becomes("/readyz", |status, _| status == 200).await;
    // All of that stayed in its own room.
    assert!(world.letschat.posts("tea").is_empty());
    assert!(world.letschat.posts("canary").len() >= 2);
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn canary_comes_and_goes_by_reload() {
    let world = World::with(irc::Setup::default(), letschat::Setup::default()).await;
    world.letschat.create_room(NewRoom::new("canary"));
    let mut toml = String::new();
    let monitored = Monitored::in_world(world, |text| {
        toml.clone_from(&text);
        text
    });
    let monitored = monitored.await;
    let world = &monitored.world;
    assert!(!monitored.get("/metrics").await.1.contains("letsbridge_canary"));
    world.configure(|_| format!("{toml}{CANARY}"));
    let reload = world.letsbridge(&["reload"]).ends().await;
    assert_eq!(reload.code, Some(0), "{}", reload.err);
    assert!(
        reload.out.contains("the canary tests office/#canary with letschat/canary"),
        "{}",
        reload.out
    );
    monitored.page_with(&["letsbridge_canary_success{direction=\"to_letschat\"} 1"]).await;
    let status = world.letsbridge(&["status"]).ends().await;
    assert!(status.out.contains("Canary: office/#canary: arrived "), "{}", status.out);
    let check = world.letsbridge(&["check"]).ends().await;
    assert!(check.out.contains("canary office/#canary and letschat/canary: OK\n"), "{}", check.out);
    world.configure(|_| toml.clone());
    let reload = world.letsbridge(&["reload"]).ends().await;
    assert!(reload.out.contains("the canary is off"), "{}", reload.out);
    monitored.becomes("/metrics", |_, page| !page.contains("canary")).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}
