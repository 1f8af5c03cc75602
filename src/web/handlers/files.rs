//! Serves the files of Let's Chat.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::{head, header_value, send};
use super::error_page::{ErrorPage, error_response};
use super::{AppState, FILE_CSP, check_link};
use crate::domain::LinkTarget;
use crate::web::content_type;

/// The policy of PDFs: a sandbox would keep browsers from using their PDF viewer.
const PDF_CSP: &str = "default-src 'none'; object-src 'self'; \
    style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn get_file(
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
    let known = head(&file, false).await?;
    // A range needs a known length.
    let length = match known.length {
        None if wanted.is_some() => head(&file, true).await?.length,
        length => length,
    };
    let kind = content_type::for_upload(&known.content_type);
    let policy = if kind.content_type == "application/pdf" { PDF_CSP } else { FILE_CSP };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, kind.content_type)
        .header(header::CONTENT_DISPOSITION, content_type::content_disposition(kind.inline, name))
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::ETAG, tag);
    Ok(send(response, file, length, wanted))
}
