//! People of IRC link their own accounts on Let's Chat, take over the ones that the bridge made for them, and end that
//! again.
//!
//! `!link` on IRC is answered with the address of a page, in private. What is done there arrives as a [`LinkRequest`],
//! and each is answered. The code in the address stands for the person who asked for it.

mod codes;
mod owning;

use std::collections::HashMap;

use jiff::SignedDuration;

use super::account_io::AccountEvent;
use super::accounts::notify_person;
use super::context::Ctx;
use super::event::Command;
use super::notices::notify_nick;
use crate::domain::{
    Author, LinkAction, LinkOffer, LinkReply, LinkRequest, MessageKind, Network, PersonId,
};
use crate::protocol::irc::IncomingMessage;
use crate::store::StoreError;
use crate::translate::BotCommand;
use codes::{LinkCodes, OpenCode};

/// The least time between two links for one person.
const MIN_LINK_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

const NO_PAGE: &str =
    "accounts cannot be linked here: the administrator has not set up the page for it ([web])";
const LOG_IN_FIRST: &str = "log in to services first, so that the bridge knows that you are you; \
                            then type !link again";
const NOT_YOU: &str = "this nick belongs to somebody else, as far as the bridge knows: log in to \
                       services, then type !link again";
const BUSY: &str = "too many links at the moment: try again in a few minutes";
const NOTHING_LINKED: &str = "no account of yours on Let's Chat is linked; !link links one";

/// Links people with their own accounts.
#[derive(Debug, Default)]
pub(super) struct Linking {
    codes: LinkCodes,
    /// Accounts that are being handed over: the code and the person, by request.
    handing_over: HashMap<u64, (String, PersonId)>,
}

impl Linking {
    /// Somebody on IRC asks for a link, or ends one.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn on_command(
        &mut self,
        command: BotCommand,
        (network, author): (&Network, &Author),
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let text = match command {
            BotCommand::Link => self.link_text(network, author, ctx)?,
            _ => unlink_text(network, author, ctx)?,
        };
        if let Some(text) = text {
            notify_nick(network, &author.name, text, ctx);
        }
        Ok(())
    }

    /// The answer to `!link`; `None` for somebody who asks too often.
    fn link_text(
        &mut self,
        network: &Network,
        author: &Author,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<String>, StoreError> {
        let Some(page) = ctx.policy.link_page.clone() else { return Ok(Some(NO_PAGE.to_owned())) };
        if author.account.is_none() && ctx.senders.accounts.link_requires_account() {
            return Ok(Some(LOG_IN_FIRST.to_owned()));
        }
        let people = &mut ctx.senders.accounts.people;
        let Some(person) = people.identify(network, author, ctx.now, ctx.store)? else {
            return Ok(Some(NOT_YOU.to_owned()));
        };
        people.on_spoke(person, &author.name, 0, ctx.now, ctx.store)?;
        let last = self.codes.issued_at(person);
        if last.is_some_and(|at| ctx.now.duration_since(at) < MIN_LINK_INTERVAL) {
            return Ok(None);
        }
        let Some(code) = self.codes.issue(person, ctx.now) else {
            return Ok(Some(BUSY.to_owned()));
        };
        Ok(Some(format!(
            "only for you, good once and for 15 minutes: {page}{code} There you link your own \
             account on Let's Chat. Do not pass it on"
        )))
    }

    /// Answers a request of the page.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn on_request(
        &mut self,
        request: u64,
        asked: LinkRequest,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let Some(reply) = self.reply(request, asked, ctx)? {
            ctx.commands.push(Command::LinkReply(request, reply));
        }
        Ok(())
    }

    /// The answer; `None` if it must wait for Let's Chat.
    fn reply(
        &mut self,
        request: u64,
        LinkRequest { code, browser, action }: LinkRequest,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<LinkReply>, StoreError> {
        let is_try = matches!(action, LinkAction::Try | LinkAction::TakeOver { .. });
        let open = match self.codes.open(&code, &browser, is_try, ctx.now) {
            Ok(open) => open,
            Err(refusal) => return Ok(Some(LinkReply::Refused(refusal))),
        };
        let person = open.person;
        let reply = match action {
            LinkAction::View | LinkAction::Try => LinkReply::Offer(offer(open, ctx)),
            LinkAction::Attach { user, username, display_name, secrets } => {
                let account = owning::own_account(person, user, username, display_name);
                owning::attach(account, secrets, ctx)?
            }
            LinkAction::TakeOver { username, email, password } => {
                match owning::start_hand_over(request, person, (username, email, password), ctx) {
                    Some(failed) => failed,
                    None => {
                        self.handing_over.insert(request, (code, person));
                        return Ok(None);
                    }
                }
            }
            LinkAction::Unlink => match owning::unlink(person, ctx)? {
                Some(_) => LinkReply::Unlinked,
                None => LinkReply::Failed(NOTHING_LINKED.to_owned()),
            },
        };
        if let LinkReply::Linked { .. } | LinkReply::Unlinked = reply {
            self.codes.set_used(&code);
        }
        Ok(Some(reply))
    }

    /// An account was handed over, or not.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn on_hand_over(
        &mut self,
        event: AccountEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let (request, reply) = match event {
            AccountEvent::HandedOver { request, account } => {
                let Some((code, person)) = self.handing_over.remove(&request) else {
                    return Ok(());
                };
                self.codes.set_used(&code);
                (request, owning::on_handed_over(person, account, ctx)?)
            }
            AccountEvent::NotHandedOver { request, reason } => {
                self.handing_over.remove(&request);
                (request, LinkReply::Failed(reason))
            }
            _ => return Ok(()),
        };
        ctx.commands.push(Command::LinkReply(request, reply));
        Ok(())
    }
}

