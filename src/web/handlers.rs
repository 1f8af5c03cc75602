//! Request handlers: files, long messages, and error pages.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::response;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use tokio::{task, time};

use super::cache::{FetchError, FileCache, FileHead, Key, PartialFile};
use super::client_ip;
use super::content_type;
use super::held;
use super::html;
use super::listener::PeerAddr;
use super::range;
use super::range::ByteRange;
use super::rate_limit::RateLimiter;
use crate::config::WebSettings;
use crate::domain::{LinkTarget, PasteId};
use crate::store::{Paste, PublicReader, StoreError};
use crate::translate::{PublicLinks, plain};

/// Time limit for a file to start arriving.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// The content security policy of files, which allows only viewing.
const FILE_CSP: &str = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; \
    style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The policy of PDFs: a sandbox would keep browsers from using their PDF viewer.
const PDF_CSP: &str = "default-src 'none'; object-src 'self'; \
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

/// The routes.
pub(super) fn router(state: Arc<AppState>) -> Router {
    let routes = Router::new()
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
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response()
        })
        .layer(middleware::from_fn_with_state(state.clone(), rate_limit_middleware))
        .with_state(state)
}

/// Why a request is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorPage {
    NotFound,
    Expired,
    Revoked,
    Pruned,
    TooLarge,
    UpstreamUnreachable,
    Busy,
    RateLimited(Duration),
}

fn error_response(refusal: ErrorPage) -> Response {
    let (status, title, words) = match refusal {
        ErrorPage::NotFound => (
            StatusCode::NOT_FOUND,
            "Not found",
            "This is not a link of this bridge, or it is incomplete.",
        ),
        ErrorPage::Expired => (
            StatusCode::GONE,
            "This link has expired",
            "Ask the sender to post it again in the room.",
        ),
        ErrorPage::Revoked => (
            StatusCode::GONE,
            "This link was revoked",
            "The bridge's administrator has disabled it.",
        ),
        ErrorPage::Pruned => (
            StatusCode::GONE,
            "Message deleted",
            "The bridge keeps messages for a limited time, and this one is too old.",
        ),
        ErrorPage::TooLarge => (
            StatusCode::FORBIDDEN,
            "File too large",
            "The bridge does not serve files of this size. Open it in Let's Chat instead.",
        ),
        ErrorPage::UpstreamUnreachable => (
            StatusCode::BAD_GATEWAY,
            "Let's Chat is not responding",
            "The file cannot be fetched from Let's Chat at the moment. Try again later.",
        ),
        ErrorPage::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Server busy",
            "Too many downloads are in progress. Try again in a minute.",
        ),
        ErrorPage::RateLimited(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            "You have reached the request limit. Try again in a moment.",
        ),
    };
    let mut response = html_response(html::message_page(title, words));
    *response.status_mut() = status;
    let wait = match refusal {
        ErrorPage::RateLimited(wait) => Some(wait.as_secs().max(1)),
        ErrorPage::Busy | ErrorPage::UpstreamUnreachable => Some(60),
        _ => None,
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, wait.into());
    }
    response
}

