use axum::http::StatusCode;

use super::call::{Call, Outcome, bad_request, says, tells};
use crate::demo::letschat::engineio;
use crate::demo::letschat::id;
use crate::demo::letschat::world::post::Post;
use crate::demo::letschat::world::{News, World, shape};

/// Whispers to one person, named by id.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let Ok(Some(to)) = call.id("user") else { return bad_request() };
    let Some(recipient) = world.account(&to).map(|account| account.username.clone()) else {
        return bad_request();
    };
    // The real server asks the text what it matches before it asks whether there is one.
    let Some(text) = call.text("text") else { return Outcome::Crash };
    if text.is_empty() {
        return bad_request();
    }
    let posted = id::now();
    let id = world.ids.make(posted);
    let whisper =
        shape::PrivateMessage { id: &id, owner: &call.who, text, posted: id::iso(posted) };
    let json = shape::json(&whisper);
    let frame: axum::extract::ws::Utf8Bytes = engineio::event("user-messages:new", &json).into();
    // Once for each of the two: who writes to himself hears it twice.
    let news = [&call.who, &to].map(|who| {
        let seats =
            world.seats.iter().filter(|(_, taken)| taken.who == *who).map(|(seat, _)| *seat);
        News::Seats(seats.collect(), frame.clone())
    });
    // Off the record: told and not kept.
    if !text.starts_with("?OTR") {
        let whisper =
            world.account(&call.who).map(|owner| (recipient, Post::new(&id, text, posted, owner)));
        world.whispers.extend(whisper);
        world.touch();
    }
    tells(StatusCode::CREATED, json, news.into())
}

/// Broken in the real server, which looks for a room that no private message has: always empty.
pub(super) fn list() -> Outcome {
    says("[]".to_owned())
}
