//! `/metrics` counts what happens.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Monitored;

const LINK: &str = "network=\"office\",channel=\"#tea\",room=\"tea\"";

#[tokio::test]
async fn messages_are_counted_by_link_direction_and_outcome() {
    let monitored = Monitored::new().await;
    let world = &monitored.world;
    world.say_on_irc("one");
    world.room(1).await;
    world.say_in_letschat("two");
    world.channel(1).await;
    let direction = |direction: &str| format!("{LINK},direction=\"{direction}\"");
    let (to_irc, to_letschat) = (direction("to_irc"), direction("to_letschat"));
    let lines = [
        format!("letsbridge_messages_total{{{to_letschat},outcome=\"delivered\"}} 1"),
        format!("letsbridge_messages_total{{{to_irc},outcome=\"delivered\"}} 1"),
        format!("letsbridge_messages_total{{{to_irc},outcome=\"rejected\"}} 0"),
        format!("letsbridge_waiting_messages{{{to_irc}}} 0"),
        format!("letsbridge_link_up{{{LINK}}} 1"),
        "letsbridge_network_connected{network=\"office\"} 1".to_owned(),
        "letsbridge_delivery_duration_seconds_count{direction=\"to_irc\"} 1".to_owned(),
        "letsbridge_delivery_duration_seconds_bucket{direction=\"to_irc\",le=\"60\"} 1".to_owned(),
        "letsbridge_oldest_undelivered_seconds 0".to_owned(),
        "letsbridge_config_last_reload_successful 1".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let page = monitored.page_with(&lines).await;
    let value = |name: &str| {
        let line = page.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{page}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("letsbridge_commit_duration_seconds_count") > 0.0);
    assert!(value("letsbridge_database_bytes") > 0.0);
    assert!((value("letsbridge_build_info") - 1.0).abs() < f64::EPSILON);

    // What waits and how long is told while the other side is away, and why it was connected anew after that.
    world.letschat.kill().await.unwrap();
    world.say_on_irc("three");
    let waiting = format!("letsbridge_waiting_messages{{{to_letschat}}} 1");
    let down = format!("letsbridge_link_up{{{LINK}}} 0");
    let page = monitored.page_with(&[&waiting, &down, "letsbridge_ready 0"]).await;
    assert!(
        !page.contains("letsbridge_network_last_answer_timestamp_seconds{network=\"letschat\"}")
    );
    let aged = |_, page: &str| {
        let line = page.lines().find(|it| it.starts_with("letsbridge_oldest_undelivered_seconds "));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    monitored.becomes("/metrics", aged).await;
    world.letschat.revive().await.unwrap();
    world.room(2).await;
    let reconnects = "letsbridge_network_reconnects_total{network=\"letschat\",reason=\"lost\"} 1";
    monitored.page_with(&[reconnects, "letsbridge_ready 1"]).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn metrics_need_the_token() {
    let monitored = Monitored::new().await;
    let (status, body) = monitored.answer("/metrics", None).await;
    assert_eq!(status, 401, "{body}");
    assert!(!body.contains("letsbridge_ready"), "{body}");
    assert_eq!(monitored.get("/metrics").await.0, 200);
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs promtool of Prometheus installed: tests/all runs it"]
async fn promtool_accepts_the_page() {
    let monitored = Monitored::new().await;
    let (status, page) = monitored.get("/metrics").await;
    assert_eq!(status, 200);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
}
