//! Signs visitors of the page in to the demo's Let's Chat: its login page is elsewhere, and so the page cannot read what
//! it answers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::servers::DemoServers;
use crate::config::TlsTrust;
use crate::domain::Secret;
use crate::net::rest::{Credential, RestAccount, RestServer, SignInError};
use crate::net::tls;

const NO_ANSWER: &str = "Let’s Chat does not answer. Try again when it is back.";

/// What somebody types.
#[derive(Deserialize)]
struct TypedLogin {
    username: String,
    password: String,
}

/// Passes the password on to Let's Chat. The answer is the account, and the cookie of its session, which browsers send
/// to all ports of this machine; or why there is none, in words for the visitor.
pub(super) async fn sign_in(servers: &DemoServers, typed: &str) -> Response {
    let Ok(typed) = serde_json::from_str(typed) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match ask(servers, typed).await {
        Ok((account, cookie)) => {
            let RestAccount { id, username, display_name } = account;
            let account = json!({"id": id, "username": username, "displayName": display_name});
            let headers = [
                (header::SET_COOKIE, cookie),
                (header::CACHE_CONTROL, no_store()),
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ];
            (headers, account.to_string()).into_response()
        }
        Err((status, words)) => {
            (status, [(header::CACHE_CONTROL, no_store())], words).into_response()
        }
    }
}

async fn ask(
    servers: &DemoServers,
    typed: TypedLogin,
) -> Result<(RestAccount, HeaderValue), (StatusCode, &'static str)> {
    let no_answer = || (StatusCode::BAD_GATEWAY, NO_ANSWER);
    let url: Url = servers.letschat.url().parse().map_err(|_| no_answer())?;
    let tls = tls::client_config(&TlsTrust::System).map_err(|_| no_answer())?;
    let server = RestServer::new(&url, &tls).map_err(|_| no_answer())?;
    let session = server.sign_in(&typed.username, &Secret::new(typed.password)).await;
    let session = session.map_err(|error| match error {
        SignInError::Wrong => (StatusCode::UNAUTHORIZED, "The user name or the password is wrong."),
        SignInError::Locked => {
            (StatusCode::FORBIDDEN, "Too many wrong passwords: wait some seconds, then try again.")
        }
        SignInError::Rest(_) => no_answer(),
    })?;
    let account = server.account(Credential::Session(&session)).await.map_err(|_| no_answer())?;
    let cookie = format!("{}; Path=/; HttpOnly; SameSite=Strict", session.expose());
    Ok((account, HeaderValue::from_str(&cookie).map_err(|_| no_answer())?))
}

fn no_store() -> HeaderValue {
    HeaderValue::from_static("no-store")
}
