//! Sessions of browsers: how they begin and end, and the cookie that everybody is given who has none.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::responses;
use crate::letschat::handlers::{self, Call, Outcome};
use crate::letschat::shared::Shared;
use crate::letschat::state::login::{Refused, Visitor};

/// The cookies of a request.
pub(super) fn cookies(headers: &HeaderMap) -> &str {
    headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default()
}

/// The answer to the login page.
pub(super) fn sign_in(shared: &Shared, params: &Map<String, Value>, cookies: &str) -> Response {
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    let Some(username) = text("username") else {
        let error = "TypeError: Cannot read property 'toLowerCase' of undefined";
        return responses::error(StatusCode::INTERNAL_SERVER_ERROR, error);
    };
    let password = text("password").unwrap_or_default();
    let outcome = shared.state().sign_in(username, password, cookies);
    let (status, word, message) = match &outcome {
        Ok(_) => (StatusCode::OK, "success", "Logging you in..."),
        Err(Refused::Wrong) => (StatusCode::UNAUTHORIZED, "error", "Incorrect login credentials."),
        Err(Refused::Locked) => (StatusCode::FORBIDDEN, "error", "Account is locked."),
    };
    let body = json!({"status": word, "message": message});
    let mut response = responses::json(status, body.to_string());
    if let Ok(cookie) = outcome {
        set_cookie(&mut response, &cookie);
    }
    response
}

/// The answer to the registration page.
pub(super) fn register(shared: &Shared, params: Map<String, Value>, cookies: &str) -> Response {
    let nobody = "0".repeat(24).into();
    let call = Call { account_id: nobody, socket: None, data: Value::Object(params), file: None };
    let mut state = shared.state();
    let outcome = match state.logins.visitor(cookies) {
        Visitor::SignedIn(_) => handlers::not_permitted(),
        Visitor::Anonymous | Visitor::Stranger => handlers::register(&mut state, &call),
    };
    match outcome {
        Outcome::Answer(reply, _) => responses::json(reply.status, reply.json.unwrap_or_default()),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Ends the session, if there is one, and shows the way to the login page.
pub(super) fn sign_out(shared: &Shared, cookies: &str) -> Response {
    {
        let mut state = shared.state();
        state.logins.end(cookies);
        state.notify_changed();
    }
    let headers =
        [(header::LOCATION, "/login"), (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::FOUND, headers, "Found. Redirecting to /login").into_response()
}

/// Whoever came without a session takes one along.
pub(super) fn give_session(shared: &Shared, cookies: &str, response: &mut Response) {
    let mut state = shared.state();
    let is_new = state.logins.visitor(cookies) == Visitor::Stranger;
    if is_new && !response.headers().contains_key(header::SET_COOKIE) {
        let cookie = state.logins.begin_anonymous();
        set_cookie(response, &cookie);
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    let cookie = format!("connect.sid={cookie}; Path=/; HttpOnly");
    let cookie = HeaderValue::from_str(&cookie).expect("a cookie is letters and percent signs");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
}
