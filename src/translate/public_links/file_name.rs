//! File names in public links, safe as a part of a URL and for saving.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that need no escaping in a URL, even where IRC clients detect its end.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Maximum length of a name in a URL, so that an IRC line can hold the link.
const MAX_LEN: usize = 100;

/// The longest extension kept when a name is shortened: `.jpeg` for instance.
const MAX_LEN_EXTENSION: usize = 12;

/// The name of a file without a usable one.
const FALLBACK_NAME: &str = "file";

/// Sanitises `name`: no folders, control characters, bidi controls, reserved names or hidden files; limited
/// length.
#[must_use]
pub fn sanitize_file_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = base.chars().filter(|c| !is_invisible(*c)).map(replace_reserved).collect();
    let safe = safe.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let safe = truncate(safe);
    if safe.is_empty() { FALLBACK_NAME.to_owned() } else { safe }
}

/// `name` as a URL path segment.
pub(super) fn percent_encode(name: &str) -> String {
    utf8_percent_encode(name, UNESCAPED).to_string()
}

/// Decodes a URL path segment.
pub(super) fn percent_decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e007f}')
}

fn replace_reserved(c: char) -> char {
    match c {
        '"' | '<' | '>' | '|' | ':' | '*' | '?' | ';' | '%' | '`' | '$' => '_',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

fn truncate(name: &str) -> String {
    if percent_encode(name).len() <= MAX_LEN {
        return name.to_owned();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(at) if percent_encode(&name[at..]).len() <= MAX_LEN_EXTENSION => name.split_at(at),
        _ => (name, ""),
    };
    let mut left = MAX_LEN - percent_encode(ending).len();
    let fits = stem.chars().take_while(|c| {
        let length = percent_encode(c.encode_utf8(&mut [0; 4])).len();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    let stem: String = fits.collect();
    format!("{}{ending}", stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(name: &str, safe: &str) {
        assert_eq!(sanitize_file_name(name), safe, "{name:?}");
    }

    #[test]
    fn safe_file_name_is_unchanged() {
        for name in ["photo.png", "a b (1).tar.gz", "Übersicht-2026_v2.pdf", "🫖.gif"] {
            check(name, name);
        }
    }

    #[test]
    fn path_components_are_removed() {
        check("../../etc/passwd", "passwd");
        check("..\\..\\boot.ini", "boot.ini");
        check("..", "file");
        check(".bashrc", "bashrc");
        check("a/", "file");
    }

    #[test]
    fn header_breaking_characters_are_replaced() {
        check("a\r\nSet-Cookie: x=1", "aSet-Cookie_ x=1");
        check("a\"; filename=\"b.exe", "a__ filename=_b.exe");
        check("a\0b", "ab");
    }

    #[test]
    fn invisible_characters_are_removed() {
        check("photo\u{202e}gpj.exe", "photogpj.exe");
        check("invoice.pdf\u{200b}.exe", "invoice.pdf.exe");
    }

    #[test]
    fn long_name_is_truncated_before_its_extension() {
        check(&format!("{}.jpeg", "x".repeat(300)), &format!("{}.jpeg", "x".repeat(95)));
        check(&format!("{}.png", "é".repeat(300)), &format!("{}.png", "é".repeat(16)));
        check(&format!("x.{}", "y".repeat(300)), &format!("x.{}", "y".repeat(98)));
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_safe_file_name(name in any::<String>()) {
            let safe = sanitize_file_name(&name);
            prop_assert!(!safe.is_empty() && !safe.starts_with('.'));
            prop_assert!(!safe.contains(['/', '\\', '"', '\r', '\n', '\0']));
            prop_assert!(percent_encode(&safe).len() <= MAX_LEN);
            prop_assert_eq!(sanitize_file_name(&safe), safe.clone());
            prop_assert_eq!(percent_decode(&percent_encode(&safe)), safe);
        }
    }
}
