//! The pool of accounts on Let's Chat, whose answers the tests write.
//!
//! ```text
//! accounts > register dave.irc as dave     accounts < ready dave.irc u-dave
//!            … again: it may exist                    | taken dave.irc | closed dave.irc | not made dave.irc
//! accounts > add u-dave dave.irc
//! accounts > post u-dave r1 TEXT           accounts < posted u-dave 6b…
//!                                                     | unknown u-dave | refused u-dave | forbidden u-dave
//!                                                     | unreachable u-dave | no session u-dave
//! accounts > rename u-dave dave_           accounts < signed out u-dave | signed in u-dave | lost u-dave
//! accounts > hand over u-dave david        accounts < handed over david u-dave | not handed over REASON
//! accounts > leave u-dave, accounts > remove u-dave
//! ```

use std::collections::VecDeque;

use letsbridge::bridge::{AccountCommand, AccountEvent, Event, PostFailure};
use letsbridge::domain::{
    DeliveryId, EndpointId, LetsChatUserId, LinkAction, LinkReply, LinkRequest, PersonId,
    PuppetLoginAction, PuppetLoginReply, PuppetLoginRequest, Secret,
};
use letsbridge::protocol::letschat::LetsChatUser;

use super::World;

/// The pool, as the story sees it.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) sent: VecDeque<String>,
    /// By user name, newest last.
    registrations: Vec<(String, PersonId, String)>,
    /// By user id.
    posts: Vec<(String, DeliveryId, EndpointId)>,
    /// The last request to hand over an account.
    hand_over: Option<u64>,
}

impl Pool {
    /// The bridge asks for this.
    pub(super) fn on_command(&mut self, command: AccountCommand) {
        let line = match command {
            AccountCommand::Register(it) => {
                let again = if it.may_exist { " again" } else { "" };
                assert_eq!(it.password.expose().len(), 64);
                let line = format!("register {} as {}{again}", it.username, it.display_name);
                self.registrations.push((it.username, it.person, it.display_name));
                line
            }
            AccountCommand::Add { user, username, .. } => format!("add {user} {username}"),
            AccountCommand::Post { user, delivery, endpoint, room, text } => {
                let line = format!("post {user} {room} {text}");
                self.posts.push((user.to_string(), delivery, endpoint));
                line
            }
            AccountCommand::Rename { user, display_name } => {
                format!("rename {user} {display_name}")
            }
            AccountCommand::HandOver { request, user, username, .. } => {
                self.hand_over = Some(request);
                format!("hand over {user} {username}")
            }
            AccountCommand::Leave(user) => format!("leave {user}"),
            AccountCommand::Remove(user) => format!("remove {user}"),
        };
        self.sent.push_back(line);
    }

    /// What the pool reports with this line.
    #[track_caller]
    fn event(&mut self, told: &str) -> AccountEvent {
        const KINDS: [&str; 14] = [
            "ready",
            "taken",
            "closed",
            "not made",
            "posted",
            "unknown",
            "refused",
            "forbidden",
            "unreachable",
            "no session",
            "signed out",
            "signed in",
            "handed over",
            "not handed over",
        ];
        let kinds = KINDS.into_iter().chain(["lost"]);
        let kind = kinds.into_iter().find(|kind| told.starts_with(&format!("{kind} ")));
        let kind = kind.unwrap_or_else(|| panic!("no such event: {told}"));
        let rest = &told[kind.len() + 1..];
        let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let user = LetsChatUserId(name.into());
        let person = || self.registrations.iter().rfind(|it| it.0 == name).expect("registered");
        match kind {
            "ready" => {
                let (username, person, shown) = person().clone();
                let display_name = Some(shown);
                let account = LetsChatUser { id: more.to_owned(), username, display_name };
                AccountEvent::Ready { person, account, session: Some(Secret::new("sid")) }
            }
            "taken" => AccountEvent::NameTaken(person().1),
            "closed" => AccountEvent::RegistrationClosed(person().1),
            "not made" => AccountEvent::NotMade { person: person().1, reason: "no".to_owned() },
            "signed out" => AccountEvent::SignedOut(user),
            "signed in" => AccountEvent::SignedIn { user, session: Secret::new("sid2") },
            "lost" => AccountEvent::AccessLost { user, reason: "revoked".to_owned() },
            "handed over" => {
                let request = self.hand_over.take().expect("asked");
                let (id, username) = (more.to_owned(), name.to_owned());
                let account = LetsChatUser { id, username, display_name: None };
                AccountEvent::HandedOver { request, account }
            }
            "not handed over" => {
                let request = self.hand_over.take().expect("asked");
                AccountEvent::NotHandedOver { request, reason: rest.to_owned() }
            }
            _ => self.answer(kind, user, more),
        }
    }

    /// The answer to the oldest post of this user.
    #[track_caller]
    fn answer(&mut self, kind: &str, user: LetsChatUserId, id: &str) -> AccountEvent {
        let at = self.posts.iter().position(|it| it.0 == *user.0).expect("posted");
        let (_, delivery, endpoint) = self.posts.remove(at);
        let unknown = |is_refused, user| {
            let reason = "no answer".to_owned();
            AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused }
        };
        let failure = match kind {
            "posted" => {
                return AccountEvent::Posted { delivery, endpoint, id: id.parse().expect("an id") };
            }
            "unknown" => return unknown(false, user),
            "refused" => return unknown(true, user),
            "forbidden" => PostFailure::Forbidden("not found".to_owned()),
            "unreachable" => PostFailure::Unreachable("refused".to_owned()),
            _ => PostFailure::SignedOut,
        };
        AccountEvent::NotPosted { user, delivery, endpoint, failure }
    }
}

impl World {
    /// A browser asks this on the page with this code. Returns the answer, if there is one at once.
    pub(crate) fn asks(
        &mut self,
        code: &str,
        browser: &str,
        action: LinkAction,
    ) -> Option<LinkReply> {
        let (code, browser) = (code.to_owned(), browser.to_owned());
        self.apply(Event::Link(1, Box::new(LinkRequest { code, browser, action })));
        self.settle();
        self.replies.pop()
    }

    /// A user of Let's Chat asks this on the page for the logins of puppets. Returns the answer, if there is one at
    /// once.
    pub(crate) fn asks_login(
        &mut self,
        username: &str,
        action: PuppetLoginAction,
    ) -> Option<PuppetLoginReply> {
        let user = LetsChatUserId(format!("id-{username}").into());
        let request = PuppetLoginRequest { user, username: username.to_owned(), action };
        self.apply(Event::PuppetLogin(1, Box::new(request)));
        self.settle();
        self.login_replies.pop()
    }

    /// Services have answered the login that was tried.
    pub(crate) fn tried(&mut self, result: Result<&str, &str>) -> Option<PuppetLoginReply> {
        let result = result.map(str::to_owned).map_err(str::to_owned);
        self.apply(Event::PuppetLoginTried(1, result));
        self.settle();
        self.login_replies.pop()
    }

    #[track_caller]
    pub(super) fn accounts_line(&mut self, line: &str, rest: &str) {
        if let Some(told) = rest.strip_prefix("< ") {
            let event = self.pool.event(told);
            self.apply(Event::Account(Box::new(event)));
        } else {
            let told = rest.strip_prefix("> ").expect("accounts > or accounts <");
            assert_eq!(self.pool.sent.pop_front().as_deref(), Some(told), "in: {line}");
        }
    }
}
