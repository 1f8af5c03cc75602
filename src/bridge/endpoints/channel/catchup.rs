//! How far a channel's history has been read after an absence.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::duplicates::{
    DuplicateCounter, fingerprint, floor_to_second, just_before, next_page_starts,
};
use crate::bridge::policy::{CatchUpBudget, MIN_REPORTED_GAP};
use crate::protocol::irc::{HistoryPage, IncomingMessage, MessageRef};
use crate::store::{ChannelProgress, Cursor};

/// How long before the cursor the history request starts: lines sent at once on two servers may reach a third
/// in the other order.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Maximum number of held live lines. A channel that exceeds this while the server answers is not caught up
/// with.
const MAX_HELD: usize = 4_096;
const MAX_HELD_BYTES: usize = 4 << 20;

/// How many new lines are distinguished from known ones, until a known one appears.
const MAX_FRESH: usize = 20_000;

/// The state of a catch-up.
#[derive(Debug)]
pub(in crate::bridge) struct ChannelCatchUp {
    /// When the channel was last seen, and when we came back, by our clock.
    pub(in crate::bridge) absence: (Timestamp, Timestamp),
    /// The cursor at the start.
    pub(in crate::bridge) cursor: Cursor,
    /// We were in the channel, but it was paused.
    pub(in crate::bridge) was_paused: bool,
    /// Whether the server provides history.
    pub(in crate::bridge) has_history: bool,
    /// Whether our own lines can be distinguished, because they are echoed.
    pub(in crate::bridge) has_echoes: bool,
    /// When we first joined.
    first_joined: Timestamp,
    /// The page in flight starts after this time.
    page_since: Timestamp,
    /// Something was played back.
    has_playback: bool,
    /// A known line was played back, so nothing after it is missing.
    reaches_known: bool,
    /// Lines after the last known one were requested as well.
    asked_after_last: bool,
    /// The server supports lookup by msgid only.
    by_msgid_only: bool,
    /// New lines of this catch-up, until it is known whether something is missing.
    fresh_fingerprints: HashSet<i64>,
    /// How far the pages so far reach.
    read_to: Option<Timestamp>,
    /// The last line with a msgid so far.
    last_msgid: Option<String>,
    /// The last line with a msgid before the page in flight.
    previous_msgid: Option<String>,
    /// The page in flight starts after a msgid, because more lines share its time than fit on a page.
    pub(in crate::bridge) by_msgid: bool,
    /// Something in the middle is missing.
    has_hole: bool,
    /// The page in flight has started to arrive.
    page_started: bool,
    held: VecDeque<(Timestamp, IncomingMessage)>,
    held_bytes: usize,
    /// How many of `held` were sent before the page was assembled.
    held_before_page: usize,
    duplicates: DuplicateCounter,
    /// How many lines of each fingerprint were played back without a msgid.
    without_msgid: HashMap<i64, u32>,
    /// Our lines that were identified as the delivery in doubt.
    reconciled: HashSet<String>,
    /// What was mirrored and skipped.
    pub(in crate::bridge) budget: CatchUpBudget,
    /// One of our lines could also be an earlier one with the same text.
    pub(in crate::bridge) ambiguous: bool,
}

impl ChannelCatchUp {
    /// Starts a catch-up of a channel with this progress, at `now`. A delivery in doubt was sent after
    /// `in_doubt`.
    pub(in crate::bridge) fn new(
        sight: ChannelProgress,
        in_doubt: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        // However wrong the server's clock is or was: nothing was received later than now.
        let first = sight.first_joined.min(now);
        let cursor = Cursor { time: sight.cursor.time.min(now), ..sight.cursor };
        let since = in_doubt.map_or(cursor.time, |in_doubt| in_doubt.min(cursor.time));
        Self {
            absence: (sight.last_seen.min(now), now),
            page_since: just_before((since - OVERLAP).max(floor_to_second(first))),
            first_joined: first,
            cursor,
            was_paused: false,
            has_history: false,
            has_echoes: false,
            has_playback: false,
            reaches_known: false,
            asked_after_last: false,
            by_msgid_only: false,
            fresh_fingerprints: HashSet::new(),
            read_to: None,
            last_msgid: None,
            previous_msgid: None,
            by_msgid: false,
            has_hole: false,
            page_started: false,
            held: VecDeque::new(),
            held_bytes: 0,
            held_before_page: 0,
            duplicates: DuplicateCounter::default(),
            without_msgid: HashMap::new(),
            reconciled: HashSet::new(),
            budget: CatchUpBudget::default(),
            ambiguous: false,
        }
    }

