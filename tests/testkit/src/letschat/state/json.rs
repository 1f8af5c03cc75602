//! What the server's records look like as JSON, key by key in the server's order.

use serde::Serialize;

/// An account, as everyone sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct User<'a> {
    pub id: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub username: &'a str,
    pub display_name: &'a str,
    pub avatar: &'a str,
    pub open_rooms: &'a [String],
    /// The room that a broadcast is about; only in `users:join`, `users:leave` and lists of a room's users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<&'a str>,
}

/// An account, as `expand: "owner"` tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct BriefUser<'a> {
    pub id: &'a str,
    pub username: &'a str,
    pub display_name: &'a str,
    pub avatar: &'a str,
}

/// A room.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Room<'a> {
    pub id: &'a str,
    pub slug: &'a str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub last_active: String,
    pub created: String,
    pub owner: &'a str,
    pub private: bool,
    pub has_password: bool,
    pub participants: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<User<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_count: Option<usize>,
}

/// A room, as `expand: "room"` tells it: a document of which only the name was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct BriefRoom<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub has_password: bool,
    pub participants: [&'a str; 0],
}

/// A message.
#[derive(Debug, Serialize)]
pub(in super::super) struct Message<'a> {
    pub id: &'a str,
    pub text: &'a str,
    pub posted: String,
    pub owner: Owner<'a>,
    pub room: Where<'a>,
}

/// A file.
#[derive(Debug, Serialize)]
pub(in super::super) struct File<'a> {
    pub id: &'a str,
    pub owner: Owner<'a>,
    pub name: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub size: String,
    pub url: String,
    pub uploaded: String,
    pub room: Where<'a>,
}

/// A private message.
#[derive(Debug, Serialize)]
pub(in super::super) struct PrivateMessage<'a> {
    pub id: &'a str,
    pub owner: &'a str,
    pub text: &'a str,
    pub posted: String,
}

/// Who wrote it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in super::super) enum Owner<'a> {
    Id(&'a str),
    User(User<'a>),
    Brief(BriefUser<'a>),
    Null,
}

/// Where it was written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in super::super) enum Where<'a> {
    Id(&'a str),
    Room(Room<'a>),
    Brief(BriefRoom<'a>),
}

/// `value` as JSON.
pub(in super::super) fn to_string(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the shapes have string keys and no fallible parts")
}
