//! What IRC tells us, and what follows from it.

use jiff::{SignedDuration, Timestamp};

use super::catchup::Hearing;
use super::history::Joined;
use super::{Alive, Bridge, Spot, Turn};
use crate::domain::{EndpointId, Network};
use crate::protocol::irc::{IrcEvent, MessageRef};
use crate::store::{Cursor, StoreError};
use crate::translate::{RESENT_PREFIX, StatusChange};

/// How often it is written down that the bridge hears, where nothing else is written.
pub(super) const WRITE_ALIVE: SignedDuration = SignedDuration::from_secs(10);

/// How often it is written down along with something else: that costs no further wait for the disk. For
/// each channel that is heard, a little longer.
const WRITE_ALONG: SignedDuration = SignedDuration::from_secs(1);
const WRITE_EACH: SignedDuration = SignedDuration::from_millis(10);

/// A server that was silent for up to this long still had a connection to us, as far as anybody can tell.
const SILENT: SignedDuration = SignedDuration::from_secs(20);

impl Bridge {
    pub(super) fn irc(
        &mut self,
        network: &Network,
        event: IrcEvent,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.direct_irc(network, event, turn)? else { return Ok(()) };
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, nick, "registered");
                self.named(network, &nick, turn)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, nick, "goes by another nick");
                self.named(network, &nick, turn)
            }
            IrcEvent::LoggedIn { account } => {
                tracing::info!(%network, account, "logged in");
                Ok(())
            }
            IrcEvent::LoginFailed { reason: why } => {
                tracing::warn!(%network, why, "not logged in");
                Ok(())
            }
            // Of whoever connects.
            IrcEvent::Sts(_) => Ok(()),
            IrcEvent::Alive => self.alive(network, turn),
            IrcEvent::FallbackCharsetUsed => {
                self.counters.of(super::Peer::Irc(network.clone())).guessed += 1;
                Ok(())
            }
            IrcEvent::Joined {
                endpoint: place,
                server_time: time,
                has_history: past,
                has_echoes: echoes,
                line,
            } => self.channel_joined(network, place, &Joined { time, past, echoes, line }, turn),
            IrcEvent::NotJoined { endpoint: place, reason: why } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    tracing::warn!(place = %spot.place, why, "not in the channel");
                    self.open -= usize::from(spot.lane.close());
                }
                if let Some(puppets) = self.voices.puppets_of(network) {
                    puppets.blind(place);
                }
                self.is_closed(place, Some(&why), turn.now);
                let there = self.talkers(network, place);
                self.channel_left(network, place, turn.now, turn)?;
                self.miss(there, turn)
            }
            IrcEvent::Membership(presence) => self.seen(network, presence, turn),
            IrcEvent::Topic { endpoint: place, topic, by } => {
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
                    self.goings.note(place, &by, StatusChange::TopicChanged(topic), turn.now);
                }
                Ok(())
            }
            IrcEvent::ModesChanged { endpoint: place, by, change } => {
                if let Some(spot) = self.spots.get(&place) {
                    tracing::debug!(place = %spot.place, by, change, "modes");
                }
                self.goings.note(place, &by, StatusChange::ModesChanged(change), turn.now);
                Ok(())
            }
            IrcEvent::Message { endpoint: place, message: talk } => {
                self.heard_talk(network, place, talk, turn)
            }
            IrcEvent::RelaymsgAvailable { separators, max_nick_len: limit } => {
                self.voices.lends(network, &separators, limit);
                Ok(())
            }
            IrcEvent::RelaymsgRejected {
                delivery: ticket,
                endpoint: place,
                scope,
                reason: why,
            } => self.voiceless(network, (ticket, place), (scope, &why), turn),
            // Where nobody is to talk in private.
            IrcEvent::DirectMessage(talk) => {
                self.written_in_vain(network, &talk, turn);
                Ok(())
            }
            IrcEvent::Removed { .. } | IrcEvent::MaySpeak { why: None, .. } => Ok(()),
            IrcEvent::MaySpeak { place, why: Some(why) } => {
                if let Some(spot) = self.spots.get(&place) {
                    tracing::warn!(
                        place = %spot.place,
                        why,
                        "what the bridge says will not be heard there: give it voice (MODE +v)"
                    );
                }
                Ok(())
            }
            IrcEvent::History { endpoint: place, reply: answer } => {
                self.told(network, place, answer, turn)
            }
            IrcEvent::SendStarted { delivery: ticket, endpoint: place } => {
                if let Some(spot) = self.spots.get_mut(&place) {
                    spot.lane.speak(ticket);
                }
                Ok(())
            }
            IrcEvent::PartiallyDelivered {
                delivery: ticket,
                endpoint: place,
                delivered_bytes: end,
                message_ref: mark,
            } => {
                self.said_up_to(place, mark, turn)?;
                let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
                spot.lane.partly(ticket, end, RESENT_PREFIX.len(), turn.store)
            }
            IrcEvent::Delivered { delivery: ticket, endpoint: place, message_ref: mark } => {
                let msgid = mark.msgid.clone();
                self.said_up_to(place, mark, turn)?;
                self.settle(ticket, place, msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                self.objected(ticket, place, &why, turn)
            }
            IrcEvent::Deferred { delivery: ticket, endpoint: place, reason: why } => {
                if let Some(spot) = self.spots.get_mut(&place)
                    && spot.lane.put_off(ticket, turn.store)?
                {
                    tracing::info!(place = %spot.place, delivery = ticket.0, why, "put off");
                    self.count(place, |traffic| traffic.put_off += 1);
                }
                Ok(())
            }
            IrcEvent::Retry(place) => {
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
        turn.store.start_nick(network, None, nick, turn.now)
    }

    /// A sign of life.
    fn alive(&mut self, network: &Network, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Some(alive) = self.alive.get_mut(network) else { return Ok(()) };
        alive.at = turn.now;
        self.puppets_alive(network, turn)
    }

    /// Writes down that the channels are heard, for when the process dies: then it is known from when on
    /// they were not.
    pub(super) fn write_alive(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let heard = i32::try_from(self.open).unwrap_or(i32::MAX);
        let along = WRITE_ALONG + WRITE_EACH.saturating_mul(heard);
        let every = if turn.store.is_written() { along.min(WRITE_ALIVE) } else { WRITE_ALIVE };
        let mut due = Vec::new();
        for (network, alive) in &mut self.alive {
            if turn.now.duration_since(alive.written) >= every {
                alive.written = turn.now;
                due.push((network.clone(), turn.now.min(alive.at + SILENT)));
            }
        }
        for (network, at) in due {
            self.write_alive_on(&network, at, turn)?;
        }
        Ok(())
    }

    fn write_alive_on(
        &mut self,
        network: &Network,
        at: Timestamp,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        turn.store.extend_nick(network, None, at)?;
        if let Some(puppets) = self.voices.puppets_of(network) {
            for account in puppets.named() {
                turn.store.extend_nick(network, Some(account), at)?;
            }
        }
        for (place, spot) in &self.spots {
            if spot.place.network() == Some(network) && matches!(spot.hearing, Hearing::Live(_)) {
                turn.store.touch_channel(*place, at)?;
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
        turn.store.extend_nick(network, None, at)?;
        let on = |(_, spot): &(&EndpointId, &Spot)| spot.place.network() == Some(network);
        let places: Vec<EndpointId> =
            self.spots.iter().filter(on).map(|(place, _)| *place).collect();
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
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        let Some(ticket) = spot.lane.in_doubt().map(|delivery| delivery.id) else {
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
        place: EndpointId,
        mark: MessageRef,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if !self.spots.get(&place).is_some_and(|spot| matches!(spot.hearing, Hearing::Live(_))) {
            return Ok(());
        }
        let Some(time) = mark.time else { return turn.store.touch_channel(place, turn.now) };
        let time = time.min(turn.now);
        turn.store.advance_channel_cursor(
            place,
            &Cursor { time, last_line: Some(mark.msgid) },
            turn.now,
        )
    }
}
