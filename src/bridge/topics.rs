//! A channel's topic and a room's description follow each other, where that is wanted.
//!
//! What each place is about is remembered. A change is news only where it differs from that, and what
//! we set elsewhere is remembered there at once: so our own change that comes back is none, and nothing
//! goes in circles. A server may cut what we set: what comes back as its beginning is ours, too. What
//! a place is about when we come in sets nothing: nobody knows which side is newer.

use std::collections::HashMap;

use super::{Bridge, Order, Turn};
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::{irc, letschat};
use crate::translate::Topic;

/// What each place is about, as far as is known: what its server said last, or what we asked it for.
#[derive(Debug, Default)]
pub(super) struct Topics(HashMap<EndpointId, String>);

impl Topics {
    /// `place` was found to be about `text`.
    fn learn(&mut self, place: EndpointId, text: &str) {
        self.0.insert(place, text.to_owned());
    }

    /// `place` is about `text` now. Says whether somebody else than us has made it so.
    fn changes(&mut self, place: EndpointId, text: &str) -> bool {
        let before = self.0.insert(place, text.to_owned());
        before
            .is_none_or(|before| text.is_empty() != before.is_empty() || !before.starts_with(text))
    }

    /// `place` is to be about `text`. Says whether it is not yet.
    fn set(&mut self, place: EndpointId, text: &str) -> bool {
        self.0.insert(place, text.to_owned()).as_deref() != Some(text)
    }
}

impl Bridge {
    /// `place` was found to be about `text` when we came in.
    pub(super) fn is_about(&mut self, place: EndpointId, text: &str) {
        self.topics.learn(place, text);
    }

    /// `place` is about `text` now: where it is wanted, so are those that mirror it. Says whether it is
    /// news.
    pub(super) fn about_changed(
        &mut self,
        place: EndpointId,
        text: &str,
        turn: &mut Turn<'_>,
    ) -> bool {
        if !self.topics.changes(place, text) {
            return false;
        }
        let mirrors = self.spots.get(&place).map(|spot| spot.mirrors.clone());
        for to in mirrors.iter().flat_map(|mirrors| mirrors.iter().copied()) {
            let Some(spot) = self.spots.get(&to).filter(|spot| spot.lane.is_open()) else {
                continue;
            };
            let follows = self.ways.manners(place, to).topic_sync;
            let text = Topic::of(text).into_string();
            let order = match &spot.place {
                Endpoint::Room(_) if follows.syncs_room() => {
                    let description = text.clone();
                    Order::LetsChat(letschat::LetsChatCommand::SetDescription {
                        endpoint: to,
                        description,
                    })
                }
                Endpoint::Channel { network, .. } if follows.syncs_channel() => {
                    let topic = text.clone();
                    Order::Irc(network.clone(), irc::IrcCommand::SetTopic { endpoint: to, topic })
                }
                _ => continue,
            };
            if self.topics.set(to, &text) {
                turn.orders.push(order);
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
    fn what_we_set_is_no_news_when_it_comes_back_even_cut() {
        let mut topics = Topics::default();
        topics.learn(TEA, "old");
        assert!(!topics.changes(TEA, "old"));
        assert!(topics.set(TEA, "Earl Grey and Darjeeling"));
        assert!(!topics.set(TEA, "Earl Grey and Darjeeling"), "asked for already");
        assert!(!topics.changes(TEA, "Earl Grey"));
        assert!(topics.changes(TEA, "Assam"));
        assert!(topics.changes(TEA, ""));
        assert!(topics.changes(TEA, "Assam"));
    }
}