impl From<FetchError> for ErrorPage {
    fn from(failure: FetchError) -> Self {
        match failure {
            FetchError::NotFound => Self::NotFound,
            FetchError::TooLarge => Self::TooLarge,
            FetchError::Unreachable => Self::UpstreamUnreachable,
            FetchError::NoCapacity => Self::Busy,
        }
    }
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
    let lasts = SignedDuration::try_from(state.settings.link_expiry).unwrap_or(SignedDuration::MAX);
    made.saturating_add(lasts).unwrap_or(Timestamp::MAX)
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

async fn get_file(
    State(state): State<Arc<AppState>>,
    Path((signed, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    send_file(&state, &signed, &name, &headers).await.unwrap_or_else(error_response)
}

async fn send_file(
    state: &AppState,
    signed: &str,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response, ErrorPage> {
    let (id, made) = state.links.verify_file_link(signed, name).ok_or(ErrorPage::NotFound)?;
    check_link(state, LinkTarget::File(id), made).await?;
    // The contents of an id never change on Let's Chat.
    let tag = format!("\"{id}\"");
    if header_value(headers, header::IF_NONE_MATCH)
        .is_some_and(|known| known == "*" || known.contains(&tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let file = state.cache.get(id, Instant::now())?;
    let wanted = header_value(headers, header::RANGE)
        .filter(|_| header_value(headers, header::IF_RANGE).is_none_or(|known| known == tag));
    let head = head(&file, false).await?;
    // A range needs a known length.
    let length = match head.length {
        None if wanted.is_some() => crate::web::handlers::head(&file, true).await?.length,
        known => known,
    };
    let kind = content_type::for_upload(&head.content_type);
    let policy = if kind.content_type == "application/pdf" { PDF_CSP } else { FILE_CSP };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, kind.content_type)
        .header(header::CONTENT_DISPOSITION, content_type::content_disposition(kind.inline, name))
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::ETAG, tag);
    Ok(send(response, file, length, wanted))
}

/// Waits for the file's type and length.
async fn head(file: &PartialFile, whole: bool) -> Result<FileHead, ErrorPage> {
    Ok(time::timeout(FETCH_TIMEOUT, file.head(whole)).await.map_err(|_| ErrorPage::Busy)??)
}

/// Streams the range `wanted` of `file` at the reader's pace.
fn send(
    mut response: response::Builder,
    file: Arc<PartialFile>,
    length: Option<u64>,
    wanted: Option<&str>,
) -> Response {
    let part = length.map_or(ByteRange::Whole, |length| range::requested_range(wanted, length));
    response = response.header(header::ACCEPT_RANGES, "bytes");
    let all = length.map_or_else(|| "*".to_owned(), |length| length.to_string());
    let (first, end) = match part {
        ByteRange::Whole => (0, length),
        ByteRange::Partial(first, last) => {
            response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{all}"));
            (first, Some(last + 1))
        }
        ByteRange::Unsatisfiable => {
            response = response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{all}"));
            (0, Some(0))
        }
    };
    if let Some(end) = end {
        response = response.header(header::CONTENT_LENGTH, end - first);
    }
    let body = Body::from_stream(file.read_range(first, end));
    response.body(body).expect("all header values are valid")
}

/// Answers the self-test, which the bridge sends to itself through all proxies.
async fn get_self_test(
    State(state): State<Arc<AppState>>,
    Path(question): Path<String>,
) -> Response {
    let (_, answer) = state.links.challenge(&question);
    ([(header::CONTENT_TYPE, "text/plain")], answer).into_response()
}

async fn get_paste(
    State(state): State<Arc<AppState>>,
    Path(signed): Path<String>,
    headers: HeaderMap,
) -> Response {
    send_page(&state, &signed, &headers).await.unwrap_or_else(error_response)
}

async fn send_page(
    state: &AppState,
    signed: &str,
    headers: &HeaderMap,
) -> Result<Response, ErrorPage> {
    let (id, made) = find_paste(state, signed).await?;
    let (raw, expires) = (format!("{signed}/raw"), expires_at(state, made));
    let make = move |paste: Paste| html::paste_page(&paste, &raw, expires);
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, html::CSP.as_str());
    send_text(state, Key::Page(id, made), id, make, response, headers).await
}

async fn get_raw_paste(
    State(state): State<Arc<AppState>>,
    Path(signed): Path<String>,
    headers: HeaderMap,
) -> Response {
    send_raw(&state, &signed, &headers).await.unwrap_or_else(error_response)
}

async fn send_raw(
    state: &AppState,
    signed: &str,
    headers: &HeaderMap,
) -> Result<Response, ErrorPage> {
    let (id, _) = find_paste(state, signed).await?;
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, FILE_CSP);
    send_text(
        state,
        Key::Text(id),
        id,
        |paste| match plain(&paste.message.body) {
            Cow::Owned(text) => text,
            // Unchanged, so not copied.
            Cow::Borrowed(_) => paste.message.body,
        },
        response,
        headers,
    )
    .await
}

/// Sends the text that `make` creates from a message. It is in memory only once, however many read it.
async fn send_text(
    state: &AppState,
    key: Key,
    id: PasteId,
    make: impl FnOnce(Paste) -> String + Send + 'static,
    response: response::Builder,
    headers: &HeaderMap,
) -> Result<Response, ErrorPage> {
    let reader = state.public_reader.clone();
    let made = move || {
        let found = reader.lock().unwrap_or_else(PoisonError::into_inner).find_paste(id);
        match found {
            Ok(Some(paste)) => Ok(make(paste)),
            Ok(None) => Err(FetchError::NotFound),
            Err(error) => {
                tracing::error!(%error, "cannot read the database for the web server");
                Err(FetchError::NoCapacity)
            }
        }
    };
    let file = state.cache.text(key, Instant::now(), made)?;
    let head = head(&file, false).await.map_err(|reason| match reason {
        ErrorPage::NotFound => ErrorPage::Pruned,
        other => other,
    })?;
    // No validator distinguishes versions, so ranges cannot be combined.
    let wanted =
        header_value(headers, header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
    Ok(send(response, file, head.length, wanted))
}

/// Verifies a link; returns the message and the link's time of creation.
async fn find_paste(state: &AppState, signed: &str) -> Result<(PasteId, Timestamp), ErrorPage> {
    let (id, made) = state.links.verify_paste_link(signed).ok_or(ErrorPage::NotFound)?;
    check_link(state, LinkTarget::Paste(id), made).await?;
    Ok((id, made))
}

fn html_response(page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, html::CSP.as_str()),
    ];
    (headers, page).into_response()
}

fn header_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
