//! Documents as Let's Chat keeps them in its database (docs/letschat-protocol.md): with the fields and the types that
//! mongoose gives them.

use bson::cstr;
use bson::raw::RawArrayBuf;
use bson::spec::BinarySubtype;
use bson::{Binary, DateTime, RawDocumentBuf, oid};
use jiff::Timestamp;

use crate::domain::ObjectId;

/// The provider of accounts for people of IRC: none of Let's Chat's, so that nobody can sign in with a password.
const PROVIDER: &str = "irc";

/// Their last name, since Let's Chat requires one.
const LAST_NAME: &str = "IRC";

/// The description of the collection `users` that `mongorestore` wants beside the documents. The server makes its indexes
/// itself.
pub const USERS_METADATA: &str =
    r#"{"options":{},"indexes":[{"v":2,"key":{"_id":1},"name":"_id_"}]}"#;

/// The description of the collection `messages`, with the index by which a room's messages are found.
pub const MESSAGES_METADATA: &str = r#"{"options":{},"indexes":[{"v":2,"key":{"_id":1},"name":"_id_"},{"v":2,"key":{"room":1,"posted":-1},"name":"room_1_posted_-1","background":true}]}"#;

/// An account for a person of IRC, in the collection `users`.
#[derive(Debug, Clone, Copy)]
pub struct AccountFields<'a> {
    /// Its id.
    pub id: ObjectId,
    /// The display name, which is the first name, too.
    pub display_name: &'a str,
    /// The user name, which Let's Chat wants in lower case.
    pub username: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// The person's name in the directory (LDAP, Kerberos), where they take the account over with their first login.
    pub uid: Option<&'a str>,
    /// The digest of the token, for an account that somebody uses.
    pub token: Option<&'a str>,
    /// Since when it exists.
    pub joined: Timestamp,
}

/// A message in a room, in the collection `messages`.
#[derive(Debug, Clone, Copy)]
pub struct MessageFields<'a> {
    /// Its id.
    pub id: ObjectId,
    /// The account whose message it is.
    pub owner: ObjectId,
    /// The room.
    pub room: ObjectId,
    /// What it says; never empty.
    pub text: &'a str,
    /// When it was posted.
    pub posted: Timestamp,
}

/// Appends the document of an account that has no password.
pub fn append_account(to: &mut Vec<u8>, account: &AccountFields<'_>) {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), to_bson_id(account.id));
    // For servers with a newer mongoose, which look for it to show whose a message is.
    let id = Binary { subtype: BinarySubtype::Generic, bytes: account.id.0.to_vec() };
    document.append(cstr!("id"), id);
    document.append(cstr!("displayName"), account.display_name);
    document.append(cstr!("firstName"), account.display_name);
    document.append(cstr!("lastName"), LAST_NAME);
    document.append(cstr!("email"), account.email.to_lowercase());
    document.append(cstr!("username"), account.username.to_lowercase());
    document.append(cstr!("provider"), PROVIDER);
    if let Some(token) = account.token {
        document.append(cstr!("token"), token);
    }
    for list in [cstr!("messages"), cstr!("openRooms"), cstr!("rooms")] {
        document.append(list, RawArrayBuf::new());
    }
    document.append(cstr!("joined"), date(account.joined));
    document.append(cstr!("__v"), 0_i32);
    if let Some(uid) = account.uid {
        document.append(cstr!("uid"), uid);
    }
    to.extend_from_slice(document.as_bytes());
}

/// Appends the document of a message.
pub fn append_message(to: &mut Vec<u8>, message: &MessageFields<'_>) {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), to_bson_id(message.id));
    document.append(cstr!("owner"), to_bson_id(message.owner));
    document.append(cstr!("room"), to_bson_id(message.room));
    document.append(cstr!("text"), message.text);
    document.append(cstr!("posted"), date(message.posted));
    document.append(cstr!("__v"), 0_i32);
    to.extend_from_slice(document.as_bytes());
}

fn to_bson_id(id: ObjectId) -> oid::ObjectId {
    oid::ObjectId::from_bytes(id.0)
}

fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use bson::Document;

    use super::*;

    /// The fields of a document with their types.
    fn shape(document: &Document) -> Vec<(String, String)> {
        let field = |(name, value): (&String, &bson::Bson)| {
            (name.clone(), format!("{:?}", value.element_type()))
        };
        let mut fields: Vec<_> = document.iter().map(field).collect();
        fields.sort();
        fields
    }

    /// The fields, with their types, of each document of the collection that a Let's Chat wrote.
    fn recorded(collection: &str) -> Vec<Vec<(String, String)>> {
        let text = include_str!("../../../tests/data/letschat/documents.jsonl");
        let rows = text.lines().map(|line| serde_json::from_str(line).expect("is JSON"));
        let shape = |row: serde_json::Value| {
            let fields = row["document"].as_object().expect("is one").clone();
            let typed = fields.into_iter().map(|(name, value)| (name, extended_type(&value)));
            let mut typed: Vec<_> = typed.collect();
            typed.sort();
            typed
        };
        rows.filter(|row: &serde_json::Value| row["collection"] == collection).map(shape).collect()
    }

    /// The type of a value in extended JSON.
    fn extended_type(value: &serde_json::Value) -> String {
        let has = |key: &str| value.get(key).is_some();
        let name = match value {
            serde_json::Value::String(_) => "String",
            serde_json::Value::Bool(_) => "Boolean",
            serde_json::Value::Array(_) => "Array",
            _ if has("$oid") => "ObjectId",
            _ if has("$date") => "DateTime",
            _ if has("$numberInt") => "Int32",
            _ => panic!("{value} is of no known type"),
        };
        name.to_owned()
    }

    fn account<'a>() -> AccountFields<'a> {
        AccountFields {
            id: ObjectId([9; 12]),
            display_name: "Ann",
            username: "Ann.irc",
            email: "Ann.irc@irc.invalid",
            uid: None,
            token: None,
            joined: Timestamp::from_millisecond(1_393_852_800_123).expect("a time"),
        }
    }

    fn read_account(account: &AccountFields<'_>) -> Document {
        let mut bytes = Vec::new();
        append_account(&mut bytes, account);
        Document::from_reader(&bytes[..]).expect("is BSON")
    }

    #[test]
    fn message_has_the_fields_and_types_of_recorded_ones() {
        let mut bytes = Vec::new();
        let posted = Timestamp::from_millisecond(1_393_852_800_123).expect("a time");
        let (id, owner, room) = (ObjectId([1; 12]), ObjectId([2; 12]), ObjectId([3; 12]));
        append_message(&mut bytes, &MessageFields { id, owner, room, text: "kettle's on", posted });
        append_message(&mut bytes, &MessageFields { id: owner, owner, room, text: "é", posted });
        let mut rest = &bytes[..];
        let read = Document::from_reader(&mut rest).expect("is BSON");
        let other = Document::from_reader(&mut rest).expect("is BSON");
        assert!(rest.is_empty());
        assert_eq!(other.get_str("text").ok(), Some("é"));
        let hex = |name| read.get_object_id(name).expect("is an id").to_hex();
        assert_eq!(hex("_id"), id.to_string());
        assert_eq!(hex("owner"), owner.to_string());
        assert_eq!(hex("room"), room.to_string());
        assert_eq!(read.get_str("text").ok(), Some("kettle's on"));
        let at = read.get_datetime("posted").expect("is a date");
        assert_eq!(at.timestamp_millis(), 1_393_852_800_123);
        assert_eq!(read.get_i32("__v").ok(), Some(0));
        let recorded = recorded("messages");
        assert!(recorded.len() >= 2);
        for theirs in recorded {
            assert_eq!(shape(&read), theirs);
        }
    }

    #[test]
    fn account_has_the_fields_and_types_of_recorded_ones_without_a_password() {
        let read = read_account(&account());
        for (field, text) in [
            ("displayName", "Ann"),
            ("firstName", "Ann"),
            ("lastName", "IRC"),
            ("email", "ann.irc@irc.invalid"),
            ("username", "ann.irc"),
            ("provider", "irc"),
        ] {
            assert_eq!(read.get_str(field).ok(), Some(text));
        }
        assert_eq!(read.get_binary_generic("id").ok(), Some(&vec![9; 12]));
        let mut own = shape(&read);
        own.retain(|(name, _)| name != "id");
        let recorded = recorded("users");
        assert!(recorded.len() >= 2);
        for mut theirs in recorded {
            theirs.retain(|(name, _)| name != "password");
            assert_eq!(own, theirs);
        }
        let read = read_account(&AccountFields { uid: Some("ann"), ..account() });
        assert_eq!(read.get_str("uid").ok(), Some("ann"));
        assert!(!read.contains_key("token") && !read.contains_key("password"));
    }
}
