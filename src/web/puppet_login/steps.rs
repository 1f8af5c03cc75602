//! The steps of the page: what is done when a browser opens it or sends one of its forms.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::html::{self, FormFrame, ShownNetwork};
use super::sessions::{PageNotice, PuppetOwner};
use super::{PAGE, PuppetPages, with_new_key};
use crate::domain::{
    Network, NetworkLogin, PuppetLoginAction, PuppetLoginReply, PuppetLoginRequest,
};
use crate::net::tls;
use crate::web::linking::answer::{LinkAnswer, access_problem};
use crate::web::linking::browser_key::BrowserKey;
use crate::web::linking::form::{self, PostedForm};
use crate::web::linking::start_page::FormKind;

/// The longest password that is passed on to Let's Chat, in bytes.
const MAX_LEN_PASSWORD: usize = 1_000;

/// What a browser asks for by opening the page.
pub(super) async fn view(pages: &Arc<PuppetPages>, browser: &BrowserKey) -> LinkAnswer {
    let Some(who) = pages.browsers.get(browser, Instant::now()) else {
        let page = html::sign_in_page(&pages.frame(browser), None, "");
        return LinkAnswer::Page(StatusCode::OK, page);
    };
    match pages.ask(&who, PuppetLoginAction::View).await {
        Ok(PuppetLoginReply::Networks(networks)) => {
            let notice = pages.browsers.take_notice(browser);
            let page = pages.networks_page(browser, &who, &networks, notice.as_ref());
            LinkAnswer::Page(StatusCode::OK, page)
        }
        Ok(_) => LinkAnswer::no_reply(&pages.path),
        Err(answer) => answer,
    }
}

