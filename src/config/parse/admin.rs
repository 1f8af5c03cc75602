//! Parses the values of `[admin]`.

use url::Host;

use super::ValueError;

/// The minimum length of a token, in characters: such a random one cannot be guessed.
const MIN_TOKEN_LENGTH: usize = 20;

/// Checks the token of the administrator's API. It is a secret: errors do not show it.
pub(in crate::config) fn admin_token(text: &str) -> Result<(), ValueError> {
    const HELP: &str = "write what `openssl rand -hex 32` prints";
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ValueError::new(
            "contains a space or a character that is not ASCII".to_owned(),
            HELP,
        ));
    }
    if text.len() < MIN_TOKEN_LENGTH {
        let found = format!("is shorter than {MIN_TOKEN_LENGTH} characters");
        return Err(ValueError::new(found, HELP));
    }
    Ok(())
}

/// Parses the name of a host, without a port. The result is in lower case and ASCII, as browsers send it.
pub(in crate::config) fn host_name(text: &str) -> Result<String, ValueError> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) => Ok(name.trim_end_matches('.').to_owned()),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err(ValueError::quoting(
            text,
            "is an address",
            "remove it: addresses are always allowed",
        )),
        Err(_) => Err(ValueError::quoting(
            text,
            "is not the name of a host",
            "write the name in the address that the browser opens, without https:// and without a \
             port: \"bridge.example.org\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn token_is_long_and_has_no_spaces() {
        assert_parses(admin_token, &"a1".repeat(10), ());
        for (text, found) in [
            ("a1a1a1a1a1a1a1a1a1a", "is shorter than 20 characters"),
            ("a1a1a1a1 a1a1a1a1a1a1", "contains a space or a character that is not ASCII"),
            ("ä1a1a1a1a1a1a1a1a1a1a", "contains a space or a character that is not ASCII"),
        ] {
            assert_rejects(admin_token, text, found);
        }
    }

    #[test]
    fn host_name_has_neither_scheme_nor_port() {
        for (text, name) in [
            ("Bridge.example.org", "bridge.example.org"),
            ("bücher.example.", "xn--bcher-kva.example"),
        ] {
            assert_parses(host_name, text, name.to_owned());
        }
        assert_rejects(host_name, "192.0.2.1", "\"192.0.2.1\" is an address");
        for text in ["https://a.example", "a.example:8090", "a.example/", "", "a b"] {
            assert_rejects(host_name, text, &format!("{text:?} is not the name of a host"));
        }
    }
}
