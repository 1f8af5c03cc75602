//! The nodes that share the store as text, for people.

use jiff::Timestamp;

use crate::admin::{ClusterNodeView, ClusterView};
use crate::cli::table;

const TITLES: [&str; 5] = ["NODE", "STATE", "SEEN", "BEHIND", "VERSION"];

/// What this node does, and all of them.
pub(super) fn render(cluster: &ClusterView, now: Timestamp, width: Option<usize>) -> String {
    let since = table::age(cluster.since, now);
    let mut text = format!("node {}: {} for {since}", cluster.node, cluster.role);
    if let Some(problem) = &cluster.problem {
        text.push_str(&format!("; {}", table::printable(problem)));
    }
    text.push('\n');
    text.push_str(&nodes(cluster, now, width));
    text
}

/// All nodes, as PostgreSQL knows them.
pub(super) fn render_from_outside(cluster: &ClusterView, width: Option<usize>) -> String {
    nodes(cluster, Timestamp::now(), width)
}

fn nodes(cluster: &ClusterView, now: Timestamp, width: Option<usize>) -> String {
    if cluster.nodes.is_empty() {
        return String::new();
    }
    let last = cluster.turn + cluster.behind;
    let rows: Vec<_> = cluster.nodes.iter().map(|it| row(it, last, now)).collect();
    table::render(TITLES, &rows, width)
}

fn row(node: &ClusterNodeView, last: u64, now: Timestamp) -> [String; TITLES.len()] {
    let state = match (node.active, node.present) {
        (true, true) => "active",
        (true, false) => "ACTIVE, SILENT",
        (false, true) => "waiting",
        (false, false) => "away",
    };
    let behind = last.saturating_sub(node.turn);
    [
        node.name.clone(),
        state.to_owned(),
        table::age(node.seen_at, now),
        behind.to_string(),
        node.version.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_a_table() {
        let cluster: ClusterView = serde_json::from_str(
            r#"{"node":"a","role":"active","since":"2026-11-30T07:00:00Z","problem":null,
            "active_node":"a","active_since":"2026-11-30T07:00:00Z","behind":0,"turn":120,"nodes":[
              {"name":"a","version":"1.0.0","started_at":"2026-11-30T07:00:00Z",
               "seen_at":"2026-11-30T07:12:00Z","present":true,"active":true,"turn":120},
              {"name":"b","version":"1.0.0","started_at":"2026-11-30T07:00:00Z",
               "seen_at":"2026-11-30T07:11:59Z","present":true,"active":false,"turn":118},
              {"name":"c","version":"0.9.0","started_at":"2026-11-29T07:00:00Z",
               "seen_at":"2026-11-30T05:12:00Z","present":false,"active":false,"turn":10}]}"#,
        )
        .expect("a cluster");
        let now = "2026-11-30T07:12:00Z".parse().expect("a time");
        assert_eq!(
            render(&cluster, now, None),
            "node a: active for 12m\n\
             NODE  STATE    SEEN   BEHIND  VERSION\n\
             a     active   0s     0       1.0.0\n\
             b     waiting  1s     2       1.0.0\n\
             c     away     2h 0m  110     0.9.0\n"
        );
    }
}
