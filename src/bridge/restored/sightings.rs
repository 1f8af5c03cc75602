//! What the history of one endpoint shows of the time that a restored state does not know.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::domain::{EndpointId, MessageKind, RenderedMessage};
use crate::protocol::irc;
use crate::translate::{RESENT_PREFIX, strip_timestamp};

/// How far apart a person's words and their copy by an unknown account can be.
pub(super) const MAX_COPY_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// What a line costs besides its text.
const LINE_OVERHEAD: usize = 100;

/// Shorter lines are whole messages: no server has lines so short that it would split them.
const MIN_SPLIT_LEN: usize = 200;

/// Shorter names can be part of another by chance.
const MIN_NAME_LEN: usize = 3;

/// A message that the catch-up shows.
#[derive(Debug)]
pub(in crate::bridge) struct Sighting<'a> {
    /// Who sent it.
    pub(in crate::bridge) by: SightedSender<'a>,
    /// Its text; may have several lines.
    pub(in crate::bridge) text: &'a str,
    /// When it was sent.
    pub(in crate::bridge) at: Timestamp,
    /// Its id on the network. What is shown twice under one id is one message.
    pub(in crate::bridge) id: Option<&'a str>,
    /// Whether the ledger is to record the id with the delivery that it turns out to be.
    pub(in crate::bridge) is_unrecorded: bool,
}

/// Who sent what the catch-up shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum SightedSender<'a> {
    /// The bridge, with the name of its author in the text.
    Bridge,
    /// By all that is known, somebody with this name; or the bridge, as an account or puppet of that name.
    Named(&'a str),
}

impl Sighting<'_> {
    /// Its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let lines = self.text.lines().count().max(1);
        let id = self.id.map_or(0, str::len);
        self.text.len() * 2 + id * 2 + lines * LINE_OVERHEAD
    }
}

/// A line of a message.
#[derive(Debug)]
pub(super) struct SightedLine {
    pub(super) text: String,
    /// Letters and digits only.
    pub(super) key: String,
    /// `None` for the bridge.
    pub(super) name: Option<String>,
    pub(super) at: Timestamp,
    /// The id of the message that begins with it.
    id: Option<String>,
    /// The sources of the messages that it was found to be.
    claimed_by: Vec<EndpointId>,
    /// Whether it was decided if its message is the bridge's copy of another.
    pub(super) is_decided: bool,
    /// Its message is the bridge's copy of another.
    pub(super) is_copy: bool,
    /// The endpoints that show a copy of it.
    pub(super) copied_to: Vec<EndpointId>,
}

/// What the history of one endpoint shows.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Sightings {
    pub(super) lines: Vec<SightedLine>,
    /// The lines of each key, and of each key up to an address.
    pub(super) by_key: HashMap<String, Vec<usize>>,
    /// The lines that may be parts of a longer message.
    pub(super) long: Vec<usize>,
    /// The ids of what was seen. The pages of a history overlap.
    ids: HashSet<String>,
    bytes: usize,
    /// How many lines earlier catch-ups have shown, of which this one may repeat some.
    seen_before: usize,
    is_read: bool,
    has_gap: bool,
}

/// A doubtful message, as it would be sent to the endpoint.
#[derive(Debug)]
pub(in crate::bridge) struct Doubtful<'a> {
    /// Where it was said.
    pub(in crate::bridge) source: EndpointId,
    /// As the bridge sends it.
    pub(in crate::bridge) rendered: &'a RenderedMessage,
    /// As an account or puppet of its author sends it.
    pub(in crate::bridge) own_words: &'a str,
    /// The names of its author.
    pub(in crate::bridge) names: Vec<&'a str>,
    /// When it was sent.
    pub(in crate::bridge) sent_at: Timestamp,
}

impl Sightings {
    /// Whether the catch-up is over.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The catch-up was interrupted, and begins again a little earlier.
    pub(super) fn begin_again(&mut self) {
        self.seen_before = self.lines.len();
    }

    pub(super) fn mark_incomplete(&mut self) {
        self.has_gap = true;
    }

