//! A seat in Let's Chat: take it, sit in the rooms, speak, listen, read what was missed.

mod frame;
mod post_id;
mod requests;
mod rooms;
mod rows;
mod session;
mod turned_away;
mod wire_types;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain;
use crate::domain::{DeliveryId, EndpointId};

pub use frame::Text;
pub use post_id::{PostId, PostIdError};
pub use rooms::RoomTarget;
pub use session::LetsChatSession;
pub use turned_away::{Reason, TurnedAway};

/// How many posts a reading asks for at once: the server's own default.
pub const PAGE_SIZE: usize = 500;

/// What the websocket brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedFrame {
    /// A frame of text.
    Text(Text),
    /// A frame that is longer than we take.
    TooLarge,
}

/// What the bridge asks of Let's Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetsChatCommand {
    /// Post `text`; answered by [`Event::Posted`], [`Event::Refused`] or [`Event::Unanswered`].
    Post {
        /// Comes back with the answer.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// What.
        text: String,
    },
    /// Write `text` to somebody alone; answered as [`Order::Post`] is. Whether they are there to read
    /// it, the server does not say.
    SendDirect {
        /// Comes back with the answer.
        delivery: DeliveryId,
        /// Stands for whoever it is: one such is under way at a time.
        endpoint: EndpointId,
        /// The id of their account.
        user: String,
        /// What.
        text: String,
    },
    /// Tell somebody alone. It is not known whether it arrives.
    SendDirectNotice {
        /// The id of their account.
        user: String,
        /// What.
        text: String,
    },
    /// List the `take` oldest posts above `since`, less the first `skip`; answered by
    /// [`Event::Listed`], or by [`Event::Closed`].
    ListMessages {
        /// Where.
        endpoint: EndpointId,
        /// Only ids above this one.
        since: PostId,
        /// How many of those to leave out.
        skip: usize,
        /// How many, usually [`PAGE`].
        limit: usize,
        /// Not at once: the server is given a moment to finish what it was given before.
        delayed: bool,
        /// Comes back with the answer.
        stay: Stay,
    },
    /// Describe the room so. One that is private or has a password is left as it is: the server would
    /// take its password and the list of who may enter from it (WIRE.md, "Rooms").
    SetDescription {
        /// Where.
        endpoint: EndpointId,
        /// What it is about.
        description: String,
    },
    /// Which post is the newest? Answered by [`Event::Newest`], or by [`Event::Closed`].
    NewestMessage {
        /// Where.
        place: EndpointId,
        /// Comes back with the answer.
        stay: Stay,
    },
    /// Tell when so much time has passed; answered by [`Event::Awake`], unless the connection is lost.
    SetTimer {
        /// Comes back with the answer.
        endpoint: EndpointId,
        /// How much.
        after: Duration,
    },
    /// Leave the rooms and hang up.
    Leave,
}

/// Which of its stays in a room the bridge asks in: the first, the second and so on. Orders and events pass
/// each other, so a question may be asked after the room was closed, and answered after it is open again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stay(pub u64);

/// What Let's Chat tells the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetsChatEvent {
    /// The token was accepted; this is our own account.
    LoggedIn(LetsChatUser),
    /// The server is there. Told every few seconds while it says anything.
    Alive,
    /// The server has sent more at once than we take: the connection ends.
    FrameTooLarge,
    /// The room can be heard and spoken in.
    Joined {
        /// Where.
        endpoint: EndpointId,
        /// The room's id.
        room: String,
    },
    /// The room can no longer, or still not, be heard and spoken in.
    NotJoined {
        /// Where.
        endpoint: EndpointId,
        /// Why, in words for the administrator.
        reason: String,
    },
    /// What the room is about, as its description says.
    Description {
        /// Where.
        endpoint: EndpointId,
        /// The description.
        description: String,
        /// It is told to us who come in; otherwise something of the room has just been changed.
        is_initial: bool,
    },
    /// Someone spoke, perhaps we ourselves.
    NewPost {
        /// Where.
        endpoint: EndpointId,
        /// What.
        post: Post,
    },
    /// Somebody has written to us alone, or we to somebody.
    DirectMessage(DirectMessage),
    /// Whether the server carries what is written to somebody alone (`private.enable`).
    DirectMessagesEnabled(bool),
    /// A page of posts, oldest first.
    Page {
        /// Where.
        endpoint: EndpointId,
        /// What.
        posts: Vec<Post>,
        /// Those that make no sense, and were passed over; by their ids, where they have one.
        bad: Vec<Option<PostId>>,
        /// How many bytes the server sent.
        bytes: usize,
        /// The order's.
        stay: Stay,
    },
    /// Somebody spoke, but what the server told of it makes no sense.
    UnreadablePost {
        /// Where.
        endpoint: EndpointId,
        /// The post's id, if it has one.
        post: Option<PostId>,
    },
    /// The newest post's id; `None` in an empty room.
    NewestMessage {
        /// Where.
        endpoint: EndpointId,
        /// The id.
        post: Option<PostId>,
        /// The order's.
        stay: Stay,
    },
    /// The order was carried out; the post has this id.
    Posted {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// The post's.
        id: PostId,
    },
    /// The order was turned down.
    Rejected {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
        /// Why, in the server's own words.
        reason: String,
    },
    /// The time has passed.
    TimerFired(EndpointId),
    /// Somebody came into a room, left it, or is known otherwise.
    Presence(RoomPresence),
    /// The server has not answered in time: the post may be there or not.
    TimedOut {
        /// The order's.
        delivery: DeliveryId,
        /// Where.
        endpoint: EndpointId,
    },
}

/// Who is in the rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomPresence {
    /// Exactly these are in the room, we ourselves perhaps among them.
    Users {
        /// Where.
        endpoint: EndpointId,
        /// Who.
        users: Vec<LetsChatUser>,
    },
    /// Somebody came in.
    Joined {
        /// Where.
        endpoint: EndpointId,
        /// Who.
        user: LetsChatUser,
    },
    /// Somebody left.
    Left {
        /// Where.
        endpoint: EndpointId,
        /// Who.
        user: LetsChatUser,
    },
    /// Somebody, wherever they are, is called otherwise now.
    Renamed(LetsChatUser),
}

/// One message in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its id.
    pub id: PostId,
    /// Its text, exactly; of one that is longer than what is kept of a text, its beginning ([`kept`]).
    ///
    /// [`kept`]: crate::domain::overlong::kept
    pub text: String,
    /// When the server took it.
    pub posted_at: Timestamp,
    /// Who wrote it; `None` where the server does not say (WIRE.md: "On a fresh install `owner` is
    /// `null`").
    pub author: Option<LetsChatUser>,
}

/// What somebody has written to somebody alone. To whom, the server does not say: to us, where it is
/// not from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectMessage {
    /// Its id; `None` for what the server does not keep (encrypted by OTR).
    pub id: Option<PostId>,
    /// The id of the account that wrote it.
    pub author_id: String,
    /// Its text, exactly.
    pub text: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetsChatUser {
    /// Its id, which never changes.
    pub id: String,
    /// Its user name, which an administrator may change.
    pub username: String,
    /// The name that it shows, which its owner may change.
    pub display_name: Option<String>,
}

impl LetsChatUser {
    /// Whoever wrote a post of which the server does not say who wrote it.
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
