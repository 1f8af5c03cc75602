//! Under which names the listener may be reached.
//!
//! A page of another site can point a name of its own at 127.0.0.1 (DNS rebinding). To the browser, the bridge is then
//! a part of that site, which may read all answers. So only names that are ours are answered.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::admin::answer::ApiError;

/// The names under which the listener may be reached: addresses, `localhost`, and those of `admin.allowed_hosts`.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// Refuses a request for another host.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        match requested_host(uri, headers) {
            Some(host) if self.has_name(&host) => Ok(()),
            Some(_) => Err(ApiError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "the bridge does not answer under this name of a host: open it by its address or as \
                 localhost, or add the name to allowed_hosts in [admin]",
            )),
            None => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "the request does not say for which host it is: send one Host header",
            )),
        }
    }

    /// Whether this name of a host is ours.
    pub(super) fn has_name(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        is_address(&host) || host == "localhost" || self.0.contains(&host)
    }

    /// Whether this name was added by the administrator.
    pub(super) fn has_public(&self, host: &str) -> bool {
        self.0.contains(&host.trim_end_matches('.').to_ascii_lowercase())
    }
}

/// The host that a request is for, without its port.
fn requested_host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(host) = uri.host() {
        return Some(host.to_owned());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, None) = (hosts.next()?, hosts.next()) else { return None };
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    // A browser never sends a user there.
    (!authority.as_str().contains('@')).then(|| authority.host().to_owned())
}

/// Whether a host is written as an address, which nobody can point elsewhere.
fn is_address(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn status(hosts: &[&str], uri: &str) -> u16 {
        let allowed = AllowedHosts::new(&["bridge.example.org".to_owned()]);
        let headers = hosts.iter().map(|host| (header::HOST, host.parse().unwrap())).collect();
        allowed
            .check(&uri.parse().unwrap(), &headers)
            .map_or_else(|it| it.status().as_u16(), |()| 200)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8090",
            "192.0.2.1:80",
            "[::1]:8090",
            "[2001:db8::1]",
            "localhost",
            "LocalHost:8090",
            "localhost.:8090",
            "Bridge.Example.org",
            "bridge.example.org:8443",
        ] {
            assert_eq!(status(&[host], "/"), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8090",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "bridge.example.org.evil.example",
            "xbridge.example.org",
            "0x7f000001",
            "2130706433",
        ] {
            assert_eq!(status(&[host], "/"), 421, "{host}");
        }
        for hosts in [&[][..], &["localhost", "localhost"], &["a b"], &["evil@localhost"], &[""]] {
            assert_eq!(status(hosts, "/"), 400, "{hosts:?}");
        }
        assert_eq!(status(&["localhost"], "http://evil.example/"), 421, "as proxies write it");
    }
}
