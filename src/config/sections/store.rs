//! Reads `[store]`: how long messages are remembered, and where the database is.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::parse;
use super::tls::check_ca_file;
use crate::config::cluster::ClusterSettings;
use crate::config::entry::Entry;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::settings::StoreSettings;
use crate::config::types::{boolean, text};
use crate::domain::Secret;

/// Reads `[store]`; also returns where `retention` was set.
pub(super) fn read(mut section: Section<'_>) -> (StoreSettings, Option<Entry<'_>>) {
    let written = section.entry("retention");
    let retention =
        written.as_ref().and_then(|entry| entry.parse(text(parse::duration_or_forever)));
    let max_queue_size = section.get("max_queue_size", text(parse::byte_size_or_none));
    let max_queue_size = max_queue_size.unwrap_or(Some(1_000_000_000));
    let cluster = cluster(&mut section);
    section.deny_unknown_keys();
    (
        StoreSettings {
            cluster,
            retention: retention.unwrap_or(Some(Duration::from_hours(30 * 24))),
            max_queue_size,
        },
        written,
    )
}

/// Reads how several nodes share the store.
fn cluster(section: &mut Section<'_>) -> Option<ClusterSettings> {
    let has_url = section.has_any(&["url", "url_file"]);
    let url = section.secret("url", "url_file", |url| {
        parse::postgres_url(url)?;
        // Only a path that is the same wherever the bridge is started from.
        parse::root_certificate_of(url)?.map_or(Ok(()), |path| check_ca_file(&path))
    });
    let node_entry = section.entry("node");
    let node = node_entry.as_ref().and_then(|entry| entry.parse(text(parse::node_name)));
    let share_keys = section.get("share_keys", boolean);
    if let (Some(entry), false) = (&node_entry, has_url) {
        let found = "a bridge that runs alone is no node";
        let remedy = "write url_file = \"store.url\" in [store], a file with the URL of the PostgreSQL \
                      database that the nodes share, or remove it";
        entry.report_error(ValueError::new(found, remedy));
    }
    url.map(|(url, _)| ClusterSettings {
        url: Secret::new(url.expose_secret()),
        node,
        share_keys: share_keys.unwrap_or(true),
    })
}
