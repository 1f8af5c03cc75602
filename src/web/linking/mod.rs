//! The page where people of IRC link their own account on Let's Chat, or take over the one that the bridge made.
//!
//! ```text
//!  GET /link/CODE          sets a cookie, and opens itself again
//!      └ with the cookie:  whom it is for, and the forms; from now on the page belongs to this browser
//!  POST …/sign-in, /token  checks access at Let's Chat; the session is kept here for 5 minutes
//!      └ POST …/confirm    hands it to the bridge          POST …/cancel  ends it
//!  POST …/take-over        the bridge changes user name, mail and password of the account that it made
//!  POST …/unlink           the bridge no longer speaks as the linked account
//! ```
//!
//! A form is accepted from the same origin, with the cookie, and with a proof that was on the page. Passwords and
//! tokens are passed on, and stand in no page, address or log.

pub(in crate::web) mod access;
pub(in crate::web) mod answer;
pub(in crate::web) mod browser_key;
mod desk;
pub(in crate::web) mod form;
pub(in crate::web) mod html;
mod new_account;
pub(in crate::web) mod site;
pub(in crate::web) mod start_page;
mod steps;
pub(in crate::web) mod visits;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use url::Url;

use crate::config::LetsChatSettings;
use crate::domain::LinkRefusal;

pub use desk::{LinkCall, LinkDesk};

use access::AccessCheck;
use answer::LinkAnswer;
use browser_key::BrowserKey;
use form::FormKey;
use site::LinkSite;
use visits::{FoundAccount, PageVisits};

/// The query of a page that was opened from our own, and of one whose cookie was set.
const OPENED: &str = "opened";
const COOKIE_SET: &str = "cookie";

/// The pages where people link their accounts.
#[derive(Debug)]
pub(super) struct LinkPages {
    /// The way to the bridge; `None` if it links no accounts.
    desk: Option<LinkDesk>,
    site: LinkSite,
    form_key: FormKey,
    access: AccessCheck,
    visits: PageVisits,
}

impl LinkPages {
    /// The pages below `public_url`, for accounts of this Let's Chat.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new(
        desk: Option<LinkDesk>,
        public_url: &Url,
        letschat: LetsChatSettings,
    ) -> Result<Arc<Self>, getrandom::Error> {
        Ok(Arc::new(Self {
            desk,
            site: LinkSite::new(public_url),
            form_key: FormKey::random()?,
            access: AccessCheck::new(letschat),
            visits: PageVisits::default(),
        }))
    }

    /// Forgets the accounts that nobody has confirmed for some minutes.
    pub(super) fn sweep(self: &Arc<Self>, now: Instant) {
        for account in self.visits.sweep(now) {
            self.leave(account);
        }
    }

    /// Ends the session of an account that is not used.
    fn leave(self: &Arc<Self>, account: FoundAccount) {
        let pages = self.clone();
        tokio::spawn(async move { pages.access.leave(account).await });
    }
}

/// The routes of the pages.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(pages: Arc<LinkPages>) -> Router<S> {
    let page = get(get_page).head(|| async { LinkAnswer::Page(StatusCode::OK, String::new()) });
    Router::new()
        .route("/link/{code}", page)
        .route("/link/{code}/{step}", post(post_form).get(get_form))
        .with_state(pages)
}

/// Does a step of a page.
async fn post_form(
    State(pages): State<Arc<LinkPages>>,
    Path((code, step)): Path<(String, String)>,
    request: Request,
) -> LinkAnswer {
    let (pages, code) = (&pages, code.as_str());
    if pages.desk.is_none() {
        return LinkAnswer::not_offered();
    }
    let answer = match step.as_str() {
        "sign-in" => steps::sign_in(pages, code, request).await,
        "token" => steps::token(pages, code, request).await,
        "confirm" => steps::confirm(pages, code, request).await,
        "cancel" => steps::cancel(pages, code, request).await,
        "take-over" => steps::take_over(pages, code, request).await,
        "unlink" => steps::unlink(pages, code, request).await,
        _ => Err(LinkAnswer::refused(LinkRefusal::Unknown)),
    };
    answer.unwrap_or_else(|answer| answer)
}

/// Tells who opens the address of a form where the page is.
async fn get_form(
    State(pages): State<Arc<LinkPages>>,
    Path((code, _)): Path<(String, String)>,
) -> Response {
    if !site::is_code(&code) {
        return LinkAnswer::refused(LinkRefusal::Unknown).into_response();
    }
    let answer = LinkAnswer::form_only(&pages.site.page(&code));
    ([(header::ALLOW, "POST")], answer).into_response()
}

/// Opens a page. Without the cookie, the page is not shown: programs that look at addresses which others send do not
/// come back with it.
async fn get_page(
    State(pages): State<Arc<LinkPages>>,
    Path(code): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if pages.desk.is_none() {
        return LinkAnswer::not_offered().into_response();
    }
    if !site::is_code(&code) {
        return LinkAnswer::refused(LinkRefusal::Unknown).into_response();
    }
    match BrowserKey::from_headers(&headers, &pages.site) {
        Some(browser) => {
            steps::view(&pages, &code, &browser).await.unwrap_or_else(|it| it).into_response()
        }
        None => open_again(&pages, &code, query.as_deref(), &headers),
    }
}

/// Sets the cookie, and lets the browser open the page again. Who clicks on a link of another site does not bring a
/// cookie along that they have: so that they keep it, they come back from our page first.
fn open_again(pages: &LinkPages, code: &str, query: Option<&str>, headers: &HeaderMap) -> Response {
    let page = pages.site.page(code);
    let leads_to = |query: &str| {
        let address = format!("{page}?{query}");
        LinkAnswer::Page(StatusCode::OK, html::opening_page(&address)).into_response()
    };
    if query == Some(COOKIE_SET) {
        return LinkAnswer::no_cookie(&page).into_response();
    }
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if matches!(from, Some(b"cross-site" | b"same-site")) {
        return leads_to(OPENED);
    }
    let cookie = BrowserKey::random().ok().and_then(|key| key.set_cookie(&pages.site, code));
    let Some(cookie) = cookie else { return LinkAnswer::no_reply(&page).into_response() };
    let mut response = leads_to(COOKIE_SET);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
