//! Strict transport security (STS).

/// A server's STS policy: how long to use TLS only
/// (<https://ircv3.net/specs/extensions/sts>). Other keys, such as `preload`, are not for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StsPolicy {
    /// In seconds; 0 revokes the policy.
    pub duration_secs: u64,
}

impl StsPolicy {
    /// Parses the value of the capability `sts`, as sent over TLS.
    pub(super) fn parse(value: &str) -> Option<Self> {
        Some(Self { duration_secs: find_value(value, "duration")?.parse().ok()? })
    }

    /// Parses the TLS port, as sent without TLS.
    pub(super) fn parse_port(value: &str) -> Option<u16> {
        find_value(value, "port")?.parse().ok().filter(|port| *port != 0)
    }
}

fn find_value<'v>(value: &'v str, key: &str) -> Option<&'v str> {
    let pairs = value.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_duration_parse_and_other_keys_are_ignored() {
        for (value, port, seconds) in [
            ("port=6697", Some(6697), None),
            ("duration=300,port=6697,preload", Some(6697), Some(300)),
            ("preload,duration=0", None, Some(0)),
            ("port=0", None, None),
            ("port=99999,duration=-1", None, None),
            ("port,duration", None, None),
            ("", None, None),
        ] {
            assert_eq!(StsPolicy::parse_port(value), port, "{value}");
            assert_eq!(StsPolicy::parse(value).map(|sts| sts.duration_secs), seconds, "{value}");
        }
    }
}
