//! Parses addresses: hosts, URLs, networks, proxies and certificate fingerprints.

use core::net::IpAddr;

use data_encoding::HEXLOWER_PERMISSIVE;
use ipnet::Ipv6Net;
use url::{Host, Url};

use super::{ValueError, quote};
use crate::config::{CertificatePin, HostPort, ProxyKind, ProxySettings};

const HOST_PORT_HELP: &str = "write it like \"irc.example.org:6697\"";

/// Parses `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
pub(in crate::config) fn host_port(text: &str, default_port: u16) -> Result<HostPort, ValueError> {
    let error = |found: &str, remedy: &str| {
        ValueError::new(format!("{} {found}", redact_credentials(text)), remedy)
    };
    if text.contains("//") {
        return Err(error("is a URL", "write only host and port, like \"irc.example.org:6697\""));
    }
    if !text.starts_with('[') && text.matches(':').count() > 1 {
        return Err(error("is not host:port", "write an IPv6 address in brackets: \"[::1]:6697\""));
    }
    // The colons of an IPv6 address are before its bracket.
    let after_host = text.rfind(']').unwrap_or(0);
    let (host, port) = match text[after_host..].find(':') {
        Some(colon) => (&text[..after_host + colon], parse_port(&text[after_host + colon + 1..])),
        None => (text, Some(default_port)),
    };
    let host = parse_host(host).ok_or_else(|| error("is not host:port", HOST_PORT_HELP))?;
    let port = port.ok_or_else(|| error("is not host:port", HOST_PORT_HELP))?;
    let host = match host {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Ok(HostPort { host, port })
}

/// Parses a host. Converts names to ASCII, the form in DNS and certificates.
fn parse_host(text: &str) -> Option<Host> {
    let foreign =
        |c: char| c.is_ascii_punctuation() && !matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    if text.contains(foreign) { None } else { Host::parse(text).ok() }
}

fn parse_port(text: &str) -> Option<u16> {
    // Rust would parse "+6697" as a number, too.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| plain && *port != 0)
}

/// Parses the URL of Let's Chat: `http` or `https`, with an optional port and path. The path of the
/// result ends with `/`.
pub(in crate::config) fn base_url(text: &str) -> Result<Url, ValueError> {
    const EXAMPLE: &str = "write it like \"https://chat.example.org\"";
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        let found = format!("{} does not start with https:// or http://", redact_credentials(text));
        return Err(ValueError::new(found, EXAMPLE));
    }
    let mut url = Url::parse(text).map_err(|error| {
        ValueError::new(format!("{} is not a URL ({error})", redact_credentials(text)), EXAMPLE)
    })?;
    let surplus = if !url.username().is_empty() || url.password().is_some() {
        Some(("a user name", "remove it: the token identifies the bridge"))
    } else if url.query().is_some() {
        Some(("a query (\"?…\")", "remove it"))
    } else if url.fragment().is_some() {
        Some(("a fragment (\"#…\")", "remove it"))
    } else {
        None
    };
    if let Some((what, remedy)) = surplus {
        return Err(ValueError::new(format!("the address has {what}"), remedy));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Parses a local address.
pub(in crate::config) fn ip_address(text: &str) -> Result<IpAddr, ValueError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| {
        let remedy = "write an address of this machine, like \"192.0.2.7\" or \"2001:db8::7\"";
        ValueError::quoting(text, "is not an IP address", remedy)
    })
}

/// The minimum number of host bits. With fewer, puppets would share addresses.
const MIN_HOST_BITS: u8 = 32;

/// Parses a network whose addresses are all routed to this machine.
pub(in crate::config) fn ipv6_prefix(text: &str) -> Result<Ipv6Net, ValueError> {
    const EXAMPLE: &str = "write an IPv6 network, like \"2001:db8:1:2::/64\"";
    let net: Ipv6Net =
        text.parse().map_err(|_| ValueError::quoting(text, "is not an IPv6 network", EXAMPLE))?;
    if net.prefix_len() > 128 - MIN_HOST_BITS {
        let found = "has too few addresses for the puppets";
        return Err(ValueError::quoting(
            text,
            found,
            format!("use /{} or shorter", 128 - MIN_HOST_BITS),
        ));
    }
    Ok(net.trunc())
}

