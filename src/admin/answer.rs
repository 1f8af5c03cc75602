//! Answers of the API: JSON, and errors in words.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Why the API refuses a request. Written as `{"error": "…"}`.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    body: ErrorView,
}

/// An error as the API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// What is wrong and what would do, in one sentence.
    pub error: String,
    /// The mistakes of a configuration that was not accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, body: ErrorView { error: words.into(), mistakes: Vec::new() } }
    }

    /// The configuration has these mistakes.
    pub(super) fn mistakes(words: &str, mistakes: Vec<String>) -> Self {
        let body = ErrorView { error: words.to_owned(), mistakes };
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
