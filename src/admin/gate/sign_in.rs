//! Where a browser signs in with the token, and signs out.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::time;
use url::form_urlencoded;

use super::credential::ShownCredential;
use super::sessions::{COOKIE, MAX_AGE};
use super::{Gate, Identified};
use crate::admin::answer::ApiError;
use crate::web::{PeerAddr, html_page};

/// The path of the form.
pub(super) const PATH: &str = "/sign-in";

/// Where the status page is, from the form.
const HOME: &str = "./";

/// Maximum length of the form, in bytes.
const MAX_FORM_LENGTH: usize = 8 * 1024;

/// How long the form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(20);

const STYLE: &str = "\
:root{color-scheme:light dark}\
*{box-sizing:border-box}\
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}\
main{max-width:26rem;margin:14vh auto 0;padding:0 1.2rem}\
h1{font-size:1.2rem}\
label{display:block;font-weight:600}\
input,button{font:inherit;width:100%;padding:.55rem .7rem;margin-top:.4rem;border:1px solid GrayText;border-radius:.4rem}\
button{margin-top:1rem;cursor:pointer;font-weight:600}\
.wrong{border-left:.25rem solid #c62828;padding-left:.7rem}";

/// The content security policy of the form: only its one style sheet, by its hash.
static CSP: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
});

/// The routes to sign in and out.
pub(super) fn routes(gate: Arc<Gate>) -> Router {
    Router::new()
        .route(PATH, get(show_form).post(sign_in))
        .route("/api/v1/sign-out", post(sign_out))
        .with_state(gate)
}

async fn show_form(State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    match gate.identify(&headers) {
        Identified::May(_) => go_to(HOME),
        _ => form_page(StatusCode::OK, None),
    }
}

/// Sets the cookie, if the token is right.
async fn sign_in(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let token = match read_token(&parts.headers, body).await {
        Ok(token) => token,
        Err(error) => return error.into_response(),
    };
    let Some(right) = gate.rules().token else { return go_to(HOME) };
    if !gate.key.matches(&token, &right) {
        let peer = parts.extensions.get::<PeerAddr>().map(|PeerAddr(peer)| *peer);
        let refused = gate.wrong_tokens.refuse(peer).await;
        let words = match refused.status() {
            StatusCode::TOO_MANY_REQUESTS => "Too many wrong tokens: wait a minute.",
            _ => "This is not the token of [admin] in bridge.toml.",
        };
        return form_page(refused.status(), Some(words));
    }
    let session = gate.sessions.begin(Instant::now()).ok();
    let cookie = session.and_then(|id| cookie(&id, MAX_AGE, is_behind_tls(&parts.headers)));
    let Some(cookie) = cookie else {
        let words = "the system has no random numbers";
        return ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, words).into_response();
    };
    tracing::info!("a browser has signed in to the administrator's page");
    ([(header::SET_COOKIE, cookie)], go_to(HOME)).into_response()
}

/// Ends the session of the browser that asks.
async fn sign_out(State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    if let ShownCredential::Session(id) = ShownCredential::of(&headers) {
        gate.sessions.end(&id);
    }
    match cookie("", Duration::ZERO, is_behind_tls(&headers)) {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The token in the form.
async fn read_token(headers: &HeaderMap, body: Body) -> Result<SecretString, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is not the form"));
    }
    let body = time::timeout(FORM_TIMEOUT, body::to_bytes(body, MAX_FORM_LENGTH)).await;
    let body = body
        .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the form took too long"))?
        .map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long"))?;
    let field = form_urlencoded::parse(&body).find(|(name, _)| name == "token");
    Ok(field.map(|(_, token)| token.trim().to_owned()).unwrap_or_default().into())
}

/// Whether the browser reaches us through a proxy with TLS: then its cookie is sent only that way.
fn is_behind_tls(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn cookie(id: &str, age: Duration, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let age = age.as_secs();
    let text = format!("{COOKIE}={id}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

/// Sends the browser to another page, which may be below a path that a proxy adds.
pub(super) fn go_to(relative: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, relative)]).into_response()
}

fn form_page(status: StatusCode, wrong: Option<&str>) -> Response {
    let page = html_page("letsbridge: sign in", STYLE, None, &form(wrong));
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &CSP),
        // With "no-referrer", browsers hide the origin of a form even from its own site, and it would be refused.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, page).into_response()
}

fn form(wrong: Option<&str>) -> Markup {
    html! {
        main {
            h1 { "letsbridge" }
            @if let Some(words) = wrong { p.wrong role="alert" { (words) } }
            form method="post" action="sign-in" {
                label for="token" { "Token" }
                input #token name="token" type="password" autocomplete="current-password" required autofocus;
                button type="submit" { "Sign in" }
            }
            p { "It is the token of [admin] in bridge.toml." }
        }
    }
}
