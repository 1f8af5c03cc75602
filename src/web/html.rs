//! HTML pages: long messages and errors. `maud` escapes all text. Pages have no scripts and load nothing.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::store::Paste;
use crate::translate;

/// The content security policy of pages: only their one style sheet, by its hash.
pub(super) static CSP: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "sandbox; default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
});

/// Maximum lines of a page, with phones in mind.
const MAX_LINES: usize = 10_000;

/// Maximum bytes of a page.
const MAX_BYTES: usize = 2_000_000;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--faint:#6a737d;--paper:#fff;--line:#e4e7eb;--mark:#fff8c5}\
@media(prefers-color-scheme:dark){:root{--ink:#dfe3e8;--faint:#8b949e;--paper:#14171b;--line:#2a2f36;--mark:#3b3211}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline;padding:.8rem 1rem;border-bottom:1px solid var(--line)}\
h1{font-size:1.1rem;margin:0;overflow-wrap:anywhere}\
header span,footer{color:var(--faint);font-size:.9rem}\
header a{margin-left:auto;color:inherit}\
ol{counter-reset:l;list-style:none;margin:0;padding:.6rem 0;font:14px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;tab-size:4}\
li{counter-increment:l;display:flex;padding-right:1rem}\
li::before{content:counter(l);flex:none;width:3.4rem;padding-right:.8rem;text-align:right;color:var(--faint);user-select:none;-webkit-user-select:none}\
li:target{background:var(--mark)}\
li span{white-space:pre-wrap;overflow-wrap:anywhere;min-width:0}\
footer{padding:.6rem 1rem 1.2rem;border-top:1px solid var(--line)}\
main{max-width:34rem;margin:16vh auto 0;padding:0 1.2rem}\
@media(max-width:30rem){ol{font-size:13px}li::before{width:2.6rem;padding-right:.6rem}}";

/// The page of a long message. `raw` is the URL of its plain text.
pub(super) fn paste_page(paste: &Paste, raw: &str, expires: Timestamp) -> String {
    let author = paste.message.author.display_name.as_ref().unwrap_or(&paste.message.author.name);
    let endpoint = paste.endpoint.strip_prefix("letschat/").unwrap_or(&paste.endpoint);
    let body = &*translate::plain(&paste.message.body);
    let shown = &body[..body.floor_char_boundary(MAX_BYTES)];
    let lines = body.lines().count();
    let left_out = lines.saturating_sub(shown.lines().take(MAX_LINES).count());
    let cut = left_out > 0 || shown.len() < body.len();
    let title = format!("{author} in {endpoint}");
    document(
        &title,
        html! {
            header {
                h1 { (author) " in " (endpoint) }
                span { (format_minute(paste.message.sent_at)) }
                span { (line_count(lines)) }
                a href=(raw) { "plain text" }
            }
            ol {
                @for (number, line) in (1..).zip(shown.lines().take(MAX_LINES)) {
                    li id={ "L" (number) } { span { (with_links(line)) } }
                }
            }
            footer {
                @if cut { p { "Truncated: the plain text has the rest." } }
                "This link works until " (format_minute(expires)) "."
            }
        },
    )
}

/// `line` with web URLs as links, which send no referrer.
fn with_links(line: &str) -> Markup {
    let mut done = 0;
    let mut pieces = Vec::new();
    for (address, leads_to) in translate::web_pages(line) {
        pieces.push((&line[done..address.start], &line[address.clone()], leads_to));
        done = address.end;
    }
    html! {
        @for (before, address, leads_to) in pieces {
            (before)
            a href=(leads_to) rel="noopener nofollow noreferrer" { (address) }
        }
        (line[done..])
    }
}

/// A page with a short message.
pub(super) fn message_page(title: &str, text: &str) -> String {
    document(title, html! { main { h1 { (title) } p { (text) } } })
}

fn document(title: &str, body: Markup) -> String {
    page(title, STYLE, None, &body)
}

/// A whole page with this style. It opens `leads_to` by itself, if that is given.
pub(crate) fn page(title: &str, style: &str, leads_to: Option<&str>, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                @if let Some(address) = leads_to {
                    meta http-equiv="refresh" content={ "0;url=" (address) };
                }
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

fn format_minute(time: Timestamp) -> String {
    time.strftime("%F %H:%M UTC").to_string()
}

fn line_count(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Author, EndpointId, Message, MessageKind};

    fn paste_html(author: &str, body: &str) -> String {
        let message = Message {
            source: EndpointId(1),
            author: Author::named(author),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        };
        let said = Paste { endpoint: "letschat/tea".to_owned(), message };
        paste_page(&said, "x/raw", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn each_line_has_an_anchor() {
        let page = paste_html("ann", "one\n\n\ttwo");
        assert!(page.contains("<h1>ann in tea</h1>"), "{page}");
        assert!(page.contains("3 lines"), "{page}");
        assert!(page.contains("<li id=\"L3\"><span>\ttwo</span></li>"), "{page}");
        assert!(!page.contains("Truncated"), "{page}");
    }

    #[test]
    fn only_addresses_of_web_pages_are_links() {
        let rel = r#"rel="noopener nofollow noreferrer""#;
        let page = paste_html(
            "ann",
            "see <https://a.example/?x=1&y=\"z>, (http://b.example).\njavascript://x upload://y \u{3}4file:///z\u{1b}[1m",
        );
        for link in [
            format!(
                r#"&lt;<a href="https://a.example/?x=1&amp;y=%22z" {rel}>https://a.example/?x=1&amp;y=&quot;z</a>&gt;, "#
            ),
            format!(r#"(<a href="http://b.example/" {rel}>http://b.example</a>)."#),
            "<span>javascript://x upload://y file:///z[1m</span>".to_owned(),
        ] {
            assert!(page.contains(&link), "{link}: {page}");
        }
        let (_, list) = page.split_once("<ol>").expect("a list");
        assert_eq!(list.matches("<a ").count(), 2);
    }

    #[test]
    fn truncated_page_mentions_the_truncation() {
        assert!(paste_html("ann", &"x\n".repeat(MAX_LINES + 1)).contains("Truncated"));
        assert!(paste_html("ann", &"é".repeat(MAX_BYTES)).contains("Truncated"));
    }

    #[test]
    fn csp_contains_the_style_digest() {
        assert!(paste_html("ann", "x").contains(&format!("<style>{STYLE}</style>")));
        assert!(!CSP.contains("unsafe") && !STYLE.contains(['<', '&']));
    }

    proptest! {
        #[test]
        fn text_is_always_escaped(author in "[<>&\"'a-z/ ]*", body in "[<>&\"'a-z/ \n]*") {
            let page = paste_html(&author, &body);
            let (_, rest) = page.split_once("<ol>").expect("a list");
            let (list, _) = rest.split_once("</ol>").expect("its end");
            let tags = list.matches('<').count();
            prop_assert_eq!(tags, body.lines().count() * 4);
            let (_, head) = page.split_once("<h1>").expect("a heading");
            prop_assert!(head.find("</h1>") < head.find("<span>"));
        }
    }
}
