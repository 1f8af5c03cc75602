//! `letsbridge handover` to a node that cannot take over.

use crate::nodes::{Nodes, assert_mirrors, is_up};
use crate::program::{End, Program};

/// The active node `a` hands over, and nobody takes over: it goes on itself.
async fn hand_over_in_vain(nodes: &Nodes, a: &mut Program) {
    let End { code, out, err } = nodes.command("a", &["handover"]).ends().await;
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("b has not taken over in time"), "{err}");
    a.err.says("handed over: this node waits").await;
    is_up(a).await;
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_node_whose_successor_stands_still_or_has_just_died_goes_on() {
    let nodes = Nodes::new().await;
    let (mut a, mut b) = nodes.both().await;
    assert_mirrors(&nodes, "one").await;
    b.signal("STOP").await;
    hand_over_in_vain(&nodes, &mut a).await;
    assert_mirrors(&nodes, "two").await;
    b.signal("CONT").await;
    b.err.says("this node (b) waits: a is the active one").await;
    assert_mirrors(&nodes, "three").await;
    // The active node hears of it within a second or two.
    while !nodes.command("a", &["status"]).ends().await.out.contains("waiting") {}
    b.signal("KILL").await;
    drop(b.ends().await);
    hand_over_in_vain(&nodes, &mut a).await;
    assert_mirrors(&nodes, "four").await;
    assert_eq!(a.stop().await.code, Some(0));
}
