//! The rooms whose messages an account may read, as the server says to its session.

use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::server::{AccessError, Credential, RestServer, identify};
use super::{RestError, describe_body, read_body};
use crate::domain::Secret;

/// Rooms per request: one answer has to fit into [`super::MAX_LEN_RESPONSE`].
const PAGE: usize = 500;

/// The maximum number of rooms that are listed.
const MAX_ROOMS: usize = 5_000;

/// A room that the server lists to an account, which may not be allowed to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    /// Its id: 24 hex digits.
    pub id: String,
    /// Its slug, which never changes.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What the list tells about reading it.
    pub access: RoomAccess,
}

/// Whether an account may read a room, as far as the list of rooms tells (docs/letschat-protocol.md, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomAccess {
    /// It may.
    Open,
    /// The room has a password, and the list does not tell whether the account has given it.
    Unknown,
}

/// A room as JSON. Anything may have been edited in the database.
#[derive(Deserialize)]
struct RoomRow {
    id: String,
    slug: String,
    #[serde(default)]
    name: serde_json::Value,
    #[serde(default)]
    owner: serde_json::Value,
    #[serde(default)]
    private: bool,
    #[serde(default, rename = "hasPassword")]
    has_password: bool,
    #[serde(default)]
    participants: Vec<serde_json::Value>,
}

impl RestServer {
    /// The rooms that the server lists to the account of `session`, whose id is `account`: at most 5,000, those that
    /// were active last first. Archived rooms, and private ones that the account may not enter, are not listed.
    ///
    /// # Errors
    /// [`AccessError::Refused`] if the session has ended.
    pub async fn listed_rooms(
        &self,
        session: &Secret,
        account: &str,
    ) -> Result<Vec<ListedRoom>, AccessError> {
        let mut rooms = Vec::new();
        while rooms.len() < MAX_ROOMS {
            let mut address = self.visitor.url("rooms");
            address.set_query(Some(&format!("take={PAGE}&skip={}", rooms.len())));
            let body = self.get_as(session, address).await?;
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&body)
                .map_err(|_| RestError::NotLetsChat(describe_body(&body)))?;
            let count = rows.len();
            let read = rows.into_iter().take(PAGE).map(serde_json::from_value::<RoomRow>);
            rooms.extend(read.map(|row| row.ok().map(|row| row.listed(account))));
            if count < PAGE {
                break;
            }
        }
        Ok(rooms.into_iter().flatten().collect())
    }

    /// Whether the server shows a message of the room with this id to the account of `session`. An empty room has none
    /// to show.
    ///
    /// # Errors
    /// [`AccessError::Refused`] if the session has ended.
    pub async fn shows_messages(&self, session: &Secret, room: &str) -> Result<bool, AccessError> {
        let mut address = self.visitor.url("messages");
        address.query_pairs_mut().append_pair("room", room).append_pair("take", "1");
        let body = self.get_as(session, address).await?;
        let rows: Vec<serde::de::IgnoredAny> = serde_json::from_slice(&body)
            .map_err(|_| RestError::NotLetsChat(describe_body(&body)))?;
        Ok(!rows.is_empty())
    }

    async fn get_as(&self, session: &Secret, address: Url) -> Result<Vec<u8>, AccessError> {
        let request = self.visitor.http.get(address);
        let request = identify(request, Credential::Session(session))?;
        let response = self.visitor.send(request).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => return Err(AccessError::Refused),
            _ => self.check(&response)?,
        }
        Ok(read_body(response).await?)
    }
}

impl RoomRow {
    fn listed(self, account: &str) -> ListedRoom {
        let is_owner = self.owner.as_str() == Some(account);
        // Only those who may enter a private room are told who its participants are.
        let is_told = self.private && !self.participants.is_empty();
        let access = match self.has_password && !is_owner && !is_told {
            true => RoomAccess::Unknown,
            false => RoomAccess::Open,
        };
        let name = self.name.as_str().unwrap_or(&self.slug).to_owned();
        ListedRoom { id: self.id, slug: self.slug, name, access }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::config::{CertificatePin, TlsTrust};
    use crate::net::rest::fake::{FakeAnswer, FakeServer};
    use crate::net::tls::client_config;

    fn rest(server: &FakeServer) -> RestServer {
        let tls = client_config(&TlsTrust::Pin(CertificatePin::new([0; 32]))).unwrap();
        RestServer::new(&server.url, &Arc::clone(&tls)).unwrap()
    }

    #[test]
    fn room_with_a_password_is_open_to_those_whom_the_list_names() {
        for (room, access) in [
            (r#"{"id":"r","slug":"s"}"#, RoomAccess::Open),
            (r#"{"id":"r","slug":"s","private":true,"hasPassword":false}"#, RoomAccess::Open),
            (r#"{"id":"r","slug":"s","hasPassword":true,"owner":"me"}"#, RoomAccess::Open),
            (r#"{"id":"r","slug":"s","hasPassword":true,"owner":"ann"}"#, RoomAccess::Unknown),
            (
                r#"{"id":"r","slug":"s","private":true,"hasPassword":true,"owner":"ann","participants":[]}"#,
                RoomAccess::Unknown,
            ),
            (
                r#"{"id":"r","slug":"s","private":true,"hasPassword":true,"owner":"ann","participants":["me"]}"#,
                RoomAccess::Open,
            ),
        ] {
            let read: RoomRow = serde_json::from_str(room).unwrap();
            assert_eq!(read.listed("me").access, access, "{room}");
        }
    }

    #[tokio::test]
    async fn all_pages_of_rooms_are_read_and_broken_rows_left_out() {
        let server = FakeServer::start(|request| {
            let skip: usize = request.line.split_once("skip=").unwrap().1.parse().unwrap();
            let room = |n| format!(r#"{{"id":"{n}","slug":"room-{n}","name":"Room"}}"#);
            let rows: Vec<String> = (skip..700.min(skip + PAGE)).map(room).collect();
            let broken =
                if skip == 0 { rows.join(",").replace("\"0\"", "7") } else { rows.join(",") };
            FakeAnswer::Status(200, format!("[{broken}]"))
        });
        let server = server.await;
        let rooms = rest(&server).listed_rooms(&Secret::new("connect.sid=s1"), "me").await.unwrap();
        assert_eq!((rooms.len(), rooms[0].id.as_str(), rooms[698].id.as_str()), (699, "1", "699"));
        let asked = server.take_requests();
        assert_eq!(asked.len(), 2);
        assert!(asked[0].headers.contains("cookie: connect.sid=s1"), "{asked:?}");
    }

    #[tokio::test]
    async fn end_of_the_session_is_told_from_a_server_that_does_not_answer() {
        for (status, is_refused) in [(401, true), (500, false), (502, false), (302, false)] {
            let server = FakeServer::start(move |_| FakeAnswer::json(status, "[]")).await;
            let rest = rest(&server);
            let session = Secret::new("connect.sid=s1");
            let listed = rest.listed_rooms(&session, "me").await.unwrap_err();
            assert_eq!(matches!(listed, AccessError::Refused), is_refused, "{status}: {listed}");
            let shown = rest.shows_messages(&session, "r").await.unwrap_err();
            assert_eq!(matches!(shown, AccessError::Refused), is_refused, "{status}: {shown}");
        }
        let server = FakeServer::start(|_| FakeAnswer::json(200, r#"[{"id":"m"}]"#)).await;
        assert!(rest(&server).shows_messages(&Secret::new("a=b"), "r").await.unwrap());
        assert_eq!(server.take_lines(), ["GET /messages?room=r&take=1"]);
    }
}
