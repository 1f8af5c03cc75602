//! Classifies a line of a channel, live or played back: new, known, or our delivery in doubt.

use jiff::Timestamp;

use super::catchup::{ChannelCatchUp, ChannelState, fingerprint, floor_to_second};
use crate::bridge::{Bridge, Ctx};
use crate::domain::{EndpointId, Message, Network, RenderedMessage};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};
use crate::translate::{RESENT_PREFIX, could_be_mirrored};

/// The classification of a played-back line.
enum PlaybackKind {
    /// Received before, our own, or from before our first join.
    Known,
    /// New; mirrored if `admit`.
    New { admit: bool },
}

impl Bridge {
    /// Processes one line, in the channel's order.
    pub(super) fn ingest_line(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        (heard_at, line): (Timestamp, IncomingMessage),
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !line.is_playback && self.ingest_puppet_echo(network, endpoint, &line, ctx)? {
            return Ok(());
        }
        if !line.is_playback && line.is_own && self.is_in_our_words(endpoint, &line) {
            self.count_stray_line(endpoint, &line);
            return Ok(());
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let time = line.message_ref.time;
        let trace = time.map(|time| fingerprint(&line, time));
        let played = line.is_playback;
        let mut sent_at = if played { time.unwrap_or(ctx.now).min(ctx.now) } else { heard_at };
        let mut late = played;
        let mut admitted = true;
        if let ChannelState::CatchingUp(catchup) = &mut state.channel_state {
            late |= catchup.has_history;
            if played {
                sent_at = catchup.sent_at(sent_at, ctx.now);
                match self.classify_playback(network, endpoint, &line, sent_at, ctx)? {
                    PlaybackKind::Known => return Ok(()),
                    PlaybackKind::New { admit } => admitted = admit,
                }
            }
        } else if played && !self.check_unrequested_playback(network, endpoint, &line, ctx)? {
            return Ok(());
        }
        // Not in the future, or lines until then would never be requested.
        let up_to = time.unwrap_or(ctx.now).min(ctx.now);
        let cursor = Cursor { time: up_to, last_line: Some(line.message_ref.msgid.clone()) };
        let IncomingMessage { author, kind, text: body, message_ref, .. } = line;
        let message = Message { source: endpoint, author, kind, body, sent_at };
        let msgid = message_ref.msgid.as_deref();
        let new = if admitted {
            self.ingest_with_fingerprint(&message, msgid, trace, ctx)?
        } else {
            ctx.store.record_with_fingerprint(&message, msgid, trace)?.is_some()
        };
        self.count_traffic(endpoint, |traffic| match (new, played, admitted) {
            (false, ..) => traffic.duplicates += 1,
            (true, _, false) => traffic.skipped += 1,
            (true, true, true) => traffic.caught_up += 1,
            (true, false, true) => traffic.received += 1,
        });
        if new && !late {
            self.handle_command(&message, ctx)?;
        }
        ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)
    }