/// Ends the links of these people, because an administrator wants it, and tells them. Returns their nicks and the names
/// of the accounts.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn end_links(
    people: Vec<PersonId>,
    ctx: &mut Ctx<'_>,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut ended = Vec::new();
    for person in people {
        if let Some(username) = owning::unlink(person, ctx)? {
            let nick = ctx.senders.accounts.people.nick(person).unwrap_or_default().to_owned();
            let text = "the administrator has ended the link to your account on Let's Chat: the \
                        bridge no longer posts as you";
            notify_person(person, text.to_owned(), ctx);
            ended.push((nick, username));
        }
    }
    Ok(ended)
}

/// The command about linking that a direct message to the bridge is.
pub(super) fn command_in(message: &IncomingMessage) -> Option<BotCommand> {
    let is_askable =
        message.kind == MessageKind::Text && !message.author.bot && !message.is_playback;
    let command = BotCommand::parse_in_channel(message.text.trim_start())?;
    (is_askable && command.is_about_linking()).then_some(command)
}

/// What a person can do on the page.
fn offer(open: OpenCode, ctx: &Ctx<'_>) -> LinkOffer {
    let accounts = &ctx.senders.accounts;
    let key = accounts.people.key(open.person);
    LinkOffer {
        nick: accounts.people.nick(open.person).unwrap_or_default().to_owned(),
        network: key.map(|key| key.network.as_str().to_owned()).unwrap_or_default(),
        made: owning::to_take_over(open.person, ctx).map(|account| account.username.clone()),
        own: accounts.own_username(open.person).map(str::to_owned),
        expires_at: open.expires_at,
    }
}

/// Ends the link of somebody on IRC. Returns the answer.
fn unlink_text(
    network: &Network,
    author: &Author,
    ctx: &mut Ctx<'_>,
) -> Result<Option<String>, StoreError> {
    let people = &mut ctx.senders.accounts.people;
    let person = people.identify(network, author, ctx.now, ctx.store)?;
    let ended = match person {
        Some(person) => owning::unlink(person, ctx)?,
        None => None,
    };
    Ok(Some(match ended {
        Some(username) => format!("done: the bridge no longer posts as {username}"),
        None => NOTHING_LINKED.to_owned(),
    }))
}
