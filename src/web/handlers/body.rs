//! Sends the contents of files and pages, or the part of them that was asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::response;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use tokio::time;

use super::error_page::ErrorPage;
use crate::web::cache::{FileHead, PartialFile};
use crate::web::range;
use crate::web::range::ByteRange;

/// Time limit for a file to start arriving.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Waits for the file's type and length.
pub(super) async fn head(file: &PartialFile, whole: bool) -> Result<FileHead, ErrorPage> {
    Ok(time::timeout(FETCH_TIMEOUT, file.head(whole)).await.map_err(|_| ErrorPage::Busy)??)
}

/// Streams the range `wanted` of `file` at the reader's pace.
pub(super) fn send(
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

pub(super) fn header_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