/// Signs in with the password of Let's Chat, whose session is ended at once. The browser gets a new key, which nobody
/// else can have given it.
pub(super) async fn sign_in(pages: &Arc<PuppetPages>, request: Request) -> Response {
    let (browser, form) = match pages.read(request).await {
        Ok(read) => read,
        Err(answer) => return answer.into_response(),
    };
    let (username, password) = (form.text("username"), form.secret("password"));
    let problem = match (username, password.expose()) {
        ("", _) | (_, "") => "Enter your user name and your password.".into(),
        (_, text) if text.len() > MAX_LEN_PASSWORD => "This password is too long.".into(),
        _ => match pages.access.by_password(username, &password).await {
            Ok(account) => {
                let who = PuppetOwner {
                    user: account.user.clone(),
                    username: account.username.clone(),
                    notice: None,
                };
                pages.access.leave(account).await;
                return signed_in(pages, &browser, who);
            }
            Err(reason) => access_problem(FormKind::SignIn, reason).text,
        },
    };
    let page = html::sign_in_page(&pages.frame(&browser), Some(&problem), username);
    LinkAnswer::Page(StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

/// Remembers the browser.
fn signed_in(pages: &PuppetPages, before: &BrowserKey, who: PuppetOwner) -> Response {
    let Ok(key) = BrowserKey::random() else {
        return LinkAnswer::no_reply(&pages.path).into_response();
    };
    pages.browsers.remove(before);
    if !pages.browsers.insert(key.clone(), who, Instant::now()) {
        let text = "Many people use this page at the moment. Try again in some minutes.";
        let (status, again) = (StatusCode::SERVICE_UNAVAILABLE, Some(pages.path.as_str()));
        return LinkAnswer::message(status, "Try again", text, again).into_response();
    }
    with_new_key(pages, Some(&key), LinkAnswer::SeeOther(pages.path.clone()))
}

/// Does a step of a browser that has signed in.
pub(super) async fn run(
    pages: &Arc<PuppetPages>,
    step: &str,
    request: Request,
) -> Result<LinkAnswer, LinkAnswer> {
    let (browser, form) = pages.read(request).await?;
    let back = LinkAnswer::SeeOther(pages.path.clone());
    let Some(who) = pages.browsers.get(&browser, Instant::now()) else { return Ok(back) };
    if step == "sign-out" {
        pages.browsers.remove(&browser);
        return Ok(back);
    }
    let network = Network::new(form.text("network"));
    let Some(action) = action(step, &network, &form, &who)? else {
        return Err(LinkAnswer::message(
            StatusCode::NOT_FOUND,
            "There is no such page",
            "The address is incomplete.",
            Some(&pages.path),
        ));
    };
    let reply = pages.ask(&who, action).await?;
    let (is_good, text) = match reply {
        PuppetLoginReply::LoggedIn { account, .. } => {
            (true, format!("It works: your connection logs in as {account} from now on."))
        }
        PuppetLoginReply::Failed(reason) => (false, sentence(&reason)),
        PuppetLoginReply::Done | PuppetLoginReply::Networks(_) => return Ok(back),
    };
    let typed = if is_good { String::new() } else { form.text("account").to_owned() };
    pages.browsers.set_notice(&browser, PageNotice { network, is_good, text, typed });
    Ok(back)
}

/// What a form asks of the bridge; `None` if there is no such form.
fn action(
    step: &str,
    network: &Network,
    form: &PostedForm,
    who: &PuppetOwner,
) -> Result<Option<PuppetLoginAction>, LinkAnswer> {
    let network = network.clone();
    Ok(Some(match step {
        "password" => PuppetLoginAction::UsePassword {
            network,
            account: form.text("account").to_owned(),
            password: form.secret("password"),
        },
        "certificate" => {
            let certificate = tls::make_client_certificate(&who.username).map_err(|error| {
                tracing::debug!(%error, "no certificate was made");
                let text = "No certificate could be made. Try again later.";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                LinkAnswer::message(status, "Try again", text, None)
            })?;
            PuppetLoginAction::KeepCertificate { network, certificate }
        }
        "try" => PuppetLoginAction::TryCertificate { network },
        "end" => PuppetLoginAction::End { network },
        _ => return Ok(None),
    }))
}

impl PuppetPages {
    /// Reads a form of the page, and who sent it.
    async fn read(&self, request: Request) -> Result<(BrowserKey, PostedForm), LinkAnswer> {
        let read = form::read(request, &self.site, &self.form_key, PAGE).await;
        read.map_err(|refusal| LinkAnswer::bad_form(refusal, &self.path))
    }

    /// Asks the bridge.
    async fn ask(
        &self,
        who: &PuppetOwner,
        action: PuppetLoginAction,
    ) -> Result<PuppetLoginReply, LinkAnswer> {
        let Some(desk) = &self.desk else { return Err(LinkAnswer::no_reply(&self.path)) };
        let PuppetOwner { user, username, .. } = who.clone();
        let reply = desk.ask_puppet_login(PuppetLoginRequest { user, username, action }).await;
        reply.ok_or_else(|| LinkAnswer::no_reply(&self.path))
    }

    fn networks_page(
        &self,
        browser: &BrowserKey,
        who: &PuppetOwner,
        networks: &[NetworkLogin],
        notice: Option<&PageNotice>,
    ) -> String {
        let shown = networks.iter().enumerate().map(|(number, login)| ShownNetwork {
            login,
            number,
            nickserv: self.services.get(&login.network).map_or("NickServ", String::as_str),
            notice: notice.filter(|notice| notice.network == login.network),
        });
        let shown: Vec<ShownNetwork<'_>> = shown.collect();
        html::networks_page(&self.frame(browser), &who.username, &shown)
    }

    fn frame(&self, browser: &BrowserKey) -> FormFrame<'_> {
        FormFrame { path: &self.path, proof: self.form_key.proof(PAGE, browser) }
    }
}

/// A reason as a sentence. A name at its start keeps its letters.
fn sentence(reason: &str) -> String {
    let end = if reason.ends_with(['.', '!', '?', ')']) { "" } else { "." };
    format!("It did not work: {reason}{end}")
}