    pub(super) fn finish(&mut self, complete: bool) {
        self.has_gap |= !self.is_read && !complete;
        self.is_read = true;
    }

    /// Forgets what was seen. What is asked later is unclear. Returns how many bytes that were.
    pub(super) fn forget(&mut self) -> usize {
        let bytes = self.bytes;
        *self = Self { is_read: self.is_read, has_gap: true, ..Self::default() };
        bytes
    }

    /// The ledger knows this message of `source`, the endpoint that shows it: only copies of it are to be found.
    pub(super) fn note_known(&mut self, source: EndpointId, sighting: &Sighting<'_>) {
        let before = self.lines.len();
        self.note(sighting);
        for line in &mut self.lines[before..] {
            line.is_decided = true;
            line.claimed_by.push(source);
        }
    }

    pub(super) fn note(&mut self, sighting: &Sighting<'_>) {
        if sighting.id.is_some_and(|id| !self.ids.insert(id.to_owned())) {
            return;
        }
        self.bytes += sighting.size();
        let mut id = sighting.id.filter(|_| sighting.is_unrecorded).map(str::to_owned);
        for line in sighting.text.lines().filter(|line| !line.trim().is_empty()) {
            let text = strip_timestamp(line).replacen(RESENT_PREFIX, "", 1);
            let key = key(&text);
            let name = match sighting.by {
                SightedSender::Bridge => None,
                SightedSender::Named(name) => Some(name.to_owned()),
            };
            let at = self.lines.len();
            if self.is_repeated(&key, &text, sighting.at) {
                continue;
            }
            if let Some(key) = key_until_link(&text) {
                self.by_key.entry(key).or_default().push(at);
            }
            if text.len() >= MIN_SPLIT_LEN {
                self.long.push(at);
            }
            self.by_key.entry(key.clone()).or_default().push(at);
            self.lines.push(SightedLine {
                text,
                key,
                name,
                at: sighting.at,
                id: id.take(),
                claimed_by: Vec::new(),
                is_decided: false,
                is_copy: false,
                copied_to: Vec::new(),
            });
        }
    }

    /// Whether an earlier catch-up has shown this line.
    fn is_repeated(&self, key: &str, text: &str, at: Timestamp) -> bool {
        let before = self.by_key.get(key).into_iter().flatten();
        let mut before = before.filter(|it| **it < self.seen_before).map(|it| &self.lines[*it]);
        before.any(|line| line.at == at && line.text == text)
    }

    /// Whether `message` is among what was seen. What it is found as belongs to it from then on.
    pub(in crate::bridge) fn find(&mut self, message: &Doubtful<'_>) -> Finding {
        if let Some(at) = self.position_of_copy(message, |line| line.claimed_by.is_empty()) {
            self.claim(at, message);
            return Finding::Arrived(self.lines[at].id.take());
        }
        if let Some(at) = self.position_of_same_words(message) {
            let name = self.lines[at].name.clone().unwrap_or_default();
            let is_theirs = message.names.iter().any(|own| are_related(own, &name));
            self.claim(at, message);
            return if is_theirs { Finding::Arrived(None) } else { Finding::Unclear };
        }
        // What somebody says in a channel, and an account of theirs in the room, are one message: it comes from both.
        let from_elsewhere = |line: &SightedLine| !line.claimed_by.contains(&message.source);
        let copy = self.position_of_copy(message, from_elsewhere);
        if let Some(at) = copy.or_else(|| self.position_of_copy_by_stem(message)) {
            self.claim(at, message);
            return Finding::Arrived(None);
        }
        let is_whole = self.is_read && !self.has_gap;
        if is_whole { Finding::Missing } else { Finding::Unclear }
    }

