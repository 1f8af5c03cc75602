//! Synchronises a channel's topic and a room's description, if enabled.
//!
//! The text of each side is remembered, and only a difference counts as a change. What we set is remembered
//! at once, so our own change is not mirrored back. The text on joining changes nothing, because it is
//! unknown which side is newer.

use super::context::Ctx;
use super::endpoints::EndpointState;
use super::event::Command;
use crate::domain::EndpointId;
use crate::protocol::{irc, letschat};
use crate::translate::TopicText;

/// Records the topic on joining.
pub(super) fn init(endpoint: EndpointId, text: &str, ctx: &mut Ctx<'_>) {
    if let Some(link) = ctx.endpoints.link_mut(endpoint) {
        link.init_topic(text);
    }
}

/// The topic has changed: updates the mirrors that follow it. Returns whether it is a real change.
pub(super) fn on_changed(endpoint: EndpointId, text: &str, ctx: &mut Ctx<'_>) -> bool {
    let link = ctx.endpoints.link_mut(endpoint);
    if !link.is_some_and(|link| link.record_topic_change(text)) {
        return false;
    }
    // What the bridge has added to the topic is not for others.
    let text = ctx.phases.topic_without_note(endpoint, text);
    for to in ctx.endpoints.mirrors(endpoint) {
        if !ctx.links.is_carried(endpoint, to) {
            continue;
        }
        let text = TopicText::new(&text).into_string();
        let text = ctx.phases.topic_with_note(to, &text, max_topic_len(to, ctx));
        let Some(command) = set_command(endpoint, to, &text, ctx) else { continue };
        let link = ctx.endpoints.link_mut(to);
        if link.is_some_and(|link| link.request_topic(&text)) {
            ctx.commands.push(command);
        }
    }
    true
}

/// The maximum length of a channel's topic.
fn max_topic_len(to: EndpointId, ctx: &Ctx<'_>) -> usize {
    let rights = ctx.endpoints.channel(to).and_then(|channel| channel.rights);
    rights.and_then(|rights| rights.max_topic_len).unwrap_or(usize::MAX)
}

/// The command that sets the topic of `to`, if it follows that of `endpoint` and can be set now.
fn set_command(endpoint: EndpointId, to: EndpointId, text: &str, ctx: &Ctx<'_>) -> Option<Command> {
    let can_be_sent =
        |state: &&EndpointState| state.queue().is_open() && !state.queue().is_held(endpoint);
    let state = ctx.endpoints.get(to).filter(can_be_sent)?;
    let sync = ctx.routes.format(endpoint, to).topic_sync;
    match state {
        EndpointState::Room(_) if sync.syncs_room() => {
            let description = text.to_owned();
            let command = letschat::LetsChatCommand::SetDescription { endpoint: to, description };
            Some(Command::LetsChat(command))
        }
        EndpointState::Channel(channel) if sync.syncs_channel() => {
            let command = irc::IrcCommand::SetTopic { endpoint: to, topic: text.to_owned() };
            Some(Command::Irc(channel.network.clone(), command))
        }
        _ => None,
    }
}
