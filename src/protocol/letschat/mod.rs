//! A Let's Chat client session: logs in, joins rooms, sends, receives, and reads missed posts.

mod frame;
mod json;
mod post_id;
mod rejection;
mod requests;
mod rooms;
mod rows;
mod session;
mod token;
mod wire_types;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain;
use crate::domain::{DeliveryId, EndpointId};

pub use frame::Text;
pub use post_id::PostId;
pub use rejection::{LetsChatRejection, LetsChatRejectionKind};
pub use rooms::RoomTarget;
pub use session::LetsChatSession;
pub use token::user_of_token;

/// Posts per page while catching up: the server's default.
pub const PAGE_SIZE: usize = 500;

/// What the websocket receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedFrame {
    /// A text frame.
    Text(Text),
    /// A frame that exceeds the maximum length.
    TooLarge,
}

/// Commands from the bridge to a Let's Chat session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetsChatCommand {
    /// Posts `text`. Answered by [`LetsChatEvent::Posted`], [`LetsChatEvent::Rejected`] or
    /// [`LetsChatEvent::TimedOut`].
    Post {
        /// Returned with the answer.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// The text.
        text: String,
    },
    /// Sends `text` as a direct message. Answered like [`LetsChatCommand::Post`]. The server does not say
    /// whether the recipient is online.
    SendDirect {
        /// Returned with the answer.
        delivery: DeliveryId,
        /// Identifies the recipient; one message per recipient is in flight at a time.
        endpoint: EndpointId,
        /// The recipient's user id.
        user: String,
        /// The text.
        text: String,
    },
    /// Sends a notice to one user. Whether it arrives is not known.
    SendDirectNotice {
        /// The recipient's user id.
        user: String,
        /// The text.
        text: String,
    },
    /// Lists the oldest posts after `since`. Answered by [`LetsChatEvent::Page`] or
    /// [`LetsChatEvent::NotJoined`].
    ListMessages {
        /// The room.
        endpoint: EndpointId,
        /// Only posts with higher ids.
        since: PostId,
        /// How many of them to skip.
        skip: usize,
        /// How many to list, usually [`PAGE_SIZE`].
        limit: usize,
        /// Waits a moment first, so that the server can finish earlier work.
        delayed: bool,
        /// Returned with the answer.
        stay: Stay,
    },
    /// Sets the room's description. Rooms that are private or have a password are left alone: the update
    /// would remove the password and the list of users (docs/letschat-protocol.md, section 5.2).
    SetDescription {
        /// The room.
        endpoint: EndpointId,
        /// The new description.
        description: String,
    },
    /// Requests the id of the newest post. Answered by [`LetsChatEvent::NewestMessage`] or
    /// [`LetsChatEvent::NotJoined`].
    NewestMessage {
        /// The room.
        endpoint: EndpointId,
        /// Returned with the answer.
        stay: Stay,
    },
    /// Starts a timer. Answered by [`LetsChatEvent::TimerFired`], unless the connection is lost.
    SetTimer {
        /// Returned with the answer.
        endpoint: EndpointId,
        /// The duration.
        after: Duration,
    },
    /// Joins another room; one that it knows already may have another password.
    JoinRoom(RoomTarget),
    /// Leaves a room, and is not in it any more. Answered by nothing.
    LeaveRoom(EndpointId),
    /// Reports direct messages from now on, or no more; finds out whether the server has them enabled.
    SetDirectMessages(bool),
    /// Leaves the rooms and closes the connection.
    Leave,
}

/// Numbers the bridge's successive stays in a room. Commands and events cross, so a request may be sent after
/// the room was left, and answered after it was joined again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stay(pub u64);

