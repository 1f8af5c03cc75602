//! Handles what the server sends.

use std::time::Instant;

use super::{LetsChatSession, MAX_ROOMS_PER_REQUEST};
use crate::domain::{DeliveryId, EndpointId};
use crate::protocol::Output;
use crate::protocol::letschat::json;
use crate::protocol::letschat::requests::LetsChatRequest;
use crate::protocol::letschat::rows::{self, ParsedRows, parse_rows};
use crate::protocol::letschat::wire_types;
use crate::protocol::letschat::wire_types::{
    PostRef, RoomMember, WireDirectMessage, WirePost, WireRoom, WireUser,
};
use crate::protocol::letschat::{LetsChatEvent, LetsChatUser, PostId, RoomPresence, Stay};

/// How many posts are requested when the newest one is unreadable.
const NEWEST_RETRY_LIMIT: usize = 500;

/// How many consecutive unreadable items are logged; after that, fewer and fewer.
const MAX_LOGGED: u64 = 10;

impl LetsChatSession {
    pub(super) fn on_event(&mut self, now: Instant, name: &str, argument: &str) {
        match name {
            "messages:new" => self.on_new_post(argument),
            "user-messages:new" => match json::parse_reply::<WireDirectMessage>(argument) {
                Ok(whisper) => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::DirectMessage(whisper.into())));
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
    fn readable_rows<T>(&mut self, what: &str, rows: ParsedRows<T>) -> Vec<T> {
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

    fn report_presence(&mut self, presence: RoomPresence) {
        self.output.push_back(Output::Event(LetsChatEvent::Presence(presence)));
    }

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

    /// Parses the joined room. Without an id, it is the requested one.
    fn parse_joined_room(&self, endpoint: EndpointId, argument: &str) -> Result<WireRoom, String> {
        let read = json::parse_reply::<WireRoom>(argument);
        if read.is_err()
            && wire_types::is_success_object(argument)
            && let Some(id) = self.rooms.room_id(endpoint)
        {
            return Ok(WireRoom::with_id(id));
        }
        read
    }

    /// Reports a room's description, if the server sent it.
    fn report_description(&mut self, room: &WireRoom, fresh: bool) {
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

    fn on_room_list(&mut self, now: Instant, (skip, count): (usize, usize), rooms: &[WireRoom]) {
        for room in rooms {
            self.on_room(now, room);
        }
        if count >= MAX_ROOMS_PER_REQUEST {
            self.request_rooms(now, skip + count);
        } else {
            let missing: Vec<(EndpointId, String)> = self.rooms.missing().collect();
            for (endpoint, name) in missing {
                self.report_not_joined(endpoint, missing_room_text(&name, rooms));
                self.rooms.schedule_refresh(now);
            }
        }
        self.join_pending(now);
    }

    fn on_room(&mut self, now: Instant, room: &WireRoom) {
        if let Err((endpoint, _)) = self.rooms.on_listed(room) {
            self.report_not_joined(
                endpoint,
                format!("the room {} is configured twice, by slug and by id", room.display_name()),
            );
            self.rooms.schedule_refresh(now);
        }
    }

    fn leave_room(&mut self, now: Instant, endpoint: EndpointId, reason: &str) {
        if self.rooms.on_left(endpoint, now) {
            self.requests.remove_reads(endpoint);
            self.report_not_joined(endpoint, reason.to_owned());
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
    format!("no room {name:?} is visible to our account; visible rooms: {}{more}", slugs.join(", "))
}