    /// Whether the absence was at least this long.
    pub(in crate::bridge) fn lasted_at_least(&self, least: SignedDuration) -> bool {
        let (from, to) = self.absence;
        self.was_paused || to.duration_since(from) >= least
    }

    /// Whether the absence was long enough to report.
    pub(in crate::bridge) fn is_reportable(&self) -> bool {
        self.lasted_at_least(MIN_REPORTED_GAP)
    }

    /// When a played-back line was sent, by our clock: within the absence.
    pub(in crate::bridge) fn sent_at(&self, time: Timestamp, now: Timestamp) -> Timestamp {
        let (from, _) = self.absence;
        time.max(self.cursor.time.min(from) - OVERLAP).min(now)
    }

    /// Where the page in flight starts.
    pub(in crate::bridge) fn page_since(&self) -> Timestamp {
        self.page_since
    }

    /// Whether a line is too old to mirror: from before our first join, or so far before the cursor that it
    /// was skipped then.
    pub(in crate::bridge) fn is_old(&self, message: &IncomingMessage, time: Timestamp) -> bool {
        let first = if message.message_ref.msgid.is_some() {
            self.first_joined
        } else {
            floor_to_second(self.first_joined)
        };
        // After a known line, regardless of its time.
        message.is_playback
            && !self.by_msgid
            && (time < first || time < floor_to_second(self.cursor.time - OVERLAP))
    }

    /// The line after which the page in flight starts, if it has a msgid.
    pub(in crate::bridge) fn last_msgid(&self) -> Option<&str> {
        self.last_msgid.as_deref().or(self.cursor.last_line.as_ref()?.as_deref())
    }

    /// A line with this reference was played back.
    pub(in crate::bridge) fn note_playback(&mut self, message_ref: &MessageRef) {
        if !std::mem::replace(&mut self.page_started, true) {
            self.held_before_page = self.held.len();
        }
        self.has_playback = true;
        if message_ref.msgid.is_some() {
            self.last_msgid.clone_from(&message_ref.msgid);
        }
    }

    /// A played-back line could not be processed.
    pub(in crate::bridge) fn mark_hole(&mut self) {
        self.has_hole = true;
    }

    /// The server returned an error, so it is unknown what is missing.
    pub(in crate::bridge) fn mark_failed(&mut self) {
        (self.has_history, self.has_hole) = (false, true);
    }

    /// The last known line, if the lines after it must still be requested to find out whether something is
    /// missing.
    pub(in crate::bridge) fn start_after_last(&mut self, page: HistoryPage) -> bool {
        let has_id = matches!(self.cursor.last_line, Some(Some(_)));
        if self.reaches_known || self.asked_after_last || !page.has_msgid_lookup || !has_id {
            return false;
        }
        (self.asked_after_last, self.by_msgid) = (true, true);
        (self.last_msgid, self.previous_msgid) = (None, None);
        true
    }

    /// The server is asked by msgid for what follows the last known line, instead of by time.
    pub(in crate::bridge) fn set_by_msgid_only(&mut self) {
        self.by_msgid_only = true;
    }

    /// A known line was played back. If it was not new in this catch-up, nothing after it is missing.
    pub(in crate::bridge) fn note_known(&mut self, fingerprint: i64) {
        self.reaches_known |= !self.fresh_fingerprints.contains(&fingerprint);
    }

    /// A line from before our first join was played back, so the history reaches back far enough.
    pub(in crate::bridge) fn note_older(&mut self) {
        self.reaches_known |= self.cursor.last_line.is_none();
    }

