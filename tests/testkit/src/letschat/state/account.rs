//! An account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::json;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::NewUser;

/// An account and its token.
#[derive(Debug)]
pub(in super::super) struct Account {
    pub id: Id,
    pub username: String,
    pub display_name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub avatar: String,
    pub open_rooms: Vec<String>,
    /// What its owner signs in with; nobody can if there is none.
    pub password: Option<String>,
    /// The 48 hex digits that end its token; none when the token has been revoked.
    pub secret: Option<String>,
}

impl Account {
    pub(super) fn new(id: Id, person: NewUser) -> Self {
        Self {
            id,
            avatar: gravatar(&person.email),
            username: person.username,
            display_name: person.display_name,
            first_name: person.first_name,
            last_name: person.last_name,
            email: person.email,
            password: person.password,
            open_rooms: Vec::new(),
            secret: Some(new_secret()),
        }
    }

    /// Gives it this mail address, and the avatar that goes with it.
    pub(in super::super) fn set_email(&mut self, email: String) {
        self.avatar = gravatar(&email);
        self.email = email;
    }

    /// Its token: `base64("<24 hex digits>:<48 hex digits>")`.
    pub(in super::super) fn token(&self) -> Option<String> {
        let secret = self.secret.as_ref()?;
        Some(STANDARD.encode(format!("{}:{secret}", self.id)))
    }

    pub(in super::super) fn as_json(&self) -> json::User<'_> {
        json::User {
            id: &self.id,
            first_name: &self.first_name,
            last_name: &self.last_name,
            username: &self.username,
            display_name: &self.display_name,
            avatar: &self.avatar,
            open_rooms: &self.open_rooms,
            room: None,
        }
    }

    pub(super) fn as_brief_json(&self) -> json::BriefUser<'_> {
        json::BriefUser {
            id: &self.id,
            username: &self.username,
            display_name: &self.display_name,
            avatar: &self.avatar,
        }
    }
}

/// The name of the Gravatar of an e-mail address: its MD5, in hex digits.
fn gravatar(email: &str) -> String {
    id::hex(&Md5::digest(email.to_lowercase()))
}

/// A secret nobody has had before.
pub(super) fn new_secret() -> String {
    id::hex(&std::array::from_fn::<u8, 24, _>(|_| fastrand::u8(..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_avatar_of_a_recorded_account() {
        assert_eq!(gravatar("Bridge@example.com"), "e58fbfffe2364edf3461dbc5fae3a739");
    }
}
