//! `/socket.io/`: Engine.IO's handshake. Only websockets are spoken here, as where an administrator
//! allows no other transport.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequest, Query, Request, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{responses, session};
use crate::letschat::shared::Shared;
use crate::letschat::websocket::{self, Credentials};

/// The largest frame that a client may send: 100 MB, Engine.IO's own limit.
const MAX_FRAME: usize = 100_000_000;

pub(super) async fn serve(shared: Arc<Shared>, request: Request) -> Response {
    if let Some(status) = shared.faults.upgrade_failure() {
        return responses::proxy_error(status);
    }
    let query = Query::<HashMap<String, String>>::try_from_uri(request.uri()).unwrap_or_default().0;
    match (query.get("transport").map(String::as_str), query.contains_key("sid")) {
        (Some("websocket"), false) => {}
        (Some("websocket"), true) => return refuse(1, "Session ID unknown"),
        _ => return refuse(0, "Transport unknown"),
    }
    let cookies = session::cookies(request.headers()).to_owned();
    let Ok(upgrade) = WebSocketUpgrade::from_request(request, &()).await else {
        return refuse(3, "Bad request");
    };
    let token = query.get("token").filter(|token| !token.is_empty()).cloned();
    let who = token.map_or(Credentials::Cookies(cookies), Credentials::Token);
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| websocket::serve(shared, socket, who))
}

fn refuse(code: u8, message: &str) -> Response {
    responses::json(StatusCode::BAD_REQUEST, json!({"code": code, "message": message}).to_string())
}
