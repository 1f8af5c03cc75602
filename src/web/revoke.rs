//! Takes links back, beside a bridge that may be running.

use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::LinkTarget;
use crate::store;
use crate::store::{Revocation, StoreError};
use crate::translate::PublicLinks;

/// Takes back every link to what the link `text` leads to, and tells what that is; `None` where it is
/// not one of ours.
///
/// # Errors
/// When there is no key, or the store does not do its part.
pub fn revoke_link(settings: &Settings, text: &str) -> Result<Option<LinkTarget>, StoreError> {
    let key = store::load_link_key(&settings.state_dir)?;
    // Where a link leads says the key; the addresses are of no matter.
    let letschat = &settings.letschat.url;
    let links = PublicLinks::new(key, letschat.clone(), letschat.clone());
    let Some(link) = links.parse_link(text) else { return Ok(None) };
    store::revoke(&settings.state_dir, Revocation::Target(link.target), Timestamp::now())?;
    Ok(Some(link.target))
}

/// Takes back every link that was made from `since` until now.
///
/// # Errors
/// When the store does not do its part.
pub fn revoke_since(settings: &Settings, since: Timestamp) -> Result<(), StoreError> {
    store::revoke(&settings.state_dir, Revocation::CreatedSince(since), Timestamp::now())
}
