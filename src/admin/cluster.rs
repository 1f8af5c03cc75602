//! Which nodes share the store, as the API tells it, and how the active one is asked to hand over.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::answer::ErrorView;
use crate::store::{NodeRole, NodeStatus, SeenNode};

/// A node that was not heard of for so long does not wait any more.
const PRESENT_WITHIN: Duration = Duration::from_secs(5);

/// The nodes that share the store in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The name of this node.
    pub node: String,
    /// What this node does.
    pub role: NodeRoleView,
    /// Since when.
    pub since: Timestamp,
    /// Why PostgreSQL cannot be reached, or does not take what is written.
    pub problem: Option<String>,
    /// The node that is active, or was last.
    pub active_node: Option<String>,
    /// Since when that one has been.
    pub active_since: Option<Timestamp>,
    /// How many turns of the active node are missing in the local copy of this one.
    pub behind: u64,
    /// The last turn in the local copy of this node.
    pub turn: u64,
    /// All nodes that have been seen, by name.
    pub nodes: Vec<ClusterNodeView>,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRoleView {
    /// It tries to reach PostgreSQL.
    Connecting,
    /// It follows the active node, and takes over when that one stops.
    Waiting,
    /// It waits until the node before cannot speak any more.
    TakingOver,
    /// It is the one that speaks.
    Active,
    /// It has stopped, or was replaced.
    Ended,
}

/// A node as PostgreSQL has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNodeView {
    /// Its name.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// Whether it was heard of a moment ago.
    pub present: bool,
    /// Whether it is the active one.
    pub active: bool,
    /// The last turn in its local copy.
    pub turn: u64,
}

impl ClusterView {
    /// What this node knows.
    #[must_use]
    pub fn new(status: &NodeStatus) -> Self {
        let (role, problem) = match &status.role {
            NodeRole::Connecting { problem } => (NodeRoleView::Connecting, problem.clone()),
            NodeRole::Waiting => (NodeRoleView::Waiting, None),
            NodeRole::TakingOver => (NodeRoleView::TakingOver, None),
            NodeRole::Active { problem } => (NodeRoleView::Active, problem.clone()),
            NodeRole::Ended => (NodeRoleView::Ended, None),
        };
        Self {
            node: status.node.clone(),
            role,
            since: status.since,
            problem,
            active_node: status.active_node.clone(),
            active_since: status.active_since,
            behind: status.behind,
            turn: status.turn,
            nodes: status.nodes.iter().map(ClusterNodeView::new).collect(),
        }
    }

    /// Whether this node is the one that speaks.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.role == NodeRoleView::Active
    }

    /// The nodes that could take over from this one.
    pub fn successors(&self) -> impl Iterator<Item = &ClusterNodeView> {
        self.nodes.iter().filter(|it| it.present && !it.active && it.name != self.node)
    }

    /// Why the bridge does not run on this node; `None` if it does.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        let node = &self.node;
        let others = self.active_node.as_ref().filter(|active| *active != node);
        match (self.role, &self.problem, others) {
            (NodeRoleView::Active, ..) => None,
            (NodeRoleView::Connecting, Some(problem), _) => {
                Some(format!("this node ({node}) waits: {problem}"))
            }
            (NodeRoleView::Connecting, None, _) => {
                Some(format!("this node ({node}) connects to PostgreSQL"))
            }
            (NodeRoleView::TakingOver, ..) => Some(format!("this node ({node}) takes over")),
            (NodeRoleView::Ended, ..) => Some(format!("this node ({node}) has handed over")),
            (NodeRoleView::Waiting, _, Some(active)) => {
                Some(format!("this node ({node}) waits: {active} is the active one"))
            }
            (NodeRoleView::Waiting, _, None) => Some(format!("this node ({node}) waits")),
        }
    }
}

