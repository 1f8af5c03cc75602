//! The server over HTTP: the REST interface, the websocket's address, the files, the demo's page.

mod auth;
mod body;
mod faults;
mod responses;
mod route;
mod session;
mod upgrade;

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::handlers::{self, Call, Outcome, Reply};
use super::id::{self, Id};
use super::listener::Peer;
use super::page;
use super::shared::Shared;
use faults::Trouble;
use responses::Refusal;
use route::Route;

/// The files that a browser shows; it is told to save the others.
const INLINE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

/// The largest file that may be uploaded.
pub(super) const MAX_UPLOAD: usize = 100_000_000;

/// Answers any request.
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    shared.faults.until_resumed().await;
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix(shared.prefix.as_str()) else {
        return not_found(&request);
    };
    let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if path == ["socket.io"] {
        return upgrade::serve(shared, request).await;
    }
    let response = match shared.faults.rest_failure() {
        Some(status) => responses::proxy_error(status),
        None => match page::serve(&shared, &request, &path, peer.address) {
            Some(response) => response,
            None => return troubled(&shared, &path, &peer, request).await,
        },
    };
    shared.faults.until_may_send().await;
    response
}

/// Answers over REST, or suffers what is to go wrong.
async fn troubled(shared: &Shared, path: &[&str], peer: &Peer, request: Request) -> Response {
    let trouble = Trouble::of(shared, request.method(), path);
    if trouble.is_before() {
        return trouble.answer(shared, peer, StatusCode::OK.into_response()).await;
    }
    let cookies = session::cookies(request.headers()).to_owned();
    if *request.method() == Method::GET && path == ["logout"] {
        return trouble.answer(shared, peer, session::sign_out(shared, &cookies)).await;
    }
    let answered = rest(shared, path, request, trouble.is_silent()).await;
    let mut response = answered.unwrap_or_else(|refusal| *refusal);
    session::give_session(shared, &cookies, &mut response);
    trouble.answer(shared, peer, response).await
}

/// In the order in which the real server does it: the body is read, the path looked up, the token
/// checked, the room looked up, and then the event answers.
async fn rest(
    shared: &Shared,
    path: &[&str],
    request: Request,
    is_silent: bool,
) -> Result<Response, Refusal> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let unknown = not_found(&request);
    let (mut params, multipart) = body::read(request).await?;
    if method == Method::POST && path == ["account", "login"] {
        shared.wait_for_token_check().await;
        return Ok(session::sign_in(shared, &params, session::cookies(&headers)));
    }
    if method == Method::POST && path == ["account", "register"] {
        shared.wait_for_token_check().await;
        return Ok(session::register(shared, params, session::cookies(&headers)));
    }
    let Some(route) = route::find(&method, path) else { return Err(unknown.into()) };
    let who = auth::authenticate(shared, &headers).await?;
    let (name, room, param) = match route {
        Route::Download(id) => return Ok(download(shared, &id).unwrap_or(unknown)),
        Route::Event { name, room, param } => (name, room, param),
    };
    if ["account:settings", "account:generate_token"].contains(&name) {
        shared.wait_for_token_check().await;
    }
    let room = room.map(|room| find_room(shared, &room)).transpose()?;
    let file = match multipart {
        Some(request) if name == "files:create" => {
            body::read_multipart(request, &mut params).await?
        }
        _ => None,
    };
    params.extend(param.map(|(key, value)| (key.to_owned(), Value::from(value))));
    params.extend(room.map(|room| ("room".to_owned(), Value::from(&*room))));
    let call = Call { account_id: who, socket: None, data: Value::Object(params), file };
    Ok(respond(shared, name, &call, is_silent).unwrap_or(unknown))
}

/// `None`: this server does not have that event switched on.
fn respond(shared: &Shared, name: &str, call: &Call, is_silent: bool) -> Option<Response> {
    let mut state = shared.state();
    Some(match handlers::handle(&mut state, name, call) {
        Outcome::Answer(Reply { status, json }, broadcasts) => {
            state.broadcast(broadcasts.into_iter().filter(|_| !is_silent));
            json.map_or_else(|| responses::plain(status), |json| responses::json(status, json))
        }
        Outcome::Throws => responses::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "TypeError: Cannot read property of undefined",
        ),
        // The connection is cut with all the others, so that this is never read.
        Outcome::Crash => {
            shared.cut_all();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Outcome::Unknown => return None,
    })
}

fn find_room(shared: &Shared, room: &str) -> Result<Id, Refusal> {
    let state = shared.state();
    state
        .room_by_path(room)
        .map(|room| room.id.clone())
        .ok_or_else(|| responses::plain(StatusCode::NOT_FOUND).into())
}

/// `None`: this server has no files.
fn download(shared: &Shared, id: &str) -> Option<Response> {
    let state = &mut *shared.state();
    if !state.files_enabled {
        return None;
    }
    let Some(id) = id::parse(id) else { return Some(responses::plain(StatusCode::BAD_REQUEST)) };
    let Some(file) = state.files.iter().find(|file| file.id == id) else {
        return Some(responses::plain(StatusCode::NOT_FOUND));
    };
    state.downloads += 1;
    let shown = INLINE_TYPES.contains(&file.kind.as_str());
    let headers = [
        (header::CONTENT_TYPE, file.kind.as_str()),
        (header::CONTENT_DISPOSITION, if shown { "inline" } else { "attachment" }),
    ];
    Some((headers, file.content.clone()).into_response())
}

fn not_found(request: &Request) -> Response {
    responses::error(
        StatusCode::NOT_FOUND,
        &format!("Cannot {} {}", request.method(), request.uri().path()),
    )
}

/// A part of a path without its percent signs.
fn decode(part: &str) -> String {
    let plain = part.replace('+', "%2B").replace(['&', '='], "?");
    url::form_urlencoded::parse(plain.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}
