//! What rendering needs to know about the members and links of an endpoint.

use crate::domain::Endpoint;

/// Looks up users and links of a message's source and destination.
///
/// One of them may be a channel and the other a room; "the channel" and "the room" mean those. Between two
/// channels, "the channel" is the destination.
pub trait Directory {
    /// Where the message was sent.
    fn source(&self) -> &Endpoint;

    /// The exact spelling of `nick`, if it is in the channel.
    fn find_nick(&self, nick: &str) -> Option<&str>;

    /// The nick in the channel of the user logged in to `account`.
    fn nick_of_account(&self, account: &str) -> Option<&str>;

    /// The account of the user with this nick in the channel.
    fn account_of_nick(&self, nick: &str) -> Option<&str>;

    /// The exact spelling of a user name known in the room.
    fn find_user(&self, name: &str) -> Option<&str>;

    /// The nick in the channel of a person of IRC who speaks as this user of Let's Chat.
    fn nick_of_user(&self, _user: &str) -> Option<&str> {
        None
    }

    /// The user of Let's Chat whose account the person with this nick in the channel has linked.
    fn user_of_nick(&self, _nick: &str) -> Option<&str> {
        None
    }

    /// The room's id on Let's Chat, if known.
    fn room_id(&self) -> Option<&str>;

    /// The channel on the destination's network that is linked with the room `slug`.
    fn channel_for_room(&self, slug: &str) -> Option<&str>;

    /// The room that is linked with `channel` on the source's network.
    fn room_for_channel(&self, channel: &str) -> Option<&str>;

    /// How many bytes of text fit into a line to the channel, if known.
    fn line(&self) -> Option<usize> {
        None
    }
}

/// A directory without any users.
#[derive(Debug, Clone, Copy)]
pub struct EmptyDirectory<'p>(
    /// Where the message was sent.
    pub &'p Endpoint,
);

impl Directory for EmptyDirectory<'_> {
    fn source(&self) -> &Endpoint {
        self.0
    }

    fn find_nick(&self, _: &str) -> Option<&str> {
        None
    }

    fn nick_of_account(&self, _: &str) -> Option<&str> {
        None
    }

    fn account_of_nick(&self, _: &str) -> Option<&str> {
        None
    }

    fn find_user(&self, _: &str) -> Option<&str> {
        None
    }

    fn room_id(&self) -> Option<&str> {
        None
    }

    fn channel_for_room(&self, _: &str) -> Option<&str> {
        None
    }

    fn room_for_channel(&self, _: &str) -> Option<&str> {
        None
    }
}
