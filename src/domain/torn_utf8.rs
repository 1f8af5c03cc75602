//! Text in UTF-8 of which something is missing.

/// Whether this is UTF-8 except for one character. Servers cut lines without regard to characters. Text in other charsets
/// hardly ever contains valid UTF-8.
#[must_use]
pub fn is_torn_utf8(bytes: &[u8]) -> bool {
    let mut chunks = bytes.utf8_chunks();
    let torn = chunks.by_ref().find(|chunk| !chunk.invalid().is_empty());
    let has_whole = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    torn.is_some() && has_whole && chunks.all(|chunk| chunk.invalid().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_may_be_torn() {
        for (bytes, is_torn) in [
            (&b"\xd1\x87\xd0\xb0\xd0"[..], true),
            (b"\xd1\x87\xd0 \xd0\xb0", true),
            (b"\xd1\x87\xd0 \xd0", false),
            ("ча".as_bytes(), false),
            (b"caf\xe9", false),
            (b"plain", false),
            (b"", false),
        ] {
            assert_eq!(is_torn_utf8(bytes), is_torn, "{bytes:?}");
        }
    }
}
