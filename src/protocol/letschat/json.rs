//! Reads JSON as Let's Chat writes it: answers that may be errors, strings with lone surrogates.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Parses a reply, or returns the server's error.
pub(super) fn parse_reply<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    parse_json(json).map_err(|error| failure(json, &error))
}

/// The server's error in a reply that fails to parse with `error`.
pub(super) fn failure(json: &str, error: &serde_json::Error) -> String {
    if let Ok(reason) = serde_json::from_str::<String>(json) {
        return reason;
    }
    if let Ok(ErrorObject { message }) = serde_json::from_str(json) {
        return message;
    }
    format!("unexpected reply ({error})")
}

/// An error object. Both spellings occur.
#[derive(Debug, Deserialize)]
struct ErrorObject {
    message: String,
}

/// Parses JSON that may contain lone surrogates, which JavaScript strings can have.
pub(super) fn parse_json<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|error| {
        let mended = repair_surrogates(json);
        if mended == json { Err(error) } else { serde_json::from_str(&mended) }
    })
}

/// Replaces each escaped lone surrogate with U+FFFD.
fn repair_surrogates(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (leading_surrogate(rest), rest.get(6..).and_then(leading_surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => {
                mended.push('\u{FFFD}');
                rest = &rest[6..];
                continue;
            }
            // Any other escape: the backslash and the next character.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    mended + rest
}

/// The escaped surrogate at the start of `json`.
fn leading_surrogate(json: &str) -> Option<u16> {
    let digits = json.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..=0xDFFF).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogate_is_replaced() {
        for (json, text) in [
            (r#""a\ud800b""#, "a\u{FFFD}b"),
            (r#""\udc00\ud83d\ude00\ud83d""#, "\u{FFFD}😀\u{FFFD}"),
            (r#""\\ud800""#, "\\ud800"),
            (r#""\ud800\u0041""#, "\u{FFFD}A"),
            (r#""é\n\ud800""#, "é\n\u{FFFD}"),
        ] {
            assert_eq!(parse_json::<String>(json).expect("mended"), text, "{json}");
        }
    }
}
