//! `GET /metrics`: counters and histograms for Prometheus.

use axum::Router;

use super::state::SharedState;

/// The routes of the metrics.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
}
