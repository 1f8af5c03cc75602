//! `GET /healthz` and `GET /readyz`: whether the bridge lives, and whether it does its work.

use axum::Router;

use super::state::SharedState;

/// The routes of the health checks. They need no token.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
}
