//! The pages that say why a request is not fulfilled.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::cache::FetchError;
use crate::web::html;

/// Why a request is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorPage {
    NotFound,
    Expired,
    Revoked,
    Pruned,
    TooLarge,
    UpstreamUnreachable,
    Busy,
    RateLimited(Duration),
}

pub(super) fn error_response(page: ErrorPage) -> Response {
    let (status, title, text) = match page {
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
    let mut response = html_response(html::message_page(title, text));
    *response.status_mut() = status;
    let wait = match page {
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

fn html_response(page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, html::CSP.as_str()),
    ];
    (headers, page).into_response()
}
