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

use jiff::{SignedDuration, Timestamp};

use super::catchup::{ChannelCatchUp, ChannelState, DuplicateCounter};
use crate::bridge::notices::format_span;
use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{EndpointId, Network, Roster};
use crate::protocol::irc;
use crate::protocol::irc::{HistoryReply, IncomingMessage};
use crate::store::{Cursor, StoreError};

pub(super) use super::history_line::matched_len;

/// An event of a channel that we have come into.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct JoinInfo {
    pub(super) time: Option<Timestamp>,
    pub(super) has_history: bool,
    pub(in crate::bridge) has_echoes: bool,
    pub(in crate::bridge) line: usize,
}

impl Bridge {
    /// We are in the channel: what was missed is asked for first.
    pub(super) fn on_channel_joined(
        &mut self,
        network: &Network,
        place: EndpointId,
        joined: &JoinInfo,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.clear_outage(place, turn)? {
            let words = format!("{} is reachable again", self.display_name(place));
            self.notify_mirrors(place, words, turn)?;
        }
        if let Some(spot) = self.endpoints.get_mut(&place) {
            spot.join_info = Some(*joined);
        }
        self.start_catchup(network, place, joined, turn)
    }

    /// Asks for what was missed, if anything can have been.
    pub(in crate::bridge) fn start_catchup(
        &mut self,
        network: &Network,
        place: EndpointId,
        joined: &JoinInfo,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sight) = turn.store.channel_progress(place)? else {
            turn.store.init_channel(place, join_time(joined.time, turn.now), turn.now)?;
            return self.set_channel_live(network, place, false, turn);
        };
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let doubt = match spot.queue.in_doubt() {
            Some(delivery) => {
                let after = turn.store.cursor_at_send(delivery.id)?;
                let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
                Some(after.map_or(sight.first_joined, |cursor| cursor.time))
            }
            None => None,
        };
        let mut catchup = ChannelCatchUp::new(sight, doubt, turn.now);
        catchup.was_paused = turn.store.is_paused(place)?;
        if !joined.has_history && doubt.is_none() && !catchup.is_reportable() {
            return self.set_channel_live(network, place, false, turn);
        }
        // Where it was passed over, its cursor says less than what of ours had arrived.
        (catchup.has_history, catchup.has_echoes) =
            (joined.has_history, joined.has_echoes && !catchup.was_paused);
        request_history(network, place, &catchup, turn);
        spot.channel_state = ChannelState::CatchingUp(Box::new(catchup));
        Ok(())
    }

    /// A line was said, or is played back.
    pub(super) fn on_message(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: IncomingMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !talk.is_playback {
            self.before_message(place, &talk.author.name, turn)?;
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        if !talk.is_playback {
            spot.roster.set_last_spoke(&talk.author.name, turn.now);
        }
        if matches!(spot.channel_state, ChannelState::Paused)
            || (matches!(spot.channel_state, ChannelState::Live(_))
                && self.pause_if_full(place, turn)?)
        {
            return Ok(());
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let now = turn.now;
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else {
            return self.ingest_line(network, place, (now, talk), turn);
        };
        if talk.is_playback {
            catchup.note_playback(&talk.message_ref);
            return self.ingest_line(network, place, (now, talk), turn);
        }
        if !catchup.has_history {
            // Nobody would tell it again, so it must not wait. What is played back unasked is played
            // back to who comes in, before anything is said: that is over.
            let complete = catchup.is_gapless();
            self.finish_catchup(network, place, complete, turn)?;
            return self.ingest_line(network, place, (now, talk), turn);
        }
        if let Some(talk) = catchup.hold(talk, now) {
            tracing::warn!(endpoint = %spot.endpoint, "catch-up stopped: too many live messages meanwhile");
            self.finish_catchup(network, place, false, turn)?;
            return self.ingest_line(network, place, (now, talk), turn);
        }
        Ok(())
    }

    /// The server has told what we asked for.
    pub(super) fn on_history(
        &mut self,
        network: &Network,
        place: EndpointId,
        answer: HistoryReply,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else { return Ok(()) };
        match answer {
            HistoryReply::RetriedByMsgid => {
                catchup.set_by_msgid_only();
                return Ok(());
            }
            HistoryReply::Page(page)
                if catchup.finish_page(page) || catchup.start_after_last(page) =>
            {
                if !self.pause_if_full(place, turn)? {
                    self.request_next_history_page(network, place, turn);
                }
                return Ok(());
            }
            HistoryReply::Page(_) | HistoryReply::All | HistoryReply::Unavailable => {}
            HistoryReply::Failed(why) => {
                tracing::warn!(endpoint = %spot.endpoint, reason = why, "cannot fetch channel history");
                catchup.mark_failed();
            }
        }
        let complete = catchup.is_gapless();
        self.finish_catchup(network, place, complete, turn)
    }

    /// Asks for the next page.
    fn request_next_history_page(&self, network: &Network, place: EndpointId, turn: &mut Ctx<'_>) {
        if let Some(ChannelState::CatchingUp(catchup)) =
            self.endpoints.get(&place).map(|it| &it.channel_state)
        {
            request_history(network, place, catchup, turn);
        }
    }

    /// Nothing more is to be learnt of what was said before; all of it was, if `complete`.
    fn finish_catchup(
        &mut self,
        network: &Network,
        place: EndpointId,
        complete: bool,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else { return Ok(()) };
        // What follows a line of ours is told, if that one was.
        let complete_for_us = complete || (catchup.has_reconciled() && !catchup.has_hole());
        let certain = complete_for_us && catchup.has_history && catchup.has_echoes;
        let (from, to) = catchup.absence;
        let told = catchup.has_playback();
        let left_out = catchup.budget.skipped();
        if !complete && catchup.is_reportable() {
            // A server that keeps what is said should have told of it, and has lost it.
            let lost = catchup.has_history || catchup.has_hole();
            let announced = lost || catchup.lasted_at_least(self.policy.min_reported_gap);
            self.report_gap(place, (from, to), (told, announced), turn)?;
        }
        if left_out > 0 {
            self.notify_skipped(place, left_out, turn)?;
        }
        self.release_held(network, place, turn)?;
        self.set_channel_live(network, place, certain, turn)
    }

    /// Takes in what was held back.
    fn release_held(
        &mut self,
        network: &Network,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else { return Ok(()) };
        for held in catchup.release() {
            self.ingest_line(network, place, held, turn)?;
        }
        Ok(())
    }

    /// The channel is left, or lost. What was held back and will not be told again is taken in.
    pub(super) fn on_channel_left(
        &mut self,
        network: &Network,
        place: EndpointId,
        at: Timestamp,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        if let ChannelState::CatchingUp(catchup) = &spot.channel_state
            && catchup.has_unknown_start()
            && catchup.is_reportable()
        {
            // The next reading goes on behind these lines, and cannot know what is missing before them.
            let away = catchup.absence;
            self.report_gap(place, away, (true, true), turn)?;
        }
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        match &spot.channel_state {
            ChannelState::NotJoined => return Ok(()),
            ChannelState::Paused => {}
            ChannelState::CatchingUp(catchup) if catchup.has_history => {}
            ChannelState::CatchingUp(_) => self.release_held(network, place, turn)?,
            ChannelState::Live(_) => turn.store.touch_channel(place, at)?,
        }
        if let Some(spot) = self.endpoints.get_mut(&place) {
            spot.channel_state = ChannelState::NotJoined;
            spot.roster = Roster::default();
        }
        self.status_buffer.clear(place);
        Ok(())
    }

    /// The channel is heard live from here on, and may be spoken in. What is in doubt has not
    /// arrived, if that is `certain`.
    fn set_channel_live(
        &mut self,
        network: &Network,
        place: EndpointId,
        certain: bool,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        tracing::info!(endpoint = %spot.endpoint, "joined");
        if turn.store.is_paused(place)? {
            turn.store.set_paused(place, false)?;
        }
        let ambiguous = matches!(&spot.channel_state, ChannelState::CatchingUp(it) if it.ambiguous);
        spot.channel_state = ChannelState::Live(DuplicateCounter::default());
        turn.store.touch_channel(place, turn.now)?;
        if certain && !ambiguous {
            spot.queue.retry(turn.store)?;
        } else {
            self.resolve_unconfirmed(network, place, turn)?;
        }
        if let Some(spot) = self.endpoints.get_mut(&place) {
            self.joined += usize::from(spot.queue.open());
        }
        self.schedule(place, turn)
    }

    /// Counts that something may be missing of what was said in `place`, and says so if that is to be
    /// `announced`. Whether all of it is depends on whether anything was `told`.
    fn report_gap(
        &mut self,
        place: EndpointId,
        (from, to): (Timestamp, Timestamp),
        (told, announced): (bool, bool),
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get(&place) else { return Ok(()) };
        self.stats.gaps.count += 1;
        self.stats.gaps.seconds += to.duration_since(from).as_secs().unsigned_abs();
        tracing::warn!(endpoint = %spot.endpoint, %from, %to, "gap in channel history");
        if !announced {
            return Ok(());
        }
        let words = format!(
            "disconnected from {} {}: messages from that time {} missing here",
            self.display_name(place),
            format_span(from, to),
            if told { "may be" } else { "are" },
        );
        self.notify_mirrors(place, words, turn)
    }
}

/// When we came in, as the server says, if that can be so.
fn join_time(time: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let likely = |time: &Timestamp| now.duration_since(*time) < MAX_SERVER_CLOCK_LAG;
    time.filter(likely).unwrap_or(now).min(now)
}

/// How far a server's clock may be behind ours, to be asked for what was said after the time at which we
/// came in by that clock.
const MAX_SERVER_CLOCK_LAG: SignedDuration = SignedDuration::from_hours(24);

fn request_history(
    network: &Network,
    place: EndpointId,
    catchup: &ChannelCatchUp,
    turn: &mut Ctx<'_>,
) {
    let msgid = catchup.last_msgid().map(str::to_owned);
    let (since, by_line) = (catchup.page_since(), catchup.by_msgid);
    let order = irc::IrcCommand::FetchHistory {
        endpoint: place,
        since,
        now: turn.now,
        msgid,
        by_msgid: by_line,
    };
    turn.commands.push(Command::Irc(network.clone(), order));
}
