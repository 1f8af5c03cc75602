//! Compares a room's posts with the ledger: what is missing, duplicated or out of order.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::super::{MAX_CLOCK_SKEW, MAX_LISTED, Problems, Unread};
use super::{DuplicatePost, MissingPost, OutOfOrderPost, UnrecordedPost};
use crate::domain::{Delivery, DeliveryId};
use crate::protocol::letschat::{LetsChatUser, Post, PostId};
use crate::store::LedgerEntry;

/// How many of our own posts are remembered to detect duplicates.
const MAX_REMEMBERED: usize = 5_000;

/// How many characters of a post's end are kept to recognise the delivery in flight.
const MAX_LEN_TAIL: usize = 500;

/// The final result.
#[derive(Debug, Default)]
pub(super) struct RoomComparisonResult {
    pub(super) delivered: u64,
    pub(super) missing: Problems<MissingPost>,
    pub(super) unrecorded: Problems<UnrecordedPost>,
    pub(super) duplicates: Problems<DuplicatePost>,
    pub(super) out_of_order: Problems<OutOfOrderPost>,
    pub(super) unread: Unread,
    /// Posts by our user that the bridge did not create.
    pub(super) unknown_own: u64,
}

/// Compares a room with the ledger, segment by segment, to limit memory.
#[derive(Debug)]
pub(super) struct RoomComparison {
    /// The ids of the users whose posts are the bridge's.
    own_users: HashSet<String>,
    cursor: Option<PostId>,
    segment: BTreeMap<PostId, (Post, Option<LedgerEntry>)>,
    result: RoomComparisonResult,
    suspects: Vec<SuspectPost>,
    /// Our own suspects without a duplicate, by the hash of their text.
    unmatched: HashMap<u64, Vec<usize>>,
    /// The most recent deliveries, by the hash of their text.
    delivered_hashes: VecDeque<(u64, PostId)>,
    /// The latest delivery so far.
    latest_delivery: Option<DeliveryId>,
}

/// A post that is not in the ledger, or not as a delivery.
#[derive(Debug)]
struct SuspectPost {
    post: PostId,
    posted_at: Timestamp,
    author: String,
    /// The end of its text, for our own posts.
    tail: Option<String>,
    duplicate_of: Option<PostId>,
}

impl RoomComparison {
    /// Starts a comparison. Posts of `own_users` are ours, and the bridge has read the room up to `cursor`.
    pub(super) fn new(own_users: HashSet<String>, cursor: Option<PostId>) -> Self {
        Self {
            own_users,
            cursor,
            segment: BTreeMap::new(),
            result: RoomComparisonResult::default(),
            suspects: Vec::new(),
            unmatched: HashMap::new(),
            delivered_hashes: VecDeque::new(),
            latest_delivery: None,
        }
    }

    /// Starts a segment of the room, with all of its posts.
    pub(super) fn open_segment(&mut self, posts: BTreeMap<PostId, Post>) {
        self.segment = posts.into_iter().map(|(id, post)| (id, (post, None))).collect();
    }

    /// The ledger has an entry for this id in the segment.
    pub(super) fn add_entry(&mut self, remote_id: &str, entry: LedgerEntry) {
        let id = remote_id.parse::<PostId>().ok();
        match (id.and_then(|id| self.segment.get_mut(&id)), entry) {
            // Delivered by us, whatever else it was recorded as.
            (Some((_, Some(LedgerEntry::Delivered { .. }))), _) => {}
            (Some((_, known)), entry) => *known = Some(entry),
            (None, LedgerEntry::Delivered { id: delivery, settled_at: settled, .. }) => {
                self.result.missing.push(MissingPost {
                    delivery,
                    post: remote_id.to_owned(),
                    settled_at: settled,
                });
            }
            (None, LedgerEntry::Received) => {}
        }
    }

    /// Ends the segment: the ledger has no more entries in it.
    pub(super) fn close_segment(&mut self) {
        let mut posts: Vec<_> = std::mem::take(&mut self.segment).into_values().collect();
        // Posts of the same millisecond have no defined order.
        let delivery = |entry: &Option<LedgerEntry>| match entry {
            Some(LedgerEntry::Delivered { id, merged: others, .. }) => Some((*id, *others)),
            _ => None,
        };
        posts.sort_by_key(|(post, entry)| (post.posted_at, delivery(entry)));
        for (post, entry) in posts {
            match delivery(&entry) {
                Some((id, others)) => self.delivered(&post, id, others),
                None => self.on_unknown_post(post, entry.is_some()),
            }
        }
    }