    /// A new line was played back.
    pub(in crate::bridge) fn note_new(&mut self, fingerprint: i64) {
        self.reaches_known |= self.by_msgid_only || (self.by_msgid && self.asked_after_last);
        if self.reaches_known {
            self.fresh_fingerprints = HashSet::new();
            return;
        }
        // Too many to tell which of them are new.
        self.has_hole |= self.fresh_fingerprints.len() >= MAX_FRESH;
        if !self.has_hole {
            self.fresh_fingerprints.insert(fingerprint);
        }
    }

    /// Whether lines were accepted without knowing what is missing before them.
    pub(in crate::bridge) fn has_unknown_start(&self) -> bool {
        !self.reaches_known && !self.fresh_fingerprints.is_empty()
    }

    /// Whether our line, sent at `time`, can be from before the absence.
    pub(in crate::bridge) fn is_before_absence(&self, time: Timestamp) -> bool {
        time <= self.cursor.time
    }

    /// Whether our delivery in doubt was found.
    pub(in crate::bridge) fn has_reconciled(&self) -> bool {
        !self.reconciled.is_empty()
    }

    /// Something in the middle is missing.
    pub(in crate::bridge) fn has_hole(&self) -> bool {
        self.has_hole
    }

    /// Completes the page. Returns whether another one must be requested.
    ///
    /// The last page is recognised by making no progress. A short page may not be the last, since servers
    /// count lines that they then filter out. Only a page that starts at the cursor and is at most half full
    /// counts as the last.
    pub(in crate::bridge) fn finish_page(&mut self, page: HistoryPage) -> bool {
        self.duplicates = DuplicateCounter::default();
        if !std::mem::take(&mut self.page_started) {
            self.held_before_page = self.held.len();
        }
        let asked_by_line = std::mem::take(&mut self.by_msgid);
        self.has_hole |= asked_by_line && !page.by_msgid;
        // An answer to a request after the last known line proves that the server knows that line. Some
        // servers return nothing for unknown ones.
        let from_cursor = page.by_msgid && self.previous_msgid.is_none();
        self.reaches_known |= from_cursor && (page.lines > 0 || self.by_msgid_only);
        let news = self.last_msgid != self.previous_msgid;
        self.previous_msgid.clone_from(&self.last_msgid);
        let Some((_, newest)) = page.span else {
            // Without plausible times, only the msgid of the last line can start the next page.
            let full = page.lines >= page.limit;
            self.by_msgid = full && news && page.has_msgid_lookup && self.last_msgid.is_some();
            self.has_hole |= full && !self.by_msgid;
            return self.by_msgid;
        };
        let onward = self.read_to.is_none_or(|read_to| newest > read_to) || (asked_by_line && news);
        self.read_to = self.read_to.max(Some(newest));
        let known = newest <= self.cursor.time;
        let last =
            known && newest >= floor_to_second(self.cursor.time) && page.lines < page.limit / 2;
        if page.lines < page.limit && (!onward || last) {
            return false;
        }
        let next = next_page_starts(newest).into_iter().find(|next| *next > self.page_since);
        if next.is_none_or(|next| next == newest) && page.lines * 2 >= page.limit {
            // All lines have the same time, and more may follow.
            self.by_msgid = self.last_msgid.is_some() && (news || !asked_by_line);
            self.has_hole |= !self.by_msgid && page.lines >= page.limit;
        }
        self.page_since = next.unwrap_or(self.page_since);
        next.is_some() || self.by_msgid
    }

    /// Whether the playback reaches back to what was received before, without a gap. Only a known line proves
    /// that: a server may have lost its history, and its times may be wrong.
    pub(in crate::bridge) fn is_gapless(&self) -> bool {
        self.reaches_known && !self.has_hole
    }

    /// Whether the server provides history or has played something back automatically.
    pub(in crate::bridge) fn has_playback(&self) -> bool {
        self.has_history || self.has_playback
    }

    /// Holds a live line. Returns it if there are too many.
    pub(in crate::bridge) fn hold(
        &mut self,
        message: IncomingMessage,
        now: Timestamp,
    ) -> Option<IncomingMessage> {
        if self.held.len() >= MAX_HELD || self.held_bytes >= MAX_HELD_BYTES {
            return Some(message);
        }
        self.held_bytes += message.text.len();
        self.held.push_back((now, message));
        None
    }

