//! Public links to files and long messages of Let's Chat, which need no account.
//!
//! A link contains its target and its time of creation, signed with a key that only this bridge has:
//!
//! ```text
//! https://bridge.example.org/f/<signed>/photo.png      a file; the name is signed as well
//! https://bridge.example.org/p/<signed>                a long message
//! ```
//!
//! Links are not stored: the same target and time result in the same link. The web layer decides whether a
//! link is still valid. It knows the expiry, and the store knows the revocations.

mod file_name;
mod rewrite;
mod signature;

use std::borrow::Cow;

use jiff::Timestamp;
use secrecy::SecretBox;
use url::Url;

use crate::domain::{FileId, LinkTarget, Message, PasteId};

pub use file_name::sanitize_file_name;

/// Creates and verifies public links.
///
/// Only messages from a Let's Chat room may have their files turned into links. Otherwise, IRC users could
/// open any file whose id they know. Usage when rendering for IRC:
///
/// ```ignore
/// // The message comes from a room, and `links` exists if the administrator enabled them.
/// let body = links.rewrite_file_urls(&message.body, now); // upload://files/ID/NAME and full URLs
/// let whole = links.paste_link(&message, now);            // for "… 40 more lines: https://…"
/// let one = links.file_link(id, name, now);               // with a known id and name
/// ```
///
/// `now` is when the delivery was started, so that rendering it again gives the same result.
#[derive(Debug)]
pub struct PublicLinks {
    key: SecretBox<[u8; 32]>,
    /// Both end with `/`.
    public_url: Url,
    letschat_url: Url,
}

/// The contents of a public link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicLink {
    /// What it points at.
    pub target: LinkTarget,
    /// When it was created, in seconds.
    pub created_at: Timestamp,
}

impl PublicLinks {
    /// Creates links below `public`, signed with `key`, for the Let's Chat at `letschat`.
    #[must_use]
    pub fn new(key: SecretBox<[u8; 32]>, public: Url, letschat: Url) -> Self {
        Self { key, public_url: public, letschat_url: letschat }
    }

    /// A link, created at `now`, to the file with this id. `name`, after sanitising, is the name for saving
    /// it. `None` if the id is invalid.
    #[must_use]
    pub fn file_link(&self, id: &str, name: &str, now: Timestamp) -> Option<String> {
        let link = PublicLink { target: LinkTarget::File(id.parse().ok()?), created_at: now };
        let name = sanitize_file_name(name);
        let signed = signature::sign(&self.key, link, &name);
        Some(format!("{}f/{signed}/{}", self.public_url, file_name::percent_encode(&name)))
    }

    /// A link, created at `now`, to the whole `message`, which the ledger keeps.
    #[must_use]
    pub fn paste_link(&self, message: &Message, now: Timestamp) -> String {
        let link = PublicLink { target: LinkTarget::Paste(PasteId::of(message)), created_at: now };
        format!("{}p/{}", self.public_url, signature::sign(&self.key, link, ""))
    }

    /// The URL at which to ask for the response to `question` (letters and digits), to verify that this
    /// bridge answers there; and the response.
    #[must_use]
    pub fn challenge(&self, question: &str) -> (String, String) {
        (
            format!("{}up/{question}", self.public_url),
            signature::challenge_response(&self.key, question),
        )
    }

    /// Replaces URLs that require a login, `upload://files/ID/NAME` and those of Let's Chat's files, by links
    /// created at `now`.
    #[must_use]
    pub fn rewrite_file_urls<'t>(&self, text: &'t str, now: Timestamp) -> Cow<'t, str> {
        rewrite::replace_file_urls(text, &self.letschat_url, |id, name| {
            self.file_link(id, name, now)
        })
    }

    /// The file that `/f/<signed>/<name>` points at, and the link's time of creation; `None` if it is not a
    /// valid link. `name` must be percent-decoded.
    #[must_use]
    pub fn verify_file_link(&self, signed: &str, name: &str) -> Option<(FileId, Timestamp)> {
        match signature::verify(&self.key, signed, name)? {
            PublicLink { target: LinkTarget::File(id), created_at: made } => Some((id, made)),
            PublicLink { target: LinkTarget::Paste(_), .. } => None,
        }
    }

    /// The message that `/p/<signed>` points at, and the link's time of creation; `None` if it is not a valid
    /// link.
    #[must_use]
    pub fn verify_paste_link(&self, signed: &str) -> Option<(PasteId, Timestamp)> {
        match signature::verify(&self.key, signed, "")? {
            PublicLink { target: LinkTarget::Paste(id), created_at: made } => Some((id, made)),
            PublicLink { target: LinkTarget::File(_), .. } => None,
        }
    }

    /// Parses a link copied from anywhere, with any public URL; `None` if it is not a valid link.
    #[must_use]
    pub fn parse_link(&self, address: &str) -> Option<PublicLink> {
        let address = Url::parse(address).ok()?;
        let segments: Vec<&str> = address.path_segments()?.filter(|it| !it.is_empty()).collect();
        let (to, made) = match *segments.as_slice() {
            [.., "f", signed, name] => {
                let (id, made) = self.verify_file_link(signed, &file_name::percent_decode(name))?;
                (LinkTarget::File(id), made)
            }
            [.., "p", signed] | [.., "p", signed, "raw"] => {
                let (id, made) = self.verify_paste_link(signed)?;
                (LinkTarget::Paste(id), made)
            }
            _ => return None,
        };
        Some(PublicLink { target: to, created_at: made })
    }
}

/// Replaces `upload://files/ID/NAME` by the URL of the file on the Let's Chat at `letschat`, for users with a
/// login.
pub(super) fn rewrite_to_letschat_urls<'t>(text: &'t str, letschat: &Url) -> Cow<'t, str> {
    rewrite::replace_file_urls(text, letschat, |id, name| {
        let id: FileId = id.parse().ok()?;
        Some(format!(
            "{letschat}files/{id}/{}",
            file_name::percent_encode(&sanitize_file_name(name))
        ))
    })
}

#[cfg(test)]
mod tests;
