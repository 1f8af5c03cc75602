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
        endpoint: EndpointId,
        joined: &JoinInfo,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        self.end_outage(endpoint, ctx)?;
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.join_info = Some(*joined);
        }
        self.start_catchup(network, endpoint, joined, ctx)
    }

    /// Requests what was missed, if anything can have been.
    pub(in crate::bridge) fn start_catchup(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        joined: &JoinInfo,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(sight) = ctx.store.channel_progress(endpoint)? else {
            ctx.store.init_channel(endpoint, join_time(joined.time, ctx.now), ctx.now)?;
            return self.set_channel_live(network, endpoint, false, ctx);
        };
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let in_doubt = match state.queue.in_doubt() {
            Some(delivery) => {
                let after = ctx.store.cursor_at_send(delivery.id)?;
                let after = after.and_then(|cursor| cursor.parse::<Cursor>().ok());
                Some(after.map_or(sight.first_joined, |cursor| cursor.time))
            }
            None => None,
        };
        let mut catchup = ChannelCatchUp::new(sight, in_doubt, ctx.now);
        catchup.was_paused = ctx.store.is_paused(endpoint)?;
        if !joined.has_history && in_doubt.is_none() && !catchup.is_reportable() {
            return self.set_channel_live(network, endpoint, false, ctx);
        }
        // While paused, the cursor did not include our own lines.
        (catchup.has_history, catchup.has_echoes) =
            (joined.has_history, joined.has_echoes && !catchup.was_paused);
        request_history(network, endpoint, &catchup, ctx);
        state.channel_state = ChannelState::CatchingUp(Box::new(catchup));
        Ok(())
    }

    /// A line was received, live or played back.
    pub(super) fn on_message(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        message: IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !message.is_playback {
            self.before_message(endpoint, &message.author.name, ctx)?;
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        if !message.is_playback {
            state.roster.set_last_spoke(&message.author.name, ctx.now);
        }
        if matches!(state.channel_state, ChannelState::Paused)
            || (matches!(state.channel_state, ChannelState::Live(_))
                && self.pause_if_full(endpoint, ctx)?)
        {
            return Ok(());
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let now = ctx.now;
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else {
            return self.ingest_line(network, endpoint, (now, message), ctx);
        };
        if message.is_playback {
            catchup.note_playback(&message.message_ref);
            return self.ingest_line(network, endpoint, (now, message), ctx);
        }
        if !catchup.has_history {
            // It would not be repeated, so it must not wait. Unrequested playback comes before the first live
            // line, so it is over.
            let complete = catchup.is_gapless();
            self.finish_catchup(network, endpoint, complete, ctx)?;
            return self.ingest_line(network, endpoint, (now, message), ctx);
        }
        if let Some(message) = catchup.hold(message, now) {
            tracing::warn!(endpoint = %state.endpoint, "catch-up stopped: too many live messages meanwhile");
            self.finish_catchup(network, endpoint, false, ctx)?;
            return self.ingest_line(network, endpoint, (now, message), ctx);
        }
        Ok(())
    }

    /// A history request is complete.
    pub(super) fn on_history(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        answer: HistoryReply,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else { return Ok(()) };
        match answer {
            HistoryReply::RetriedByMsgid => {
                catchup.set_by_msgid_only();
                return Ok(());
            }
            HistoryReply::Page(page)
                if catchup.finish_page(page) || catchup.start_after_last(page) =>
            {
                if !self.pause_if_full(endpoint, ctx)? {
                    self.request_next_history_page(network, endpoint, ctx);
                }
                return Ok(());
            }
            HistoryReply::Page(_) | HistoryReply::All | HistoryReply::Unavailable => {}
            HistoryReply::Failed(reason) => {
                tracing::warn!(endpoint = %state.endpoint, reason = reason, "cannot fetch channel history");
                catchup.mark_failed();
            }
        }
        let complete = catchup.is_gapless();
        self.finish_catchup(network, endpoint, complete, ctx)
    }

    /// Requests the next page.
    fn request_next_history_page(
        &self,
        network: &Network,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) {
        if let Some(ChannelState::CatchingUp(catchup)) =
            self.endpoints.get(&endpoint).map(|it| &it.channel_state)
        {
            request_history(network, endpoint, catchup, ctx);
        }
    }

    /// Ends the catch-up; `complete` tells whether everything was read.
    fn finish_catchup(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        complete: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else { return Ok(()) };
        // If our line was found, what follows it is complete.
        let complete_for_us = complete || (catchup.has_reconciled() && !catchup.has_hole());
        let certain = complete_for_us && catchup.has_history && catchup.has_echoes;
        let (from, to) = catchup.absence;
        let told = catchup.has_playback();
        let skipped = catchup.budget.skipped();
        if !complete && catchup.is_reportable() {
            // A server with history should have had it, and has lost it.
            let lost = catchup.has_history || catchup.has_hole();
            let announced = lost || catchup.lasted_at_least(self.policy.min_reported_gap);
            self.report_gap(endpoint, (from, to), (told, announced), ctx)?;
        }
        if skipped > 0 {
            self.notify_skipped(endpoint, skipped, ctx)?;
        }
        self.release_held(network, endpoint, ctx)?;
        self.set_channel_live(network, endpoint, certain, ctx)
    }

    /// Processes the held lines.
    fn release_held(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        let ChannelState::CatchingUp(catchup) = &mut state.channel_state else { return Ok(()) };
        for held in catchup.release() {
            self.ingest_line(network, endpoint, held, ctx)?;
        }
        Ok(())
    }

    /// The channel was left or lost. Processes held lines that will not be repeated.
    pub(super) fn on_channel_left(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        at: Timestamp,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        if let ChannelState::CatchingUp(catchup) = &state.channel_state
            && catchup.has_unknown_start()
            && catchup.is_reportable()
        {
            // The next catch-up starts after these lines and cannot detect a gap before them.
            let away = catchup.absence;
            self.report_gap(endpoint, away, (true, true), ctx)?;
        }
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        match &state.channel_state {
            ChannelState::NotJoined => return Ok(()),
            ChannelState::Paused => {}
            ChannelState::CatchingUp(catchup) if catchup.has_history => {}
            ChannelState::CatchingUp(_) => self.release_held(network, endpoint, ctx)?,
            ChannelState::Live(_) => ctx.store.touch_channel(endpoint, at)?,
        }
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.channel_state = ChannelState::NotJoined;
            state.roster = Roster::default();
        }
        self.status_buffer.clear(endpoint);
        Ok(())
    }

    /// The channel is live and can be sent to. If `certain`, a delivery in doubt has not arrived.
    fn set_channel_live(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        certain: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(()) };
        tracing::info!(endpoint = %state.endpoint, "joined");
        if ctx.store.is_paused(endpoint)? {
            ctx.store.set_paused(endpoint, false)?;
        }
        let ambiguous =
            matches!(&state.channel_state, ChannelState::CatchingUp(it) if it.ambiguous);
        state.channel_state = ChannelState::Live(DuplicateCounter::default());
        ctx.store.touch_channel(endpoint, ctx.now)?;
        if certain && !ambiguous {
            state.queue.retry(ctx.store)?;
        } else {
            self.resolve_unconfirmed(network, endpoint, ctx)?;
        }
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            self.joined += usize::from(state.queue.open());
        }
        self.schedule(endpoint, ctx)
    }

    /// Counts a gap in the channel, and reports it if `announced`. `told` tells whether part of it was
    /// received.
    fn report_gap(
        &mut self,
        endpoint: EndpointId,
        (from, to): (Timestamp, Timestamp),
        (told, announced): (bool, bool),
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get(&endpoint) else { return Ok(()) };
        self.stats.gaps.count += 1;
        self.stats.gaps.seconds += to.duration_since(from).as_secs().unsigned_abs();
        tracing::warn!(endpoint = %state.endpoint, %from, %to, "gap in channel history");
        if !announced {
            return Ok(());
        }
        let words = format!(
            "disconnected from {} {}: messages from that time {} missing here",
            self.display_name(endpoint),
            format_span(from, to),
            if told { "may be" } else { "are" },
        );
        self.notify_mirrors(endpoint, words, ctx)
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
    endpoint: EndpointId,
    catchup: &ChannelCatchUp,
    ctx: &mut Ctx<'_>,
) {
    let msgid = catchup.last_msgid().map(str::to_owned);
    let (since, by_line) = (catchup.page_since(), catchup.by_msgid);
    let command =
        irc::IrcCommand::FetchHistory { endpoint, since, now: ctx.now, msgid, by_msgid: by_line };
    ctx.commands.push(Command::Irc(network.clone(), command));
}
