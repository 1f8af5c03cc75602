//! What is known about the phases of links: what people were told, what the bridge has done in channels because of them,
//! and what was not mirrored.
//!
//! Only state lives here; `phases`, `unheard` and `catch_up` act on it.

pub(in crate::bridge) mod greetings;
pub(in crate::bridge) mod moderation;
pub(in crate::bridge) mod topic_note;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::EndpointId;
use crate::store::{PhasePlace, Store, StoreError, ToldPhase, UnheardCount, UnheardLink};
use greetings::Greetings;

/// What is known about the phases of links.
#[derive(Debug, Default)]
pub(in crate::bridge) struct PhaseState {
    /// By channel and room.
    told: HashMap<(EndpointId, EndpointId), ToldPhase>,
    places: HashMap<EndpointId, PhasePlace>,
    unheard: HashMap<UnheardLink, UnheardCount>,
    pub(in crate::bridge) greetings: Greetings,
    /// When something was last done that need not be done each second.
    pub(in crate::bridge) chores_at: Option<Timestamp>,
}

impl PhaseState {
    /// The state as the last run left it.
    pub(in crate::bridge) fn recover(store: &Store) -> Result<Self, StoreError> {
        let mut state = Self::default();
        for told in store.told_phases()? {
            state.told.insert((told.channel, told.room), told);
        }
        for place in store.phase_places()? {
            state.places.insert(place.endpoint, place);
        }
        state.count_unheard(store)?;
        Ok(state)
    }

    /// What people were told of a link; `None` if it is new.
    pub(in crate::bridge) fn told(&self, ends: (EndpointId, EndpointId)) -> Option<ToldPhase> {
        self.told.get(&ends).copied()
    }

    /// All links of which people were told something.
    pub(in crate::bridge) fn told_links(&self) -> Vec<(EndpointId, EndpointId)> {
        self.told.keys().copied().collect()
    }

    /// People were told this.
    pub(in crate::bridge) fn set_told(
        &mut self,
        told: ToldPhase,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if self.told.insert((told.channel, told.room), told) == Some(told) {
            return Ok(());
        }
        store.set_told_phase(told)
    }

    /// The link is no longer configured.
    pub(in crate::bridge) fn forget_link(
        &mut self,
        (channel, room): (EndpointId, EndpointId),
        store: &mut Store,
    ) -> Result<(), StoreError> {
        self.told.remove(&(channel, room));
        store.forget_told_phase(channel, room)
    }

    /// What was done in a channel or room.
    pub(in crate::bridge) fn place(&self, endpoint: EndpointId) -> PhasePlace {
        self.places.get(&endpoint).cloned().unwrap_or_else(|| PhasePlace::new(endpoint))
    }

    /// What was done in a channel or room from now on.
    pub(in crate::bridge) fn set_place(
        &mut self,
        place: PhasePlace,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        if self.place(place.endpoint) == place {
            return Ok(());
        }
        store.set_phase_place(&place)?;
        self.places.insert(place.endpoint, place);
        Ok(())
    }

    /// The topic of a channel without what the bridge has added to it.
    pub(in crate::bridge) fn topic_without_note(
        &self,
        endpoint: EndpointId,
        topic: &str,
    ) -> String {
        let note = self.places.get(&endpoint).and_then(|place| place.topic_note.as_ref());
        let rest = note.and_then(|note| topic_note::without(topic, note));
        rest.unwrap_or_else(|| topic.to_owned())
    }

    /// The topic of a channel with what the bridge has added to it.
    pub(in crate::bridge) fn topic_with_note(
        &self,
        endpoint: EndpointId,
        topic: &str,
        max_len: usize,
    ) -> String {
        let note = self.places.get(&endpoint).and_then(|place| place.topic_note.as_ref());
        let both = note.and_then(|note| topic_note::with(topic, note, Some(max_len)));
        both.unwrap_or_else(|| topic.to_owned())
    }

    /// How much was not mirrored over one direction of a link.
    pub(in crate::bridge) fn unheard(&self, link: UnheardLink) -> UnheardCount {
        let none = UnheardCount { link, offered: 0, asked: 0, offered_span: None };
        self.unheard.get(&link).copied().unwrap_or(none)
    }

    /// The directions of links with something that was not mirrored, and how much.
    pub(in crate::bridge) fn all_unheard(&self) -> Vec<UnheardCount> {
        let mut all: Vec<UnheardCount> = self.unheard.values().copied().collect();
        all.sort_by_key(|it| (it.link.channel, it.link.room, it.link.to_irc));
        all
    }

    /// Counts anew what was not mirrored.
    pub(in crate::bridge) fn count_unheard(&mut self, store: &Store) -> Result<(), StoreError> {
        self.unheard = store.unheard_counts()?.into_iter().map(|it| (it.link, it)).collect();
        Ok(())
    }

    /// One more message, said at this time, was not mirrored.
    pub(in crate::bridge) fn add_unheard(&mut self, link: UnheardLink, sent_at: Timestamp) {
        let mut count = self.unheard(link);
        count.offered += 1;
        let (first, last) = count.offered_span.unwrap_or((sent_at, sent_at));
        count.offered_span = Some((first.min(sent_at), last.max(sent_at)));
        self.unheard.insert(link, count);
    }

    /// One of the messages that were asked for is on its way.
    pub(in crate::bridge) fn settle_unheard(&mut self, link: UnheardLink) {
        let mut count = self.unheard(link);
        count.asked = count.asked.saturating_sub(1);
        self.unheard.insert(link, count);
    }
}
