//! Which nodes there are, and what each of them does.

use jiff::Timestamp;

/// What a node knows of itself and of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The name of this node.
    pub node: String,
    /// What this node does.
    pub role: NodeRole,
    /// Since when it does that.
    pub since: Timestamp,
    /// The node that was active last, whether or not it still is: see [`NodeStatus::nodes`] for when it was seen.
    pub active_node: Option<String>,
    /// Since when that node has been active.
    pub active_since: Option<Timestamp>,
    /// Whether that node has stopped or handed over of its own will.
    pub released: bool,
    /// The nodes that have been seen, by name.
    pub nodes: Vec<SeenNode>,
    /// The last turn that this node has in its local copy.
    pub turn: u64,
    /// How many turns of PostgreSQL it does not have yet.
    pub behind: u64,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeRole {
    /// It tries to reach PostgreSQL.
    Connecting {
        /// Why it has not yet, once an attempt has failed.
        problem: Option<String>,
    },
    /// It follows the active node, and takes over when that one stops.
    Waiting,
    /// It has the lock and waits until the node before cannot speak any more.
    TakingOver,
    /// It is the one that speaks.
    Active {
        /// Why PostgreSQL does not take what it writes, if it does not.
        problem: Option<String>,
    },
    /// It has handed over, has stopped, or has been replaced.
    Ended,
}

/// A node as PostgreSQL has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    /// Its name.
    pub name: String,
    /// When it was started.
    pub started: Timestamp,
    /// When it was last heard of, by the clock of PostgreSQL.
    pub seen_at: Timestamp,
    /// How long ago that was, by the same clock.
    pub seen_ago: std::time::Duration,
    /// The version of its program.
    pub version: String,
    /// The last turn that it has.
    pub turn: u64,
    /// Whether it is the active one.
    pub active: bool,
}

impl NodeStatus {
    /// The status of a node that knows nothing yet.
    pub(super) fn connecting(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            role: NodeRole::Connecting { problem: None },
            since: Timestamp::now(),
            active_node: None,
            active_since: None,
            released: false,
            nodes: Vec::new(),
            turn: 0,
            behind: 0,
        }
    }

    /// The node does something else from now on.
    pub(super) fn set_role(&mut self, role: NodeRole) {
        if self.role != role {
            let is_same_kind = std::mem::discriminant(&self.role) == std::mem::discriminant(&role);
            if !is_same_kind {
                self.since = Timestamp::now();
            }
            self.role = role;
        }
    }
}
