use super::{LetsChat, account, room};
use crate::letschat::handlers::room_news;
use crate::letschat::setup::NewRoom;
use crate::letschat::state::room::Room;

/// The rooms.
impl LetsChat {
    /// The room's id.
    #[must_use]
    pub fn room_id(&self, slug: &str) -> String {
        room(&self.world(), slug).id.to_string()
    }

    /// Makes a room, and tells everyone.
    pub fn create_room(&self, new: NewRoom) -> String {
        let mut world = self.world();
        let id = world.add_room(new);
        world.tell(room_news(&world, &world.rooms[&id], "rooms:new"));
        id.to_string()
    }

    /// Archives the room, and tells everyone.
    pub fn archive_room(&self, slug: &str) {
        self.change_room(slug, "rooms:archive", |room| room.archived = true);
    }

    /// Brings the room back, as only somebody at the database can: nobody is told.
    pub fn unarchive_room(&self, slug: &str) {
        self.change_room(slug, "", |room| room.archived = false);
    }

    /// Gives the room this name and description, and tells everyone.
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

    /// Waits until the account has joined the room with a websocket.
    pub async fn present(&self, slug: &str, username: &str) {
        self.until(|world| world.sits(&account(world, username).id, &room(world, slug).id)).await;
    }

    /// Waits until the account has no websocket in the room.
    pub async fn absent(&self, slug: &str, username: &str) {
        self.until(|world| !world.sits(&account(world, username).id, &room(world, slug).id)).await;
    }

    fn change_room(&self, slug: &str, event: &str, change: impl FnOnce(&mut Room)) {
        let mut world = self.world();
        let found = world.rooms.values_mut().find(|room| room.slug == slug);
        change(found.unwrap_or_else(|| panic!("there is no room {slug:?}")));
        world.touch();
        if !event.is_empty() {
            world.tell(room_news(&world, room(&world, slug), event));
        }
    }
}
