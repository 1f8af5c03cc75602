//! The API below `/api/v1`: what the commands and the buttons of the page do.

use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time;

use super::answer::ApiError;
use super::body;
use super::catch_up::{CatchUpRequestBody, CatchUpView};
use super::people::{EndedLinkView, PersonView, UnlinkRequestBody, UnlinkedView};
use super::queue::{DroppedView, LinkRefView, QueueView};
use super::report::{ReloadedView, StatusView};
use super::state::SharedState;
use crate::bridge::{ControlError, LinkChange};
use crate::domain::{DeliveryId, LinkName};

/// How long the engine may take for what it is asked. It answers at once, unless the disk takes no writes.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many deliveries of a queue are shown, unless the request says how many.
const DEFAULT_QUEUE_LIMIT: usize = 100;

/// An answer of the API.
type ApiResult<T> = Result<Json<T>, ApiError>;

/// The routes.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
        .route("/api/v1/status", get(get_status))
        .route("/api/v1/reload", post(reload))
        .route("/api/v1/links/pause", post(pause))
        .route("/api/v1/links/resume", post(resume))
        .route("/api/v1/links/retry", post(retry))
        .route("/api/v1/links/catch-up", post(catch_up))
        .route("/api/v1/links/queue", get(get_queue))
        .route("/api/v1/links/drop", post(drop_queued))
        .route("/api/v1/loglevel", get(get_log_level).put(set_log_level))
        .route("/api/v1/people", get(get_people))
        .route("/api/v1/people/unlink", post(unlink))
}

/// A link, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRequestBody {
    /// Its channel, with or without the network, its room, or both ends.
    pub link: String,
}

/// A delivery on a link, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropRequestBody {
    /// The link.
    pub link: String,
    /// The number of the delivery.
    pub id: i64,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLevelView {
    /// A level such as `info`, or a filter such as `info,letsbridge::net=debug`.
    pub level: String,
}

/// What came of a change of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The link that was meant.
    #[serde(flatten)]
    pub link: LinkRefView,
    /// Whether anything has changed; it may have been as asked before.
    pub changed: bool,
}

/// Which queue to show.
#[derive(Debug, Deserialize)]
struct QueueQuery {
    link: String,
    limit: Option<usize>,
}

async fn get_status(State(state): State<SharedState>) -> Json<StatusView> {
    Json(state.status().await)
}

async fn reload(State(state): State<SharedState>) -> ApiResult<ReloadedView> {
    match state.bridge.reload.reload().await {
        Ok(reloaded) => Ok(Json(reloaded)),
        Err(mistakes) => Err(ApiError::mistakes(
            "the configuration has mistakes, so the one before stays in use",
            mistakes,
        )),
    }
}

async fn pause(State(state): State<SharedState>, request: Request) -> ApiResult<ChangeView> {
    let link = read_link(request).await?;
    Ok(changed(in_time(state.bridge.control.pause(&link)).await?))
}

async fn resume(State(state): State<SharedState>, request: Request) -> ApiResult<ChangeView> {
    let link = read_link(request).await?;
    Ok(changed(in_time(state.bridge.control.resume(&link)).await?))
}

async fn retry(State(state): State<SharedState>, request: Request) -> ApiResult<ChangeView> {
    let link = read_link(request).await?;
    Ok(changed(in_time(state.bridge.control.retry(&link)).await?))
}

async fn catch_up(State(state): State<SharedState>, request: Request) -> ApiResult<CatchUpView> {
    let example = r##"{"link":"#tea","from":"2026-11-22T10:00:00Z"}"##;
    let body: CatchUpRequestBody = body::read(request, example).await?;
    let answer = in_time(state.bridge.control.catch_up(body.request(Timestamp::now()))).await?;
    Ok(Json(CatchUpView::new(&answer, body.dry_run)))
}

async fn get_queue(
    State(state): State<SharedState>,
    query: Result<Query<QueueQuery>, axum::extract::rejection::QueryRejection>,
) -> ApiResult<QueueView> {
    let Query(query) = query.map_err(|_| {
        let words = "name the link, with # as %23: /api/v1/links/queue?link=%23tea&limit=100";
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })?;
    let (link, limit) = (LinkName::new(&query.link), query.limit.unwrap_or(DEFAULT_QUEUE_LIMIT));
    let page = in_time(state.bridge.control.queue(&link, limit)).await?;
    Ok(Json(QueueView::new(&page)))
}

async fn drop_queued(State(state): State<SharedState>, request: Request) -> ApiResult<DroppedView> {
    let body: DropRequestBody = body::read(request, r##"{"link":"#tea","id":17}"##).await?;
    let link = LinkName::new(&body.link);
    let dropped = in_time(state.bridge.control.drop_queued(&link, DeliveryId(body.id))).await?;
    Ok(Json(DroppedView::new(&dropped)))
}

async fn get_log_level(State(state): State<SharedState>) -> Json<LogLevelView> {
    Json(LogLevelView { level: state.bridge.log_level.level() })
}

async fn set_log_level(
    State(state): State<SharedState>,
    request: Request,
) -> ApiResult<LogLevelView> {
    let wanted: LogLevelView = body::read(request, r#"{"level":"debug"}"#).await?;
    let log_level = &state.bridge.log_level;
    log_level
        .set_level(wanted.level.trim())
        .map_err(|words| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, words))?;
    tracing::info!(level = log_level.level(), "the administrator has set what is logged");
    Ok(Json(LogLevelView { level: log_level.level() }))
}

async fn get_people(State(state): State<SharedState>) -> ApiResult<Vec<PersonView>> {
    let people = state.people().await;
    people.map(Json).map_err(|error| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the database cannot be read ({error})"),
        )
    })
}

async fn unlink(State(state): State<SharedState>, request: Request) -> ApiResult<UnlinkedView> {
    let who: UnlinkRequestBody = body::read(request, r#"{"nick":"ann"}"#).await?;
    let ended = in_time(state.bridge.control.unlink(who.into())).await?;
    Ok(Json(UnlinkedView { ended: ended.iter().map(EndedLinkView::new).collect() }))
}

async fn read_link(request: Request) -> Result<LinkName, ApiError> {
    let body: LinkRequestBody = body::read(request, r##"{"link":"#tea"}"##).await?;
    Ok(LinkName::new(&body.link))
}

fn changed(change: LinkChange) -> Json<ChangeView> {
    Json(ChangeView { link: LinkRefView::new(&change.link), changed: change.is_new })
}

/// Waits for the engine, and puts its refusal in words.
pub(super) async fn in_time<T>(
    work: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ApiError> {
    let Ok(answer) = time::timeout(ENGINE_TIMEOUT, work).await else {
        let words = "the bridge does not answer: if the disk is full, it does what was asked as soon \
                     as there is room";
        return Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, words));
    };
    answer.map_err(|error| {
        let status = match error {
            ControlError::Stopping | ControlError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ControlError::UnknownLink { .. }
            | ControlError::UnknownNick(_)
            | ControlError::NoPuppetLogin(_)
            | ControlError::NotWaiting { .. } => StatusCode::NOT_FOUND,
            ControlError::NotActive
            | ControlError::AmbiguousLink { .. }
            | ControlError::AlreadySent { .. }
            | ControlError::NotMirrored { .. } => StatusCode::CONFLICT,
        };
        ApiError::new(status, error.to_string())
    })
}
