//! The steps of a page: what is done when a browser opens it or sends one of its forms.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::StatusCode;
use tokio::sync::OwnedMutexGuard;

use super::LinkPages;
use super::access::NoAccess;
use super::answer::{LinkAnswer, access_problem};
use super::browser_key::BrowserKey;
use super::form::{self, PostedForm};
use super::html::{self, FormKind, FormProblem, PageFrame, TypedText};
use super::new_account;
use super::site;
use super::visits::{FoundAccount, LinkOutcome, VisitStage};
use crate::domain::{LinkAction, LinkOffer, LinkRefusal, LinkReply, LinkRequest, Secret};

/// The longest password or token that is passed on, in bytes.
const MAX_LEN_SECRET: usize = 1_000;

/// An answer, early if something is wrong.
pub(super) type StepResult = Result<LinkAnswer, LinkAnswer>;

/// A form that was accepted, and the page that it is from. No other step of the page is done meanwhile.
struct LinkStep<'a> {
    pages: &'a Arc<LinkPages>,
    code: &'a str,
    browser: BrowserKey,
    form: PostedForm,
    stage: OwnedMutexGuard<VisitStage>,
}

/// What a browser asks for by opening the page.
pub(super) async fn view(pages: &Arc<LinkPages>, code: &str, browser: &BrowserKey) -> StepResult {
    pages.sweep(Instant::now());
    let visit = pages.visits.find(code, browser);
    // While a step is being done, the page is shown as it is before it.
    let stage = visit.and_then(|visit| visit.try_lock_owned().ok());
    if let Some(VisitStage::Done(outcome)) = stage.as_deref() {
        return Ok(LinkAnswer::Page(StatusCode::OK, html::done_page(outcome)));
    }
    let offer = pages.offer(code, browser, LinkAction::View).await?;
    let frame = pages.frame(code, browser);
    let page = match stage.as_deref() {
        Some(VisitStage::Found(account)) => html::confirm_page(&frame, &offer, account),
        _ => html::start_page(&frame, &offer, &[], &TypedText::default()),
    };
    Ok(LinkAnswer::Page(StatusCode::OK, page))
}

/// Signs in with a password.
pub(super) async fn sign_in(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let mut step = LinkStep::begin(pages, code, request).await?;
    let (username, password) = (step.form.text("username"), step.form.secret("password"));
    let problem = |field, text| missing(FormKind::SignIn, field, text);
    let mut problems = Vec::new();
    if username.is_empty() {
        problems.push(problem("username", "Enter your user name or your mail address."));
    }
    if password.expose().is_empty() {
        problems.push(problem("password", "Enter your password."));
    } else if password.expose().len() > MAX_LEN_SECRET {
        problems.push(problem("password", "This password is too long."));
    }
    if !problems.is_empty() {
        return step.back_to_form(problems).await;
    }
    let offer = pages.offer(code, &step.browser, LinkAction::Try).await?;
    let found = pages.access.by_password(username, &password).await;
    step.found(FormKind::SignIn, &offer, found).await
}

/// Takes an API token.
pub(super) async fn token(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let mut step = LinkStep::begin(pages, code, request).await?;
    let token = step.form.text("token");
    let problem = match token {
        "" => Some("Paste the token."),
        text if text.len() > MAX_LEN_SECRET || !text.bytes().all(|it| it.is_ascii_graphic()) => {
            Some("This is not a token of Let's Chat: it is one word of letters, digits and signs.")
        }
        _ => None,
    };
    if let Some(text) = problem {
        return step.back_to_form(vec![missing(FormKind::Token, "token", text)]).await;
    }
    let token = Secret::new(token);
    let offer = pages.offer(code, &step.browser, LinkAction::Try).await?;
    let found = pages.access.by_token(token).await;
    step.found(FormKind::Token, &offer, found).await
}

/// Links the account that was found.
pub(super) async fn confirm(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let mut step = LinkStep::begin(pages, code, request).await?;
    let VisitStage::Found(account) = &mut *step.stage else {
        let text = "The bridge waited 5 minutes for you to confirm. Sign in again.";
        return step.back_to_form(vec![about(FormKind::SignIn, Cow::Borrowed(text))]).await;
    };
    // Another account was found in another window: that one has to be shown first.
    if step.form.text("account") != &*account.user.0 {
        return Ok(step.back_to_page());
    }
    let FoundAccount { user, username, display_name, secrets, .. } = account.clone();
    account.may_be_linked = true;
    let action = LinkAction::Attach { user, username, display_name, secrets };
    let reply = pages.ask(code, &step.browser, action).await?;
    if !matches!(reply, LinkReply::Linked { .. }) {
        account.may_be_linked = false;
    }
    step.end(FormKind::SignIn, reply, LinkOutcome::Linked).await
}

/// Forgets the account that was found.
pub(super) async fn cancel(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let mut step = LinkStep::begin(pages, code, request).await?;
    step.forget();
    Ok(step.back_to_page())
}

/// Gives the account that the bridge made to its person.
pub(super) async fn take_over(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let step = LinkStep::begin(pages, code, request).await?;
    let action = match new_account::chosen(&step.form) {
        Ok(action) => action,
        Err(problems) => return step.back_to_form(problems).await,
    };
    let reply = pages.ask(code, &step.browser, action).await?;
    step.end(FormKind::TakeOver, reply, LinkOutcome::TakenOver).await
}

/// Ends the link.
pub(super) async fn unlink(pages: &Arc<LinkPages>, code: &str, request: Request) -> StepResult {
    let step = LinkStep::begin(pages, code, request).await?;
    let reply = pages.ask(code, &step.browser, LinkAction::Unlink).await?;
    step.end(FormKind::Unlink, reply, LinkOutcome::Linked).await
}

