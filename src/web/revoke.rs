//! Revokes links, also while a bridge is running, on all nodes if there are several.

use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::LinkTarget;
use crate::store;
use crate::store::{ClusterConfig, Revocation, StoreError, revoke_in_cluster};
use crate::translate::PublicLinks;

/// Revokes all links to the target of the link `text`, and returns the target; `None` if it is not one of our
/// links. Several nodes share the store in `cluster`, if there are any.
///
/// # Errors
/// When there is no key, or the store cannot be read or written.
pub async fn revoke_link(
    settings: &Settings,
    cluster: Option<&ClusterConfig>,
    text: &str,
) -> Result<Option<LinkTarget>, StoreError> {
    let key = store::load_link_key(&settings.state_dir)?;
    // Only the key matters for parsing a link, not the URLs.
    let letschat = &settings.letschat.url;
    let links = PublicLinks::new(key, letschat.clone(), letschat.clone());
    let Some(link) = links.parse_link(text) else { return Ok(None) };
    revoke(settings, cluster, Revocation::Target(link.target)).await?;
    Ok(Some(link.target))
}

/// Revokes all links created from `since` until now. Several nodes share the store in `cluster`, if there are any.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn revoke_since(
    settings: &Settings,
    cluster: Option<&ClusterConfig>,
    since: Timestamp,
) -> Result<(), StoreError> {
    revoke(settings, cluster, Revocation::CreatedSince(since)).await
}

async fn revoke(
    settings: &Settings,
    cluster: Option<&ClusterConfig>,
    what: Revocation,
) -> Result<(), StoreError> {
    let (directory, now) = (&settings.state_dir, Timestamp::now());
    match cluster {
        Some(cluster) => revoke_in_cluster(cluster, directory, what, now).await,
        None => store::revoke(directory, what, now),
    }
}