/// Parses a proxy URL. Also returns the user in it.
pub(in crate::config) fn proxy_url(
    text: &str,
) -> Result<(ProxySettings, Option<String>), ValueError> {
    const EXAMPLE: &str = "write it like \"socks5h://proxy.example.org:1080\"";
    let error =
        |found: &str| ValueError::new(format!("{} {found}", redact_credentials(text)), EXAMPLE);
    let (scheme, rest) = text.split_once("://").ok_or_else(|| error("is not a proxy URL"))?;
    let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
        "socks5" => (ProxyKind::Socks5, 1080),
        "socks5h" => (ProxyKind::Socks5h, 1080),
        "http" => (ProxyKind::Http, 80),
        _ => return Err(error("has an unknown scheme: expected socks5://, socks5h:// or http://")),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, server) = match rest.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, rest),
    };
    if user.is_some_and(|user| user.contains(':')) {
        let remedy = "put it in a file and set proxy_password_file";
        return Err(ValueError::new("the address has a password", remedy));
    }
    let HostPort { host, port } =
        host_port(server, port).map_err(|_| error("is not a proxy URL"))?;
    let proxy = ProxySettings { kind, host, port, credentials: None };
    Ok((proxy, user.filter(|user| !user.is_empty()).map(str::to_owned)))
}

/// Quotes an address without anything that may be a password.
fn redact_credentials(text: &str) -> String {
    let text = text.split_once('?').map_or(text, |(address, _)| address);
    match text.rsplit_once('@') {
        Some((_, host)) => quote(&format!("…@{host}")),
        None => quote(text),
    }
}

