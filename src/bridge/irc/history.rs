//! Catches up with channels, and reconciles deliveries in doubt.
//!
//! A channel's cursor is the last line received. If the server provides history, everything since is
//! requested page by page, with an overlap. Each line is mirrored once, in order, with its time. A line is
//! identified by its msgid, or else by its second, author, text, and ordinal among equal lines. Messages are
//! sent to the channel only when all is read: by then, deliveries in doubt were found or have not arrived.
//!
//! If the server provides no history, a PING marks the end of its automatic playback on joining, and so does
//! the first live line. What is missing then is reported as a gap.

use jiff::{SignedDuration, Timestamp};

use super::catchup::{ChannelCatchUp, ChannelState, DuplicateCounter};
use crate::bridge::notices::format_span;
use crate::bridge::{Bridge, Command, Ctx};
use crate::domain::{EndpointId, Network, Roster};
use crate::protocol::irc;
use crate::protocol::irc::{HistoryReply, IncomingMessage};
use crate::store::{Cursor, StoreError};

pub(super) use super::history_line::matched_len;

/// How a channel was joined.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct JoinInfo {
    pub(super) time: Option<Timestamp>,
    pub(super) has_history: bool,
    pub(in crate::bridge) has_echoes: bool,
    pub(in crate::bridge) line: usize,
}

impl Bridge {
    /// We have joined the channel: requests first what was missed.
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

    /// Requests what was missed, if anything can have been.
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
        // While paused, the cursor did not include our own lines.
        (catchup.has_history, catchup.has_echoes) =
            (joined.has_history, joined.has_echoes && !catchup.was_paused);
        request_history(network, place, &catchup, turn);
        spot.channel_state = ChannelState::CatchingUp(Box::new(catchup));
        Ok(())
    }

    /// A line was received, live or played back.
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
            // It would not be repeated, so it must not wait. Unrequested playback comes before the first live
            // line, so it is over.
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

    /// A history request is complete.
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

    /// Requests the next page.
    fn request_next_history_page(&self, network: &Network, place: EndpointId, turn: &mut Ctx<'_>) {
        if let Some(ChannelState::CatchingUp(catchup)) =
            self.endpoints.get(&place).map(|it| &it.channel_state)
        {
            request_history(network, place, catchup, turn);
        }
    }

    /// Ends the catch-up; `complete` tells whether everything was read.
    fn finish_catchup(
        &mut self,
        network: &Network,
        place: EndpointId,
        complete: bool,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut spot.channel_state else { return Ok(()) };
        // If our line was found, what follows it is complete.
        let complete_for_us = complete || (catchup.has_reconciled() && !catchup.has_hole());
        let certain = complete_for_us && catchup.has_history && catchup.has_echoes;
        let (from, to) = catchup.absence;
        let told = catchup.has_playback();
        let left_out = catchup.budget.skipped();
        if !complete && catchup.is_reportable() {
            // A server with history should have had it, and has lost it.
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

    /// Processes the held lines.
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

    /// The channel was left or lost. Processes held lines that will not be repeated.
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
            // The next catch-up starts after these lines and cannot detect a gap before them.
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

    /// The channel is live and can be sent to. If `certain`, a delivery in doubt has not arrived.
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

    /// Counts a gap in the channel, and reports it if `announced`. `told` tells whether part of it was
    /// received.
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

/// When we joined according to the server, if plausible.
fn join_time(time: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let likely = |time: &Timestamp| now.duration_since(*time) < MAX_SERVER_CLOCK_LAG;
    time.filter(likely).unwrap_or(now).min(now)
}

/// How far a server's clock may be behind ours for its time of our join to be used in requests.
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