    /// The held lines without those that were also played back without a msgid. Of equal lines, those sent
    /// before the page was assembled are part of it.
    pub(in crate::bridge) fn release(&mut self) -> Vec<(Timestamp, IncomingMessage)> {
        let covered = std::mem::take(&mut self.held_before_page);
        let held = std::mem::take(&mut self.held).into_iter().enumerate();
        let mut is_new = |index: usize, message: &IncomingMessage| {
            let played = message
                .message_ref
                .time
                .and_then(|time| self.without_msgid.get_mut(&fingerprint(message, time)));
            let Some(played) = played.filter(|played| index < covered && **played > 0) else {
                return true;
            };
            *played -= 1;
            false
        };
        held.filter_map(|(index, (at, message))| is_new(index, &message).then_some((at, message)))
            .collect()
    }

    /// The ordinal of this line among equal ones in the page.
    pub(in crate::bridge) fn ordinal(
        &mut self,
        message: &IncomingMessage,
        time: Timestamp,
        fingerprint: i64,
    ) -> u32 {
        let number = self.duplicates.next_ordinal(time, fingerprint);
        if message.message_ref.msgid.is_none() {
            // Old lines cannot be among the held ones.
            if self.without_msgid.len() >= MAX_HELD {
                self.without_msgid.clear();
            }
            let most = self.without_msgid.entry(fingerprint).or_default();
            *most = number.max(*most);
        }
        number
    }

    /// Marks our line, identified by time and ordinal, as the delivery in doubt. Returns whether it was not
    /// marked before.
    pub(in crate::bridge) fn mark_reconciled(
        &mut self,
        message: &IncomingMessage,
        time: Timestamp,
        number: u32,
    ) -> bool {
        let name = message.message_ref.msgid.clone();
        let name = name.unwrap_or_else(|| format!("{} {number}", fingerprint(message, time)));
        self.reconciled.insert(name)
    }

