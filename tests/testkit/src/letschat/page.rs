//! The demo's page: a small web client, and the tokens of the demo's people for it.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::shared::Shared;

/// The files of the page: each with its path and its content type.
const FILES: [(&str, &str, &str); 7] = [
    ("", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
    ("mention.js", "text/javascript; charset=utf-8", include_str!("page/mention.js")),
    ("sign-in.js", "text/javascript; charset=utf-8", include_str!("page/sign-in.js")),
    ("text.js", "text/javascript; charset=utf-8", include_str!("page/text.js")),
    ("wire.js", "text/javascript; charset=utf-8", include_str!("page/wire.js")),
];

/// Nothing from anywhere else runs on the page; pictures may come from where people say they are.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; \
                      img-src * data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page by its name, with its content type: for other pages that speak with this server.
#[must_use]
pub fn page_file(name: &str) -> Option<(&'static str, &'static str)> {
    let file = FILES.iter().find(|(part, ..)| *part == name);
    file.map(|(_, kind, content)| (*kind, *content))
}

/// The page, its files and its users; `None` for everything else.
pub(super) fn serve(
    shared: &Shared,
    request: &Request,
    path: &[&str],
    peer: SocketAddr,
) -> Option<Response> {
    if !shared.page || *request.method() != Method::GET {
        return None;
    }
    if path.is_empty() && !request.uri().path().ends_with('/') {
        return Some(to_slash(request));
    }
    let name = path.join("/");
    let (kind, content) = match FILES.iter().find(|(part, ..)| *part == name) {
        Some((_, kind, content)) => (*kind, (*content).to_owned()),
        None if name == "demo/people" && is_local(request, peer) => {
            ("application/json; charset=utf-8", users(shared))
        }
        None => return None,
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, content).into_response())
}

/// The page's addresses are relative, and so it must end in a slash.
fn to_slash(request: &Request) -> Response {
    axum::response::Redirect::permanent(&format!("{}/", request.uri().path())).into_response()
}

/// Whether both ends are this machine. The name that was asked for must be one of its own: a page from
/// elsewhere could have its own name point here.
fn is_local(request: &Request, peer: SocketAddr) -> bool {
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    peer.ip().is_loopback()
        && (name == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

/// The users that can be chosen on the page, with their tokens. Those with a password sign in with it.
pub(super) fn users(shared: &Shared) -> String {
    let state = shared.state();
    let people: Vec<Value> = state
        .accounts
        .iter()
        .filter(|account| account.password.is_none())
        .filter(|account| !shared.page_excludes.contains(&account.username))
        .filter_map(|account| Some((account, account.token()?)))
        .map(|(account, token)| {
            json!({
                "id": *account.id,
                "username": account.username,
                "displayName": account.display_name,
                "token": token,
            })
        })
        .collect();
    Value::from(people).to_string()
}
