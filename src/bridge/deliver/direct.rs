//! Starts direct messages to users.

use std::sync::Arc;

use super::start;
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::queue::StartedDelivery;
use crate::bridge::event::Command;
use crate::domain::{EndpointId, IrcUser, LetsChatUserId, Network, RenderedMessage, Sender};
use crate::protocol::{irc, letschat};
use crate::store::StoreError;
use crate::translate::RESENT_PREFIX;

/// Where a user receives a direct message.
pub(in crate::bridge) enum DirectRecipient {
    /// On this network, under this nick.
    Irc(Network, Arc<IrcUser>),
    /// On Let's Chat.
    LetsChat(LetsChatUserId),
}

/// Starts the next direct message to a user, as `rendered`.
///
/// # Errors
/// When the store cannot be written.
pub(in crate::bridge) fn start_direct(
    endpoint: EndpointId,
    rendered: RenderedMessage,
    recipient: DirectRecipient,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if let Some(started) = start(endpoint, (Sender::Bot, rendered), 0, ctx)? {
        send(endpoint, started, recipient, ctx);
    }
    Ok(())
}

/// Sends a direct message to a user.
fn send(
    endpoint: EndpointId,
    started: StartedDelivery,
    recipient: DirectRecipient,
    ctx: &mut Ctx<'_>,
) {
    let delivery = started.id;
    let (kind, prefix) = (started.rendered.kind, started.rendered.prefix);
    let mark = if started.is_resend { RESENT_PREFIX } else { "" };
    let body = format!("{mark}{}", started.rendered.body);
    ctx.commands.push(match recipient {
        DirectRecipient::Irc(network, recipient) => {
            let command =
                irc::IrcCommand::SendDirect { delivery, endpoint, recipient, kind, prefix, body };
            Command::Irc(network, command)
        }
        DirectRecipient::LetsChat(user) => {
            let (user, text) = (user.0.to_string(), format!("{prefix}{body}"));
            Command::LetsChat(letschat::LetsChatCommand::SendDirect {
                delivery,
                endpoint,
                user,
                text,
            })
        }
    });
}
