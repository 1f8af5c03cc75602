//! Counts what was sent on each side and what arrived on the other, as the demo's own servers saw it.
//!
//! ```text
//! sent ──heard──▶ ──stored──▶ ──arrived──▶   seen again? then it came twice
//! └────────── waiting ──────┘
//! ```

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How many messages may wait. Beyond that, the oldest is no longer watched.
const MAX_WAITING: usize = 10_000;
/// How many messages that have arrived are remembered, to recognise one that arrives twice.
const MAX_ARRIVED: usize = 1_000;
/// A message of the bridge with this many bytes of letters may be the first part of a longer line.
const LONG: usize = 200;
/// How much later than an arrival the bridge's log may be read.
const LOG_DELAY: SignedDuration = SignedDuration::from_millis(300);

/// A side of the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DemoSide {
    /// The IRC server.
    Irc,
    /// Let's Chat.
    LetsChat,
}

/// A message of a person, as the server of its side saw it.
#[derive(Debug, Clone)]
pub(super) struct SentMessage {
    pub(super) side: DemoSide,
    /// Which channel or room: its position in the list of channels.
    pub(super) place: usize,
    pub(super) author: String,
    pub(super) text: String,
    /// The id that the server gave it.
    pub(super) id: Option<String>,
    pub(super) at: Timestamp,
}

/// A message that has arrived, with how long after it was sent each step was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageArrival {
    pub(super) from: DemoSide,
    pub(super) place: usize,
    pub(super) author: String,
    pub(super) heard: Option<SignedDuration>,
    pub(super) stored: Option<SignedDuration>,
    pub(super) arrived: SignedDuration,
}

/// The totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct TallyTotals {
    sent: u64,
    arrived: u64,
    waiting: usize,
    twice: u64,
}

/// All messages on their way, the last that arrived, and the totals.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting: VecDeque<Waiting>,
    arrived: VecDeque<Arrived>,
    /// Those whose arrival nobody has been told of: the bridge's log may say later when it heard them.
    untold: VecDeque<(Waiting, Timestamp)>,
    totals: TallyTotals,
}

/// The letters and digits of a text. The bridge keeps them, and may change the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Letters {
    all: String,
    /// How many bytes of them are in the first line.
    first_line: usize,
}

/// Who said something where. The bridge keeps the order of what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Speaker {
    side: DemoSide,
    place: usize,
    author: String,
}

#[derive(Debug)]
struct Waiting {
    speaker: Speaker,
    author: String,
    letters: Letters,
    id: Option<String>,
    at: Timestamp,
    heard: Option<Timestamp>,
    stored: Option<Timestamp>,
}

#[derive(Debug)]
struct Arrived {
    speaker: Speaker,
    sent: Letters,
    /// The letters as they arrived.
    seen: String,
    /// What is still to come: a message of several lines becomes several messages on IRC.
    rest: String,
    at: Timestamp,
    /// Who may have typed on the other side what seems to be its arrival.
    typist: Option<Speaker>,
}

impl Tally {
    /// The totals so far.
    pub(super) fn totals(&self) -> TallyTotals {
        TallyTotals { waiting: self.waiting.len(), ..self.totals }
    }

