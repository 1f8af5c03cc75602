//! What IRC tells us, and what follows from it.

use jiff::SignedDuration;

use super::catchup::Hearing;
use super::history::Joined;
use super::{Alive, Bridge, Spot, Turn};
use crate::domain::{Network, PlaceId};
use crate::protocol::irc::{Event, Mark};
use crate::store::{Cursor, StoreError};
use crate::translate::{AGAIN, What};

/// How often a sign of life is written down, at most.
pub(super) const WRITE_ALIVE: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    pub(super) fn irc(
        &mut self,
        network: &Network,
        event: Event,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.direct_irc(network, event, turn)? else { return Ok(()) };
        match event {
            Event::Registered { nick } => {
                tracing::info!(%network, nick, "registered");
                self.named(network, &nick, turn)
            }
            Event::Renamed { nick } => {
                tracing::info!(%network, nick, "goes by another nick");
                self.named(network, &nick, turn)
            }
            Event::LoggedIn { account } => {
                tracing::info!(%network, account, "logged in");
                Ok(())
            }
            Event::NotLoggedIn { why } => {
                tracing::warn!(%network, why, "not logged in");
                Ok(())
            }
            // Of whoever connects.
            Event::Sts(_) => Ok(()),
            Event::Alive => self.alive(network, turn),
            Event::Guessed => {
                self.counters.of(super::Peer::Irc(network.clone())).guessed += 1;
                Ok(())
            }
            Event::Joined { place, time, past, echoes } => {
                self.channel_joined(network, place, &Joined { time, past, echoes }, turn)
            }
            Event::Closed { place, why } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::warn!(place = %spot.place, why, "not in the channel");
                    self.open -= usize::from(spot.lane.close());
                }
                if let Some(puppets) = self.voices.puppets_of(network) {
                    puppets.blind(place);
                }
                self.is_closed(place, Some(&why), turn.now);
                self.channel_left(network, place, turn.now, turn)?;
                self.look_around(network, turn)
            }
            Event::Presence(presence) => self.seen(network, presence, turn),
            Event::Topic { place, topic, by } => {
                if let Some(spot) = self.spots.get(&place) {
                    tracing::debug!(place = %spot.place, topic, by, "topic");
                }
                // What it is about is told anew to whoever comes in: that is no news.
                let text = topic.as_deref().unwrap_or_default();
                let Some(by) = by else {
                    self.is_about(place, text);
                    return Ok(());
                };
                if self.about_changed(place, text, turn) {
                    self.goings.note(place, &by, What::Topic(topic), turn.now);
                }
                Ok(())
            }
            Event::Modes { place, by, change } => {
                if let Some(spot) = self.spots.get(&place) {
                    tracing::debug!(place = %spot.place, by, change, "modes");
                }
                self.goings.note(place, &by, What::Modes(change), turn.now);
                Ok(())
            }
            Event::Heard { place, talk } => self.heard_talk(network, place, talk, turn),
            Event::Lends { separators, limit } => {
                self.voices.lends(network, &separators, limit);
                Ok(())
            }
            Event::Voiceless { ticket, place, scope, why } => {
                self.voiceless(network, (ticket, place), (scope, &why), turn)
            }
            // Where nobody is to talk in private.
            Event::Whispered(talk) => {
                self.written_in_vain(network, &talk, turn);
                Ok(())
            }
            Event::PutOut { .. } => Ok(()),
            Event::Past { place, answer } => self.told(network, place, answer, turn),
            Event::Speaking { ticket, place } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.speak(ticket);
                }
                Ok(())
            }
            Event::Partly { ticket, place, end, mark } => {
                self.said_up_to(place, mark, turn)?;
                let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
                spot.lane.partly(ticket, end, AGAIN.len(), turn.store)
            }
            Event::Said { ticket, place, mark } => {
                let msgid = mark.msgid.clone();
                self.said_up_to(place, mark, turn)?;
                self.settle(ticket, place, msgid.as_deref(), turn)
            }
            Event::Refused { ticket, place, why } => self.objected(ticket, place, &why, turn),
            Event::Later { ticket, place, why } => {
                if let Some(spot) = self.spots.get_mut(&place)
                    && spot.lane.put_off(ticket, turn.store)?
                {
                    tracing::info!(place = %spot.place, delivery = ticket.0, why, "put off");
                    self.count(place, |traffic| traffic.put_off += 1);
                }
                Ok(())
            }
            Event::Again(place) => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.resume();
                }
                self.advance(place, turn)
            }
        }
    }

    /// We go by `nick` from now on.
    fn named(
        &mut self,
        network: &Network,
        nick: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.alive.insert(network.clone(), Alive { at: turn.now, written: turn.now });
        turn.store.nick_begins(network, None, nick, turn.now)
    }

    /// A sign of life: written down once in a while, for when the process dies.
    fn alive(&mut self, network: &Network, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(alive) = self.alive.get_mut(network) else { return Ok(()) };
        alive.at = turn.now;
        let write = turn.now.duration_since(alive.written) >= WRITE_ALIVE;
        if write {
            alive.written = turn.now;
        }
        self.puppets_alive(network, turn)?;
        if !write {
            return Ok(());
        }
        turn.store.nick_goes_on(network, None, turn.now)?;
        if let Some(puppets) = self.voices.puppets_of(network) {
            for account in puppets.named() {
                turn.store.nick_goes_on(network, Some(account), turn.now)?;
            }
        }
        for (place, spot) in &self.spots {
            if spot.place.network() == Some(network) && matches!(spot.hearing, Hearing::Live(_)) {
                turn.store.alive(*place, turn.now)?;
            }
        }
        Ok(())
    }

    /// The connection to `network` is lost: what it last said is the last that was heard.
    pub(super) fn network_lost(
        &mut self,
        network: &Network,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.voices.lost(network);
        let Some(Alive { at, .. }) = self.alive.remove(network) else { return Ok(()) };
        turn.store.nick_goes_on(network, None, at)?;
        let on = |(_, spot): &(&PlaceId, &Spot)| spot.place.network() == Some(network);
        let places: Vec<PlaceId> = self.spots.iter().filter(on).map(|(place, _)| *place).collect();
        for place in places {
            self.is_closed(place, Some("the connection to its network is lost"), turn.now);
            self.channel_left(network, place, at, turn)?;
        }
        Ok(())
    }

    /// Nobody can be asked whether it arrived: it is said again, or left at that.
    pub(super) fn decide_doubt(
        &mut self,
        network: &Network,
        place: PlaceId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        let Some(ticket) = spot.lane.in_doubt().map(|delivery| delivery.ticket) else {
            return Ok(());
        };
        let is_notice =
            |spot: &Spot| spot.lane.first().is_some_and(|it| it.message.author.is_bridge());
        if self.spots.get(&place).is_some_and(is_notice) {
            let why = "the connection was lost while it was being said: no notice is said again";
            return self.refuse(ticket, place, why, turn);
        }
        if self.dropping.contains(network) {
            let why = "the connection was lost while it was being said: not said again";
            return self.refuse(ticket, place, why, turn);
        }
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.lane.repeat(turn.store)?;
        }
        self.count(place, |traffic| traffic.repeated += 1);
        Ok(())
    }

    /// A line of ours has arrived: the channel was heard up to it, if it is heard.
    fn said_up_to(
        &self,
        place: PlaceId,
        mark: Mark,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if !self.spots.get(&place).is_some_and(|spot| matches!(spot.hearing, Hearing::Live(_))) {
            return Ok(());
        }
        let Some(time) = mark.time else { return turn.store.alive(place, turn.now) };
        turn.store.heard_up_to(place, &Cursor { time, line: Some(mark.msgid) }, turn.now)
    }
}
