//! One account as Let's Chat keeps it in its database.

use bcrypt::Version;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use super::choice::AccountProposal;
use crate::domain::{ObjectId, Secret};
use crate::migrate::letschat::{AccountFields, append_account};

/// The cost of the token's digest. The server computes it with each request by the token; its secret is 192 random
/// bits, which no cost makes safer.
const TOKEN_COST: u32 = 4;

/// The random part of a token, in bytes: what Let's Chat takes, too.
const TOKEN_BYTES: usize = 24;

/// What the tokens of this file are made from, so that they are like no other digests.
const TOKEN_PURPOSE: &[u8] = b"letsbridge: token of an account on Let's Chat";

/// A document could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the document of the account {username}: {reason}")]
pub struct DocumentError {
    /// The account.
    pub username: String,
    /// Why.
    pub reason: String,
}

/// A document, and what gives access to its account.
pub(super) struct AccountDocument {
    pub(super) bson: Vec<u8>,
    pub(super) token: Secret,
}

/// The document of `account` (docs/accounts.md), with a token that follows from `key`.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn account_document(
    account: &AccountProposal,
    key: &SecretBox<[u8; 32]>,
    now: Timestamp,
) -> Result<AccountDocument, DocumentError> {
    let fails = |reason: String| DocumentError { username: account.username.clone(), reason };
    let id = account.id;
    let secret = token_secret(key, id);
    let parts = bcrypt::hash_with_result(secret.expose(), TOKEN_COST);
    let parts = parts.map_err(|error| fails(error.to_string()))?;
    let token = format!("{id}:{}", secret.expose());
    let mut bson = Vec::new();
    let fields = AccountFields {
        id,
        display_name: &account.nick,
        username: &account.username,
        email: &account.email,
        uid: account.uid.as_deref(),
        // Old versions of Let's Chat know no other version of bcrypt.
        token: Some(&parts.format_for_version(Version::TwoA)),
        joined: now,
    };
    append_account(&mut bson, &fields);
    Ok(AccountDocument { bson, token: Secret::new(BASE64.encode(token.as_bytes())) })
}

/// The secret part of the token of an account: 48 hexadecimal digits that nobody without the key can know.
fn token_secret(key: &SecretBox<[u8; 32]>, id: ObjectId) -> Secret {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret());
    let mut mac = mac.expect("HMAC accepts keys of any length");
    mac.update(TOKEN_PURPOSE);
    mac.update(&id.0);
    Secret::new(HEXLOWER.encode(&mac.finalize().into_bytes()[..TOKEN_BYTES]))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bson::Document;

    use super::*;
    use crate::domain::{Identity, Network, PersonId, PersonKey};
    use crate::protocol::letschat::user_of_token;

    fn ann(uid: Option<&str>) -> AccountProposal {
        AccountProposal {
            person: PersonId(1),
            key: PersonKey {
                network: Network::new("office"),
                identity: Identity::Account("ann".to_owned()),
            },
            id: ObjectId([9; 12]),
            nick: "Ann".to_owned(),
            username: "ann.irc".to_owned(),
            uid: uid.map(str::to_owned),
            email: "Ann.irc@irc.invalid".to_owned(),
        }
    }

    fn key(byte: u8) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new([byte; 32]))
    }

    #[test]
    fn document_is_read_back_and_holds_the_digest_of_the_token() {
        let made = account_document(&ann(None), &key(7), Timestamp::UNIX_EPOCH).expect("works");
        let read = Document::from_reader(&made.bson[..]).expect("is BSON");
        let id = ObjectId([9; 12]).to_string();
        assert_eq!(read.get_object_id("_id").expect("is there").to_hex(), id);
        assert_eq!(read.get_binary_generic("id").expect("is there"), &vec![9; 12]);
        for (field, text) in [
            ("displayName", "Ann"),
            ("firstName", "Ann"),
            ("lastName", "IRC"),
            ("email", "ann.irc@irc.invalid"),
            ("username", "ann.irc"),
            ("provider", "irc"),
        ] {
            assert_eq!(read.get_str(field).expect("is there"), text);
        }
        assert!(!read.contains_key("password") && !read.contains_key("uid"));
        assert_eq!(user_of_token(made.token.expose()), Some(id.clone()));
        let token = STANDARD.decode(made.token.expose()).expect("is base64");
        let token = String::from_utf8(token).expect("is text");
        let (_, secret) = token.split_once(':').expect("has two parts");
        assert_eq!(secret.len(), 48);
        let digest = read.get_str("token").expect("is there");
        assert!(digest.starts_with("$2a$04$"), "{digest}");
        assert!(bcrypt::verify(secret, digest).expect("is a digest"));
        let made = account_document(&ann(Some("ann")), &key(7), Timestamp::UNIX_EPOCH);
        let read = Document::from_reader(&made.expect("works").bson[..]).expect("is BSON");
        assert_eq!(read.get_str("uid").expect("is there"), "ann");
    }

    #[test]
    fn token_follows_from_key_and_id() {
        let make = |account: &AccountProposal, byte| {
            account_document(account, &key(byte), Timestamp::UNIX_EPOCH).expect("works").token
        };
        let token = make(&ann(None), 7);
        assert_eq!(token, make(&ann(Some("x")), 7));
        assert_ne!(token, make(&ann(None), 8));
        assert_ne!(token, make(&AccountProposal { id: ObjectId([8; 12]), ..ann(None) }, 7));
    }
}
