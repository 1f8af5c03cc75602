//! Chooses who posts a delivery to a room: the account of its author, if they have one, or the bot.
//!
//! A message that no account may or can post is posted by the bot, so nothing waits for an account.

use crate::bridge::account_io::AccountCommand;
use crate::bridge::context::Ctx;
use crate::bridge::event::Command;
use crate::bridge::senders::accounts::Voice;
use crate::domain::{EndpointId, LetsChatUserId, Sender, SpeakerAccount};
use crate::store::StoreError;

/// The sender of the next delivery to a room.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn choose(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<Sender, StoreError> {
    let Some(room) = ctx.endpoints.room(endpoint) else { return Ok(Sender::Bot) };
    let Some(head) = room.queue.head() else { return Ok(Sender::Bot) };
    let (source, is_first_try) = (head.message.source, head.started_at.is_none());
    let Some(channel) = ctx.endpoints.channel(source) else { return Ok(Sender::Bot) };
    let format = ctx.routes.format(source, endpoint);
    if room.room_id.is_none()
        || head.message.author.is_bridge()
        || !ctx.senders.accounts.may_speak(source, endpoint)
        // Somebody whom another bridge quotes is not known here.
        || format.rules.is_relayed_from_irc(&head.message)
    {
        return Ok(Sender::Bot);
    }
    let (network, author) = (channel.network.clone(), head.message.author.clone());
    let voice = ctx.senders.accounts.choose(
        (&network, &author),
        (source, endpoint),
        is_first_try,
        ctx.now,
        ctx.store,
    )?;
    match voice {
        Voice::Account(user) => {
            rename(&user, &author.name, ctx)?;
            Ok(Sender::Account(user))
        }
        Voice::Bot => Ok(Sender::Bot),
        Voice::BotUntilSignedIn(woken) => {
            let (SpeakerAccount { person, user, username, .. }, secrets) = *woken;
            let add = user.map(|user| AccountCommand::Add { person, user, username, secrets });
            ctx.commands.extend(add.map(Command::Account));
            Ok(Sender::Bot)
        }
        Voice::BotUntil(registration) => {
            ctx.commands.push(Command::Account(AccountCommand::Register(*registration)));
            Ok(Sender::Bot)
        }
    }
}

/// An account that the bridge made is displayed with the nick of its person, whatever it is now.
fn rename(user: &LetsChatUserId, nick: &str, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(account) = ctx.senders.accounts.rename(user, nick, ctx.now) else { return Ok(()) };
    let (user, display_name) = (user.clone(), account.display_name.clone());
    ctx.store.set_account_display_name(&user, &display_name)?;
    let rename = AccountCommand::Rename { user, display_name };
    ctx.commands.push(Command::Account(rename));
    Ok(())
}
