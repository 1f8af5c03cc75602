//! Determines the client's address behind reverse proxies.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The client's address according to the `trusted` proxies: the last address on the way that is not one of
/// them. Anything before that may be forged.
pub(super) fn from_headers(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut address = peer.to_canonical();
    let addresses = headers.get_all("x-forwarded-for").iter().rev();
    let addresses = addresses.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    for word in addresses {
        if !is_trusted(address) {
            return address;
        }
        match parse_forwarded_for(word.trim()) {
            Some(before) => address = before,
            // An invalid entry: the proxy before it is the last known address.
            None => return address,
        }
    }
    address
}

/// Parses an address as proxies write it: bare, in brackets, or with a port.
fn parse_forwarded_for(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    let v4 = || word.split_once(':').map(|(address, _)| address);
    let found = bare.unwrap_or(word).parse::<IpAddr>().ok();
    found.or_else(|| v4()?.parse().ok()).map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, said: &[&str], asks: &str) {
        let headers: HeaderMap = said
            .iter()
            .map(|it| ("x-forwarded-for".parse().expect("a name"), it.parse().expect("a value")))
            .collect();
        let trusted = ["127.0.0.0/8", "10.0.0.0/8", "::1/128"].map(|it| it.parse().expect("a net"));
        let address = from_headers(peer.parse().expect("an address"), &headers, &trusted);
        assert_eq!(address.to_string(), asks, "{said:?}");
    }

    #[test]
    fn forwarded_for_of_a_trusted_proxy_is_used() {
        check("127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("::1", &["2001:db8::1"], "2001:db8::1");
        check("127.0.0.1", &["192.0.2.1, 10.1.1.1"], "192.0.2.1");
        check("127.0.0.1", &["192.0.2.1", "10.1.1.1"], "192.0.2.1");
        check("127.0.0.1", &["192.0.2.1:5000"], "192.0.2.1");
        check("127.0.0.1", &["[2001:db8::1]:5000"], "2001:db8::1");
        check("127.0.0.1", &[], "127.0.0.1");
    }

    #[test]
    fn forwarded_for_of_others_is_ignored() {
        check("192.0.2.9", &["192.0.2.1"], "192.0.2.9");
        check("127.0.0.1", &["192.0.2.1, 192.0.2.9"], "192.0.2.9");
        check("127.0.0.1", &["10.0.0.1, 192.0.2.9, 10.0.0.2"], "192.0.2.9");
        check("127.0.0.1", &["unknown, 10.0.0.1"], "10.0.0.1");
        check("127.0.0.1", &[""], "127.0.0.1");
    }
}
