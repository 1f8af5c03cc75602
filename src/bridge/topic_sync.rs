//! Synchronises a channel's topic and a room's description, if enabled.
//!
//! The text of each side is remembered, and only a difference counts as a change. What we set is remembered
//! at once, so our own change is not mirrored back. A server may truncate what we set, so a prefix of it
//! counts as ours, too. The text on joining changes nothing, because it is unknown which side is newer.

use std::collections::HashMap;

use super::{Bridge, Command, Ctx};
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::{irc, letschat};
use crate::translate::TopicText;

/// The known topics: what the server last reported, or what we last requested.
#[derive(Debug, Default)]
pub(super) struct KnownTopics(HashMap<EndpointId, String>);

impl KnownTopics {
    /// The topic on joining.
    fn init(&mut self, endpoint: EndpointId, text: &str) {
        self.0.insert(endpoint, text.to_owned());
    }

    /// The topic has changed. Returns whether somebody else has changed it.
    fn record_change(&mut self, endpoint: EndpointId, text: &str) -> bool {
        let before = self.0.insert(endpoint, text.to_owned());
        before
            .is_none_or(|before| text.is_empty() != before.is_empty() || !before.starts_with(text))
    }

    /// The topic is to be set. Returns whether it differs.
    fn request(&mut self, endpoint: EndpointId, text: &str) -> bool {
        self.0.insert(endpoint, text.to_owned()).as_deref() != Some(text)
    }
}

impl Bridge {
    /// Records the topic on joining.
    pub(super) fn init_topic(&mut self, endpoint: EndpointId, text: &str) {
        self.topics.init(endpoint, text);
    }

    /// The topic has changed: updates the mirrors that follow it. Returns whether it is a real change.
    pub(super) fn on_topic_changed(
        &mut self,
        endpoint: EndpointId,
        text: &str,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        if !self.topics.record_change(endpoint, text) {
            return false;
        }
        let mirrors = self.endpoints.get(&endpoint).map(|state| state.mirrors.clone());
        for to in mirrors.iter().flat_map(|mirrors| mirrors.iter().copied()) {
            let Some(state) = self.endpoints.get(&to).filter(|state| state.queue.is_open()) else {
                continue;
            };
            let follows = self.routes.format(endpoint, to).topic_sync;
            let text = TopicText::new(text).into_string();
            let command = match &state.endpoint {
                Endpoint::Room(_) if follows.syncs_room() => {
                    let description = text.clone();
                    Command::LetsChat(letschat::LetsChatCommand::SetDescription {
                        endpoint: to,
                        description,
                    })
                }
                Endpoint::Channel { network, .. } if follows.syncs_channel() => {
                    let topic = text.clone();
                    Command::Irc(network.clone(), irc::IrcCommand::SetTopic { endpoint: to, topic })
                }
                _ => continue,
            };
            if self.topics.request(to, &text) {
                ctx.commands.push(command);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: EndpointId = EndpointId(1);

    #[test]
    fn own_topic_change_is_recognised_even_if_truncated() {
        let mut topics = KnownTopics::default();
        topics.init(TEA, "old");
        assert!(!topics.record_change(TEA, "old"));
        assert!(topics.request(TEA, "Earl Grey and Darjeeling"));
        assert!(!topics.request(TEA, "Earl Grey and Darjeeling"), "asked for already");
        assert!(!topics.record_change(TEA, "Earl Grey"));
        assert!(topics.record_change(TEA, "Assam"));
        assert!(topics.record_change(TEA, ""));
        assert!(topics.record_change(TEA, "Assam"));
    }
}
