//! A room's posts beside the ledger's rows: what is missing, twice, or out of order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::super::{CLOCKS, TOLD, Troubles, Unread};
use super::{Lost, Misplaced, Twin, Unheard};
use crate::domain::{Delivery, DeliveryId};
use crate::protocol::letschat::{LetsChatUser, Post, PostId};
use crate::store::LedgerEntry;

/// How many of our own posts are remembered, to find another that says the same.
const REMEMBERED: usize = 5_000;

/// How many characters at the end of a post of ours are kept, to know again what is under way.
const TAIL: usize = 500;

/// What was found, once all is known.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) posted: u64,
    pub(super) lost: Troubles<Lost>,
    pub(super) unheard: Troubles<Unheard>,
    pub(super) repeated: Troubles<Twin>,
    pub(super) misplaced: Troubles<Misplaced>,
    pub(super) unread: Unread,
    /// Posts by our account that the bridge did not make, and knows of.
    pub(super) strays: u64,
}

/// A room beside the ledger, one stretch after the other, in as much memory as one takes.
#[derive(Debug)]
pub(super) struct Comparison {
    account: String,
    cursor: Option<PostId>,
    stretch: BTreeMap<PostId, (Post, Option<LedgerEntry>)>,
    compared: Compared,
    suspects: Vec<Suspect>,
    /// Our own suspects that no twin was found for, by the hash of their text.
    single: HashMap<u64, Vec<usize>>,
    /// The last deliveries, by the hash of their text.
    said: VecDeque<(u64, PostId)>,
    /// The latest delivery so far.
    latest: Option<DeliveryId>,
}

/// A post that is not, or not as a delivery, in the ledger.
#[derive(Debug)]
struct Suspect {
    post: PostId,
    posted: Timestamp,
    author: String,
    /// The end of its text, where it is ours.
    tail: Option<String>,
    twin: Option<PostId>,
}

impl Comparison {
    /// Nothing is compared yet; the posts of `account` are ours, and the bridge has read the room up
    /// to `cursor`.
    pub(super) fn new(account: &str, cursor: Option<PostId>) -> Self {
        Self {
            account: account.to_owned(),
            cursor,
            stretch: BTreeMap::new(),
            compared: Compared::default(),
            suspects: Vec::new(),
            single: HashMap::new(),
            said: VecDeque::new(),
            latest: None,
        }
    }

    /// Begins a stretch of the room: all of its posts.
    pub(super) fn open(&mut self, posts: BTreeMap<PostId, Post>) {
        self.stretch = posts.into_iter().map(|(id, post)| (id, (post, None))).collect();
    }

    /// The ledger knows the id `native` in this stretch.
    pub(super) fn trace(&mut self, native: &str, trace: LedgerEntry) {
        let id = native.parse::<PostId>().ok();
        match (id.and_then(|id| self.stretch.get_mut(&id)), trace) {
            // Said by us, whatever else it was taken for.
            (Some((_, Some(LedgerEntry::Delivered { .. }))), _) => {}
            (Some((_, known)), trace) => *known = Some(trace),
            (None, LedgerEntry::Delivered { id: ticket, settled_at: settled, .. }) => {
                self.compared.lost.push(Lost { ticket, post: native.to_owned(), settled });
            }
            (None, LedgerEntry::Received) => {}
        }
    }

    /// The stretch is over, and the ledger knows nothing else in it.
    pub(super) fn close(&mut self) {
        let mut posts: Vec<_> = std::mem::take(&mut self.stretch).into_values().collect();
        // What was posted in the same millisecond stands in no order.
        let delivery = |trace: &Option<LedgerEntry>| match trace {
            Some(LedgerEntry::Delivered { id: ticket, merged: others, .. }) => {
                Some((*ticket, *others))
            }
            _ => None,
        };
        posts.sort_by_key(|(post, trace)| (post.posted_at, delivery(trace)));
        for (post, trace) in posts {
            match delivery(&trace) {
                Some((ticket, others)) => self.delivered(&post, ticket, others),
                None => self.strange(post, trace.is_some()),
            }
        }
    }