    /// Whether the ledger must be consulted again.
    pub(super) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    fn delivered(&mut self, post: &Post, delivery: DeliveryId, others: u64) {
        self.result.delivered += 1 + others;
        match self.latest_delivery.filter(|latest| *latest > delivery) {
            Some(behind) => {
                let (post, posted) = (post.id, post.posted_at);
                self.result.out_of_order.push(OutOfOrderPost {
                    delivery,
                    post,
                    posted_at: posted,
                    preceded_by: behind,
                });
            }
            None => self.latest_delivery = Some(delivery),
        }
        let text = text_hash(&post.text);
        for suspect in self.unmatched.remove(&text).unwrap_or_default() {
            self.suspects[suspect].duplicate_of = Some(post.id);
        }
        if self.delivered_hashes.len() >= MAX_REMEMBERED {
            self.delivered_hashes.pop_front();
        }
        self.delivered_hashes.push_back((text, post.id));
    }

    /// Handles a post that is not a known delivery.
    fn on_unknown_post(&mut self, post: Post, is_recorded: bool) {
        let Post { id, text, posted_at: posted, author } = post;
        let author = author.unwrap_or_else(LetsChatUser::unknown);
        let is_own = self.own_users.contains(&author.id);
        if !is_own && is_recorded {
            return;
        }
        if !is_own && self.cursor.is_none_or(|cursor| id > cursor) {
            self.result.unread.add(posted);
            return;
        }
        let duplicate = is_own.then(|| self.find_duplicate(&text)).flatten();
        if is_recorded && duplicate.is_none() && self.suspects.len() >= MAX_LISTED {
            self.result.unknown_own += 1;
            return;
        }
        if self.suspects.len() >= MAX_LISTED {
            // Too many to be explained by timing.
            let author = author.username;
            match duplicate {
                Some(of) => self.result.duplicates.push(DuplicatePost {
                    post: id,
                    posted_at: posted,
                    original: of,
                }),
                None => self.result.unrecorded.push(UnrecordedPost {
                    post: id,
                    posted_at: posted,
                    author,
                }),
            }
            return;
        }
        if is_own && duplicate.is_none() {
            self.unmatched.entry(text_hash(&text)).or_default().push(self.suspects.len());
        }
        let tail = is_own.then(|| tail(&text).to_owned());
        self.suspects.push(SuspectPost {
            post: id,
            posted_at: posted,
            author: author.username,
            tail,
            duplicate_of: duplicate,
        });
    }

    fn find_duplicate(&self, text: &str) -> Option<PostId> {
        let text = text_hash(text);
        self.delivered_hashes.iter().rev().find(|(known, _)| *known == text).map(|(_, post)| *post)
    }

    /// Reports the result after the ledger was consulted again: `known` returns the current entry of an id,
    /// `cursor` is how far the room has been read by now, `under_way` the delivery in flight.
    pub(super) fn finish(
        self,
        cursor: Option<PostId>,
        mut in_flight: Option<&Delivery>,
        mut known: impl FnMut(PostId) -> Option<LedgerEntry>,
    ) -> RoomComparisonResult {
        let Self { result: mut compared, suspects, .. } = self;
        for suspect in suspects {
            let entry = known(suspect.post);
            let arrived = in_flight.is_some_and(|delivery| suspect.matches(delivery));
            let SuspectPost { post, posted_at: posted, author, duplicate_of: duplicate, tail } =
                suspect;
            if let Some(LedgerEntry::Delivered { merged: others, .. }) = entry {
                compared.delivered += 1 + others;
            } else if arrived {
                // It has arrived, but its ack has not.
                in_flight = None;
            } else if let Some(of) = duplicate {
                compared.duplicates.push(DuplicatePost { post, posted_at: posted, original: of });
            } else if entry.is_none() && cursor.is_none_or(|cursor| post > cursor) {
                compared.unread.add(posted);
            } else if entry.is_none() {
                compared.unrecorded.push(UnrecordedPost { post, posted_at: posted, author });
            } else if tail.is_some() {
                compared.unknown_own += 1;
            }
        }
        compared
    }
}

impl SuspectPost {
    /// Whether it may be this delivery.
    fn matches(&self, delivery: &Delivery) -> bool {
        let is_after_start = delivery
            .started_at
            .is_some_and(|started_at| self.posted_at.duration_since(started_at) >= -MAX_CLOCK_SKEW);
        let body =
            delivery.rendered.as_ref().map_or(&delivery.message.body, |rendered| &rendered.body);
        is_after_start && self.tail.as_ref().is_some_and(|known| known.ends_with(tail(body)))
    }
}

/// The end of `text`.
fn tail(text: &str) -> &str {
    let begin = text.char_indices().rev().nth(MAX_LEN_TAIL - 1).map_or(0, |(at, _)| at);
    &text[begin..]
}

