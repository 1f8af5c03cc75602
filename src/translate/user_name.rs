//! IRC user names (ident) made from names.

/// The longest user name that every server accepts untruncated (USERLEN).
const MAX_LEN_USERNAME: usize = 10;

/// An IRC user name made from `name`, reduced to lower-case letters and digits, which every server accepts;
/// `otherwise` if nothing is left.
///
/// ngIRCd rejects brackets and the like, ircd-hybrid also dots and dashes, and ircu mixed case.
#[must_use]
pub fn irc_username(name: &str, otherwise: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = plain.map(|c| c.to_ascii_lowercase()).take(MAX_LEN_USERNAME).collect();
    if plain.is_empty() { otherwise.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn irc_username_is_valid_on_every_server() {
        for (name, taken) in [
            ("bob", "bob"),
            ("lets-chat", "letschat"),
            ("[tea]", "tea"),
            ("LetsChat|away", "letschataw"),
            ("^_^", "someone"),
            ("a.very-long_name", "averylongn"),
            ("été", "t"),
            ("茶", "someone"),
            ("", "someone"),
        ] {
            assert_eq!(irc_username(name, "someone"), taken, "{name}");
        }
    }
}
