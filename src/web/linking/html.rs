//! The pages where people link their accounts, except the first. `maud` escapes all text. They have no scripts and load
//! nothing.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::form::PROOF_FIELD;
use super::site::LinkSite;
use super::visits::{FoundAccount, LinkOutcome};
use crate::domain::LinkOffer;
use crate::translate;
use crate::web::html::page;

const STYLE: &str = include_str!("style.css");

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

/// The page in one browser.
pub(super) struct PageFrame<'a> {
    pub(super) site: &'a LinkSite,
    pub(super) code: &'a str,
    /// The proof for its forms.
    pub(super) proof: String,
}

/// The second page: whether this is the right account.
pub(super) fn confirm_page(
    frame: &PageFrame<'_>,
    offer: &LinkOffer,
    account: &FoundAccount,
) -> String {
    let site = frame.site;
    document(
        "Is this you?",
        None,
        html! {
            h1 { "Is this you?" }
            section {
                p {
                    "You are signed in as " (name(&account.display_name)) " (" (name(&account.username)) ")."
                }
                p { "If you confirm:" }
                ul {
                    li { "What " (person(offer)) " writes will be posted on Let's Chat as you." }
                    li { "The bridge keeps access to your account until you end the link. It posts what you write on \
                          IRC, and does nothing else." }
                    li { "What was posted before stays as it is." }
                }
                p.note {
                    "Did somebody else send you the address of this page? Then do not confirm: they would write in \
                     your name."
                }
                div.row {
                    form method="post" action=(site.form(frame.code, "confirm")) {
                        (proof_field(frame))
                        input type="hidden" name="account" value=(account.user.0);
                        button { "Confirm" }
                    }
                    form method="post" action=(site.form(frame.code, "cancel")) {
                        (proof_field(frame))
                        button.second { "No, use another account" }
                    }
                }
            }
            p.faint { "The bridge waits 5 minutes for this. Then you have to sign in again." }
        },
    )
}

/// The last page: what is so now.
pub(super) fn done_page(outcome: &LinkOutcome) -> String {
    let how_to_end = html! {
        p { "To end the link, type " code { "!unlink" } " on IRC, or " code { "!link" } " for a new page." }
    };
    let (title, text) = match outcome {
        LinkOutcome::Linked(username) => (
            "Your account is linked",
            html! {
                p { "What you write on IRC is posted as " (name(username)) " from now on." }
                p { "The bridge has not kept your password." }
                (how_to_end)
            },
        ),
        LinkOutcome::TakenOver(username) => (
            "The account is yours",
            html! {
                p {
                    "Sign in to Let's Chat as " (name(username)) ", with the password that you have just chosen. The \
                     bridge no longer knows it."
                }
                p { "What you write on IRC is posted as " (name(username)) ", as before." }
                (how_to_end)
            },
        ),
        LinkOutcome::Unlinked => (
            "The link has ended",
            html! {
                p { "What you write on IRC is no longer posted as your own account." }
                p { "To link an account again, type " code { "!link" } " on IRC." }
            },
        ),
    };
    document(
        title,
        None,
        html! {
            h1.good { (title) }
            section { (text) }
            p.faint { "This page has served its purpose. You can close it." }
        },
    )
}

/// The page that opens `address` by itself. Programs that only look at addresses do not follow.
pub(super) fn opening_page(address: &str) -> String {
    document(
        "Link your Let's Chat account",
        Some(address),
        html! {
            h1 { "Link your Let's Chat account" }
            p { a href=(address) { "Continue" } }
        },
    )
}

/// A page with a short message, and a link to try again.
pub(super) fn message_page(title: &str, text: &str, again: Option<&str>) -> String {
    document(
        title,
        None,
        html! {
            h1 { (title) }
            p { (text) }
            @if let Some(again) = again { p { a href=(again) { "Open the page again" } } }
        },
    )
}

pub(in crate::web) fn document(title: &str, leads_to: Option<&str>, body: Markup) -> String {
    page(title, STYLE, leads_to, &html! { main { (body) } })
}

pub(super) fn proof_field(frame: &PageFrame<'_>) -> Markup {
    html! { input type="hidden" name=(PROOF_FIELD) value=(frame.proof); }
}

pub(super) fn person(offer: &LinkOffer) -> Markup {
    html! { (name(&offer.nick)) " on " (name(&offer.network)) }
}

/// A name, which cannot change the direction of the text around it.
pub(in crate::web) fn name(text: &str) -> Markup {
    let shown: String = translate::plain(text).chars().take(MAX_LEN_NAME).collect();
    html! { bdi { b { (shown) } } }
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
}
