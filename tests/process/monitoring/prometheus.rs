//! Prometheus scrapes the running bridge with our lines, and our alerts fire.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Monitored, POLL_INTERVAL, TOKEN, client};
use crate::program::soon;

/// A running Prometheus.
struct Prometheus {
    address: String,
    _process: Child,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// One that scrapes `target` each second, with the alerts that we deliver, but without their patience.
    async fn start(target: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("token"), TOKEN).unwrap();
        let rules = fs::read_to_string("deploy/prometheus/letsbridge.rules.yml").unwrap();
        fs::write(path("letsbridge.rules.yml"), hurried(&rules)).unwrap();
        let scrape = fs::read_to_string("deploy/prometheus/scrape.yml").unwrap();
        let ours = scrape
            .replace("127.0.0.1:8090", target)
            .replace("/etc/prometheus/letsbridge.token", path("token").to_str().unwrap());
        assert!(ours.contains(target) && !ours.contains("/etc/"), "{ours}");
        let global = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n";
        fs::write(path("prometheus.yml"), format!("{global}{ours}")).unwrap();
        let (address, process) = spawn(directory.path()).await;
        Self { address, _process: process, _directory: directory }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let answer = soon(path, client().get(url).send()).await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["data"].clone()
    }

    /// Waits until the alerts that fire are as `wanted`, and gives them.
    async fn alerts(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<Value> {
        let asking = async {
            let mut pause = tokio::time::interval(POLL_INTERVAL);
            loop {
                pause.tick().await;
                let alerts = self.get("alerts").await["alerts"].as_array().unwrap().clone();
                let firing: Vec<Value> =
                    alerts.into_iter().filter(|alert| alert["state"] == "firing").collect();
                let names: Vec<String> = firing.iter().map(name).collect();
                if wanted(&names) {
                    break firing;
                }
            }
        };
        soon(what, asking).await
    }

    /// Waits until the query gives this value.
    async fn gives(&self, query: &str, value: &str) {
        let asking = async {
            let mut pause = tokio::time::interval(POLL_INTERVAL);
            loop {
                pause.tick().await;
                let answer = self.get(&format!("query?query={query}")).await;
                if answer["result"][0]["value"][1] == value {
                    break;
                }
            }
        };
        soon(query, asking).await;
    }
}

/// The rules with all waiting times cut to a second.
fn hurried(rules: &str) -> String {
    let hurry = |line: &str| match line.trim_start().starts_with("for: ") {
        true => "        for: 1s".to_owned(),
        false => line.to_owned(),
    };
    rules.lines().map(|line| hurry(line) + "\n").collect()
}

/// Starts it in its directory, on a free port.
async fn spawn(directory: &Path) -> (String, Child) {
    let mut process = Command::new("prometheus")
        .current_dir(directory)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .arg("--web.listen-address=127.0.0.1:0")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("prometheus starts");
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let listening = async {
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, address)) = line.split_once("\"Listening on\" address=") {
                return address.trim().to_owned();
            }
            said += &line;
            said.push('\n');
        }
        panic!("Prometheus ends:\n{said}");
    };
    let address = soon("a listening Prometheus", listening).await;
    // Its log must be read, or it would stand still.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (address, process)
}

fn name(alert: &Value) -> String {
    alert["labels"]["alertname"].as_str().unwrap().to_owned()
}

fn has(names: &[String], wanted: &str) -> bool {
    names.iter().any(|name| name == wanted)
}

#[tokio::test]
#[ignore = "needs Prometheus installed: tests/all runs it"]
async fn alert_fires_when_letschat_is_stopped() {
    let monitored = Monitored::new().await;
    let prometheus = Prometheus::start(&monitored.address.to_string()).await;
    prometheus.gives("letsbridge_ready", "1").await;
    prometheus.alerts("no alert", <[String]>::is_empty).await;
    monitored.world.say_on_irc("one");
    monitored.world.room(1).await;
    let delivered = "sum(letsbridge_messages_total{outcome=\"delivered\"})";
    prometheus.gives(delivered, "1").await;

    monitored.world.letschat.kill().await.unwrap();
    let wanted = "LetsbridgeNotReady";
    let alerts = prometheus.alerts(wanted, |names| has(names, wanted)).await;
    let alert = alerts.iter().find(|alert| name(alert) == wanted).unwrap();
    let instance = monitored.address.to_string();
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["labels"]["instance"], instance.as_str());
    assert!(alert["annotations"]["remedy"].as_str().unwrap().contains("letsbridge status"));

    monitored.world.letschat.revive().await.unwrap();
    prometheus.alerts("its end", |names| !has(names, wanted)).await;
    assert_eq!(monitored.bridge.stop().await.code, Some(0));
    prometheus.alerts("a stopped bridge", |names| has(names, "LetsbridgeDown")).await;
}
