use super::{LetsChat, account, room};
use crate::letschat::handlers::room_news;
use crate::letschat::setup::NewRoom;
use crate::letschat::state::room::Room;

/// Rooms.
impl LetsChat {
    /// The room's id.
    #[must_use]
    pub fn room_id(&self, slug: &str) -> String {
        room(&self.state(), slug).id.to_string()
    }

    /// Whether the account is in the room, with any of its connections.
    #[must_use]
    pub fn is_present(&self, slug: &str, username: &str) -> bool {
        let state = self.state();
        let room = state.room_by_slug(slug);
        let who = state.account_named(username).map(|account| &account.id);
        room.zip(who).is_some_and(|(room, who)| {
            let mut present = room.sockets.iter().filter_map(|socket| state.sessions.get(socket));
            present.any(|session| session.account_id == *who)
        })
    }

    /// Makes a room, and broadcasts it.
    pub fn create_room(&self, new: NewRoom) -> String {
        let mut state = self.state();
        let id = state.add_room(new);
        state.broadcast(room_news(&state, &state.rooms[&id], "rooms:new"));
        id.to_string()
    }

    /// Archives the room, and broadcasts it.
    pub fn archive_room(&self, slug: &str) {
        self.change_room(slug, "rooms:archive", |room| room.archived = true);
    }

    /// Brings the room back, as is possible only in the database, without a broadcast.
    pub fn unarchive_room(&self, slug: &str) {
        self.change_room(slug, "", |room| room.archived = false);
    }

    /// Gives the room this name and description, and broadcasts them.
    pub fn update_room(&self, slug: &str, name: &str, description: Option<&str>) {
        self.change_room(slug, "rooms:update", |room| {
            name.clone_into(&mut room.name);
            room.description = description.map(str::to_owned);
        });
    }

    /// Gives the room a password, or takes it away. Its participants stay.
    pub fn set_password(&self, slug: &str, password: Option<&str>) {
        self.change_room(slug, "rooms:update", |room| room.password = password.map(str::to_owned));
    }

    /// Lets the account into the room for good, as the owner of a private room or the right password does; or no longer.
    pub fn set_participant(&self, slug: &str, username: &str, is_let_in: bool) {
        let who = account(&self.state(), username).id.clone();
        self.change_room(slug, "", |room| {
            room.participants.retain(|it| *it != who);
            if is_let_in {
                room.participants.push(who);
            }
        });
    }

    /// Waits until the account has joined the room with a websocket.
    pub async fn wait_for_join(&self, slug: &str, username: &str) {
        self.until(|state| state.is_present(&account(state, username).id, &room(state, slug).id))
            .await;
    }

    /// Waits until the account has no websocket in the room.
    pub async fn wait_for_leave(&self, slug: &str, username: &str) {
        self.until(|state| !state.is_present(&account(state, username).id, &room(state, slug).id))
            .await;
    }

    fn change_room(&self, slug: &str, event: &str, change: impl FnOnce(&mut Room)) {
        let mut state = self.state();
        let found = state.rooms.values_mut().find(|room| room.slug == slug);
        change(found.unwrap_or_else(|| panic!("there is no room {slug:?}")));
        state.notify_changed();
        if !event.is_empty() {
            state.broadcast(room_news(&state, room(&state, slug), event));
        }
    }
}
