//! The page where users of Let's Chat give their connections to IRC (puppets) a services account.
//!
//! ```text
//!  GET /puppet            sets a cookie, and opens itself again; then the sign-in form, or the networks
//!  POST …/sign-in         asks Let's Chat who it is, ends that session, and remembers the browser for 15 minutes
//!  POST …/password        the bridge tries account and password, and keeps them if services accept them
//!  POST …/certificate     makes a certificate      POST …/try  the bridge tries it, once it was added
//!  POST …/end             the bridge forgets the login             POST …/sign-out
//! ```
//!
//! A form is accepted from the same origin, with the cookie, and with a proof that was on the page. Passwords are
//! passed on, and stand in no page, address or log.

mod html;
mod sessions;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::linking::LinkDesk;
use super::linking::access::AccessCheck;
use super::linking::answer::LinkAnswer;
use super::linking::browser_key::BrowserKey;
use super::linking::form::FormKey;
use super::linking::site::LinkSite;
use crate::config::{NetworkSettings, SenderMode, Settings, WebSettings};
use crate::domain::Network;
use sessions::SignedInBrowsers;

/// What stands for a code in the proofs of the forms.
const PAGE: &str = "puppet";

/// The pages where users give their puppets a services account.
#[derive(Debug)]
pub(super) struct PuppetPages {
    /// The way to the bridge; `None` if there is none, or no network with puppets.
    desk: Option<LinkDesk>,
    site: LinkSite,
    /// The path of the page, as browsers see it.
    path: String,
    form_key: FormKey,
    access: AccessCheck,
    browsers: SignedInBrowsers,
    /// The nicks of services.
    services: HashMap<Network, String>,
}

impl PuppetPages {
    /// The pages of this web server.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new(
        desk: Option<LinkDesk>,
        web: &WebSettings,
        settings: &Settings,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let site = LinkSite::new(&web.public_url);
        let services = services(settings);
        Ok(Arc::new(Self {
            desk: desk.filter(|_| !services.is_empty()),
            path: site.below(PAGE),
            site,
            form_key: FormKey::random()?,
            access: AccessCheck::new(settings.letschat.clone()),
            browsers: SignedInBrowsers::default(),
            services,
        }))
    }
}

/// The networks with puppets, and the nicks of their services.
pub(super) fn services(settings: &Settings) -> HashMap<Network, String> {
    let networks = settings.networks.iter().filter(|network| has_puppets(network));
    networks.map(|it| (it.network.clone(), it.nickserv.nick.clone())).collect()
}

/// The routes of the pages.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(pages: Arc<PuppetPages>) -> Router<S> {
    let page = get(get_page).head(|| async { LinkAnswer::Page(StatusCode::OK, String::new()) });
    Router::new()
        .route("/puppet", page)
        .route("/puppet/{step}", post(post_form).get(get_form))
        .with_state(pages)
}

/// Opens the page. The first time, only a cookie is set.
async fn get_page(
    State(pages): State<Arc<PuppetPages>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if pages.desk.is_none() {
        return not_offered().into_response();
    }
    if let Some(browser) = BrowserKey::from_headers(&headers, &pages.site) {
        return steps::view(&pages, &browser).await.into_response();
    }
    if query.as_deref() == Some("opened") {
        return LinkAnswer::no_cookie(&pages.path).into_response();
    }
    let answer = LinkAnswer::Page(StatusCode::OK, html::opening_page(&pages.path));
    with_new_key(&pages, BrowserKey::random().ok().as_ref(), answer)
}

/// Does a step of the page.
async fn post_form(
    State(pages): State<Arc<PuppetPages>>,
    Path(step): Path<String>,
    request: Request,
) -> Response {
    if pages.desk.is_none() {
        return not_offered().into_response();
    }
    if step == "sign-in" {
        return steps::sign_in(&pages, request).await;
    }
    steps::run(&pages, &step, request).await.unwrap_or_else(|it| it).into_response()
}

/// Tells who opens the address of a form where the page is.
async fn get_form(State(pages): State<Arc<PuppetPages>>) -> Response {
    ([(header::ALLOW, "POST")], LinkAnswer::form_only(&pages.path)).into_response()
}

/// The answer, which gives the browser this key.
fn with_new_key(pages: &PuppetPages, key: Option<&BrowserKey>, answer: LinkAnswer) -> Response {
    let cookie = key.and_then(|key| key.set_cookie_for(&pages.site, &pages.path));
    let Some(cookie) = cookie else { return LinkAnswer::no_reply(&pages.path).into_response() };
    let mut response = answer.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

fn not_offered() -> LinkAnswer {
    let text = "On this bridge, no user of Let's Chat has a connection to IRC of their own.";
    LinkAnswer::message(StatusCode::NOT_FOUND, "There is nothing to log in", text, None)
}

/// Whether users have puppets on this network.
fn has_puppets(network: &NetworkSettings) -> bool {
    network.channels.iter().any(|channel| network.sender_mode_in(channel) == SenderMode::Puppets)
}
