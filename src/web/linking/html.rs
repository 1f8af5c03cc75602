//! The pages where people link their accounts. `maud` escapes all text. They have no scripts and load nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::form::PROOF_FIELD;
use super::site::LinkSite;
use super::visits::{FoundAccount, LinkOutcome};
use crate::domain::LinkOffer;
use crate::translate;

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

/// The forms of the first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum FormKind {
    SignIn,
    Token,
    TakeOver,
    Unlink,
}

/// What is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct FormProblem {
    pub(in crate::web) form: FormKind,
    /// The field; `None` if it is about the whole form.
    pub(in crate::web) field: Option<&'static str>,
    /// In words for the person.
    pub(in crate::web) text: Cow<'static, str>,
}

/// What somebody has typed, and does not have to type again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TypedText {
    pub(super) username: String,
    pub(super) email: String,
}

/// A field of a form.
struct Field<'a> {
    name: &'static str,
    label: &'a str,
    kind: &'static str,
    autocomplete: &'static str,
    hint: Option<Markup>,
    value: &'a str,
}

/// The forms of the first page, and what is wrong with one of them.
struct StartPage<'a> {
    frame: &'a PageFrame<'a>,
    offer: &'a LinkOffer,
    problems: &'a [FormProblem],
    typed: &'a TypedText,
}

/// The first page: whom it is for, and what they can do.
pub(super) fn start_page(
    frame: &PageFrame<'_>,
    offer: &LinkOffer,
    problems: &[FormProblem],
    typed: &TypedText,
) -> String {
    let page = StartPage { frame, offer, problems, typed };
    let title = "Link your Let's Chat account";
    let shown = if problems.is_empty() { title.to_owned() } else { format!("Error – {title}") };
    document(
        &shown,
        None,
        html! {
            h1 { (title) }
            p { "This page is for " (person(offer)) "." }
            p.faint { "It works until " (format_minute(offer.expires_at)) ", in this browser only." }
            @if let Some(own) = &offer.own { (page.own_account(own)) }
            (page.sign_in())
            (page.token())
            @if let Some(made) = &offer.made { (page.take_over(made)) }
        },
    )
}

