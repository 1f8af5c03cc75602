//! The JSON types of Let's Chat's acks and events.
//!
//! Acks carry no status (docs/letschat-protocol.md, section 4): success is an object or an
//! array, failure is a bare string or an error object.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json::{parse_json, parse_reply};
use super::rows::{kept_text, lenient, text, truth};
use super::{DirectMessage, LetsChatUser, Post, PostId};

/// A room, in `rooms:list`, `rooms:join` and room events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct WireRoom {
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) slug: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) description: Option<String>,
    /// Only listed users may enter.
    #[serde(default, deserialize_with = "truth")]
    pub(super) private: bool,
    #[serde(default, rename = "hasPassword", deserialize_with = "truth")]
    pub(super) has_password: bool,
}

/// A user, in `account:whoami`, `rooms:users` and `users:update`.
#[derive(Debug, Deserialize)]
pub(super) struct WireUser {
    id: String,
    #[serde(default, deserialize_with = "text")]
    username: Option<String>,
    #[serde(default, rename = "displayName", deserialize_with = "text")]
    display_name: Option<String>,
}

/// A user who joins or leaves a room, in `users:join` and `users:leave`.
#[derive(Debug, Deserialize)]
pub(super) struct RoomMember {
    #[serde(flatten)]
    pub(super) account: WireUser,
    /// Its id on the server.
    pub(super) room: String,
}

/// A post's id, in `messages:list` and the ack of `messages:create`.
#[derive(Debug, Deserialize)]
pub(super) struct PostRef {
    id: String,
}

/// A post, in `messages:new`, and in `messages:list` when owners were requested.
#[derive(Debug, Deserialize)]
pub(super) struct WirePost {
    id: String,
    #[serde(deserialize_with = "kept_text")]
    text: String,
    #[serde(default, deserialize_with = "lenient")]
    posted: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    owner: Option<WireOwner>,
    #[serde(default, deserialize_with = "room_id")]
    room: Option<String>,
}

/// A direct message, in `user-messages:new` (docs/letschat-protocol.md, section 8).
#[derive(Debug, Deserialize)]
pub(super) struct WireDirectMessage {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    owner: String,
    #[serde(deserialize_with = "kept_text")]
    text: String,
}

/// The author of a post. A deleted account has no id.
#[derive(Debug, Deserialize)]
struct WireOwner {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    username: Option<String>,
    #[serde(default, rename = "displayName", deserialize_with = "text")]
    display_name: Option<String>,
}

/// A room's id, given alone or in the room's object. (An untagged enum would copy the whole object.)
fn room_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    let raw: &RawValue = Deserialize::deserialize(from)?;
    let id = if raw.get().starts_with('"') {
        parse_json(raw.get())
    } else {
        parse_json::<WithId>(raw.get()).map(|room| room.id)
    };
    Ok(id.ok())
}

/// The id of the room in `json`, even if nothing else can be read.
pub(super) fn room_id_of(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct RoomIdOnly {
        #[serde(default, deserialize_with = "room_id")]
        room: Option<String>,
    }
    parse_reply::<RoomIdOnly>(json).ok()?.room
}

/// Whether `json` is an object and reports no error.
pub(super) fn is_success_object(json: &str) -> bool {
    let object: serde_json::Result<serde_json::Map<String, serde_json::Value>> = parse_json(json);
    object.is_ok_and(|it| {
        !it.is_empty() && !["message", "errors", "status"].iter().any(|key| it.contains_key(*key))
    })
}

impl WireRoom {
    /// A room of which only the id is known.
    pub(super) fn with_id(id: &str) -> Self {
        let (slug, name, description) = (None, None, None);
        Self { id: id.to_owned(), slug, name, description, private: true, has_password: false }
    }

    /// Its name for people.
    pub(super) fn display_name(&self) -> &str {
        self.slug.as_deref().unwrap_or(&self.id)
    }
}

