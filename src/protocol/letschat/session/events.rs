//! Handles events: what happens in rooms, and direct messages.

use std::time::Instant;

use super::LetsChatSession;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::letschat::json;
use crate::protocol::letschat::rows::{self, ParsedRows};
use crate::protocol::letschat::wire_types;
use crate::protocol::letschat::wire_types::{
    RoomMember, WireDirectMessage, WirePost, WireRoom, WireUser,
};
use crate::protocol::letschat::{LetsChatEvent, LetsChatUser, RoomPresence};

/// How many consecutive unreadable items are logged; after that, fewer and fewer.
const MAX_LOGGED: u64 = 10;

impl LetsChatSession {
    pub(super) fn on_event(&mut self, now: Instant, name: &str, argument: &str) {
        match name {
            "messages:new" => self.on_new_post(argument),
            "user-messages:new" => match json::parse_reply::<WireDirectMessage>(argument) {
                Ok(message) => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::DirectMessage(message.into())));
                }
                Err(_) => self.skip_unreadable(name, argument),
            },
            "rooms:archive" => match json::parse_reply::<WireRoom>(argument) {
                Ok(room) => {
                    if let Some(endpoint) = self.rooms.endpoint_of(&room.id) {
                        self.leave_room(now, endpoint, "the room was archived");
                    }
                }
                Err(_) => self.skip_unreadable(name, argument),
            },
            // A missing room may have been created or made accessible.
            "rooms:new" | "rooms:update" => match json::parse_reply::<WireRoom>(argument) {
                Ok(room) => {
                    self.on_room(now, &room);
                    self.join_pending(now);
                    self.report_description(&room, false);
                }
                Err(_) => self.skip_unreadable(name, argument),
            },
            "users:join" => {
                self.on_presence(name, argument, |endpoint, user| RoomPresence::Joined {
                    endpoint,
                    user,
                });
            }
            "users:leave" => {
                self.on_presence(name, argument, |endpoint, user| RoomPresence::Left {
                    endpoint,
                    user,
                });
            }
            "users:update" => {
                let account = json::parse_reply::<WireUser>(argument).ok();
                match account.and_then(LetsChatUser::from_wire) {
                    Some(account) => self.report_presence(RoomPresence::Renamed(account)),
                    None => self.skip_unreadable(name, argument),
                }
            }
            _ => {}
        }
    }

    /// A new post.
    fn on_new_post(&mut self, argument: &str) {
        let read = json::parse_reply::<WirePost>(argument).ok().and_then(WirePost::into_post);
        if let Some((post, Some(room))) = read {
            let endpoint = self.rooms.endpoint_of(&room);
            self.output.extend(
                endpoint.map(|endpoint| Output::Event(LetsChatEvent::NewPost { endpoint, post })),
            );
            return;
        }
        self.skip_unreadable("messages:new", argument);
        if let Some(endpoint) =
            wire_types::room_id_of(argument).and_then(|room| self.rooms.endpoint_of(&room))
        {
            let post = rows::find_id(argument).and_then(|id| id.parse().ok());
            self.output.push_back(Output::Event(LetsChatEvent::UnreadablePost { endpoint, post }));
        }
    }

    fn on_presence(
        &mut self,
        name: &str,
        argument: &str,
        how: impl FnOnce(EndpointId, LetsChatUser) -> RoomPresence,
    ) {
        let Ok(RoomMember { account, room }) = json::parse_reply::<RoomMember>(argument) else {
            return self.skip_unreadable(name, argument);
        };
        let Some(user) = LetsChatUser::from_wire(account) else {
            return self.skip_unreadable(name, argument);
        };
        if let Some(endpoint) = self.rooms.endpoint_of(&room) {
            self.report_presence(how(endpoint, user));
        }
    }

    /// Skips an unreadable item and logs it.
    fn skip_unreadable(&mut self, what: &str, json: &str) {
        let id = rows::find_id(json).unwrap_or_else(|| "none".to_owned());
        self.log_skipped(what, 1, &id);
    }

    /// The readable rows; logs the others.
    pub(super) fn readable_rows<T>(&mut self, what: &str, rows: ParsedRows<T>) -> Vec<T> {
        if !rows.unreadable.is_empty() {
            self.log_skipped(what, rows.unreadable.len() as u64, &rows.unreadable_ids());
        }
        rows.rows
    }

    fn log_skipped(&mut self, what: &str, count: u64, ids: &str) {
        let before = self.unreadable_count;
        self.unreadable_count += count;
        let total = self.unreadable_count;
        if total <= MAX_LOGGED || before.checked_ilog2() != total.checked_ilog2() {
            tracing::warn!(
                event = what,
                count,
                ids,
                total,
                "unparsable data from Let's Chat skipped"
            );
        }
    }

    pub(super) fn report_presence(&mut self, presence: RoomPresence) {
        self.output.push_back(Output::Event(LetsChatEvent::Presence(presence)));
    }
}
