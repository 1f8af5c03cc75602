//! `GET /metrics`: counters and histograms for Prometheus.
//!
//! Nothing is counted here: the bridge and the service keep plain counters, and this turns them into a page when it is
//! asked for.

mod archive;
mod canary;
mod cluster;
mod families;
mod links;
mod memory;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;

use super::cluster::{ClusterMonitor, ClusterView};
use super::report::ReloadView;
use super::state::SharedState;
use crate::bridge::{
    AccountStats, BridgeReport, ConnectionReport, ConnectionState, PuppetStats, Stats, TrafficStats,
};
use crate::service::ArchiveStatus;
use crate::store;
use crate::version::{COMMIT, VERSION};
use families::{Families, Labels, as_float, as_number, seconds};

/// The routes of the metrics.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<SharedState>) -> Response {
    let known = state.report().await;
    let bridge = &state.bridge;
    let is_stalled = bridge.status.borrow().storage_stalled;
    let now = Timestamp::now();
    let figures = Figures {
        now,
        is_ready: state.not_ready(&known, now).is_empty(),
        cluster: bridge.cluster.as_ref().map(ClusterMonitor::view),
        report: known.report,
        is_stalled,
        stats: bridge.stats.borrow().clone(),
        started_at: bridge.started_at,
        config_loaded_at: bridge.reload.loaded_at(),
        last_reload: bridge.reload.last(),
        database_bytes: store::size_on_disk(&bridge.state_dir),
        archive: bridge.archive.status(),
    };
    // With many links, that takes a while.
    let page = tokio::task::spawn_blocking(move || figures.page()).await;
    // It fails only when the program ends.
    ([(header::CONTENT_TYPE, families::CONTENT_TYPE)], page.unwrap_or_default()).into_response()
}

/// What the page tells.
#[derive(Debug)]
struct Figures {
    now: Timestamp,
    report: BridgeReport,
    is_ready: bool,
    is_stalled: bool,
    stats: Stats,
    started_at: Timestamp,
    config_loaded_at: Timestamp,
    last_reload: Option<ReloadView>,
    database_bytes: u64,
    archive: ArchiveStatus,
    cluster: Option<ClusterView>,
}

impl Figures {
    fn page(&self) -> Vec<u8> {
        let mut families = Families::default();
        self.add_state(&mut families);
        self.add_networks(&mut families);
        links::add(&self.report.links, self.now, &mut families);
        if let Some(canary) = &self.report.canary {
            canary::add(canary, &mut families);
        }
        self.add_deliveries(&mut families);
        self.add_traffic(&mut families);
        self.add_senders(&mut families);
        self.add_storage(&mut families);
        archive::add(self.archive, &mut families);
        cluster::add(self.cluster.as_ref(), &mut families);
        self.add_process(&mut families);
        families.into_text()
    }

    fn add_state(&self, families: &mut Families) {
        let build = vec![("version", VERSION.to_owned()), ("commit", COMMIT.to_owned())];
        families.gauge(
            "letsbridge_build_info",
            "Which letsbridge this is; always 1.",
            [(build, 1.0)],
        );
        families.gauge(
            "letsbridge_ready",
            "Whether every link works and each side answers: the same as /readyz.",
            one(as_number(self.is_ready)),
        );
        families.gauge(
            "letsbridge_config_last_reload_successful",
            "Whether the last attempt to read the configuration again succeeded; 1 if there was none.",
            one(as_number(self.last_reload.as_ref().is_none_or(|last| last.ok))),
        );
        families.gauge(
            "letsbridge_config_loaded_timestamp_seconds",
            "When the configuration in use was read, in seconds since 1970.",
            one(seconds(self.config_loaded_at)),
        );
    }

    fn add_networks(&self, families: &mut Families) {
        let connections = &self.report.connections;
        families.gauge(
            "letsbridge_network_connected",
            "Whether the bridge is logged in to the IRC network, or to Let's Chat (letschat).",
            connections
                .iter()
                .map(|it| (on(it), as_number(it.state == ConnectionState::Connected))),
        );
        families.gauge(
            "letsbridge_network_last_answer_timestamp_seconds",
            "When the network last answered what the bridge asked (its login or a ping), in \
             seconds since 1970. Missing while it is not connected.",
            connections.iter().filter_map(|it| Some((on(it), seconds(it.sign_of_life?.at)))),
        );
        families.counter(
            "letsbridge_network_reconnects_total",
            "Attempts to connect again, by why the one before ended.",
            connections.iter().flat_map(|it| {
                it.attempts.iter().map(|(reason, count)| {
                    let mut labels = on(it);
                    labels.push(("reason", reason.name().to_owned()));
                    (labels, count)
                })
            }),
        );
    }

