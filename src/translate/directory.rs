use crate::domain::Endpoint;

/// Who and what is there, where something was said and where it is told.
///
/// Of the two places one may be a channel and the other a room: what is asked of "the channel" and
/// "the room" is asked of those. Where both are channels, the channel is the one that is told.
pub trait Directory {
    /// Where it was said.
    fn source(&self) -> &Endpoint;

    /// The nick of whoever goes by `nick` in the channel, as they spell it.
    fn find_nick(&self, nick: &str) -> Option<&str>;

    /// The nick in the channel of whoever is logged in to `account`.
    fn nick_of_account(&self, account: &str) -> Option<&str>;

    /// The account that whoever goes by `nick` in the channel is logged in to.
    fn account_of_nick(&self, nick: &str) -> Option<&str>;

    /// The name of the user who is called so and is known in the room, as it is spelled there.
    fn find_user(&self, name: &str) -> Option<&str>;

    /// The id that Let's Chat gives the room, where it is known.
    fn room_id(&self) -> Option<&str>;

    /// The channel, on the network that is told, that is linked with the room called `slug`.
    fn channel_for_room(&self, slug: &str) -> Option<&str>;

    /// The room that is linked with `channel`, of the network where it was said.
    fn room_for_channel(&self, channel: &str) -> Option<&str>;

    /// How many bytes of text a line to the channel has room for, where that is known.
    fn line(&self) -> Option<usize> {
        None
    }
}

/// Nobody is there, as far as anybody knows.
#[derive(Debug, Clone, Copy)]
pub struct EmptyDirectory<'p>(
    /// Where it was said.
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
