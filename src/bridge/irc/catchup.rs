use std::collections::{HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::bridge::policy::CatchUpBudget;
use crate::protocol::irc::{HistoryPage, IncomingMessage, MessageRef};
use crate::store::{ChannelProgress, Cursor};

/// How long before the cursor a reading begins: lines that were said at once on two servers of a
/// network may reach a third in the other order of their times.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Who is away for less than this is not asked what is played back to who comes in.
pub(in crate::bridge) const MIN_REPORTED_GAP: SignedDuration = SignedDuration::from_secs(10);

/// How many lines that are said meanwhile are held back. A channel that says more than this while
/// the server answers is not caught up with.
const MAX_HELD: usize = 4_096;
const MAX_HELD_BYTES: usize = 4 << 20;

/// How many new lines are told apart from those that were known, until one of these comes.
const MAX_FRESH: usize = 20_000;

/// How a channel is heard.
///
/// ```text
///        joined, all is known already                     lost, closed
///  Away ──────────────────────────────────────▶ Live ─────────────────────▶ Away
///    │                                           ▲
///    └── joined, something may be missing ──▶ CatchingUp ◀── there is room again ── Deaf
/// ```
///
/// From `Live` and `CatchingUp` a channel falls `Deaf` when too much waits to be delivered.
#[derive(Debug, Default)]
pub(in crate::bridge) enum ChannelState {
    /// Not in the channel.
    #[default]
    NotJoined,
    /// In it; what was said before is being asked for, and what is said now waits behind it.
    CatchingUp(Box<ChannelCatchUp>),
    /// Everything said is heard as it is said.
    Live(DuplicateCounter),
    /// In it, and what is said is passed over: it is caught up with later.
    Paused,
}

/// What is being asked for, and how far that has come.
#[derive(Debug)]
pub(in crate::bridge) struct ChannelCatchUp {
    /// When the channel was last heard of, and when we came back, by our clock.
    pub(in crate::bridge) absence: (Timestamp, Timestamp),
    /// How far it had been heard.
    pub(in crate::bridge) cursor: Cursor,
    /// We were there, and passed over what was said.
    pub(in crate::bridge) was_paused: bool,
    /// Whether the server keeps what was said.
    pub(in crate::bridge) has_history: bool,
    /// Whether our own lines can be told from one another there.
    pub(in crate::bridge) has_echoes: bool,
    /// When we first came in.
    first_joined: Timestamp,
    /// The page under way is what was said after this.
    page_since: Timestamp,
    /// Something was played back.
    has_playback: bool,
    /// A line that had been heard before was played back: all that is behind it is told.
    reaches_known: bool,
    /// After the last line that had been heard it was asked, too.
    asked_after_last: bool,
    /// The server finds lines by their ids alone.
    by_msgid_only: bool,
    /// The lines that this reading has brought, before it is known whether something is missing.
    fresh_fingerprints: HashSet<i64>,
    /// How far the pages so far lead.
    read_to: Option<Timestamp>,
    /// The last line of them that has an id.
    last_msgid: Option<String>,
    /// The same when the page under way was asked for.
    previous_msgid: Option<String>,
    /// The page under way is what was said after that line: there is more of its time than a page
    /// holds.
    pub(in crate::bridge) by_msgid: bool,
    /// Something in the middle was not told.
    has_hole: bool,
    /// The page under way has begun.
    page_started: bool,
    held: VecDeque<(Timestamp, IncomingMessage)>,
    held_bytes: usize,
    /// How many of `held` had been said when the page was put together.
    held_before_page: usize,
    duplicates: DuplicateCounter,
    /// How many of each kind were played back without an id.
    without_msgid: HashMap<i64, u32>,
    /// The lines of ours that were recognised as those in doubt.
    reconciled: HashSet<String>,
    /// What was done with what was missed.
    pub(in crate::bridge) budget: CatchUpBudget,
    /// One of ours cannot be told from one that had arrived before.
    pub(in crate::bridge) ambiguous: bool,
}

impl ChannelCatchUp {
    /// What was missed of a channel that was known as `sight`, now that we are back at `now`. A
    /// delivery in doubt was sent after `doubt`.
    pub(in crate::bridge) fn new(
        sight: ChannelProgress,
        doubt: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        // However far ahead the network's clock is, or once was: nothing was heard later than now.
        let first = sight.first_joined.min(now);
        let cursor = Cursor { time: sight.cursor.time.min(now), ..sight.cursor };
        let since = doubt.map_or(cursor.time, |doubt| doubt.min(cursor.time));
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

    /// Whether we were away for as long as `least`.
    pub(in crate::bridge) fn lasted_at_least(&self, least: SignedDuration) -> bool {
        let (from, to) = self.absence;
        self.was_paused || to.duration_since(from) >= least
    }

    /// Whether we were away for more than a moment.
    pub(in crate::bridge) fn is_reportable(&self) -> bool {
        self.lasted_at_least(MIN_REPORTED_GAP)
    }

    /// When a line that is played back was said, by our clock as far as we can tell: while we were away.
    pub(in crate::bridge) fn sent_at(&self, time: Timestamp, now: Timestamp) -> Timestamp {
        let (from, _) = self.absence;
        time.max(self.cursor.time.min(from) - OVERLAP).min(now)
    }

    /// Where the page under way begins.
    pub(in crate::bridge) fn page_since(&self) -> Timestamp {
        self.page_since
    }

    /// Whether a line is older than what is to be mirrored now: from before we first came in, or
    /// from so long before the cursor that it was passed over then.
    pub(in crate::bridge) fn is_old(&self, talk: &IncomingMessage, time: Timestamp) -> bool {
        let first = if talk.message_ref.msgid.is_some() {
            self.first_joined
        } else {
            floor_to_second(self.first_joined)
        };
        // Behind a line that had been heard, whatever its time says.
        talk.is_playback
            && !self.by_msgid
            && (time < first || time < floor_to_second(self.cursor.time - OVERLAP))
    }

    /// The line behind which the page under way begins, if it has an id.
    pub(in crate::bridge) fn last_msgid(&self) -> Option<&str> {
        self.last_msgid.as_deref().or(self.cursor.last_line.as_ref()?.as_deref())
    }

    /// A line that the server knows by `mark` is played back.
    pub(in crate::bridge) fn note_playback(&mut self, mark: &MessageRef) {
        if !std::mem::replace(&mut self.page_started, true) {
            self.held_before_page = self.held.len();
        }
        self.has_playback = true;
        if mark.msgid.is_some() {
            self.last_msgid.clone_from(&mark.msgid);
        }
    }

    /// Something that was played back could not be taken in.
    pub(in crate::bridge) fn mark_hole(&mut self) {
        self.has_hole = true;
    }

    /// The server tells no more, and it is not known what else there is.
    pub(in crate::bridge) fn mark_failed(&mut self) {
        (self.has_history, self.has_hole) = (false, true);
    }

    /// The last line that had been heard, where it was not asked yet what was said after that, and nothing
    /// else tells whether all of that was told.
    pub(in crate::bridge) fn start_after_last(&mut self, page: HistoryPage) -> bool {
        let has_id = matches!(self.cursor.last_line, Some(Some(_)));
        if self.reaches_known || self.asked_after_last || !page.has_msgid_lookup || !has_id {
            return false;
        }
        (self.asked_after_last, self.by_msgid) = (true, true);
        (self.last_msgid, self.previous_msgid) = (None, None);
        true
    }

    /// The server is asked for what follows the last line that had been heard, and not for what was said
    /// after its time.
    pub(in crate::bridge) fn set_by_msgid_only(&mut self) {
        self.by_msgid_only = true;
    }

    /// A line that is known already is played back. Where it was not this reading that has brought it, all
    /// that is behind it is told.
    pub(in crate::bridge) fn note_known(&mut self, trace: i64) {
        self.reaches_known |= !self.fresh_fingerprints.contains(&trace);
    }

    /// A line from before we first came in is played back: it was in the history when we came.
    pub(in crate::bridge) fn note_older(&mut self) {
        self.reaches_known |= self.cursor.last_line.is_none();
    }

    /// A line that nobody had heard is played back.
    pub(in crate::bridge) fn note_new(&mut self, trace: i64) {
        self.reaches_known |= self.by_msgid_only || (self.by_msgid && self.asked_after_last);
        if self.reaches_known {
            self.fresh_fingerprints = HashSet::new();
            return;
        }
        // Of so many, it is no longer known which of them this reading has brought.
        self.has_hole |= self.fresh_fingerprints.len() >= MAX_FRESH;
        if !self.has_hole {
            self.fresh_fingerprints.insert(trace);
        }
    }

    /// Whether lines were taken in, and it is not known what is missing before them.
    pub(in crate::bridge) fn has_unknown_start(&self) -> bool {
        !self.reaches_known && !self.fresh_fingerprints.is_empty()
    }

    /// Whether a line of ours, said at `time`, can have been said before we were away.
    pub(in crate::bridge) fn is_before_absence(&self, time: Timestamp) -> bool {
        time <= self.cursor.time
    }

    /// Whether a line of ours that was in doubt was found.
    pub(in crate::bridge) fn has_reconciled(&self) -> bool {
        !self.reconciled.is_empty()
    }

    /// Something in the middle was not told.
    pub(in crate::bridge) fn has_hole(&self) -> bool {
        self.has_hole
    }

    /// The page is complete. Says whether another must be asked for.
    ///
    /// The last is known by leading no further than the one before. A server counts to its limit what
    /// it then leaves out, so a short page may not be the last; only one that leads to the cursor and
    /// is short by half is taken for it.
    pub(in crate::bridge) fn finish_page(&mut self, page: HistoryPage) -> bool {
        self.duplicates = DuplicateCounter::default();
        if !std::mem::take(&mut self.page_started) {
            self.held_before_page = self.held.len();
        }
        let asked_by_line = std::mem::take(&mut self.by_msgid);
        self.has_hole |= asked_by_line && !page.by_msgid;
        // What follows the last line that had been heard is told: so that one is known there. Some servers
        // tell nothing where they do not know it.
        let from_cursor = page.by_msgid && self.previous_msgid.is_none();
        self.reaches_known |= from_cursor && (page.lines > 0 || self.by_msgid_only);
        let news = self.last_msgid != self.previous_msgid;
        self.previous_msgid.clone_from(&self.last_msgid);
        let Some((_, newest)) = page.span else {
            // None of them has a time that can be: only the last line says where the next page begins.
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
            // All of it was said at one time, and more of that may follow.
            self.by_msgid = self.last_msgid.is_some() && (news || !asked_by_line);
            self.has_hole |= !self.by_msgid && page.lines >= page.limit;
        }
        self.page_since = next.unwrap_or(self.page_since);
        next.is_some() || self.by_msgid
    }

    /// Whether what was played back reaches to what had been heard: nothing is missing between. Only a line
    /// that is known shows that. A server may have forgotten all it knew, and its times may be wrong.
    pub(in crate::bridge) fn is_gapless(&self) -> bool {
        self.reaches_known && !self.has_hole
    }

    /// Whether the server keeps what was said, or has played something back by itself.
    pub(in crate::bridge) fn has_playback(&self) -> bool {
        self.has_history || self.has_playback
    }

    /// Holds back a line that is said `now`. Gives it back when there are too many.
    pub(in crate::bridge) fn hold(
        &mut self,
        talk: IncomingMessage,
        now: Timestamp,
    ) -> Option<IncomingMessage> {
        if self.held.len() >= MAX_HELD || self.held_bytes >= MAX_HELD_BYTES {
            return Some(talk);
        }
        self.held_bytes += talk.text.len();
        self.held.push_back((now, talk));
        None
    }

    /// What was held back, less what was played back meanwhile without its id: of lines that cannot
    /// be told apart, those said before the page was put together are in it.
    pub(in crate::bridge) fn release(&mut self) -> Vec<(Timestamp, IncomingMessage)> {
        let covered = std::mem::take(&mut self.held_before_page);
        let held = std::mem::take(&mut self.held).into_iter().enumerate();
        let mut is_new = |index: usize, talk: &IncomingMessage| {
            let played = talk
                .message_ref
                .time
                .and_then(|time| self.without_msgid.get_mut(&fingerprint(talk, time)));
            let Some(played) = played.filter(|played| index < covered && **played > 0) else {
                return true;
            };
            *played -= 1;
            false
        };
        held.filter_map(|(index, (at, talk))| is_new(index, &talk).then_some((at, talk))).collect()
    }

    /// The how-many-eth of its kind this line is in the page.
    pub(in crate::bridge) fn ordinal(
        &mut self,
        talk: &IncomingMessage,
        time: Timestamp,
        trace: i64,
    ) -> u32 {
        let number = self.duplicates.next_ordinal(time, trace);
        if talk.message_ref.msgid.is_none() {
            // Those of long ago are not held back now.
            if self.without_msgid.len() >= MAX_HELD {
                self.without_msgid.clear();
            }
            let most = self.without_msgid.entry(trace).or_default();
            *most = number.max(*most);
        }
        number
    }

    /// A line of ours, `time` and `number` the same in every page, is taken for one in doubt. Says
    /// whether it is so for the first time.
    pub(in crate::bridge) fn mark_reconciled(
        &mut self,
        talk: &IncomingMessage,
        time: Timestamp,
        number: u32,
    ) -> bool {
        let name = talk.message_ref.msgid.clone();
        let name = name.unwrap_or_else(|| format!("{} {number}", fingerprint(talk, time)));
        self.reconciled.insert(name)
    }

    /// Whether a line of ours, said at `time`, cannot be told from one that arrived before.
    pub(in crate::bridge) fn is_ambiguous(
        talk: &IncomingMessage,
        time: Timestamp,
        after: &Cursor,
    ) -> bool {
        talk.message_ref.msgid.is_none()
            && after.last_line.is_some()
            && floor_to_second(time) == floor_to_second(after.time)
    }
}

/// Lines that cannot be told apart: the same words of the same person in the same second. The
/// second of them is known only where two are.
#[derive(Debug, Default)]
pub struct DuplicateCounter {
    second: i64,
    counts: HashMap<i64, u32>,
}

impl DuplicateCounter {
    /// The how-many-eth with this `trace` a line said at `time` is.
    pub fn next_ordinal(&mut self, time: Timestamp, trace: i64) -> u32 {
        if time.as_second() != self.second {
            self.second = time.as_second();
            self.counts.clear();
        }
        let number = self.counts.entry(trace).or_insert(0);
        *number += 1;
        *number
    }
}

/// What a line said at `time` is known by, where the server gives it no id or not always.
#[must_use]
pub fn fingerprint(talk: &IncomingMessage, time: Timestamp) -> i64 {
    let IncomingMessage { author, kind, text, .. } = talk;
    let nick = &author.name;
    let digest = Sha256::digest(format!("{} {nick} {kind:?} {text}", time.as_second()));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

/// After which times the next page of a channel's past may begin, the best first, where the newest line
/// of this one was said at `newest`. What was said at the same time may go on there, and some servers
/// know the time by the second only.
#[must_use]
pub fn next_page_starts(newest: Timestamp) -> [Timestamp; 3] {
    [just_before(floor_to_second(newest)), just_before(newest), newest]
}

/// The moment before `time`: what was said after that was said at `time` or later.
fn just_before(time: Timestamp) -> Timestamp {
    time - SignedDuration::from_millis(1)
}

/// The second that `time` is in.
pub(in crate::bridge) fn floor_to_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
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

    /// A page of ten lines at most, said at these times.
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
        // Whatever else was on it, the server has left out.
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
        let mut twins = DuplicateCounter::default();
        let numbers: Vec<u32> = [(1_000, 7), (1_900, 7), (1_950, 8), (2_000, 7), (2_999, 7)]
            .map(|(time, trace)| twins.next_ordinal(at(time), trace))
            .into();
        assert_eq!(numbers, [1, 2, 1, 1, 2]);
    }

    proptest! {
        /// Whatever was said at which times, however little the server gives at once, and however it
        /// finds lines: all are read, or it is known that some are not.
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
