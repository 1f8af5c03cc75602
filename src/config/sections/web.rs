//! Reads `[web]`: the web server for files and long messages.

use core::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::parse;
use crate::config::WebSettings;
use crate::config::entry::Entry;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, count_or_none, text};

const MEGABYTE: u64 = 1_000_000;

/// Reads `[web]`; `None` if it is off or has an error. `retention` is that of the database.
pub(super) fn read(mut section: Section<'_>, retention: Option<Duration>) -> Option<WebSettings> {
    let public_url = section.get("public_url", text(parse::base_url));
    let listen = section.get("listen", text(parse::listen_address));
    let written = section.entry("link_expiry");
    let link_expiry = written.as_ref().and_then(|entry| entry.parse(text(parse::duration)));
    let link_expiry = link_expiry.unwrap_or(Duration::from_hours(30 * 24));
    warn_short_retention(link_expiry, written.as_ref(), retention);
    let max_file_size =
        section.get("max_file_size", text(parse::byte_size)).unwrap_or(100 * MEGABYTE);
    let cache_entry = section.entry("cache_size");
    let cache = cache_entry.as_ref().and_then(|entry| entry.parse(text(parse::byte_size)));
    let cache = cache.unwrap_or_else(|| max_file_size.max(250 * MEGABYTE));
    if let Some(entry) = cache_entry.filter(|_| cache < max_file_size) {
        let found = "smaller than web.max_file_size: the cache cannot hold the largest file";
        entry.report_error(ValueError::new(found, "raise it to at least web.max_file_size"));
    }
    let requests = section.get("requests_per_minute", count_or_none).unwrap_or(Some(120));
    let proxies = section.entry("trusted_proxies").and_then(|entry| {
        entry.items("trusted_proxies = [\"127.0.0.1\"]", |value| parse::ip_net(as_str(value)?))
    });
    section.deny_unknown_keys();
    Some(WebSettings {
        public_url: public_url?,
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8480))),
        link_expiry,
        max_file_size,
        cache_size: cache,
        requests_per_minute: requests,
        trusted_proxies: proxies.unwrap_or_else(loopback_nets),
    })
}

/// The loopback networks.
fn loopback_nets() -> Vec<ipnet::IpNet> {
    ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).into()
}

/// Warns if links to long messages outlive the messages in the database.
fn warn_short_retention(
    link_expiry: Duration,
    written: Option<&Entry<'_>>,
    retention: Option<Duration>,
) {
    if let (Some(retention), Some(entry)) = (retention, written)
        && retention < link_expiry
    {
        let found = "longer than store.retention: links to long messages stop working when the \
                     message is pruned";
        entry.report_warning(ValueError::new(
            found,
            "raise store.retention to at least link_expiry",
        ));
    }
}
