use axum::http::StatusCode;

use super::call::{Call, Outcome, bad_request, says, tells};
use crate::letschat::id;
use crate::letschat::setup::Flavour;
use crate::letschat::state::file::File;
use crate::letschat::state::session::News;
use crate::letschat::state::{World, json};

/// What may be uploaded, unless the administrator says otherwise.
const ALLOWED: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

/// Takes a file, and posts its address if asked to.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    // From a websocket no file can come; over REST a request without one is not thought of.
    let Some(upload) = &call.file else {
        return if call.seat.is_some() { bad_request() } else { Outcome::Throws };
    };
    if !ALLOWED.contains(&upload.kind.as_str()) {
        return bad_request();
    }
    let Ok(Some(room)) = call.id("room") else { return bad_request() };
    match world.rooms.get(&room) {
        Some(place) if !place.archived && place.admits(&call.who) => {}
        _ => return bad_request(),
    }
    let uploaded = id::now();
    let file = File {
        id: world.ids.make(uploaded),
        owner: call.who.clone(),
        room: room.clone(),
        name: upload.name.trim().to_owned(),
        kind: upload.kind.clone(),
        content: upload.content.clone(),
        uploaded,
    };
    let json = json::to_string(&file.shape());
    let mut news: Vec<News> = world
        .file_announcement(&file)
        .map(|frame| News::Room(room.clone(), frame))
        .into_iter()
        .collect();
    let text = format!("upload://{}", file.url());
    world.files.push(file);
    if call.text("post") == Some("true") {
        if world.flavour == Flavour::Mongoose413 {
            // The owner is null here, as it is in the news, and the real server asks it for its id.
            return Outcome::Crash;
        }
        if let Ok(draft) = world.draft(&room, &call.who, &text, id::now()) {
            news.extend(world.publish(draft).1);
        }
    }
    world.touch();
    tells(StatusCode::CREATED, json, news)
}

/// Lists the files of a room.
pub(super) fn list(world: &World, call: &Call) -> Outcome {
    if !call.truthy("room") {
        return says("[]".to_owned());
    }
    let (Ok(Some(room)), Ok(skip)) = (call.id("room"), call.skip()) else { return bad_request() };
    // As with messages: the real server goes on with a room that it did not find.
    let Some(room) = world.rooms.get(&room) else { return Outcome::Crash };
    if !room.opens(&call.who, call.text("password")) {
        return says("[]".to_owned());
    }
    let expand =
        call.text("expand").is_some_and(|text| text.split(',').any(|word| word.trim() == "owner"));
    let mut files: Vec<&File> = world.files.iter().filter(|file| file.room == room.id).collect();
    if call.reverse() {
        files.reverse();
    }
    let listed: Vec<String> = files
        .into_iter()
        .skip(skip)
        .take(call.take())
        .map(|file| world.file_listed(file, expand))
        .collect();
    says(format!("[{}]", listed.join(",")))
}