    /// The first line of the message, as the bridge has sent it.
    fn position_of_copy(
        &self,
        message: &Doubtful<'_>,
        is_unclaimed: impl Fn(&SightedLine) -> bool,
    ) -> Option<usize> {
        let RenderedMessage { prefix, body, kind } = message.rendered;
        let first = first_line(body);
        let whole = format!("{prefix}{first}");
        let is_free = |at: &usize| {
            let line = &self.lines[*at];
            is_unclaimed(line)
                && (line.name.is_none() || begins_like(&line.text, prefix, *kind))
                && line.at >= message.sent_at - MAX_COPY_DELAY
        };
        let with_key = |key: &str| self.by_key.get(key).into_iter().flatten().copied();
        if let Some(at) =
            with_key(&key(&whole)).filter(is_free).find(|at| self.shows(*at, &whole, first))
        {
            return Some(at);
        }
        // With a link that was made at another time.
        let linked = key_until_link(&whole);
        if let Some(at) = linked.and_then(|key| with_key(&key).find(is_free)) {
            return Some(at);
        }
        // Merged with earlier lines.
        let mut merged = with_key(&key(first)).filter(is_free);
        if let Some(at) =
            merged.find(|at| self.is_after_line_of(*at, prefix) && self.shows(*at, first, first))
        {
            return Some(at);
        }
        // Split into several lines.
        if whole.len() < MIN_SPLIT_LEN {
            return None;
        }
        let is_part = |at: &usize| irc::matched_len(prefix, body, &self.lines[*at].text).is_some();
        self.long.iter().copied().filter(is_free).find(is_part)
    }

    /// The first line of what the bridge has sent for a person after whom the author is named. An account that the
    /// bridge made after the backup counts as somebody who types in the room, under a name like `ann.irc`.
    fn position_of_copy_by_stem(&self, message: &Doubtful<'_>) -> Option<usize> {
        let RenderedMessage { prefix, body, .. } = message.rendered;
        let (author, others) = message.names.split_first()?;
        let stem = author.split(|c: char| !c.is_alphanumeric()).next();
        let (author, prefix, words) = (key(author), key(prefix), key(first_line(body)));
        let names = others.iter().copied().chain(stem).map(key);
        let mut names = names.filter(|name| !name.is_empty() && *name != author);
        names.find_map(|name| {
            let whole = prefix.replacen(&author, &name, 1) + &words;
            let mut lines = self.by_key.get(&whole)?.iter().copied();
            lines.find(|at| {
                let line = &self.lines[*at];
                let is_near = line.at.duration_since(message.sent_at).abs() <= MAX_COPY_DELAY;
                line.name.is_none() && is_near && !line.claimed_by.contains(&message.source)
            })
        })
    }

    /// Whether a line with the key of `whole` shows it: words of neither letters nor digits must be equal.
    fn shows(&self, at: usize, whole: &str, words: &str) -> bool {
        !key(words).is_empty() || self.lines[at].text.trim() == whole.trim()
    }

    /// Whether the line follows, in the same post of the bridge, one that begins with `prefix`.
    fn is_after_line_of(&self, at: usize, prefix: &str) -> bool {
        let post = self.lines[at].at;
        let before = self.lines[..at].iter().rev();
        let mut before = before.take_while(|line| line.at == post && line.name.is_none());
        before.any(|line| !prefix.trim().is_empty() && line.text.starts_with(prefix.trim()))
    }

    /// The first line of the same words by somebody else, at about the same time.
    fn position_of_same_words(&self, message: &Doubtful<'_>) -> Option<usize> {
        let first = first_line(message.own_words);
        let is_near =
            |line: &SightedLine| line.at.duration_since(message.sent_at).abs() <= MAX_COPY_DELAY;
        let same_key = self.by_key.get(&key(first))?.iter().copied();
        let mut candidates = same_key.filter(|at| {
            let line = &self.lines[*at];
            line.claimed_by.is_empty()
                && line.name.is_some()
                && is_near(line)
                && self.shows(*at, first, first)
        });
        let first_found = candidates.next()?;
        // Rather by somebody of the same name.
        let is_theirs = |at: &usize| {
            let name = self.lines[*at].name.as_deref().unwrap_or_default();
            message.names.iter().any(|own| are_related(own, name))
        };
        if is_theirs(&first_found) {
            return Some(first_found);
        }
        Some(candidates.find(is_theirs).unwrap_or(first_found))
    }

