//! The page of metrics, from figures of each kind.

use std::time::Duration;

use super::*;
use crate::bridge::{
    CanaryDirectionReport, CanaryOutcome, CanaryReport, DirectionReport, LatencyStats, LinkReport,
    LinkState, Peer, ReconnectReason, SignOfLife,
};
use crate::domain::{LinkId, Network};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn figures() -> Figures {
    let office = Network::new("office");
    let mut connection = ConnectionReport {
        state: ConnectionState::Connected,
        sign_of_life: Some(SignOfLife { at: at(990), next_within: Duration::from_secs(120) }),
        ..ConnectionReport::new(Peer::Irc(office.clone()))
    };
    connection.attempts.add(ReconnectReason::PingTimeout);
    let to_irc = DirectionReport {
        waiting: 2,
        oldest: Some(at(970)),
        delivered: 7,
        dropped: 1,
        deferred: 3,
        ..DirectionReport::default()
    };
    let link = LinkReport {
        link: LinkId { network: office.clone(), channel: "#\"te\\a".into(), room: "tea".into() },
        is_canary: false,
        phase: crate::domain::LinkPhase::default(),
        direction: crate::domain::LinkFlow::default(),
        state: LinkState::Up,
        since: None,
        problem: None,
        to_irc,
        to_letschat: DirectionReport::default(),
        last_error: None,
    };
    let mut report = BridgeReport {
        connections: vec![connection, ConnectionReport::new(Peer::LetsChat)],
        links: vec![link],
        queued_bytes: 512,
        ..BridgeReport::default()
    };
    report.commits.observe(Duration::from_millis(3));
    let mut stats = Stats::default();
    stats.latency.to_irc.observe(Duration::from_millis(30));
    stats.puppets.insert(office, PuppetStats { connected: 4, ..PuppetStats::default() });
    Figures {
        now: at(1_000),
        report,
        is_ready: false,
        is_stalled: false,
        stats,
        started_at: at(900),
        cluster: None,
        config_loaded_at: at(900),
        last_reload: None,
        database_bytes: 4_096,
        archive: crate::service::ArchiveStatus {
            is_enabled: true,
            is_writable: true,
            lines: 12,
            waiting: 1,
            bytes: 4_096,
        },
    }
}

fn page(figures: &Figures) -> String {
    String::from_utf8(figures.page()).expect("UTF-8")
}

#[test]
fn page_has_what_was_counted() {
    let page = page(&figures());
    let link = r##"network="office",channel="#\"te\\a",room="tea",direction="to_irc""##;
    for line in [
        "letsbridge_ready 0".to_owned(),
        r#"letsbridge_network_connected{network="office"} 1"#.to_owned(),
        r#"letsbridge_network_connected{network="letschat"} 0"#.to_owned(),
        r#"letsbridge_network_last_answer_timestamp_seconds{network="office"} 990"#.to_owned(),
        r#"letsbridge_network_reconnects_total{network="office",reason="ping_timeout"} 1"#
            .to_owned(),
        format!(r#"letsbridge_messages_total{{{link},outcome="delivered"}} 7"#),
        format!(r#"letsbridge_messages_total{{{link},outcome="rejected"}} 0"#),
        format!(r#"letsbridge_messages_total{{{link},outcome="dropped"}} 1"#),
        format!(r#"letsbridge_retries_total{{{link},reason="deferred"}} 3"#),
        format!("letsbridge_waiting_messages{{{link}}} 2"),
        format!("letsbridge_oldest_waiting_seconds{{{link}}} 30"),
        "letsbridge_oldest_undelivered_seconds 30".to_owned(),
        r#"letsbridge_delivery_duration_seconds_bucket{direction="to_irc",le="0.025"} 0"#
            .to_owned(),
        r#"letsbridge_delivery_duration_seconds_bucket{direction="to_irc",le="0.05"} 1"#.to_owned(),
        r#"letsbridge_delivery_duration_seconds_bucket{direction="to_irc",le="3600"} 1"#.to_owned(),
        r#"letsbridge_puppet_events_total{network="office",event="connected"} 4"#.to_owned(),
        "letsbridge_commit_duration_seconds_count 1".to_owned(),
        "process_start_time_seconds 900".to_owned(),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("outcome=\"ignored\""), "{page}");
}

#[test]
fn paused_link_and_clock_of_the_network_do_not_age_the_oldest() {
    let mut figures = figures();
    figures.report.links[0].state = LinkState::Paused;
    let text = page(&figures);
    assert!(text.contains("\nletsbridge_oldest_undelivered_seconds 0\n"), "{text}");
    assert!(text.contains("letsbridge_link_paused{network=\"office\""), "{text}");
    figures.report.links[0].state = LinkState::Up;
    figures.report.links[0].to_irc.oldest = Some(at(2_000));
    assert!(page(&figures).contains("\nletsbridge_oldest_undelivered_seconds 0\n"));
}

#[test]
fn canary_has_figures_of_its_own_and_is_not_counted_with_people() {
    let mut figures = figures();
    figures.report.links[0].is_canary = true;
    let mut latency = LatencyStats::default();
    latency.to_irc.observe(Duration::from_millis(20));
    figures.report.canary = Some(CanaryReport {
        link: figures.report.links[0].link.clone(),
        is_paused: false,
        to_irc: CanaryDirectionReport {
            last: Some(CanaryOutcome { at: at(990), result: Ok(Duration::from_millis(20)) }),
            last_arrival: Some(at(990)),
            failures: 2,
        },
        to_letschat: CanaryDirectionReport::default(),
        latency,
    });
    let page = page(&figures);
    for line in [
        r#"letsbridge_canary_success{direction="to_irc"} 1"#,
        r#"letsbridge_canary_last_arrival_timestamp_seconds{direction="to_irc"} 990"#,
        r#"letsbridge_canary_failures_total{direction="to_irc"} 2"#,
        r#"letsbridge_canary_failures_total{direction="to_letschat"} 0"#,
        r#"letsbridge_canary_duration_seconds_count{direction="to_irc"} 1"#,
        "letsbridge_oldest_undelivered_seconds 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    assert!(page.contains("letsbridge_link_up{network=\"office\""), "{page}");
    for absent in [
        "letsbridge_messages_total",
        "letsbridge_waiting_messages",
        "letsbridge_canary_success{direction=\"to_letschat\"}",
    ] {
        assert!(!page.contains(absent), "{absent} is in\n{page}");
    }
}

#[test]
fn page_of_five_thousand_links_is_made_in_bounded_memory() {
    let mut figures = figures();
    let link = figures.report.links[0].clone();
    figures.report.links = vec![link; 12_000];
    let page = page(&figures);
    let series = page.matches("letsbridge_link_up{").count();
    assert_eq!(series, 10_000);
    assert!(page.len() < 16 << 20, "{} bytes", page.len());
}
