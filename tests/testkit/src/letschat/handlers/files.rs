use axum::http::StatusCode;

use super::call::{Call, Outcome, bad_request, ok, respond};
use crate::letschat::id;
use crate::letschat::setup::MongooseVersion;
use crate::letschat::state::file::File;
use crate::letschat::state::posting::keep_last;
use crate::letschat::state::session::Broadcast;
use crate::letschat::state::{ServerState, json};

/// What may be uploaded, unless the administrator says otherwise.
const ALLOWED: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

/// Takes a file, and posts its address if asked to.
pub(super) fn create(state: &mut ServerState, call: &Call) -> Outcome {
    // From a websocket no file can come; over REST a request without one is not thought of.
    let Some(upload) = &call.file else {
        return if call.socket.is_some() { bad_request() } else { Outcome::Throws };
    };
    if !ALLOWED.contains(&upload.kind.as_str()) {
        return bad_request();
    }
    let Ok(Some(room)) = call.id("room") else { return bad_request() };
    match state.rooms.get(&room) {
        Some(place) if !place.archived && place.is_authorized(&call.account_id) => {}
        _ => return bad_request(),
    }
    let uploaded = id::now();
    let file = File {
        id: state.ids.next(uploaded),
        owner: call.account_id.clone(),
        room: room.clone(),
        name: upload.name.trim().to_owned(),
        kind: upload.kind.clone(),
        content: upload.content.clone(),
        uploaded,
    };
    let json = json::to_string(&file.as_json());
    let mut broadcasts: Vec<Broadcast> = state
        .file_announcement(&file)
        .map(|frame| Broadcast::Room(room.clone(), frame))
        .into_iter()
        .collect();
    let text = format!("upload://{}", file.url());
    state.files.push(file);
    keep_last(&mut state.files, state.max_files);
    if call.text("post") == Some("true") {
        if state.mongoose == MongooseVersion::V4_13 {
            // The owner is null here, as it is in the broadcast, and the real server asks it for its id.
            return Outcome::Crash;
        }
        if let Ok(draft) = state.draft(&room, &call.account_id, &text, id::now()) {
            broadcasts.extend(state.publish(draft).1);
        }
    }
    state.notify_changed();
    respond(StatusCode::CREATED, json, broadcasts)
}

/// Lists the files of a room.
pub(super) fn list(state: &ServerState, call: &Call) -> Outcome {
    if !call.truthy("room") {
        return ok("[]".to_owned());
    }
    let (Ok(Some(room)), Ok(skip)) = (call.id("room"), call.skip()) else { return bad_request() };
    // As with messages: the real server goes on with a room that it did not find.
    let Some(room) = state.rooms.get(&room) else { return Outcome::Crash };
    if !room.may_join(&call.account_id, call.text("password")) {
        return ok("[]".to_owned());
    }
    let expand =
        call.text("expand").is_some_and(|text| text.split(',').any(|word| word.trim() == "owner"));
    let mut files: Vec<&File> = state.files.iter().filter(|file| file.room == room.id).collect();
    if call.reverse() {
        files.reverse();
    }
    let listed: Vec<String> = files
        .into_iter()
        .skip(skip)
        .take(call.take())
        .map(|file| state.file_list_entry(file, expand))
        .collect();
    ok(format!("[{}]", listed.join(",")))
}
