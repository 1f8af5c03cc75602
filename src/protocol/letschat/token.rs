//! API tokens: base64 of `user id:secret` (docs/letschat-protocol.md, section 2).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The id of the user whose token this is; `None` if it is no token.
#[must_use]
pub fn user_of_token(token: &str) -> Option<String> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(&STANDARD, lenient).decode(token).ok()?;
    let (user, _) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    let is_id = user.len() == 24 && user.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| user.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_names_its_user() {
        let token = "NmIwY2U1ZmUwMDA2MzgzZjA2MTYwYjQ5OjZjZjFiNDhi";
        assert_eq!(user_of_token(token).as_deref(), Some("6b0ce5fe0006383f06160b49"));
        for text in ["", "hush", "NmIwY2U1", "OjZjZjFiNDhi"] {
            assert_eq!(user_of_token(text), None, "{text}");
        }
    }
}
