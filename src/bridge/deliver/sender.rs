//! Chooses who sends a delivery to a channel: the bot, or somebody who stands for its author.
//!
//! A message that nobody else may or can send is sent by the bot, so nothing waits for another sender.

use crate::bridge::context::Ctx;
use crate::bridge::event::{Command, PuppetCommand};
use crate::bridge::phases;
use crate::bridge::senders::puppets::PuppetChoice;
use crate::bridge::senders::{NickSource, user_id};
use crate::domain::{Author, DeliveryId, EndpointId, LetsChatUserId, Network, Sender};
use crate::protocol::irc::Scope;
use crate::store::StoreError;

/// The chosen sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SenderChoice {
    /// This sender.
    As(Sender),
    /// Nobody: a channel operator does not permit it.
    Nobody,
}

/// The sender of the next delivery to a channel: users of Let's Chat may have nicks of their own.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn choose(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<SenderChoice, StoreError> {
    let bot = Ok(SenderChoice::As(Sender::Bot));
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return bot };
    let Some(message) = channel.queue.head().map(|next| &next.message) else { return bot };
    if message.author.is_bridge() || ctx.endpoints.room(message.source).is_none() {
        return bot;
    }
    let Some(source) = ctx.senders.nick_source(endpoint) else { return bot };
    let (network, author) = (channel.network.clone(), message.author.clone());
    match source {
        NickSource::Relaymsg => {
            let channel = (&network, endpoint);
            let sender = ctx.senders.relaymsg_sender(channel, &author, ctx.now, ctx.store)?;
            Ok(SenderChoice::As(sender))
        }
        NickSource::Puppet { ban_fallback, .. } => {
            choose_puppet((&network, endpoint), &author, ban_fallback, ctx)
        }
    }
}

/// The author's puppet, if it is in the channel. If not, it is asked to join.
fn choose_puppet(
    (network, endpoint): (&Network, EndpointId),
    author: &Author,
    ban_fallback: bool,
    ctx: &mut Ctx<'_>,
) -> Result<SenderChoice, StoreError> {
    let user = user_id(author);
    let puppets = ctx.senders.puppets_mut(network);
    if puppets.on_user_spoke(&user, ctx.now) {
        ctx.commands.push(Command::Puppets(network.clone(), PuppetCommand::away(&user, None)));
    }
    let choice = puppets.sender_for(&user, endpoint);
    let nick = puppets.nick_of(&user).map(str::to_owned);
    Ok(match choice {
        // Until it has voice, nobody would hear it.
        PuppetChoice::Puppet if is_voiceless(endpoint, nick.as_deref(), ctx) => {
            SenderChoice::As(Sender::Bot)
        }
        PuppetChoice::Puppet => SenderChoice::As(Sender::Puppet(user)),
        PuppetChoice::Nobody if !ban_fallback => SenderChoice::Nobody,
        PuppetChoice::Bot | PuppetChoice::Nobody => SenderChoice::As(Sender::Bot),
        PuppetChoice::Connect => {
            connect_puppet((network, endpoint), user, author, ctx)?;
            SenderChoice::As(Sender::Bot)
        }
    })
}

/// Whether the bridge has moderated the channel, and not given voice to this nick yet.
fn is_voiceless(endpoint: EndpointId, nick: Option<&str>, ctx: &Ctx<'_>) -> bool {
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return false };
    phases::is_moderated_by_us(endpoint, ctx)
        && nick
            .and_then(|nick| channel.roster.get(nick))
            .is_none_or(|member| member.prefixes.is_empty())
}

/// Requests a puppet for the channel.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn connect_puppet(
    (network, endpoint): (&Network, EndpointId),
    user: LetsChatUserId,
    author: &Author,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let nick = ctx.senders.puppet_nick((network, endpoint), &user, author, ctx.store)?;
    if let Some(nick) = nick {
        let username = author.name.clone();
        let login = ctx.senders.puppet_logins.in_use(network, &user).cloned().map(Box::new);
        let command = PuppetCommand::Connect { user, nick, username, endpoint, login };
        ctx.commands.push(Command::Puppets(network.clone(), command));
    }
    Ok(())
}

/// The server has rejected RELAYMSG for this delivery: the bot sends it.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn on_relaymsg_rejected(
    network: &Network,
    (id, endpoint): (DeliveryId, EndpointId),
    (scope, reason): (Scope, &str),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    let Some(delivery) = channel.queue.cancel(id, ctx.store)? else { return Ok(()) };
    let author = &delivery.message.author;
    ctx.senders.on_relaymsg_rejected((network, endpoint), author, scope, ctx.now);
    tracing::info!(endpoint = %channel.link.endpoint, ?scope, reason, "RELAYMSG rejected; sending as bot");
    ctx.schedule(endpoint);
    Ok(())
}
