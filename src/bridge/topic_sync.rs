//! A channel's topic and a room's description follow each other, where that is wanted.
//!
//! What each place is about is remembered. A change is news only where it differs from that, and what
//! we set elsewhere is remembered there at once: so our own change that comes back is none, and nothing
//! goes in circles. A server may cut what we set: what comes back as its beginning is ours, too. What
//! a place is about when we come in sets nothing: nobody knows which side is newer.

use std::collections::HashMap;

use super::{Bridge, Command, Ctx};
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::{irc, letschat};
use crate::translate::TopicText;

/// What each place is about, as far as is known: what its server said last, or what we asked it for.
#[derive(Debug, Default)]
pub(super) struct KnownTopics(HashMap<EndpointId, String>);

impl KnownTopics {
    /// `place` was found to be about `text`.
    fn init(&mut self, place: EndpointId, text: &str) {
        self.0.insert(place, text.to_owned());
    }

    /// `place` is about `text` now. Says whether somebody else than us has made it so.
    fn record_change(&mut self, place: EndpointId, text: &str) -> bool {
        let before = self.0.insert(place, text.to_owned());
        before
            .is_none_or(|before| text.is_empty() != before.is_empty() || !before.starts_with(text))
    }

    /// `place` is to be about `text`. Says whether it is not yet.
    fn request(&mut self, place: EndpointId, text: &str) -> bool {
        self.0.insert(place, text.to_owned()).as_deref() != Some(text)
    }
}

impl Bridge {
    /// `place` was found to be about `text` when we came in.
    pub(super) fn init_topic(&mut self, place: EndpointId, text: &str) {
        self.topics.init(place, text);
    }

    /// `place` is about `text` now: where it is wanted, so are those that mirror it. Says whether it is
    /// news.
    pub(super) fn on_topic_changed(
        &mut self,
        place: EndpointId,
        text: &str,
        turn: &mut Ctx<'_>,
    ) -> bool {
        if !self.topics.record_change(place, text) {
            return false;
        }
        let mirrors = self.endpoints.get(&place).map(|spot| spot.mirrors.clone());
        for to in mirrors.iter().flat_map(|mirrors| mirrors.iter().copied()) {
            let Some(spot) = self.endpoints.get(&to).filter(|spot| spot.queue.is_open()) else {
                continue;
            };
            let follows = self.routes.format(place, to).topic_sync;
            let text = TopicText::new(text).into_string();
            let order = match &spot.endpoint {
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
                turn.commands.push(order);
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
