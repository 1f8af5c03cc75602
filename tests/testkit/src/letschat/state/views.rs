//! Rooms and files as answers and broadcasts show them.

use axum::extract::ws::Utf8Bytes;

use super::file::File;
use super::room::{Participants, Room};
use super::{ServerState, json};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::MongooseVersion;

impl ServerState {
    /// The room as `viewer` sees it; `None` is nobody in particular, who is shown no participants.
    pub(in super::super) fn room_json<'a>(
        &'a self,
        room: &'a Room,
        viewer: Option<&str>,
        how: Participants,
    ) -> json::Room<'a> {
        let shown = room.private && viewer.is_some_and(|viewer| room.is_authorized(viewer));
        let name = |id: &'a Id| match how {
            Participants::Named => self.account(id).map(|account| account.username.as_str()),
            Participants::Bare => Some(&**id),
        };
        json::Room {
            id: &room.id,
            slug: &room.slug,
            name: &room.name,
            description: room.description.as_deref(),
            last_active: id::iso(room.last_active),
            created: id::iso(room.created),
            owner: &room.owner,
            private: room.private,
            has_password: room.has_password(),
            participants: room.participants.iter().filter(|_| shown).filter_map(name).collect(),
            users: None,
            user_count: None,
        }
    }

    /// Those present in `room`, each once, in the order in which they came.
    pub(in super::super) fn users_present<'a>(&'a self, room: &'a Room) -> Vec<json::User<'a>> {
        let mut users: Vec<json::User<'a>> = Vec::new();
        for socket in &room.sockets {
            let account =
                self.sessions.get(socket).and_then(|session| self.account(&session.account_id));
            if let Some(account) = account
                && !users.iter().any(|user| *user.id == *account.id)
            {
                users.push(account.as_json());
            }
        }
        users
    }

    /// The `files:new` of a file.
    pub(in super::super) fn file_announcement(&self, file: &File) -> Option<Utf8Bytes> {
        let room = self.rooms.get(&file.room)?;
        let owner = self.account(&file.owner).filter(|_| self.mongoose == MongooseVersion::V4_6);
        let viewer = owner.map(|owner| &*owner.id);
        let place = json::Where::Room(self.room_json(room, viewer, Participants::Bare));
        let owner = owner.map_or(json::Owner::Null, |owner| json::Owner::User(owner.as_json()));
        Some(
            engineio::event("files:new", &json::to_string(&file.as_json_with(owner, place))).into(),
        )
    }

    /// A file as `expand: "owner"` tells it.
    pub(in super::super) fn file_list_entry(&self, file: &File, expand: bool) -> String {
        match self.account(&file.owner) {
            Some(account) if expand => json::to_string(&file.as_json_with(
                json::Owner::Brief(account.as_brief_json()),
                json::Where::Id(&file.room),
            )),
            _ => json::to_string(&file.as_json()),
        }
    }
}
