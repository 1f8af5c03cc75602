//! Signing in with the password of Let's Chat, and signing out, here and there.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::ArchivePages;
use super::html;
use super::reader::{PAGE, answer, busy, see_other};
use super::sessions::SignedInReader;
use super::tries::TooManyTries;
use crate::domain::Secret;
use crate::web::client_ip;
use crate::web::linking::access::NoAccess;
use crate::web::linking::answer::{LinkAnswer, access_problem};
use crate::web::linking::browser_key::BrowserKey;
use crate::web::linking::form::{self, FormRefusal, PostedForm};
use crate::web::linking::start_page::FormKind;
use crate::web::linking::visits::FoundAccount;
use crate::web::listener::PeerAddr;

/// The longest user name and password that are passed on to Let's Chat, in bytes.
const MAX_LEN_NAME: usize = 500;
const MAX_LEN_PASSWORD: usize = 1_000;

/// Signs in. The browser gets a new key, which nobody else can have given it.
pub(super) async fn post_sign_in(
    State(pages): State<Arc<ArchivePages>>,
    request: Request,
) -> Response {
    let address = pages.client(&request);
    let (browser, form) = match pages.form(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    match pages.try_password(address, form.text("username"), &form.secret("password")).await {
        Ok(account) => pages.signed_in(&browser, account, form.text("next")),
        Err(problem) => {
            let mut response = pages.sign_in_page(
                Some(browser),
                (problem.status, Some(&problem.text)),
                form.text("username"),
                form.text("next"),
            );
            if let Some(wait) = problem.wait {
                response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
            }
            response
        }
    }
}

/// Signs out.
pub(super) async fn post_sign_out(
    State(pages): State<Arc<ArchivePages>>,
    request: Request,
) -> Response {
    let browser = match pages.form(request).await {
        Ok((browser, _)) => browser,
        Err(response) => return response,
    };
    pages.end_at_server(pages.sessions.remove(&browser).into_iter().collect());
    let mut response = see_other(pages.site.home());
    if let Some(cookie) = pages.cookie(&browser, 0) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Why somebody is not signed in.
struct SignInProblem {
    status: StatusCode,
    /// In words for the person.
    text: String,
    /// How long to wait.
    wait: Option<Duration>,
}

impl SignInProblem {
    fn form(text: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, text: text.into(), wait: None }
    }
}

impl From<TooManyTries> for SignInProblem {
    fn from(reason: TooManyTries) -> Self {
        let what = match reason {
            TooManyTries::Address(_) => "Too many wrong passwords came from your network.",
            TooManyTries::Name(_) => "Too many wrong passwords were tried for this user name.",
            TooManyTries::Total(_) => "Too many wrong passwords are tried at the moment.",
        };
        let wait = reason.wait();
        let text = format!("{what} Wait {}, then try again.", in_words(wait));
        Self { status: StatusCode::TOO_MANY_REQUESTS, text, wait: Some(wait) }
    }
}

impl ArchivePages {
    /// Asks Let's Chat about a password, if not too many were wrong.
    async fn try_password(
        &self,
        address: IpAddr,
        username: &str,
        password: &Secret,
    ) -> Result<FoundAccount, SignInProblem> {
        if username.is_empty() || password.expose().is_empty() {
            return Err(SignInProblem::form("Enter your user name and your password."));
        }
        if username.len() > MAX_LEN_NAME || password.expose().len() > MAX_LEN_PASSWORD {
            return Err(SignInProblem::form("This user name or password is too long."));
        }
        let tried = self.tries.begin(address, username, Instant::now())?;
        match self.access.by_password(username, password).await {
            Ok(account) => {
                self.tries.forgive(&tried);
                Ok(account)
            }
            Err(reason) => {
                if matches!(reason, NoAccess::Unreachable | NoAccess::Busy) {
                    self.tries.forgive(&tried);
                }
                Err(SignInProblem::form(access_problem(FormKind::SignIn, reason).text))
            }
        }
    }

    /// Remembers the browser, and brings it to where it wanted to go.
    fn signed_in(
        self: &Arc<Self>,
        before: &BrowserKey,
        account: FoundAccount,
        next: &str,
    ) -> Response {
        let FoundAccount { user, username, secrets, .. } = account;
        let (Some((key, cookie)), Some(session)) = (self.new_key(), secrets.session) else {
            return self.no_key();
        };
        let who = SignedInReader { account: user.0.to_string(), username, session };
        let mut ended: Vec<Secret> = self.sessions.remove(before).into_iter().collect();
        let response = match self.sessions.insert(key, who, Instant::now()) {
            Ok(more) => {
                ended.extend(more);
                let mut response = see_other(&self.site.back(next));
                response.headers_mut().insert(header::SET_COOKIE, cookie);
                response
            }
            Err(unused) => {
                ended.push(unused);
                let text = "Many people are signed in at the moment. Try again in some minutes.";
                let again = Some((self.site.home(), "Try again"));
                busy(html::message_page("Try again", text, again))
            }
        };
        self.end_at_server(ended);
        response
    }

    /// Reads a form of ours, and who sent it.
    async fn form(&self, request: Request) -> Result<(BrowserKey, PostedForm), Response> {
        let read = form::read(request, &self.site.site, &self.form_key, PAGE).await;
        read.map_err(|refusal| match refusal {
            FormRefusal::NoCookie => {
                let text = "This page works only in a browser that accepts its cookie. Allow cookies for this site.";
                let again = Some((self.site.home(), "Try again"));
                let page = html::message_page("Your browser sends no cookie", text, again);
                answer(StatusCode::FORBIDDEN, page)
            }
            refusal => LinkAnswer::bad_form(refusal, self.site.home()).into_response(),
        })
    }

    /// The address of whoever sends a request.
    fn client(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<PeerAddr>().map(|PeerAddr(peer)| *peer);
        let peer = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        client_ip::from_headers(peer, request.headers(), &self.proxies)
    }
}

/// A time to wait.
fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        0..=90 => format!("{} seconds", wait.as_secs() + 1),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
