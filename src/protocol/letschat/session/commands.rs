//! Executes commands: sends the requests for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::LetsChatSession;
use crate::domain::DeliveryId;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::letschat::requests::LetsChatRequest;
use crate::protocol::letschat::{LetsChatCommand, LetsChatEvent, Stay};
use crate::protocol::socketio::Packet;

/// The delay of delayed commands.
const COMMAND_DELAY: Duration = Duration::from_secs(1);

/// Commands.
impl LetsChatSession {
    pub(super) fn on_command(&mut self, now: Instant, command: LetsChatCommand) {
        match command {
            LetsChatCommand::Post { delivery, endpoint, text } => {
                self.post(now, delivery, endpoint, &text);
            }
            LetsChatCommand::SendDirect { delivery, endpoint, user, text } => {
                let request = LetsChatRequest::SendDirect { delivery, endpoint };
                let argument = json!({ "user": user, "text": text });
                self.send_request(now, request, "user-messages:create", argument);
            }
            LetsChatCommand::SendDirectNotice { user, text } => {
                let request = LetsChatRequest::SendDirectNotice;
                let argument = json!({ "user": user, "text": text });
                self.send_request(now, request, "user-messages:create", argument);
            }
            LetsChatCommand::ListMessages { delayed: true, endpoint, since, skip, limit, stay } => {
                let delayed = false;
                let command =
                    LetsChatCommand::ListMessages { delayed, endpoint, since, skip, limit, stay };
                self.delayed_commands.push_back((now + COMMAND_DELAY, command));
            }
            LetsChatCommand::ListMessages {
                delayed: false,
                endpoint,
                since,
                skip,
                limit,
                stay,
            } => {
                // Oldest first: the server's default would omit the oldest of a long backlog.
                let query = json!({
                    "since_id": since.to_string(), "skip": skip, "take": limit,
                    "reverse": false, "expand": "owner",
                });
                let request = LetsChatRequest::ListMessages { endpoint, stay };
                self.request_messages(now, request, endpoint, query);
            }
            LetsChatCommand::NewestMessage { endpoint, stay } => {
                self.request_newest(now, endpoint, stay, 1);
            }
            LetsChatCommand::SetDescription { endpoint, description } => {
                self.set_description(now, endpoint, &description);
            }
            LetsChatCommand::SetTimer { endpoint, after } => {
                self.timers.push((now + after, endpoint));
            }
            LetsChatCommand::JoinRoom(target) => self.add_room(now, target),
            LetsChatCommand::LeaveRoom(endpoint) => self.leave_unlinked_room(now, endpoint),
            LetsChatCommand::SetDirectMessages(wanted) => self.set_direct_messages(now, wanted),
            LetsChatCommand::Leave => {
                self.send_packet(&Packet::Close);
                self.close("left".to_owned());
            }
        }
    }

    fn set_direct_messages(&mut self, now: Instant, wanted: bool) {
        self.direct_messages = wanted;
        if wanted && self.was_logged_in() {
            self.probe_direct_messages(now);
        }
    }

    /// Finds out whether the server has direct messages enabled.
    pub(super) fn probe_direct_messages(&mut self, now: Instant) {
        let request = LetsChatRequest::ProbeDirectMessages;
        self.send_request(now, request, "user-messages:list", json!({}));
    }

    fn post(&mut self, now: Instant, delivery: DeliveryId, endpoint: EndpointId, text: &str) {
        let Some(room) = self.rooms.room_id(endpoint) else {
            let reason = "unknown room".to_owned();
            let event = LetsChatEvent::Rejected { delivery, endpoint, reason };
            return self.output.push_back(Output::Event(event));
        };
        let request = LetsChatRequest::CreatePost { delivery, endpoint };
        let argument = json!({ "room": room, "text": text });
        self.send_request(now, request, "messages:create", argument);
    }

    fn set_description(&mut self, now: Instant, endpoint: EndpointId, description: &str) {
        let Some((room, name)) = self.rooms.editable_room(endpoint) else {
            return tracing::warn!(%endpoint, "cannot set the description of a private room");
        };
        let argument = json!({ "id": room, "name": name, "description": description });
        let request = LetsChatRequest::SetDescription(endpoint);
        self.send_request(now, request, "rooms:update", argument);
    }

    pub(super) fn request_users(&mut self, now: Instant, endpoint: EndpointId, room: &str) {
        if self.fetch_users {
            let request = LetsChatRequest::ListUsers(endpoint);
            self.send_request(now, request, "rooms:users", json!({ "room": room }));
        }
    }

    pub(super) fn request_newest(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stay: Stay,
        limit: usize,
    ) {
        let query = json!({ "take": limit, "reverse": true });
        let request = LetsChatRequest::NewestMessage { endpoint, limit, stay };
        self.request_messages(now, request, endpoint, query);
    }

    fn request_messages(
        &mut self,
        now: Instant,
        request: LetsChatRequest,
        endpoint: EndpointId,
        mut query: Value,
    ) {
        if let Some(room) = self.rooms.room_id(endpoint) {
            query["room"] = room.into();
            self.send_request(now, request, "messages:list", query);
        }
    }
}
