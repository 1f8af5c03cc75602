//! Finds the messages that the bridge itself has sent under a name that a restored state does not know.
//!
//! After the backup, the bridge may have been given another nick, and accounts and puppets may have come. What these
//! said looks like people's words, and would be mirrored as such. Each such message is a copy of one that another
//! endpoint of its links shows:
//!
//! | sender          | the copy has                                             | its original                       |
//! |-----------------|----------------------------------------------------------|------------------------------------|
//! | the bridge      | the prefix of mirrored messages, the author's name in it | the words after the prefix         |
//! | account, puppet | a name that contains the author's                        | the same words, and not later      |
//! | account, puppet | the author's name                                        | the same words; either counts      |
//!
//! Accounts and puppets repeat what is said on the other side; the bridge repeats what is said anywhere else. A message is
//! decided once, for all endpoints that it is to be mirrored to.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::Restored;
use super::sightings::{MAX_COPY_DELAY, SightedLine, Sightings, are_related, first_line, key};
use crate::domain::{EndpointId, Message};
use crate::translate::{RESENT_PREFIX, strip_timestamp};

/// The longest prefix of a mirrored message that is looked for, in letters and digits.
const MAX_PREFIX_LEN: usize = 60;

/// Shorter words are said by many: the prefix before them must show who said them.
const MIN_TELLING_LEN: usize = 12;

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Copies {
    hasher: RandomState,
    /// For messages that are equal in all we know of them: whether the first, second … is a copy.
    decisions: HashMap<u64, Vec<bool>>,
    /// How many of equal messages were asked about, on their way to each endpoint.
    asked: HashMap<(u64, EndpointId), usize>,
}

/// An endpoint that is linked with the source of a message.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct Linked {
    pub(in crate::bridge) endpoint: EndpointId,
    /// Whether one is a channel, and the other a room.
    pub(in crate::bridge) is_other_side: bool,
}

impl Restored {
    /// Finds out whether `message`, on its way to `to`, is the bridge's copy of what one of `linked` shows: the endpoints that
    /// are linked with its source. `has_prefix` tells whether it begins as mirrored messages do.
    pub(in crate::bridge) fn find_copy(
        &mut self,
        message: &Message,
        to: EndpointId,
        linked: &[Linked],
        has_prefix: bool,
    ) -> bool {
        let hash = self.copies.hash(message);
        let asked = self.copies.asked.entry((hash, to)).or_default();
        let number = std::mem::replace(asked, *asked + 1);
        let decisions = self.copies.decisions.entry(hash).or_default();
        if let Some(decision) = decisions.get(number) {
            return *decision;
        }
        let is_copy = self.decide_copy(message, linked, has_prefix).is_some();
        self.copies.decisions.entry(hash).or_default().push(is_copy);
        is_copy
    }

    /// Finds the original of `message`, and marks both.
    fn decide_copy(
        &mut self,
        message: &Message,
        linked: &[Linked],
        has_prefix: bool,
    ) -> Option<()> {
        let source = message.source;
        let seen = self.seen.get_mut(&source)?;
        let at = seen.position_of_message(message)?;
        seen.lines[at].is_decided = true;
        let line = &self.seen.get(&source)?.lines[at];
        let copy = Copy { source, line, has_prefix };
        let find = |linked: &Linked| {
            let at = copy.position_of_original(self.seen.get(&linked.endpoint)?, *linked)?;
            Some((linked.endpoint, at))
        };
        let (origin, original) = linked.iter().find_map(find)?;
        self.seen.get_mut(&source)?.lines[at].is_copy = true;
        self.seen.get_mut(&origin)?.lines[original].copied_to.push(source);
        Some(())
    }

    /// Frees what was decided, once nothing is left to decide.
    pub(super) fn forget_copies(&mut self) {
        if self.seen.values().all(Sightings::is_empty) {
            self.copies = Copies::default();
        }
    }
}

impl Copies {
    fn hash(&self, message: &Message) -> u64 {
        let Message { source, author, kind, body, sent_at } = message;
        self.hasher.hash_one((source, author, *kind as u8, body, sent_at))
    }
}

