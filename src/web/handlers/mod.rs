//! Request handlers: files, long messages, and error pages.

mod body;
mod error_page;
mod files;
mod pastes;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use tokio::task;

use self::error_page::{ErrorPage, error_response};
use self::files::get_file;
use self::pastes::{get_paste, get_raw_paste};
use super::cache::FileCache;
use super::client_ip;
use super::held;
use super::listener::PeerAddr;
use super::rate_limit::RateLimiter;
use crate::config::WebSettings;
use crate::domain::LinkTarget;
use crate::store::{PublicReader, StoreError};
use crate::translate::PublicLinks;

/// The content security policy of files, which allows only viewing.
const FILE_CSP: &str = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; \
    style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every response.
const COMMON_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Always revalidated, which is cheap if unchanged, because a link can be revoked.
    (header::CACHE_CONTROL, "private, no-cache"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Shared state of all handlers.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) settings: WebSettings,
    pub(super) links: PublicLinks,
    pub(super) cache: Arc<FileCache>,
    pub(super) rate_limiter: Arc<RateLimiter>,
    pub(super) public_reader: Arc<Mutex<PublicReader>>,
}

/// The routes, with `more` beside those for public links.
pub(super) fn router(state: Arc<AppState>, more: Router<Arc<AppState>>) -> Router {
    let routes = more
        .route("/f/{signed}/{name}", get(get_file))
        .route("/up/{question}", get(get_self_test))
        .route("/p/{signed}", get(get_paste))
        .route("/p/{signed}/raw", get(get_raw_paste));
    let prefix = state.settings.public_url.path().trim_end_matches('/').to_owned();
    // A reverse proxy may or may not strip the path of `public_url`.
    let routes = match prefix.as_str() {
        "" => routes,
        prefix => Router::new().nest(prefix, routes.clone()).merge(routes),
    };
    routes
        .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
        .fallback(|| async { error_response(ErrorPage::NotFound) })
        // Each route adds which methods it allows.
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(middleware::from_fn_with_state(state.clone(), rate_limit_middleware))
        .with_state(state)
}

/// Applies the rate limits, and adds the common headers.
async fn rate_limit_middleware(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<PeerAddr>().map(|PeerAddr(peer)| *peer);
    let Some(peer) = peer else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let address = client_ip::from_headers(peer, request.headers(), &state.settings.trusted_proxies);
    let mut response = match state.rate_limiter.acquire(address, Instant::now()) {
        Ok(leave) => held::holding(next.run(request).await, leave),
        Err(wait) => error_response(ErrorPage::RateLimited(wait)),
    };
    tracing::debug!(client = %address, status = response.status().as_u16(), "request handled");
    for (name, value) in COMMON_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Checks that a link created at `made` is still valid.
async fn check_link(
    state: &AppState,
    target: LinkTarget,
    made: Timestamp,
) -> Result<(), ErrorPage> {
    if Timestamp::now() > expires_at(state, made) {
        return Err(ErrorPage::Expired);
    }
    match query_store(state, move |reader| reader.is_revoked(target, made)).await? {
        true => Err(ErrorPage::Revoked),
        false => Ok(()),
    }
}

/// When a link created at `made` expires.
fn expires_at(state: &AppState, made: Timestamp) -> Timestamp {
    let lifetime =
        SignedDuration::try_from(state.settings.link_expiry).unwrap_or(SignedDuration::MAX);
    made.saturating_add(lifetime).unwrap_or(Timestamp::MAX)
}

/// Queries the store, which blocks, on another thread.
async fn query_store<T: Send + 'static>(
    state: &AppState,
    ask: impl FnOnce(&PublicReader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ErrorPage> {
    let reader = state.public_reader.clone();
    let answer =
        task::spawn_blocking(move || ask(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
    match answer.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(%error, "cannot read the database for the web server");
            Err(ErrorPage::Busy)
        }
        Err(_) => Err(ErrorPage::Busy),
    }
}

/// Answers the self-test, which the bridge sends to itself through all proxies.
async fn get_self_test(
    State(state): State<Arc<AppState>>,
    Path(question): Path<String>,
) -> Response {
    let (_, answer) = state.links.challenge(&question);
    ([(header::CONTENT_TYPE, "text/plain")], answer).into_response()
}
