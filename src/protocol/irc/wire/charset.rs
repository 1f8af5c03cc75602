//! Encodes and decodes text in charsets other than UTF-8.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, Encoding, ISO_2022_JP, UTF_8};

use crate::domain::is_torn_utf8;

/// The charset of a network or channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8; lines that are not valid UTF-8 are decoded with this encoding.
    Fallback(&'static Encoding),
    /// This encoding for both directions.
    Both(&'static Encoding),
}

impl Charset {
    /// The encoding for lines that are not valid UTF-8.
    pub(in crate::protocol::irc) fn read_in(self) -> &'static Encoding {
        match self {
            Self::Fallback(encoding) | Self::Both(encoding) => encoding,
        }
    }

    /// The encoding for outgoing lines; `None` for UTF-8.
    fn written_in(self) -> Option<&'static Encoding> {
        match self {
            Self::Both(encoding) if encoding != UTF_8 => Some(encoding),
            Self::Both(_) | Self::Fallback(_) => None,
        }
    }

    /// Whether outgoing lines are in UTF-8.
    pub(in crate::protocol::irc) fn is_utf8(self) -> bool {
        self.written_in().is_none()
    }

    /// Encodes `text`, with `?` for unencodable characters. No CR, LF or NUL appears that is not in the text.
    /// ISO-2022-JP returns to ASCII before each ASCII character and at the end.
    #[must_use]
    pub fn encode(self, text: &str) -> Cow<'_, [u8]> {
        let Some(encoding) = self.written_in() else { return Cow::Borrowed(text.as_bytes()) };
        let mut writer = Writer { encoding, double: false };
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            writer.put(c, |some| bytes.extend_from_slice(some));
        }
        if writer.double {
            bytes.extend_from_slice(ASCII);
        }
        Cow::Owned(bytes)
    }

    /// The encoded length of `text` in bytes.
    pub(in crate::protocol::irc) fn width(self, text: &str) -> usize {
        self.encode(text).len()
    }

    /// How much of the start of `text` fits into `budget` bytes when encoded. The result counts UTF-8 bytes
    /// and lies on a character boundary.
    pub(in crate::protocol::irc) fn reach(self, text: &str, budget: usize) -> usize {
        let Some(encoding) = self.written_in() else {
            return text.floor_char_boundary(budget);
        };
        let mut writer = Writer { encoding, double: false };
        let mut width = 0;
        for (at, c) in text.char_indices() {
            writer.put(c, |some| width += some.len());
            let end = if writer.double { ASCII.len() } else { 0 };
            if width + end > budget {
                return at;
            }
        }
        text.len()
    }

    /// `text` as it appears after encoding and decoding, for instance in our own echo.
    pub(in crate::protocol::irc) fn legible(self, text: String) -> String {
        let Some(encoding) =
            self.written_in().filter(|_| !text.is_ascii() || text.contains('\x1b'))
        else {
            return text;
        };
        let bytes = self.encode(&text);
        match std::str::from_utf8(&bytes) {
            Ok(text) if encoding != ISO_2022_JP => text.to_owned(),
            _ if is_torn_utf8(&bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => decode(&bytes, encoding),
        }
    }
}

/// Decodes bytes in `encoding`. A space or control character resets the shift state of ISO-2022-JP, so that
/// escapes in one word do not affect the next.
pub(in crate::protocol::irc) fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    if encoding != ISO_2022_JP {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    let ends = |byte: &u8| *byte <= b' ' && *byte != 0x1b;
    let mut text = String::with_capacity(bytes.len());
    for word in bytes.split_inclusive(ends) {
        let (word, end) = match word.split_last() {
            Some((last, word)) if ends(last) => (word, Some(char::from(*last))),
            _ => (word, None),
        };
        text.push_str(&encoding.decode_without_bom_handling(word).0);
        text.extend(end);
    }
    text
}

/// Whether it contains a shift sequence of ISO-2022-JP.
pub(in crate::protocol::irc) fn has_shifts(bytes: &[u8]) -> bool {
    bytes.contains(&0x1b) && bytes.windows(2).any(|it| matches!(it, [0x1b, b'(' | b'$']))
}

/// ISO-2022-JP shift sequences to ASCII, and to JIS X 0208 with two bytes per character.
const ASCII: &[u8] = b"\x1b(B";
const DOUBLE: &[u8] = b"\x1b$B";

/// Encodes text character by character.
struct Writer {
    encoding: &'static Encoding,
    /// Whether ISO-2022-JP is shifted to two bytes.
    double: bool,
}

impl Writer {
    fn put(&mut self, c: char, mut to: impl FnMut(&[u8])) {
        let mut bytes = [0; 16];
        let (code, double) = self.code(c, &mut bytes);
        if double != self.double {
            to(if double { DOUBLE } else { ASCII });
            self.double = double;
        }
        to(code);
    }