impl Sightings {
    /// The line that begins `message`, if it was not decided yet.
    fn position_of_message(&self, message: &Message) -> Option<usize> {
        let text = strip_timestamp(first_line(&message.body)).replacen(RESENT_PREFIX, "", 1);
        let is_it = |at: &usize| {
            let line = &self.lines[*at];
            let is_theirs = line.name.as_deref() == Some(message.author.name.as_str());
            is_theirs && !line.is_decided && line.text == text
        };
        let mut with_key = self.by_key.get(&key(&text))?.iter().copied().filter(is_it);
        let first = with_key.next()?;
        let is_of_time = |at: &usize| self.lines[*at].at == message.sent_at;
        if is_of_time(&first) {
            return Some(first);
        }
        Some(with_key.find(is_of_time).unwrap_or(first))
    }
}

impl SightedLine {
    /// The letters and digits of its author's name; empty for the bridge.
    fn author_key(&self) -> String {
        self.name.as_deref().map(key).unwrap_or_default()
    }
}

/// A line that may be a copy.
struct Copy<'a> {
    source: EndpointId,
    line: &'a SightedLine,
    has_prefix: bool,
}

impl Copy<'_> {
    /// The line of `seen`, which `linked` shows, of which it is the copy.
    fn position_of_original(&self, seen: &Sightings, linked: Linked) -> Option<usize> {
        if self.line.copied_to.contains(&linked.endpoint) {
            return None;
        }
        let same_words = seen.by_key.get(&self.line.key).into_iter().flatten().copied();
        let is_original = |at: &usize| self.may_be_copy_of(&seen.lines[*at]);
        let mut same_words = same_words.filter(is_original);
        let is_theirs = |at: &usize| linked.is_other_side && self.has_name_of(&seen.lines[*at]);
        same_words
            .find(is_theirs)
            .or_else(|| if self.has_prefix { self.position_after_prefix(seen) } else { None })
    }

    fn may_be_copy_of(&self, original: &SightedLine) -> bool {
        original.name.is_some()
            && !original.is_copy
            && !original.copied_to.contains(&self.source)
            && original.at.duration_since(self.line.at).abs() <= MAX_COPY_DELAY
    }

    /// Whether its sender is named after that of `original`, as accounts and puppets are.
    fn has_name_of(&self, original: &SightedLine) -> bool {
        let (Some(own), Some(theirs)) = (&self.line.name, &original.name) else { return false };
        let has_words = !self.line.key.is_empty() || self.line.text == original.text;
        // Of two with the same name, it does not matter which is the copy.
        let is_same = key(own) == key(theirs) && !key(own).is_empty();
        let is_derived = are_related(own, theirs) && original.at <= self.line.at;
        has_words && (is_same || is_derived)
    }

    /// The line whose words follow the prefix with its author's name.
    fn position_after_prefix(&self, seen: &Sightings) -> Option<usize> {
        let key = &self.line.key;
        let splits = key.char_indices().skip(1).take(MAX_PREFIX_LEN).map(|(at, _)| at);
        let find = |split: usize| {
            let (prefix, words) = key.split_at(split);
            let same_words = seen.by_key.get(words).into_iter().flatten().copied();
            let mut originals = same_words.filter(|at| self.may_be_copy_of(&seen.lines[*at]));
            originals.find(|at| shows_author(prefix, words, &seen.lines[*at]))
        };
        splits.filter_map(find).next().or_else(|| self.position_of_whole(seen))
    }

    /// The long line of which it is a part.
    fn position_of_whole(&self, seen: &Sightings) -> Option<usize> {
        let key = &self.line.key;
        let is_part = |at: &usize| {
            let line = &seen.lines[*at];
            let author = line.author_key();
            let words = key.split_once(&author).filter(|_| !author.is_empty());
            // Parts of one line have one original.
            words.is_some_and(|(_, words)| line.key.contains(words))
                && !line.is_copy
                && line.at.duration_since(self.line.at).abs() <= MAX_COPY_DELAY
        };
        seen.long.iter().copied().find(is_part)
    }
}

