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
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(event) = self.filter_irc_event(network, event, ctx)? else { return Ok(()) };
        match event {
            IrcEvent::Registered { nick } => {
                tracing::info!(%network, nick, "registered");
                self.set_own_nick(network, &nick, ctx)
            }
            IrcEvent::NickChanged { nick } => {
                tracing::info!(%network, nick, "nick changed");
                self.set_own_nick(network, &nick, ctx)
            }
            IrcEvent::LoggedIn { account } => {
                tracing::info!(%network, account, "logged in");
                Ok(())
            }
            IrcEvent::LoginFailed { reason } => {
                tracing::warn!(%network, reason = reason, "login failed");
                Ok(())
            }
            // Handled by the connection.
            IrcEvent::Sts(_) => Ok(()),
            IrcEvent::Alive => self.on_irc_alive(network, ctx),
            IrcEvent::FallbackCharsetUsed => {
                self.stats
                    .traffic_mut(crate::bridge::Peer::Irc(network.clone()))
                    .fallback_charset += 1;
                Ok(())
            }
            IrcEvent::Joined {
                endpoint,
                server_time: time,
                has_history: past,
                has_echoes: echoes,
                line,
            } => self.on_channel_joined(
                network,
                endpoint,
                &JoinInfo { time, has_history: past, has_echoes: echoes, line },
                ctx,
            ),
            IrcEvent::NotJoined { endpoint, reason } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    tracing::warn!(endpoint = %state.endpoint, reason = reason, "not joined");
                    self.joined -= usize::from(state.queue.close());
                }
                if let Some(puppets) = self.senders.get_puppets(network) {
                    puppets.mark_unobserved(endpoint);
                }
                self.record_outage(endpoint, Some(&reason), ctx.now);
                let there = self.talkers(network, endpoint);
                self.on_channel_left(network, endpoint, ctx.now, ctx)?;
                self.miss(there, ctx)
            }
            IrcEvent::Membership(presence) => self.on_membership(network, presence, ctx),
            IrcEvent::Topic { endpoint, topic, by } => {
                if let Some(state) = self.endpoints.get(&endpoint) {
                    tracing::debug!(endpoint = %state.endpoint, topic, by, "topic");
                }
                // The topic on joining is not a change.
                let text = topic.as_deref().unwrap_or_default();
                let Some(by) = by else {
                    self.init_topic(endpoint, text);
                    return Ok(());
                };
                if self.on_topic_changed(endpoint, text, ctx) {
                    self.status_buffer.note(
                        endpoint,
                        &by,
                        StatusChange::TopicChanged(topic),
                        ctx.now,
                    );
                }
                Ok(())
            }
            IrcEvent::ModesChanged { endpoint, by, change } => {
                if let Some(state) = self.endpoints.get(&endpoint) {
                    tracing::debug!(endpoint = %state.endpoint, by, change, "modes changed");
                }
                self.status_buffer.note(endpoint, &by, StatusChange::ModesChanged(change), ctx.now);
                Ok(())
            }
            IrcEvent::Message { endpoint, message } => {
                self.on_message(network, endpoint, message, ctx)
            }
            IrcEvent::RelaymsgAvailable { separators, max_nick_len: limit } => {
                self.senders.enable_relaymsg(network, &separators, limit);
                Ok(())
            }
            IrcEvent::RelaymsgRejected { delivery: id, endpoint, scope, reason } => {
                self.on_relaymsg_rejected(network, (id, endpoint), (scope, &reason), ctx)
            }
            // Direct messages are disabled.
            IrcEvent::DirectMessage(message) => {
                self.reply_no_direct_messages(network, &message, ctx);
                Ok(())
            }
            IrcEvent::Removed { .. } | IrcEvent::MaySpeak { reason: None, .. } => Ok(()),
            IrcEvent::MaySpeak { endpoint, reason: Some(reason) } => {
                if let Some(state) = self.endpoints.get(&endpoint) {
                    tracing::warn!(
                        endpoint = %state.endpoint,
                        reason = reason,
                        "the bridge cannot send to the channel: give it voice (MODE +v)"
                    );
                }
                Ok(())
            }
            IrcEvent::History { endpoint, reply: answer } => {
                self.on_history(network, endpoint, answer, ctx)
            }
            IrcEvent::SendStarted { delivery: id, endpoint } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.queue.mark_sent(id);
                }
                Ok(())
            }
            IrcEvent::PartiallyDelivered {
                delivery: id,
                endpoint,
                delivered_bytes: end,
                message_ref,
            } => {
                self.advance_own_cursor(endpoint, message_ref, ctx)?;
                let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
                state.queue.ack_partial(id, end, RESENT_PREFIX.len(), ctx.store)
            }
            IrcEvent::Delivered { delivery: id, endpoint, message_ref } => {
                let msgid = message_ref.msgid.clone();
                self.advance_own_cursor(endpoint, message_ref, ctx)?;
                self.ack(id, endpoint, msgid.as_deref(), ctx)
            }
            IrcEvent::Rejected { delivery: id, endpoint, reason } => {
                self.on_rejected(id, endpoint, &reason, ctx)
            }
            IrcEvent::Deferred { delivery: id, endpoint, reason } => {
                if let Some(state) = self.endpoints.get_mut(&endpoint)
                    && state.queue.defer(id, ctx.store)?
                {
                    tracing::info!(endpoint = %state.endpoint, delivery = id.0, reason = reason, "delivery deferred");
                    self.count_traffic(endpoint, |traffic| traffic.deferred += 1);
                }
                Ok(())
            }
            IrcEvent::Retry(endpoint) => {
                if let Some(state) = self.endpoints.get_mut(&endpoint) {
                    state.queue.resume();
                }
                self.schedule(endpoint, ctx)
            }
        }
    }

    /// Our nick has changed.
    fn set_own_nick(
        &mut self,
        network: &Network,
        nick: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.networks_last_seen
            .insert(network.clone(), LastSeen { at: ctx.now, saved_at: ctx.now });
        ctx.store.start_nick(network, None, nick, ctx.now)
    }

    /// The connection is alive.
    fn on_irc_alive(&mut self, network: &Network, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        let Some(alive) = self.networks_last_seen.get_mut(network) else { return Ok(()) };
        alive.at = ctx.now;
        self.resolve_expired_echoes(network, ctx)
    }

    /// Saves when the channels were last received, in case the process dies, so that the start of a gap is
    /// known.
    pub(in crate::bridge) fn save_last_seen(
        &mut self,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let heard = i32::try_from(self.joined).unwrap_or(i32::MAX);
        let along = LAST_SEEN_SAVE_INTERVAL_ALONG
            + LAST_SEEN_SAVE_INTERVAL_PER_CHANNEL.saturating_mul(heard);
        let every = if ctx.store.has_uncommitted() {
            along.min(LAST_SEEN_SAVE_INTERVAL)
        } else {
            LAST_SEEN_SAVE_INTERVAL
        };
        let mut due = Vec::new();
        for (network, alive) in &mut self.networks_last_seen {
            if ctx.now.duration_since(alive.saved_at) >= every {
                alive.saved_at = ctx.now;
                due.push((network.clone(), ctx.now.min(alive.at + SILENCE_GRACE)));
            }
        }
        for (network, at) in due {
            self.save_last_seen_on(&network, at, ctx)?;
        }
        Ok(())
    }

    fn save_last_seen_on(
        &mut self,
        network: &Network,
        at: Timestamp,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        ctx.store.extend_nick(network, None, at)?;
        if let Some(puppets) = self.senders.get_puppets(network) {
            for account in puppets.users_with_nick() {
                ctx.store.extend_nick(network, Some(account), at)?;
            }
        }
        for (endpoint, state) in &self.endpoints {
            if state.endpoint.network() == Some(network)
                && matches!(state.channel_state, ChannelState::Live(_))
            {
                ctx.store.touch_channel(*endpoint, at)?;
            }
        }
        Ok(())
    }

    /// The connection to `network` is lost: its channels were received up to the last event.
    pub(in crate::bridge) fn on_irc_connection_lost(
        &mut self,
        network: &Network,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.senders.connection_lost(network);
        let Some(LastSeen { at, .. }) = self.networks_last_seen.remove(network) else {
            return Ok(());
        };
        ctx.store.extend_nick(network, None, at)?;
        let on =
            |(_, state): &(&EndpointId, &EndpointState)| state.endpoint.network() == Some(network);
        let endpoints: Vec<EndpointId> =
            self.endpoints.iter().filter(on).map(|(endpoint, _)| *endpoint).collect();
        for endpoint in endpoints {
            self.record_outage(endpoint, Some("the connection to its network was lost"), ctx.now);
            self.on_channel_left(network, endpoint, at, ctx)?;
        }
        Ok(())
    }

    /// Whether it arrived cannot be determined: resends or drops it.
    pub(in crate::bridge) fn resolve_unconfirmed(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get(&endpoint) else { return Ok(()) };
        let Some(id) = state.queue.in_doubt().map(|delivery| delivery.id) else {
            return Ok(());
        };
        let is_notice = |state: &EndpointState| {
            state.queue.head().is_some_and(|it| it.message.author.is_bridge())
        };
        if self.endpoints.get(&endpoint).is_some_and(is_notice) {
            let reason = "the connection was lost during sending; notices are not resent";
            return self.reject(id, endpoint, reason, ctx);
        }
        if self.drop_unconfirmed.contains(network) {
            let reason = "the connection was lost during sending; not resent";
            return self.reject(id, endpoint, reason, ctx);
        }
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.queue.retry_marked(ctx.store)?;
        }
        self.count_traffic(endpoint, |traffic| traffic.resent += 1);
        Ok(())
    }

    /// One of our lines has arrived: advances the channel's cursor, if it is being received.
    fn advance_own_cursor(
        &self,
        endpoint: EndpointId,
        message_ref: MessageRef,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !self
            .endpoints
            .get(&endpoint)
            .is_some_and(|state| matches!(state.channel_state, ChannelState::Live(_)))
        {
            return Ok(());
        }
        let Some(time) = message_ref.time else {
            return ctx.store.touch_channel(endpoint, ctx.now);
        };
        let time = time.min(ctx.now);
        ctx.store.advance_channel_cursor(
            endpoint,
            &Cursor { time, last_line: Some(message_ref.msgid) },
            ctx.now,
        )
    }
}
