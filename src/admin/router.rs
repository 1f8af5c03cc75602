//! All routes of the API.

use axum::Router;

use super::state::SharedState;
use super::{events, health, metrics, page};

/// All routes. Who may use them is decided before.
pub(super) fn routes(state: SharedState) -> Router {
    Router::new()
        .merge(metrics::routes())
        .merge(health::routes())
        .merge(page::routes())
        .merge(events::routes())
        .with_state(state)
}
