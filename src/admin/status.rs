//! Puts together what `GET /api/v1/status` says.

use std::time::Duration;

use jiff::Timestamp;

use super::cluster::ClusterMonitor;
use super::remedies::remedy_for;
use super::report::{
    CanaryDirectionView, CanaryView, ConfigView, ConnectionStateView, DirectionView, LinkErrorView,
    LinkStateView, LinkView, NetworkKindView, NetworkView, StatusView, StorageView,
};
use super::state::AdminState;
use crate::bridge::{
    CanaryDirectionReport, CanaryOutcome, CanaryReport, ConnectionReport, ConnectionState,
    DirectionReport, LinkReport, LinkState, Peer,
};
use crate::store;

impl AdminState {
    /// The whole bridge at this moment.
    pub(super) async fn status(&self) -> StatusView {
        let known = self.report().await;
        let now = Timestamp::now();
        let stalled = self.bridge.status.borrow().storage_stalled;
        let not_ready = self.not_ready(&known, now);
        let report = known.report;
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
            cluster: self.bridge.cluster.as_ref().map(ClusterMonitor::view),
            storage: StorageView { stalled, bytes: store::size_on_disk(&self.bridge.state_dir) },
            networks: report.connections.iter().map(network_view).collect(),
            links: report.links.iter().map(link_view).collect(),
            canary: report.canary.as_ref().map(canary_view),
            people: self.people_counts().await,
            warnings: self.bridge.warnings.latest(),
        }
    }
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
        remedy: remedy_of(connection.problem.as_deref()),
        reconnects: connection.reconnects,
    }
}

fn link_view(link: &LinkReport) -> LinkView {
    LinkView {
        network: link.link.network.to_string(),
        channel: link.link.channel.to_string(),
        room: link.link.room.to_string(),
        canary: link.is_canary,
        phase: link.phase.to_string(),
        direction: link.direction.to_string(),
        state: match link.state {
            LinkState::Up => LinkStateView::Up,
            LinkState::Down => LinkStateView::Down,
            LinkState::Paused => LinkStateView::Paused,
            LinkState::Full => LinkStateView::Full,
            LinkState::Leaving => LinkStateView::Leaving,
        },
        since: link.since,
        problem: link.problem.clone(),
        remedy: remedy_of(link.problem.as_deref()),
        to_irc: direction_view(link.to_irc),
        to_letschat: direction_view(link.to_letschat),
        last_error: link
            .last_error
            .as_ref()
            .map(|failure| LinkErrorView { at: failure.at, text: failure.text.clone() }),
    }
}

fn canary_view(canary: &CanaryReport) -> CanaryView {
    let direction = |report: &CanaryDirectionReport| {
        let Some(CanaryOutcome { at, result }) = &report.last else {
            return CanaryDirectionView::default();
        };
        CanaryDirectionView {
            ok: Some(result.is_ok()),
            at: Some(*at),
            latency_seconds: result.as_ref().ok().map(Duration::as_secs_f64),
            error: result.as_ref().err().cloned(),
        }
    };
    CanaryView {
        network: canary.link.network.to_string(),
        channel: canary.link.channel.to_string(),
        room: canary.link.room.to_string(),
        to_irc: direction(&canary.to_irc),
        to_letschat: direction(&canary.to_letschat),
    }
}

/// What would do about a problem.
fn remedy_of(problem: Option<&str>) -> Option<String> {
    problem.and_then(remedy_for).map(str::to_owned)
}

fn direction_view(direction: DirectionReport) -> DirectionView {
    DirectionView {
        waiting: direction.waiting,
        oldest: direction.oldest,
        delivered: direction.delivered,
        rejected: direction.rejected,
        dropped: direction.dropped,
        mirrored: direction.is_mirrored,
        offered: direction.offered,
        offered_since: direction.offered_span.map(|(first, _)| first),
        catching_up: direction.catching_up,
    }
}