    /// Classifies a line played back during a catch-up; it was sent at `sent_at`, by our clock.
    fn classify_playback(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        message: &IncomingMessage,
        sent_at: Timestamp,
        ctx: &mut Ctx<'_>,
    ) -> Result<PlaybackKind, StoreError> {
        let Some(time) = message.message_ref.time else {
            return self.classify_untimed_playback(network, endpoint, message, ctx);
        };
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else {
            return Ok(PlaybackKind::Known);
        };
        let trace = fingerprint(message, time);
        let number = catchup.ordinal(message, time, trace);
        let (old, before) = (catchup.is_old(message, time), catchup.is_before_absence(time));
        let msgid = message.message_ref.msgid.as_deref();
        let known = msgid.map_or(Ok(false), |msgid| ctx.store.contains(endpoint, msgid))?;
        if is_own(network, message, time, ctx)? {
            if known || (msgid.is_none() && before) {
                catchup.note_known(trace);
            }
            self.reconcile_line(endpoint, message, number, ctx)?;
            return Ok(PlaybackKind::Known);
        }
        // We had this nick after losing the connection, so all lines under it are ours.
        if message.is_own_userhost && self.reconcile_line(endpoint, message, number, ctx)? {
            ctx.store.start_nick(network, None, &message.author.name, time)?;
            return Ok(PlaybackKind::Known);
        }
        // Or under a nick that a restored backup does not know.
        if message.is_own_userhost && self.is_in_our_words(endpoint, message) {
            self.count_stray_line(endpoint, message);
            return Ok(PlaybackKind::Known);
        }
        let known =
            known || number <= ctx.store.count_fingerprints(endpoint, trace, msgid.is_some())?;
        if known {
            self.count_traffic(endpoint, |traffic| traffic.duplicates += 1);
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else {
            return Ok(PlaybackKind::Known);
        };
        if known {
            catchup.note_known(trace);
        } else if old {
            catchup.note_older();
        }
        if known || old {
            return Ok(PlaybackKind::Known);
        }
        let admit = catchup.budget.admit(sent_at, ctx.now, self.policy.catchup_limits(network));
        catchup.note_new(trace);
        Ok(PlaybackKind::New { admit })
    }

    /// Classifies a line without a timestamp. Without a msgid either, it is skipped, and something may be
    /// missing.
    fn classify_untimed_playback(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<PlaybackKind, StoreError> {
        let ours = is_own(network, message, ctx.now, ctx)?
            || (message.is_own_userhost && self.is_in_our_words(endpoint, message));
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else {
            return Ok(PlaybackKind::Known);
        };
        let trace = fingerprint(message, Timestamp::UNIX_EPOCH);
        let Some(msgid) = &message.message_ref.msgid else {
            if !ours {
                catchup.mark_hole();
            }
            return Ok(PlaybackKind::Known);
        };
        let known = ctx.store.contains(endpoint, msgid)?;
        if known {
            catchup.note_known(trace);
        }
        if known || ours {
            return Ok(PlaybackKind::Known);
        }
        catchup.note_new(trace);
        let admit = catchup.budget.admit(ctx.now, ctx.now, self.policy.catchup_limits(network));
        Ok(PlaybackKind::New { admit })
    }

    /// Whether a line played back unrequested is newer than everything received, and unknown.
    fn check_unrequested_playback(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        message: &IncomingMessage,
        ctx: &Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let (Some(time), Some(sight)) =
            (message.message_ref.time, ctx.store.channel_progress(endpoint)?)
        else {
            return Ok(false);
        };
        let Some(ChannelState::Live(duplicates)) =
            self.endpoints.get_mut(&endpoint).map(|state| &mut state.channel_state)
        else {
            return Ok(false);
        };
        let trace = fingerprint(message, time);
        let number = duplicates.next_ordinal(time, trace);
        let known = number
            <= ctx.store.count_fingerprints(
                endpoint,
                trace,
                message.message_ref.msgid.is_some(),
            )?;
        let ours = is_own(network, message, time, ctx)?
            || (message.is_own_userhost && self.is_in_our_words(endpoint, message));
        Ok(!ours && !known && time >= floor_to_second(sight.cursor.time))
    }

    /// Whether a line from our own connection has the form of a mirrored message. Mirroring it would send
    /// authors their own words.
    fn is_in_our_words(&self, endpoint: EndpointId, message: &IncomingMessage) -> bool {
        let first = message.text.split('\n').next().unwrap_or_default();
        let mut format = self.routes.told_in(endpoint);
        format.any(|it| could_be_mirrored(message.kind, first, &it.channel.prefixes))
    }

    /// A line under our nick in that form that we do not know: a bouncer repeats our own, or the state is a
    /// restored backup.
    fn count_stray_line(&mut self, endpoint: EndpointId, message: &IncomingMessage) {
        self.count_traffic(endpoint, |traffic| traffic.unknown_own += 1);
        let Some(state) = self.endpoints.get(&endpoint) else { return };
        tracing::warn!(
            endpoint = %state.endpoint,
            nick = message.author.name,
            msgid = message.message_ref.msgid,
            "message by the bridge's own nick that this bridge did not send; not mirrored. Was a \
             backup restored, or does a bouncer replay history?"
        );
    }

    /// A line of ours is played back, perhaps the delivery in doubt. Returns whether it is.
    fn reconcile_line(
        &mut self,
        endpoint: EndpointId,
        message: &IncomingMessage,
        number: u32,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(false) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else { return Ok(false) };
        let Some(time) = message.message_ref.time else { return Ok(false) };
        let Some(delivery) = state.queue.in_doubt() else { return Ok(false) };
        let (id, Some(rendered)) = (delivery.id, &delivery.rendered) else { return Ok(false) };
        let after = ctx.store.cursor_at_send(id)?;
        let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
        let rest = state.queue.remaining(&rendered.body);
        let Some(end) = matched_len(rendered, rest, message) else { return Ok(false) };
        if let Some(after) = &after
            && ChannelCatchUp::is_ambiguous(message, time, after)
        {
            catchup.ambiguous = true;
            return Ok(false);
        }
        let msgid = message.message_ref.msgid.as_deref();
        let before = after.is_some_and(|after| time < after.time || after.is_at(msgid));
        let known = msgid.map_or(Ok(false), |msgid| ctx.store.contains(endpoint, msgid))?;
        if before || known || !catchup.has_echoes || !catchup.mark_reconciled(message, time, number)
        {
            return Ok(false);
        }
        if end == rest.len() {
            self.count_traffic(endpoint, |traffic| traffic.reconciled += 1);
            self.ack(id, endpoint, msgid, ctx)?;
            return Ok(true);
        }
        let said = rendered.body.len() - rest.len() + end;
        state.queue.set_progress(said, ctx.store)?;
        Ok(true)
    }
}

/// Whether a played-back line, sent at `time` under any nick, is ours.
fn is_own(
    network: &Network,
    message: &IncomingMessage,
    time: Timestamp,
    ctx: &Ctx<'_>,
) -> Result<bool, StoreError> {
    let speaker = message.relayed_by.as_deref().unwrap_or(&message.author.name);
    Ok(message.is_own || ctx.store.owned_nick(network, speaker, time)?)
}

/// How many bytes of `rest` were sent with this line, as rendered or as resent.
pub(in crate::bridge) fn matched_len(
    rendered: &RenderedMessage,
    rest: &str,
    message: &IncomingMessage,
) -> Option<usize> {
    if message.kind != rendered.kind {
        return None;
    }
    let resend = format!("{}{RESENT_PREFIX}", rendered.prefix);
    irc::matched_len(&rendered.prefix, rest, &message.text)
        .or_else(|| irc::matched_len(&resend, rest, &message.text))
}
