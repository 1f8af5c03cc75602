//! Parses Let's Chat values: rooms and API tokens.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::ValueError;
use crate::domain::is_room_slug;

/// Parses a room: its slug (`[a-z0-9_-]+`), its id (24 hexadecimal digits), or the address of its
/// page, which contains the id.
pub(in crate::config) fn room(text: &str) -> Result<String, ValueError> {
    if let Some(room) = from_room_url(text) {
        return match room {
            Some(room) => Ok(room),
            None => Err(ValueError::quoting(
                text,
                "is not a room's address",
                "open the room in Let's Chat and copy its address, which ends like \
                 \"#!/room/56b9d2c7a1b2c3d4e5f60718\"; or write its slug, like \"dev\"",
            )),
        };
    }
    if is_room_slug(text) {
        return Ok(text.to_owned());
    }
    // Ids are case-insensitive; the server writes them in lower case.
    if is_hex(text, 24) {
        return Ok(text.to_ascii_lowercase());
    }
    const HELP: &str = "write the slug (a-z, 0-9, - and _) that was set when the room was \
                        created, like \"dev\", or paste the room's address";
    let bare = text.trim().strip_prefix("letschat/").unwrap_or(text.trim());
    let bare = bare.trim_start_matches('#');
    let found = "is neither a room slug nor a room id";
    if bare != text && is_room_slug(bare) {
        return Err(ValueError::quoting(text, found, format!("write only \"{bare}\"")));
    }
    if text.contains("/#") {
        return Err(ValueError::quoting(text, "is a channel, not a room", HELP));
    }
    match suggest_slug(bare) {
        Some(slug) => Err(ValueError::quoting(
            text,
            found,
            format!("did you mean \"{slug}\"? Otherwise {HELP}"),
        )),
        None => Err(ValueError::quoting(text, found, HELP)),
    }
}

/// The room in the address of a page, `https://chat.example.org/#!/room/ID`, or of its transcripts.
/// `None` if `text` is no address; `Some(None)` if the address has no room.
fn from_room_url(text: &str) -> Option<Option<String>> {
    let text = text.trim();
    if !text.contains("://") && !text.contains("#!/") {
        return None;
    }
    let after = ["#!/room/", "#/room/", "/transcript?room=", "/rooms/"]
        .iter()
        .find_map(|mark| Some(text.split_once(mark)?.1));
    let room = after.map(|rest| rest.split(['/', '?', '&', '#']).next().unwrap_or(rest));
    Some(room.filter(|room| is_room_slug(room) || is_hex(room, 24)).map(str::to_ascii_lowercase))
}

/// The slug that a room with this name most likely has.
fn suggest_slug(name: &str) -> Option<String> {
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == '.')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    Some(words.join("-")).filter(|slug| is_room_slug(slug))
}

/// Checks the form of an API token: base64 of `user id:secret`, in hexadecimal
/// (docs/letschat-protocol.md, section 2).
/// It is a secret: errors do not show it.
pub(in crate::config) fn token(text: &str) -> Result<(), ValueError> {
    token_user(text).map(|_| ()).ok_or_else(|| {
        ValueError::new(
            "is not a Let's Chat token",
            "generate one in Let's Chat (menu \"Auth Tokens\") and copy all of it",
        )
    })
}

/// The id of the user whose API token this is. `None` if it is not a token.
pub(in crate::config) fn token_user(token: &str) -> Option<String> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(&STANDARD, config).decode(token).ok()?;
    let (user, secret) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    (is_hex(user, 24) && is_hex(secret, 48)).then(|| user.to_ascii_lowercase())
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn room_is_a_slug_or_an_id() {
        for text in ["dev", "a-b_c", "42", "-", "56b9d2c7a1b2c3d4e5f60718"] {
            assert_parses(room, text, text.to_owned());
        }
        assert_parses(room, "56B9D2C7A1B2C3D4E5F60718", "56b9d2c7a1b2c3d4e5f60718".to_owned());
        for text in ["", "Dev", "#dev", "a b", "56B9", "é", "letschat/dev"] {
            assert_rejects(room, text, &format!("{text:?} is neither a room slug nor a room id"));
        }
    }

    #[test]
    fn room_accepts_the_url_of_its_page() {
        let id = "56b9d2c7a1b2c3d4e5f60718";
        for address in [
            format!("https://chat.example.org/#!/room/{id}"),
            format!("http://localhost:5000/#!/room/{}", id.to_uppercase()),
            format!("https://example.org/chat/#!/room/{id}/"),
            format!(" https://chat.example.org/#!/room/{id}?x=1 "),
            format!("chat.example.org/#!/room/{id}"),
            format!("https://chat.example.org/transcript?room={id}&from=x"),
        ] {
            assert_parses(room, &address, id.to_owned());
        }
        for address in ["https://chat.example.org/", "https://chat.example.org/#!/room/"] {
            assert_rejects(room, address, &format!("{address:?} is not a room's address"));
        }
    }

    #[test]
    fn room_error_suggests_a_slug() {
        for (text, remedy) in [
            ("#dev", "write only \"dev\""),
            ("##dev", "write only \"dev\""),
            (" dev ", "write only \"dev\""),
            ("letschat/dev", "write only \"dev\""),
            ("Dev", "did you mean \"dev\"? Otherwise write the slug"),
            ("Dev Room", "did you mean \"dev-room\"? Otherwise write the slug"),
            ("#Dev Room", "did you mean \"dev-room\"? Otherwise write the slug"),
            ("office/#dev", "write the slug"),
            ("Büro", "write the slug"),
        ] {
            let flaw = room(text).expect_err(text);
            assert!(flaw.help.starts_with(remedy), "{text}: {}", flaw.help);
        }
    }

    #[test]
    fn malformed_token_is_rejected_without_showing_it() {
        let encode = |text: &str| general_purpose::STANDARD.encode(text);
        let whole = encode(&format!("{}:{}", "0a".repeat(12), "f9".repeat(24)));
        assert_eq!(token(&whole), Ok(()));
        assert_eq!(token(whole.trim_end_matches('=')), Ok(()));
        assert_eq!(token_user(&whole), Some("0a".repeat(12)));
        for text in [
            String::new(),
            "hush".to_owned(),
            whole[1..].to_owned(),
            format!("Bearer {whole}"),
            encode(&format!("{}:{}", "0a".repeat(12), "f9".repeat(23))),
            encode(&format!("{}:{}", "0g".repeat(12), "f9".repeat(24))),
            encode(&"0a".repeat(36)),
        ] {
            assert_rejects(token, &text, "is not a Let's Chat token");
        }
    }
}
