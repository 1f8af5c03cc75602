//! The networks around an address, for limits per site.

use std::net::IpAddr;

use ipnet::IpNet;

/// Prefix lengths, the narrowest first. With IPv6, every user has a network of addresses, and some have many
/// such networks.
const V4: [u8; 2] = [32, 24];
const V6: [u8; 3] = [64, 56, 48];

/// The networks that contain an address, the narrowest first.
pub(super) fn around(address: IpAddr) -> impl Iterator<Item = IpNet> {
    let address = address.to_canonical();
    let lengths = if address.is_ipv4() { &V4[..] } else { &V6[..] };
    lengths.iter().map(move |length| {
        IpNet::new(address, *length).expect("the prefix is at most as long as the address").trunc()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, nets: &[&str]) {
        let found: Vec<String> =
            around(address.parse().expect("an address")).map(|net| net.to_string()).collect();
        assert_eq!(found, nets, "{address}");
    }

    #[test]
    fn address_belongs_to_nested_networks() {
        check("192.0.2.1", &["192.0.2.1/32", "192.0.2.0/24"]);
        check("::ffff:192.0.2.1", &["192.0.2.1/32", "192.0.2.0/24"]);
        let nets = ["2001:db8:0:12::/64", "2001:db8::/56", "2001:db8::/48"];
        check("2001:db8:0:12::1", &nets);
        check("2001:db8:0:12:ffff::2", &nets);
    }
}
