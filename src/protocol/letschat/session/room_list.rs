//! Finds the rooms, joins them and leaves them.

use std::time::Instant;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::LetsChatSession;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::letschat::json;
use crate::protocol::letschat::requests::LetsChatRequest;
use crate::protocol::letschat::rooms::RoomTarget;
use crate::protocol::letschat::rows::parse_rows;
use crate::protocol::letschat::wire_types;
use crate::protocol::letschat::wire_types::WireRoom;
use crate::protocol::letschat::{LetsChatCommand, LetsChatEvent};

/// How many rooms are requested at once: the server's maximum.
const MAX_ROOMS_PER_REQUEST: usize = 5_000;

/// Rooms.
impl LetsChatSession {
    pub(super) fn refresh_rooms(&mut self, now: Instant) {
        self.request_rooms(now, 0);
    }

    fn request_rooms(&mut self, now: Instant, skip: usize) {
        self.send_request(
            now,
            LetsChatRequest::ListRooms { skip },
            "rooms:list",
            json!({ "take": MAX_ROOMS_PER_REQUEST, "skip": skip }),
        );
    }

    pub(super) fn join_pending(&mut self, now: Instant) {
        while let Some((target, id)) = self.rooms.next_join() {
            let password = target.password.as_ref().map(ExposeSecret::expose_secret);
            let argument = match password {
                Some(password) => json!({ "roomId": id, "password": password }),
                None => Value::from(id),
            };
            let endpoint = target.endpoint;
            self.send_request(now, LetsChatRequest::JoinRoom(endpoint), "rooms:join", argument);
        }
    }

    pub(super) fn on_room_list(&mut self, now: Instant, skip: usize, argument: &str) {
        let rows = match parse_rows::<WireRoom, _>(argument, Some) {
            Ok(rows) => rows,
            Err(reason) => return self.close(format!("cannot list the rooms: {reason}")),
        };
        let count = rows.count();
        let rooms = self.readable_rows("rooms:list", rows);
        for room in &rooms {
            self.on_room(now, room);
        }
        if count >= MAX_ROOMS_PER_REQUEST {
            self.request_rooms(now, skip + count);
        } else {
            let missing: Vec<(EndpointId, String)> = self.rooms.missing().collect();
            for (endpoint, name) in missing {
                self.report_not_joined(endpoint, missing_room_text(&name, &rooms));
                self.rooms.schedule_refresh(now);
            }
        }
        self.join_pending(now);
    }

    pub(super) fn on_room(&mut self, now: Instant, room: &WireRoom) {
        if let Err((endpoint, _)) = self.rooms.on_listed(room) {
            self.report_not_joined(
                endpoint,
                format!("the room {} is configured twice, by slug and by id", room.display_name()),
            );
            self.rooms.schedule_refresh(now);
        }
    }

    pub(super) fn leave_room(&mut self, now: Instant, endpoint: EndpointId, reason: &str) {
        if self.rooms.on_left(endpoint, now) {
            self.requests.remove_reads(endpoint);
            self.report_not_joined(endpoint, reason.to_owned());
        }
    }

    /// The room is linked from now on, or has another password.
    pub(super) fn add_room(&mut self, now: Instant, target: RoomTarget) {
        if self.rooms.add(target) && self.was_logged_in() {
            self.refresh_rooms(now);
        }
    }

    /// The room is no longer linked: leaves it, and forgets what was known of it.
    pub(super) fn leave_unlinked_room(&mut self, now: Instant, endpoint: EndpointId) {
        self.requests.remove_room(endpoint);
        self.delayed_commands.retain(|(_, command)| {
            !matches!(command, LetsChatCommand::ListMessages { endpoint: of, .. } if *of == endpoint)
        });
        self.timers.retain(|(_, it)| *it != endpoint);
        if let Some(room) = self.rooms.remove(endpoint) {
            self.send_request(now, LetsChatRequest::LeaveRoom, "rooms:leave", Value::from(room));
        }
    }

    pub(super) fn on_join_reply(&mut self, now: Instant, endpoint: EndpointId, argument: &str) {
        let joined = self.parse_joined_room(endpoint, argument);
        self.rooms.on_join_reply(endpoint, joined.is_ok(), now);
        match joined {
            Ok(room) => {
                self.report_description(&room, true);
                self.request_users(now, endpoint, &room.id);
                let event = LetsChatEvent::Joined { endpoint, room: room.id };
                self.output.push_back(Output::Event(event));
            }
            Err(reason) => self.report_not_joined(endpoint, join_error_text(&reason)),
        }
        self.join_pending(now);
    }

    /// Parses the joined room. Without an id, it is the requested one.
    pub(super) fn parse_joined_room(
        &self,
        endpoint: EndpointId,
        argument: &str,
    ) -> Result<WireRoom, String> {
        let room = json::parse_reply::<WireRoom>(argument);
        if room.is_err()
            && wire_types::is_success_object(argument)
            && let Some(id) = self.rooms.room_id(endpoint)
        {
            return Ok(WireRoom::with_id(id));
        }
        room
    }

    /// Reports a room's description, if the server sent it.
    pub(super) fn report_description(&mut self, room: &WireRoom, fresh: bool) {
        if let (Some(endpoint), Some(description)) =
            (self.rooms.endpoint_of(&room.id), &room.description)
        {
            let description = description.clone();
            self.output.push_back(Output::Event(LetsChatEvent::Description {
                endpoint,
                description,
                is_initial: fresh,
            }));
        }
    }
}

/// Why a join was rejected, worded for the administrator.
fn join_error_text(reason: &str) -> String {
    match reason {
        "password required" => {
            "the room requires a password: set room_password for its link".to_owned()
        }
        "Not Found" => {
            "the room was deleted or archived, or is private without our account as a participant"
                .to_owned()
        }
        reason => format!("Let's Chat rejected the join: {reason}"),
    }
}

/// Why a room is missing, worded for the administrator.
fn missing_room_text(name: &str, rooms: &[WireRoom]) -> String {
    const SHOWN: usize = 8;
    let mut slugs: Vec<&str> = rooms.iter().map(WireRoom::display_name).collect();
    slugs.sort_unstable();
    let more = if slugs.len() > SHOWN { ", …" } else { "" };
    slugs.truncate(SHOWN);
    format!(
        "no room {name:?} is visible to our account; visible rooms: {}{more}. Name \
         one of them, or let the bridge's account into the room",
        slugs.join(", ")
    )
}