    /// Whether our line, sent at `time`, could also be one that had arrived earlier.
    pub(in crate::bridge) fn is_ambiguous(
        message: &IncomingMessage,
        time: Timestamp,
        after: &Cursor,
    ) -> bool {
        message.message_ref.msgid.is_none()
            && after.last_line.is_some()
            && floor_to_second(time) == floor_to_second(after.time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn catchup(cursor: i64, line: bool) -> ChannelCatchUp {
        let cursor = Cursor { time: at(cursor), last_line: line.then_some(None) };
        ChannelCatchUp::new(
            ChannelProgress { first_joined: at(0), last_seen: at(0), cursor },
            None,
            at(9_000_000),
        )
    }

    #[test]
    fn catchup_starts_before_the_cursor_and_not_before_the_first_join() {
        assert_eq!(catchup(600_000, true).page_since(), at(539_999));
        assert_eq!(catchup(30_000, true).page_since(), at(-1));
    }

    /// A page of at most ten lines, sent at these times.
    fn page(times: &[i64]) -> HistoryPage {
        let span = times.iter().min().zip(times.iter().max());
        let span = span.map(|(oldest, newest)| (at(*oldest), at(*newest)));
        HistoryPage { limit: 10, lines: times.len(), span, by_msgid: false, has_msgid_lookup: true }
    }

    #[test]
    fn short_page_that_ends_at_the_cursor_is_the_last() {
        let mut catchup = catchup(600_000, true);
        assert!(!catchup.finish_page(page(&[599_000, 600_000])));
        assert!(!catchup.is_gapless(), "its lines may be any");
        catchup.note_known(1);
        assert!(catchup.is_gapless());
    }

    #[test]
    fn page_that_ends_before_the_cursor_is_not_the_last() {
        // The server has filtered out the rest of it.
        let mut catchup = catchup(600_000, true);
        assert!(catchup.finish_page(page(&[560_000, 570_000])));
        assert!(catchup.finish_page(page(&[569_999, 570_000, 571_000])));
        assert!(!catchup.finish_page(page(&[570_999, 571_000])));
    }

    #[test]
    fn half_full_page_is_not_the_last() {
        let mut catchup = catchup(600_000, true);
        assert!(catchup.finish_page(page(&[596_000, 597_000, 598_000, 599_000, 600_000])));
        assert!(!catchup.finish_page(page(&[599_999, 600_000])));
    }

    #[test]
    fn next_page_starts_at_the_second_of_the_last_line() {
        let mut catchup = catchup(600_000, true);
        assert!(catchup.finish_page(page(&[601_000, 650_700])));
        assert_eq!(catchup.page_since(), at(649_999));
        assert!(!catchup.finish_page(page(&[650_700])), "that one again");
        assert!(!catchup.is_gapless(), "what was heard last is no longer kept");
    }

    #[test]
    fn without_a_last_line_only_older_lines_show_completeness() {
        let mut catchup = catchup(600_000, false);
        catchup.has_history = true;
        assert!(!catchup.is_gapless());
        catchup.note_older();
        assert!(catchup.is_gapless());
    }

    #[test]
    fn lines_of_this_catchup_do_not_show_completeness() {
        let mut catchup = catchup(600_000, true);
        catchup.note_new(1);
        catchup.note_known(1);
        assert!(!catchup.is_gapless() && catchup.has_unknown_start());
        catchup.note_known(2);
        assert!(catchup.is_gapless() && !catchup.has_unknown_start());
    }

    #[test]
    fn playback_times_are_clamped_to_the_absence() {
        let cursor = Cursor { time: at(99_000_000), last_line: Some(None) };
        let sight = ChannelProgress { first_joined: at(0), last_seen: at(1_000_000), cursor };
        let catchup = ChannelCatchUp::new(sight, None, at(9_000_000));
        assert_eq!(catchup.page_since(), at(8_939_999));
        for (told, said) in [(0, 940_000), (2_000_000, 2_000_000), (10_000_000, 9_000_000)] {
            assert_eq!(catchup.sent_at(at(told), at(9_000_000)), at(said), "{told}");
        }
    }

    #[test]
    fn duplicates_are_counted_per_second() {
        let mut duplicates = DuplicateCounter::default();
        let numbers: Vec<u32> = [(1_000, 7), (1_900, 7), (1_950, 8), (2_000, 7), (2_999, 7)]
            .map(|(time, fingerprint)| duplicates.next_ordinal(at(time), fingerprint))
            .into();
        assert_eq!(numbers, [1, 2, 1, 1, 2]);
    }

    proptest! {
        /// For any times of lines, page sizes and kinds of lookup: all lines are read, or a gap is known.
        #[test]
        fn catchup_ends_with_all_lines_or_a_known_hole(
            mut times in prop::collection::vec(prop_oneof![540_000..620_000_i64, 600_000..600_003_i64], 0..60),
            limit in 1..8_usize,
            (by_time, by_id) in prop_oneof![Just((true, true)), Just((true, false)), Just((false, true))],
        ) {
            times.sort_unstable();
            let mut catchup = catchup(600_000, true);
            let mut read: HashSet<usize> = HashSet::new();
            for round in 0.. {
                prop_assert!(round < 400);
                let since = catchup.page_since();
                let known = catchup.last_msgid().map(|id| id.parse::<usize>().expect("a number"));
                let known = known.filter(|_| !by_time || (by_id && catchup.by_msgid));
                let after = times.iter().enumerate().filter(|(id, time)| match known {
                    Some(known) => *id > known,
                    None => at(**time) > since,
                });
                let told: Vec<(usize, i64)> = after.take(limit).map(|(at, it)| (at, *it)).collect();
                for (id, time) in &told {
                    read.insert(*id);
                    catchup.note_playback(&MessageRef { msgid: Some(id.to_string()), time: Some(at(*time)) });
                }
                let times: Vec<i64> = told.iter().map(|(_, time)| *time).collect();
                if !catchup.finish_page(HistoryPage { limit, by_msgid: known.is_some(), ..page(&times) }) {
                    break;
                }
            }
            prop_assert!(read.len() == times.len() || (!by_id && !catchup.is_gapless()));
        }
    }
}
