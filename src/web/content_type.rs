//! Content types: which files browsers may display, and which they must save.

/// How a file is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileType {
    /// The `Content-Type`.
    pub(super) content_type: &'static str,
    /// Whether browsers may display it.
    pub(super) inline: bool,
}

/// Types that are safe to display. HTML, XML and SVG, which can contain scripts, are always saved.
const INLINE_TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
    "audio/mp4",
    "audio/webm",
    "application/pdf",
];

/// How to send a file with the content type that its uploader `claimed`.
pub(super) fn for_upload(claimed: &str) -> FileType {
    let claimed = claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if claimed == "text/plain" {
        return FileType { content_type: "text/plain; charset=utf-8", inline: true };
    }
    match INLINE_TYPES.iter().find(|known| **known == claimed) {
        Some(known) => FileType { content_type: known, inline: true },
        None => FileType { content_type: "application/octet-stream", inline: false },
    }
}

/// The `Content-Disposition` for a file with this sanitised name (RFC 6266): once in ASCII, once in UTF-8.
pub(super) fn content_disposition(shown: bool, name: &str) -> String {
    let disposition = if shown { "inline" } else { "attachment" };
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '_' };
    let ascii: String = name.chars().map(plain).filter(|c| !matches!(c, '"' | '\\')).collect();
    let encoded: String = percent_encoding::utf8_percent_encode(name, RFC8187_UNESCAPED).collect();
    format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// A subset of the characters that RFC 8187 leaves unescaped.
const RFC8187_UNESCAPED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::translate::sanitize_file_name;

    #[test]
    fn images_and_text_are_inline() {
        for kind in ["image/png", "IMAGE/PNG", "image/jpeg; q=1", "application/pdf", "text/plain"] {
            assert!(for_upload(kind).inline, "{kind}");
        }
        assert_eq!(
            for_upload("text/plain; charset=latin1").content_type,
            "text/plain; charset=utf-8"
        );
    }

    #[test]
    fn other_types_are_attachments() {
        for kind in [
            "",
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
            "application/javascript",
            "text/css",
            "image/png\r\nX: y",
            "multipart/mixed",
            "*/*",
        ] {
            assert_eq!(
                for_upload(kind),
                FileType { content_type: "application/octet-stream", inline: false },
                "{kind}"
            );
        }
    }

    #[test]
    fn disposition_has_ascii_and_utf8_name() {
        assert_eq!(
            content_disposition(true, "a b.png"),
            "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png"
        );
        assert_eq!(
            content_disposition(false, "é.zip"),
            "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%A9.zip"
        );
    }

    proptest! {
        #[test]
        fn file_name_never_breaks_the_header(name in any::<String>()) {
            let header = content_disposition(true, &sanitize_file_name(&name));
            prop_assert!(header.is_ascii() && !header.contains(['\r', '\n', '\0']));
            prop_assert_eq!(header.matches('"').count(), 2);
        }
    }
}