    fn add_deliveries(&self, families: &mut Families) {
        families.gauge(
            "letsbridge_oldest_undelivered_seconds",
            "Age of the oldest message that waits on any link that is not paused, 0 if none does.",
            one(links::oldest(&self.report.links, self.now)),
        );
        families.gauge(
            "letsbridge_queued_bytes",
            "Size of what waits for delivery, as store.max_queue_size counts it.",
            one(as_float(self.report.queued_bytes)),
        );
        let latency = &self.stats.latency;
        let toward = |direction: &str| vec![("direction", direction.to_owned())];
        families.histogram(
            "letsbridge_delivery_duration_seconds",
            "Time from hearing a message to the acknowledgement of its delivery over a link.",
            [(toward("to_irc"), &latency.to_irc), (toward("to_letschat"), &latency.to_letschat)],
        );
    }

    fn add_traffic(&self, families: &mut Families) {
        let known = |it: &ConnectionReport| {
            let traffic = self.stats.traffic.get(&it.peer).copied().unwrap_or_default();
            received(traffic).map(|(kind, count)| {
                let mut labels = on(it);
                labels.push(("kind", kind.to_owned()));
                (labels, count)
            })
        };
        families.counter(
            "letsbridge_received_messages_total",
            "Messages heard from the network: live, after an absence (caught_up), again \
             (duplicate), kept back by loop protection (suppressed), or of our own account but \
             not by this bridge (foreign).",
            self.report.connections.iter().flat_map(known),
        );
        let Stats { gaps, outages, .. } = &self.stats;
        families.counter(
            "letsbridge_gaps_total",
            "Periods for which it is unknown what was missed on IRC.",
            one(gaps.count),
        );
        families.counter(
            "letsbridge_gap_seconds_total",
            "Length of these periods together.",
            one(gaps.seconds),
        );
        families.counter(
            "letsbridge_absences_total",
            "Ended absences from channels and rooms.",
            one(outages.count),
        );
        families.counter(
            "letsbridge_absence_seconds_total",
            "Length of these absences together.",
            one(outages.seconds),
        );
    }

    fn add_senders(&self, families: &mut Families) {
        let puppets = self.stats.puppets.iter().flat_map(|(network, puppets)| {
            let PuppetStats { connected, lost, rejected } = *puppets;
            [("connected", connected), ("lost", lost), ("rejected", rejected)].map(
                |(event, count)| {
                    let labels =
                        vec![("network", network.to_string()), ("event", event.to_owned())];
                    (labels, count)
                },
            )
        });
        families.counter(
            "letsbridge_puppet_events_total",
            "Connections of puppets on IRC that came about, were lost, or were rejected.",
            puppets,
        );
        let AccountStats { made, posted, fallbacks, lost } = self.stats.accounts;
        let labelled = |name, value: &str| vec![(name, value.to_owned())];
        families.counter(
            "letsbridge_account_events_total",
            "Accounts of people of IRC on Let's Chat that were made, or can no longer be used.",
            [(labelled("event", "made"), made), (labelled("event", "lost"), lost)],
        );
        families.counter(
            "letsbridge_account_posts_total",
            "Messages for people with an account on Let's Chat: posted by it, or by the bridge's \
             own user because the account could not (fallback).",
            [(labelled("by", "account"), posted), (labelled("by", "fallback"), fallbacks)],
        );
    }

    fn add_storage(&self, families: &mut Families) {
        families.gauge(
            "letsbridge_storage_stalled",
            "Whether the database cannot be written at the moment, for which everything waits.",
            one(as_number(self.is_stalled)),
        );
        families.gauge(
            "letsbridge_database_bytes",
            "Size of the database on disk.",
            one(as_float(self.database_bytes)),
        );
        families.histogram(
            "letsbridge_commit_duration_seconds",
            "Time to bring what has happened onto the disk.",
            [(Labels::new(), &self.report.commits)],
        );
        families.counter(
            "letsbridge_store_commits_total",
            "Transactions that were written into the database.",
            one(self.report.writes.commits),
        );
        families.counter(
            "letsbridge_store_syncs_total",
            "How often the database was synced for them; checkpoints, every four megabytes, are not counted.",
            one(self.report.writes.syncs),
        );
    }

    fn add_process(&self, families: &mut Families) {
        families.gauge(
            "process_start_time_seconds",
            "When the bridge started, in seconds since 1970.",
            one(seconds(self.started_at)),
        );
        families.gauge(
            "process_resident_memory_bytes",
            "Memory that the process has in RAM.",
            memory::resident().map(|bytes| (Labels::new(), as_float(bytes))),
        );
    }
}

/// A single sample without labels.
fn one<T>(value: T) -> [(Labels, T); 1] {
    [(Labels::new(), value)]
}

/// The label of a network.
fn on(connection: &ConnectionReport) -> Labels {
    vec![("network", connection.peer.label().to_owned())]
}

fn received(traffic: TrafficStats) -> [(&'static str, u64); 5] {
    let TrafficStats { received, caught_up, duplicates, suppressed, unknown_own, .. } = traffic;
    [
        ("live", received),
        ("caught_up", caught_up),
        ("duplicate", duplicates),
        ("suppressed", suppressed),
        ("foreign", unknown_own),
    ]
}

#[cfg(test)]
mod tests;
