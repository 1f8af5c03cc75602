//! Two programs that answer each other through the bridge are parted before they fill the channel.
//!
//! Each pair of people on two sides is watched. That two of them speak in turn, and nobody twice in a
//! row, is a conversation; that they do so faster than people type, or with the same words over and
//! over, is two programs that set each other off. Then what the two say is not mirrored for a while:
//! it stays in the ledger, is counted, and the number is told afterwards.
//!
//! ```text
//!            too fast, or the same again                    the pause is over
//!  Watched ───────────────────────────────▶ Parted(pause) ─────────────────────▶ Watched
//!      ▲                                                        │ again: the next pause is twice as long
//!      └──────── an hour without ───────────────────────────────┘
//! ```

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Message, PlaceId};

/// How much of each conversation is remembered.
const REMEMBERED: usize = 32;

/// A turn that comes later than this is no answer.
const ANSWER: SignedDuration = SignedDuration::from_secs(4);

/// So many turns that say no more than half as many different things are a loop.
const REPEATED_TURNS: usize = 8;

/// So many turns are a loop where they come faster than people write.
const FAST_TURNS: usize = 16;

/// How long a turn takes on average where people write.
const FAST: SignedDuration = SignedDuration::from_secs(2);

/// The first pause, and the longest.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Two who have kept quiet for so long begin anew.
const FORGIVEN: SignedDuration = SignedDuration::from_hours(1);

/// Who may be setting each other off.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// By conversation: by the lowest number of its places.
    heard: HashMap<PlaceId, VecDeque<Turn>>,
    parted: HashMap<Pair, Parted>,
}

/// One thing said, as far as it matters here.
#[derive(Debug, Clone)]
struct Turn {
    who: Speaker,
    name: Arc<str>,
    words: u64,
    at: Timestamp,
}

/// Somebody in a place, by a digest of what they are known by there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Speaker {
    place: PlaceId,
    name: u64,
}

/// Two speakers, the lower first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pair(Speaker, Speaker);

#[derive(Debug, Clone, Copy)]
struct Parted {
    /// How long this time.
    pause: SignedDuration,
    until: Timestamp,
    /// How much of what they said was not mirrored.
    held_back: u64,
    /// That has been told.
    told: bool,
}

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is mirrored.
    Mirror,
    /// It is not: its author is parted from somebody.
    HoldBack,
    /// It is not, and from now on what its author and somebody in that place say is not.
    Part {
        /// Who the other one is, and where.
        other: (Arc<str>, PlaceId),
        /// For how long.
        pause: SignedDuration,
    },
}

/// A pause that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    /// Where the two are.
    pub(super) places: (PlaceId, PlaceId),
    /// How much of what they said was not mirrored.
    pub(super) held_back: u64,
}

impl Breaker {
    /// Judges `message`, said just now in a place of `conversation`.
    pub(super) fn judge(
        &mut self,
        conversation: PlaceId,
        message: &Message,
        now: Timestamp,
    ) -> Judgement {
        let who = speaker(message);
        let parted = self.parted.iter_mut().find(|(pair, it)| pair.has(who) && it.until > now);
        if let Some((_, parted)) = parted {
            parted.held_back += 1;
            return Judgement::HoldBack;
        }
        let heard = self.heard.entry(conversation).or_default();
        if heard.len() >= REMEMBERED {
            heard.pop_front();
        }
        let name = message.author.name.as_str().into();
        heard.push_back(Turn { who, name, words: words(&message.body), at: now });
        let Some(other) = partner(heard, who) else { return Judgement::Mirror };
        let Turn { who: other, name, .. } = other.clone();
        // Nothing that they said before counts again when they are back.
        heard.retain(|turn| turn.who != who && turn.who != other);
        let pair = Pair::of(who, other);
        let before = self.parted.get(&pair).map(|it| it.pause * 2);
        let pause = before.map_or(FIRST_PAUSE, |pause| pause.min(LONGEST_PAUSE));
        let parted = Parted { pause, until: now + pause, held_back: 1, told: false };
        self.parted.insert(pair, parted);
        Judgement::Part { other: (name, other.place), pause }
    }