/// Whether `prefix` can stand for the author of `original` before `words`.
fn shows_author(prefix: &str, words: &str, original: &SightedLine) -> bool {
    let author = original.author_key();
    words.chars().count() >= MIN_TELLING_LEN || !author.is_empty() && prefix.contains(&author)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::sightings::{SightedSender, Sighting};
    use super::*;
    use crate::domain::{Author, MessageKind};
    use crate::store::Restoration;

    const ROOM: EndpointId = EndpointId(1);
    const TEA: EndpointId = EndpointId(2);
    const MILK: EndpointId = EndpointId(3);

    /// What was said: where, by whom, when, what.
    type Said<'a> = (EndpointId, &'a str, i64, &'a str);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn message((source, name, second, body): Said<'_>) -> Message {
        Message {
            source,
            author: Author::named(name),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: at(second),
        }
    }

    /// Which of `all` are copies, asked in the order of `asked`, on their way to each other endpoint.
    fn copies(all: &[Said<'_>], asked: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mark = Restoration { backup_at: at(0), restored_at: at(1000) };
        let mut restored = Restored { mark: Some(mark), ..Restored::default() };
        for (endpoint, name, second, text) in all {
            let by =
                if *name == "bridge" { SightedSender::Bridge } else { SightedSender::Named(name) };
            let sighting = Sighting { by, text, at: at(*second), id: None, is_unrecorded: false };
            restored.note(*endpoint, &sighting);
        }
        let mut copies = Vec::new();
        for number in asked {
            let said = all[number];
            let others = [ROOM, TEA, MILK].into_iter().filter(|it| *it != said.0);
            let is_other_side = |endpoint| (endpoint == ROOM) != (said.0 == ROOM);
            let linked = |endpoint| Linked { endpoint, is_other_side: is_other_side(endpoint) };
            let others: Vec<Linked> = others.map(linked).collect();
            let mut decide = |to| {
                let has_prefix = said.3.starts_with('<');
                restored.find_copy(&message(said), to, &others, has_prefix)
            };
            let decisions: Vec<bool> = others.iter().map(|to| decide(to.endpoint)).collect();
            assert_eq!(decisions[0], decisions[1], "decided once: {said:?}");
            copies.extend(decisions[0].then_some(number));
        }
        copies.sort_unstable();
        copies
    }

    /// In whatever order they are asked: as many.
    #[track_caller]
    fn assert_copies(all: &[Said<'_>], expected: &[usize]) {
        assert_eq!(copies(all, 0..all.len()), expected);
        let backwards = copies(all, (0..all.len()).rev());
        assert_eq!(backwards.len(), expected.len(), "in the other order: {backwards:?}");
    }

    #[test]
    fn post_of_a_new_account_is_a_copy_of_what_its_person_said_in_either_channel() {
        assert_copies(
            &[
                (TEA, "ann", 10, "ok"),
                (ROOM, "ann.irc", 11, "ok"),
                (MILK, "ann", 12, "ok"),
                (ROOM, "ann.irc", 13, "ok"),
                (ROOM, "ann.irc", 14, "ok"),
                (MILK, "bridge", 11, "<ann> ok"),
            ],
            &[1, 3],
        );
    }

    #[test]
    fn line_under_an_unknown_nick_is_a_copy_of_what_somebody_said_elsewhere() {
        assert_copies(
            &[
                (ROOM, "alice", 10, "one"),
                (TEA, "ferry", 11, "<alice> one"),
                (MILK, "ferry", 11, "<alice> one"),
                (MILK, "bob", 20, "two"),
                (TEA, "ferry", 21, "<bob> two"),
                (TEA, "ferry", 23, "<alice> two"),
            ],
            &[1, 2, 4],
        );
    }

    #[test]
    fn same_words_under_one_name_count_once() {
        let all = [(TEA, "ann", 10, "hi"), (ROOM, "ann", 10, "hi")];
        assert_eq!(copies(&all, [0, 1]), [0]);
        assert_eq!(copies(&all, [1, 0]), [1]);
    }

    #[test]
    fn same_words_of_others_are_no_copies() {
        assert_copies(
            &[
                (TEA, "ann", 10, "yes"),
                (ROOM, "bob", 11, "yes"),
                (ROOM, "ann.irc", 12, "yes, indeed"),
                (ROOM, "ann.irc", 9_000, "yes"),
            ],
            &[],
        );
    }
}
