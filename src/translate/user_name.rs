/// The longest user name that every server shows whole (USERLEN).
const LONGEST: usize = 10;

/// A user name, as it stands before the `@`, for who is called `name`: what every server takes of it,
/// which is small letters and digits. `otherwise` where that is nothing.
///
/// ngIRCd refuses brackets and the like, ircd-hybrid also dots and dashes, and ircu letters large and
/// small in a mix.
#[must_use]
pub fn user_name(name: &str, otherwise: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = plain.map(|c| c.to_ascii_lowercase()).take(LONGEST).collect();
    if plain.is_empty() { otherwise.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_what_every_server_takes() {
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
            assert_eq!(user_name(name, "someone"), taken, "{name}");
        }
    }
}
