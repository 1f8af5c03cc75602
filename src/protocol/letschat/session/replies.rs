//! Handles the replies to our requests.

use std::time::Instant;

use super::LetsChatSession;
use super::room_list::join_error_text;
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::Output;
use crate::protocol::letschat::json;
use crate::protocol::letschat::requests::LetsChatRequest;
use crate::protocol::letschat::rows::{ParsedRows, parse_rows};
use crate::protocol::letschat::wire_types::{PostRef, WirePost, WireRoom, WireUser};
use crate::protocol::letschat::{LetsChatEvent, LetsChatUser, PostId, RoomPresence, Stay};

/// How many posts are requested when the newest one is unreadable.
const NEWEST_RETRY_LIMIT: usize = 500;

/// Replies.
impl LetsChatSession {
    pub(super) fn on_reply(&mut self, now: Instant, call: LetsChatRequest, argument: &str) {
        match call {
            LetsChatRequest::WhoAmI => match json::parse_reply::<WireUser>(argument) {
                Ok(account) => {
                    self.output.push_back(Output::Event(LetsChatEvent::LoggedIn(
                        LetsChatUser::own_from_wire(account),
                    )));
                }
                Err(why) => self.close(format!("cannot read our own account: {why}")),
            },
            LetsChatRequest::ListRooms { skip } => {
                match parse_rows::<WireRoom, _>(argument, Some) {
                    Ok(rows) => {
                        let count = rows.count();
                        let rooms = self.readable_rows("rooms:list", rows);
                        self.on_room_list(now, (skip, count), &rooms);
                    }
                    Err(why) => self.close(format!("cannot list the rooms: {why}")),
                }
            }
            LetsChatRequest::JoinRoom(endpoint) => match self.parse_joined_room(endpoint, argument)
            {
                Ok(room) => {
                    self.rooms.on_join_reply(endpoint, true, now);
                    self.report_description(&room, true);
                    self.request_users(now, endpoint, &room.id);
                    self.output.push_back(Output::Event(LetsChatEvent::Joined {
                        endpoint,
                        room: room.id,
                    }));
                    self.join_pending(now);
                }
                Err(reason) => {
                    self.rooms.on_join_reply(endpoint, false, now);
                    self.report_not_joined(endpoint, join_error_text(&reason));
                    self.join_pending(now);
                }
            },
            LetsChatRequest::ListUsers(endpoint) => {
                match parse_rows::<WireUser, _>(argument, LetsChatUser::from_wire) {
                    Ok(rows) => {
                        let users = self.readable_rows("rooms:users", rows);
                        self.report_presence(RoomPresence::Users { endpoint, users });
                    }
                    // Without the list, users become known when they join or post.
                    Err(why) => {
                        tracing::debug!(%endpoint, reason = why, "cannot list the users of the room");
                    }
                }
            }
            LetsChatRequest::SetDescription(endpoint) => {
                if let Err(why) = json::parse_reply::<WireRoom>(argument) {
                    tracing::warn!(%endpoint, reason = why, "cannot set the room description");
                }
            }
            LetsChatRequest::CreatePost { delivery, endpoint }
            | LetsChatRequest::SendDirect { delivery, endpoint } => {
                self.on_post_reply(delivery, endpoint, argument);
            }
            // Nobody waits for the result.
            LetsChatRequest::SendDirectNotice => {}
            // The list itself is always empty, due to a bug of the server.
            LetsChatRequest::ProbeDirectMessages => {
                self.output.push_back(Output::Event(LetsChatEvent::DirectMessagesEnabled(true)));
            }
            LetsChatRequest::ListMessages { endpoint, stay } => {
                let post = |it: WirePost| it.into_post().map(|(post, _)| post);
                match parse_rows(argument, post) {
                    Ok(rows) => {
                        let id = |id: &Option<String>| id.as_deref().and_then(|id| id.parse().ok());
                        let bad = rows.unreadable.iter().map(id).collect();
                        let posts = self.readable_rows("messages:list", rows);
                        let bytes = argument.len();
                        let listed = LetsChatEvent::Page { endpoint, posts, bad, bytes, stay };
                        self.output.push_back(Output::Event(listed));
                    }
                    Err(why) => {
                        self.leave_room(now, endpoint, &format!("cannot read the room: {why}"));
                    }
                }
            }
            LetsChatRequest::NewestMessage { endpoint, limit: take, stay } => {
                match parse_rows(argument, |post: PostRef| post.id()) {
                    Ok(rows) => self.on_newest(now, endpoint, stay, take, rows),
                    Err(why) => {
                        self.leave_room(now, endpoint, &format!("cannot read the room: {why}"));
                    }
                }
            }
        }
    }

    /// The newest posts of a room, newest first, of which `take` were requested.
    fn on_newest(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stay: Stay,
        take: usize,
        rows: ParsedRows<PostId>,
    ) {
        let count = rows.count();
        let posts = self.readable_rows("messages:list", rows);
        if posts.is_empty() && count > 0 {
            if take < NEWEST_RETRY_LIMIT && count >= take {
                return self.request_newest(now, endpoint, stay, NEWEST_RETRY_LIMIT);
            }
            return self.leave_room(
                now,
                endpoint,
                "the newest posts of the room have no ids: delete them from the database",
            );
        }
        let post = posts.into_iter().next();
        self.output.push_back(Output::Event(LetsChatEvent::NewestMessage { endpoint, post, stay }));
    }

    fn on_post_reply(&mut self, delivery: DeliveryId, endpoint: EndpointId, argument: &str) {
        let event = match json::parse_reply::<PostRef>(argument).map(|post| post.id()) {
            Ok(Some(id)) => LetsChatEvent::Posted { delivery, endpoint, id },
            // Created, but under no usable id: look for it in the room.
            Ok(None) => LetsChatEvent::TimedOut { delivery, endpoint },
            // "Bad Request" is also the answer when the database failed, before or after storing the post. So
            // the post is first looked for in the room, and rejected only on the second such answer.
            Err(reason) if self.last_rejected.insert(endpoint, delivery) != Some(delivery) => {
                tracing::warn!(
                    reason = reason,
                    delivery = delivery.0,
                    "post rejected; checking the room for it"
                );
                LetsChatEvent::TimedOut { delivery, endpoint }
            }
            Err(reason) => LetsChatEvent::Rejected { delivery, endpoint, reason },
        };
        self.output.push_back(Output::Event(event));
    }
}
