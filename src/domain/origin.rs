//! Where somebody on IRC connects from, coarsely: the same for one person on the next day, and mostly another for
//! somebody else.

use core::net::IpAddr;

/// The provider or network in `user@host`: the host without what changes from day to day. `None` if there is no
/// host. The user name is not part of it, since everybody chooses their own.
#[must_use]
pub fn coarse_origin(userhost: &str) -> Option<String> {
    let host = userhost.rsplit_once('@')?.1.to_ascii_lowercase();
    if host.is_empty() {
        return None;
    }
    // A cloak that services gave, like user/ann, is somebody's own.
    if host.contains('/') {
        return Some(host);
    }
    Some(match host.parse() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            format!("{first}.{second}")
        }
        Ok(IpAddr::V6(address)) => {
            let [first, second, ..] = address.segments();
            format!("{first:x}:{second:x}")
        }
        Err(_) => last_labels(&host),
    })
}

/// The registered domain: the last two labels, or three below a domain like `co.uk`.
fn last_labels(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    let is_short = |label: &&str| label.len() <= 3;
    let count = match labels[..] {
        [.., second, last] if last.len() == 2 && is_short(&second) => 3,
        _ => 2,
    };
    labels[labels.len().saturating_sub(count)..].join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_stays_the_same_for_one_provider() {
        for (userhost, origin) in [
            ("~ann@p5B0A1F22.dip0.t-ipconnect.de", Some("t-ipconnect.de")),
            ("ann@host-7.example.co.uk", Some("example.co.uk")),
            ("x@office", Some("office")),
            ("ann@192.0.2.7", Some("192.0")),
            ("ann@2001:db8:1:2::7", Some("2001:db8")),
            ("ann@user/ann", Some("user/ann")),
            ("ann@gateway/web/a/x-77", Some("gateway/web/a/x-77")),
            ("ann@1A2B.3C4D.5E6F.IP", Some("5e6f.ip")),
            ("ann@", None),
            ("ann", None),
        ] {
            assert_eq!(coarse_origin(userhost).as_deref(), origin, "{userhost}");
        }
    }
}
