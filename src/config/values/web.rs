use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Flaw;

/// Where to listen: an address of this machine and a port.
pub(in crate::config) fn listen(text: &str) -> Result<SocketAddr, Flaw> {
    text.parse().map_err(|_| {
        let remedy = "write an address of this machine and a port, like \"127.0.0.1:8480\" or \"[::1]:8480\"";
        Flaw::of(text, "is not address:port", remedy)
    })
}

/// An address, or a network of them such as `10.0.0.0/8`.
pub(in crate::config) fn net(text: &str) -> Result<IpNet, Flaw> {
    let address = text.parse::<IpAddr>().ok().map(IpNet::from);
    address.or_else(|| text.parse().ok()).ok_or_else(|| {
        let remedy =
            "write the proxy's address, like \"127.0.0.1\", or its network, like \"10.0.0.0/8\"";
        Flaw::of(text, "is not an address", remedy)
    })
}

/// A number of bytes: `500KB`, `100MB`, `2GB`; by thousands, as disks are sold.
pub(in crate::config) fn size(text: &str) -> Result<u64, Flaw> {
    let flaw = || {
        Flaw::of(
            text,
            "is not a size",
            "write a number and its unit, like \"500KB\", \"100MB\" or \"2GB\"",
        )
    };
    let (digits, factor) = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000_u64)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .ok_or_else(flaw)?;
    // Rust would read "+5" as a number, too.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = digits.parse().ok().filter(|_| plain);
    let size = number.and_then(|number| number.checked_mul(factor)).ok_or_else(flaw)?;
    if size == 0 {
        return Err(Flaw::of(text, "lets nothing through", "write at least \"1KB\""));
    }
    Ok(size)
}

/// The same, or `none` for no bound.
pub(in crate::config) fn size_or_none(text: &str) -> Result<Option<u64>, Flaw> {
    match text {
        "none" => Ok(None),
        _ => size(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn one_listens_at_an_address_and_a_port() {
        for text in ["127.0.0.1:8480", "[::1]:8480", "0.0.0.0:80"] {
            reads(|text| listen(text).map(|it| it.to_string()), text, text.to_owned());
        }
        for text in
            ["", "8480", ":8480", "localhost:8480", "127.0.0.1", "::1:8480", "1.2.3.4:65536"]
        {
            refuses(listen, text, &format!("{text:?} is not address:port"));
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for (text, read) in
            [("127.0.0.1", "127.0.0.1/32"), ("::1", "::1/128"), ("10.0.0.0/8", "10.0.0.0/8")]
        {
            reads(|text| net(text).map(|it| it.to_string()), text, read.to_owned());
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            refuses(net, text, &format!("{text:?} is not an address"));
        }
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, read) in [("500KB", 500_000), ("100MB", 100_000_000), ("2GB", 2_000_000_000)] {
            reads(size, text, read);
        }
        for text in ["", "MB", "100", "1.5MB", "+5MB", "-5MB", "5 MB", "5mb", "99999999999999GB"] {
            refuses(size, text, &format!("{text:?} is not a size"));
        }
        refuses(size, "0MB", "\"0MB\" lets nothing through");
    }
}
