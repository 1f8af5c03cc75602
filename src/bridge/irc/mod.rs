//! Handles events from IRC.

pub(super) mod catchup;
pub(super) mod history;
pub(super) mod history_line;
pub(super) mod members;
pub(super) mod puppets;

use jiff::{SignedDuration, Timestamp};

use super::irc::catchup::ChannelState;
use super::irc::history::JoinInfo;
use super::{Bridge, Ctx, EndpointState, LastSeen};
use crate::domain::{EndpointId, Network};
use crate::protocol::irc::{IrcEvent, MessageRef};
use crate::store::{Cursor, StoreError};
use crate::translate::{RESENT_PREFIX, StatusChange};

/// How often the last-seen time is saved if nothing else is written.
pub(in crate::bridge) const LAST_SEEN_SAVE_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// How often it is saved together with other changes, which needs no additional commit. Per received channel,
/// a little longer.
const LAST_SEEN_SAVE_INTERVAL_ALONG: SignedDuration = SignedDuration::from_secs(1);
const LAST_SEEN_SAVE_INTERVAL_PER_CHANNEL: SignedDuration = SignedDuration::from_millis(10);

/// A connection silent for up to this long counts as alive.
const SILENCE_GRACE: SignedDuration = SignedDuration::from_secs(20);

impl Bridge {
    pub(in crate::bridge) fn on_irc_event(
        &mut self,
        network: &Network,
        event: IrcEvent,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.filter_irc_event(network, event, turn)? else { return Ok(()) };
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, nick, "registered");
                self.set_own_nick(network, &nick, turn)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, nick, "nick changed");
                self.set_own_nick(network, &nick, turn)
            }
            IrcEvent::LoggedIn { account } => {
                tracing::info!(%network, account, "logged in");
                Ok(())
            }
            IrcEvent::LoginFailed { reason: why } => {
                tracing::warn!(%network, reason = why, "login failed");
                Ok(())
            }
            // Handled by the connection.
            IrcEvent::Sts(_) => Ok(()),
            IrcEvent::Alive => self.on_irc_alive(network, turn),
            IrcEvent::FallbackCharsetUsed => {
                self.stats
                    .traffic_mut(crate::bridge::Peer::Irc(network.clone()))
                    .fallback_charset += 1;
                Ok(())
            }
            IrcEvent::Joined {
                endpoint: place,
                server_time: time,
                has_history: past,
                has_echoes: echoes,
                line,
            } => self.on_channel_joined(
                network,
                place,
                &JoinInfo { time, has_history: past, has_echoes: echoes, line },
                turn,
            ),
            IrcEvent::NotJoined { endpoint: place, reason: why } => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    tracing::warn!(endpoint = %spot.endpoint, reason = why, "not joined");
                    self.joined -= usize::from(spot.queue.close());
                }
                if let Some(puppets) = self.senders.get_puppets(network) {
                    puppets.mark_unobserved(place);
                }
                self.record_outage(place, Some(&why), turn.now);
                let there = self.talkers(network, place);
                self.on_channel_left(network, place, turn.now, turn)?;
                self.miss(there, turn)
            }
            IrcEvent::Membership(presence) => self.on_membership(network, presence, turn),
            IrcEvent::Topic { endpoint: place, topic, by } => {
                if let Some(spot) = self.endpoints.get(&place) {
                    tracing::debug!(endpoint = %spot.endpoint, topic, by, "topic");
                }
                // The topic on joining is not a change.
                let text = topic.as_deref().unwrap_or_default();
                let Some(by) = by else {
                    self.init_topic(place, text);
                    return Ok(());
                };
                if self.on_topic_changed(place, text, turn) {
                    self.status_buffer.note(
                        place,
                        &by,
                        StatusChange::TopicChanged(topic),
                        turn.now,
                    );
                }
                Ok(())
            }
            IrcEvent::ModesChanged { endpoint: place, by, change } => {
                if let Some(spot) = self.endpoints.get(&place) {
                    tracing::debug!(endpoint = %spot.endpoint, by, change, "modes changed");
                }
                self.status_buffer.note(place, &by, StatusChange::ModesChanged(change), turn.now);
                Ok(())
            }
            IrcEvent::Message { endpoint: place, message: talk } => {
                self.on_message(network, place, talk, turn)
            }
            IrcEvent::RelaymsgAvailable { separators, max_nick_len: limit } => {
                self.senders.enable_relaymsg(network, &separators, limit);
                Ok(())
            }
            IrcEvent::RelaymsgRejected {
                delivery: ticket,
                endpoint: place,
                scope,
                reason: why,
            } => self.on_relaymsg_rejected(network, (ticket, place), (scope, &why), turn),
            // Direct messages are disabled.
            IrcEvent::DirectMessage(talk) => {
                self.reply_no_direct_messages(network, &talk, turn);
                Ok(())
            }
            IrcEvent::Removed { .. } | IrcEvent::MaySpeak { why: None, .. } => Ok(()),
            IrcEvent::MaySpeak { place, why: Some(why) } => {
                if let Some(spot) = self.endpoints.get(&place) {
                    tracing::warn!(
                        endpoint = %spot.endpoint,
                        reason = why,
                        "the bridge cannot send to the channel: give it voice (MODE +v)"
                    );
                }
                Ok(())
            }
            IrcEvent::History { endpoint: place, reply: answer } => {
                self.on_history(network, place, answer, turn)
            }
            IrcEvent::SendStarted { delivery: ticket, endpoint: place } => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.queue.mark_sent(ticket);
                }
                Ok(())
            }
            IrcEvent::PartiallyDelivered {
                delivery: ticket,
                endpoint: place,
                delivered_bytes: end,
                message_ref: mark,
            } => {
                self.advance_own_cursor(place, mark, turn)?;
                let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
                spot.queue.ack_partial(ticket, end, RESENT_PREFIX.len(), turn.store)
            }
            IrcEvent::Delivered { delivery: ticket, endpoint: place, message_ref: mark } => {
                let msgid = mark.msgid.clone();
                self.advance_own_cursor(place, mark, turn)?;
                self.ack(ticket, place, msgid.as_deref(), turn)
            }
            IrcEvent::Rejected { delivery: ticket, endpoint: place, reason: why } => {
                self.on_rejected(ticket, place, &why, turn)
            }
            IrcEvent::Deferred { delivery: ticket, endpoint: place, reason: why } => {
                if let Some(spot) = self.endpoints.get_mut(&place)
                    && spot.queue.defer(ticket, turn.store)?
                {
                    tracing::info!(endpoint = %spot.endpoint, delivery = ticket.0, reason = why, "delivery deferred");
                    self.count_traffic(place, |traffic| traffic.deferred += 1);
                }
                Ok(())
            }
            IrcEvent::Retry(place) => {
                if let Some(spot) = self.endpoints.get_mut(&place) {
                    spot.queue.resume();
                }
                self.schedule(place, turn)
            }
        }
    }

    /// Our nick has changed.
    fn set_own_nick(
        &mut self,
        network: &Network,
        nick: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.networks_last_seen
            .insert(network.clone(), LastSeen { at: turn.now, saved_at: turn.now });
        turn.store.start_nick(network, None, nick, turn.now)
    }

    /// The connection is alive.
    fn on_irc_alive(&mut self, network: &Network, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        let Some(alive) = self.networks_last_seen.get_mut(network) else { return Ok(()) };
        alive.at = turn.now;
        self.resolve_expired_echoes(network, turn)
    }

    /// Saves when the channels were last received, in case the process dies, so that the start of a gap is
    /// known.
    pub(in crate::bridge) fn save_last_seen(
        &mut self,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let heard = i32::try_from(self.joined).unwrap_or(i32::MAX);
        let along = LAST_SEEN_SAVE_INTERVAL_ALONG
            + LAST_SEEN_SAVE_INTERVAL_PER_CHANNEL.saturating_mul(heard);
        let every = if turn.store.has_uncommitted() {
            along.min(LAST_SEEN_SAVE_INTERVAL)
        } else {
            LAST_SEEN_SAVE_INTERVAL
        };
        let mut due = Vec::new();
        for (network, alive) in &mut self.networks_last_seen {
            if turn.now.duration_since(alive.saved_at) >= every {
                alive.saved_at = turn.now;
                due.push((network.clone(), turn.now.min(alive.at + SILENCE_GRACE)));
            }
        }
        for (network, at) in due {
            self.save_last_seen_on(&network, at, turn)?;
        }
        Ok(())
    }

    fn save_last_seen_on(
        &mut self,
        network: &Network,
        at: Timestamp,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        turn.store.extend_nick(network, None, at)?;
        if let Some(puppets) = self.senders.get_puppets(network) {
            for account in puppets.users_with_nick() {
                turn.store.extend_nick(network, Some(account), at)?;
            }
        }
        for (place, spot) in &self.endpoints {
            if spot.endpoint.network() == Some(network)
                && matches!(spot.channel_state, ChannelState::Live(_))
            {
                turn.store.touch_channel(*place, at)?;
            }
        }
        Ok(())
    }

    /// The connection to `network` is lost: its channels were received up to the last event.
    pub(in crate::bridge) fn on_irc_connection_lost(
        &mut self,
        network: &Network,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.senders.connection_lost(network);
        let Some(LastSeen { at, .. }) = self.networks_last_seen.remove(network) else {
            return Ok(());
        };
        turn.store.extend_nick(network, None, at)?;
        let on =
            |(_, spot): &(&EndpointId, &EndpointState)| spot.endpoint.network() == Some(network);
        let places: Vec<EndpointId> =
            self.endpoints.iter().filter(on).map(|(place, _)| *place).collect();
        for place in places {
            self.record_outage(place, Some("the connection to its network was lost"), turn.now);
            self.on_channel_left(network, place, at, turn)?;
        }
        Ok(())
    }

    /// Whether it arrived cannot be determined: resends or drops it.
    pub(in crate::bridge) fn resolve_unconfirmed(
        &mut self,
        network: &Network,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get(&place) else { return Ok(()) };
        let Some(ticket) = spot.queue.in_doubt().map(|delivery| delivery.id) else {
            return Ok(());
        };
        let is_notice = |spot: &EndpointState| {
            spot.queue.head().is_some_and(|it| it.message.author.is_bridge())
        };
        if self.endpoints.get(&place).is_some_and(is_notice) {
            let why = "the connection was lost during sending; notices are not resent";
            return self.reject(ticket, place, why, turn);
        }
        if self.drop_unconfirmed.contains(network) {
            let why = "the connection was lost during sending; not resent";
            return self.reject(ticket, place, why, turn);
        }
        if let Some(spot) = self.endpoints.get_mut(&place) {
            spot.queue.retry_marked(turn.store)?;
        }
        self.count_traffic(place, |traffic| traffic.resent += 1);
        Ok(())
    }

    /// One of our lines has arrived: advances the channel's cursor, if it is being received.
    fn advance_own_cursor(
        &self,
        place: EndpointId,
        mark: MessageRef,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !self
            .endpoints
            .get(&place)
            .is_some_and(|spot| matches!(spot.channel_state, ChannelState::Live(_)))
        {
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
