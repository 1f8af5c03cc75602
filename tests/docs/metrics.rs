//! The rules, the dashboard and the page about monitoring name only metrics that the program exports, and the page
//! explains all of them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::source::{code_of, literals, source_files};

const RULES: &str = "deploy/prometheus/letsbridge.rules.yml";
const RULES_TEST: &str = "deploy/prometheus/letsbridge.rules.test.yml";
const DASHBOARD: &str = "deploy/grafana/letsbridge.json";
const PAGE: &str = "docs/monitoring.md";

/// The prefixes of our metrics.
const PREFIXES: [&str; 2] = ["letsbridge_", "process_"];

fn is_metric(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix))
}

/// The families that the program exports.
fn exported() -> BTreeSet<String> {
    let texts = source_files("src/admin/metrics");
    let texts = texts.iter().flat_map(|file| literals(&code_of(file))).map(|literal| literal.text);
    let names: BTreeSet<String> = texts.filter(|text| is_metric(text)).collect();
    assert!(names.len() > 20, "{names:?}");
    names
}

/// The metrics that a text names.
fn named_in(path: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| is_metric(word)).map(str::to_owned).collect()
}

fn rules() -> Vec<Value> {
    let rules: Value = serde_yaml_ng::from_str(&fs::read_to_string(RULES).unwrap()).unwrap();
    rules["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn only_exported_metrics_are_named() {
    let exported = exported();
    for path in [RULES, RULES_TEST, DASHBOARD, PAGE] {
        let named = named_in(path);
        assert!(!named.is_empty(), "{path} names no metrics");
        for name in named {
            let mut family = name.as_str();
            for end in ["_bucket", "_sum", "_count"] {
                family = name.strip_suffix(end).unwrap_or(family);
            }
            assert!(exported.contains(family), "{path}: {name} is not exported");
        }
    }
}

#[test]
fn each_metric_is_explained() {
    let explained = named_in(PAGE);
    let missing: Vec<String> = exported().difference(&explained).cloned().collect();
    assert!(missing.is_empty(), "{PAGE} lacks {missing:?}");
}

#[test]
fn each_alert_says_what_would_do_and_is_tested() {
    let page = fs::read_to_string(PAGE).unwrap();
    let tests: Value = serde_yaml_ng::from_str(&fs::read_to_string(RULES_TEST).unwrap()).unwrap();
    let tested: BTreeSet<&str> = tests["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|check| check["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty()))
        .filter_map(|check| check["alertname"].as_str())
        .collect();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        for annotation in ["summary", "description", "remedy"] {
            assert!(rule["annotations"][annotation].is_string(), "{name} has no {annotation}");
        }
        let docs = format!("{PAGE}#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["docs"], docs.as_str());
        assert!(page.contains(&format!("\n### {name}\n")), "{PAGE} does not explain {name}");
        assert!(tested.contains(name), "no test of {RULES_TEST} lets {name} fire");
    }
}

#[test]
fn dashboard_asks_in_each_panel() {
    let text = fs::read_to_string(DASHBOARD).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let asks = |target: &Value| target["expr"].as_str().is_some_and(|it| it.contains('{'));
        assert!(panel["targets"].as_array().unwrap().iter().all(asks), "{}", panel["title"]);
    }
}

#[test]
#[ignore = "needs promtool of Prometheus installed: tests/all runs it"]
fn promtool_accepts_the_rules_and_their_tests() {
    for arguments in [["check", "rules", RULES], ["test", "rules", RULES_TEST]] {
        let output = Command::new("promtool").args(arguments).output().expect("promtool starts");
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    }
}
