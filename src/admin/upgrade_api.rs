//! `/api/v1/upgrade`: replaces the running program, and says what came of it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json, Router};

use super::answer::ApiError;
use super::body;
use super::gate::Access;
use super::state::SharedState;
use super::upgrade::{UpgradeBegunView, UpgradeRequestBody, UpgradeStatusView};

/// The routes.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route("/api/v1/upgrade", get(get_status).post(begin))
}

async fn get_status(State(state): State<SharedState>) -> Json<UpgradeStatusView> {
    Json(state.bridge.upgrade.status())
}

async fn begin(
    State(state): State<SharedState>,
    Extension(access): Extension<Access>,
    request: Request,
) -> Result<Json<UpgradeBegunView>, ApiError> {
    if !matches!(access, Access::Socket) {
        // It starts a program, which only the owner of the bridge may choose.
        let words = "an upgrade can only be begun over control.sock: run letsbridge upgrade there";
        return Err(ApiError::new(StatusCode::FORBIDDEN, words));
    }
    let wanted: UpgradeRequestBody = body::read(request, r#"{"program":null}"#).await?;
    state.bridge.upgrade.begin(wanted).await.map(Json)
}
