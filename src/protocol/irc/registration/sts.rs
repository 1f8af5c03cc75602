/// For how long a server wants to be spoken to over TLS alone
/// (<https://ircv3.net/specs/extensions/sts>). What else it says of it, `preload` say, is for those
/// who make lists of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sts {
    /// In seconds; 0 for no longer.
    pub seconds: u64,
}

impl Sts {
    /// Reads the value of the capability `sts`, as it is told over TLS.
    pub(super) fn read(value: &str) -> Option<Self> {
        Some(Self { seconds: key(value, "duration")?.parse().ok()? })
    }

    /// The port where the server speaks TLS, as it is told without.
    pub(super) fn port(value: &str) -> Option<u16> {
        key(value, "port")?.parse().ok().filter(|port| *port != 0)
    }
}

fn key<'v>(value: &'v str, key: &str) -> Option<&'v str> {
    let pairs = value.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_duration_are_read_and_the_rest_is_not() {
        for (value, port, seconds) in [
            ("port=6697", Some(6697), None),
            ("duration=300,port=6697,preload", Some(6697), Some(300)),
            ("preload,duration=0", None, Some(0)),
            ("port=0", None, None),
            ("port=99999,duration=-1", None, None),
            ("port,duration", None, None),
            ("", None, None),
        ] {
            assert_eq!(Sts::port(value), port, "{value}");
            assert_eq!(Sts::read(value).map(|sts| sts.seconds), seconds, "{value}");
        }
    }
}
