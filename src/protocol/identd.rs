//! The ident protocol (RFC 1413): an IRC server asks which user a connection belongs to.

/// A query: the user of the connection between a local and a remote port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentQuery {
    local_port: u32,
    remote_port: u32,
}

impl IdentQuery {
    /// Parses a line such as `6193, 23`; `None` if invalid.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (local, remote) = line.split_once(',')?;
        Some(Self { local_port: parse_number(local)?, remote_port: parse_number(remote)? })
    }

    /// The local and the remote port; `None` if either is out of range.
    #[must_use]
    pub fn ports(self) -> Option<(u16, u16)> {
        let port = |number: u32| u16::try_from(number).ok().filter(|port| *port > 0);
        Some((port(self.local_port)?, port(self.remote_port)?))
    }

    /// The response without its line end: the user, or NO-USER.
    #[must_use]
    pub fn response(self, user: Option<&str>) -> String {
        let Self { local_port: local, remote_port: remote } = self;
        match (self.ports(), user) {
            (None, _) => format!("{local}, {remote} : ERROR : INVALID-PORT"),
            (Some(_), Some(user)) => format!("{local}, {remote} : USERID : UNIX : {user}"),
            (Some(_), None) => format!("{local}, {remote} : ERROR : NO-USER"),
        }
    }
}

fn parse_number(text: &str) -> Option<u32> {
    let digits = text.trim();
    // `parse` alone would also accept "+23".
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_two_ports() {
        for (line, answer) in [
            ("6193,23", "6193, 23 : USERID : UNIX : bob"),
            (" 6193 ,\t23 ", "6193, 23 : USERID : UNIX : bob"),
            ("0, 23", "0, 23 : ERROR : INVALID-PORT"),
            ("6193, 65536", "6193, 65536 : ERROR : INVALID-PORT"),
        ] {
            let query = IdentQuery::parse(line).expect(line);
            assert_eq!(query.response(Some("bob")), answer);
        }
        let query = IdentQuery::parse("6193, 23").expect("asks");
        assert_eq!(query.response(None), "6193, 23 : ERROR : NO-USER");
        for line in ["", "6193", "6193 23", "+6193, 23", "6193, x", "1, 2, 3", "99999999999, 1"] {
            assert_eq!(IdentQuery::parse(line), None, "{line:?}");
        }
    }
}
