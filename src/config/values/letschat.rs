use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Flaw;

/// A room by its slug (`[a-z0-9_-]+`) or its id (24 hexadecimal digits).
pub(in crate::config) fn room(text: &str) -> Result<String, Flaw> {
    let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    if !text.is_empty() && text.chars().all(slug) {
        return Ok(text.to_owned());
    }
    // An id is the same room in either case; the server writes it in lower case.
    if is_hex(text, 24) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Flaw::of(
        text,
        "is neither the slug nor the id of a room",
        "write its slug, the short name (a-z, 0-9, - and _) that is set when a room is made, \
         like \"dev\"",
    ))
}

/// The form of an API token: base64 of `user id:secret`, in hexadecimal (WIRE.md, "Tokens"). It is a
/// secret: what is wrong is said without showing it.
pub(in crate::config) fn token(text: &str) -> Result<(), Flaw> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(&STANDARD, config).decode(text).unwrap_or_default();
    let pair = str::from_utf8(&decoded).ok().and_then(|text| text.split_once(':'));
    match pair {
        Some((user, secret)) if is_hex(user, 24) && is_hex(secret, 48) => Ok(()),
        _ => Err(Flaw::new(
            "is not a Let's Chat token",
            "generate one in Let's Chat (\"Authentication tokens\") and copy the whole of it",
        )),
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn a_room_is_a_slug_or_an_id() {
        for text in ["dev", "a-b_c", "42", "-", "56b9d2c7a1b2c3d4e5f60718"] {
            reads(room, text, text.to_owned());
        }
        reads(room, "56B9D2C7A1B2C3D4E5F60718", "56b9d2c7a1b2c3d4e5f60718".to_owned());
        for text in ["", "Dev", "#dev", "a b", "56B9", "é", "letschat/dev"] {
            refuses(room, text, &format!("{text:?} is neither the slug nor the id of a room"));
        }
    }

    #[test]
    fn a_token_has_its_form_and_is_not_shown() {
        let encode = |text: &str| general_purpose::STANDARD.encode(text);
        let whole = encode(&format!("{}:{}", "0a".repeat(12), "f9".repeat(24)));
        assert_eq!(token(&whole), Ok(()));
        assert_eq!(token(whole.trim_end_matches('=')), Ok(()));
        for text in [
            String::new(),
            "hush".to_owned(),
            whole[1..].to_owned(),
            format!("Bearer {whole}"),
            encode(&format!("{}:{}", "0a".repeat(12), "f9".repeat(23))),
            encode(&format!("{}:{}", "0g".repeat(12), "f9".repeat(24))),
            encode(&"0a".repeat(36)),
        ] {
            refuses(token, &text, "is not a Let's Chat token");
        }
    }
}
