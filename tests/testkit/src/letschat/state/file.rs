//! An uploaded file.

use axum::body::Bytes;
use jiff::Timestamp;

use super::json;
use crate::letschat::id::{self, Id};

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
    pub(in super::super) fn as_json(&self) -> json::File<'_> {
        self.as_json_with(json::Owner::Id(&self.owner), json::Where::Id(&self.room))
    }

    pub(super) fn as_json_with<'a>(
        &'a self,
        owner: json::Owner<'a>,
        room: json::Where<'a>,
    ) -> json::File<'a> {
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
