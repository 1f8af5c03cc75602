//! `letsbridge handover`: has the active node hand over to one that waits.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time;
use tokio::time::Instant;

use super::running::BridgeAt;
use crate::admin::{AdminClient, ClientError, ClusterView, HandoverBegunView, NodeRoleView};
use crate::cli::EXIT_FAILURE;

/// How often this node is asked whether the other one has taken over.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// The arguments of `handover`.
#[derive(Debug, Args)]
#[command(
    after_help = "Run it on the active node of a bridge that runs on several (see docs/high-availability.md). That node \
                  finishes what is in flight, quits IRC, lets the other node take over, and waits for its next turn. \
                  Nothing is lost or repeated. Exit status: 0 the other node is active; 1 it was refused or failed, no \
                  bridge runs, or this user may not control it; 2 argument error."
)]
pub(in crate::cli) struct HandoverArgs {
    /// Print JSON: who handed over to whom, and how many seconds it took
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Has the active node hand over, and prints what came of it.
pub(in crate::cli) fn handover(arguments: &HandoverArgs) -> ExitCode {
    let bridge = match arguments.bridge.client() {
        Ok(bridge) => bridge,
        Err(code) => return code.into(),
    };
    let asked = bridge.ask(async |client| {
        let began = Instant::now();
        let begun: HandoverBegunView = client.post("/api/v1/handover", &json!({})).await?;
        let to = wait_for_other(client, &begun).await;
        Ok((begun, to, began.elapsed()))
    });
    match asked {
        Ok((HandoverBegunView { from, .. }, Some(to), took)) => {
            let seconds = took.as_secs_f64();
            match arguments.json {
                true => println!("{}", json!({ "from": from, "to": to, "seconds": seconds })),
                false => println!("{to} is the active node; {from} waits ({seconds:.1} s)"),
            }
            ExitCode::SUCCESS
        }
        Ok((HandoverBegunView { to, .. }, None, _)) => {
            eprintln!(
                "{} has not taken over in time: `letsbridge status` says which node is active, and the logs say why",
                to.join(" or ")
            );
            EXIT_FAILURE.into()
        }
        Err(code) => code.into(),
    }
}

/// Waits until this node sees that another one is active, and returns which.
async fn wait_for_other(client: &AdminClient, begun: &HandoverBegunView) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(begun.within_secs);
    while Instant::now() < deadline {
        // Nobody answers for a moment.
        let seen: Result<ClusterView, ClientError> = client.get("/api/v1/cluster").await;
        if let Ok(view) = seen
            && view.role == NodeRoleView::Waiting
            && let Some(active) = view.active_node.filter(|active| *active != begun.from)
        {
            return Some(active);
        }
        time::sleep(ASK_INTERVAL).await;
    }
    None
}
