//! Parses the values of `[web]`: listen addresses, networks and sizes.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::ValueError;

/// Parses an address to listen on: a local address and a port.
pub(in crate::config) fn listen_address(text: &str) -> Result<SocketAddr, ValueError> {
    text.parse().map_err(|_| {
        let remedy = "write an address of this machine and a port, like \"127.0.0.1:8480\" or \"[::1]:8480\"";
        ValueError::quoting(text, "is not address:port", remedy)
    })
}

/// Parses an address, or a network such as `10.0.0.0/8`.
pub(in crate::config) fn ip_net(text: &str) -> Result<IpNet, ValueError> {
    let address = text.parse::<IpAddr>().ok().map(IpNet::from);
    address.or_else(|| text.parse().ok()).ok_or_else(|| {
        let remedy =
            "write the proxy's address, like \"127.0.0.1\", or its network, like \"10.0.0.0/8\"";
        ValueError::quoting(text, "is not an address", remedy)
    })
}

/// Parses a size in bytes: `500KB`, `100MB`, `2GB`. A kilobyte has 1,000 bytes.
pub(in crate::config) fn byte_size(text: &str) -> Result<u64, ValueError> {
    let error = || {
        ValueError::quoting(
            text,
            "is not a size",
            "write a number and its unit, like \"500KB\", \"100MB\" or \"2GB\"",
        )
    };
    let (digits, factor) = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000_u64)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .ok_or_else(error)?;
    // Rust would parse "+5" as a number, too.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = digits.parse().ok().filter(|_| plain);
    let size = number.and_then(|number| number.checked_mul(factor)).ok_or_else(error)?;
    if size == 0 {
        return Err(ValueError::quoting(
            text,
            "must be greater than zero",
            "write at least \"1KB\"",
        ));
    }
    Ok(size)
}

/// Parses a size in bytes, or `none`: no limit.
pub(in crate::config) fn byte_size_or_none(text: &str) -> Result<Option<u64>, ValueError> {
    match text {
        "none" => Ok(None),
        _ => byte_size(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn listen_address_needs_address_and_port() {
        for text in ["127.0.0.1:8480", "[::1]:8480", "0.0.0.0:80"] {
            assert_parses(
                |text| listen_address(text).map(|it| it.to_string()),
                text,
                text.to_owned(),
            );
        }
        for text in
            ["", "8480", ":8480", "localhost:8480", "127.0.0.1", "::1:8480", "1.2.3.4:65536"]
        {
            assert_rejects(listen_address, text, &format!("{text:?} is not address:port"));
        }
    }

    #[test]
    fn ip_net_is_an_address_or_a_network() {
        for (text, read) in
            [("127.0.0.1", "127.0.0.1/32"), ("::1", "::1/128"), ("10.0.0.0/8", "10.0.0.0/8")]
        {
            assert_parses(|text| ip_net(text).map(|it| it.to_string()), text, read.to_owned());
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert_rejects(ip_net, text, &format!("{text:?} is not an address"));
        }
    }

    #[test]
    fn byte_size_is_a_number_and_a_unit() {
        for (text, read) in [("500KB", 500_000), ("100MB", 100_000_000), ("2GB", 2_000_000_000)] {
            assert_parses(byte_size, text, read);
        }
        for text in ["", "MB", "100", "1.5MB", "+5MB", "-5MB", "5 MB", "5mb", "99999999999999GB"] {
            assert_rejects(byte_size, text, &format!("{text:?} is not a size"));
        }
        assert_rejects(byte_size, "0MB", "\"0MB\" must be greater than zero");
    }
}
