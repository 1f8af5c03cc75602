//! Reads the JSON that is sent to the API.

use std::time::Duration;

use axum::body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time;

use super::answer::ApiError;

/// Maximum length, in bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// How long it may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Reads the JSON of a request. `example` shows how it looks.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request,
    example: &str,
) -> Result<T, ApiError> {
    let body = body::to_bytes(request.into_body(), MAX_LENGTH);
    let body = time::timeout(TIMEOUT, body)
        .await
        .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the request took too long"))?
        .map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long"))?;
    serde_json::from_slice(&body).map_err(|error| {
        let words = format!("this is not what is expected ({error}): send JSON like {example}");
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })
}
