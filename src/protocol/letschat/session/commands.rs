//! Executes commands: sends the requests for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::LetsChatSession;
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
                match self.rooms.room_id(endpoint) {
                    Some(room) => {
                        let post = json!({ "room": room, "text": text });
                        self.send_request(
                            now,
                            LetsChatRequest::CreatePost { delivery, endpoint },
                            "messages:create",
                            post,
                        );
                    }
                    None => {
                        let reason = "unknown room".to_owned();
                        self.output.push_back(Output::Event(LetsChatEvent::Rejected {
                            delivery,
                            endpoint,
                            reason,
                        }));
                    }
                }
            }
            LetsChatCommand::SendDirect { delivery, endpoint, user, text } => {
                let whisper = json!({ "user": user, "text": text });
                let call = LetsChatRequest::SendDirect { delivery, endpoint };
                self.send_request(now, call, "user-messages:create", whisper);
            }
            LetsChatCommand::SendDirectNotice { user, text } => {
                let whisper = json!({ "user": user, "text": text });
                self.send_request(
                    now,
                    LetsChatRequest::SendDirectNotice,
                    "user-messages:create",
                    whisper,
                );
            }
            // Oldest first: the server's default would omit the oldest of a long backlog.
            LetsChatCommand::ListMessages {
                delayed: true,
                endpoint,
                since,
                skip,
                limit: take,
                stay,
            } => {
                let command = LetsChatCommand::ListMessages {
                    delayed: false,
                    endpoint,
                    since,
                    skip,
                    limit: take,
                    stay,
                };
                self.delayed_commands.push_back((now + COMMAND_DELAY, command));
            }
            LetsChatCommand::ListMessages {
                delayed: false,
                endpoint,
                since,
                skip,
                limit: take,
                stay,
            } => {
                let query = json!({
                    "since_id": since.to_string(), "skip": skip, "take": take,
                    "reverse": false, "expand": "owner",
                });
                self.request_messages(
                    now,
                    LetsChatRequest::ListMessages { endpoint, stay },
                    endpoint,
                    query,
                );
            }
            LetsChatCommand::SetDescription { endpoint, description } => {
                match self.rooms.editable_room(endpoint) {
                    Some((room, name)) => {
                        let about = json!({ "id": room, "name": name, "description": description });
                        self.send_request(
                            now,
                            LetsChatRequest::SetDescription(endpoint),
                            "rooms:update",
                            about,
                        );
                    }
                    None => {
                        tracing::warn!(%endpoint, "cannot set the description of a private room");
                    }
                }
            }
            LetsChatCommand::NewestMessage { endpoint, stay } => {
                self.request_newest(now, endpoint, stay, 1);
            }
            LetsChatCommand::SetTimer { endpoint, after } => {
                self.timers.push((now + after, endpoint));
            }
            LetsChatCommand::Leave => {
                self.send_packet(&Packet::Close);
                self.close("left".to_owned());
            }
        }
    }

    pub(super) fn request_users(&mut self, now: Instant, endpoint: EndpointId, room: &str) {
        if self.fetch_users {
            self.send_request(
                now,
                LetsChatRequest::ListUsers(endpoint),
                "rooms:users",
                json!({ "room": room }),
            );
        }
    }

    pub(super) fn request_newest(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stay: Stay,
        take: usize,
    ) {
        let query = json!({ "take": take, "reverse": true });
        self.request_messages(
            now,
            LetsChatRequest::NewestMessage { endpoint, limit: take, stay },
            endpoint,
            query,
        );
    }

    fn request_messages(
        &mut self,
        now: Instant,
        call: LetsChatRequest,
        endpoint: EndpointId,
        mut query: Value,
    ) {
        if let Some(room) = self.rooms.room_id(endpoint) {
            query["room"] = room.into();
            self.send_request(now, call, "messages:list", query);
        }
    }
}
