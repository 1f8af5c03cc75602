//! Serves long messages, as pages and as plain text.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::response;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::Timestamp;

use super::body::{head, header_value, send};
use super::error_page::{ErrorPage, error_response};
use super::{AppState, FILE_CSP, check_link, expires_at};
use crate::domain::{LinkTarget, PasteId};
use crate::store::Paste;
use crate::translate::plain;
use crate::web::cache::{FetchError, Key};
use crate::web::html;

pub(super) async fn get_paste(
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
    let raw = format!("{signed}/raw");
    let expires = expires_at(state, made);
    let make = move |paste: Paste| html::paste_page(&paste, &raw, expires);
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, html::CSP.as_str());
    send_text(state, Key::Page(id, made), id, make, response, headers).await
}

pub(super) async fn get_raw_paste(
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