    /// Encodes one character; also returns whether it needs the shifted state.
    fn code<'b>(&self, c: char, bytes: &'b mut [u8; 16]) -> (&'b [u8], bool) {
        let seven_bit = self.encoding == ISO_2022_JP;
        let c = match c {
            // Characters that would act as shifts.
            '\x0e' | '\x1b' if seven_bit => '?',
            // Avoids a third shift state for these two.
            '¥' if seven_bit => '￥',
            '‾' if seven_bit => '￣',
            c => c,
        };
        if c.is_ascii() {
            bytes[0] = c as u8;
            return (&bytes[..1], false);
        }
        let mut utf8 = [0; 4];
        let mut encoder = self.encoding.new_encoder();
        let text = c.encode_utf8(&mut utf8);
        let (result, _, count) = encoder.encode_from_utf8_without_replacement(text, bytes, true);
        let known = result == EncoderResult::InputEmpty;
        match &bytes[..count] {
            [0x1b, b'$', b'B', _, _, 0x1b, b'(', b'B'] if known && seven_bit => {
                (&bytes[3..5], true)
            }
            _ if known && !seven_bit => (&bytes[..count], false),
            _ => (b"?", false),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use encoding_rs::{
        BIG5, EUC_JP, EUC_KR, GB18030, GBK, ISO_8859_2, KOI8_R, SHIFT_JIS, WINDOWS_1251,
        WINDOWS_1252,
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_charset_is_written_and_read() {
        for (encoding, text, bytes) in [
            (ISO_2022_JP, "お茶 tea", &b"\x1b$B$*Cc\x1b(B tea"[..]),
            (ISO_2022_JP, "\x02茶\x0f a", b"\x02\x1b$BCc\x1b(B\x0f a"),
            (SHIFT_JIS, "お茶ｱ", b"\x82\xa8\x92\x83\xb1"),
            (EUC_JP, "お茶", b"\xa4\xaa\xc3\xe3"),
            (EUC_KR, "차", b"\xc2\xf7"),
            (GB18030, "茶ß", b"\xb2\xe8\x81\x30\x89\x38"),
            (GBK, "茶", b"\xb2\xe8"),
            (BIG5, "茶", b"\xaf\xf9"),
            (WINDOWS_1251, "чай", b"\xf7\xe0\xe9"),
            (KOI8_R, "чай", b"\xde\xc1\xca"),
            (UTF_8, "чай茶", "чай茶".as_bytes()),
        ] {
            let charset = Charset::Both(encoding);
            assert_eq!(charset.encode(text), bytes, "{text:?} in {}", encoding.name());
            assert_eq!(decode(bytes, encoding), text, "{}", encoding.name());
            assert_eq!(charset.legible(text.to_owned()), text, "{}", encoding.name());
        }
        assert_eq!(Charset::Fallback(KOI8_R).encode("чай"), "чай".as_bytes());
    }

    #[test]
    fn characters_missing_from_a_charset_become_question_marks() {
        for (encoding, text, legible) in [
            (ISO_2022_JP, "茶😀茶é", "茶?茶?"),
            (ISO_2022_JP, "\x1b$B\x0e", "?$B?"),
            (ISO_2022_JP, "ｱ¥", "ア￥"),
            (SHIFT_JIS, "茶é", "茶?"),
            (KOI8_R, "чай 茶", "чай ?"),
            (WINDOWS_1252, "café ч", "café ?"),
        ] {
            let charset = Charset::Both(encoding);
            assert_eq!(charset.legible(text.to_owned()), legible, "{text:?}");
            assert_eq!(decode(&charset.encode(text), encoding), legible, "{text:?}");
        }
    }

    #[test]
    fn no_shift_reaches_beyond_its_word() {
        assert_eq!(decode(b"\x1b$BCc a :b", ISO_2022_JP), "茶 a :b");
        assert_eq!(decode(b"\x1b(Ba \x1b$BCc\x0fCc", ISO_2022_JP), "a 茶\x0fCc");
    }

    fn encodings() -> impl Strategy<Value = &'static Encoding> {
        prop::sample::select(vec![
            ISO_2022_JP,
            SHIFT_JIS,
            EUC_JP,
            EUC_KR,
            GB18030,
            GBK,
            BIG5,
            WINDOWS_1251,
            WINDOWS_1252,
            KOI8_R,
            ISO_8859_2,
            UTF_8,
        ])
    }

    /// One character, as the encoding's own tables encode it.
    fn alone(c: char, encoding: &'static Encoding) -> String {
        let mut utf8 = [0; 4];
        match (c, encoding.encode(c.encode_utf8(&mut utf8))) {
            (_, (_, _, true)) => "?".to_owned(),
            ('¥', _) if encoding == ISO_2022_JP => "￥".to_owned(),
            ('‾', _) if encoding == ISO_2022_JP => "￣".to_owned(),
            (_, (bytes, ..)) => encoding.decode_without_bom_handling(&bytes).0.into_owned(),
        }
    }

    proptest! {
        #[test]
        fn encoded_text_round_trips_and_fits_its_measured_width(
            encoding in encodings(),
            text in "([ -~]|[¥‾éßчйａｱﾞ茶語日本차한\u{301}😀①]|\\PC|[\x02\x03]){0,80}",
            budget in 0..200_usize,
        ) {
            let charset = Charset::Both(encoding);
            let bytes = charset.encode(&text);
            let expected: String = text.chars().map(|c| alone(c, encoding)).collect();
            prop_assert_eq!(decode(&bytes, encoding), expected);
            prop_assert!(!bytes.iter().any(|byte| [0, b'\r', b'\n'].contains(byte)));
            let reach = charset.reach(&text, budget);
            prop_assert!(charset.width(&text[..reach]) <= budget);
            if let Some(c) = text[reach..].chars().next() {
                prop_assert!(charset.width(&text[..reach + c.len_utf8()]) > budget);
            }
        }
    }
}
