//! Revokes links, also while a bridge is running.

use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::LinkTarget;
use crate::store;
use crate::store::{Revocation, StoreError};
use crate::translate::PublicLinks;

/// Revokes all links to the target of the link `text`, and returns the target; `None` if it is not one of our
/// links.
///
/// # Errors
/// When there is no key, or the store cannot be read or written.
pub fn revoke_link(settings: &Settings, text: &str) -> Result<Option<LinkTarget>, StoreError> {
    let key = store::load_link_key(&settings.state_dir)?;
    // Only the key matters for parsing a link, not the URLs.
    let letschat = &settings.letschat.url;
    let links = PublicLinks::new(key, letschat.clone(), letschat.clone());
    let Some(link) = links.parse_link(text) else { return Ok(None) };
    store::revoke(&settings.state_dir, Revocation::Target(link.target), Timestamp::now())?;
    Ok(Some(link.target))
}

/// Revokes all links created from `since` until now.
///
/// # Errors
/// When the store cannot be read or written.
pub fn revoke_since(settings: &Settings, since: Timestamp) -> Result<(), StoreError> {
    store::revoke(&settings.state_dir, Revocation::CreatedSince(since), Timestamp::now())
}
