use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::call::{Call, CastError, Outcome, bad_request, ok, respond};
use crate::letschat::id;
use crate::letschat::state::ServerState;
use crate::letschat::state::post::{Draft, Expand, Query, Rejected};

/// Posts a message.
pub(super) fn create(state: &mut ServerState, call: &Call) -> Outcome {
    match draft(state, call) {
        Ok(draft) => {
            let (message, broadcasts) = state.publish(draft);
            respond(StatusCode::CREATED, message, broadcasts)
        }
        // Empty, no such room, archived, not a member, not an id: all alike.
        Err(Rejected) => bad_request(),
    }
}

/// The message that a call would post.
pub(in super::super) fn draft(state: &mut ServerState, call: &Call) -> Result<Draft, Rejected> {
    let room = call.id("room").ok().flatten().ok_or(Rejected)?;
    let text = call.string("text").ok().flatten().ok_or(Rejected)?;
    state.draft(&room, &call.account_id, &text, id::now())
}

/// Lists what was said in a room.
pub(super) fn list(state: &ServerState, call: &Call) -> Outcome {
    if !call.truthy("room") {
        return ok("[]".to_owned());
    }
    let expand = match call.param("expand") {
        Some(Value::String(text)) => expand(text),
        Some(value) if super::call::truthy(value) => return Outcome::Throws,
        _ => Expand::default(),
    };
    let Ok(Some(room)) = call.id("room") else { return bad_request() };
    // The real server asks a room that it did not find whether it may be entered.
    let Some(room) = state.rooms.get(&room) else { return Outcome::Crash };
    if !room.may_join(&call.account_id, call.text("password")) {
        return ok("[]".to_owned());
    }
    let Ok(query) = query(call) else { return bad_request() };
    let listed: Vec<String> = query
        .select(&room.posts)
        .into_iter()
        .map(|post| state.list_entry(room, post, &expand))
        .collect();
    ok(format!("[{}]", listed.join(",")))
}

fn query(call: &Call) -> Result<Query, CastError> {
    let since_id = if call.truthy("since_id") { call.id("since_id")? } else { None };
    Ok(Query {
        since_id,
        from: time(call, "from")?,
        to: time(call, "to")?,
        reverse: call.reverse(),
        skip: call.skip()?,
        take: call.take(),
    })
}

/// A time: as text, or in milliseconds since 1970.
fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, CastError> {
    if !call.truthy(name) {
        return Ok(None);
    }
    let refused = || CastError(call.param(name).map(Value::to_string).unwrap_or_default());
    match call.param(name) {
        Some(Value::String(text)) => match (text.parse::<Timestamp>(), text.parse::<i64>()) {
            (Ok(at), _) => Ok(Some(at)),
            (_, Ok(millisecond)) => {
                Timestamp::from_millisecond(millisecond).map(Some).map_err(|_| refused())
            }
            _ => day(text).map(Some).ok_or_else(refused),
        },
        Some(Value::Number(_)) => {
            let at = call.number(name).and_then(|number| Timestamp::from_millisecond(number).ok());
            at.map(Some).ok_or_else(refused)
        }
        _ => Err(refused()),
    }
}

/// A bare date is its midnight, UTC.
fn day(text: &str) -> Option<Timestamp> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

fn expand(text: &str) -> Expand {
    // The real server takes out the first space and no other.
    let text = text.replacen(char::is_whitespace, "", 1);
    let asked = |what| text.split(',').any(|word| word == what);
    Expand { owner: asked("owner"), room: asked("room") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_space_of_expand_is_passed_over() {
        assert_eq!(expand("owner, room"), Expand { owner: true, room: true });
        assert_eq!(expand("owner , room"), Expand { owner: true, room: false });
        assert_eq!(expand("user"), Expand::default());
    }
}