    /// The pauses that are over by `now` and have not been told of.
    pub(super) fn over(&mut self, now: Timestamp) -> Vec<Over> {
        self.parted.retain(|_, it| now.duration_since(it.until) < FORGIVEN);
        let over = self.parted.iter_mut().filter(|(_, it)| it.until <= now && !it.told);
        over.map(|(Pair(one, other), it)| {
            it.told = true;
            Over { places: (one.place, other.place), held_back: it.held_back }
        })
        .collect()
    }
}

impl Pair {
    fn of(one: Speaker, other: Speaker) -> Self {
        Self(one.min(other), one.max(other))
    }

    fn has(self, who: Speaker) -> bool {
        self.0 == who || self.1 == who
    }
}

/// Whom `who`, who has just spoken, is in a loop with.
fn partner(heard: &VecDeque<Turn>, who: Speaker) -> Option<&Turn> {
    let mut seen: Vec<Speaker> = Vec::new();
    heard.iter().rev().filter(|turn| turn.who.place != who.place).find(|turn| {
        let again = seen.contains(&turn.who);
        seen.push(turn.who);
        !again && is_loop(&turns(heard, who, turn.who))
    })
}

/// The last turns of these two, newest first: as far back as each answered the other.
fn turns(heard: &VecDeque<Turn>, who: Speaker, other: Speaker) -> Vec<&Turn> {
    let mut turns: Vec<&Turn> = Vec::new();
    for turn in heard.iter().rev().filter(|turn| turn.who == who || turn.who == other) {
        let answers = turns
            .last()
            .is_none_or(|next| next.who != turn.who && next.at.duration_since(turn.at) <= ANSWER);
        if !answers {
            break;
        }
        turns.push(turn);
    }
    turns
}

fn is_loop(turns: &[&Turn]) -> bool {
    let lasted = |turns: &[&Turn]| match (turns.first(), turns.last()) {
        (Some(newest), Some(oldest)) => newest.at.duration_since(oldest.at),
        _ => SignedDuration::MAX,
    };
    if turns.len() >= FAST_TURNS && lasted(&turns[..FAST_TURNS]) <= FAST * (FAST_TURNS as i32 - 1) {
        return true;
    }
    let Some(last) = turns.get(..REPEATED_TURNS) else { return false };
    let mut said: Vec<u64> = last.iter().map(|turn| turn.words).collect();
    said.sort_unstable();
    said.dedup();
    said.len() <= REPEATED_TURNS / 2
}

fn speaker(message: &Message) -> Speaker {
    let mut name = DefaultHasher::new();
    let author = &message.author;
    author.account.as_ref().unwrap_or(&author.name).hash(&mut name);
    Speaker { place: message.said_in, name: name.finish() }
}