    /// A person has sent a message.
    pub(super) fn sent(&mut self, message: SentMessage) {
        let SentMessage { side, place, author, text, id, at } = message;
        if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            return;
        }
        self.totals.sent += 1;
        let speaker = Speaker { side, place, author: name_of(&author) };
        let letters = Letters::of(&text);
        let (heard, stored) = (None, None);
        self.waiting.push_back(Waiting { speaker, author, letters, id, at, heard, stored });
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
    }

    /// The bridge has heard the message with this id.
    pub(super) fn heard(&mut self, id: &str, at: Timestamp) {
        if let Some(message) = self.all().find(|it| it.id.as_deref() == Some(id)) {
            message.heard.get_or_insert(at);
        }
    }

    /// The bridge has stored all that it heard.
    pub(super) fn stored(&mut self, at: Timestamp) {
        for message in self.all().filter(|it| it.heard.is_some()) {
            message.stored.get_or_insert(at);
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Waiting> {
        let untold = self.untold.iter_mut().map(|(message, _)| message);
        untold.chain(&mut self.waiting)
    }

    /// The arrivals of which every step is known, or which are older than [`LOG_DELAY`].
    pub(super) fn take_arrivals(&mut self, now: Timestamp) -> Vec<MessageArrival> {
        let mut arrivals = Vec::new();
        while let Some((message, at)) = self.untold.pop_front_if(|(message, at)| {
            message.stored.is_some() || now.duration_since(*at) > LOG_DELAY
        }) {
            arrivals.push(message.arrival(at));
        }
        arrivals
    }

    /// The bridge has said something on the other side: in its words, `author` says `text` on `from`.
    pub(super) fn appeared(
        &mut self,
        from: DemoSide,
        place: usize,
        author: &str,
        text: &str,
        at: Timestamp,
    ) {
        let speaker = Speaker { side: from, place, author: name_of(author) };
        let letters = letters_of(text);
        if self.continues(&speaker, &letters) {
            return;
        }
        let is_it = |it: &Waiting| it.speaker == speaker && it.letters.may_be(&letters);
        if let Some(position) = self.waiting.iter().position(is_it) {
            self.arrive(position, letters, at);
        } else if let Some(position) =
            self.arrived.iter().position(|it| it.is_typed(&speaker, &letters))
        {
            self.take_back(position, speaker, letters, at);
        } else if self.arrived.iter().any(|it| it.speaker == speaker && it.was(&letters)) {
            self.totals.twice += 1;
        } else if let Some(oldest) = self.waiting.iter().position(|it| it.speaker == speaker) {
            // The bridge has translated it, such as a mention: the order says which it is.
            self.arrive(oldest, letters, at);
        }
    }

    /// As [`appeared`](Self::appeared), by an account in Let's Chat that `typist` uses, too. If they typed it, the bridge
    /// will say it on IRC.
    pub(super) fn appeared_or_typed(
        &mut self,
        typist: &str,
        place: usize,
        author: &str,
        text: &str,
        at: Timestamp,
    ) {
        let before = self.totals.arrived;
        self.appeared(DemoSide::Irc, place, author, text, at);
        if let Some(last) = self.arrived.back_mut().filter(|_| self.totals.arrived > before) {
            last.typist =
                Some(Speaker { side: DemoSide::LetsChat, place, author: name_of(typist) });
        }
    }

    /// What seemed to have arrived has not: somebody typed the same, which has arrived just now.
    fn take_back(&mut self, position: usize, typist: Speaker, seen: String, at: Timestamp) {
        let Some(Arrived { speaker, sent, at: sent_at, .. }) = self.arrived.remove(position) else {
            return;
        };
        let (author, heard, stored, id) = (speaker.author.clone(), None, None, None);
        let letters = sent.clone();
        self.waiting.push_front(Waiting {
            speaker,
            author,
            letters,
            id,
            at: sent_at,
            heard,
            stored,
        });
        self.totals.sent += 1;
        let (rest, typist_of) = (String::new(), None);
        self.arrived.push_back(Arrived {
            speaker: typist,
            sent,
            seen,
            rest,
            at,
            typist: typist_of,
        });
    }

    /// Whose message on IRC an account posts as `text`, if any is known: probably that of the person with the name
    /// `likely`, which is late to follow a change of the nick.
    pub(super) fn author_of(&self, place: usize, likely: &str, text: &str) -> Option<String> {
        let letters = letters_of(text);
        let arrived = self.arrived.iter().filter(|it| it.was(&letters)).map(|it| &it.speaker);
        self.author_waiting(place, likely, text).or_else(|| author_among(arrived, place, likely))
    }

    /// As [`author_of`](Self::author_of), of the messages that wait.
    pub(super) fn author_waiting(&self, place: usize, likely: &str, text: &str) -> Option<String> {
        let letters = letters_of(text);
        let waiting = self.waiting.iter().filter(|it| it.letters.may_be(&letters));
        author_among(waiting.map(|it| &it.speaker), place, likely)
    }

    /// Whether this is a further line of a message that has arrived already.
    fn continues(&mut self, speaker: &Speaker, letters: &str) -> bool {
        let last = self.arrived.iter_mut().rev().find(|it| it.speaker == *speaker);
        let Some(last) = last.filter(|it| !it.rest.is_empty() && !letters.is_empty()) else {
            return false;
        };
        let Some(rest) = last.rest.strip_prefix(letters).map(str::to_owned) else { return false };
        last.rest = rest;
        true
    }

    /// The message at `position` of those that wait has arrived, with the letters `seen`.
    fn arrive(&mut self, position: usize, seen: String, at: Timestamp) {
        let Some(message) = self.waiting.remove(position) else { return };
        self.totals.arrived += 1;
        let rest = message.letters.all.strip_prefix(&seen).unwrap_or_default().to_owned();
        let (speaker, sent) = (message.speaker.clone(), message.letters.clone());
        self.arrived.push_back(Arrived { speaker, sent, seen, rest, at: message.at, typist: None });
        if self.arrived.len() > MAX_ARRIVED {
            self.arrived.pop_front();
        }
        self.untold.push_back((message, at));
    }
}

/// The author among these speakers, in this channel: the one with the name `likely`, or else any.
fn author_among<'a>(
    speakers: impl Iterator<Item = &'a Speaker> + Clone,
    place: usize,
    likely: &str,
) -> Option<String> {
    let mut here = speakers.filter(|it| it.side == DemoSide::Irc && it.place == place);
    let likely = name_of(likely);
    let found = here.clone().find(|it| it.author == likely).or_else(|| here.next());
    found.map(|speaker| speaker.author.clone())
}

