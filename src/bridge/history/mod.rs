//! What was said on IRC while we were away, and what of ours had arrived.
//!
//! A channel's cursor is the last line that was heard in it. Where the server keeps what was said,
//! it is asked for everything since, page by page, with an overlap; each line is mirrored once, in
//! order, with the time at which it was said. A line is known by its msgid, or else by its second,
//! author and words, and how many of those there were. Only when all is read is the channel spoken
//! in again: whatever of ours was in doubt was found there by then, or has not arrived.
//!
//! Where the server keeps nothing, a PING asks whether everything has come that it plays back by
//! itself to those who join; so does the first line that is said. What is missing then is said to be
//! missing.

mod line;

use jiff::{SignedDuration, Timestamp};

use super::announce::span;
use super::catchup::{CatchUp, Hearing, Twins};
use super::{Bridge, Order, Turn};
use crate::domain::{EndpointId, Network, Roster};
use crate::protocol::irc;
use crate::protocol::irc::{HistoryReply, IncomingMessage};
use crate::store::{Cursor, StoreError};

pub(super) use line::said_with;

/// An event of a channel that we have come into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joined {
    pub(super) time: Option<Timestamp>,
    pub(super) past: bool,
    pub(super) echoes: bool,
    pub(super) line: usize,
}

impl Bridge {
    /// We are in the channel: what was missed is asked for first.
    pub(super) fn channel_joined(
        &mut self,
        network: &Network,
        place: EndpointId,
        joined: &Joined,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.is_open_again(place, turn)? {
            let words = format!("{} is open to the bridge again", self.spelled(place));
            self.announce(place, words, turn)?;
        }
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.joined = Some(*joined);
        }
        self.catch_up(network, place, joined, turn)
    }

    /// Asks for what was missed, if anything can have been.
    pub(super) fn catch_up(
        &mut self,
        network: &Network,
        place: EndpointId,
        joined: &Joined,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(sight) = turn.store.channel_progress(place)? else {
            turn.store.init_channel(place, came_in(joined.time, turn.now), turn.now)?;
            return self.all_heard(network, place, false, turn);
        };
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let doubt = match spot.lane.in_doubt() {
            Some(delivery) => {
                let after = turn.store.cursor_at_send(delivery.id)?;
                let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
                Some(after.map_or(sight.first_joined, |cursor| cursor.time))
            }
            None => None,
        };
        let mut catchup = CatchUp::new(sight, doubt, turn.now);
        catchup.deaf = turn.store.is_paused(place)?;
        if !joined.past && doubt.is_none() && !catchup.was_long() {
            return self.all_heard(network, place, false, turn);
        }
        // Where it was passed over, its cursor says less than what of ours had arrived.
        (catchup.kept, catchup.certain) = (joined.past, joined.echoes && !catchup.deaf);
        ask(network, place, &catchup, turn);
        spot.hearing = Hearing::CatchingUp(Box::new(catchup));
        Ok(())
    }

    /// A line was said, or is played back.
    pub(super) fn heard_talk(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: IncomingMessage,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if !talk.is_playback {
            self.speaks(place, &talk.author.name, turn)?;
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if !talk.is_playback {
            spot.roster.set_last_spoke(&talk.author.name, turn.now);
        }
        if matches!(spot.hearing, Hearing::Deaf)
            || (matches!(spot.hearing, Hearing::Live(_)) && self.is_deaf(place, turn)?)
        {
            return Ok(());
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let now = turn.now;
        let Hearing::CatchingUp(catchup) = &mut spot.hearing else {
            return self.take_talk(network, place, (now, talk), turn);
        };
        if talk.is_playback {
            catchup.count(&talk.message_ref);
            return self.take_talk(network, place, (now, talk), turn);
        }
        if !catchup.kept {
            // Nobody would tell it again, so it must not wait. What is played back unasked is played
            // back to who comes in, before anything is said: that is over.
            let complete = catchup.reaches_back();
            self.caught_up(network, place, complete, turn)?;
            return self.take_talk(network, place, (now, talk), turn);
        }
        if let Some(talk) = catchup.hold(talk, now) {
            tracing::warn!(place = %spot.place, "too much is said while the server answers");
            self.caught_up(network, place, false, turn)?;
            return self.take_talk(network, place, (now, talk), turn);
        }
        Ok(())
    }

    /// The server has told what we asked for.
    pub(super) fn told(
        &mut self,
        network: &Network,
        place: EndpointId,
        answer: HistoryReply,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Hearing::CatchingUp(catchup) = &mut spot.hearing else { return Ok(()) };
        match answer {
            HistoryReply::Follows => {
                catchup.is_asked_by_line();
                return Ok(());
            }
            HistoryReply::Page(page) if catchup.turn_page(page) || catchup.ask_by_last(page) => {
                if !self.is_deaf(place, turn)? {
                    self.ask_on(network, place, turn);
                }
                return Ok(());
            }
            HistoryReply::Page(_) | HistoryReply::All | HistoryReply::Unavailable => {}
            HistoryReply::Failed(why) => {
                tracing::warn!(place = %spot.place, why, "what was said before cannot be read");
                catchup.fail();
            }
        }
        let complete = catchup.reaches_back();
        self.caught_up(network, place, complete, turn)
    }

    /// Asks for the next page.
    fn ask_on(&self, network: &Network, place: EndpointId, turn: &mut Turn<'_>) {
        if let Some(Hearing::CatchingUp(catchup)) = self.spots.get(&place).map(|it| &it.hearing) {
            ask(network, place, catchup, turn);
        }
    }

    /// Nothing more is to be learnt of what was said before; all of it was, if `complete`.
    fn caught_up(
        &mut self,
        network: &Network,
        place: EndpointId,
        complete: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Hearing::CatchingUp(catchup) = &mut spot.hearing else { return Ok(()) };
        // What follows a line of ours is told, if that one was.
        let complete_for_us = complete || (catchup.has_found() && !catchup.is_torn());
        let certain = complete_for_us && catchup.kept && catchup.certain;
        let (from, to) = catchup.away;
        let told = catchup.is_told();
        let left_out = catchup.backlog.left_out();
        if !complete && catchup.was_long() {
            // A server that keeps what is said should have told of it, and has lost it.
            let lost = catchup.kept || catchup.is_torn();
            let announced = lost || catchup.lasted(self.policy.gap);
            self.gap(place, (from, to), (told, announced), turn)?;
        }
        if left_out > 0 {
            self.tell_left_out(place, left_out, turn)?;
        }
        self.release(network, place, turn)?;
        self.all_heard(network, place, certain, turn)
    }

    /// Takes in what was held back.
    fn release(
        &mut self,
        network: &Network,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        let Hearing::CatchingUp(catchup) = &mut spot.hearing else { return Ok(()) };
        for held in catchup.release() {
            self.take_talk(network, place, held, turn)?;
        }
        Ok(())
    }

    /// The channel is left, or lost. What was held back and will not be told again is taken in.
    pub(super) fn channel_left(
        &mut self,
        network: &Network,
        place: EndpointId,
        at: Timestamp,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        if let Hearing::CatchingUp(catchup) = &spot.hearing
            && catchup.is_loose()
            && catchup.was_long()
        {
            // The next reading goes on behind these lines, and cannot know what is missing before them.
            let away = catchup.away;
            self.gap(place, away, (true, true), turn)?;
        }
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        match &spot.hearing {
            Hearing::Away => return Ok(()),
            Hearing::Deaf => {}
            Hearing::CatchingUp(catchup) if catchup.kept => {}
            Hearing::CatchingUp(_) => self.release(network, place, turn)?,
            Hearing::Live(_) => turn.store.touch_channel(place, at)?,
        }
        if let Some(spot) = self.spots.get_mut(&place) {
            spot.hearing = Hearing::Away;
            spot.roster = Roster::default();
        }
        self.goings.forget(place);
        Ok(())
    }

    /// The channel is heard live from here on, and may be spoken in. What is in doubt has not
    /// arrived, if that is `certain`.
    fn all_heard(
        &mut self,
        network: &Network,
        place: EndpointId,
        certain: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(()) };
        tracing::info!(place = %spot.place, "joined");
        if turn.store.is_paused(place)? {
            turn.store.set_paused(place, false)?;
        }
        let ambiguous = matches!(&spot.hearing, Hearing::CatchingUp(it) if it.ambiguous);
        spot.hearing = Hearing::Live(Twins::default());
        turn.store.touch_channel(place, turn.now)?;
        if certain && !ambiguous {
            spot.lane.again(turn.store)?;
        } else {
            self.decide_doubt(network, place, turn)?;
        }
        if let Some(spot) = self.spots.get_mut(&place) {
            self.open += usize::from(spot.lane.open());
        }
        self.advance(place, turn)
    }

    /// Counts that something may be missing of what was said in `place`, and says so if that is to be
    /// `announced`. Whether all of it is depends on whether anything was `told`.
    fn gap(
        &mut self,
        place: EndpointId,
        (from, to): (Timestamp, Timestamp),
        (told, announced): (bool, bool),
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        self.counters.gaps.count += 1;
        self.counters.gaps.seconds += to.duration_since(from).as_secs().unsigned_abs();
        tracing::warn!(place = %spot.place, %from, %to, "what was said meanwhile was not heard");
        if !announced {
            return Ok(());
        }
        let words = format!(
            "not in {} {}: what was said there meanwhile {} missing here",
            self.spelled(place),
            span(from, to),
            if told { "may be" } else { "is" },
        );
        self.announce(place, words, turn)
    }
}

/// When we came in, as the server says, if that can be so.
fn came_in(time: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let likely = |time: &Timestamp| now.duration_since(*time) < SLOW;
    time.filter(likely).unwrap_or(now).min(now)
}

/// How far a server's clock may be behind ours, to be asked for what was said after the time at which we
/// came in by that clock.
const SLOW: SignedDuration = SignedDuration::from_hours(24);

fn ask(network: &Network, place: EndpointId, catchup: &CatchUp, turn: &mut Turn<'_>) {
    let msgid = catchup.last_line().map(str::to_owned);
    let (since, by_line) = (catchup.since(), catchup.by_line);
    let order = irc::IrcCommand::FetchHistory {
        endpoint: place,
        since,
        now: turn.now,
        msgid,
        by_msgid: by_line,
    };
    turn.orders.push(Order::Irc(network.clone(), order));
}
