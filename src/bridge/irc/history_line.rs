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
        place: EndpointId,
        (heard_at, talk): (Timestamp, IncomingMessage),
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !talk.is_playback && self.ingest_puppet_echo(network, place, &talk, turn)? {
            return Ok(());
        }
        if !talk.is_playback && talk.is_own && self.is_in_our_words(place, &talk) {
            self.is_stray_line(place, &talk);
            return Ok(());
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let time = talk.message_ref.time;
        let trace = time.map(|time| fingerprint(&talk, time));
        let played = talk.is_playback;
        let mut said_at = if played { time.unwrap_or(turn.now).min(turn.now) } else { heard_at };
        let mut late = played;
        let mut admitted = true;
        if let ChannelState::CatchingUp(catchup) = &mut spot.channel_state {
            late |= catchup.has_history;
            if played {
                said_at = catchup.sent_at(said_at, turn.now);
                match self.classify_playback(network, place, &talk, said_at, turn)? {
                    PlaybackKind::Known => return Ok(()),
                    PlaybackKind::New { admit } => admitted = admit,
                }
            }
        } else if played && !self.check_unrequested_playback(network, place, &talk, turn)? {
            return Ok(());
        }
        // Not in the future, or lines until then would never be requested.
        let up_to = time.unwrap_or(turn.now).min(turn.now);
        let cursor = Cursor { time: up_to, last_line: Some(talk.message_ref.msgid.clone()) };
        let IncomingMessage { author, kind, text: body, message_ref: mark, .. } = talk;
        let message = Message { source: place, author, kind, body, sent_at: said_at };
        let msgid = mark.msgid.as_deref();
        let new = if admitted {
            self.ingest_with_fingerprint(&message, msgid, trace, turn)?
        } else {
            turn.store.record_with_fingerprint(&message, msgid, trace)?.is_some()
        };
        self.count_traffic(place, |traffic| match (new, played, admitted) {
            (false, ..) => traffic.duplicates += 1,
            (true, _, false) => traffic.skipped += 1,
            (true, true, true) => traffic.caught_up += 1,
            (true, false, true) => traffic.received += 1,
        });
        if new && !late {
            self.handle_command(&message, turn)?;
        }
        turn.store.advance_channel_cursor(place, &cursor, turn.now)
    }

    /// Classifies a line played back during a catch-up; it was sent at `sent_at`, by our clock.
    fn classify_playback(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: &IncomingMessage,
        said_at: Timestamp,
        turn: &mut Ctx<'_>,
    ) -> Result<PlaybackKind, StoreError> {
        let Some(time) = talk.message_ref.time else {
            return self.classify_untimed_playback(network, place, talk, turn);
        };
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else {
            return Ok(PlaybackKind::Known);
        };
        let trace = fingerprint(talk, time);
        let number = catchup.ordinal(talk, time, trace);
        let (old, before) = (catchup.is_old(talk, time), catchup.is_before_absence(time));
        let msgid = talk.message_ref.msgid.as_deref();
        let known = msgid.map_or(Ok(false), |msgid| turn.store.contains(place, msgid))?;
        if is_own(network, talk, time, turn)? {
            if known || (msgid.is_none() && before) {
                catchup.note_known(trace);
            }
            self.reconcile_line(place, talk, number, turn)?;
            return Ok(PlaybackKind::Known);
        }
        // We had this nick after losing the connection, so all lines under it are ours.
        if talk.is_own_userhost && self.reconcile_line(place, talk, number, turn)? {
            turn.store.start_nick(network, None, &talk.author.name, time)?;
            return Ok(PlaybackKind::Known);
        }
        // Or under a nick that a restored backup does not know.
        if talk.is_own_userhost && self.is_in_our_words(place, talk) {
            self.is_stray_line(place, talk);
            return Ok(PlaybackKind::Known);
        }
        let known =
            known || number <= turn.store.count_fingerprints(place, trace, msgid.is_some())?;
        if known {
            self.count_traffic(place, |traffic| traffic.duplicates += 1);
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else {
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
        let admit = catchup.budget.admit(said_at, turn.now, self.policy.catchup_limits(network));
        catchup.note_new(trace);
        Ok(PlaybackKind::New { admit })
    }

    /// Classifies a line without a timestamp. Without a msgid either, it is skipped, and something may be
    /// missing.
    fn classify_untimed_playback(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: &IncomingMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<PlaybackKind, StoreError> {
        let ours = is_own(network, talk, turn.now, turn)?
            || (talk.is_own_userhost && self.is_in_our_words(place, talk));
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(PlaybackKind::Known) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else {
            return Ok(PlaybackKind::Known);
        };
        let trace = fingerprint(talk, Timestamp::UNIX_EPOCH);
        let Some(msgid) = &talk.message_ref.msgid else {
            if !ours {
                catchup.mark_hole();
            }
            return Ok(PlaybackKind::Known);
        };
        let known = turn.store.contains(place, msgid)?;
        if known {
            catchup.note_known(trace);
        }
        if known || ours {
            return Ok(PlaybackKind::Known);
        }
        catchup.note_new(trace);
        let admit = catchup.budget.admit(turn.now, turn.now, self.policy.catchup_limits(network));
        Ok(PlaybackKind::New { admit })
    }

    /// Whether a line played back unrequested is newer than everything received, and unknown.
    fn check_unrequested_playback(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: &IncomingMessage,
        turn: &Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let (Some(time), Some(sight)) =
            (talk.message_ref.time, turn.store.channel_progress(place)?)
        else {
            return Ok(false);
        };
        let Some(ChannelState::Live(twins)) =
            self.endpoints.get_mut(&place).map(|spot| &mut spot.channel_state)
        else {
            return Ok(false);
        };
        let trace = fingerprint(talk, time);
        let number = twins.next_ordinal(time, trace);
        let known = number
            <= turn.store.count_fingerprints(place, trace, talk.message_ref.msgid.is_some())?;
        let ours = is_own(network, talk, time, turn)?
            || (talk.is_own_userhost && self.is_in_our_words(place, talk));
        Ok(!ours && !known && time >= floor_to_second(sight.cursor.time))
    }

    /// Whether a line from our own connection has the form of a mirrored message. Mirroring it would send
    /// authors their own words.
    fn is_in_our_words(&self, place: EndpointId, talk: &IncomingMessage) -> bool {
        let first = talk.text.split('\n').next().unwrap_or_default();
        let mut manners = self.routes.told_in(place);
        manners.any(|it| could_be_mirrored(talk.kind, first, &it.channel.prefixes))
    }

    /// A line under our nick in that form that we do not know: a bouncer repeats our own, or the state is a
    /// restored backup.
    fn is_stray_line(&mut self, place: EndpointId, talk: &IncomingMessage) {
        self.count_traffic(place, |traffic| traffic.unknown_own += 1);
        let Some(spot) = self.endpoints.get(&place) else { return };
        tracing::warn!(
            endpoint = %spot.endpoint,
            nick = talk.author.name,
            msgid = talk.message_ref.msgid,
            "message by the bridge's own nick that this bridge did not send; not mirrored. Was a \
             backup restored, or does a bouncer replay history?"
        );
    }

    /// A line of ours is played back, perhaps the delivery in doubt. Returns whether it is.
    fn reconcile_line(
        &mut self,
        place: EndpointId,
        talk: &IncomingMessage,
        number: u32,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(false) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else { return Ok(false) };
        let Some(time) = talk.message_ref.time else { return Ok(false) };
        let Some(delivery) = spot.queue.in_doubt() else { return Ok(false) };
        let (ticket, Some(speech)) = (delivery.id, &delivery.rendered) else { return Ok(false) };
        let after = turn.store.cursor_at_send(ticket)?;
        let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
        let rest = spot.queue.remaining(&speech.body);
        let Some(end) = matched_len(speech, rest, talk) else { return Ok(false) };
        if let Some(after) = &after
            && ChannelCatchUp::is_ambiguous(talk, time, after)
        {
            catchup.ambiguous = true;
            return Ok(false);
        }
        let msgid = talk.message_ref.msgid.as_deref();
        let before = after.is_some_and(|after| time < after.time || after.is_at(msgid));
        let known = msgid.map_or(Ok(false), |msgid| turn.store.contains(place, msgid))?;
        if before || known || !catchup.has_echoes || !catchup.mark_reconciled(talk, time, number) {
            return Ok(false);
        }
        if end == rest.len() {
            self.count_traffic(place, |traffic| traffic.reconciled += 1);
            self.ack(ticket, place, msgid, turn)?;
            return Ok(true);
        }
        let said = speech.body.len() - rest.len() + end;
        spot.queue.set_progress(said, turn.store)?;
        Ok(true)
    }
}

/// Whether a played-back line, sent at `time` under any nick, is ours.
fn is_own(
    network: &Network,
    talk: &IncomingMessage,
    time: Timestamp,
    turn: &Ctx<'_>,
) -> Result<bool, StoreError> {
    let speaker = talk.relayed_by.as_deref().unwrap_or(&talk.author.name);
    Ok(talk.is_own || turn.store.owned_nick(network, speaker, time)?)
}

/// How many bytes of `rest` were sent with this line, as rendered or as resent.
pub(in crate::bridge) fn matched_len(
    speech: &RenderedMessage,
    rest: &str,
    talk: &IncomingMessage,
) -> Option<usize> {
    if talk.kind != speech.kind {
        return None;
    }
    let repeated = format!("{}{RESENT_PREFIX}", speech.prefix);
    irc::matched_len(&speech.prefix, rest, &talk.text)
        .or_else(|| irc::matched_len(&repeated, rest, &talk.text))
}