impl StartPage<'_> {
    fn own_account(&self, own: &str) -> Markup {
        html! {
            section aria-labelledby="own" {
                h2 id="own" { "Your account now" }
                (self.alerts(FormKind::Unlink))
                p { "What you write on IRC is posted as " (name(own)) "." }
                form method="post" action=(self.frame.site.form(self.frame.code, "unlink")) {
                    (self.proof())
                    button.second { "End the link" }
                }
            }
        }
    }

    fn sign_in(&self) -> Markup {
        let fields = [
            Field {
                name: "username",
                label: "User name or mail address",
                kind: "text",
                autocomplete: "username",
                hint: None,
                value: &self.typed.username,
            },
            Field {
                name: "password",
                label: "Password",
                kind: "password",
                autocomplete: "current-password",
                hint: None,
                value: "",
            },
        ];
        html! {
            section aria-labelledby="sign-in" {
                h2 id="sign-in" {
                    @if self.offer.own.is_some() { "Use another account" } @else { "Use your account" }
                }
                p { "What you write on IRC will be posted as you. Sign in as you do on Let's Chat:" }
                (self.form(FormKind::SignIn, "sign-in", "Sign in", &fields))
                p.hint {
                    "The bridge passes your password on to Let's Chat, and does not keep it. You confirm in the \
                     next step."
                }
            }
        }
    }

    fn token(&self) -> Markup {
        let field = Field {
            name: "token",
            label: "API token",
            kind: "password",
            autocomplete: "off",
            hint: Some(html! {
                "In the menu of Let's Chat: " b { "Auth Tokens" } ". A new token replaces the one that you had."
            }),
            value: "",
        };
        html! {
            details open[self.has_problems(FormKind::Token)] {
                summary { "Or paste an API token" }
                (self.form(FormKind::Token, "token", "Check the token", &[field]))
            }
        }
    }

    fn take_over(&self, made: &str) -> Markup {
        let (username, email) = match self.has_problems(FormKind::TakeOver) {
            true => (self.typed.username.as_str(), self.typed.email.as_str()),
            false => ("", ""),
        };
        let rule = "8 to 64 characters, unless your administrator chose another rule.";
        let field = |name, label, kind, autocomplete, hint: Option<&'static str>, value| {
            let hint = hint.map(|hint| html! { (hint) });
            Field { name, label, kind, autocomplete, hint, value }
        };
        let signs = "Letters, digits, “_”, “-” and “.”; small letters only.";
        let fields = [
            field("new-username", "New user name", "text", "username", Some(signs), username),
            field("email", "Mail address", "email", "email", None, email),
            field("new-password", "New password", "password", "new-password", Some(rule), ""),
            field("again", "New password again", "password", "new-password", None, ""),
        ];
        html! {
            details open[self.has_problems(FormKind::TakeOver)] {
                summary { "Or take over the account made for you" }
                p {
                    "The bridge made the account " (name(made)) " for you. You can make it your own: everything that "
                    (name(made)) " has said becomes yours, and you can sign in to Let's Chat with it."
                }
                p.note {
                    "Do you have an account on Let's Chat already? It stays as it is, and its history stays under its \
                     name."
                }
                (self.form(FormKind::TakeOver, "take-over", "Take over the account", &fields))
            }
        }
    }

    fn form(&self, kind: FormKind, step: &str, button: &str, fields: &[Field<'_>]) -> Markup {
        html! {
            form method="post" action=(self.frame.site.form(self.frame.code, step)) novalidate {
                (self.alerts(kind))
                (self.proof())
                @for field in fields { (self.field(kind, field)) }
                button { (button) }
            }
        }
    }

    fn field(&self, kind: FormKind, field: &Field<'_>) -> Markup {
        let name = field.name;
        let problem =
            self.problems.iter().find(|it| it.form == kind && it.field == Some(field.name));
        let hint = field.hint.as_ref().map(|_| format!("{name}-hint"));
        let error = problem.map(|_| format!("{name}-error"));
        let described = [hint.as_deref(), error.as_deref()].into_iter().flatten();
        let described = described.collect::<Vec<_>>().join(" ");
        let is_first = problem.is_some_and(|it| self.problems.first() == Some(it));
        html! {
            div.field {
                label for=(name) { (field.label) }
                input id=(name) name=(name) type=(field.kind) autocomplete=(field.autocomplete)
                    value=[(!field.value.is_empty()).then_some(field.value)] required autocapitalize="none"
                    spellcheck="false" maxlength="500" autofocus[is_first]
                    aria-invalid=[problem.map(|_| "true")]
                    aria-describedby=[(!described.is_empty()).then_some(described)];
                @if let Some(hint) = &field.hint { p.hint id={ (name) "-hint" } { (hint) } }
                @if let Some(problem) = problem { p.error id={ (name) "-error" } { (problem.text) } }
            }
        }
    }

    fn alerts(&self, kind: FormKind) -> Markup {
        let alerts = self.problems.iter().filter(|it| it.form == kind && it.field.is_none());
        html! { @for problem in alerts { p.alert role="alert" { (problem.text) } } }
    }

    fn has_problems(&self, kind: FormKind) -> bool {
        self.problems.iter().any(|problem| problem.form == kind)
    }

    fn proof(&self) -> Markup {
        proof_field(self.frame)
    }
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

/// The page that opens itself once more, now with the cookie. Programs that only look at addresses do not follow.
pub(super) fn opening_page(site: &LinkSite, code: &str) -> String {
    let address = format!("{}?opened", site.page(code));
    document(
        "Link your Let's Chat account",
        Some(&address),
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

/// A page with this title. It opens `leads_to` by itself, if that is given.
pub(in crate::web) fn document(title: &str, leads_to: Option<&str>, body: Markup) -> String {
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
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

fn proof_field(frame: &PageFrame<'_>) -> Markup {
    html! { input type="hidden" name=(PROOF_FIELD) value=(frame.proof); }
}

fn person(offer: &LinkOffer) -> Markup {
    html! { (name(&offer.nick)) " on " (name(&offer.network)) }
}

/// A name, which cannot change the direction of the text around it.
pub(in crate::web) fn name(text: &str) -> Markup {
    let shown: String = translate::plain(text).chars().take(MAX_LEN_NAME).collect();
    html! { bdi { b { (shown) } } }
}

fn format_minute(time: Timestamp) -> String {
    time.strftime("%H:%M UTC").to_string()
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
