//! Responses other than a handler's: reason phrases, and pages of HTML.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A response that ends a request early.
pub(super) type Refusal = Box<Response>;

/// The reason phrase as plain text.
pub(super) fn plain(status: StatusCode) -> Response {
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    let phrase = status.canonical_reason().unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], phrase).into_response()
}

/// JSON.
pub(super) fn json(status: StatusCode, json: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response()
}

/// The page that Express makes of an error. The real one goes on with a stack.
pub(super) fn error(status: StatusCode, error: &str) -> Response {
    let error = error.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n\
         <body>\n<pre>{error}<br> &nbsp; &nbsp;at handler</pre>\n</body>\n</html>\n"
    );
    html(status, page)
}

/// The page of a reverse proxy whose server does not answer, or answers badly.
pub(super) fn proxy_error(status: StatusCode) -> Response {
    html(
        status,
        format!(
            "<html>\n<head><title>{status}</title></head>\n<body>\n<h1>{status}</h1>\n</body>\n</html>\n"
        ),
    )
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}
