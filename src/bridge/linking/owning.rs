//! An account becomes a person's own, or is no longer used for them.

use crate::bridge::account_io::AccountCommand;
use crate::bridge::accounts::notify_person;
use crate::bridge::context::Ctx;
use crate::bridge::event::Command;
use crate::domain::{
    AccountAccess, AccountKind, AccountSecrets, LetsChatUserId, LinkReply, PersonId, Secret,
    SpeakerAccount,
};
use crate::protocol::letschat::LetsChatUser;
use crate::store::StoreError;

const IS_THE_BOT: &str =
    "this is the bridge's own account: sign in with yours, or take over the one made for you";
const IS_MADE: &str = "the bridge made this account for somebody else: sign in with yours";
const NOTHING_TO_TAKE_OVER: &str = "the bridge has made no account for you that you could take \
                                    over: say something on IRC first, or sign in with yours";

/// An account that its person links.
pub(super) fn own_account(
    person: PersonId,
    user: LetsChatUserId,
    username: String,
    display_name: String,
) -> SpeakerAccount {
    let (kind, access) = (AccountKind::Linked, AccountAccess::Usable);
    SpeakerAccount { person, kind, user: Some(user), username, display_name, access }
}

/// The bridge speaks as this account for its person from now on.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn attach(
    account: SpeakerAccount,
    secrets: AccountSecrets,
    ctx: &mut Ctx<'_>,
) -> Result<LinkReply, StoreError> {
    let Some(user) = account.user.clone() else {
        return Ok(LinkReply::Failed(IS_MADE.to_owned()));
    };
    let is_bot = ctx.peers.letschat_account.as_ref().is_some_and(|bot| *bot.id == *user.0);
    if is_bot || ctx.senders.accounts.is_only_ours(&user.0) {
        let reason = if is_bot { IS_THE_BOT } else { IS_MADE };
        return Ok(LinkReply::Failed(reason.to_owned()));
    }
    let person = account.person;
    let username = account.username.clone();
    detach(person, ctx)?;
    ctx.store.put_account(&account, &secrets, ctx.now)?;
    ctx.senders.accounts.insert(account);
    let add = AccountCommand::Add { person, user, username: username.clone(), secrets };
    ctx.commands.push(Command::Account(add));
    tell_linked(person, &username, ctx);
    Ok(LinkReply::Linked { username })
}

/// The account that the bridge made for a person, if they can take it over.
pub(super) fn to_take_over<'c>(person: PersonId, ctx: &'c Ctx<'_>) -> Option<&'c SpeakerAccount> {
    let made = ctx.senders.accounts.made_for(person)?;
    (made.kind == AccountKind::Made).then_some(made)
}

/// Asks Let's Chat to hand over the account that the bridge made. Returns why not, if that cannot be asked.
pub(super) fn start_hand_over(
    request: u64,
    person: PersonId,
    (username, email, password): (String, String, Secret),
    ctx: &mut Ctx<'_>,
) -> Option<LinkReply> {
    let Some(user) = to_take_over(person, ctx).and_then(|made| made.user.clone()) else {
        return Some(LinkReply::Failed(NOTHING_TO_TAKE_OVER.to_owned()));
    };
    let hand_over = AccountCommand::HandOver { request, user, username, email, password };
    ctx.commands.push(Command::Account(hand_over));
    None
}

/// The account that the bridge made belongs to its person now, and the bridge goes on speaking as it.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_handed_over(
    person: PersonId,
    account: LetsChatUser,
    ctx: &mut Ctx<'_>,
) -> Result<LinkReply, StoreError> {
    let secrets = ctx.store.account_secrets(person, AccountKind::Made)?;
    let Some(made) = ctx.senders.accounts.remove(person, AccountKind::Made) else {
        return Ok(LinkReply::Failed(NOTHING_TO_TAKE_OVER.to_owned()));
    };
    ctx.store.remove_account(person, AccountKind::Made)?;
    detach(person, ctx)?;
    let taken = SpeakerAccount {
        kind: AccountKind::TakenOver,
        username: account.username.clone(),
        display_name: account.display_name.unwrap_or(made.display_name),
        ..made
    };
    // Their password is theirs alone.
    let secrets = AccountSecrets { password: None, ..secrets };
    ctx.store.put_account(&taken, &secrets, ctx.now)?;
    ctx.senders.accounts.insert(taken);
    tell_linked(person, &account.username, ctx);
    Ok(LinkReply::Linked { username: account.username })
}

/// The bridge no longer speaks as the person's own account. Returns its user name, if there was one.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn unlink(person: PersonId, ctx: &mut Ctx<'_>) -> Result<Option<String>, StoreError> {
    let ended = detach(person, ctx)?;
    if let Some(username) = &ended {
        tracing::info!(account = username, "link to an account on Let's Chat ended");
    }
    Ok(ended)
}

/// Gives up the own account of a person, whose session ends if nobody else speaks as it.
fn detach(person: PersonId, ctx: &mut Ctx<'_>) -> Result<Option<String>, StoreError> {
    let Some(own) = ctx.senders.accounts.remove(person, AccountKind::Linked) else {
        return Ok(None);
    };
    ctx.store.remove_account(person, AccountKind::Linked)?;
    if let Some(user) = own.user
        && !ctx.senders.accounts.is_used(&user)
    {
        ctx.commands.push(Command::Account(AccountCommand::Remove(user)));
    }
    Ok(Some(own.username))
}

fn tell_linked(person: PersonId, username: &str, ctx: &mut Ctx<'_>) {
    tracing::info!(
        account = username,
        nick = ctx.senders.accounts.people.nick(person),
        "account on Let's Chat linked"
    );
    let text = format!(
        "what you write here is posted as {username} on Let's Chat from now on. If you did not \
         want that, type !unlink"
    );
    notify_person(person, text, ctx);
}