    /// The line at `at`, and those after it that show the rest of the message, belong to it.
    fn claim(&mut self, at: usize, message: &Doubtful<'_>) {
        self.lines[at].claimed_by.push(message.source);
        let rest = message.own_words.lines().filter(|line| !line.trim().is_empty()).skip(1);
        for (line, text) in self.lines[at + 1..].iter_mut().zip(rest) {
            if line.claimed_by.contains(&message.source) || !line.key.ends_with(&key(text)) {
                return;
            }
            line.claimed_by.push(message.source);
        }
    }
}

/// Whether `text`, by a name that the backup does not know, begins as what the bridge sends with `prefix`.
fn begins_like(text: &str, prefix: &str, kind: MessageKind) -> bool {
    let name = key(prefix);
    // Before actions, the client puts the mark.
    let mark = prefix.chars().next().filter(|mark| !mark.is_alphanumeric());
    let has_mark = mark.map_or(kind == MessageKind::Action, |mark| text.starts_with(mark));
    has_mark && !name.is_empty() && key(text).starts_with(&name)
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text)
}

/// The letters and digits of `text` in lower case: what a conversion between the networks leaves.
pub(super) fn key(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The key of what stands before an address, if there is one. An address contains the time of its making.
fn key_until_link(text: &str) -> Option<String> {
    let (before, _) = text.split_once("http")?;
    Some(format!("{} http", key(before)))
}

/// Whether one name contains the other: accounts and puppets are named after their people.
pub(super) fn are_related(one: &str, other: &str) -> bool {
    // An account made for `m4` is called `m4.irc`.
    let begins_with = |name: &str, other: &str| {
        let stem = name.split(|c: char| !c.is_alphanumeric()).find(|part| !part.is_empty());
        stem.is_some_and(|stem| key(stem) == key(other))
    };
    if begins_with(one, other) || begins_with(other, one) {
        return true;
    }
    let (one, other) = (key(one), key(other));
    let is_long = |name: &str| name.chars().count() >= MIN_NAME_LEN;
    one == other && !one.is_empty()
        || is_long(&one) && other.contains(&one)
        || is_long(&other) && one.contains(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    /// What `seen` tells of ann's `text`, sent at second 100.
    fn find(seen: &mut Sightings, text: &str) -> Finding {
        find_from(EndpointId(1), seen, text)
    }

    /// What `seen` tells of ann's `text`, said at `source`.
    fn find_from(source: EndpointId, seen: &mut Sightings, text: &str) -> Finding {
        let rendered = RenderedMessage {
            kind: MessageKind::Text,
            prefix: "<ann> ".to_owned(),
            body: text.to_owned(),
        };
        let names = vec!["ann"];
        seen.find(&Doubtful {
            source,
            rendered: &rendered,
            own_words: text,
            names,
            sent_at: at(100),
        })
    }

    /// What an endpoint shows, all of second 101.
    fn seen(texts: &[(SightedSender<'_>, &str)]) -> Sightings {
        let mut seen = Sightings::default();
        for (by, text) in texts {
            seen.note(&Sighting { by: *by, text, at: at(101), id: None, is_unrecorded: false });
        }
        seen.finish(true);
        seen
    }

    const ARRIVED: Finding = Finding::Arrived(None);

    const BRIDGE: SightedSender<'_> = SightedSender::Bridge;

    #[test]
    fn message_is_found_as_it_was_sent() {
        let long = "word ".repeat(100);
        let part = format!("<ann> {}", &long[..400]);
        for (by, shown, text) in [
            (BRIDGE, "<ann> hello", "hello"),
            (BRIDGE, "[09:41Z] <ann> hello", "hello"),
            (BRIDGE, "<ann> (resent) hello", "hello"),
            (BRIDGE, "<a\u{200b}nn> hello, @Bob!", "hello, bob"),
            (BRIDGE, "<ann> one\ntwo", "two"),
            (BRIDGE, "<ann> :-)", ":-)"),
            (BRIDGE, "<ann> see https://b.example/1", "see https://b.example/2"),
            (BRIDGE, &part, &long),
            (SightedSender::Named("ann"), "hello", "hello"),
            (SightedSender::Named("Ann.irc"), "hello", "hello"),
        ] {
            assert_eq!(find(&mut seen(&[(by, shown)]), text), ARRIVED, "{shown}");
        }
    }

    #[test]
    fn other_message_is_not_taken_for_it() {
        for (by, shown, text) in [
            (BRIDGE, "<bob> hello", "hello"),
            (BRIDGE, "<ann> oh, hello", "hello"),
            (BRIDGE, "<bob> one\ntwo", "two"),
            (BRIDGE, "<ann> :-(", ":-)"),
            (BRIDGE, "<ann> say https://b.example/1", "see https://b.example/2"),
            (SightedSender::Named("ann"), "hello you", "hello"),
        ] {
            assert_eq!(find(&mut seen(&[(by, shown)]), text), Finding::Missing, "{shown}");
        }
    }

    #[test]
    fn same_words_of_somebody_else_leave_it_unclear() {
        let mut both = seen(&[(SightedSender::Named("bob"), "yes")]);
        assert_eq!(find(&mut both, "yes"), Finding::Unclear);
        assert_eq!(find(&mut both, "yes"), Finding::Missing, "bob said it once");
    }

    #[test]
    fn each_sighting_is_found_once() {
        let mut twice = seen(&[(BRIDGE, "<ann> ha"), (BRIDGE, "<ann> ha")]);
        let found: Vec<Finding> = (0..3).map(|_| find(&mut twice, "ha")).collect();
        assert_eq!(found, [ARRIVED, ARRIVED, Finding::Missing]);
    }

    #[test]
    fn words_in_a_channel_and_by_an_account_in_its_room_are_one_message() {
        let mut once = seen(&[(BRIDGE, "<ann> ha")]);
        let (room, channel) = (EndpointId(1), EndpointId(2));
        assert_eq!(find_from(room, &mut once, "ha"), ARRIVED);
        assert_eq!(find_from(channel, &mut once, "ha"), ARRIVED);
        for source in [room, channel] {
            assert_eq!(find_from(source, &mut once, "ha"), Finding::Missing, "said twice");
        }
    }

    #[test]
    fn words_by_an_account_that_the_backup_does_not_know_are_those_of_its_person() {
        let mut once = seen(&[(BRIDGE, "<a\u{200b}nn> hello"), (BRIDGE, "<bob> hello")]);
        let prefix = "<ann.irc> ".to_owned();
        let rendered =
            RenderedMessage { kind: MessageKind::Text, prefix, body: "hello".to_owned() };
        let mut find = |source| {
            once.find(&Doubtful {
                source: EndpointId(source),
                rendered: &rendered,
                own_words: "hello",
                names: vec!["ann.irc"],
                sent_at: at(100),
            })
        };
        assert_eq!([find(1), find(2), find(1)], [ARRIVED, ARRIVED, Finding::Missing]);
    }

    #[test]
    fn message_that_two_pages_show_counts_once() {
        let mut seen = Sightings::default();
        for id in ["b0", "b1", "b1"] {
            let id = Some(id);
            seen.note(&Sighting {
                by: BRIDGE,
                text: "<ann> ha",
                at: at(101),
                id,
                is_unrecorded: true,
            });
        }
        seen.finish(true);
        let found: Vec<Finding> = (0..3).map(|_| find(&mut seen, "ha")).collect();
        let arrived = |id: &str| Finding::Arrived(Some(id.to_owned()));
        assert_eq!(found, [arrived("b0"), arrived("b1"), Finding::Missing]);
    }

    #[test]
    fn history_with_gaps_proves_only_what_it_shows() {
        let mut seen = Sightings::default();
        seen.note(&Sighting {
            by: BRIDGE,
            text: "<ann> one",
            at: at(101),
            id: None,
            is_unrecorded: false,
        });
        seen.finish(false);
        assert_eq!(find(&mut seen, "one"), ARRIVED);
        assert_eq!(find(&mut seen, "two"), Finding::Unclear);
        assert_eq!(find(&mut Sightings::default(), "one"), Finding::Unclear);
    }
}