    /// Whether anything was found that the ledger must be asked about again.
    pub(super) fn is_suspicious(&self) -> bool {
        !self.suspects.is_empty()
    }

    fn delivered(&mut self, post: &Post, ticket: DeliveryId, others: u64) {
        self.compared.posted += 1 + others;
        match self.latest.filter(|latest| *latest > ticket) {
            Some(behind) => {
                let (post, posted) = (post.id, post.posted_at);
                self.compared.misplaced.push(Misplaced { ticket, post, posted, behind });
            }
            None => self.latest = Some(ticket),
        }
        let text = hash(&post.text);
        for twin in self.single.remove(&text).unwrap_or_default() {
            self.suspects[twin].twin = Some(post.id);
        }
        if self.said.len() >= REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back((text, post.id));
    }

    /// A post that we did not deliver, as far as the ledger knows.
    fn strange(&mut self, post: Post, heard: bool) {
        let Post { id, text, posted_at: posted, author } = post;
        let author = author.unwrap_or_else(LetsChatUser::unknown);
        let ours = author.id == self.account;
        if !ours && heard {
            return;
        }
        if !ours && self.cursor.is_none_or(|cursor| id > cursor) {
            self.compared.unread.add(posted);
            return;
        }
        let twin = ours.then(|| self.twin(&text)).flatten();
        if heard && twin.is_none() && self.suspects.len() >= TOLD {
            self.compared.strays += 1;
            return;
        }
        if self.suspects.len() >= TOLD {
            // So many are no matter of a moment.
            let author = author.username;
            match twin {
                Some(of) => self.compared.repeated.push(Twin { post: id, posted, of }),
                None => self.compared.unheard.push(Unheard { post: id, posted, author }),
            }
            return;
        }
        if ours && twin.is_none() {
            self.single.entry(hash(&text)).or_default().push(self.suspects.len());
        }
        let tail = ours.then(|| tail(&text).to_owned());
        self.suspects.push(Suspect { post: id, posted, author: author.username, tail, twin });
    }

    fn twin(&self, text: &str) -> Option<PostId> {
        let text = hash(text);
        self.said.iter().rev().find(|(said, _)| *said == text).map(|(_, post)| *post)
    }

    /// Says what was found, once the ledger was asked again: `known` tells what it says now of an id
    /// in the room, `cursor` how far the room is read now, and `under_way` what is being delivered.
    pub(super) fn conclude(
        self,
        cursor: Option<PostId>,
        mut under_way: Option<&Delivery>,
        mut known: impl FnMut(PostId) -> Option<LedgerEntry>,
    ) -> Compared {
        let Self { mut compared, suspects, .. } = self;
        for suspect in suspects {
            let trace = known(suspect.post);
            let arrived = under_way.is_some_and(|delivery| suspect.is(delivery));
            let Suspect { post, posted, author, twin, tail } = suspect;
            if let Some(LedgerEntry::Delivered { merged: others, .. }) = trace {
                compared.posted += 1 + others;
            } else if arrived {
                // It has arrived, and the bridge does not know it yet.
                under_way = None;
            } else if let Some(of) = twin {
                compared.repeated.push(Twin { post, posted, of });
            } else if trace.is_none() && cursor.is_none_or(|cursor| post > cursor) {
                compared.unread.add(posted);
            } else if trace.is_none() {
                compared.unheard.push(Unheard { post, posted, author });
            } else if tail.is_some() {
                compared.strays += 1;
            }
        }
        compared
    }
}

impl Suspect {
    /// Whether it may be this delivery.
    fn is(&self, delivery: &Delivery) -> bool {
        let begun =
            delivery.started_at.is_some_and(|begun| self.posted.duration_since(begun) >= -CLOCKS);
        let body = delivery.rendered.as_ref().map_or(&delivery.message.body, |speech| &speech.body);
        begun && self.tail.as_ref().is_some_and(|said| said.ends_with(tail(body)))
    }
}

