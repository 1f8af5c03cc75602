//! `/api/v1/cluster`: which nodes share the store; and `/api/v1/handover`: has the active one hand over.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::answer::ApiError;
use super::cluster::{ClusterView, HandoverBegunView};
use super::state::SharedState;

/// Why a bridge that runs alone cannot do this.
const ALONE: &str = "this bridge runs alone: set `[store] url` to run it on several nodes (see docs/high-availability.md)";

/// The routes.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
        .route("/api/v1/cluster", get(get_cluster))
        .route("/api/v1/handover", post(hand_over))
}

async fn get_cluster(State(state): State<SharedState>) -> Result<Json<ClusterView>, ApiError> {
    let cluster = state.bridge.cluster.as_ref();
    cluster.map(|it| Json(it.view())).ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, ALONE))
}

async fn hand_over(State(state): State<SharedState>) -> Result<Json<HandoverBegunView>, ApiError> {
    if state.bridge.cluster.is_none() {
        return Err(ApiError::new(StatusCode::CONFLICT, ALONE));
    }
    let begun = state.bridge.handover.begin().await;
    begun.map(Json).map_err(|refusal| ApiError::new(StatusCode::CONFLICT, refusal.error))
}
