//! Handles the events of puppets: IRC connections of Let's Chat users.

pub(in crate::bridge) mod away;
pub(in crate::bridge) mod disconnect;

use crate::bridge::context::Ctx;
use crate::bridge::deliver;
use crate::bridge::senders::puppets::PuppetMembership;
use crate::domain::{LetsChatUserId, Network};
use crate::protocol::irc::IrcEvent;
use crate::store::StoreError;

/// Handles an event of the user's puppet. Direct messages to it are handled elsewhere.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_event(
    network: &Network,
    user: &LetsChatUserId,
    event: IrcEvent,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let puppets = ctx.senders.puppets_mut(network);
    match event {
        IrcEvent::Registered { nick } => {
            tracing::info!(%network, %user, nick, "puppet connected");
            ctx.stats.puppets_mut(network).connected += 1;
            puppets.on_registered(user, &nick, ctx.now);
            ctx.store.start_nick(network, Some(user), &nick, ctx.now)
        }
        IrcEvent::NickChanged { nick } => {
            tracing::info!(%network, %user, nick, "puppet nick changed");
            puppets.set_nick(user, &nick, ctx.now);
            ctx.store.start_nick(network, Some(user), &nick, ctx.now)
        }
        IrcEvent::Joined { endpoint, .. } | IrcEvent::StillJoined { endpoint, .. } => {
            puppets.set_membership(user, endpoint, PuppetMembership::Joined);
            Ok(())
        }
        IrcEvent::Removed { endpoint } => {
            puppets.set_membership(user, endpoint, PuppetMembership::Removed);
            Ok(())
        }
        IrcEvent::NotJoined { endpoint, reason } => {
            puppets.on_not_joined(user, endpoint);
            tracing::info!(%network, %user, %endpoint, reason = reason, "puppet not joined");
            Ok(())
        }
        IrcEvent::SendStarted { delivery, endpoint } => {
            deliver::mark_sent(delivery, endpoint, ctx);
            Ok(())
        }
        // The channel's cursor follows what the bot receives, not what the puppet sends.
        IrcEvent::PartiallyDelivered { delivery, endpoint, delivered_bytes, .. } => {
            deliver::ack_partial(delivery, endpoint, delivered_bytes, ctx)
        }
        IrcEvent::Delivered { delivery, endpoint, message_ref } => {
            deliver::ack(delivery, endpoint, message_ref.msgid.as_deref(), ctx)
        }
        IrcEvent::Rejected { delivery, endpoint, reason } => {
            puppets.forget_echo(endpoint, delivery);
            deliver::reject(delivery, endpoint, &reason, ctx)
        }
        IrcEvent::Deferred { delivery, endpoint, reason } => {
            deliver::defer(delivery, endpoint, &reason, ctx)
        }
        IrcEvent::Retry(endpoint) => {
            deliver::resume(endpoint, ctx);
            Ok(())
        }
        _ => Ok(()),
    }
}