/// The end of `text`.
fn tail(text: &str) -> &str {
    let begin = text.char_indices().rev().nth(TAIL - 1).map_or(0, |(at, _)| at);
    &text[begin..]
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryState, EndpointId, Message, MessageKind, MessagePart};

    const US: &str = "us";

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

    fn delivered(ticket: i64) -> LedgerEntry {
        LedgerEntry::Delivered {
            id: DeliveryId(ticket),
            settled_at: Timestamp::UNIX_EPOCH,
            merged: 0,
        }
    }

    fn under_way(body: &str, begun: u32) -> Delivery {
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

    /// What is said, in a few words.
    fn told(compared: &Compared) -> Vec<String> {
        let lost = compared.lost.first.iter().map(|it| format!("lost {}", it.ticket.0));
        let second = |id: PostId| id.created_at().as_second();
        let unheard =
            compared.unheard.first.iter().map(|it| format!("unheard {}", second(it.post)));
        let repeated = compared.repeated.first.iter();
        let repeated = repeated.map(|it| format!("{} repeats {}", second(it.post), second(it.of)));
        let misplaced = compared.misplaced.first.iter();
        let misplaced = misplaced.map(|it| format!("{} behind {}", it.ticket.0, it.behind.0));
        let unread =
            (compared.unread.count > 0).then(|| format!("{} unread", compared.unread.count));
        lost.chain(unheard).chain(repeated).chain(misplaced).chain(unread).collect()
    }

    /// One room that was read up to second 50 beside one ledger; `later` it knows more.
    #[track_caller]
    fn check(
        posts: &[(u32, &str, &str)],
        ledger: &[(u32, LedgerEntry)],
        doubt: Option<&Delivery>,
        later: &[(u32, LedgerEntry)],
        expected: &[&str],
    ) {
        // In one stretch, and in one for each second.
        for stretches in [vec![0..=u32::MAX], (0..=100).map(|second| second..=second).collect()] {
            let mut comparison = Comparison::new(US, Some(id(50)));
            for stretch in stretches {
                let within = posts.iter().filter(|(n, ..)| stretch.contains(n));
                comparison.open(within.map(|(n, by, text)| (id(*n), post(*n, by, text))).collect());
                let mut traces: Vec<_> =
                    ledger.iter().filter(|(n, _)| stretch.contains(n)).collect();
                traces.sort_by_key(|(n, _)| *n);
                traces.iter().for_each(|(n, trace)| comparison.trace(&id(*n).to_string(), *trace));
                comparison.close();
            }
            let known = |post| {
                ledger.iter().chain(later).find(|(n, _)| id(*n) == post).map(|(_, trace)| *trace)
            };
            let compared = comparison.conclude(Some(id(50)), doubt, known);
            assert_eq!(told(&compared), expected);
        }
    }

    #[test]
    fn what_is_on_both_sides_is_well() {
        let posts = [(1, "ann", "hi"), (2, US, "<bob> yo"), (3, US, "<bob> yo"), (4, "ann", "hi")];
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
    fn what_is_on_one_side_only_is_missing() {
        let posts = [(2, "ann", "hi"), (4, US, "<bob> yo")];
        check(
            &posts,
            &[(2, LedgerEntry::Received), (3, delivered(1)), (4, delivered(2))],
            None,
            &[],
            &["lost 1"],
        );
        check(&posts, &[(4, delivered(2))], None, &[], &["unheard 2"]);
        check(&[], &[(3, delivered(7)), (9, delivered(8))], None, &[], &["lost 7", "lost 8"]);
        // A post that somebody has removed was heard all the same.
        check(&[], &[(3, LedgerEntry::Received)], None, &[], &[]);
        // Somebody uses our account by hand.
        check(&[(2, US, "hello")], &[], None, &[], &["unheard 2"]);
        check(&[(2, US, "hello")], &[(2, LedgerEntry::Received)], None, &[], &[]);
    }

    #[test]
    fn what_the_bridge_has_not_read_yet_is_not_missing() {
        check(&[(60, "ann", "hi"), (61, US, "hello")], &[], None, &[], &["2 unread"]);
    }

    #[test]
    fn what_the_ledger_learns_meanwhile_is_well() {
        let posts = [(2, "ann", "hi"), (3, US, "<bob> yo"), (4, US, "<bob> yo")];
        let later = [(2, LedgerEntry::Received), (4, delivered(2))];
        check(&posts, &[(3, delivered(1))], None, &later, &[]);
    }

    #[test]
    fn a_post_that_follows_no_delivery_of_its_own_is_repeated() {
        for (known, twin) in [(3, 4), (4, 3)] {
            let posts = [(3, US, "<bob> yo"), (4, US, "<bob> yo"), (5, US, "<bob> no")];
            let told = format!("{twin} repeats {known}");
            let ledger = [(known, delivered(1)), (5, delivered(2))];
            check(&posts, &ledger, None, &[], &[&told]);
            // The bridge took it for somebody's.
            let heard = [ledger[0], ledger[1], (twin, LedgerEntry::Received)];
            check(&posts, &heard, None, &[], &[&told]);
        }
        let by_ann = [(3, US, "<bob> yo"), (4, "ann", "<bob> yo")];
        check(&by_ann, &[(3, delivered(1)), (4, LedgerEntry::Received)], None, &[], &[]);
    }

    #[test]
    fn what_is_under_way_may_have_arrived_once() {
        let posts = [(3, US, "<ann> ok"), (4, US, "<ann> ok"), (5, US, "<ann> ok")];
        let ledger = [(3, delivered(1))];
        let doubt = under_way("ok", 4);
        check(&posts[..2], &ledger, Some(&doubt), &[], &[]);
        check(&posts, &ledger, Some(&doubt), &[], &["5 repeats 3"]);
        check(&posts[..2], &ledger, Some(&under_way("no", 4)), &[], &["4 repeats 3"]);
        check(&posts[..2], &ledger, Some(&under_way("ok", 4_000)), &[], &["4 repeats 3"]);
        let long = "é".repeat(2_000);
        let text = format!("<ann> {long}");
        check(&[(4, US, &text)], &[], Some(&under_way(&long, 4)), &[], &[]);
    }

    #[test]
    fn a_delivery_behind_a_later_one_is_out_of_order() {
        let posts = [(3, US, "a"), (4, US, "b"), (5, US, "c"), (6, US, "d")];
        let ledger = [(3, delivered(1)), (4, delivered(3)), (5, delivered(2)), (6, delivered(4))];
        check(&posts, &ledger, None, &[], &["2 behind 3"]);
    }

    #[test]
    fn what_was_posted_in_one_millisecond_stands_in_no_order() {
        let mut comparison = Comparison::new(US, None);
        let (mut one, mut two) = (post(3, US, "a"), post(4, US, "b"));
        (one.posted_at, two.posted_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        comparison.open(BTreeMap::from([(one.id, one), (two.id, two)]));
        comparison.trace(&id(3).to_string(), delivered(2));
        comparison.trace(&id(4).to_string(), delivered(1));
        comparison.close();
        assert!(told(&comparison.conclude(None, None, |_| None)).is_empty());
    }

    #[test]
    fn however_many_are_missing_all_are_counted() {
        let mut comparison = Comparison::new(US, Some(id(u32::MAX)));
        let count = TOLD as u32 * 3;
        comparison.open((1..=count).map(|n| (id(n), post(n, "ann", "hi"))).collect());
        comparison.close();
        let compared = comparison.conclude(Some(id(u32::MAX)), None, |_| None);
        assert_eq!(compared.unheard.count, u64::from(count));
        assert_eq!(compared.unheard.first.len(), TOLD);
    }
}
