//! Handles what becomes of the accounts on Let's Chat that people of IRC speak as.

mod outcomes;

use std::collections::HashMap;

use super::account_io::{AccountCommand, AccountEvent};
use super::context::Ctx;
use super::event::Command;
use super::letschat::RoomReceiver;
use super::notices::notify_nick;
use super::senders::accounts::AccountPolicy;
use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, Endpoint, EndpointId, LetsChatUserId, PersonId,
    Secret, SpeakerAccount,
};
use crate::protocol::letschat::LetsChatUser;
use crate::store::StoreError;

/// Handles an event of the pool of accounts.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_event(
    event: AccountEvent,
    rooms: &mut RoomReceiver,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    match event {
        AccountEvent::Ready { person, account, session } => on_ready(person, account, session, ctx),
        AccountEvent::NameTaken(person) => {
            let planned = ctx.senders.accounts.plan_next(person, ctx.now, ctx.store)?;
            let register = planned.map(AccountCommand::Register);
            ctx.commands.extend(register.map(Command::Account));
            Ok(())
        }
        AccountEvent::RegistrationClosed(person) => {
            ctx.senders.accounts.on_registration_closed(ctx.now);
            forget_plan(person, ctx)
        }
        AccountEvent::NotMade { person, reason } => {
            tracing::warn!(
                nick = ctx.senders.accounts.people.nick(person),
                reason,
                "Let's Chat does not register an account; the bridge's account posts their messages"
            );
            ctx.senders.accounts.on_not_made(person, ctx.now);
            forget_plan(person, ctx)
        }
        AccountEvent::SignedIn { user, session } => {
            ctx.senders.accounts.set_signed_in(&user, true);
            ctx.store.set_account_session(&user, Some(&session))
        }
        AccountEvent::SignedOut(user) => {
            ctx.senders.accounts.set_signed_in(&user, false);
            ctx.store.set_account_session(&user, None)
        }
        AccountEvent::AccessLost { user, reason } => on_access_lost(&user, &reason, ctx),
        AccountEvent::Posted { delivery, endpoint, id } => {
            outcomes::on_posted(delivery, endpoint, id, ctx)
        }
        AccountEvent::NotPosted { user, delivery, endpoint, failure } => {
            outcomes::on_not_posted(&user, delivery, endpoint, &failure, ctx)
        }
        AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused } => {
            let unknown = outcomes::Unknown { user, reason, is_refused };
            outcomes::on_unknown(delivery, endpoint, unknown, rooms, ctx)
        }
        // Of the page on which people link their accounts.
        AccountEvent::HandedOver { .. } | AccountEvent::NotHandedOver { .. } => Ok(()),
    }
}

/// Tells the pool which accounts there are, once.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn start(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let accounts = ctx.senders.accounts.start(ctx.now, ctx.store)?;
    add_to_pool(accounts, ctx);
    Ok(())
}

/// Other settings from now on.
pub(super) fn set_policy(
    policy: AccountPolicy,
    ids: &HashMap<Endpoint, EndpointId>,
    ctx: &mut Ctx<'_>,
) {
    let change = ctx.senders.accounts.set_policy(policy, ids);
    let removed = change.removed.into_iter().map(AccountCommand::Remove);
    ctx.commands.extend(removed.map(Command::Account));
    add_to_pool(change.added, ctx);
}

fn add_to_pool(accounts: Vec<(SpeakerAccount, AccountSecrets)>, ctx: &mut Ctx<'_>) {
    for (account, secrets) in accounts {
        let SpeakerAccount { person, user, username, .. } = account;
        let Some(user) = user else { continue };
        let add = AccountCommand::Add { person, user, username, secrets };
        ctx.commands.push(Command::Account(add));
    }
}

/// Ends the sessions of accounts whose people have been silent for long.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn let_go(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for user in ctx.senders.accounts.let_go(ctx.now) {
        ctx.store.set_account_session(&user, None)?;
        ctx.commands.push(Command::Account(AccountCommand::Remove(user)));
    }
    Ok(())
}

/// An account exists, and the bridge can speak as it.
fn on_ready(
    person: PersonId,
    account: LetsChatUser,
    session: Option<Secret>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let user = LetsChatUserId(account.id.as_str().into());
    let accounts = &ctx.senders.accounts;
    let planned = accounts.planned_for(person).filter(|_| !accounts.is_used(&user)).cloned();
    let Some(planned) = planned else {
        // It was known; its token or session works.
        ctx.senders.accounts.set_signed_in(&user, true);
        return match session {
            Some(session) => ctx.store.set_account_session(&user, Some(&session)),
            None => Ok(()),
        };
    };
    let password = ctx.store.account_secrets(person, planned.kind)?.password;
    let display_name = account.display_name.unwrap_or(planned.display_name);
    let made = SpeakerAccount {
        user: Some(user),
        username: account.username,
        display_name,
        access: AccountAccess::Usable,
        ..planned
    };
    let secrets = AccountSecrets { password, session, token: None };
    ctx.store.put_account(&made, &secrets, ctx.now)?;
    ctx.stats.accounts.made += 1;
    ctx.senders.accounts.insert(made);
    Ok(())
}

/// The planned account of this person was not made.
fn forget_plan(person: PersonId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    ctx.senders.accounts.remove(person, AccountKind::Made);
    ctx.store.remove_account(person, AccountKind::Made)
}

/// Let's Chat no longer lets the bridge speak as this user: the bot speaks for them.
fn on_access_lost(
    user: &LetsChatUserId,
    reason: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    ctx.stats.accounts.lost += 1;
    for account in ctx.senders.accounts.of_user(user) {
        tracing::warn!(
            account = account.username,
            reason,
            "access to an account on Let's Chat lost; the bridge's account posts for its person"
        );
        let lost = SpeakerAccount { access: AccountAccess::Lost, ..account };
        if lost.person.0 > 0 {
            ctx.store.put_account(&lost, &AccountSecrets::default(), ctx.now)?;
        }
        if !lost.kind.is_only_ours() {
            let remedy = match lost.person.0 > 0 {
                true => "!link links an account anew",
                false => "The bridge's administrator can give it a new token",
            };
            let text = format!(
                "Let's Chat no longer lets the bridge post as {} ({reason}). Your messages are posted by the bridge \
                 again. {remedy}",
                lost.username
            );
            notify_person(lost.person, text, ctx);
        }
        ctx.senders.accounts.insert(lost);
    }
    Ok(())
}

/// Sends a notice to a person on IRC, by the nick with which they last spoke.
pub(super) fn notify_person(person: PersonId, text: String, ctx: &mut Ctx<'_>) {
    let people = &ctx.senders.accounts.people;
    let Some((network, nick)) = people.address(person) else { return };
    let (network, nick) = (network.clone(), nick.to_owned());
    notify_nick(&network, &nick, text, ctx);
}
