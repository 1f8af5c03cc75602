//! How a host is written in an address.

/// Removes the brackets that an IPv6 address has in a URL.
pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// `host:port` as in a URL, with brackets around an IPv6 address.
pub(super) fn host_port(host: &str, port: u16) -> String {
    match without_brackets(host) {
        address if address.contains(':') => format!("[{address}]:{port}"),
        name => format!("{name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv6_addresses_get_brackets() {
        for (host, written) in
            [("irc.example", "irc.example:6697"), ("::1", "[::1]:6697"), ("[::1]", "[::1]:6697")]
        {
            assert_eq!(host_port(host, 6697), written);
        }
    }
}
