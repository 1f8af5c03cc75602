//! The signed part of a public link: target, time of creation, MAC.
//!
//! ```text
//! base64url( kind 1 | made 4 | file 12              | MAC 16 )     44 characters
//! base64url( kind 1 | made 4 | sent at 6 | digest 8 | MAC 16 )     47 characters
//! ```
//!
//! The MAC is the first half of an HMAC-SHA-256 (RFC 2104; section 5 allows truncation to 128 bits). It
//! covers a purpose string, everything before the MAC, and the file's name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use super::PublicLink;
use crate::domain::{FileId, LinkTarget, ObjectId, PasteId};

/// The purpose string of links, which separates this use of the key from others.
const LINK_PURPOSE: &[u8] = b"letsbridge link 1\0";

/// The purpose string of self-test responses.
const CHALLENGE_PURPOSE: &[u8] = b"letsbridge presence 1\0";

const MAC_LEN: usize = 16;

const KIND_FILE: u8 = 1;
const KIND_PASTE: u8 = 2;

/// Longer than any link of ours.
const MAX_LEN: usize = 64;

/// Signs `link` together with `name`.
pub(super) fn sign(key: &SecretBox<[u8; 32]>, link: PublicLink, name: &str) -> String {
    let mut bytes = pack(link);
    let proof = link_mac(key, &bytes, name).finalize().into_bytes();
    bytes.extend_from_slice(&proof[..MAC_LEN]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Verifies a link that was signed together with `name`; `None` if it is invalid.
pub(super) fn verify(key: &SecretBox<[u8; 32]>, signed: &str, name: &str) -> Option<PublicLink> {
    if signed.len() > MAX_LEN {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(signed).ok()?;
    let (packed, proof) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LEN)?)?;
    // Constant-time comparison.
    link_mac(key, packed, name).verify_truncated_left(proof).ok()?;
    unpack(packed)
}

/// The response to `question`, which only a holder of the key can compute.
pub(super) fn challenge_response(key: &SecretBox<[u8; 32]>, question: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret());
    let mut mac = mac.expect("HMAC accepts keys of any length");
    mac.update(CHALLENGE_PURPOSE);
    mac.update(question.as_bytes());
    URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..MAC_LEN])
}

fn link_mac(key: &SecretBox<[u8; 32]>, packed: &[u8], name: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret());
    let mut mac = mac.expect("HMAC accepts keys of any length");
    mac.update(LINK_PURPOSE);
    mac.update(packed);
    mac.update(name.as_bytes());
    mac
}

fn pack(PublicLink { target: to, created_at: made }: PublicLink) -> Vec<u8> {
    let made = u32::try_from(made.as_second()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(64);
    bytes.push(match to {
        LinkTarget::File(_) => KIND_FILE,
        LinkTarget::Paste(_) => KIND_PASTE,
    });
    bytes.extend_from_slice(&made.to_be_bytes());
    match to {
        LinkTarget::File(FileId(id)) => bytes.extend_from_slice(&id.0),
        LinkTarget::Paste(PasteId { sent_at_ms: sent_at, digest }) => {
            // 48 bits of milliseconds cover 4,000 years in both directions.
            bytes.extend_from_slice(&sent_at.to_be_bytes()[2..]);
            bytes.extend_from_slice(&digest);
        }
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Option<PublicLink> {
    let (kind, rest) = bytes.split_first()?;
    let (made, rest) = rest.split_first_chunk::<4>()?;
    let made = Timestamp::from_second(u32::from_be_bytes(*made).into()).ok()?;
    let to = match *kind {
        KIND_FILE => LinkTarget::File(FileId(ObjectId(rest.try_into().ok()?))),
        KIND_PASTE => {
            let (sent_at, digest) = rest.split_first_chunk::<6>()?;
            let sign = if sent_at[0] & 0x80 == 0 { 0 } else { 0xff };
            let mut whole = [sign; 8];
            whole[2..].copy_from_slice(sent_at);
            let sent_at = i64::from_be_bytes(whole);
            LinkTarget::Paste(PasteId { sent_at_ms: sent_at, digest: digest.try_into().ok()? })
        }
        _ => return None,
    };
    Some(PublicLink { target: to, created_at: made })
}
