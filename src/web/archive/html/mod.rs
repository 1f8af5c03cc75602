//! The pages of the archive. `maud` escapes all text. They have no scripts and load nothing.

pub(super) mod calendar;
pub(super) mod day;
pub(super) mod export_form;
pub(super) mod lines;
pub(super) mod search;
pub(super) mod sign_in;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::site::ArchiveSite;
use super::zone::PageZone;
use crate::store::archive::ArchiveRoom;
use crate::translate;
use crate::web::html::page;
use crate::web::linking::form::PROOF_FIELD;

const STYLE: &str = include_str!("../style.css");

/// The content security policy: one style sheet, by its hash, and forms to ourselves.
pub(super) static CSP: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
});

/// The most that is shown of a name, in characters.
const MAX_LEN_NAME: usize = 100;

/// What every page needs of somebody who has signed in.
pub(super) struct ArchiveFrame<'a> {
    pub(super) site: &'a ArchiveSite,
    pub(super) zone: &'a PageZone,
    pub(super) username: &'a str,
    /// The proof for its forms.
    pub(super) proof: String,
}

/// A room that somebody may read, with its name in Let's Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedRoom {
    pub(super) room: ArchiveRoom,
    pub(super) name: String,
}

impl ArchiveFrame<'_> {
    /// A whole page.
    pub(super) fn document(&self, title: &str, main: &Markup) -> String {
        let body = html! {
            a.skip href="#main" { "Skip to the text" }
            header.top {
                a.home href=(self.site.home()) { "Archive" }
                nav { a href=(self.site.page("export")) { "Export" } }
                form method="post" action=(self.site.page("sign-out")) {
                    (proof_field(&self.proof))
                    span.faint { "Signed in as " (name(self.username)) }
                    button.second { "Sign out" }
                }
            }
            main id="main" { (main) }
            footer.foot {
                "Times are in " (self.zone.name()) ". Times without seconds, or with ~, are not exact: the log did not \
                 have them."
            }
        };
        page(title, STYLE, None, &body)
    }
}

/// A page for somebody who has not signed in, or for whom there is nothing else.
pub(super) fn narrow_document(title: &str, main: &Markup) -> String {
    page(title, STYLE, None, &html! { main.narrow { (main) } })
}

/// A page with a short message, and a link to go on.
pub(super) fn message_page(title: &str, text: &str, next: Option<(&str, &str)>) -> String {
    let main = html! {
        h1 { (title) }
        p { (text) }
        @if let Some((path, label)) = next { p { a href=(path) { (label) } } }
    };
    narrow_document(title, &main)
}

pub(super) fn proof_field(proof: &str) -> Markup {
    html! { input type="hidden" name=(PROOF_FIELD) value=(proof); }
}

/// A name, which cannot change the direction of the text around it.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (short(text)) } }
}

/// A name without formatting, not too long.
pub(super) fn short(text: &str) -> String {
    translate::plain(text).chars().take(MAX_LEN_NAME).collect()
}

/// A number with its thousands apart.
pub(super) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 line`, `2,000 lines`.
pub(super) fn lines_in_words(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", number(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csp_contains_the_style_digest() {
        let page = message_page("a", "b", None);
        assert!(page.contains(&format!("<style>{STYLE}</style>")));
        assert!(!CSP.contains("unsafe") && !STYLE.contains(['<', '&']) && !STYLE.contains("url("));
    }

    #[test]
    fn numbers_are_readable() {
        for (count, text) in [
            (0, "0 lines"),
            (1, "1 line"),
            (999, "999 lines"),
            (1_000, "1,000 lines"),
            (1_234_567, "1,234,567 lines"),
        ] {
            assert_eq!(lines_in_words(count), text);
        }
    }

    #[test]
    fn names_are_never_markup() {
        assert_eq!(name("<b>\u{2}x").into_string(), "<bdi>&lt;b&gt;x</bdi>");
    }
}
