//! Puts together what `GET /api/v1/status` says.

use jiff::Timestamp;

use super::report::{
    ConfigView, ConnectionStateView, DirectionView, LinkErrorView, LinkStateView, LinkView,
    NetworkKindView, NetworkView, StatusView, StorageView,
};
use super::state::{AdminState, KnownReport};
use crate::bridge::{
    BridgeReport, ConnectionReport, ConnectionState, DirectionReport, LinkReport, LinkState, Peer,
};
use crate::store;

impl AdminState {
    /// The whole bridge at this moment.
    pub(super) async fn status(&self) -> StatusView {
        let KnownReport { report, is_current } = self.report().await;
        let now = Timestamp::now();
        let stalled = self.bridge.status.borrow().storage_stalled;
        let not_ready = not_ready(&report, is_current, stalled);
        let reload = &self.bridge.reload;
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("LETSBRIDGE_BUILT_FROM").to_owned(),
            started_at: self.bridge.started_at,
            now,
            ready: not_ready.is_empty(),
            not_ready,
            config: ConfigView {
                path: self.bridge.config_path.display().to_string(),
                loaded_at: reload.loaded_at(),
                last_reload: reload.last(),
            },
            log_level: self.bridge.log_level.level(),
            storage: StorageView { stalled, bytes: store::size_on_disk(&self.bridge.state_dir) },
            networks: report.connections.iter().map(network_view).collect(),
            links: report.links.iter().map(link_view).collect(),
            people: self.people_counts().await,
            warnings: Vec::new(),
        }
    }
}

/// Why the bridge is not ready: one sentence each.
fn not_ready(report: &BridgeReport, is_current: bool, stalled: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if stalled {
        reasons.push("the database cannot be written".to_owned());
    } else if !is_current {
        reasons.push("the engine does not answer".to_owned());
    }
    for connection in &report.connections {
        let state = match connection.state {
            ConnectionState::Connected => continue,
            ConnectionState::Connecting => "is connecting",
            ConnectionState::Down => "is down",
        };
        let problem = connection.problem.as_ref().map(|problem| format!(": {problem}"));
        reasons.push(format!("{} {state}{}", connection.peer, problem.unwrap_or_default()));
    }
    for link in &report.links {
        let state = match link.state {
            LinkState::Down => "is down",
            LinkState::Full => "accepts no more messages, because too many wait",
            // That is what an administrator wants.
            LinkState::Paused | LinkState::Leaving | LinkState::Up => continue,
        };
        let problem = link.problem.as_ref().map(|problem| format!(": {problem}"));
        reasons.push(format!("the link {} {state}{}", link.link, problem.unwrap_or_default()));
    }
    reasons
}

fn network_view(connection: &ConnectionReport) -> NetworkView {
    let (name, kind) = match &connection.peer {
        Peer::Irc(network) => (network.to_string(), NetworkKindView::Irc),
        Peer::LetsChat => ("letschat".to_owned(), NetworkKindView::LetsChat),
    };
    NetworkView {
        name,
        kind,
        state: match connection.state {
            ConnectionState::Connected => ConnectionStateView::Connected,
            ConnectionState::Connecting => ConnectionStateView::Connecting,
            ConnectionState::Down => ConnectionStateView::Down,
        },
        since: connection.since,
        server: connection.server.clone(),
        problem: connection.problem.clone(),
        reconnects: connection.reconnects,
    }
}

fn link_view(link: &LinkReport) -> LinkView {
    LinkView {
        network: link.link.network.to_string(),
        channel: link.link.channel.to_string(),
        room: link.link.room.to_string(),
        state: match link.state {
            LinkState::Up => LinkStateView::Up,
            LinkState::Down => LinkStateView::Down,
            LinkState::Paused => LinkStateView::Paused,
            LinkState::Full => LinkStateView::Full,
            LinkState::Leaving => LinkStateView::Leaving,
        },
        since: link.since,
        problem: link.problem.clone(),
        to_irc: direction_view(link.to_irc),
        to_letschat: direction_view(link.to_letschat),
        last_error: link
            .last_error
            .as_ref()
            .map(|failure| LinkErrorView { at: failure.at, text: failure.text.clone() }),
    }
}

fn direction_view(direction: DirectionReport) -> DirectionView {
    DirectionView {
        waiting: direction.waiting,
        oldest: direction.oldest,
        delivered: direction.delivered,
        rejected: direction.rejected,
        dropped: direction.dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LinkId, Network};

    fn link(state: LinkState, problem: Option<&str>) -> LinkReport {
        LinkReport {
            link: LinkId {
                network: Network::new("office"),
                channel: "#tea".into(),
                room: "tea".into(),
            },
            state,
            since: None,
            problem: problem.map(str::to_owned),
            to_irc: DirectionReport::default(),
            to_letschat: DirectionReport::default(),
            last_error: None,
        }
    }

    #[test]
    fn each_reason_is_a_sentence() {
        let office = Peer::Irc(Network::new("office"));
        let mut report = BridgeReport {
            connections: vec![ConnectionReport {
                state: ConnectionState::Connected,
                ..ConnectionReport::new(office)
            }],
            links: vec![link(LinkState::Up, None), link(LinkState::Paused, None)],
            ..BridgeReport::default()
        };
        assert_eq!(not_ready(&report, true, false), [""; 0]);
        assert_eq!(not_ready(&report, false, false), ["the engine does not answer"]);
        report.connections[0].state = ConnectionState::Down;
        report.connections[0].problem = Some("connection refused".to_owned());
        report.links.push(link(LinkState::Down, Some("banned")));
        assert_eq!(
            not_ready(&report, false, true),
            [
                "the database cannot be written",
                "irc office is down: connection refused",
                "the link office/#tea tea is down: banned",
            ]
        );
    }
}