impl Waiting {
    /// Its arrival at this time.
    fn arrival(self, at: Timestamp) -> MessageArrival {
        let after = |then: Timestamp| then.duration_since(self.at).max(SignedDuration::ZERO);
        MessageArrival {
            from: self.speaker.side,
            place: self.speaker.place,
            heard: self.heard.map(after),
            stored: self.stored.map(after),
            arrived: after(at),
            author: self.author,
        }
    }
}

impl Arrived {
    /// Whether this speaker may have typed it.
    fn is_typed(&self, speaker: &Speaker, letters: &str) -> bool {
        self.typist.as_ref() == Some(speaker) && self.was(letters)
    }

    fn was(&self, letters: &str) -> bool {
        self.seen == letters || self.sent.may_be(letters)
    }
}

impl Letters {
    fn of(text: &str) -> Self {
        let first_line = text.trim().lines().next().map_or(0, |line| letters_of(line).len());
        Self { all: letters_of(text), first_line }
    }

    /// Whether a message of the bridge with the letters `seen` may be this text or its beginning: its first line,
    /// or as much of it as one message on IRC can hold.
    fn may_be(&self, seen: &str) -> bool {
        self.all == seen
            || (!seen.is_empty() && self.all[..self.first_line] == *seen)
            || (seen.len() >= LONG && self.all.starts_with(seen))
    }
}

