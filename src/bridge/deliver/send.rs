//! Creates the command that sends a started delivery.

use std::sync::Arc;

use crate::bridge::context::Ctx;
use crate::bridge::endpoints::EndpointState;
use crate::bridge::endpoints::queue::StartedDelivery;
use crate::bridge::event::{Command, PuppetCommand};
use crate::domain::{EndpointId, IrcUser, LetsChatUserId, Network, Sender};
use crate::protocol::{irc, letschat};
use crate::translate::RESENT_PREFIX;

/// Where a user receives a direct message.
pub(in crate::bridge) enum DirectRecipient {
    /// On this network, under this nick.
    Irc(Network, Arc<IrcUser>),
    /// On Let's Chat.
    LetsChat(LetsChatUserId),
}

/// Sends a delivery to a channel or room by its sender.
pub(super) fn send(endpoint: EndpointId, started: StartedDelivery, ctx: &mut Ctx<'_>) {
    match ctx.endpoints.get(endpoint) {
        Some(EndpointState::Channel(channel)) => {
            let network = channel.network.clone();
            send_to_channel(network, endpoint, started, ctx);
        }
        Some(EndpointState::Room(_)) => {
            let text = started.rendered.full_text();
            let post = letschat::LetsChatCommand::Post { delivery: started.id, endpoint, text };
            ctx.commands.push(Command::LetsChat(post));
        }
        Some(EndpointState::User(_)) | None => {}
    }
}

fn send_to_channel(
    network: Network,
    endpoint: EndpointId,
    started: StartedDelivery,
    ctx: &mut Ctx<'_>,
) {
    let StartedDelivery { id: delivery, rendered, is_resend, acked_before, sender } = started;
    let (mut prefix, mut body) = (rendered.prefix.clone(), rendered.body.clone());
    if let Some(channel) = ctx.endpoints.channel_mut(endpoint).filter(|_| is_resend) {
        // If each line is acknowledged, only the first can have arrived already.
        let acks_each_line =
            channel.join_info.is_some_and(|joined| joined.has_echoes) && sender == Sender::Bot;
        if acks_each_line {
            body.insert_str(0, RESENT_PREFIX);
        } else {
            prefix.push_str(RESENT_PREFIX);
            channel.queue.set_mark_in_prefix();
        }
    }
    let relay_nick = match &sender {
        Sender::Relaymsg(nick) => Some(Arc::clone(nick)),
        Sender::Bot | Sender::Puppet(_) => None,
    };
    let kind = rendered.kind;
    let command =
        irc::IrcCommand::SendMessage { delivery, endpoint, kind, prefix, body, relay_nick };
    ctx.commands.push(match sender {
        Sender::Bot | Sender::Relaymsg(_) => Command::Irc(network, command),
        Sender::Puppet(user) => {
            let puppets = ctx.senders.puppets_mut(&network);
            puppets.expect_echo((delivery, endpoint), user.clone(), rendered, acked_before);
            Command::Puppets(network, PuppetCommand::Send(user, command))
        }
    });
}

/// Sends a direct message to a user.
pub(super) fn send_direct(
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
