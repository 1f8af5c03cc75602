use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::json;
use crate::letschat::id::{self, Id};
use crate::letschat::setup::Person;

/// An account and what it knows.
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
    /// The 48 hex digits that end its token; none when the token has been revoked.
    pub secret: Option<String>,
}

impl Account {
    pub(super) fn new(id: Id, person: Person) -> Self {
        Self {
            id,
            avatar: gravatar(&person.email),
            username: person.username,
            display_name: person.display_name,
            first_name: person.first_name,
            last_name: person.last_name,
            email: person.email,
            open_rooms: Vec::new(),
            secret: Some(new_secret()),
        }
    }

    /// Its token: `base64("<24 hex digits>:<48 hex digits>")`.
    pub(in super::super) fn token(&self) -> Option<String> {
        let secret = self.secret.as_ref()?;
        Some(STANDARD.encode(format!("{}:{secret}", self.id)))
    }

    pub(in super::super) fn shape(&self) -> json::User<'_> {
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

    pub(super) fn brief(&self) -> json::BriefUser<'_> {
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

/// What a token turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// This account's.
    Good(Id),
    /// Not of the form of a token. The server notices, goes on regardless, and answers twice.
    Malformed,
    /// Nobody's.
    Wrong,
    /// The account has no token any more, or the token has no secret: the check itself fails.
    Broken,
}

impl super::World {
    /// Whose `token` is. It is read as the server reads it: base64 of any alphabet, with or without its end.
    pub(in super::super) fn check(&self, token: &str) -> Verdict {
        let read = lenient(token);
        let mut parts = read.split(':');
        let (who, secret) = (parts.next().unwrap_or_default(), parts.next());
        let Some(who) = id::parse(who).filter(|_| who.len() == 24) else {
            return Verdict::Malformed;
        };
        let Some(account) = self.account(&who) else { return Verdict::Wrong };
        match (&account.secret, secret) {
            (Some(right), Some(given)) if right == given => Verdict::Good(who),
            (Some(_), Some(_)) => Verdict::Wrong,
            _ => Verdict::Broken,
        }
    }
}

/// Base64 as Node reads it: both alphabets, and what is not base64 is passed over.
fn lenient(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .take_while(|char| *char != '=')
        .filter_map(|char| match char {
            '-' => Some('+'),
            '_' => Some('/'),
            '+' | '/' => Some(char),
            _ => char.is_ascii_alphanumeric().then_some(char),
        })
        .collect();
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    let bytes = engine.decode(kept).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_avatar_of_a_recorded_account() {
        assert_eq!(gravatar("Bridge@example.com"), "e58fbfffe2364edf3461dbc5fae3a739");
    }

    #[test]
    fn base64_is_read_as_node_reads_it() {
        for (text, read) in
            [("Zm9v", "foo"), ("Zm8=", "fo"), ("Zm8", "fo"), ("Z m\n9v", "foo"), ("Zm9vZ", "foo")]
        {
            assert_eq!(lenient(text), read, "{text:?}");
        }
    }
}