impl<'a> LinkStep<'a> {
    /// Accepts a form. If the page has served its purpose, it says so instead.
    async fn begin(
        pages: &'a Arc<LinkPages>,
        code: &'a str,
        request: Request,
    ) -> Result<Self, LinkAnswer> {
        if !site::is_code(code) {
            return Err(LinkAnswer::refused(LinkRefusal::Unknown));
        }
        let again = pages.site.page(code);
        let read = form::read(request, &pages.site, &pages.form_key, code).await;
        let (browser, form) = read.map_err(|refusal| LinkAnswer::bad_form(refusal, &again))?;
        pages.sweep(Instant::now());
        let visit = pages.visits.enter(code, &browser, Instant::now());
        let stage = visit.ok_or_else(|| LinkAnswer::crowded(&again))?.lock_owned().await;
        match *stage {
            VisitStage::Done(_) => Err(LinkAnswer::SeeOther(again)),
            _ => Ok(Self { pages, code, browser, form, stage }),
        }
    }

    /// Remembers the account that was found, and lets the person confirm it.
    async fn found(
        &mut self,
        form: FormKind,
        offer: &LinkOffer,
        found: Result<FoundAccount, NoAccess>,
    ) -> StepResult {
        match found {
            Ok(account) => {
                self.forget();
                *self.stage = VisitStage::Found(account);
                Ok(self.back_to_page())
            }
            Err(reason) => Ok(self.form_page(offer, &[access_problem(form, reason)])),
        }
    }

    /// Ends the page, or shows why not.
    async fn end(
        mut self,
        form: FormKind,
        reply: LinkReply,
        outcome: impl FnOnce(String) -> LinkOutcome,
    ) -> StepResult {
        let outcome = match reply {
            LinkReply::Linked { username } => outcome(username),
            LinkReply::Unlinked => LinkOutcome::Unlinked,
            LinkReply::Refused(refusal) => {
                self.forget();
                return Err(LinkAnswer::refused(refusal));
            }
            LinkReply::Failed(reason) => {
                self.forget();
                return self.back_to_form(vec![about(form, Cow::Owned(sentence(&reason)))]).await;
            }
            LinkReply::Offer(_) => return Ok(self.back_to_page()),
        };
        if !matches!((&outcome, &*self.stage), (LinkOutcome::Linked(_), VisitStage::Found(_))) {
            self.forget();
        }
        *self.stage = VisitStage::Done(outcome);
        Ok(self.back_to_page())
    }

    /// Forgets the account that was found, and ends its session.
    fn forget(&mut self) {
        if let VisitStage::Found(account) = std::mem::take(&mut *self.stage) {
            self.pages.leave(account);
        }
    }

    fn back_to_page(&self) -> LinkAnswer {
        LinkAnswer::SeeOther(self.pages.site.page(self.code))
    }

    async fn back_to_form(&self, problems: Vec<FormProblem>) -> StepResult {
        let offer = self.pages.offer(self.code, &self.browser, LinkAction::View).await?;
        Ok(self.form_page(&offer, &problems))
    }

    /// The first page with what is wrong, and what was typed except secrets.
    fn form_page(&self, offer: &LinkOffer, problems: &[FormProblem]) -> LinkAnswer {
        let names = ["username", "new-username"].map(|name| self.form.text(name));
        let username = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let typed =
            TypedText { username: username.to_owned(), email: self.form.text("email").to_owned() };
        let frame = self.pages.frame(self.code, &self.browser);
        let page = html::start_page(&frame, offer, problems, &typed);
        LinkAnswer::Page(StatusCode::UNPROCESSABLE_ENTITY, page)
    }
}

impl LinkPages {
    /// Asks the bridge.
    async fn ask(
        &self,
        code: &str,
        browser: &BrowserKey,
        action: LinkAction,
    ) -> Result<LinkReply, LinkAnswer> {
        let Some(desk) = &self.desk else { return Err(LinkAnswer::not_offered()) };
        let browser = browser.as_str().to_owned();
        let reply = desk.ask(LinkRequest { code: code.to_owned(), browser, action }).await;
        reply.ok_or_else(|| LinkAnswer::no_reply(&self.site.page(code)))
    }

    /// Asks the bridge whom the page is for.
    async fn offer(
        &self,
        code: &str,
        browser: &BrowserKey,
        action: LinkAction,
    ) -> Result<LinkOffer, LinkAnswer> {
        match self.ask(code, browser, action).await? {
            LinkReply::Offer(offer) => Ok(offer),
            LinkReply::Refused(refusal) => Err(LinkAnswer::refused(refusal)),
            LinkReply::Linked { .. } | LinkReply::Unlinked => {
                Err(LinkAnswer::refused(LinkRefusal::Used))
            }
            LinkReply::Failed(reason) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let again = self.site.page(code);
                Err(LinkAnswer::message(status, "Try again", &sentence(&reason), Some(&again)))
            }
        }
    }

    fn frame<'a>(&'a self, code: &'a str, browser: &BrowserKey) -> PageFrame<'a> {
        PageFrame { site: &self.site, code, proof: self.form_key.proof(code, browser) }
    }
}

fn missing(form: FormKind, field: &'static str, text: &'static str) -> FormProblem {
    FormProblem { form, field: Some(field), text: Cow::Borrowed(text) }
}

fn about(form: FormKind, text: Cow<'static, str>) -> FormProblem {
    FormProblem { form, field: None, text }
}

/// A reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