/// Parses a SHA-256 fingerprint, as `openssl x509 -fingerprint -sha256` prints it. Colons and case
/// do not matter.
pub(in crate::config) fn certificate_pin(text: &str) -> Result<CertificatePin, ValueError> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let mut digest = [0; 32];
    let whole = digits.len() == 2 * digest.len();
    if !whole || HEXLOWER_PERMISSIVE.decode_mut(digits.as_bytes(), &mut digest).is_err() {
        return Err(ValueError::quoting(
            text,
            "is not a SHA-256 fingerprint of 64 hexadecimal digits",
            "copy what `openssl x509 -noout -fingerprint -sha256` prints after the \"=\"",
        ));
    }
    Ok(CertificatePin::new(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    fn parse_server(text: &str) -> Result<String, ValueError> {
        host_port(text, 6697).map(|server| server.to_string())
    }

    #[test]
    fn host_port_accepts_names_addresses_and_default_port() {
        for (text, read) in [
            ("irc.example.org", "irc.example.org:6697"),
            ("irc.example.org:7000", "irc.example.org:7000"),
            ("IRC.Example.org", "irc.example.org:6697"),
            ("büro.example", "xn--bro-hoa.example:6697"),
            ("irc_1", "irc_1:6697"),
            ("127.0.0.1:6667", "127.0.0.1:6667"),
            ("[::1]", "[::1]:6697"),
            ("[2001:DB8::1]:7000", "[2001:db8::1]:7000"),
        ] {
            assert_parses(parse_server, text, read.to_owned());
        }
        assert_eq!(host_port("[::1]:1", 0).map(|server| server.host).as_deref(), Ok("::1"));
    }

    #[test]
    fn host_port_rejects_malformed_input() {
        for text in [
            "",
            ":6697",
            "irc.example.org:",
            "irc.example.org:port",
            "irc:0",
            "irc:65536",
            "irc:+6697",
            "a b",
            "a/b",
            "[::1",
            "[::1]6697",
            "::1",
            "[x]:1",
            "a,b",
            "[::1]:1:2",
        ] {
            assert_rejects(parse_server, text, &format!("{text:?} is not host:port"));
        }
        assert_rejects(
            parse_server,
            "ircs://irc.example.org",
            "\"ircs://irc.example.org\" is a URL",
        );
        assert_rejects(parse_server, "me:hush@irc:1", "\"…@irc:1\" is not host:port");
    }

    #[test]
    fn base_url_ends_with_a_slash() {
        for (text, read) in [
            ("https://chat.example.org", "https://chat.example.org/"),
            ("http://localhost:5000", "http://localhost:5000/"),
            ("https://example.org/chat", "https://example.org/chat/"),
            ("HTTPS://example.org/chat/", "https://example.org/chat/"),
            ("http://[::1]:5000", "http://[::1]:5000/"),
        ] {
            assert_parses(|text| base_url(text).map(String::from), text, read.to_owned());
        }
    }

    #[test]
    fn base_url_rejects_other_schemes_and_extra_parts() {
        for (text, found) in [
            ("chat.example.org", "\"chat.example.org\" does not start with https:// or http://"),
            ("localhost:5000", "\"localhost:5000\" does not start with https:// or http://"),
            ("ftp://me:hush@x", "\"…@x\" does not start with https:// or http://"),
            ("https://", "\"https://\" is not a URL (empty host)"),
            ("https://x:port", "\"https://x:port\" is not a URL (invalid port number)"),
            ("https://me:hush@x:port", "\"…@x:port\" is not a URL (invalid port number)"),
            ("https://me:hush@x", "the address has a user name"),
            ("https://:hush@x", "the address has a user name"),
            ("https://x/?token=hush", "the address has a query (\"?…\")"),
            ("https://x/#dev", "the address has a fragment (\"#…\")"),
        ] {
            assert_rejects(base_url, text, found);
        }
    }

    #[test]
    fn certificate_pin_accepts_openssl_output() {
        let colons = (0..32).map(|n| format!("{:02X}", n * 8)).collect::<Vec<_>>().join(":");
        let plain = colons.replace(':', "").to_lowercase();
        let digest = std::array::from_fn(|n| u8::try_from(n * 8).expect("below 256"));
        assert_parses(certificate_pin, &colons, CertificatePin::new(digest));
        assert_parses(certificate_pin, &plain, CertificatePin::new(digest));
        assert_eq!(CertificatePin::new(digest).to_string(), colons);
        for text in ["", "ab", &plain[1..], "é"] {
            let found = format!("{text:?} is not a SHA-256 fingerprint of 64 hexadecimal digits");
            assert_rejects(certificate_pin, text, &found);
        }
        assert_rejects(
            certificate_pin,
            &plain.replace('0', "g"),
            &format!(
                "{:?} is not a SHA-256 fingerprint of 64 hexadecimal digits",
                plain.replace('0', "g")
            ),
        );
    }

    #[test]
    fn proxy_url_has_scheme_host_and_optional_user() {
        let read = |text: &str| proxy_url(text).map(|(proxy, user)| (proxy.to_string(), user));
        for (text, shown, user) in [
            ("socks5h://proxy.example:1081", "socks5h://proxy.example:1081", None),
            ("socks5://me@127.0.0.1", "socks5://127.0.0.1:1080", Some("me")),
            ("HTTP://[::1]:3128/", "http://[::1]:3128", None),
        ] {
            assert_parses(read, text, (shown.to_owned(), user.map(str::to_owned)));
        }
        assert_rejects(read, "proxy:1080", "\"proxy:1080\" is not a proxy URL");
        assert_rejects(
            read,
            "socks4://x",
            "\"socks4://x\" has an unknown scheme: expected socks5://, socks5h:// or http://",
        );
        assert_rejects(read, "socks5://", "\"socks5://\" is not a proxy URL");
        assert_rejects(read, "socks5://me:hush@x", "the address has a password");
    }

    #[test]
    fn ip_address_accepts_bracketed_ipv6() {
        assert_parses(ip_address, "192.0.2.7", IpAddr::from([192, 0, 2, 7]));
        assert_parses(ip_address, "[::1]", "::1".parse().expect("an address"));
        assert_rejects(ip_address, "eth0", "\"eth0\" is not an IP address");
    }
}
