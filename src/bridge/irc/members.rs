//! Follows who is in the channels. Kept in memory only, since servers send it again after a reconnect.

use std::sync::Arc;

use super::puppets;
use crate::bridge::account_io::AccountCommand;
use crate::bridge::context::Ctx;
use crate::bridge::event::Command;
use crate::bridge::notices::status;
use crate::bridge::phases;
use crate::domain::{ChannelMember, EndpointId, IrcUser, Network};
use crate::protocol::irc::MembershipEvent;
use crate::store::StoreError;
use crate::translate::StatusChange;

/// Handles a membership event of the bot's connection, which may be about puppets.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn on_membership(
    network: &Network,
    event: MembershipEvent,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if let MembershipEvent::UserChanged { before, now, .. } = &event
        && before.nick != now.nick
    {
        let people = &mut ctx.senders.accounts.people;
        people.on_nick_changed(network, before, now, ctx.now, ctx.store)?;
    }
    if let MembershipEvent::Left { user, .. } = &event
        && let Some(account) = ctx.senders.accounts.present_as(network, user)
    {
        ctx.commands.push(Command::Account(AccountCommand::Leave(account)));
    }
    if let Some(puppets) = ctx.senders.get_puppets(network) {
        puppets.on_membership(&event);
    }
    let for_phases = PhaseNews::of(&event);
    let left = match &event {
        MembershipEvent::Left { endpoints, user, reason } => {
            Some((endpoints.clone(), Arc::clone(user), reason.clone()))
        }
        _ => None,
    };
    apply(event, ctx);
    // After the event has been applied.
    if let Some(news) = for_phases {
        news.pass_on(ctx)?;
    }
    let Some((endpoints, user, reason)) = left else { return Ok(()) };
    puppets::disconnect::on_nick_left(network, &user.nick, (&endpoints, &reason), ctx)
}

/// What of a membership event concerns the phases of links.
enum PhaseNews {
    /// Somebody has come who was not here before a netsplit.
    Joined(EndpointId, Arc<IrcUser>),
    /// Somebody has another nick or account.
    Changed(Vec<EndpointId>, Arc<IrcUser>, Arc<IrcUser>),
}

impl PhaseNews {
    fn of(event: &MembershipEvent) -> Option<Self> {
        match event {
            MembershipEvent::Joined { endpoint, user, after_netsplit: false } => {
                Some(Self::Joined(*endpoint, Arc::clone(user)))
            }
            MembershipEvent::UserChanged { endpoints, before, now } => {
                Some(Self::Changed(endpoints.clone(), Arc::clone(before), Arc::clone(now)))
            }
            _ => None,
        }
    }

    fn pass_on(self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        match self {
            Self::Joined(endpoint, user) => {
                phases::give_voices(endpoint, Some(&user.nick), ctx);
                phases::on_joined(endpoint, &user, ctx)
            }
            Self::Changed(endpoints, before, now) => {
                phases::on_user_changed(&endpoints, &before, &now, ctx)
            }
        }
    }
}

/// Applies a membership event.
fn apply(event: MembershipEvent, ctx: &mut Ctx<'_>) {
    match event {
        MembershipEvent::Names { endpoint, casemapping, members } => {
            if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
                tracing::debug!(endpoint = %channel.link.endpoint, members = members.len(), "members listed");
                channel.roster.replace(casemapping, members.into_iter());
            }
        }
        MembershipEvent::Joined { endpoint, user, after_netsplit } => {
            let change =
                if after_netsplit { StatusChange::NetsplitRejoin } else { StatusChange::Joined };
            note_status(endpoint, &user.nick, change, ctx);
            if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
                channel.roster.insert(ChannelMember::new(user, ""));
            }
        }
        MembershipEvent::Left { endpoints, user, reason } => {
            let change = status::leave_change(reason);
            for endpoint in endpoints {
                note_status(endpoint, &user.nick, change.clone(), ctx);
                if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
                    channel.roster.remove(&user.nick);
                }
            }
        }
        MembershipEvent::UserChanged { endpoints, before, now } => {
            if before.nick != now.nick {
                for endpoint in &endpoints {
                    let change = StatusChange::NickChanged(now.nick.clone());
                    note_status(*endpoint, &before.nick, change, ctx);
                }
            }
            update_members(&endpoints, &before.nick, &now, ctx);
        }
        MembershipEvent::UsersUpdated(users) => {
            for (endpoints, user) in users {
                update_members(&endpoints, &user.nick, &user, ctx);
            }
        }
        MembershipEvent::PrefixChanged { endpoint, nick, prefixes } => {
            if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
                channel.roster.set_prefixes(&nick, &prefixes);
            }
        }
    }
}

/// Adds a status event of a user, except for our own puppets.
fn note_status(endpoint: EndpointId, nick: &str, change: StatusChange, ctx: &mut Ctx<'_>) {
    let network = ctx.endpoints.channel(endpoint).map(|channel| &channel.network);
    let puppets = network.and_then(|network| ctx.senders.get_puppets(network));
    if puppets.is_none_or(|puppets| puppets.nick_owner(nick, ctx.now).is_none()) {
        status::note(endpoint, nick, change, ctx);
    }
}

fn update_members(endpoints: &[EndpointId], nick: &str, user: &Arc<IrcUser>, ctx: &mut Ctx<'_>) {
    for endpoint in endpoints {
        if let Some(channel) = ctx.endpoints.channel_mut(*endpoint) {
            channel.roster.update(nick, user);
        }
    }
}
