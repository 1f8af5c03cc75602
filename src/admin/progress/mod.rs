//! How far people have moved from IRC to Let's Chat: `GET /api/v1/progress` as JSON, `GET /progress` as a page.

mod chart;
mod page;

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use tokio::task;
use tokio::time::Instant;
use url::form_urlencoded;

use super::answer::ApiError;
use super::state::{AdminState, KeptProgress, SharedState};
use crate::bridge::{LinkReport, LinkState};
use crate::domain::{LinkId, LinkName};
use crate::service::progress::{
    AskingProgram, DEFAULT_WEEKS, ProgressError, ProgressQuestion, ProgressReport, WEEKS,
};

pub use page::progress_file;

/// The path in the API.
pub const PROGRESS_PATH: &str = "/api/v1/progress";

/// For how long the page shows what was counted once.
const PAGE_AGE: Duration = Duration::from_secs(60);

/// The routes.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route(PROGRESS_PATH, get(get_progress)).route("/progress", get(get_page))
}

/// Counted anew each time.
async fn get_progress(
    State(state): State<SharedState>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProgressReport>, ApiError> {
    let (weeks, links) = read_query(query.as_deref().unwrap_or_default())?;
    // One after the other, however many ask.
    let _turn = state.progress.lock().await;
    Ok(Json(state.count_progress(weeks, links).await?))
}

/// Counted once a minute.
async fn get_page(
    State(state): State<SharedState>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (weeks, links) = read_query(query.as_deref().unwrap_or_default())?;
    if let Some(link) = links.first() {
        let words = format!("the page shows all links: leave out link={link}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, words));
    }
    let mut kept = state.progress.lock().await;
    let is_good = |it: &KeptProgress| it.weeks == weeks && it.at.elapsed() < PAGE_AGE;
    if !kept.as_ref().is_some_and(is_good) {
        let report = state.count_progress(weeks, Vec::new()).await?;
        *kept = Some(KeptProgress { weeks, report, at: Instant::now() });
    }
    let html = kept.as_ref().map(|kept| page::status_page(&kept.report)).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &*page::CSP),
    ];
    Ok((headers, html).into_response())
}

/// How many weeks, and which links: `weeks=26&link=%23tea&link=dev`.
fn read_query(query: &str) -> Result<(u32, Vec<LinkName>), ApiError> {
    let wrong = || {
        let (least, most) = (WEEKS.start(), WEEKS.end());
        let words = format!(
            "name weeks from {least} to {most}, and links, with # as %23: {PROGRESS_PATH}?weeks=26&link=%23tea"
        );
        ApiError::new(StatusCode::BAD_REQUEST, words)
    };
    let (mut weeks, mut links) = (DEFAULT_WEEKS, Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "weeks" => {
                weeks = value.parse().ok().filter(|it| WEEKS.contains(it)).ok_or_else(wrong)?;
            }
            "link" => links.push(LinkName::new(&value)),
            _ => return Err(wrong()),
        }
    }
    Ok((weeks, links))
}

impl AdminState {
    /// Counts in a thread of its own, which the bridge does not wait for.
    async fn count_progress(
        &self,
        weeks: u32,
        links: Vec<LinkName>,
    ) -> Result<ProgressReport, ApiError> {
        let known = self.report().await;
        let troubles = known.report.links.iter().filter_map(trouble).collect();
        let now = Timestamp::now();
        let question = ProgressQuestion { weeks, links, now, troubles: Some(troubles) };
        let reader = self.bridge.progress.clone();
        let counted =
            task::spawn_blocking(move || reader.read(&question, AskingProgram::Bridge)).await;
        let stopping = || ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the bridge is stopping");
        counted.map_err(|_| stopping())?.map_err(|error| match error {
            ProgressError::UnknownLink { .. } => {
                ApiError::new(StatusCode::NOT_FOUND, error.to_string())
            }
            ProgressError::Store(error) => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the database cannot be read ({error})"),
            ),
        })
    }
}

/// Why a link does not work, if it does not.
fn trouble(link: &LinkReport) -> Option<(LinkId, String)> {
    let words = match link.state {
        LinkState::Up | LinkState::Leaving => return None,
        LinkState::Down => "one of its ends is not joined",
        LinkState::Full => "too much waits, so it takes no more messages",
        LinkState::Paused => "an administrator has paused it",
    };
    let words = link.problem.as_deref().unwrap_or(words);
    Some((link.link.clone(), words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_names_weeks_and_links() {
        for (query, weeks, links) in [
            ("", 12, vec![]),
            ("weeks=4", 4, vec![]),
            ("link=%23tea&weeks=260&link=libera%2F%23a+b", 260, vec!["#tea", "libera/#a b"]),
        ] {
            let links: Vec<_> = links.into_iter().map(LinkName::new).collect();
            assert_eq!(read_query(query).expect(query), (weeks, links), "{query}");
        }
        for query in ["weeks=3", "weeks=261", "weeks=", "weeks=-4", "week=4", "x"] {
            let error = read_query(query).expect_err(query);
            assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{query}");
        }
    }
}
