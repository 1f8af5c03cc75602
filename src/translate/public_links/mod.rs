//! Links that people on IRC can open: a file or a long message of Let's Chat, without an account.
//!
//! A link names what it leads to and when it was made, signed with a key that only this bridge has:
//!
//! ```text
//! https://bridge.example.org/f/<signed>/photo.png      a file; its name is signed, too
//! https://bridge.example.org/p/<signed>                a message of many lines
//! ```
//!
//! Nothing is written down for it: the same file or message and the same time make the same link.
//! Whether it is still good, the web layer decides: it knows how long a link lives, and the store
//! knows which were revoked.

mod file_name;
mod rewrite;
mod signature;

use std::borrow::Cow;

use jiff::Timestamp;
use secrecy::SecretBox;
use url::Url;

use crate::domain::{FileId, LinkTarget, Message, PasteId};

pub use file_name::sanitize_file_name;

/// The maker of links, and the reader of those that it made.
///
/// Only what was said in a Let's Chat room may have its files turned into links: somebody on IRC
/// could otherwise have any file opened whose id they know. Whoever translates for IRC uses it so:
///
/// ```ignore
/// // The message comes from a room, and `links` is there where the administrator wants them.
/// let body = links.in_text(&message.body, told_at);    // upload://files/ID/NAME and full addresses
/// let whole = links.paste(&message, told_at);          // for "… 40 more lines: https://…"
/// let one = links.file(id, name, told_at);             // where id and name are known already
/// ```
///
/// `told_at` is when the delivery was begun, so that it is rendered the same again.
#[derive(Debug)]
pub struct PublicLinks {
    key: SecretBox<[u8; 32]>,
    /// Both end with `/`.
    public_url: Url,
    letschat_url: Url,
}

/// A link that this bridge made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicLink {
    /// What it leads to.
    pub target: LinkTarget,
    /// When it was made, to the second.
    pub created_at: Timestamp,
}

impl PublicLinks {
    /// Links below `public`, signed with `key`, to what is on the Let's Chat at `letschat`.
    #[must_use]
    pub fn new(key: SecretBox<[u8; 32]>, public: Url, letschat: Url) -> Self {
        Self { key, public_url: public, letschat_url: letschat }
    }

    /// A link, made at `now`, to the file that Let's Chat calls `id`. The name is what it is saved
    /// under: what in it could do harm is left out. `None` where Let's Chat makes no such ids.
    #[must_use]
    pub fn file_link(&self, id: &str, name: &str, now: Timestamp) -> Option<String> {
        let link = PublicLink { target: LinkTarget::File(id.parse().ok()?), created_at: now };
        let name = sanitize_file_name(name);
        let signed = signature::sign(&self.key, link, &name);
        Some(format!("{}f/{signed}/{}", self.public_url, file_name::percent_encode(&name)))
    }

    /// A link, made at `now`, to the whole of `message`, which the ledger keeps.
    #[must_use]
    pub fn paste_link(&self, message: &Message, now: Timestamp) -> String {
        let link = PublicLink { target: LinkTarget::Paste(PasteId::of(message)), created_at: now };
        format!("{}p/{}", self.public_url, signature::sign(&self.key, link, ""))
    }

    /// Where whoever answers is asked `question`, which is letters and digits, to find out whether it is
    /// us; and what we answer.
    #[must_use]
    pub fn challenge(&self, question: &str) -> (String, String) {
        (
            format!("{}up/{question}", self.public_url),
            signature::challenge_response(&self.key, question),
        )
    }

    /// `text` with links, made at `now`, in place of the addresses that only lead somewhere for who
    /// is logged in: `upload://files/ID/NAME` and those of Let's Chat's own files.
    #[must_use]
    pub fn rewrite_file_urls<'t>(&self, text: &'t str, now: Timestamp) -> Cow<'t, str> {
        rewrite::replace_file_urls(text, &self.letschat_url, |id, name| {
            self.file_link(id, name, now)
        })
    }

    /// The file that `/f/<signed>/<name>` leads to, and when that was made; `None` if we did not make
    /// it just so. `name` comes without its percent signs.
    #[must_use]
    pub fn verify_file_link(&self, signed: &str, name: &str) -> Option<(FileId, Timestamp)> {
        match signature::verify(&self.key, signed, name)? {
            PublicLink { target: LinkTarget::File(id), created_at: made } => Some((id, made)),
            PublicLink { target: LinkTarget::Paste(_), .. } => None,
        }
    }

    /// The message that `/p/<signed>` leads to, and when that was made; `None` if we did not make it.
    #[must_use]
    pub fn verify_paste_link(&self, signed: &str) -> Option<(PasteId, Timestamp)> {
        match signature::verify(&self.key, signed, "")? {
            PublicLink { target: LinkTarget::Paste(id), created_at: made } => Some((id, made)),
            PublicLink { target: LinkTarget::File(_), .. } => None,
        }
    }

    /// The link that somebody copied from somewhere, whatever public address it had; `None` if we did
    /// not make it.
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

/// `text` with the address that each file has on the Let's Chat at `letschat`, for who is logged in there,
/// in place of `upload://files/ID/NAME`.
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