impl WirePost {
    /// The post and its room's id, if its own id is valid. Without a time, that of the id is used.
    pub(super) fn into_post(self) -> Option<(Post, Option<String>)> {
        let author = self.owner.and_then(|WireOwner { id, username, display_name }| {
            let username = username.or_else(|| display_name.clone())?;
            Some(LetsChatUser { id: id.unwrap_or_default(), username, display_name })
        });
        let id: PostId = self.id.parse().ok()?;
        let posted = self.posted.unwrap_or_else(|| id.created_at());
        Some((Post { id, text: self.text, posted_at: posted, author }, self.room))
    }
}

impl From<WireDirectMessage> for DirectMessage {
    fn from(WireDirectMessage { id, owner, text }: WireDirectMessage) -> Self {
        Self { id: id.and_then(|id| id.parse().ok()), author_id: owner, text }
    }
}

impl PostRef {
    pub(super) fn id(&self) -> Option<PostId> {
        self.id.parse().ok()
    }
}

impl LetsChatUser {
    /// The user, if it has a name.
    pub(super) fn from_wire(account: WireUser) -> Option<Self> {
        let WireUser { id, username, display_name } = account;
        Some(Self { id, username: username.or_else(|| display_name.clone())?, display_name })
    }

    /// Our own account, which needs no name.
    pub(super) fn own_from_wire(account: WireUser) -> Self {
        let id = account.id.clone();
        let nameless = || Self { id: id.clone(), username: id.clone(), display_name: None };
        Self::from_wire(account).unwrap_or_else(nameless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn post(json: &str) -> (Post, Option<String>) {
        parse_reply::<WirePost>(json).expect("a post").into_post().expect("with an id")
    }

    #[test]
    fn post_parses_with_and_without_an_author() {
        let with = |owner: &str| {
            format!(
                r#"{{"id":"6b035f6d8d054a41e16a0570","text":"hi","posted":"2026-11-22T21:32:29.455Z","owner":{owner},"room":{{"id":"r1","slug":"tea"}}}}"#
            )
        };
        let (full, room) = post(&with(r#"{"id":"u1","username":"ann","displayName":"Ann"}"#));
        assert_eq!(full.author.map(|a| (a.id, a.username)), Some(("u1".into(), "ann".into())));
        assert_eq!((full.text.as_str(), room.as_deref()), ("hi", Some("r1")));
        assert_eq!(post(&with("null")).0.author, None);
        let deleted =
            post(&with(r#"{"displayName":"[Deleted User]","username":"_deleted_user_"}"#));
        assert_eq!(deleted.0.author.map(|a| a.username).as_deref(), Some("_deleted_user_"));
    }

    #[test]
    fn direct_message_parses_with_and_without_an_id() {
        let read = |json| {
            parse_reply::<WireDirectMessage>(json)
                .map(DirectMessage::from)
                .expect("a private message")
        };
        let kept = read(
            r#"{"id":"6b035f6d8d054a41e16a0570","owner":"u1","text":"hi","posted":"2026-11-22T21:32:29.455Z"}"#,
        );
        assert_eq!(
            (kept.author_id.as_str(), kept.text.as_str(), kept.id.is_some()),
            ("u1", "hi", true)
        );
        assert_eq!(read(r#"{"id":"OTR","owner":"u1","text":"?OTR:"}"#).id, None);
        assert_eq!(read(r#"{"owner":"u1","text":"?OTR:"}"#).id, None);
    }

    #[test]
    fn error_reply_gives_the_server_text() {
        for (json, reason) in [
            (r#""Not Found""#, "Not Found"),
            (
                r#"{"message":"Cast to ObjectId failed","name":"CastError"}"#,
                "Cast to ObjectId failed",
            ),
            (
                r#"{"status":"error","errors":"x","message":"password required"}"#,
                "password required",
            ),
        ] {
            assert_eq!(parse_reply::<WireRoom>(json), Err(reason.to_owned()));
        }
        assert!(
            parse_reply::<WireRoom>("null").is_err() && parse_reply::<WireRoom>("[1]").is_err()
        );
    }
}
