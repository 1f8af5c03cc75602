//! The metrics of a node among others.

use super::families::{Families, Labels, as_float, as_number, seconds};
use crate::admin::cluster::ClusterView;

/// Adds the metrics of this node; nothing for a bridge that runs alone.
pub(super) fn add(cluster: Option<&ClusterView>, families: &mut Families) {
    let one = |value: &dyn Fn(&ClusterView) -> f64| cluster.map(|it| (Labels::new(), value(it)));
    families.gauge(
        "letsbridge_node_active",
        "Whether this node is the one that speaks. Missing for a bridge that runs alone.",
        one(&|it| as_number(it.is_active())),
    );
    families.gauge(
        "letsbridge_node_role_since_timestamp_seconds",
        "Since when this node has its role, in seconds since 1970.",
        one(&|it| seconds(it.since)),
    );
    families.gauge(
        "letsbridge_node_behind_turns",
        "Turns of the active node that are missing in the local copy of this one.",
        one(&|it| as_float(it.behind)),
    );
    families.gauge(
        "letsbridge_nodes_waiting",
        "Nodes that could take over now, without the active one.",
        one(&|it| as_float(count(it))),
    );
}

/// How many nodes could take over, with this one if it waits.
fn count(cluster: &ClusterView) -> u64 {
    let others = cluster.nodes.iter().filter(|it| it.present && !it.active);
    u64::try_from(others.count()).unwrap_or(u64::MAX)
}
