//! What the bridge does in a channel because of the phases of its links: it names the room in the topic, and moderates
//! the channel while nobody there is heard.

use super::facts::facts;
use crate::bridge::context::Ctx;
use crate::bridge::event::Command;
use crate::bridge::phase_state::moderation::{self, ModerationWish};
use crate::bridge::phase_state::topic_note;
use crate::domain::{EndpointId, LinkPhase, Network};
use crate::protocol::irc::{ChannelRights, IrcCommand};
use crate::store::{ChannelModeration, StoreError};
use crate::translate::TopicText;

/// The length of a topic where the server does not say.
const DEFAULT_TOPIC_LEN: usize = 300;

/// The server has shown what we may do in the channel.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_rights(
    endpoint: EndpointId,
    rights: ChannelRights,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    let before = channel.rights.replace(rights);
    update(endpoint, ctx)?;
    let is_newly = |is: fn(&ChannelRights) -> bool| is(&rights) && !before.as_ref().is_some_and(is);
    if is_newly(|it| it.is_moderated) || is_newly(|it| it.is_operator) {
        give_voices(endpoint, None, ctx);
    }
    Ok(())
}

/// The server has shown the topic.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_topic(
    endpoint: EndpointId,
    topic: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel_mut(endpoint) else { return Ok(()) };
    channel.shown_topic = Some(topic.to_owned());
    channel.requested_topic = None;
    update_topic(endpoint, ctx)
}

/// Sets the topic and the modes of the channel as its phases want them, if that is possible and not done.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn update(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    update_topic(endpoint, ctx)?;
    update_moderation(endpoint, ctx)
}

fn update_topic(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return Ok(()) };
    // Until the modes are known, the channel may just be being joined.
    let (Some(rights), Some(shown), None) =
        (channel.rights, &channel.shown_topic, &channel.requested_topic)
    else {
        return Ok(());
    };
    let (network, shown) = (channel.network.clone(), shown.clone());
    let max_len = rights.max_topic_len.unwrap_or(DEFAULT_TOPIC_LEN);
    let max_len = rights.may_set_topic().then_some(max_len);
    let place = ctx.phases.place(endpoint);
    let wanted = wanted_note(endpoint, ctx)?;
    let wanted = wanted.as_ref().map(|(note, phase)| (note.as_str(), *phase));
    let plan = topic_note::plan(&place, wanted, &shown, max_len);
    ctx.phases.set_place(plan.place, ctx.store)?;
    if let Some(topic) = plan.topic {
        if let Some(channel) = ctx.endpoints.channel_mut(endpoint) {
            channel.requested_topic = Some(topic.clone());
            channel.link.request_topic(&topic);
        }
        ctx.commands.push(Command::Irc(network, IrcCommand::SetTopic { endpoint, topic }));
    }
    Ok(())
}

/// What the topic is to say in addition, and in which phase; `None` if nothing.
fn wanted_note(
    endpoint: EndpointId,
    ctx: &Ctx<'_>,
) -> Result<Option<(String, LinkPhase)>, StoreError> {
    let links = ctx.links.with_end(endpoint).filter(|link| link.phase != LinkPhase::Together);
    let links: Vec<_> = links.map(|link| (link.channel, link.room, link.phase)).collect();
    let Some(phase) = links.iter().map(|(.., phase)| *phase).max() else { return Ok(None) };
    let ends: Vec<_> = links.iter().map(|(channel, room, _)| (*channel, *room)).collect();
    let text = ctx.policy.announcements.topic.render(&facts(&ends, ctx)?);
    let note = TopicText::new(&text).into_string();
    Ok((!note.is_empty()).then_some((note, phase)))
}

fn update_moderation(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return Ok(()) };
    let (Some(rights), network) = (channel.rights, channel.network.clone()) else {
        return Ok(());
    };
    let mut place = ctx.phases.place(endpoint);
    let (state, modes) = moderation::plan(place.moderation, wish(endpoint, ctx), rights);
    place.moderation = state;
    ctx.phases.set_place(place, ctx.store)?;
    if let Some(modes) = modes {
        let modes = modes.to_owned();
        ctx.commands.push(Command::Irc(network, IrcCommand::SetModes { endpoint, modes }));
    }
    Ok(())
}

/// Whether the phases of the channel's links want it to be moderated: while one of them is still heard, nobody is to be
/// silenced.
fn wish(endpoint: EndpointId, ctx: &Ctx<'_>) -> ModerationWish {
    let phases: Vec<LinkPhase> = ctx.links.with_end(endpoint).map(|link| link.phase).collect();
    match phases.iter().min() {
        Some(LinkPhase::IrcReadOnly) => ModerationWish::Moderated,
        Some(LinkPhase::Closed) => ModerationWish::Unchanged,
        Some(LinkPhase::Together | LinkPhase::Moving) | None => ModerationWish::Open,
    }
}

/// Whether the bridge has moderated the channel, so that its puppets need voice.
pub(in crate::bridge) fn is_moderated_by_us(endpoint: EndpointId, ctx: &Ctx<'_>) -> bool {
    let rights = ctx.endpoints.channel(endpoint).and_then(|channel| channel.rights);
    let ours = [ChannelModeration::Asked, ChannelModeration::Set];
    rights.is_some_and(|rights| rights.is_moderated)
        && ours.contains(&ctx.phases.place(endpoint).moderation)
}

/// Gives voice to the puppets in a channel that the bridge has moderated, or only to the one with this nick.
pub(in crate::bridge) fn give_voices(endpoint: EndpointId, only: Option<&str>, ctx: &mut Ctx<'_>) {
    if !is_moderated_by_us(endpoint, ctx) {
        return;
    }
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return };
    if !channel.rights.is_some_and(|rights| rights.is_operator) {
        return;
    }
    let network: Network = channel.network.clone();
    let voiceless = channel.roster.iter().filter(|member| member.prefixes.is_empty());
    let nicks = voiceless.map(|member| &member.user.nick);
    let nicks = nicks.filter(|nick| only.is_none_or(|only| *nick == only));
    let nicks = nicks.filter(|nick| ctx.senders.is_puppet_nick(&network, nick));
    let mut nicks: Vec<String> = nicks.cloned().collect();
    nicks.sort();
    if !nicks.is_empty() {
        ctx.commands.push(Command::Irc(network, IrcCommand::GiveVoice { endpoint, nicks }));
    }
}

/// Puppets leave the channels that are closed, once nothing is on its way there.
pub(super) fn leave_closed(ctx: &mut Ctx<'_>) {
    let channels: Vec<(EndpointId, Network)> = ctx
        .endpoints
        .channels()
        .filter(|(_, channel)| channel.queue.head().is_none())
        .map(|(endpoint, channel)| (endpoint, channel.network.clone()))
        .collect();
    for (endpoint, network) in channels {
        if is_closed(endpoint, ctx)
            && let Some(puppets) = ctx.senders.get_puppets(&network)
        {
            for user in puppets.leave(endpoint) {
                let reason = "the channel is closed".to_owned();
                let part = IrcCommand::Part { endpoint, reason };
                let command = crate::bridge::event::PuppetCommand::Send(user, part);
                ctx.commands.push(Command::Puppets(network.clone(), command));
            }
        }
    }
}

/// Whether all links of the channel are closed.
fn is_closed(endpoint: EndpointId, ctx: &Ctx<'_>) -> bool {
    ctx.links.with_end(endpoint).map(|link| link.phase).min() == Some(LinkPhase::Closed)
}
