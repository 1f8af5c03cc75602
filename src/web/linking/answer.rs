//! What the page answers: a page, or a way to it.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::access::NoAccess;
use super::form::FormRefusal;
use super::html;
use super::start_page::{FormKind, FormProblem};
use crate::domain::LinkRefusal;

/// Headers of every page. A form of a page that sent no referrer to itself would name no origin, so `no-referrer`
/// would be weaker.
const PAGE_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// An answer.
#[derive(Debug)]
pub(in crate::web) enum LinkAnswer {
    /// This page.
    Page(StatusCode, String),
    /// Open the page at this path.
    SeeOther(String),
}

impl LinkAnswer {
    /// A page with a short message, and a link to `again`.
    pub(in crate::web) fn message(
        status: StatusCode,
        title: &str,
        text: &str,
        again: Option<&str>,
    ) -> Self {
        Self::Page(status, html::message_page(title, text, again))
    }

    /// Why the page is of no use.
    pub(super) fn refused(refusal: LinkRefusal) -> Self {
        let (status, title, text) = match refusal {
            LinkRefusal::Unknown => (
                StatusCode::NOT_FOUND,
                "There is no such page",
                "The address is incomplete, or the bridge has forgotten it. Type !link on IRC again.",
            ),
            LinkRefusal::Expired => (
                StatusCode::GONE,
                "This page is too old",
                "It worked for 15 minutes. Type !link on IRC again.",
            ),
            LinkRefusal::Used => (
                StatusCode::GONE,
                "This page was used",
                "It works only once. If you used it yourself, all is well. Otherwise, or for another change, type \
                 !link on IRC again.",
            ),
            LinkRefusal::OtherBrowser => (
                StatusCode::FORBIDDEN,
                "Another browser opened this page",
                "It works only in the browser that opens it first. Type !link on IRC again, and show the address to \
                 nobody.",
            ),
            LinkRefusal::TooManyTries => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                "Too many passwords or tokens were tried on this page. Type !link on IRC again.",
            ),
        };
        Self::message(status, title, text, None)
    }

    /// The bridge does not answer.
    pub(in crate::web) fn no_reply(again: &str) -> Self {
        let text = "The bridge does not answer at the moment. Try again in a minute.";
        Self::message(StatusCode::SERVICE_UNAVAILABLE, "Try again", text, Some(again))
    }

    /// There are too many others.
    pub(super) fn crowded(again: &str) -> Self {
        let text =
            "Many people are linking their accounts at the moment. Try again in some minutes.";
        Self::message(StatusCode::SERVICE_UNAVAILABLE, "Try again", text, Some(again))
    }

    /// The bridge links no accounts.
    pub(super) fn not_offered() -> Self {
        let text = "Nobody can link an account here. Ask the bridge's administrator.";
        Self::message(StatusCode::NOT_FOUND, "This bridge does not link accounts", text, None)
    }

    /// The browser keeps no cookies.
    pub(in crate::web) fn no_cookie(again: &str) -> Self {
        let text = "This page works only in a browser that accepts its cookie, which lasts for 15 minutes. Allow \
                    cookies for this site.";
        Self::message(StatusCode::FORBIDDEN, "Your browser sends no cookie", text, Some(again))
    }

    /// The address is that of a form.
    pub(in crate::web) fn form_only(again: &str) -> Self {
        let text = "This is the address of a form, not of a page.";
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "Nothing to see here", text, Some(again))
    }

    /// A form is not accepted.
    pub(in crate::web) fn bad_form(refusal: FormRefusal, again: &str) -> Self {
        let (status, text) = match refusal {
            FormRefusal::NoCookie => return Self::no_cookie(again),
            FormRefusal::Foreign => (StatusCode::FORBIDDEN, "Another site has sent it."),
            FormRefusal::WrongProof => (
                StatusCode::FORBIDDEN,
                "It is not from this page, or the bridge was restarted meanwhile.",
            ),
            FormRefusal::NotForm => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "It is no form."),
            FormRefusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "It is too long."),
            FormRefusal::TooSlow => (StatusCode::REQUEST_TIMEOUT, "It did not arrive in time."),
        };
        Self::message(status, "The form was not accepted", text, Some(again))
    }
}

/// What is said about a password or a token that gave no access.
pub(in crate::web) fn access_problem(form: FormKind, reason: NoAccess) -> FormProblem {
    let (field, text) = match reason {
        NoAccess::WrongPassword => (
            Some("password"),
            "Let's Chat does not accept this user name or password. Use those that you sign in to Let's Chat with.",
        ),
        NoAccess::Locked => (
            Some("password"),
            "Let's Chat has locked this account for a while, because the password was wrong three times. Wait a \
             minute, then try again.",
        ),
        NoAccess::WrongToken => (
            Some("token"),
            "Let's Chat does not accept this token. It shows a token only once: if you have lost it, make another.",
        ),
        NoAccess::Unreachable => {
            (None, "Let's Chat is not responding at the moment. Try again in a minute.")
        }
        NoAccess::Strange => (
            None,
            "Let's Chat gave an answer that the bridge does not understand. Tell the bridge's administrator.",
        ),
        NoAccess::Busy => {
            (None, "Many people are signing in at the moment. Try again in a minute.")
        }
    };
    FormProblem { form, field, text: Cow::Borrowed(text) }
}

/// A page that is kept by nobody and shown in no frame, with this content security policy.
pub(in crate::web) fn page_response(status: StatusCode, page: String, policy: &str) -> Response {
    let mut response = (status, Body::from(page)).into_response();
    let headers = response.headers_mut();
    for (name, value) in PAGE_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

impl IntoResponse for LinkAnswer {
    fn into_response(self) -> Response {
        let (status, body, path) = match self {
            Self::Page(status, html) => (status, html, None),
            Self::SeeOther(path) => (StatusCode::SEE_OTHER, String::new(), Some(path)),
        };
        let mut response = page_response(status, body, &html::CSP);
        let headers = response.headers_mut();
        let location = path.and_then(|path| HeaderValue::from_str(&path).ok());
        for (name, value) in [
            (header::LOCATION, location),
            (header::RETRY_AFTER, (status == StatusCode::SERVICE_UNAVAILABLE).then(|| 60.into())),
        ] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }
}