fn text_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryState, EndpointId, Message, MessageKind, MessagePart};

    const OWN_USER: &str = "us";

    fn id(n: u32) -> PostId {
        format!("{n:08x}0000000000000000").parse().expect("an id")
    }

    /// A post made in second `n`, by us or by ann.
    fn post(n: u32, by: &str, text: &str) -> Post {
        let author =
            LetsChatUser { id: by.to_owned(), username: by.to_owned(), display_name: None };
        Post {
            id: id(n),
            text: text.to_owned(),
            posted_at: id(n).created_at(),
            author: Some(author),
        }
    }

    fn delivered(delivery: i64) -> LedgerEntry {
        LedgerEntry::Delivered {
            id: DeliveryId(delivery),
            settled_at: Timestamp::UNIX_EPOCH,
            merged: 0,
        }
    }

    fn in_flight(body: &str, begun: u32) -> Delivery {
        let message = Message {
            source: EndpointId(1),
            author: crate::domain::Author::named("ann"),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        };
        let begun = Some(id(begun).created_at());
        Delivery {
            id: DeliveryId(99),
            to: EndpointId(2),
            message,
            part: MessagePart::Whole,
            state: DeliveryState::InDoubt,
            started_at: begun,
            rendered: None,
            sender: crate::domain::Sender::default(),
        }
    }

    /// Describes the findings briefly.
    fn result_of(compared: &RoomComparisonResult) -> Vec<String> {
        let lost = compared.missing.first.iter().map(|it| format!("lost {}", it.delivery.0));
        let second = |id: PostId| id.created_at().as_second();
        let unheard =
            compared.unrecorded.first.iter().map(|it| format!("unheard {}", second(it.post)));
        let repeated = compared.duplicates.first.iter();
        let repeated =
            repeated.map(|it| format!("{} repeats {}", second(it.post), second(it.original)));
        let misplaced = compared.out_of_order.first.iter();
        let misplaced =
            misplaced.map(|it| format!("{} behind {}", it.delivery.0, it.preceded_by.0));
        let unread =
            (compared.unread.count > 0).then(|| format!("{} unread", compared.unread.count));
        lost.chain(unheard).chain(repeated).chain(misplaced).chain(unread).collect()
    }

    /// A room read up to second 50, and a ledger; `later` it has more entries.
    #[track_caller]
    fn check(
        posts: &[(u32, &str, &str)],
        ledger: &[(u32, LedgerEntry)],
        doubt: Option<&Delivery>,
        later: &[(u32, LedgerEntry)],
        expected: &[&str],
    ) {
        // In one segment, and in one per second.
        for stretches in [vec![0..=u32::MAX], (0..=100).map(|second| second..=second).collect()] {
            let mut comparison =
                RoomComparison::new(HashSet::from([OWN_USER.to_owned()]), Some(id(50)));
            for stretch in stretches {
                let within = posts.iter().filter(|(n, ..)| stretch.contains(n));
                comparison.open_segment(
                    within.map(|(n, by, text)| (id(*n), post(*n, by, text))).collect(),
                );
                let mut traces: Vec<_> =
                    ledger.iter().filter(|(n, _)| stretch.contains(n)).collect();
                traces.sort_by_key(|(n, _)| *n);
                traces
                    .iter()
                    .for_each(|(n, entry)| comparison.add_entry(&id(*n).to_string(), *entry));
                comparison.close_segment();
            }
            let known = |post| {
                ledger.iter().chain(later).find(|(n, _)| id(*n) == post).map(|(_, entry)| *entry)
            };
            let compared = comparison.finish(Some(id(50)), doubt, known);
            assert_eq!(result_of(&compared), expected);
        }
    }

    #[test]
    fn messages_on_both_sides_are_clean() {
        let posts = [
            (1, "ann", "hi"),
            (2, OWN_USER, "<bob> yo"),
            (3, OWN_USER, "<bob> yo"),
            (4, "ann", "hi"),
        ];
        let ledger = [
            (1, LedgerEntry::Received),
            (2, delivered(1)),
            (3, delivered(2)),
            (4, LedgerEntry::Received),
        ];
        check(&posts, &ledger, None, &[], &[]);
        check(&[], &[], None, &[], &[]);
    }

    #[test]
    fn messages_on_one_side_are_missing() {
        let posts = [(2, "ann", "hi"), (4, OWN_USER, "<bob> yo")];
        check(
            &posts,
            &[(2, LedgerEntry::Received), (3, delivered(1)), (4, delivered(2))],
            None,
            &[],
            &["lost 1"],
        );
        check(&posts, &[(4, delivered(2))], None, &[], &["unheard 2"]);
        check(&[], &[(3, delivered(7)), (9, delivered(8))], None, &[], &["lost 7", "lost 8"]);
        // A deleted post was received all the same.
        check(&[], &[(3, LedgerEntry::Received)], None, &[], &[]);
        // Somebody uses our account manually.
        check(&[(2, OWN_USER, "hello")], &[], None, &[], &["unheard 2"]);
        check(&[(2, OWN_USER, "hello")], &[(2, LedgerEntry::Received)], None, &[], &[]);
    }

    #[test]
    fn posts_above_the_cursor_are_unread_and_not_missing() {
        check(&[(60, "ann", "hi"), (61, OWN_USER, "hello")], &[], None, &[], &["2 unread"]);
    }

    #[test]
    fn posts_recorded_meanwhile_are_clean() {
        let posts = [(2, "ann", "hi"), (3, OWN_USER, "<bob> yo"), (4, OWN_USER, "<bob> yo")];
        let later = [(2, LedgerEntry::Received), (4, delivered(2))];
        check(&posts, &[(3, delivered(1))], None, &later, &[]);
    }

    #[test]
    fn own_post_without_a_delivery_is_a_duplicate() {
        for (known, twin) in [(3, 4), (4, 3)] {
            let posts =
                [(3, OWN_USER, "<bob> yo"), (4, OWN_USER, "<bob> yo"), (5, OWN_USER, "<bob> no")];
            let told = format!("{twin} repeats {known}");
            let ledger = [(known, delivered(1)), (5, delivered(2))];
            check(&posts, &ledger, None, &[], &[&told]);
            // Recorded as another user's.
            let heard = [ledger[0], ledger[1], (twin, LedgerEntry::Received)];
            check(&posts, &heard, None, &[], &[&told]);
        }
        let by_ann = [(3, OWN_USER, "<bob> yo"), (4, "ann", "<bob> yo")];
        check(&by_ann, &[(3, delivered(1)), (4, LedgerEntry::Received)], None, &[], &[]);
    }

    #[test]
    fn in_flight_delivery_explains_one_post() {
        let posts =
            [(3, OWN_USER, "<ann> ok"), (4, OWN_USER, "<ann> ok"), (5, OWN_USER, "<ann> ok")];
        let ledger = [(3, delivered(1))];
        let doubt = in_flight("ok", 4);
        check(&posts[..2], &ledger, Some(&doubt), &[], &[]);
        check(&posts, &ledger, Some(&doubt), &[], &["5 repeats 3"]);
        check(&posts[..2], &ledger, Some(&in_flight("no", 4)), &[], &["4 repeats 3"]);
        check(&posts[..2], &ledger, Some(&in_flight("ok", 4_000)), &[], &["4 repeats 3"]);
        let long = "é".repeat(2_000);
        let text = format!("<ann> {long}");
        check(&[(4, OWN_USER, &text)], &[], Some(&in_flight(&long, 4)), &[], &[]);
    }

    #[test]
    fn delivery_after_a_later_one_is_out_of_order() {
        let posts =
            [(3, OWN_USER, "a"), (4, OWN_USER, "b"), (5, OWN_USER, "c"), (6, OWN_USER, "d")];
        let ledger = [(3, delivered(1)), (4, delivered(3)), (5, delivered(2)), (6, delivered(4))];
        check(&posts, &ledger, None, &[], &["2 behind 3"]);
    }

    #[test]
    fn posts_of_one_millisecond_have_no_order() {
        let mut comparison = RoomComparison::new(HashSet::from([OWN_USER.to_owned()]), None);
        let (mut one, mut two) = (post(3, OWN_USER, "a"), post(4, OWN_USER, "b"));
        (one.posted_at, two.posted_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        comparison.open_segment(BTreeMap::from([(one.id, one), (two.id, two)]));
        comparison.add_entry(&id(3).to_string(), delivered(2));
        comparison.add_entry(&id(4).to_string(), delivered(1));
        comparison.close_segment();
        assert!(result_of(&comparison.finish(None, None, |_| None)).is_empty());
    }

    #[test]
    fn all_missing_posts_are_counted() {
        let mut comparison =
            RoomComparison::new(HashSet::from([OWN_USER.to_owned()]), Some(id(u32::MAX)));
        let count = MAX_LISTED as u32 * 3;
        comparison.open_segment((1..=count).map(|n| (id(n), post(n, "ann", "hi"))).collect());
        comparison.close_segment();
        let compared = comparison.finish(Some(id(u32::MAX)), None, |_| None);
        assert_eq!(compared.unrecorded.count, u64::from(count));
        assert_eq!(compared.unrecorded.first.len(), MAX_LISTED);
    }
}
