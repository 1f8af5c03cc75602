//! Finds URLs of Let's Chat's files in text.

use std::borrow::Cow;

use url::Url;

use super::file_name::percent_decode;

/// The scheme that Let's Chat puts before the path of an uploaded file.
const UPLOAD_SCHEME: &str = "upload://";

/// Replaces each file's URL by what `link` returns for its id and name.
pub(super) fn replace_file_urls<'t>(
    text: &'t str,
    letschat: &Url,
    link: impl Fn(&str, &str) -> Option<String>,
) -> Cow<'t, str> {
    let mut replaced = String::new();
    let mut done = 0;
    for (begin, end, id, name) in find_file_urls(text, letschat.as_str()) {
        if let Some(link) = link(id, &name) {
            replaced.push_str(&text[done..begin]);
            replaced.push_str(&link);
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[done..]);
    Cow::Owned(replaced)
}

/// The ranges of file URLs in `text`, with id and name.
fn find_file_urls<'t>(text: &'t str, letschat: &str) -> Vec<(usize, usize, &'t str, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((begin, path)) = next_url(text, at, letschat) {
        let end = text[path..].find(char::is_whitespace).map_or(text.len(), |end| path + end);
        let end = path + text[path..end].trim_end_matches(is_trailing_punctuation).len();
        at = end.max(path);
        let mut parts = text[path..at].splitn(3, '/');
        if let (Some("files"), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) {
            let name = name.split(['?', '#', '/']).next().unwrap_or_default();
            found.push((begin, end, id, percent_decode(name)));
        }
    }
    found
}

/// The start of the next file URL from `at` on, and of its path.
fn next_url(text: &str, at: usize, letschat: &str) -> Option<(usize, usize)> {
    // Most texts have no URL.
    if !text[at..].contains(':') {
        return None;
    }
    let next = |prefix: &str| {
        let begin = at + text[at..].find(prefix)?;
        Some((begin, begin + prefix.len()))
    };
    [next(UPLOAD_SCHEME), next(letschat)].into_iter().flatten().min()
}

/// Whether a character usually follows a URL instead of ending it.
fn is_trailing_punctuation(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '>' | '\'' | '"' | '*' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6b035f6d8d054a41e16a0570";

    #[track_caller]
    fn check(text: &str, said: &str) {
        let letschat = Url::parse("https://chat.example/tea/").expect("an address");
        let link = |id: &str, name: &str| (id == ID).then(|| format!("[{name}]"));
        assert_eq!(
            replace_file_urls(&text.replace("ID", ID), &letschat, link),
            said.replace("ID", ID)
        );
    }

    #[test]
    fn file_urls_are_replaced() {
        check("upload://files/ID/a%20b.png", "[a b.png]");
        check("see upload://files/ID/a.png, please", "see [a.png], please");
        check("(https://chat.example/tea/files/ID/a.png)", "([a.png])");
        check("upload://files/ID/a.png\nupload://files/ID/b.png", "[a.png]\n[b.png]");
        check("https://chat.example/tea/files/ID/a.png?x=1", "[a.png]");
    }

    #[test]
    fn other_urls_are_unchanged() {
        for text in [
            "",
            "upload://",
            "upload://files/",
            "upload://files/ID",
            "upload://files/../account/x",
            "upload://logout?x.png",
            "https://chat.example/files/ID/a.png",
            "https://elsewhere.example/tea/files/ID/a.png",
            "upload://files/1234/a.png",
        ] {
            check(text, text);
        }
    }
}
