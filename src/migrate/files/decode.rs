//! Bytes of a log become text, line by line: old logs mix charsets.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::domain::is_torn_utf8;

/// The text of a line: UTF-8 if it is that, else in the charset that is named for the log.
///
/// A line that is UTF-8 but for one character was cut by a server: what is left of that character becomes U+FFFD.
#[must_use]
pub fn decode_line<'b>(bytes: &'b [u8], charset: &'static Encoding) -> Cow<'b, str> {
    let is_shifting = charset == encoding_rs::ISO_2022_JP && bytes.contains(&0x1b);
    if !is_shifting {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Cow::Borrowed(text);
        }
        if is_torn_utf8(bytes) {
            return String::from_utf8_lossy(bytes);
        }
    }
    charset.decode_without_bom_handling(bytes).0
}

#[cfg(test)]
mod tests {
    use encoding_rs::{ISO_2022_JP, KOI8_R, WINDOWS_1252};

    use super::*;

    #[test]
    fn each_line_is_utf8_or_in_the_named_charset() {
        for (bytes, charset, text) in [
            (&b"plain"[..], WINDOWS_1252, "plain"),
            ("café 🫖".as_bytes(), WINDOWS_1252, "café 🫖"),
            (b"caf\xe9 na\xefve", WINDOWS_1252, "café naïve"),
            (b"\xde\xc1\xca", KOI8_R, "чай"),
            ("чай caf\u{fffd}".as_bytes(), KOI8_R, "чай caf\u{fffd}"),
            // A long message that the server cut within its last character.
            (b"\xd1\x87\xd0\xb0\xd0", WINDOWS_1252, "ча\u{fffd}"),
            (b"\x1b$B$*Cc\x1b(B tea", ISO_2022_JP, "お茶 tea"),
            (b"\x1b[31m", WINDOWS_1252, "\x1b[31m"),
        ] {
            assert_eq!(decode_line(bytes, charset), text, "{bytes:?}");
        }
    }
}
