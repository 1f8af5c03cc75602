//! One line of a channel, said now or played back: whether it is news, known already, or the one of ours
//! that was in doubt.

use jiff::Timestamp;

use crate::bridge::catchup::{CatchUp, Hearing, floor, trace};
use crate::bridge::{Bridge, Turn};
use crate::domain::{Message, Network, PlaceId, Speech};
use crate::protocol::irc;
use crate::protocol::irc::Talk;
use crate::store::{Cursor, StoreError};
use crate::translate::AGAIN;

impl Bridge {
    /// Takes in one line, in the channel's order.
    pub(super) fn take_talk(
        &mut self,
        network: &Network,
        place: PlaceId,
        talk: Talk,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if !talk.played && self.seen_of_puppet(network, place, &talk, turn)? {
            return Ok(());
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let time = talk.mark.time;
        let trace = time.map(|time| trace(&talk, time));
        let played = talk.played;
        let mut late = played;
        let mut admitted = true;
        if let Hearing::CatchingUp(catchup) = &mut spot.hearing {
            late |= catchup.kept;
            if let (Some(time), Some(trace), true) = (time, trace, talk.played) {
                let number = catchup.number(&talk, time, trace);
                let old = catchup.is_old(&talk, time);
                if is_ours(network, &talk, time, turn)? {
                    return self.found(place, &talk, number, turn).map(drop);
                }
                // We were called so when we could no longer hear of it: all we said then is ours.
                if talk.from_here && self.found(place, &talk, number, turn)? {
                    return turn.store.nick_begins(network, None, &talk.author.name, time);
                }
                let nameless = talk.mark.msgid.is_some();
                if number <= turn.store.traces(place, trace, nameless)? {
                    self.count(place, |traffic| traffic.duplicates += 1);
                    return Ok(());
                }
                if old {
                    return Ok(());
                }
                if let Some(msgid) = &talk.mark.msgid
                    && turn.store.knows(place, msgid)?
                {
                    self.count(place, |traffic| traffic.duplicates += 1);
                    return Ok(());
                }
                let limits = self.policy.limits(network);
                let hearing = self.spots.get_mut(&place).map(|spot| &mut spot.hearing);
                if let Some(Hearing::CatchingUp(catchup)) = hearing {
                    admitted = catchup.backlog.admit(time, turn.now, limits);
                }
            }
        } else if talk.played && !self.is_news(network, place, &talk, turn)? {
            return Ok(());
        }
        let said_at = time.filter(|_| late).unwrap_or(turn.now);
        let cursor = Cursor { time: time.unwrap_or(turn.now), line: Some(talk.mark.msgid.clone()) };
        let Talk { author, kind, text: body, mark, .. } = talk;
        let message = Message { said_in: place, author, kind, body, said_at };
        let msgid = mark.msgid.as_deref();
        let new = if admitted {
            self.hear_traced(&message, msgid, trace, turn)?
        } else {
            turn.store.hear_traced(&message, msgid, trace)?.is_some()
        };
        self.count(place, |traffic| match (new, played, admitted) {
            (false, ..) => traffic.duplicates += 1,
            (true, _, false) => traffic.left_out += 1,
            (true, true, true) => traffic.caught_up += 1,
            (true, false, true) => traffic.heard += 1,
        });
        if new && !late {
            self.asked(&message, turn)?;
        }
        turn.store.heard_up_to(place, &cursor, turn.now)
    }

    /// Whether a line that is played back unasked is newer than everything heard, and unknown.
    fn is_news(
        &mut self,
        network: &Network,
        place: PlaceId,
        talk: &Talk,
        turn: &Turn<'_>,
    ) -> Result<bool, StoreError> {
        let (Some(time), Some(sight)) = (talk.mark.time, turn.store.sight(place)?) else {
            return Ok(false);
        };
        let Some(Hearing::Live(twins)) = self.spots.get_mut(&place).map(|spot| &mut spot.hearing)
        else {
            return Ok(false);
        };
        let trace = trace(talk, time);
        let number = twins.number(time, trace);
        let known = number <= turn.store.traces(place, trace, talk.mark.msgid.is_some())?;
        let ours = is_ours(network, talk, time, turn)?;
        Ok(!ours && !known && time >= floor(sight.cursor.time))
    }

    /// A line of ours is played back: perhaps the one in doubt. Says whether it is.
    fn found(
        &mut self,
        place: PlaceId,
        talk: &Talk,
        number: u32,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(false) };
        let Hearing::CatchingUp(catchup) = &mut spot.hearing else { return Ok(false) };
        let Some(time) = talk.mark.time else { return Ok(false) };
        let Some(delivery) = spot.lane.in_doubt() else { return Ok(false) };
        let (ticket, Some(speech)) = (delivery.ticket, &delivery.speech) else { return Ok(false) };
        let after = turn.store.sent_after(ticket)?;
        let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
        let rest = spot.lane.rest(&speech.body);
        let Some(end) = said_with(speech, rest, talk) else { return Ok(false) };
        if let Some(after) = &after
            && CatchUp::is_ambiguous(talk, time, after)
        {
            catchup.ambiguous = true;
            return Ok(false);
        }
        let msgid = talk.mark.msgid.as_deref();
        let before = after.is_some_and(|after| time < after.time || after.is_at(msgid));
        let known = msgid.map_or(Ok(false), |msgid| turn.store.knows(place, msgid))?;
        if before || known || !catchup.certain || !catchup.find(talk, time, number) {
            return Ok(false);
        }
        if end == rest.len() {
            self.count(place, |traffic| traffic.found += 1);
            self.settle(ticket, place, msgid, turn)?;
            return Ok(true);
        }
        let said = speech.body.len() - rest.len() + end;
        spot.lane.advance(said, turn.store)?;
        Ok(true)
    }
}

/// Whether what is played back was said by us at `time`, under whatever nick.
fn is_ours(
    network: &Network,
    talk: &Talk,
    time: Timestamp,
    turn: &Turn<'_>,
) -> Result<bool, StoreError> {
    let speaker = talk.relayed_by.as_deref().unwrap_or(&talk.author.name);
    Ok(talk.own || turn.store.had_nick(network, speaker, time)?)
}

/// How many bytes of `rest` were said with `talk`, in `speech` or in its repetition.
pub(in crate::bridge) fn said_with(speech: &Speech, rest: &str, talk: &Talk) -> Option<usize> {
    if talk.kind != speech.kind {
        return None;
    }
    let repeated = format!("{}{AGAIN}", speech.prefix);
    irc::said_with(&speech.prefix, rest, &talk.text)
        .or_else(|| irc::said_with(&repeated, rest, &talk.text))
}
