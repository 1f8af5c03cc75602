//! A room's posts beside the ledger's rows: what is missing, twice, or out of order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};

use super::{Lost, Misplaced, TOLD, Troubles, Twin, Unheard, Unread};
use crate::domain::{Delivery, Ticket};
use crate::protocol::letschat::{Author, Post, PostId};
use crate::store::Trace;

/// How many of our own posts are remembered, to find another that says the same.
const REMEMBERED: usize = 5_000;

/// How many characters at the end of a post of ours are kept, to know again what is under way.
const TAIL: usize = 500;

/// How far the clocks may differ that say when a delivery was begun and when it was posted.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

/// What was found, once all is known.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) posted: u64,
    pub(super) lost: Troubles<Lost>,
    pub(super) unheard: Troubles<Unheard>,
    pub(super) repeated: Troubles<Twin>,
    pub(super) misplaced: Troubles<Misplaced>,
    pub(super) unread: Unread,
}

/// A room beside the ledger, one stretch after the other, in as much memory as one takes.
#[derive(Debug)]
pub(super) struct Comparison {
    account: String,
    cursor: Option<PostId>,
    stretch: BTreeMap<PostId, (Post, Option<Trace>)>,
    compared: Compared,
    suspects: Vec<Suspect>,
    /// Our own suspects that no twin was found for, by the hash of their text.
    single: HashMap<u64, Vec<usize>>,
    /// The last deliveries, by the hash of their text.
    said: VecDeque<(u64, PostId)>,
    /// The latest delivery so far.
    latest: Option<Ticket>,
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
    pub(super) fn trace(&mut self, native: &str, trace: Trace) {
        let id = native.parse::<PostId>().ok();
        match (id.and_then(|id| self.stretch.get_mut(&id)), trace) {
            // Said by us, whatever else it was taken for.
            (Some((_, Some(Trace::Delivered { .. }))), _) => {}
            (Some((_, known)), trace) => *known = Some(trace),
            (None, Trace::Delivered { ticket, settled }) => {
                self.compared.lost.push(Lost { ticket, post: native.to_owned(), settled });
            }
            (None, Trace::Heard) => {}
        }
    }

    /// The stretch is over, and the ledger knows nothing else in it.
    pub(super) fn close(&mut self) {
        let mut posts: Vec<_> = std::mem::take(&mut self.stretch).into_values().collect();
        // What was posted in the same millisecond stands in no order.
        let ticket = |trace: &Option<Trace>| match trace {
            Some(Trace::Delivered { ticket, .. }) => Some(*ticket),
            _ => None,
        };
        posts.sort_by_key(|(post, trace)| (post.posted, ticket(trace)));
        for (post, trace) in posts {
            match ticket(&trace) {
                Some(ticket) => self.delivered(&post, ticket),
                None => self.strange(post, trace.is_some()),
            }
        }
    }

    /// Whether anything was found that the ledger must be asked about again.
    pub(super) fn is_suspicious(&self) -> bool {
        !self.suspects.is_empty()
    }

    fn delivered(&mut self, post: &Post, ticket: Ticket) {
        self.compared.posted += 1;
        match self.latest.filter(|latest| *latest > ticket) {
            Some(behind) => {
                let (post, posted) = (post.id, post.posted);
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
        let Post { id, text, posted, author } = post;
        let author = author.unwrap_or_else(Author::unknown);
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
        mut known: impl FnMut(PostId) -> Option<Trace>,
    ) -> Compared {
        let Self { mut compared, suspects, .. } = self;
        for suspect in suspects {
            let trace = known(suspect.post);
            let arrived = under_way.is_some_and(|delivery| suspect.is(delivery));
            let Suspect { post, posted, author, twin, .. } = suspect;
            if let Some(Trace::Delivered { .. }) = trace {
                compared.posted += 1;
            } else if arrived {
                // It has arrived, and the bridge does not know it yet.
                under_way = None;
            } else if let Some(of) = twin {
                compared.repeated.push(Twin { post, posted, of });
            } else if trace.is_none() && cursor.is_none_or(|cursor| post > cursor) {
                compared.unread.add(posted);
            } else if trace.is_none() {
                compared.unheard.push(Unheard { post, posted, author });
            }
        }
        compared
    }
}

impl Suspect {
    /// Whether it may be this delivery.
    fn is(&self, delivery: &Delivery) -> bool {
        let begun =
            delivery.begun.is_some_and(|begun| self.posted.duration_since(begun) >= -CLOCKS);
        let body = tail(&delivery.message.body);
        begun && self.tail.as_ref().is_some_and(|said| said.ends_with(body))
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