/// A digest of what was said, the same where only numbers differ: programs count, and tell the time.
fn words(body: &str) -> u64 {
    let mut words = DefaultHasher::new();
    body.chars().filter(|c| !c.is_ascii_digit()).for_each(|c| c.hash(&mut words));
    words.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, Kind};

    const CHANNEL: PlaceId = PlaceId(1);
    const ROOM: PlaceId = PlaceId(2);

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn said(said_in: PlaceId, name: &str, body: &str, milliseconds: i64) -> Message {
        let (author, body) = (Author::named(name), body.to_owned());
        Message { said_in, author, kind: Kind::Talk, body, said_at: at(milliseconds) }
    }

    /// What becomes of turns, each every so many milliseconds after the last.
    fn judge(
        breaker: &mut Breaker,
        every: i64,
        turns: impl Iterator<Item = (PlaceId, &'static str, String)>,
    ) -> Vec<Judgement> {
        let judged = turns.enumerate().map(|(number, (place, name, body))| {
            let now = number as i64 * every;
            breaker.judge(CHANNEL, &said(place, name, &body, now), at(now))
        });
        judged.collect()
    }

    fn in_turn(
        count: usize,
        body: impl Fn(usize) -> String,
    ) -> impl Iterator<Item = (PlaceId, &'static str, String)> {
        (0..count).map(move |number| {
            let (place, name) = if number % 2 == 0 { (CHANNEL, "parrot") } else { (ROOM, "echo") };
            (place, name, body(number))
        })
    }

    fn parted_at(judged: &[Judgement]) -> Option<usize> {
        judged.iter().position(|it| matches!(it, Judgement::Part { .. }))
    }

    #[test]
    fn two_who_say_the_same_again_and_again_are_parted() {
        let judged =
            judge(&mut Breaker::default(), 2_500, in_turn(20, |n| format!("it is {n} o'clock")));
        assert_eq!(parted_at(&judged), Some(REPEATED_TURNS - 1));
        let other = ("parrot".into(), CHANNEL);
        assert_eq!(judged[REPEATED_TURNS - 1], Judgement::Part { other, pause: FIRST_PAUSE });
        assert!(
            judged[REPEATED_TURNS..REPEATED_TURNS + 9].iter().all(|it| *it == Judgement::HoldBack)
        );
    }

    #[test]
    fn two_who_answer_faster_than_people_write_are_parted() {
        let judged = judge(&mut Breaker::default(), 1_500, in_turn(20, |n| "you said: ".repeat(n)));
        assert_eq!(parted_at(&judged), Some(FAST_TURNS - 1));
    }

    #[test]
    fn people_are_left_alone() {
        let words = |n: usize| format!("{} and {}", "yes".repeat(n), "no".repeat(n));
        for every in [2_500, 3_900, 11_000] {
            let judged = judge(&mut Breaker::default(), every, in_turn(200, words));
            assert_eq!(parted_at(&judged), None, "every {every} ms");
        }
        // The same again, slowly.
        let judged = judge(&mut Breaker::default(), 5_000, in_turn(200, |_| "ok".to_owned()));
        assert_eq!(parted_at(&judged), None);
        // A monologue, and one who is listened to.
        let alone = (0..200).map(|_| (CHANNEL, "ann", "ok".to_owned()));
        assert_eq!(parted_at(&judge(&mut Breaker::default(), 100, alone)), None);
        let two_lines = (0..200).map(|n| {
            let place = if n % 3 == 0 { ROOM } else { CHANNEL };
            (place, "ann", "ok".to_owned())
        });
        assert_eq!(parted_at(&judge(&mut Breaker::default(), 100, two_lines)), None);
    }

    #[test]
    fn two_in_one_place_are_none_of_our_business() {
        let turns =
            (0..200).map(|n| (CHANNEL, if n % 2 == 0 { "ann" } else { "bob" }, "ok".to_owned()));
        assert_eq!(parted_at(&judge(&mut Breaker::default(), 100, turns)), None);
    }

    #[test]
    fn somebody_who_talks_between_does_not_hide_them() {
        let turns = (0..60).map(|n| match n % 3 {
            0 => (CHANNEL, "parrot", "polly".to_owned()),
            1 => (ROOM, "echo", "polly".to_owned()),
            _ => (ROOM, "ann", "stop it!".repeat(n)),
        });
        assert!(parted_at(&judge(&mut Breaker::default(), 1_000, turns)).is_some());
    }

    #[test]
    fn the_pauses_grow_and_are_told_when_they_are_over() {
        let mut breaker = Breaker::default();
        let (mut pauses, mut over) = (Vec::new(), Vec::new());
        for (number, (place, name, body)) in in_turn(40_000, |_| "polly".to_owned()).enumerate() {
            let now = number as i64 * 500;
            over.extend(breaker.over(at(now)));
            let judged = breaker.judge(CHANNEL, &said(place, name, &body, now), at(now));
            if let Judgement::Part { pause, .. } = judged {
                pauses.push(pause.as_secs());
            }
        }
        assert_eq!(pauses[..8], [30, 60, 120, 240, 480, 960, 1_920, 3_600]);
        assert_eq!(over[0], Over { places: (CHANNEL, ROOM), held_back: 60 });
        assert_eq!(over.len(), pauses.len() - 1);
    }

    #[test]
    fn an_hour_of_quiet_is_enough() {
        let mut breaker = Breaker::default();
        assert!(parted_at(&judge(&mut breaker, 500, in_turn(9, |_| "polly".to_owned()))).is_some());
        assert_eq!(breaker.over(at(60_000)).len(), 1);
        assert_eq!(breaker.over(at(60_000)).len(), 0);
        assert_eq!(breaker.over(at(3 * 3_600_000)).len(), 0);
        assert!(breaker.parted.is_empty());
    }
}
