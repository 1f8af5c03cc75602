//! Authentication: the token as a bearer's, or as the user name of Basic; or the session of a browser.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};

use super::responses::{self, Refusal};
use super::session;
use crate::letschat::id::Id;
use crate::letschat::shared::Shared;
use crate::letschat::state::login::Visitor;
use crate::letschat::state::token::TokenCheck;

/// How a token was given, for the word of the refusal.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Bearer,
    Basic,
}

/// The account that asks, or the response that rejects it.
pub(super) async fn authenticate(shared: &Shared, headers: &HeaderMap) -> Result<Id, Refusal> {
    let visitor = shared.state().logins.visitor(session::cookies(headers));
    if let Visitor::SignedIn(who) = visitor {
        return Ok(who);
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let parts: Vec<&str> = given.unwrap_or_default().split(' ').collect();
    let (scheme, token) = match parts[..] {
        [scheme, token] if scheme.eq_ignore_ascii_case("bearer") => {
            (Scheme::Bearer, token.to_owned())
        }
        [scheme, both] if scheme.eq_ignore_ascii_case("basic") => (Scheme::Basic, user_name(both)?),
        _ => return Err(responses::plain(StatusCode::UNAUTHORIZED).into()),
    };
    shared.wait_for_token_check().await;
    match shared.state().check_token(&token) {
        TokenCheck::Valid(who) => Ok(who),
        TokenCheck::Wrong => Err(refused(scheme, Body::from("Unauthorized")).into()),
        TokenCheck::Malformed => Err(refused(scheme, cut_short()).into()),
        TokenCheck::Broken => {
            let error = "Error: Illegal arguments: string, undefined";
            Err(responses::error(StatusCode::INTERNAL_SERVER_ERROR, error).into())
        }
    }
}

/// The user name of Basic's `name:password`. Both must be there; the password may be anything.
fn user_name(both: &str) -> Result<String, Refusal> {
    let decoded = STANDARD.decode(both).unwrap_or_default();
    match String::from_utf8_lossy(&decoded).split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => Ok(name.to_owned()),
        Some(_) => Err(refused(Scheme::Basic, Body::from("Unauthorized")).into()),
        None => {
            let response = Response::builder().status(StatusCode::BAD_REQUEST);
            Err(respond(response, Body::from("Bad Request")).into())
        }
    }
}

fn refused(scheme: Scheme, body: Body) -> Response {
    let challenge = match scheme {
        Scheme::Bearer => r#"Bearer realm="Users", error="invalid_token""#,
        Scheme::Basic => r#"Basic realm="Users""#,
    };
    let response = Response::builder()
        .status(StatusCode::UNAUTHORIZED)
        .header(header::WWW_AUTHENTICATE, challenge);
    respond(response, body)
}

fn respond(response: axum::http::response::Builder, body: Body) -> Response {
    response.body(body).expect("the headers are fixed")
}

/// "Unauthorized", and then the connection ends before the body does: the real server notices the
/// form of the token, answers, goes on, and fails when it would answer again.
fn cut_short() -> Body {
    let word = stream::iter([Ok("Unauthorized")]);
    let end = stream::once(async {
        // Lets what has been said go out first.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(word.chain(end))
}