impl ClusterNodeView {
    fn new(seen: &SeenNode) -> Self {
        Self {
            name: seen.name.clone(),
            version: seen.version.clone(),
            started_at: seen.started,
            seen_at: seen.seen_at,
            present: seen.seen_ago <= PRESENT_WITHIN,
            active: seen.active,
            turn: seen.turn,
        }
    }
}

impl fmt::Display for NodeRoleView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
            Self::TakingOver => "taking over",
            Self::Active => "active",
            Self::Ended => "ended",
        })
    }
}

/// A node hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverBegunView {
    /// The node that hands over.
    pub from: String,
    /// The nodes that wait, one of which takes over.
    pub to: Vec<String>,
    /// Within how many seconds it has, unless something is wrong.
    pub within_secs: u64,
}

/// A handover that is being prepared: how it began, or why it is refused.
pub type HandoverFuture =
    Pin<Box<dyn Future<Output = Result<HandoverBegunView, ErrorView>> + Send>>;

/// Asks the program to hand over.
#[derive(Clone)]
pub struct HandoverHandle(Arc<dyn Fn() -> HandoverFuture + Send + Sync>);

impl HandoverHandle {
    /// Asks by `ask`, whose future ends with what the program answers.
    pub fn new(ask: impl Fn() -> HandoverFuture + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// Asks to hand over.
    ///
    /// # Errors
    /// Why the program refuses.
    pub(super) async fn begin(&self) -> Result<HandoverBegunView, ErrorView> {
        (self.0)().await
    }
}

impl fmt::Debug for HandoverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandoverHandle")
    }
}

/// Sees which nodes share the store. Clones see the same.
#[derive(Debug, Clone)]
pub struct ClusterMonitor(watch::Receiver<NodeStatus>);

impl ClusterMonitor {
    /// Sees what this node tells.
    #[must_use]
    pub fn new(status: watch::Receiver<NodeStatus>) -> Self {
        Self(status)
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> ClusterView {
        ClusterView::new(&self.0.borrow())
    }

    /// Waits until something is known anew; for ever, when nothing will be.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(role: NodeRole, active: Option<&str>) -> NodeStatus {
        let at = Timestamp::UNIX_EPOCH;
        let node = |name: &str, ago: u64| SeenNode {
            name: name.to_owned(),
            started: at,
            seen_at: at,
            seen_ago: Duration::from_secs(ago),
            version: "1.0.0".to_owned(),
            turn: 7,
            active: active == Some(name),
        };
        NodeStatus {
            node: "a".to_owned(),
            role,
            since: at,
            active_node: active.map(str::to_owned),
            active_since: None,
            released: false,
            nodes: vec![node("a", 0), node("b", 1), node("c", 60)],
            turn: 7,
            behind: 0,
        }
    }

    #[test]
    fn reason_to_wait_is_a_sentence() {
        let down = || Some("PostgreSQL at db:5432/x cannot be reached: refused".to_owned());
        for (role, active, words) in [
            (NodeRole::Active { problem: down() }, Some("a"), None),
            (NodeRole::Waiting, Some("b"), Some("this node (a) waits: b is the active one")),
            (NodeRole::Waiting, Some("a"), Some("this node (a) waits")),
            (NodeRole::Waiting, None, Some("this node (a) waits")),
            (NodeRole::TakingOver, Some("b"), Some("this node (a) takes over")),
            (NodeRole::Ended, Some("b"), Some("this node (a) has handed over")),
            (
                NodeRole::Connecting { problem: None },
                None,
                Some("this node (a) connects to PostgreSQL"),
            ),
            (
                NodeRole::Connecting { problem: down() },
                None,
                Some("this node (a) waits: PostgreSQL at db:5432/x cannot be reached: refused"),
            ),
        ] {
            let view = ClusterView::new(&status(role, active));
            assert_eq!(view.waits_for().as_deref(), words);
        }
    }

    #[test]
    fn only_who_was_just_heard_of_can_take_over() {
        let view = ClusterView::new(&status(NodeRole::Active { problem: None }, Some("a")));
        let names: Vec<&str> = view.successors().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["b"]);
    }
}
