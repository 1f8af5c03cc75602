//! All routes.

use axum::Router;
use axum::http::StatusCode;

use super::answer::ApiError;
use super::state::SharedState;
use super::{api, cluster_api, events, health, metrics, page, progress, upgrade_api};

/// All routes. Who may use them is decided before.
pub(super) fn routes(state: SharedState) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(metrics::routes())
        .merge(health::routes())
        .merge(page::routes())
        .merge(progress::routes())
        .merge(events::routes())
        .merge(upgrade_api::routes())
        .merge(cluster_api::routes())
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "there is nothing here: see docs/administration.md",
            )
        })
        // Each route adds which methods it allows.
        .method_not_allowed_fallback(|| async {
            let words = "this cannot be done here by this method: see docs/administration.md";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, words)
        })
        .with_state(state)
}
