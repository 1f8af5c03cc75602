//! The rooms of Let's Chat, as the account sees them.

use super::letschat::SignedIn;
use super::terminal::InitError;
use crate::net::rest::{RestClient, RestRoom};

/// How many rooms Let's Chat lists at most.
const MAX_LISTED: usize = 500;

/// How many rooms a message names.
const MAX_NAMED: usize = 8;

/// The maximum length of a slug to show, in bytes.
const MAX_LEN_SHOWN: usize = 100;

/// The rooms that there are.
pub(super) struct VisibleRooms<'a> {
    /// `None` if Let's Chat could not be reached.
    rest: Option<&'a RestClient>,
    listed: Vec<RestRoom>,
    /// Whether those listed are all that the account sees.
    is_complete: bool,
}

/// Whether a room can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomState {
    /// It exists, or nobody can tell.
    Visible,
    /// It exists, but not for the account.
    Hidden,
    Missing,
    /// It was named by its id, so that init cannot create it.
    MissingId,
}

impl<'a> VisibleRooms<'a> {
    /// The rooms that the account `letschat` sees.
    pub(super) async fn of(letschat: &'a SignedIn) -> Self {
        let rest = letschat.rest.as_ref();
        let listed = match rest {
            Some(rest) => rest.rooms().await.ok(),
            None => None,
        };
        let is_complete = listed.as_ref().is_some_and(|rooms| rooms.len() < MAX_LISTED);
        Self { rest, listed: listed.unwrap_or_default(), is_complete }
    }

    /// Those that can be shown: the database may contain anything, and a terminal obeys control characters.
    pub(super) fn printable(&self) -> Vec<&RestRoom> {
        let is_printable = |room: &&RestRoom| {
            room.slug.len() <= MAX_LEN_SHOWN && !room.slug.contains(char::is_control)
        };
        self.listed.iter().filter(is_printable).collect()
    }

    /// Looks for a room by its slug or id.
    pub(super) async fn look_for(&self, room: &str) -> Result<RoomState, InitError> {
        let Some(rest) = self.rest else { return Ok(RoomState::Visible) };
        if self.listed.iter().any(|listed| listed.slug == room) {
            return Ok(RoomState::Visible);
        }
        let exists = rest.has_room(room).await;
        let exists = exists.map_err(|error| InitError::Failed(format!("letschat: {error}")))?;
        let is_id = room.len() == 24 && room.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(match (exists, is_id) {
            // The list has no ids.
            (true, false) if self.is_complete => RoomState::Hidden,
            (true, _) => RoomState::Visible,
            (false, true) => RoomState::MissingId,
            (false, false) => RoomState::Missing,
        })
    }

    /// Says that there are no such rooms, and which there are.
    pub(super) fn describe_missing(&self, missing: &[String]) -> String {
        let names: Vec<String> = missing.iter().map(|name| format!("{name:?}")).collect();
        let are_no = if names.len() == 1 { "is no room" } else { "are no rooms" };
        let mut slugs: Vec<&str> = self.printable().iter().map(|room| room.slug.as_str()).collect();
        if slugs.is_empty() {
            return format!("there {are_no} {}; the account sees no rooms", names.join(", "));
        }
        slugs.sort_unstable();
        let more = if slugs.len() > MAX_NAMED { ", …" } else { "" };
        slugs.truncate(MAX_NAMED);
        let visible = slugs.join(", ");
        format!("there {are_no} {}; visible rooms: {visible}{more}", names.join(", "))
    }
}

/// Says that a room is hidden.
pub(super) fn describe_hidden(room: &str) -> String {
    format!("the account does not see the room {room:?}: make the account a participant")
}