/// Events from a Let's Chat session to the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetsChatEvent {
    /// The token was accepted; this is our own user.
    LoggedIn(LetsChatUser),
    /// The connection is alive. Sent every few seconds while anything is received.
    Alive,
    /// The server has answered a ping.
    PingAnswered {
        /// Within which time the next answer is due.
        next_within: Duration,
    },
    /// The server sent a frame that exceeds the maximum length; the connection ends.
    FrameTooLarge,
    /// The room is joined.
    Joined {
        /// The room.
        endpoint: EndpointId,
        /// Its id on the server.
        room: String,
    },
    /// The room could not be joined, or we were removed from it.
    NotJoined {
        /// The room.
        endpoint: EndpointId,
        /// The reason, worded for the administrator.
        reason: String,
    },
    /// The room's description.
    Description {
        /// The room.
        endpoint: EndpointId,
        /// The description.
        description: String,
        /// Whether it is the description on joining; otherwise, some property of the room has changed.
        is_initial: bool,
    },
    /// A new post, perhaps our own.
    NewPost {
        /// The room.
        endpoint: EndpointId,
        /// The post.
        post: Post,
    },
    /// A direct message, to or from us.
    DirectMessage(DirectMessage),
    /// Whether the server has direct messages enabled (`private.enable`).
    DirectMessagesEnabled(bool),
    /// A page of posts, oldest first.
    Page {
        /// The room.
        endpoint: EndpointId,
        /// The posts.
        posts: Vec<Post>,
        /// Unreadable posts that were skipped, by their ids where they have one.
        bad: Vec<Option<PostId>>,
        /// The size of the reply in bytes.
        bytes: usize,
        /// That of the command.
        stay: Stay,
    },
    /// A new post could not be read.
    UnreadablePost {
        /// The room.
        endpoint: EndpointId,
        /// The post's id, if it has one.
        post: Option<PostId>,
    },
    /// The newest post's id; `None` if the room is empty.
    NewestMessage {
        /// The room.
        endpoint: EndpointId,
        /// The id.
        post: Option<PostId>,
        /// That of the command.
        stay: Stay,
    },
    /// The post was created.
    Posted {
        /// That of the command.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// The id of the post.
        id: PostId,
    },
    /// The post was rejected.
    Rejected {
        /// That of the command.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// The reason, in the server's words.
        reason: String,
    },
    /// The timer has expired.
    TimerFired(EndpointId),
    /// A change in who is in the rooms.
    Presence(RoomPresence),
    /// There was no ack in time: the post may exist or not.
    TimedOut {
        /// That of the command.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
    },
}

/// The users in the rooms, and their changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomPresence {
    /// The complete list of users, which may include us.
    Users {
        /// The room.
        endpoint: EndpointId,
        /// The users.
        users: Vec<LetsChatUser>,
    },
    /// A user joined.
    Joined {
        /// The room.
        endpoint: EndpointId,
        /// The user.
        user: LetsChatUser,
    },
    /// A user left.
    Left {
        /// The room.
        endpoint: EndpointId,
        /// The user.
        user: LetsChatUser,
    },
    /// A user's names changed.
    Renamed(LetsChatUser),
}

/// A post in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its id.
    pub id: PostId,
    /// Its exact text, truncated if very long ([`kept`]).
    ///
    /// [`kept`]: crate::domain::overlong::kept
    ///
    /// [`kept`]: crate::domain::overlong::kept
    pub text: String,
    /// When the server received it.
    pub posted_at: Timestamp,
    /// Its author; `None` if the server does not say (docs/letschat-protocol.md, section 6.4).
    pub author: Option<LetsChatUser>,
}

/// A direct message. The server does not name the recipient: it is us, unless we are the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectMessage {
    /// Its id; `None` for messages that the server does not store (encrypted with OTR).
    pub id: Option<PostId>,
    /// The author's user id.
    pub author_id: String,
    /// Its exact text.
    pub text: String,
}

/// A Let's Chat user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetsChatUser {
    /// The user id, which never changes.
    pub id: String,
    /// The user name, which an administrator may change.
    pub username: String,
    /// The display name, which the user may change.
    pub display_name: Option<String>,
}

impl LetsChatUser {
    /// The unknown author of a post.
    #[must_use]
    pub fn unknown() -> Self {
        Self { id: String::new(), username: "somebody".to_owned(), display_name: None }
    }
}

impl From<LetsChatUser> for domain::Author {
    fn from(LetsChatUser { id, username, display_name }: LetsChatUser) -> Self {
        let account = (!id.is_empty()).then_some(id);
        Self { name: username, display_name, account, userhost: None, bot: false }
    }
}
