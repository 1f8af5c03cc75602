//! The first page: whom it is for, and the forms of all that they can do.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{Markup, html};

use super::html::{PageFrame, document, name, person, proof_field};
use crate::domain::LinkOffer;

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
    pub(super) new_username: String,
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
            p { "This page is for " (person(offer)) ". If that is somebody else, close it." }
            p.faint { "It works for " (minutes_left(offer, Timestamp::now())) ", in this browser only." }
            @if !frame.site.is_confidential() {
                p.alert {
                    "The connection to this page is not encrypted. Others on the way can read what you type here."
                }
            }
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
        let rule = "8 to 64 characters, unless your administrator chose another rule.";
        let field = |name, label, kind, autocomplete, hint: Option<&'static str>, value| {
            let hint = hint.map(|hint| html! { (hint) });
            Field { name, label, kind, autocomplete, hint, value }
        };
        let signs = "Letters, digits, “_”, “-” and “.”; small letters only.";
        let fields = [
            field(
                "new-username",
                "New user name",
                "text",
                "username",
                Some(signs),
                &self.typed.new_username,
            ),
            field("email", "Mail address", "email", "email", None, &self.typed.email),
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

/// How long a page can still be used, in words.
fn minutes_left(offer: &LinkOffer, now: Timestamp) -> String {
    match offer.expires_at.duration_since(now).as_mins() {
        ..2 => "one more minute".to_owned(),
        minutes => format!("{minutes} more minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_in_words() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, words) in [
            (900, "15 more minutes"),
            (120, "2 more minutes"),
            (119, "one more minute"),
            (-5, "one more minute"),
        ] {
            let expires_at = Timestamp::from_second(seconds).expect("a time");
            let (nick, network) = ("dave".to_owned(), "office".to_owned());
            let offer = LinkOffer { nick, network, made: None, own: None, expires_at };
            assert_eq!(minutes_left(&offer, now), words);
        }
    }
}
