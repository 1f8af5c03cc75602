use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;

use super::room::Participants;
use super::{World, json};
use crate::letschat::engineio;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::Flavour;

/// An uploaded file.
#[derive(Debug, Clone)]
pub(in super::super) struct File {
    pub id: Id,
    pub owner: Id,
    pub room: Id,
    pub name: String,
    pub kind: String,
    pub content: Bytes,
    pub uploaded: Timestamp,
}

impl File {
    /// Its address below the server's, as the server tells it.
    pub(in super::super) fn url(&self) -> String {
        format!("files/{}/{}", self.id, encode_component(&self.name))
    }

    /// As lists and answers tell it.
    pub(in super::super) fn shape(&self) -> json::File<'_> {
        self.with(json::Owner::Id(&self.owner), json::Where::Id(&self.room))
    }

    fn with<'a>(&'a self, owner: json::Owner<'a>, room: json::Where<'a>) -> json::File<'a> {
        json::File {
            id: &self.id,
            owner,
            name: &self.name,
            kind: &self.kind,
            size: format!("{}kb", self.content.len() / 1024),
            url: self.url(),
            uploaded: id::iso(self.uploaded),
            room,
        }
    }
}

impl World {
    /// The `files:new` of a file.
    pub(in super::super) fn file_announcement(&self, file: &File) -> Option<Utf8Bytes> {
        let room = self.rooms.get(&file.room)?;
        let owner = self.account(&file.owner).filter(|_| self.flavour == Flavour::Mongoose46);
        let viewer = owner.map(|owner| &*owner.id);
        let place = json::Where::Room(self.room_shape(room, viewer, Participants::Bare));
        let owner = owner.map_or(json::Owner::Null, |owner| json::Owner::User(owner.shape()));
        Some(engineio::event("files:new", &json::to_string(&file.with(owner, place))).into())
    }

    /// A file as `expand: "owner"` tells it.
    pub(in super::super) fn file_listed(&self, file: &File, expand: bool) -> String {
        match self.account(&file.owner) {
            Some(account) if expand => json::to_string(
                &file.with(json::Owner::Brief(account.brief()), json::Where::Id(&file.room)),
            ),
            _ => json::to_string(&file.shape()),
        }
    }
}

/// JavaScript's `encodeURIComponent`.
fn encode_component(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'!'
            | b'~'
            | b'*'
            | b'\''
            | b'('
            | b')' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_into_addresses_as_javascript_does() {
        assert_eq!(encode_component("a b/é(1).png"), "a%20b%2F%C3%A9(1).png");
    }
}