fn letters_of(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A name without the invisible characters that the bridge may put into it.
fn name_of(text: &str) -> String {
    let visible = text.chars().filter(|c| c.is_alphanumeric() || c.is_ascii_punctuation());
    visible.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn say(tally: &mut Tally, author: &str, text: &str) {
        let (side, author, text) = (DemoSide::Irc, author.to_owned(), text.to_owned());
        let id = Some(format!("id of {text}"));
        tally.sent(SentMessage { side, place: 0, author, text, id, at: at(0) });
    }

    #[track_caller]
    fn check(tally: &Tally, sent: u64, arrived: u64, waiting: usize, twice: u64) {
        assert_eq!(tally.totals(), TallyTotals { sent, arrived, waiting, twice });
    }

    #[test]
    fn each_step_is_timed_from_when_it_was_sent() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", "hello there");
        tally.heard("id of hello there", at(1));
        tally.stored(at(2));
        tally.stored(at(9));
        check(&tally, 1, 0, 1, 0);
        tally.appeared(DemoSide::Irc, 0, "dave", "hello there", at(3));
        let after = SignedDuration::from_millis;
        assert_eq!(
            tally.take_arrivals(at(3)),
            [MessageArrival {
                from: DemoSide::Irc,
                place: 0,
                author: "dave".to_owned(),
                heard: Some(after(1)),
                stored: Some(after(2)),
                arrived: after(3),
            }]
        );
        check(&tally, 1, 1, 0, 0);
    }

    #[test]
    fn an_arrival_waits_for_the_log_for_a_moment() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", "one");
        say(&mut tally, "dave", "two");
        tally.appeared(DemoSide::Irc, 0, "dave", "one", at(3));
        tally.appeared(DemoSide::Irc, 0, "dave", "two", at(4));
        assert_eq!(tally.take_arrivals(at(5)), []);
        tally.heard("id of one", at(1));
        tally.stored(at(2));
        let stored: Vec<_> = tally.take_arrivals(at(5)).iter().map(|it| it.stored).collect();
        assert_eq!(stored, [Some(SignedDuration::from_millis(2))]);
        let stored: Vec<_> = tally.take_arrivals(at(500)).iter().map(|it| it.stored).collect();
        assert_eq!(stored, [None]);
    }

    #[test]
    fn a_second_arrival_is_counted() {
        let mut tally = Tally::default();
        for text in ["one", "two"] {
            say(&mut tally, "dave", text);
        }
        for text in ["one", "one", "two", "one"] {
            tally.appeared(DemoSide::Irc, 0, "dave", text, at(1));
        }
        check(&tally, 2, 2, 0, 2);
    }

    #[test]
    fn the_same_words_said_twice_arrive_twice() {
        let mut tally = Tally::default();
        for _ in 0..2 {
            say(&mut tally, "dave", "ha");
            tally.appeared(DemoSide::Irc, 0, "dave", "ha", at(1));
        }
        check(&tally, 2, 2, 0, 0);
    }

    #[test]
    fn others_words_are_not_mine() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", "hello");
        tally.appeared(DemoSide::Irc, 0, "erin", "hello", at(1));
        tally.appeared(DemoSide::Irc, 1, "dave", "hello", at(1));
        tally.appeared(DemoSide::LetsChat, 0, "dave", "hello", at(1));
        check(&tally, 1, 0, 1, 0);
    }

    #[test]
    fn lines_of_one_message_are_one_arrival() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", "one\ntwo\nthree");
        for text in ["one", "two", "three"] {
            tally.appeared(DemoSide::Irc, 0, "d\u{200b}ave", text, at(1));
        }
        check(&tally, 1, 1, 0, 0);
        tally.appeared(DemoSide::Irc, 0, "dave", "one", at(1));
        check(&tally, 1, 1, 0, 1);
    }

    #[test]
    fn a_translated_message_is_the_oldest_that_waits() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", ":tea: anyone?");
        say(&mut tally, "dave", "me too");
        tally.appeared(DemoSide::Irc, 0, "dave", "🍵 anyone?", at(1));
        tally.appeared(DemoSide::Irc, 0, "dave", "🍵 anyone?", at(1));
        check(&tally, 2, 1, 1, 1);
        say(&mut tally, "dave", "🎉");
        for text in ["me too", "🎉"] {
            tally.appeared(DemoSide::Irc, 0, "dave", text, at(1));
        }
        check(&tally, 3, 3, 0, 1);
    }

    #[test]
    fn account_with_an_old_name_posts_for_its_person() {
        let mut tally = Tally::default();
        say(&mut tally, "david", "me again");
        say(&mut tally, "erin", "ha");
        say(&mut tally, "david", "ha");
        for (likely, text, author) in [
            ("dave", "me again", Some("david")),
            ("erin", "ha", Some("erin")),
            ("david", "ha", Some("david")),
            ("dave", "never said", None),
        ] {
            assert_eq!(tally.author_of(0, likely, text).as_deref(), author, "{likely}: {text}");
        }
        tally.appeared(DemoSide::Irc, 0, "david", "me again", at(1));
        assert_eq!(tally.author_waiting(0, "dave", "me again"), None);
        assert_eq!(tally.author_of(0, "dave", "me again").as_deref(), Some("david"));
    }

    #[test]
    fn what_an_owner_types_is_no_arrival() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", "ha");
        tally.appeared_or_typed("david", 0, "dave", "ha", at(1));
        check(&tally, 1, 1, 0, 0);
        // The bridge says it on IRC: it was typed.
        tally.appeared(DemoSide::LetsChat, 0, "d\u{200b}avid", "ha", at(2));
        check(&tally, 2, 1, 1, 0);
        tally.appeared_or_typed("david", 0, "dave", "ha", at(3));
        check(&tally, 2, 2, 0, 0);
        tally.appeared(DemoSide::LetsChat, 0, "david", "something else", at(4));
        check(&tally, 2, 2, 0, 0);
    }

    #[test]
    fn nothing_visible_does_not_count() {
        let mut tally = Tally::default();
        say(&mut tally, "dave", " \u{2} ");
        check(&tally, 0, 0, 0, 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut tally = Tally::default();
        for number in 0..MAX_WAITING + 5 {
            say(&mut tally, "dave", &format!("number {number}"));
        }
        assert_eq!(tally.waiting.len(), MAX_WAITING);
        for number in 0..MAX_ARRIVED + 10 {
            tally.appeared(DemoSide::Irc, 0, "dave", &format!("number {number}"), at(1));
        }
        assert_eq!(tally.arrived.len(), MAX_ARRIVED);
    }
}
