//! Handles the replies to our requests.

use std::time::Instant;

use super::LetsChatSession;
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
    pub(super) fn on_reply(&mut self, now: Instant, request: LetsChatRequest, argument: &str) {
        match request {
            LetsChatRequest::WhoAmI => self.on_own_account(argument),
            LetsChatRequest::ListRooms { skip } => self.on_room_list(now, skip, argument),
            LetsChatRequest::JoinRoom(endpoint) => self.on_join_reply(now, endpoint, argument),
            LetsChatRequest::ListUsers(endpoint) => self.on_user_list(endpoint, argument),
            LetsChatRequest::SetDescription(endpoint) => {
                if let Err(reason) = json::parse_reply::<WireRoom>(argument) {
                    tracing::warn!(%endpoint, reason, "cannot set the room description");
                }
            }
            LetsChatRequest::CreatePost { delivery, endpoint }
            | LetsChatRequest::SendDirect { delivery, endpoint } => {
                self.on_post_reply(delivery, endpoint, argument);
            }
            // Nobody waits for the result.
            LetsChatRequest::SendDirectNotice | LetsChatRequest::LeaveRoom => {}
            // The list itself is always empty, due to a bug of the server.
            LetsChatRequest::ProbeDirectMessages => {
                self.output.push_back(Output::Event(LetsChatEvent::DirectMessagesEnabled(true)));
            }
            LetsChatRequest::ListMessages { endpoint, stay } => {
                self.on_message_list(now, endpoint, stay, argument);
            }
            LetsChatRequest::NewestMessage { endpoint, limit, stay } => {
                match parse_rows(argument, |post: PostRef| post.id()) {
                    Ok(rows) => self.on_newest(now, endpoint, stay, limit, rows),
                    Err(reason) => self.on_room_unreadable(now, endpoint, &reason),
                }
            }
        }
    }

    fn on_own_account(&mut self, argument: &str) {
        match json::parse_reply::<WireUser>(argument) {
            Ok(account) => {
                let account = LetsChatUser::own_from_wire(account);
                self.output.push_back(Output::Event(LetsChatEvent::LoggedIn(account)));
            }
            Err(reason) => self.close(format!("cannot read our own account: {reason}")),
        }
    }

    fn on_user_list(&mut self, endpoint: EndpointId, argument: &str) {
        match parse_rows::<WireUser, _>(argument, LetsChatUser::from_wire) {
            Ok(rows) => {
                let users = self.readable_rows("rooms:users", rows);
                self.report_presence(RoomPresence::Users { endpoint, users });
            }
            // Without the list, users become known when they join or post.
            Err(reason) => {
                tracing::debug!(%endpoint, reason, "cannot list the users of the room");
            }
        }
    }

    fn on_message_list(&mut self, now: Instant, endpoint: EndpointId, stay: Stay, argument: &str) {
        match parse_rows(argument, |post: WirePost| post.into_post().map(|(post, _)| post)) {
            Ok(rows) => {
                let id = |id: &Option<String>| id.as_deref().and_then(|id| id.parse().ok());
                let bad = rows.unreadable.iter().map(id).collect();
                let posts = self.readable_rows("messages:list", rows);
                let bytes = argument.len();
                let page = LetsChatEvent::Page { endpoint, posts, bad, bytes, stay };
                self.output.push_back(Output::Event(page));
            }
            Err(reason) => self.on_room_unreadable(now, endpoint, &reason),
        }
    }

    fn on_room_unreadable(&mut self, now: Instant, endpoint: EndpointId, reason: &str) {
        self.leave_room(now, endpoint, &format!("cannot read the room: {reason}"));
    }

    /// The newest posts of a room, newest first, of which `limit` were requested.
    fn on_newest(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stay: Stay,
        limit: usize,
        rows: ParsedRows<PostId>,
    ) {
        let count = rows.count();
        let posts = self.readable_rows("messages:list", rows);
        if posts.is_empty() && count > 0 {
            if limit < NEWEST_RETRY_LIMIT && count >= limit {
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
