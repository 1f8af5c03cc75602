//! The status page at `GET /`, and `GET /api/v1/events`, which keeps it up to date.

use axum::Router;

use super::state::SharedState;

/// The routes of the page.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
}
